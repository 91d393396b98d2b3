import ApusCore
import Glibc
import Tabular

/// One CSV file under way: its scanner, and which field goes into which column.
final class CSVFile: RowFile {
    private var scanner: CSVScanner
    private let format: CSVFormat
    private let names: [String]
    private let targets: [Target]
    private let constants: [[UInt8]]

    /// One column of the batch.
    private struct Target {
        /// Position in the record, or -1 - the constant's position.
        var field: Int
        var parser: FieldParser
        /// Position in `patterns`, or -1.
        var pattern = -1
    }

    private let patterns: [DatePattern]
    private let binary: BinaryText

    init(_ scanner: consuming CSVScanner, format: CSVFormat, options: FileOptions, plan: ReadPlan, known: [String])
        throws
    {
        self.scanner = scanner
        self.format = format
        binary = options.binary
        let label = self.scanner.label
        let names = try CSVFile.header(&self.scanner, format, options)
        self.names = names ?? []
        if !known.isEmpty, let extra = self.names.first(where: { !known.contains($0) }) {
            throw ApusError(
                .malformedInput, "\(label) has a column `\(extra)` that the first files of the table do not have",
                hint: "Load files of another layout as a table of their own, or name all columns with columns=….")
        }
        var constants: [[UInt8]] = []
        var patterns: [DatePattern] = []
        targets = try plan.origins.enumerated().map { index, origin in
            let parser = FieldParser(plan.schema[index].type, binary: options.binary)
            var pattern = -1
            if let found = options.datePattern(plan.schema[index]) {
                pattern = patterns.count
                patterns.append(found)
            }
            switch origin {
            case .constant(let bytes):
                constants.append(bytes)
                return Target(field: -constants.count, parser: parser)
            case .column(let name):
                // A file without a single line has no columns and no rows.
                guard let names else { return Target(field: 0, parser: parser) }
                return Target(
                    field: try plan.place(of: name, among: names, in: label), parser: parser, pattern: pattern)
            }
        }
        self.patterns = patterns
        self.constants = constants
    }

    /// Reads the header, or the first record when there is none; nil for an empty file.
    /// The header is given to `see`.
    static func header(
        _ scanner: inout CSVScanner, _ format: CSVFormat, _ options: FileOptions, see: (borrowing CSVScanner) -> Void = { _ in }
    ) throws -> [String]? {
        if format.header {
            repeat {
                guard try scanner.nextRecord() else { return options.columns }
            } while scanner.isBlank
            see(scanner)
            if case .encoding(let position) = scanner.fault {
                throw ApusError(
                    .malformedInput,
                    "\(scanner.label): the header holds octets that are not \(options.encoding ?? "UTF-8"), at octet \(position)",
                    hint: "Say encoding=gbk, encoding=latin1 or whatever the file is in.")
            }
            return options.columns ?? unique((0..<scanner.fieldCount).map { scanner.string(scanner.fields[$0]) })
        }
        if let columns = options.columns { return columns }
        guard let count = try scanner.peekFieldCount() else { return nil }
        return (0..<count).map { "c\($0 + 1)" }
    }

    /// Names for all: an empty one becomes `c3` by its place, a second `a` becomes `a_2`.
    static func unique(_ names: [String]) -> [String] {
        var taken: Set<String> = []
        return names.enumerated().map { index, name in
            let wanted = name.isEmpty ? "c\(index + 1)" : name
            var free = wanted
            var number = 2
            while !taken.insert(free).inserted {
                free = "\(wanted)_\(number)"
                number += 1
            }
            return free
        }
    }

    func fill(_ batch: Batch, rows: inout Int) throws -> Bool {
        try targets.withUnsafeBufferPointer { targets in
            try (format.null ?? []).withUnsafeBufferPointer { marker in
                try fill(batch, &rows, targets, marker, &scanner)
            }
        }
    }

    private func fill(
        _ batch: Batch, _ rows: inout Int, _ targets: UnsafeBufferPointer<Target>,
        _ marker: UnsafeBufferPointer<UInt8>, _ scanner: inout CSVScanner
    ) throws -> Bool {
        let expected = names.count
        let columns = batch.columns
        let emptyIsNull = marker.isEmpty
        while !batch.isFull, batch.rejected.count < FileReader.rejectedLimit {
            guard try scanner.nextRecord() else { return false }
            if scanner.isBlank, expected != 1 { continue }
            rows += 1
            let count = scanner.fieldCount
            if count != expected || scanner.isFaulty {
                guard try takesRagged(scanner, count, expected) else {
                    reject(shapeFault(scanner, count, expected), nil, scanner, batch, rows - 1)
                    continue
                }
            }
            var bad = -1
            for index in 0..<targets.count {
                let target = targets[index]
                guard target.field >= 0, target.field < count else {
                    if !parseAbsent(target, &columns[index]) {
                        bad = index
                        break
                    }
                    continue
                }
                let field = scanner.fields[target.field]
                if field.length == 0,
                    !field.quoted ? (emptyIsNull || !target.parser.takesEmpty) : !target.parser.takesEmpty
                {
                    columns[index].appendNull()
                } else if !field.quoted, !emptyIsNull, field.length == marker.count,
                    memcmp(scanner.base + field.start, marker.baseAddress!, field.length) == 0
                {
                    columns[index].appendNull()
                } else if target.pattern >= 0 {
                    if !parseDate(field, target, scanner, &columns[index]) {
                        bad = index
                        break
                    }
                } else if !field.escaped {
                    if !target.parser.parse(scanner.bytes(field), into: &columns[index]) {
                        bad = index
                        break
                    }
                } else if !parseEscaped(field, target.parser, scanner, &columns[index]) {
                    bad = index
                    break
                }
            }
            if bad >= 0 {
                batch.dropUnfinishedRow()
                let name = batch.schema[bad].name
                let type = batch.schema[bad].type
                reject(reason(name, type), name, scanner, batch, rows - 1)
            } else {
                batch.endRow(bytes: scanner.recordLength)
            }
        }
        return true
    }

    /// A constant, or NULL where a short row has no field.
    @inline(never)
    private func parseAbsent(_ target: Target, _ column: inout ColumnBuffer) -> Bool {
        if target.field >= 0 {
            column.appendNull()
            return true
        }
        return constants[-1 - target.field].withUnsafeBufferPointer { target.parser.parse($0, into: &column) }
    }

    private func reason(_ name: String, _ type: ColumnType) -> String {
        if case .bytes = type {
            return "the value of `\(name)` is not bytes written as \(binary.example); binary=text takes the characters themselves"
        }
        return "the value of `\(name)` is no \(type); if it should be taken as text, say types=…:text, or infer=false for all columns"
    }

    @inline(never)
    private func parseDate(
        _ field: CSVScanner.Field, _ target: Target, _ scanner: borrowing CSVScanner, _ column: inout ColumnBuffer
    ) -> Bool {
        guard let moment = patterns[target.pattern].microseconds(Parse.trimmed(scanner.bytes(field))),
            let value = target.parser.kind == .date ? Temporal.day(of: moment, dropsTime: false) : target.parser.exact(moment)
        else { return false }
        column.append(value)
        return true
    }

    @inline(never)
    private func parseEscaped(
        _ field: CSVScanner.Field, _ parser: FieldParser, _ scanner: borrowing CSVScanner, _ column: inout ColumnBuffer
    ) -> Bool {
        let length: Int
        if parser.kind == .text {
            length = scanner.unescape(field, to: column.reserve(field.length))
            column.commit(length)
            return true
        }
        let plain = UnsafeMutablePointer<UInt8>.allocate(capacity: field.length)
        defer { plain.deallocate() }
        length = scanner.unescape(field, to: plain)
        return parser.parse(UnsafeBufferPointer(start: plain, count: length), into: &column)
    }

    /// Whether a record of another number of fields is taken, as the option `ragged` says.
    private func takesRagged(_ scanner: borrowing CSVScanner, _ count: Int, _ expected: Int) throws -> Bool {
        if scanner.isFaulty { return false }
        switch format.ragged {
        case .reject: return false
        case .error:
            throw ApusError(
                .malformedInput, "\(scanner.label): " + shapeFault(scanner, count, expected),
                hint: "ragged=reject keeps such rows apart, ragged=pad fills missing fields with NULL.")
        case .cut: return count > expected
        case .pad:
            // Fields too many are let pass when nothing is in them.
            return count < expected || (expected..<count).allSatisfy { scanner.fields[$0].length == 0 }
        }
    }

    private func shapeFault(_ scanner: borrowing CSVScanner, _ count: Int, _ expected: Int) -> String {
        switch scanner.fault {
        case .textAfterQuote: "line \(scanner.line) has text between a closing quote and the separator"
        case .encoding(let position):
            "line \(scanner.line) holds octets that are not valid in the file's encoding, at octet \(position)"
        case .none: "line \(scanner.line) has \(count) field\(count == 1 ? "" : "s"), expected \(expected)"
        }
    }

    @inline(never)
    private func reject(
        _ reason: String, _ column: String?, _ scanner: borrowing CSVScanner, _ batch: Batch, _ row: Int
    ) {
        var values = ByteBuffer(capacity: 256)
        let isShaped = scanner.fieldCount == names.count && !scanner.isFaulty
        values.append(UInt8(ascii: "{"))
        if isShaped {
            for index in 0..<names.count {
                let field = scanner.fields[index]
                if index > 0 { values.append(UInt8(ascii: ",")) }
                values.append(json: names[index])
                values.append(UInt8(ascii: ":"))
                let isNull =
                    !field.quoted && (format.null.map { Array(scanner.bytes(field)) == $0 } ?? (field.length == 0))
                if isNull { values.append("null") } else { values.append(json: scanner.string(field)) }
            }
        } else {
            values.append("\"raw\":")
            values.append(json: scanner.recordText)
        }
        values.append(UInt8(ascii: "}"))
        let place = scanner.fault.isEncoding || !isShaped ? "" : "line \(scanner.line): "
        batch.rejected.append(
            RejectedRow(row: row, column: column, reason: "\(scanner.label): \(place)\(reason)", values: values.string))
    }
}

extension CSVScanner.Fault {
    var isEncoding: Bool { if case .encoding = self { true } else { false } }
}

extension CSVScanner {
    /// The current record is an empty line.
    var isBlank: Bool { fieldCount == 1 && fields[0].length == 0 && !fields[0].quoted && recordEnd == recordStart }
    var isFaulty: Bool { if case .none = fault { false } else { true } }

    /// A field's text without its escapes, for names and errors.
    func string(_ field: Field) -> String {
        if !field.escaped { return String(decoding: bytes(field), as: UTF8.self) }
        return String(unsafeUninitializedCapacity: field.length) { out in
            unescape(field, to: out.baseAddress!)
        }
    }

    /// The number of fields of the first record that is no empty line, which stays to be read; nil at the end.
    mutating func peekFieldCount() throws -> Int? {
        guard try nextRecord() else { return nil }
        let count = fieldCount
        unread()
        return count
    }
}
