import ApusCore
import Tabular

/// JSON Lines behind ``FileFormat``.
struct JSONLinesFiles: FileFormat {
    let name = "json"
    let endings = ["jsonl", "json", "ndjson"]
    let hasJSON = true
    var options: FileOptions
    var decimalsAreText: Bool
    /// In a column of JSON, `null` is the JSON value, and NULL is a key that is missing.
    var nullIsValue: Bool
    var blockSize = 1 << 20

    func scanner(_ path: String, _ interrupt: Interrupt, blockSize: Int, sample: Bool = false) throws -> LineScanner {
        try LineScanner(
            try options.opener(interrupt).open(path, sample: sample), label: InputOpener.label(path),
            blockSize: blockSize,
            maxRow: options.maxRow)
    }

    /// What the sampled values of a key have been.
    private struct Guess {
        var scalars: Inference
        var strings: Inference
        var kinds: Set<JSONCursor.Kind> = []

        init(_ binary: BinaryText) {
            scalars = Inference(binary: binary)
            strings = Inference(binary: binary)
        }

        mutating func see(_ value: JSONCursor.Value, _ cursor: JSONCursor) {
            guard value.kind != .null else { return }
            kinds.insert(value.kind)
            switch value.kind {
            case .number: scalars.see(cursor.bytes(value))
            case .string:
                if value.escaped || value.start == value.end {
                    strings.seeText(isEmpty: value.start == value.end)
                } else {
                    strings.see(cursor.bytes(value))
                }
            case .null, .boolean, .nested: break
            }
        }

        var isBinary: Bool { kinds.isSubset(of: [.string]) && strings.isBinary }

        var type: ColumnType {
            if kinds.isEmpty { return .text }
            if kinds.contains(.nested) { return .json }
            guard kinds.count == 1 else { return .text }
            if kinds.contains(.boolean) { return .boolean }
            if kinds.contains(.number) { return scalars.type }
            // A string of digits was written as a string on purpose; a calendar has no other way.
            switch strings.type {
            case .date, .timestamp, .instant: return strings.type
            default: return .text
            }
        }
    }

    func sample(_ path: String, _ interrupt: Interrupt) throws -> FileSample {
        var scanner = try scanner(path, interrupt, blockSize: min(blockSize, 256 << 10), sample: true)
        var names = options.columns ?? []
        var guesses = [Guess](repeating: Guess(options.binary), count: names.count)
        var places = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
        var result = FileSample(names: [], types: [])
        while result.rows < options.sampleRows {
            do {
                guard try scanner.nextLine() else { break }
            } catch let error as ApusError where error.code == .malformedInput && result.rows > 0 {
                break
            }
            var cursor = JSONCursor(scanner.base, from: scanner.start, to: scanner.stop)
            cursor.skipSpace()
            if cursor.isAtEnd || scanner.fault != nil { continue }
            if scanner.line == 1, scanner.base[cursor.position] == UInt8(ascii: "[") {
                throw JSONFile.notLines(scanner.label)
            }
            // A line that is no object is rejected when it is read.
            var whole = cursor
            guard whole.value()?.kind == .nested, cursor.take(UInt8(ascii: "{")) else { continue }
            result.rows += 1
            result.bytes += scanner.length
            while true {
                cursor.skipSpace()
                guard cursor.take(UInt8(ascii: "\"")), let key = cursor.string() else { break }
                cursor.skipSpace()
                guard cursor.take(UInt8(ascii: ":")), let value = cursor.value() else { break }
                let name = cursor.text(key)
                if let place = places[name] {
                    guesses[place].see(value, cursor)
                } else if options.columns == nil {
                    places[name] = names.count
                    names.append(name)
                    guesses.append(Guess(options.binary))
                    guesses[names.count - 1].see(value, cursor)
                }
                cursor.skipSpace()
                guard cursor.take(UInt8(ascii: ",")) else { break }
            }
        }
        result.names = names
        result.types = guesses.map { options.infer ? $0.type : .text }
        result.texts = Set(names.indices.filter { !guesses[$0].isBinary }.map { names[$0] })
        return result
    }

    func open(_ path: String, _ plan: ReadPlan, known: [String], _ interrupt: Interrupt) throws -> any RowFile {
        try JSONFile(
            try scanner(path, interrupt, blockSize: blockSize), options: options, nullIsValue: nullIsValue, plan: plan, known: known)
    }

    func existingColumns(_ path: String, _ interrupt: Interrupt) throws -> [String]? { nil }

    func encoder(_ columns: [Column]) -> any RowEncoder {
        JSONLinesEncoder(columns, binary: options.binary, decimalsAreText: decimalsAreText, omitsNull: nullIsValue)
    }
}
