import ApusCore
import Tabular

/// CSV behind ``FileFormat``.
struct CSVFiles: FileFormat {
    let name = "csv"
    let endings = ["csv", "tsv", "txt"]
    let hasJSON = false
    var options: FileOptions
    var format: CSVFormat
    var blockSize = 1 << 20

    func scanner(_ path: String, _ interrupt: Interrupt, blockSize: Int, sample: Bool = false) throws -> CSVScanner {
        try CSVScanner(
            try options.opener(interrupt).open(path, sample: sample), label: InputOpener.label(path), format: format,
            blockSize: blockSize,
            maxRow: options.maxRow)
    }

    func sample(_ path: String, _ interrupt: Interrupt) throws -> FileSample {
        var scanner = try scanner(path, interrupt, blockSize: min(blockSize, 256 << 10), sample: true)
        var separators: SeparatorGuess? = format.guessesSeparator ? SeparatorGuess(format) : nil
        guard
            let names = try CSVFile.header(
                &scanner, format, options,
                see: { scanner in if scanner.fieldCount == 1 { separators?.see(scanner.record) } else { separators = nil } })
        else { return FileSample(names: [], types: []) }
        var guesses = [Inference](repeating: Inference(binary: options.binary), count: names.count)
        var result = FileSample(names: names, types: [])
        while result.rows < (options.infer ? options.sampleRows : SeparatorGuess.most), options.infer || separators != nil {
            do {
                guard try scanner.nextRecord() else { break }
            } catch let error as ApusError where error.code == .malformedInput && result.rows > 0 {
                // The read itself will meet it and say so.
                break
            }
            if !scanner.isBlank, let known = separators, known.records < SeparatorGuess.most {
                if scanner.fieldCount == 1 { separators?.see(scanner.record) } else { separators = nil }
            }
            if scanner.isBlank || scanner.isFaulty || scanner.fieldCount != names.count { continue }
            result.rows += 1
            result.bytes += scanner.recordLength
            for index in 0..<names.count {
                let field = scanner.fields[index]
                if field.length == 0 {
                    if field.quoted || format.null != nil { guesses[index].seeText(isEmpty: true) }
                } else if let null = format.null, !field.quoted, scanner.bytes(field).elementsEqual(null) {
                    continue
                } else if field.escaped {
                    guesses[index].seeText()
                } else {
                    guesses[index].see(scanner.bytes(field))
                }
            }
        }
        try separators?.check(InputOpener.label(path))
        result.types = guesses.map { options.infer ? $0.type : .text }
        result.texts = Set(names.indices.filter { !guesses[$0].isBinary }.map { names[$0] })
        return result
    }

    func open(_ path: String, _ plan: ReadPlan, known: [String], _ interrupt: Interrupt) throws -> any RowFile {
        try CSVFile(
            try scanner(path, interrupt, blockSize: blockSize), format: format, options: options, plan: plan,
            known: known)
    }

    func existingColumns(_ path: String, _ interrupt: Interrupt) throws -> [String]? {
        guard format.header else { return nil }
        var scanner = try scanner(path, interrupt, blockSize: 64 << 10)
        return try CSVFile.header(&scanner, format, options)
    }

    func encoder(_ columns: [Column]) -> any RowEncoder { CSVEncoder(columns, format: format, options: options) }
}
