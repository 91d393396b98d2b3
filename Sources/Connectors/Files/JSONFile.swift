import ApusCore
import Glibc
import Tabular

/// Finds the position of a key among the names of a file, without making a String where it can.
final class KeyIndex {
    private let octets: UnsafeMutableBufferPointer<UInt8>
    /// Where each name ends in the octets; the first begins at 0.
    private let ends: UnsafeMutableBufferPointer<Int>
    private let places: [String: Int]

    init(_ names: [String]) {
        places = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
        let all = names.flatMap { Array($0.utf8) }
        octets = .allocate(capacity: max(1, all.count))
        _ = octets.initialize(from: all)
        ends = .allocate(capacity: names.count + 1)
        ends.initialize(repeating: 0)
        for (index, name) in names.enumerated() { ends[index + 1] = ends[index] + name.utf8.count }
    }

    deinit {
        octets.deallocate()
        ends.deallocate()
    }

    /// - parameter guess: where it probably is: keys mostly come in the same order.
    @inline(__always)
    func place(of key: UnsafeBufferPointer<UInt8>, guess: Int) -> Int? {
        if guess &+ 1 < ends.count {
            let start = ends[guess]
            if ends[guess &+ 1] &- start == key.count,
                memcmp(octets.baseAddress! + start, key.baseAddress!, key.count) == 0
            {
                return guess
            }
        }
        return places[String(decoding: key, as: UTF8.self)]
    }

    func place(ofText key: String) -> Int? { places[key] }
}

/// One JSON Lines file under way.
final class JSONFile: RowFile {
    private var scanner: LineScanner
    private let names: [String]
    private let keys: KeyIndex
    private let ignoresUnknown: Bool
    private let plan: ReadPlan
    private let targets: UnsafeMutableBufferPointer<Target>
    private let constants: [[UInt8]]
    private let found: UnsafeMutableBufferPointer<JSONCursor.Value>
    /// One column of the batch.
    private struct Target {
        /// The key it comes from, or -1 - the constant's position.
        var source: Int
        var parser: FieldParser
    }

    private let missing = JSONCursor.Value(kind: .null, start: 0, end: 0)
    private var scratch = ByteBuffer(capacity: 256)

    private let nullIsValue: Bool
    private let binary: BinaryText

    init(
        _ scanner: consuming LineScanner, options: FileOptions, nullIsValue: Bool, plan: ReadPlan, known: [String]
    ) throws {
        self.nullIsValue = nullIsValue
        binary = options.binary
        let label = scanner.label
        self.scanner = scanner
        self.plan = plan
        var names = known
        if names.isEmpty {
            for case .column(let name) in plan.origins where !names.contains(name) { names.append(name) }
        }
        // A column of JSON without a value in any row is a key that no row has.
        for (index, origin) in plan.origins.enumerated() where nullIsValue && plan.schema[index].type == .json {
            if case .column(let name) = origin, !names.contains(name) { names.append(name) }
        }
        self.names = names
        ignoresUnknown = options.columns != nil || known.isEmpty
        keys = KeyIndex(names)
        var constants: [[UInt8]] = []
        let wanted = try plan.origins.enumerated().map { index, origin in
            let parser = FieldParser(plan.schema[index].type, binary: options.binary)
            switch origin {
            case .constant(let bytes):
                constants.append(bytes)
                return Target(source: -constants.count, parser: parser)
            case .column(let name):
                return Target(source: try plan.place(of: name, among: names, in: label), parser: parser)
            }
        }
        self.constants = constants
        targets = .allocate(capacity: wanted.count)
        _ = targets.initialize(from: wanted)
        found = .allocate(capacity: max(1, names.count))
        found.initialize(repeating: missing)
    }

    deinit {
        found.deallocate()
        targets.deallocate()
    }

    func fill(_ batch: Batch, rows: inout Int) throws -> Bool { try fill(batch, &rows, &scanner) }

    private func fill(_ batch: Batch, _ rows: inout Int, _ scanner: inout LineScanner) throws -> Bool {
        while !batch.isFull, batch.rejected.count < FileReader.rejectedLimit {
            guard try scanner.nextLine() else { return false }
            var cursor = JSONCursor(scanner.base, from: scanner.start, to: scanner.stop)
            cursor.skipSpace()
            if cursor.isAtEnd { continue }
            if scanner.line == 1, scanner.base[cursor.position] == UInt8(ascii: "[") {
                throw JSONFile.notLines(scanner.label)
            }
            rows += 1
            var reason: String?
            var column: String?
            if let fault = scanner.fault {
                reason = "holds octets that are not valid in the file's encoding, at octet \(fault)"
            } else if let fault = object(&cursor) {
                reason = fault
            } else if let bad = append(cursor, batch) {
                column = batch.schema[bad].name
                reason = self.reason(batch.schema[bad])
            }
            if let reason {
                batch.dropUnfinishedRow()
                reject(reason, column, scanner, batch, rows - 1)
            } else {
                batch.endRow(bytes: scanner.length)
            }
        }
        return true
    }

    private func reason(_ column: Column) -> String {
        if case .bytes = column.type {
            return "the value of `\(column.name)` is not bytes written as \(binary.example); binary=text takes the characters themselves"
        }
        return "the value of `\(column.name)` is no \(column.type); if it should be taken as text, say types=\(column.name):text"
    }

    static func notLines(_ label: String) -> ApusError {
        ApusError(
            .malformedInput, "\(label) begins with `[`: it is one JSON array, not a JSON object a line",
            hint: "Turn it into lines, e.g. with jq -c '.[]'.")
    }

    /// Finds the values of one line; a key that is there twice has its last value. Returns what is wrong.
    private func object(_ cursor: inout JSONCursor) -> String? {
        found.update(repeating: missing)
        guard cursor.take(UInt8(ascii: "{")) else { return "is no JSON object" }
        cursor.skipSpace()
        if !cursor.take(UInt8(ascii: "}")) {
            var guess = 0
            while true {
                cursor.skipSpace()
                guard cursor.take(UInt8(ascii: "\"")), let key = cursor.string() else { return fault(cursor) }
                cursor.skipSpace()
                guard cursor.take(UInt8(ascii: ":")), let value = cursor.value() else { return fault(cursor) }
                let place =
                    key.escaped || key.start == key.end
                    ? keys.place(ofText: cursor.text(key)) : keys.place(of: cursor.bytes(key), guess: guess)
                if let place {
                    found[place] = value
                    guess = place + 1
                } else if !ignoresUnknown {
                    return "has the key `\(cursor.text(key))`, which the sampled lines do not have; "
                        + "name all keys with columns=…, or raise sample_rows"
                }
                cursor.skipSpace()
                if cursor.take(UInt8(ascii: "}")) { break }
                guard cursor.take(UInt8(ascii: ",")) else { return fault(cursor) }
            }
        }
        cursor.skipSpace()
        return cursor.isAtEnd ? nil : fault(cursor)
    }

    private func fault(_ cursor: JSONCursor) -> String { "is no valid JSON" }

    /// Appends the row; returns the column whose value is of another type.
    private func append(_ cursor: JSONCursor, _ batch: Batch) -> Int? {
        let columns = batch.columns
        for index in 0..<targets.count {
            let source = targets[index].source
            let parser = targets[index].parser
            if source < 0 {
                guard constants[-1 - source].withUnsafeBufferPointer({ parser.parse($0, into: &columns[index]) }) else {
                    return index
                }
                continue
            }
            let value = found[source]
            if value.kind == .null, value.end == 0 || !parser.isJSON || !nullIsValue {
                columns[index].appendNull()
                continue
            }
            if parser.isJSON {
                let raw = cursor.raw(value)
                columns[index].append(raw.baseAddress!, count: raw.count)
                continue
            }
            if value.kind == .nested, parser.kind != .text { return index }
            if value.escaped, parser.kind == .text {
                columns[index].commit(cursor.unescape(value, to: columns[index].reserve(value.end - value.start)))
            } else if value.escaped {
                scratch.removeAll()
                scratch.advance(cursor.unescape(value, to: scratch.room(value.end - value.start)))
                guard parser.parse(scratch.bytes, into: &columns[index]) else { return index }
            } else {
                guard parser.parse(cursor.bytes(value), into: &columns[index]) else { return index }
            }
        }
        return nil
    }

    private func reject(
        _ reason: String, _ column: String?, _ scanner: borrowing LineScanner, _ batch: Batch, _ row: Int
    ) {
        // A row that was parsed is an object already.
        var values = scanner.text
        if column == nil {
            var raw = ByteBuffer(capacity: 64)
            raw.append("{\"raw\":")
            raw.append(json: values)
            raw.append(UInt8(ascii: "}"))
            values = raw.string
        }
        let separator = column == nil ? " " : ": "
        batch.rejected.append(
            RejectedRow(
                row: row, column: column, reason: "\(scanner.label): line \(scanner.line)\(separator)\(reason)",
                values: values))
    }
}
