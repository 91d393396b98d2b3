import CSQLite
import Tabular

/// How the values of one column are taken from a row: compiled from the column's type once.
struct SQLiteReadColumn {
    private enum Kind: UInt8 {
        case boolean, integer, unsigned, float32, float64, decimal, text, bytes, date, time, duration, timestamp,
            instant
        case uuid, bits
    }
    private let kind: Kind
    /// Limits of `integer`.
    private let low: Int64
    private let high: Int64
    /// Of `decimal`; -1 = any.
    private let precision: Int
    private let scale: Int
    private let dates: SQLiteDates

    init(_ type: ColumnType, _ dates: SQLiteDates) {
        self.dates = dates
        var limits: (Int64, Int64) = (.min, .max)
        var digits = (-1, -1)
        switch type {
        case .boolean: kind = .boolean
        case .integer(64, true): kind = .unsigned
        case .integer(let bits, let unsigned):
            kind = .integer
            if bits < 64 {
                limits = unsigned ? (0, 1 << Int64(bits) - 1) : (-(1 << Int64(bits - 1)), 1 << Int64(bits - 1) - 1)
            }
        case .float(let bits): kind = bits == 32 ? .float32 : .float64
        case .decimal(let precision, let scale):
            kind = .decimal
            digits = (precision ?? -1, precision == nil ? -1 : scale ?? 0)
        case .bytes: kind = .bytes
        case .date: kind = .date
        case .time: kind = .time
        case .duration: kind = .duration
        case .timestamp: kind = .timestamp
        case .instant: kind = .instant
        case .uuid: kind = .uuid
        case .bits: kind = .bits
        case .text, .json, .array, .other: kind = .text
        }
        (low, high) = limits
        (precision, scale) = digits
    }

    /// Appends the value of the current row. Returns the octets it counts for, or -1 when the column cannot hold it.
    @inline(__always)
    func append(_ row: OpaquePointer, _ index: Int32, to column: inout ColumnBuffer) -> Int {
        let type = sqlite3_column_type(row, index)
        switch (type, kind) {
        case (SQLITE_NULL, _):
            column.appendNull()
            return 1
        case (SQLITE_INTEGER, .integer):
            let value = sqlite3_column_int64(row, index)
            guard value >= low, value <= high else { return -1 }
            column.append(value)
            return 8
        case (SQLITE_TEXT, .text):
            let text = Self.text(row, index)
            guard let base = text.baseAddress, UTF8Check.isValid(text) else { return -1 }
            column.append(base, count: text.count)
            return text.count
        case (SQLITE_FLOAT, .float64):
            column.append(sqlite3_column_double(row, index))
            return 8
        case (SQLITE_TEXT, _): return appendText(Self.text(row, index), to: &column)
        case (SQLITE_INTEGER, _): return appendInteger(sqlite3_column_int64(row, index), to: &column)
        case (SQLITE_FLOAT, _): return appendReal(sqlite3_column_double(row, index), to: &column)
        default: return appendBlob(row, index, to: &column)
        }
    }

    /// Never without an address; valid until the next step.
    @inline(__always)
    private static func text(_ row: OpaquePointer, _ index: Int32) -> UnsafeBufferPointer<UInt8> {
        let start = sqlite3_column_text(row, index)
        return UnsafeBufferPointer(start: start, count: start == nil ? 0 : Int(sqlite3_column_bytes(row, index)))
    }

    private func appendInteger(_ value: Int64, to column: inout ColumnBuffer) -> Int {
        switch kind {
        case .boolean:
            guard value == 0 || value == 1 else { return -1 }
            column.append(value)
        case .unsigned:
            guard value >= 0 else { return -1 }
            column.append(value)
        case .float64:
            // A double holds whole numbers exactly only up to 2^53, and some beyond.
            guard Int64(exactly: Double(value)) == value else { return -1 }
            column.append(Double(value))
        case .float32:
            guard Int64(exactly: Float(value)) == value else { return -1 }
            column.append(Double(value))
        case .decimal:
            let room = column.reserve(Format.longest)
            return appendDecimal(UnsafeBufferPointer(start: room, count: Format.integer(value, to: room)), to: &column)
        case .text: column.commit(Format.integer(value, to: column.reserve(Format.longest)))
        case .timestamp, .instant, .date, .time, .duration:
            guard let microseconds = dates.microseconds(value) else { return -1 }
            return appendMoment(microseconds, to: &column)
        case .integer, .bytes, .uuid, .bits: return -1
        }
        return 8
    }

    private func appendReal(_ value: Double, to column: inout ColumnBuffer) -> Int {
        switch kind {
        case .boolean, .integer, .unsigned:
            guard let whole = Int64(exactly: value), kind != .boolean else { return -1 }
            guard kind == .unsigned ? whole >= 0 : whole >= low && whole <= high else { return -1 }
            column.append(whole)
        case .float32:
            guard Double(Float(value)) == value else { return -1 }
            column.append(value)
        case .decimal:
            var digits: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0, 0)
            return withUnsafeMutableBytes(of: &digits) { memory in
                let start = memory.baseAddress!.assumingMemoryBound(to: UInt8.self)
                return appendDecimal(
                    UnsafeBufferPointer(start: start, count: Format.double(value, to: start)), isReal: true, to: &column
                )
            }
        case .text: column.commit(Format.double(value, to: column.reserve(Format.longest)))
        case .timestamp, .instant, .date, .time, .duration:
            guard let microseconds = dates.microseconds(value) else { return -1 }
            return appendMoment(microseconds, to: &column)
        case .float64, .bytes, .uuid, .bits: return -1
        }
        return 8
    }

    private func appendMoment(_ microseconds: Int64, to column: inout ColumnBuffer) -> Int {
        let (days, rest) = Temporal.split(microseconds)
        switch kind {
        case .date:
            guard rest == 0 else { return -1 }
            column.append(days)
        case .time: column.append(rest)
        case .duration: return -1
        default: column.append(microseconds)
        }
        return 8
    }

    /// Plain digits, filled up to the declared scale: NUMERIC columns store `12.50` as 12.5.
    private func appendDecimal(_ text: UnsafeBufferPointer<UInt8>, isReal: Bool = false, to column: inout ColumnBuffer)
        -> Int
    {
        guard let number = DecimalText(text) else { return -1 }
        let room = column.reserve(number.longest + max(scale, 0) + 20)
        if scale < 0 || number.isNaN || number.isInfinite {
            let length = number.write(to: room)
            column.commit(length)
            return length
        }
        if number.fractionDigits > scale {
            // What a sum of doubles leaves behind the fifteenth digit is noise; anything else is a value of its own.
            let exact = max(SQLiteTypes.exactDigits - number.integerDigits, 0)
            var length = number.write(to: room, scale: isReal ? min(exact, number.fractionDigits) : nil)
            guard let point = (0..<length).first(where: { room[$0] == UInt8(ascii: ".") }) else {
                return appendDecimal(UnsafeBufferPointer(start: room, count: length), to: &column)
            }
            while length - 1 - point > scale, room[length - 1] == 48 { length -= 1 }
            guard length - 1 - point <= scale else { return -1 }
            if length - 1 == point { length = point }
            return fill(room, length, point, number.integerDigits, to: &column)
        }
        let length = number.write(to: room)
        return fill(room, length, length - number.fractionDigits - 1, number.integerDigits, to: &column)
    }

    /// - Parameter point: where the point stands, if the number has one.
    private func fill(
        _ room: UnsafeMutablePointer<UInt8>, _ length: Int, _ point: Int, _ integerDigits: Int,
        to column: inout ColumnBuffer
    ) -> Int {
        guard integerDigits <= precision - scale else { return -1 }
        var length = length
        var present = 0
        if point >= 0, point < length, room[point] == UInt8(ascii: ".") {
            present = length - 1 - point
        } else if scale > 0 {
            room[length] = UInt8(ascii: ".")
            length += 1
        }
        while present < scale {
            room[length] = 48
            length += 1
            present += 1
        }
        column.commit(length)
        return length
    }

    private func appendText(_ text: UnsafeBufferPointer<UInt8>, to column: inout ColumnBuffer) -> Int {
        let value: Int64?
        switch kind {
        case .text: return -1
        case .bytes:
            guard let base = text.baseAddress else { return -1 }
            column.append(base, count: text.count)
            return text.count
        case .boolean: value = Parse.boolean(text).map { $0 ? 1 : 0 }
        case .integer: value = Parse.integer(text).flatMap { $0 >= low && $0 <= high ? $0 : nil }
        case .unsigned: value = Parse.unsigned(text).map { Int64(bitPattern: $0) }
        case .float64: value = Parse.double(text).map { Int64(bitPattern: $0.bitPattern) }
        case .float32:
            value = Parse.double(text).flatMap { number in
                number.isNaN || Double(Float(number)) == number ? Int64(bitPattern: number.bitPattern) : nil
            }
        case .decimal: return appendDecimal(text, to: &column)
        case .date:
            value =
                Parse.date(text)
                ?? Parse.timestamp(text).flatMap { moment in
                    let (days, rest) = Temporal.split(moment)
                    return rest == 0 && !Temporal.isZero(moment) ? days : nil
                }
        case .time: value = Parse.time(text)
        case .duration: value = Parse.duration(text)
        case .timestamp: value = Parse.timestamp(text)
        case .instant: value = Parse.instant(text)
        case .uuid:
            guard Parse.uuid(text, to: column.reserve(36)) else { return -1 }
            column.commit(36)
            return 36
        case .bits:
            guard let base = text.baseAddress, text.allSatisfy({ $0 == 48 || $0 == 49 }) else { return -1 }
            column.append(base, count: text.count)
            return text.count
        }
        guard let value else { return -1 }
        column.append(value)
        return 8
    }

    private func appendBlob(_ row: OpaquePointer, _ index: Int32, to column: inout ColumnBuffer) -> Int {
        let start = sqlite3_column_blob(row, index)?.assumingMemoryBound(to: UInt8.self)
        let count = Int(sqlite3_column_bytes(row, index))
        switch kind {
        case .bytes:
            let room = column.reserve(count)
            if let start { room.update(from: start, count: count) }
            column.commit(count)
            return count
        case .uuid where count == 16:
            var digits: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
            let isValid = withUnsafeMutableBytes(of: &digits) { memory in
                let text = memory.baseAddress!.assumingMemoryBound(to: UInt8.self)
                let length = Format.hex(UnsafeBufferPointer(start: start, count: count), to: text)
                return Parse.uuid(UnsafeBufferPointer(start: text, count: length), to: column.reserve(36))
            }
            guard isValid else { return -1 }
            column.commit(36)
            return 36
        default: return -1
        }
    }

    /// Why ``append(_:_:to:)`` did not take the value, without the value.
    func reason(_ row: OpaquePointer, _ index: Int32, _ column: Column) -> String {
        let stored =
            switch sqlite3_column_type(row, index) {
            case SQLITE_INTEGER: "an INTEGER"
            case SQLITE_FLOAT: "a REAL"
            case SQLITE_BLOB: "a BLOB"
            default: "a TEXT"
            }
        let base = "the column holds \(stored) that is no \(column.type)"
        switch (sqlite3_column_type(row, index), kind) {
        case (SQLITE_TEXT, .text): return "the text is not valid UTF-8"
        case (SQLITE_INTEGER, .date), (SQLITE_INTEGER, .timestamp), (SQLITE_INTEGER, .instant), (SQLITE_INTEGER, .time),
            (SQLITE_FLOAT, .date), (SQLITE_FLOAT, .timestamp), (SQLITE_FLOAT, .instant), (SQLITE_FLOAT, .time):
            return dates == .text ? base + "; say what numbers mean with dates=unix, unix_ms or julian" : base
        default: return base + "; types=text reads every column as text"
        }
    }
}
