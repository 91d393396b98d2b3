import Glibc
import Tabular

/// Encodes rows as lines of COPY text (PostgreSQL manual, COPY, "Text Format"): values between tabs, `\N` for NULL.
struct PostgresTextEncoder {
    private struct Field {
        var kind: TextKind
        var check: Check
    }
    private enum Check { case none, day, moment, time, octet, clock }

    private let fields: [Field]
    let stripsNUL: Bool

    /// - parameter types: what the columns are in the table.
    init(_ schema: Schema, _ types: [PostgresType], stripsNUL: Bool) {
        self.stripsNUL = stripsNUL
        fields = zip(schema.types, types).map { type, native in
            let check: Check =
                switch type {
                case _ where native.oid == PostgresOID.char: .octet
                case .array, .other: Self.knowsClock(type) ? .clock : .none
                case .date: .day
                case .timestamp, .instant: .moment
                case .time: .time
                default: .none
                }
            return Field(kind: TextKind(type), check: check)
        }
    }

    /// Whether the server reads `now` or `today` in values of the type: ranges of times, arrays, times with a zone.
    private static func knowsClock(_ type: ColumnType) -> Bool {
        switch type {
        case .array(let element): knowsClock(element)
        case .date, .time, .timestamp, .instant: true
        case .other(let name): name.hasPrefix("time") || name.hasPrefix("ts") && name.contains("range") || name.hasPrefix("date")
        default: false
        }
    }

    private static let clockWords = ["now", "today", "tomorrow", "yesterday"]

    @inline(never)
    private static func namesClock(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        let text = String(decoding: text, as: UTF8.self).lowercased()
        return clockWords.contains { text.contains($0) }
    }

    /// Appends rows; those that cannot be encoded are given to `reject`. Returns the number of rows appended.
    func encode(
        _ batch: Batch, _ range: Range<Int>, to buffer: inout ByteBuffer,
        reject: (_ row: Int, _ column: Int, PostgresFault) -> Void
    ) -> Int {
        let columns = UnsafePointer(batch.columns.baseAddress!)
        var encoded = 0
        fields.withUnsafeBufferPointer { fields in
            for row in range {
                let start = buffer.count
                var fault = PostgresFault.none
                var index = 0
                while index < fields.count {
                    if index > 0 { buffer.append(UInt8(ascii: "\t")) }
                    let column = columns + index
                    if column.pointee.isNull(row) {
                        buffer.append("\\N" as StaticString)
                    } else {
                        fault = encode(column, row, fields[index], &buffer)
                        if fault != .none { break }
                    }
                    index &+= 1
                }
                if fault == .none {
                    buffer.append(UInt8(ascii: "\n"))
                    encoded &+= 1
                } else {
                    buffer.truncate(to: start)
                    reject(row, index, fault)
                }
            }
        }
        return encoded
    }

    @inline(__always)
    private func encode(
        _ column: UnsafePointer<ColumnBuffer>, _ row: Int, _ field: Field, _ buffer: inout ByteBuffer
    ) -> PostgresFault {
        switch field.check {
        case .none: break
        case .day:
            let days = column.pointee.int(row)
            guard (days >= PostgresEpoch.firstDay && days <= PostgresEpoch.lastDay) || Temporal.isInfinite(days) else {
                return Temporal.isZero(days) ? .zeroDate : .dateRange
            }
        case .moment:
            let value = column.pointee.int(row)
            guard (value >= PostgresEpoch.firstMicrosecond && value <= PostgresEpoch.lastMicrosecond) || Temporal.isInfinite(value)
            else { return Temporal.isZero(value) ? .zeroDate : .dateRange }
        case .time:
            let time = column.pointee.int(row)
            guard time >= 0, time <= Temporal.microsecondsPerDay else { return .timeRange }
        case .octet: if column.pointee.bytes(row).count > 1 { return .octet }
        case .clock: if Self.namesClock(column.pointee.bytes(row)) { return .clock }
        }
        switch field.kind {
        case .stored: return appendEscaped(column.pointee.bytes(row), to: &buffer)
        case .bytes:
            buffer.append("\\\\x" as StaticString)
            buffer.append(hex: column.pointee.bytes(row))
        default: buffer.append(value: column, row: row, kind: field.kind)
        }
        return .none
    }

    /// Backslash, tab, newline and carriage return get a backslash; eight octets are looked at together.
    @inline(__always)
    private func appendEscaped(_ text: UnsafeBufferPointer<UInt8>, to buffer: inout ByteBuffer) -> PostgresFault {
        guard let base = text.baseAddress else { return .none }
        let count = text.count
        let out = buffer.room(count &* 2 &+ 8)
        var length = 0
        var position = 0
        while position < count {
            if position &+ 8 <= count {
                let word = UnsafeRawPointer(base + position).loadUnaligned(as: UInt64.self)
                if !PostgresTextEncoder.isSpecial(word) {
                    UnsafeMutableRawPointer(out + length).storeBytes(of: word, as: UInt64.self)
                    length &+= 8
                    position &+= 8
                    continue
                }
            }
            let byte = base[position]
            position &+= 1
            switch byte {
            case UInt8(ascii: "\\"), 9, 10, 13:
                out[length] = UInt8(ascii: "\\")
                out[length &+ 1] =
                    byte == 9 ? UInt8(ascii: "t") : byte == 10 ? UInt8(ascii: "n") : byte == 13 ? UInt8(ascii: "r") : byte
                length &+= 2
            case 0:
                if !stripsNUL { return .nul }
            default:
                out[length] = byte
                length &+= 1
            }
        }
        buffer.count &+= length
        return .none
    }

    /// Whether one of eight octets is a backslash or below 14 (with some octets after such a one taken for it too).
    @inline(__always) private static func isSpecial(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        let backslash = word ^ (ones &* 0x5c)
        let equal = (backslash &- ones) & ~backslash
        let below = (word &- ones &* 14) & ~word
        return (equal | below) & highs != 0
    }
}
