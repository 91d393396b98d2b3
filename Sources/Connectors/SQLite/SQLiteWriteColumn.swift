import CSQLite
import Tabular

/// How the values of one column are bound to a statement: compiled from the column's type and affinity once.
struct SQLiteWriteColumn {
    private enum Kind: UInt8 {
        case integer, unsigned, unsignedInteger, float, decimalText, decimalNumber, text, numericText, bytes
        case date, time, timestamp, instant
    }
    private let kind: Kind

    init(_ type: ColumnType, _ affinity: SQLiteAffinity) {
        let keepsText = affinity == .text || affinity == .blob
        switch type {
        case .boolean: kind = .integer
        case .integer(64, true): kind = keepsText ? .unsigned : .unsignedInteger
        case .integer: kind = .integer
        case .float: kind = .float
        case .decimal: kind = keepsText ? .decimalText : .decimalNumber
        case .bytes: kind = .bytes
        case .date: kind = .date
        case .time, .duration: kind = .time
        case .timestamp: kind = .timestamp
        case .instant: kind = .instant
        case .text, .json, .uuid, .bits, .array, .other: kind = keepsText ? .text : .numericText
        }
    }

    /// Binds a value; texts are borrowed until the statement is reset. False when the column cannot hold the value.
    @inline(__always)
    func bind(
        _ column: UnsafePointer<ColumnBuffer>, _ row: Int, to statement: OpaquePointer, _ place: Int32,
        _ scratch: UnsafeMutablePointer<UInt8>
    ) -> Bool {
        if column.pointee.isNull(row) { return sqlite3_bind_null(statement, place) == SQLITE_OK }
        switch kind {
        case .integer: return sqlite3_bind_int64(statement, place, column.pointee.values[row]) == SQLITE_OK
        case .text, .decimalText: return Self.bind(text: column.pointee.bytes(row), to: statement, place)
        case .float:
            let value = column.pointee.double(row)
            // SQLite turns NaN into NULL; as text it stays what it is.
            if value.isNaN { return Self.bind(scratch, Format.double(value, to: scratch), statement, place) }
            return sqlite3_bind_double(statement, place, value) == SQLITE_OK
        case .bytes:
            let octets = column.pointee.bytes(row)
            guard let count = Int32(exactly: octets.count), let base = octets.baseAddress else { return false }
            return apus_sqlite3_bind_blob_borrow(statement, place, base, count) == SQLITE_OK
        case .date: return Self.bind(scratch, Format.date(column.pointee.values[row], to: scratch), statement, place)
        case .time:
            return Self.bind(scratch, Format.duration(column.pointee.values[row], to: scratch), statement, place)
        case .timestamp:
            return Self.bind(scratch, Format.timestamp(column.pointee.values[row], to: scratch), statement, place)
        case .instant:
            var length = Format.instant(column.pointee.values[row], to: scratch)
            // SQLite's own functions know `Z`, not `+00`.
            if length > 3, scratch[length - 3] == UInt8(ascii: "+") {
                scratch[length - 3] = UInt8(ascii: "Z")
                length -= 2
            }
            return Self.bind(scratch, length, statement, place)
        case .unsigned, .unsignedInteger, .decimalNumber, .numericText:
            return bindRare(column, row, to: statement, place, scratch)
        }
    }

    private func bindRare(
        _ column: UnsafePointer<ColumnBuffer>, _ row: Int, to statement: OpaquePointer, _ place: Int32,
        _ scratch: UnsafeMutablePointer<UInt8>
    ) -> Bool {
        switch kind {
        case .unsigned, .unsignedInteger:
            let value = column.pointee.values[row]
            if value >= 0 { return sqlite3_bind_int64(statement, place, value) == SQLITE_OK }
            guard kind == .unsigned else { return false }
            return Self.bind(scratch, Format.unsigned(UInt64(bitPattern: value), to: scratch), statement, place)
        case .decimalNumber: return Self.bind(decimal: column.pointee.bytes(row), to: statement, place)
        default:
            // NUMERIC affinity makes a number of text that looks like one: `007` would become 7.
            let text = column.pointee.bytes(row)
            let trimmed = Parse.trimmed(text)
            guard let first = trimmed.first, first < 65, let number = DecimalText(trimmed) else {
                return Self.bind(text: text, to: statement, place)
            }
            guard trimmed.count == text.count, trimmed.count < Format.longest, let value = Parse.integer(trimmed),
                !number.isNaN, Format.integer(value, to: scratch) == trimmed.count,
                UnsafeBufferPointer(start: scratch, count: trimmed.count).elementsEqual(trimmed)
            else { return false }
            return sqlite3_bind_int64(statement, place, value) == SQLITE_OK
        }
    }

    /// Into a column of NUMERIC affinity, which holds a decimal as an integer or a double.
    private static func bind(decimal text: UnsafeBufferPointer<UInt8>, to statement: OpaquePointer, _ place: Int32)
        -> Bool
    {
        var mantissa: Int64 = 0
        var digits = 0
        var fraction = 0
        var hasPoint = false
        let isNegative = text.first == UInt8(ascii: "-")
        for byte in text.dropFirst(isNegative ? 1 : 0) {
            if byte == UInt8(ascii: ".") {
                hasPoint = true
                continue
            }
            // NaN and infinities stay text, which has no affinity for numbers.
            guard byte &- 48 <= 9 else { return bind(text: text, to: statement, place) }
            if digits > 0 || byte != 48 { digits += 1 }
            if digits <= 18 { mantissa = mantissa * 10 + Int64(byte &- 48) }
            if hasPoint { fraction += 1 }
        }
        if digits <= 18 {
            while fraction > 0, mantissa % 10 == 0 {
                mantissa /= 10
                fraction -= 1
            }
            let value = isNegative ? -mantissa : mantissa
            if fraction == 0 { return sqlite3_bind_int64(statement, place, value) == SQLITE_OK }
            // A whole number below 2^53 divided by a power of ten up to 22 is rounded once: the nearest double.
            guard mantissa < 1_000_000_000_000_000, fraction <= 22 else { return false }
            return sqlite3_bind_double(statement, place, Double(value) / powers[fraction]) == SQLITE_OK
        }
        guard fraction == 0, let value = Parse.integer(text) else { return false }
        return sqlite3_bind_int64(statement, place, value) == SQLITE_OK
    }

    private static let powers: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20,
        1e21, 1e22,
    ]

    @inline(__always)
    private static func bind(text: UnsafeBufferPointer<UInt8>, to statement: OpaquePointer, _ place: Int32) -> Bool {
        guard let base = text.baseAddress, text.count <= Int(Int32.max) else { return false }
        return bind(base, text.count, statement, place)
    }

    @inline(__always)
    private static func bind(_ base: UnsafePointer<UInt8>, _ count: Int, _ statement: OpaquePointer, _ place: Int32)
        -> Bool
    {
        UnsafeRawPointer(base).withMemoryRebound(to: CChar.self, capacity: count) {
            apus_sqlite3_bind_text_borrow(statement, place, $0, Int32(truncatingIfNeeded: count)) == SQLITE_OK
        }
    }

    /// Why ``bind(_:_:to:_:_:)`` did not take a value.
    var reason: String {
        switch kind {
        case .unsignedInteger: "an INTEGER of SQLite ends at 9223372036854775807; declare the column UNSIGNED64_BLOB"
        case .decimalNumber: "a NUMERIC column of SQLite keeps 15 digits; declare the column DECIMAL_TEXT"
        case .numericText: "a column of this declared type would turn the text into another number; declare it TEXT"
        default: "the value is longer than SQLite allows (1,000,000,000 octets)"
        }
    }
}
