import ApusCore
import CScan
import Tabular

/// Writes rows of a batch as the body of a load, in its form, and finds those that the server would refuse or change.
///
/// In the plain form NULL is `\N`, and texts are as they are; a value that this cannot carry blocks the row, until
/// the slice is begun again in another form (``better(for:)``).
final class LoadEncoder {
    enum Kind: UInt8 {
        case boolean, integer, unsigned, float32, float64, date, timestamp, digits, wide, text, bytes, time, json, nested, bitmap
        /// A text as hexadecimal digits.
        case hex
    }

    struct Step {
        var kind: Kind
        var nullable: Bool
        var limit: Int
        /// Of a decimal.
        var precision = 0
        var scale = 0
        /// Microseconds that a DATETIME tells apart.
        var unit: Int64 = 1
        /// No value of the batch's column is beyond what is copied; no byte of it is beyond ASCII.
        var isClean = false
        var isASCII = false
    }

    /// What is wrong with a value.
    enum Fault: UInt8 {
        case null, length, number, moment, text, partition, digits, json, nested, bitmap, jsonNull, long
        /// Another form can carry it.
        case separator, marker, large
    }

    let items: [LoadTarget.Item]
    let steps: UnsafeMutableBufferPointer<Step>
    private let form: LoadForm
    private let isJSON: Bool
    private let isDoris: Bool
    /// What a text is looked at for: separators, the backslash of `\N`, and with Doris quotes.
    private let special: apus_octets
    private let separators: apus_octets
    /// What stands before each value of a JSON row.
    let keys: [[UInt8]]
    private let partitions: PartitionRanges?
    let table: TableName
    private(set) var fault = Fault.null
    /// The column of a value that another form may carry; -1 = none.
    private(set) var blocked = -1
    /// No other form is to be had: what this one cannot carry is a rejected row.
    var isFinal = false
    /// The range of partitions that the last row was in.
    private var range: (low: Int64, high: Int64) = (0, 0)

    init(_ target: LoadTarget, _ form: LoadForm) {
        items = target.items
        table = target.table
        partitions = target.partitions
        self.form = form
        (isJSON, isDoris) = (form.isJSON, form.isDoris)
        let quote = form.isDoris ? UInt8(ascii: "\"") : form.separator
        // The first byte of a byte order mark, which Doris takes off a line.
        let mark: UInt8 = form.isDoris ? 0xEF : form.separator
        special =
            form.isJSON
            ? apus_octets(a: UInt8(ascii: "\""), b: UInt8(ascii: "\\"), c: 0, d: 10, e: 13)
            : apus_octets(a: form.separator, b: form.delimiter, c: quote, d: UInt8(ascii: "\\"), e: mark)
        separators = apus_octets(a: form.separator, b: form.delimiter, c: form.separator, d: form.separator, e: form.separator)
        keys = target.items.indices.map { Array(($0 == 0 ? "{\"c0\":" : ",\"c\($0)\":").utf8) }
        let steps = target.items.enumerated().map { index, item in
            var step = Step(
                kind: Self.kind(item, isHexed: form.choice.hexed.contains(index)), nullable: item.nullable, limit: item.limit ?? .max)
            if case .decimal(let precision?, let scale) = item.type { (step.precision, step.scale) = (precision, scale ?? 0) }
            if case .timestamp(let digits) = item.type, digits < 6 { for _ in digits..<6 { step.unit *= 10 } }
            return step
        }
        self.steps = .allocate(capacity: steps.count)
        _ = self.steps.initialize(from: steps)
    }

    deinit { steps.deallocate() }

    private static func kind(_ item: LoadTarget.Item, isHexed: Bool) -> Kind {
        if item.native == "largeint" { return .wide }
        if item.native == "bitmap" { return .bitmap }
        if item.nested != nil { return .nested }
        switch item.type {
        case .boolean: return .boolean
        case .integer(64, true): return .unsigned
        case .integer: return .integer
        case .float(let bits): return bits == 32 ? .float32 : .float64
        case .decimal(_?, _): return .digits
        case .date: return .date
        case .timestamp, .instant: return .timestamp
        case .time, .duration: return .time
        case .bytes: return .bytes
        case .json: return .json
        case .text, .uuid, .bits, .array, .other, .decimal: return isHexed ? .hex : .text
        }
    }

    /// Looks at whole columns of a batch, so that single values need not be looked at.
    func begin(_ batch: Batch) {
        let columns = batch.columns.baseAddress!
        blocked = -1
        for index in 0..<steps.count where steps[index].kind == .text {
            let column = columns + index
            let count = column.pointee.arenaCount
            steps[index].isClean = !isJSON && apus_find(column.pointee.arena, count, special) == count
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

    /// Appends rows from `row` on until `out` has `size` bytes; returns the row behind the last. Rows that the server
    /// would refuse or change are left out and told to `bad` with their column. A row that another form could carry ends
    /// it: ``blocked``.
    func append(
        _ batch: Batch, from row: Int, to out: inout ByteBuffer, until size: Int, bad: (_ row: Int, _ column: Int) -> Void
    ) -> Int {
        let columns = batch.columns.baseAddress!
        var row = row
        while row < batch.rowCount, out.count < size {
            let column = append(row: row, of: columns, to: &out)
            if column >= 0 {
                if blocked >= 0 { return row }
                bad(row, column)
            }
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
        if isJSON { return appendJSON(row: row, of: columns, to: &out) }
        let count = steps.count
        for index in 0..<count {
            if index > 0 { out.append(form.separator) }
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
                if step.pointee.isClean, step.pointee.isASCII, value.count <= step.pointee.limit {
                    out.append(value)
                    continue
                }
                isWritten = appendText(value, step, isFirst: index == 0, &out)
            case .integer:
                out.advance(Format.integer(column.pointee.values[row], to: out.room(Format.longest)))
                continue
            default: isWritten = appendFixed(column, row, step, index, &out)
            }
            if !isWritten {
                out.truncate(to: start)
                if !isFinal, fault == .separator || fault == .marker || fault == .large { blocked = index }
                return index
            }
        }
        // An empty line would be passed over: a second field, which the table has not.
        if count == 1 {
            out.append(form.separator)
            out.append(UInt8(ascii: "1"))
        }
        out.append(form.delimiter)
        return -1
    }

    /// The form that carries what this one cannot, of what the batch has; nil = this one carries everything, or none does.
    /// Whatever is met a second time makes all texts of the table go in another form.
    func better(for batch: Batch) -> LoadForm.Choice? {
        if isJSON { return nil }
        var choice = form.choice
        let isSecond = !choice.hexed.isEmpty
        for index in 0..<steps.count {
            let step = steps.baseAddress! + index
            guard step.pointee.kind == .text || step.pointee.kind == .hex || step.pointee.kind == .nested else { continue }
            for row in 0..<batch.rowCount where !batch.columns[index].isNull(row) {
                let value = batch.columns[index].bytes(row)
                switch step.pointee.kind {
                case .text:
                    guard value.count <= step.pointee.limit, needsHex(value) else { continue }
                    choice.hexed.insert(index)
                    if value.count > LoadForm.longestHex { return LoadForm.Choice(isJSON: true) }
                case .hex: if value.count > LoadForm.longestHex, value.count <= step.pointee.limit { return LoadForm.Choice(isJSON: true) }
                default: if index == blocked { return LoadForm.Choice(isJSON: true) }
                }
            }
        }
        if isSecond, choice != form.choice { choice.hexed = allTexts }
        return choice == form.choice ? nil : choice
    }

    /// What this form cannot carry is a rejected row from here on.
    func giveUpForms() {
        isFinal = true
        blocked = -1
    }

    /// Positions of all columns of text.
    var allTexts: Set<Int> { Set((0..<steps.count).filter { steps[$0].kind == .text || steps[$0].kind == .hex }) }

    private func needsHex(_ value: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let base = value.baseAddress, value.count > 0 else { return false }
        return (!isDoris && Self.isMarker(value)) || apus_find(base, value.count, separators) < value.count
    }

    private static func isMarker(_ value: UnsafeBufferPointer<UInt8>) -> Bool {
        value.count == 2 && value[0] == UInt8(ascii: "\\") && value[1] == UInt8(ascii: "N")
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
    func appendFixed(
        _ column: UnsafePointer<ColumnBuffer>, _ row: Int, _ step: UnsafePointer<Step>, _ index: Int, _ out: inout ByteBuffer
    ) -> Bool {
        switch step.pointee.kind {
        case .boolean: out.append(column.pointee.values[row] == 0 ? UInt8(ascii: "0") : UInt8(ascii: "1"))
        case .integer: out.append(integer: column.pointee.values[row])
        case .unsigned: out.append(unsigned: UInt64(bitPattern: column.pointee.values[row]))
        case .float32, .float64:
            let value = column.pointee.double(row)
            guard value.isFinite else { return failed(.number) }
            if step.pointee.kind == .float32 {
                guard Float(value).isFinite else { return failed(.number) }
                out.append(float: Float(value))
            } else {
                out.append(double: value)
            }
        case .date:
            let days = column.pointee.values[row]
            guard days >= Self.firstDay, days <= Self.lastDay else { return failed(.moment) }
            if days < Self.commonDay { return appendYearZero(days, &out) }
            out.append(date: days)
        case .timestamp:
            let value = column.pointee.values[row]
            guard value >= Self.firstDay * Temporal.microsecondsPerDay, value < (Self.lastDay + 1) * Temporal.microsecondsPerDay,
                step.pointee.unit == 1 || value % step.pointee.unit == 0
            else { return failed(.moment) }
            if value < Self.commonDay * Temporal.microsecondsPerDay {
                let (days, rest) = Temporal.split(value)
                _ = appendYearZero(days, &out)
                out.append(UInt8(ascii: " "))
                out.append(time: rest)
            } else {
                out.append(timestamp: value)
            }
        case .time: out.append(time: column.pointee.values[row])
        case .digits, .wide: return appendDigits(column.pointee.bytes(row), step, &out)
        case .bytes:
            let value = column.pointee.bytes(row)
            if value.count > step.pointee.limit { return failed(.length) }
            if value.count > LoadForm.longestHex { return failed(.long) }
            out.append(hex: value)
        case .hex:
            let value = column.pointee.bytes(row)
            if value.count > step.pointee.limit { return failed(.length) }
            if !UTF8Text.isValid(value) { return failed(.text) }
            if value.count > LoadForm.longestHex { return failed(.large) }
            out.append(hex: value)
        case .json:
            let value = column.pointee.bytes(row)
            // What is JSON has neither a separator in it, nor is it `\N`.
            guard RowJSON.isValue(value) else { return failed(.json) }
            return appendText(value, step, isFirst: index == 0, &out)
        case .nested: return appendNested(column.pointee.bytes(row), items[index].nested!, &out)
        case .bitmap:
            let value = column.pointee.bytes(row)
            guard Self.isBitmap(value) else { return failed(.bitmap) }
            out.append(value)
        case .text: return false
        }
        return true
    }

    /// Plain digits within what the column holds, which no conversion changes.
    private func appendDigits(_ value: UnsafeBufferPointer<UInt8>, _ step: UnsafePointer<Step>, _ out: inout ByteBuffer) -> Bool {
        let isWide = step.pointee.kind == .wide
        let scale = isWide ? 0 : step.pointee.scale
        if isWide ? LoadNumber.isWide(value) : LoadNumber.fits(value, precision: step.pointee.precision, scale: scale) {
            out.append(value)
            return true
        }
        // A sign, an exponent, zeros behind the scale.
        guard let number = DecimalText(value), !number.isNaN, !number.isInfinite, number.integerDigits < 100, number.isExact(scale: scale)
        else { return failed(.number) }
        let start = out.count
        out.advance(number.write(to: out.room(number.longest), scale: scale))
        let written = UnsafeBufferPointer(rebasing: out.bytes[start...])
        if isWide ? LoadNumber.isWide(written) : LoadNumber.fits(written, precision: step.pointee.precision, scale: scale) { return true }
        return failed(isWide ? .digits : .number)
    }

    private func appendNested(_ value: UnsafeBufferPointer<UInt8>, _ type: NestedType, _ out: inout ByteBuffer) -> Bool {
        let start = out.count
        // Without a converter of their own, MAP and STRUCT are cast from JSON.
        guard NestedText.write(value, as: type, isJSON || type.hasMap || isDoris ? .json : .csv, to: &out) else { return failed(.nested) }
        if !isJSON, apus_find(out.start + start, out.count &- start, separators) < out.count &- start { return failed(.separator) }
        return true
    }

    /// Whole numbers without a sign, with commas between them.
    private static func isBitmap(_ value: UnsafeBufferPointer<UInt8>) -> Bool {
        if value.isEmpty { return true }
        var start = 0
        for index in 0...value.count where index == value.count || value[index] == UInt8(ascii: ",") {
            guard index > start, value[start] != UInt8(ascii: "+"),
                Parse.unsigned(UnsafeBufferPointer(rebasing: value[start..<index])) != nil
            else { return false }
            start = index + 1
        }
        return true
    }

    func failed(_ fault: Fault) -> Bool {
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

    // MARK: Text

    @inline(never)
    private func appendText(_ value: UnsafeBufferPointer<UInt8>, _ step: UnsafePointer<Step>, isFirst: Bool, _ out: inout ByteBuffer)
        -> Bool
    {
        if value.count > step.pointee.limit { return failed(.length) }
        if !step.pointee.isASCII, !UTF8Text.isValid(value) { return failed(.text) }
        guard let base = value.baseAddress, value.count > 0, !step.pointee.isClean else {
            out.append(value)
            return true
        }
        if apus_find(base, value.count, separators) < value.count { return failed(.separator) }
        if isDoris {
            let hasPair = value[0] == UInt8(ascii: "\"") && value[value.count &- 1] == UInt8(ascii: "\"")
            let hasMark = isFirst && value.count > 2 && value[0] == 0xEF && value[1] == 0xBB && value[2] == 0xBF
            if hasPair || hasMark || Self.isMarker(value) {
                out.append(UInt8(ascii: "\""))
                out.append(value)
                out.append(UInt8(ascii: "\""))
                return true
            }
        } else if Self.isMarker(value) {
            return failed(.marker)
        }
        out.append(value)
        return true
    }
}
