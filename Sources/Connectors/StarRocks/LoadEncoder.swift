import ApusCore
import CScan
import Tabular

/// Writes rows of a batch as the CSV of a load, and finds those that the server would refuse or change.
///
/// NULL is `\N`. A text is put in quotes where it holds a separator or a quote, or is `\N` itself, and quotes are doubled; there is no escape, since that would make `N` of `\N` (manual "Load data using Stream Load", CSV parameters).
final class LoadEncoder {
    private enum Kind: UInt8 {
        case boolean, integer, unsigned, float32, float64, date, timestamp, digits, wide, text, octets, time
    }

    private struct Step {
        var kind: Kind
        var nullable: Bool
        var limit: Int
        /// No value of the batch's column needs quotes; no octet of it is beyond ASCII.
        var isClean = false
        var isASCII = false
    }

    /// What is wrong with a value.
    private enum Fault: UInt8 {
        case null, length, number, moment, text, separator, marker, partition, digits
    }

    private let items: [LoadTarget.Item]
    private let steps: UnsafeMutableBufferPointer<Step>
    private let form: LoadForm
    private let separator: [UInt8]
    private let delimiter: [UInt8]
    /// What a value is looked at for: separators, quotes, and the backslash of `\N`.
    private let special: apus_octets
    /// What a value needs quotes for.
    private let quoted: apus_octets
    private let partitions: PartitionRanges?
    private let table: TableName
    private var fault = Fault.null
    /// The range of partitions that the last row was in.
    private var range: (low: Int64, high: Int64) = (0, 0)

    init(_ target: LoadTarget, _ form: LoadForm) {
        items = target.items
        table = target.table
        partitions = target.partitions
        self.form = form
        separator = form.separator
        delimiter = form.delimiter
        let quote = form.hasQuotes ? UInt8(ascii: "\"") : form.separator[0]
        special = apus_octets(a: form.separator[0], b: form.delimiter[0], c: quote, d: UInt8(ascii: "\\"), e: quote)
        quoted = apus_octets(a: form.separator[0], b: form.delimiter[0], c: quote, d: quote, e: quote)
        let steps = target.items.map { item in
            Step(kind: Self.kind(item), nullable: item.nullable, limit: item.limit ?? .max)
        }
        self.steps = .allocate(capacity: steps.count)
        _ = self.steps.initialize(from: steps)
    }

    deinit { steps.deallocate() }

    private static func kind(_ item: LoadTarget.Item) -> Kind {
        if item.native == "largeint" { return .wide }
        switch item.type {
        case .boolean: return .boolean
        case .integer(64, true): return .unsigned
        case .integer: return .integer
        case .float(let bits): return bits == 32 ? .float32 : .float64
        case .decimal: return .digits
        case .date: return .date
        case .timestamp, .instant: return .timestamp
        case .time, .duration: return .time
        case .bytes: return .octets
        case .text, .json, .uuid, .bits, .array, .other: return .text
        }
    }

    /// Looks at whole columns of a batch, so that single values need not be looked at.
    func begin(_ batch: Batch) {
        let columns = batch.columns.baseAddress!
        for index in 0..<steps.count where steps[index].kind == .text {
            let column = columns + index
            let count = column.pointee.arenaCount
            steps[index].isClean = apus_find(column.pointee.arena, count, special) == count
            steps[index].isASCII = Self.isASCII(column.pointee.arena, count)
        }
    }

    private static func isASCII(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        var index = 0
        let raw = UnsafeRawPointer(bytes)
        while index &+ 32 <= count {
            let a =
                raw.loadUnaligned(fromByteOffset: index, as: UInt64.self) | raw.loadUnaligned(fromByteOffset: index &+ 8, as: UInt64.self)
            let b =
                raw.loadUnaligned(fromByteOffset: index &+ 16, as: UInt64.self)
                | raw.loadUnaligned(fromByteOffset: index &+ 24, as: UInt64.self)
            if (a | b) & 0x8080_8080_8080_8080 != 0 { return false }
            index &+= 32
        }
        while index < count {
            if bytes[index] >= 0x80 { return false }
            index &+= 1
        }
        return true
    }

    /// Appends rows from `row` on until `out` has `size` octets; returns the row behind the last. Rows that the server
    /// would refuse or change are left out and told to `bad` with their column.
    func append(
        _ batch: Batch, from row: Int, to out: inout ByteBuffer, until size: Int, bad: (_ row: Int, _ column: Int) -> Void
    ) -> Int {
        let columns = batch.columns.baseAddress!
        var row = row
        while row < batch.rowCount, out.count < size {
            let column = append(row: row, of: columns, to: &out)
            if column >= 0 { bad(row, column) }
            row &+= 1
        }
        return row
    }

    /// Appends a row. Returns the column whose value the server would refuse or change, after taking the row back; else -1.
    /// ``reason(_:_:_:)`` then says why.
    func append(row: Int, of columns: UnsafeMutablePointer<ColumnBuffer>, to out: inout ByteBuffer) -> Int {
        let start = out.count
        if let partitions, !isInPartition(row, columns + partitions.column, partitions) {
            fault = .partition
            return partitions.column
        }
        let count = steps.count
        let isSimple = form.hasQuotes
        let separatorByte = separator[0]
        for index in 0..<count {
            if index > 0 {
                if isSimple { out.append(separatorByte) } else { separator.withUnsafeBufferPointer { out.append($0) } }
            }
            let column = columns + index
            let step = steps.baseAddress! + index
            if column.pointee.isNull(row) {
                if !step.pointee.nullable {
                    fault = .null
                    out.truncate(to: start)
                    return index
                }
                out.append("\\N" as StaticString)
                continue
            }
            let isWritten: Bool
            switch step.pointee.kind {
            case .text:
                let value = column.pointee.bytes(row)
                if step.pointee.isClean, step.pointee.isASCII, value.count <= step.pointee.limit, value.count > 0 {
                    out.append(value)
                    continue
                }
                isWritten = appendText(value, step, isAlone: count == 1, &out)
            case .integer:
                out.advance(Format.integer(column.pointee.values[row], to: out.room(Format.longest)))
                continue
            default: isWritten = appendFixed(column, row, step, &out)
            }
            if !isWritten {
                out.truncate(to: start)
                return index
            }
        }
        if count == 1, !form.hasQuotes {
            separator.withUnsafeBufferPointer { out.append($0) }
            out.append(UInt8(ascii: "1"))
        }
        if isSimple { out.append(delimiter[0]) } else { delimiter.withUnsafeBufferPointer { out.append($0) } }
        return -1
    }

    private func isInPartition(_ row: Int, _ column: UnsafePointer<ColumnBuffer>, _ partitions: PartitionRanges) -> Bool {
        if column.pointee.isNull(row) { return partitions.takesNull }
        let value = column.pointee.values[row]
        if value >= range.low, value < range.high { return true }
        guard let found = partitions.range(of: value) else { return false }
        range = found
        return true
    }

    @inline(never)
    private func appendFixed(
        _ column: UnsafePointer<ColumnBuffer>, _ row: Int, _ step: UnsafePointer<Step>, _ out: inout ByteBuffer
    ) -> Bool {
        switch step.pointee.kind {
        case .boolean: out.append(column.pointee.values[row] == 0 ? UInt8(ascii: "0") : UInt8(ascii: "1"))
        case .integer: out.append(integer: column.pointee.values[row])
        case .unsigned: out.append(unsigned: UInt64(bitPattern: column.pointee.values[row]))
        case .float32, .float64:
            let value = column.pointee.double(row)
            guard value.isFinite else { return failed(.number) }
            if step.pointee.kind == .float32 { out.append(float: Float(value)) } else { out.append(double: value) }
        case .date:
            let days = column.pointee.values[row]
            guard days >= Self.firstDay, days <= Self.lastDay else { return failed(.moment) }
            if days < Self.commonDay { return appendYearZero(days, &out) }
            out.append(date: days)
        case .timestamp:
            let value = column.pointee.values[row]
            guard value >= Self.firstDay * Temporal.microsecondsPerDay, value < (Self.lastDay + 1) * Temporal.microsecondsPerDay else {
                return failed(.moment)
            }
            if value < Self.commonDay * Temporal.microsecondsPerDay {
                let (days, rest) = Temporal.split(value)
                _ = appendYearZero(days, &out)
                out.append(UInt8(ascii: " "))
                out.append(time: rest)
            } else {
                out.append(timestamp: value)
            }
        case .time: out.append(time: column.pointee.values[row])
        case .digits, .wide:
            let value = column.pointee.bytes(row)
            guard value.count > 0, value[0] <= UInt8(ascii: "9") else { return failed(.number) }
            if step.pointee.kind == .wide, !Self.isWide(value) { return failed(.digits) }
            out.append(value)
        case .octets:
            let value = column.pointee.bytes(row)
            if value.count > step.pointee.limit { return failed(.length) }
            out.append(hex: value)
        case .text: return false
        }
        return true
    }

    private func failed(_ fault: Fault) -> Bool {
        self.fault = fault
        return false
    }

    /// 0000-01-01 to 9999-12-31, the range of DATE and DATETIME; and the first day of year 1, before which the calendar
    /// of other systems ends.
    private static let firstDay = Temporal.days(year: 0, month: 1, day: 1)
    private static let lastDay = Temporal.days(year: 9999, month: 12, day: 31)
    private static let commonDay = Temporal.days(year: 1, month: 1, day: 1)

    private func appendYearZero(_ days: Int64, _ out: inout ByteBuffer) -> Bool {
        let date = Temporal.date(ofDays: days)
        func two(_ value: Int) -> String { (value < 10 ? "0" : "") + String(value) }
        out.append("0000-\(two(date.month))-\(two(date.day))")
        return true
    }

    /// Whether a whole number is within −2^127 and 2^127 − 1.
    private static func isWide(_ value: UnsafeBufferPointer<UInt8>) -> Bool {
        var digits = value[...]
        if let first = digits.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") { digits = digits.dropFirst() }
        if let dot = digits.firstIndex(of: UInt8(ascii: ".")) { digits = digits[..<dot] }
        digits = digits.drop { $0 == UInt8(ascii: "0") }
        if digits.count != 39 { return digits.count < 39 }
        // The manual leaves the lowest number out, the servers' own bound is -2^127.
        let last = value.first == UInt8(ascii: "-") ? "8" : "7"
        return !"17014118346046923173168730371588410572\(last)".utf8.lexicographicallyPrecedes(digits)
    }

    // MARK: Text

    @inline(never)
    private func appendText(_ value: UnsafeBufferPointer<UInt8>, _ step: UnsafePointer<Step>, isAlone: Bool, _ out: inout ByteBuffer)
        -> Bool
    {
        if value.count > step.pointee.limit { return failed(.length) }
        if !step.pointee.isASCII, !UTF8Text.isValid(value) { return failed(.text) }
        if !form.hasQuotes { return appendPlain(value, step, &out) }
        guard let base = value.baseAddress, value.count > 0 else {
            // An empty line would be passed over.
            if isAlone { out.append("\"\"" as StaticString) }
            return true
        }
        let isMark = value.count == 2 && value[0] == UInt8(ascii: "\\") && value[1] == UInt8(ascii: "N")
        if step.pointee.isClean || (!isMark && apus_find(base, value.count, quoted) == value.count) {
            out.append(value)
            return true
        }
        var to = out.room(value.count &* 2 &+ 2)
        let begin = to
        to.pointee = UInt8(ascii: "\"")
        to += 1
        for byte in value {
            if byte == UInt8(ascii: "\"") {
                to.pointee = byte
                to += 1
            }
            to.pointee = byte
            to += 1
        }
        to.pointee = UInt8(ascii: "\"")
        out.advance(to - begin + 1)
        return true
    }

    /// Without quotes, a value that holds a separator or is the mark of NULL cannot be told apart from what it is not.
    private func appendPlain(_ value: UnsafeBufferPointer<UInt8>, _ step: UnsafePointer<Step>, _ out: inout ByteBuffer) -> Bool {
        if !step.pointee.isClean {
            if value.count == 2, value[0] == UInt8(ascii: "\\"), value[1] == UInt8(ascii: "N") { return failed(.marker) }
            if Self.holds(value, separator) || Self.holds(value, delimiter) { return failed(.separator) }
        }
        out.append(value)
        return true
    }

    private static func holds(_ value: UnsafeBufferPointer<UInt8>, _ mark: [UInt8]) -> Bool {
        guard value.count >= mark.count else { return false }
        for start in 0...(value.count - mark.count) where value[start] == mark[0] {
            if mark.indices.allSatisfy({ value[start + $0] == mark[$0] }) { return true }
        }
        return false
    }

    // MARK: Why

    /// Why the last row was taken back; `value` is quoted, at most 60 characters of it.
    func reason(_ batch: Batch, _ row: Int, _ column: Int) -> String {
        let item = items[column]
        var text = ByteBuffer()
        text.append(value: batch.columns.baseAddress! + column, row: row, type: batch.schema[column].type)
        let whole = text.string
        let value = whole.count > 60 ? "\(whole.prefix(60))…" : whole
        let octets = batch.columns[column].storage == .variable ? batch.columns[column].bytes(row).count : 0
        switch fault {
        case .null: return "NULL for column `\(item.name)`, which is NOT NULL"
        case .length:
            return "value '\(value)' is too long for `\(item.name)`: \(octets) octets, and \(item.native) takes \(item.limit ?? 0)"
        case .number: return "value '\(value)' is no number that \(item.native) can hold"
        case .digits: return "value '\(value)' is out of the range of LARGEINT"
        case .moment: return "value '\(value)' is out of the range of \(item.native), 0000-01-01 to 9999-12-31"
        case .text: return "value of `\(item.name)` is not valid UTF-8 text"
        case .separator:
            return "value of `\(item.name)` has a separator of the load in it, and this server has no `enclose` to quote it with"
        case .marker: return "value of `\(item.name)` is \\N, which this server reads as NULL, and it has no `enclose` to quote it with"
        case .partition:
            return "value '\(value)' is in no partition of \(table) (column `\(item.name)`)"
        }
    }
}
