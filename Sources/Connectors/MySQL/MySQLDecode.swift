import CMariaDB
import Tabular

/// How the value of one column of the binary protocol becomes one of a batch.
struct MySQLDecodeStep {
    enum Kind: UInt8 {
        case int8, uint8, int16, uint16, int32, uint32, int64, float, double, boolean, octets, bits, date, dateTime, time, epochText, epoch,
            shortEpoch
        /// A decimal with leading zeros, which show how wide its column is.
        case padded
        /// Nothing but NULL.
        case null
    }

    let kind: Kind
    let zeroIsNull: Bool
    /// `dateTime`: added to the value, to make an instant of the session's clock. `bits`: the number of bits.
    let number: Int64
    /// What the session's clock shows is to be made an instant afterwards: its offset changes.
    var isWallClock = false

    /// nil when the column on the wire does not fit what the plan says.
    init?(_ column: Column, _ field: MYSQL_FIELD, _ options: MySQLOptions, _ clock: MySQLClock?) {
        let unsigned = Int32(bitPattern: field.flags) & UNSIGNED_FLAG != 0
        var number: Int64 = 0
        let kind: Kind
        switch (field.type, column.type) {
        case (MYSQL_TYPE_NULL, _): kind = .null
        case (MYSQL_TYPE_TINY, .boolean): kind = .boolean
        case (MYSQL_TYPE_TINY, .integer): kind = unsigned ? .uint8 : .int8
        case (MYSQL_TYPE_SHORT, .integer): kind = unsigned ? .uint16 : .int16
        case (MYSQL_TYPE_YEAR, .integer): kind = .uint16
        case (MYSQL_TYPE_INT24, .integer), (MYSQL_TYPE_LONG, .integer): kind = unsigned ? .uint32 : .int32
        case (MYSQL_TYPE_LONGLONG, .integer(let bits, let wanted)):
            // An unsigned 64-bit value has no place in a signed column.
            guard !unsigned || (bits == 64 && wanted) else { return nil }
            kind = .int64
        case (MYSQL_TYPE_FLOAT, .float): kind = .float
        case (MYSQL_TYPE_DOUBLE, .float): kind = .double
        case (MYSQL_TYPE_DATE, .date), (MYSQL_TYPE_NEWDATE, .date): kind = .date
        case (MYSQL_TYPE_DATETIME, .timestamp), (MYSQL_TYPE_TIMESTAMP, .timestamp), (MYSQL_TYPE_DATETIME, .instant): kind = .dateTime
        case (MYSQL_TYPE_TIMESTAMP, .instant):
            kind = .dateTime
            if let offset = clock?.offset { number = -offset } else { isWallClock = true }
        case (MYSQL_TYPE_NEWDECIMAL, .instant): kind = .epochText
        case (MYSQL_TYPE_LONGLONG, .instant): kind = .epoch
        case (MYSQL_TYPE_LONG, .instant): kind = .shortEpoch
        case (MYSQL_TYPE_TIME, .duration), (MYSQL_TYPE_TIME, .time): kind = .time
        case (MYSQL_TYPE_BIT, .bits(let length)):
            kind = .bits
            number = Int64(length ?? Int(field.length))
        case (MYSQL_TYPE_DECIMAL, .decimal), (MYSQL_TYPE_NEWDECIMAL, .decimal):
            kind = Int32(bitPattern: field.flags) & ZEROFILL_FLAG != 0 ? .padded : .octets
        case (MYSQL_TYPE_STRING, _), (MYSQL_TYPE_VAR_STRING, _), (MYSQL_TYPE_VARCHAR, _), (MYSQL_TYPE_ENUM, _), (MYSQL_TYPE_SET, _),
            (MYSQL_TYPE_TINY_BLOB, _), (MYSQL_TYPE_MEDIUM_BLOB, _), (MYSQL_TYPE_LONG_BLOB, _), (MYSQL_TYPE_BLOB, _),
            (MYSQL_TYPE_JSON, _), (MYSQL_TYPE_GEOMETRY, _):
            switch column.type {
            case .text, .bytes, .json, .uuid, .other, .array: kind = .octets
            default: return nil
            }
        default: return nil
        }
        self.kind = kind
        self.number = number
        zeroIsNull = options.zeroDatesAreNull
    }
}

/// One row of the binary protocol, as it lies in the network buffer.
struct MySQLRow {
    enum Outcome { case decoded, rejected(column: Int), malformed }

    private let start: UnsafePointer<UInt8>
    private let length: Int

    init(_ start: UnsafePointer<UInt8>, _ length: Int) {
        self.start = start
        self.length = length
    }

    /// Appends one value to each column. Every length that the server states is held against the packet's end.
    @inline(__always)
    func decode(
        _ steps: UnsafeBufferPointer<MySQLDecodeStep>, into columns: UnsafeMutablePointer<ColumnBuffer>
    ) -> Outcome {
        let end = start + length
        var p = start + 1 + (steps.count &+ 9) / 8
        if p > end { return .malformed }
        var rejected = -1
        for index in 0..<steps.count {
            let column = columns + index
            let bit = index &+ 2
            if start[1 &+ bit &>> 3] & (1 &<< UInt8(truncatingIfNeeded: bit & 7)) != 0 {
                column.pointee.appendNull()
                continue
            }
            let step = steps.baseAddress![index]
            let left = end - p
            switch step.kind {
            case .int64:
                if left < 8 { return .malformed }
                column.pointee.append(load(p, Int64.self))
                p += 8
            case .int32:
                if left < 4 { return .malformed }
                column.pointee.append(Int64(load(p, Int32.self)))
                p += 4
            case .octets:
                guard let size = lengthEncoded(&p, end) else { return .malformed }
                column.pointee.append(p, count: size)
                p += size
            case .dateTime:
                guard dateTime(&p, end, step, column) else { return .malformed }
            case .date:
                guard date(&p, end, step, column) else { return .malformed }
            case .double:
                if left < 8 { return .malformed }
                column.pointee.append(load(p, Int64.self))
                p += 8
            case .int8:
                if left < 1 { return .malformed }
                column.pointee.append(Int64(load(p, Int8.self)))
                p += 1
            case .uint8:
                if left < 1 { return .malformed }
                column.pointee.append(Int64(p[0]))
                p += 1
            case .int16:
                if left < 2 { return .malformed }
                column.pointee.append(Int64(load(p, Int16.self)))
                p += 2
            case .uint16:
                if left < 2 { return .malformed }
                column.pointee.append(Int64(load(p, UInt16.self)))
                p += 2
            case .uint32:
                if left < 4 { return .malformed }
                column.pointee.append(Int64(load(p, UInt32.self)))
                p += 4
            case .float:
                if left < 4 { return .malformed }
                column.pointee.append(Double(Float(bitPattern: load(p, UInt32.self))))
                p += 4
            case .boolean:
                if left < 1 { return .malformed }
                if p[0] > 1 { rejected = index }
                column.pointee.append(Int64(p[0]))
                p += 1
            case .time:
                guard time(&p, end, column) else { return .malformed }
            case .bits:
                guard let size = lengthEncoded(&p, end) else { return .malformed }
                MySQLBits.append(UnsafeBufferPointer(start: p, count: size), bits: Int(step.number), to: column)
                p += size
            case .padded:
                guard let size = lengthEncoded(&p, end),
                    Parse.decimal(UnsafeBufferPointer(start: p, count: size), into: &column.pointee)
                else { return .malformed }
                p += size
            case .epoch, .shortEpoch:
                let width = step.kind == .epoch ? 8 : 4
                if left < width { return .malformed }
                let value = MySQLEpoch.instant(seconds: step.kind == .epoch ? load(p, Int64.self) : Int64(load(p, UInt32.self)))
                if step.zeroIsNull, Temporal.isZero(value) { column.pointee.appendNull() } else { column.pointee.append(value) }
                p += width
            case .epochText:
                guard let size = lengthEncoded(&p, end), let value = MySQLEpoch.instant(UnsafeBufferPointer(start: p, count: size)) else {
                    return .malformed
                }
                if step.zeroIsNull, Temporal.isZero(value) { column.pointee.appendNull() } else { column.pointee.append(value) }
                p += size
            case .null: return .malformed
            }
        }
        if p != end { return .malformed }
        return rejected < 0 ? .decoded : .rejected(column: rejected)
    }

    @inline(__always)
    private func load<Value: FixedWidthInteger>(_ p: UnsafePointer<UInt8>, _ type: Value.Type) -> Value {
        Value(littleEndian: UnsafeRawPointer(p).loadUnaligned(as: type))
    }

    /// A length-encoded integer that leaves as many octets behind it; nil when they are not there.
    @inline(__always)
    private func lengthEncoded(_ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> Int? {
        let left = end - p
        if left < 1 { return nil }
        var size = Int(p[0])
        if size < 251 {
            p += 1
            return size < left ? size : nil
        }
        switch size {
        case 252 where left >= 3:
            size = Int(load(p + 1, UInt16.self))
            p += 3
        case 253 where left >= 4:
            size = Int(p[1]) | Int(p[2]) << 8 | Int(p[3]) << 16
            p += 4
        case 254 where left >= 9:
            let wide = load(p + 1, UInt64.self)
            if wide > UInt64(left) { return nil }
            size = Int(wide)
            p += 9
        default: return nil
        }
        return size <= end - p ? size : nil
    }

    // MARK: Dates

    /// 0 or 4 octets: year, month, day.
    @inline(__always)
    private func date(
        _ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, _ step: MySQLDecodeStep, _ column: UnsafeMutablePointer<ColumnBuffer>
    ) -> Bool {
        guard let size = lengthEncoded(&p, end) else { return false }
        let year = size >= 4 ? Int(load(p, UInt16.self)) : 0
        let month = size >= 4 ? Int(p[2]) : 0
        let day = size >= 4 ? Int(p[3]) : 0
        p += size
        if Temporal.isValid(year: year, month: month, day: day) {
            column.pointee.append(Temporal.days(year: year, month: month, day: day))
        } else if step.zeroIsNull {
            column.pointee.appendNull()
        } else {
            column.pointee.append(Temporal.zeroDate(year: year, month: month, day: day))
        }
        return size == 0 || size >= 4
    }

    /// 0, 4, 7 or 11 octets: year, month, day, hour, minute, second, microseconds.
    @inline(__always)
    private func dateTime(
        _ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, _ step: MySQLDecodeStep, _ column: UnsafeMutablePointer<ColumnBuffer>
    ) -> Bool {
        guard let size = lengthEncoded(&p, end), size == 0 || size == 4 || size == 7 || size == 11 else { return false }
        var ofDay: Int64 = 0
        if size >= 7 {
            ofDay = Int64((Int(p[4]) &* 3600 &+ Int(p[5]) &* 60 &+ Int(p[6])) &* 1_000_000)
            if size == 11 { ofDay &+= Int64(load(p + 7, UInt32.self)) }
        }
        let year = size >= 4 ? Int(load(p, UInt16.self)) : 0
        let month = size >= 4 ? Int(p[2]) : 0
        let day = size >= 4 ? Int(p[3]) : 0
        p += size
        if Temporal.isValid(year: year, month: month, day: day) {
            let days = Temporal.days(year: year, month: month, day: day)
            column.pointee.append(days &* Temporal.microsecondsPerDay &+ ofDay &+ step.number)
        } else if step.zeroIsNull {
            column.pointee.appendNull()
        } else {
            column.pointee.append(Temporal.zeroTimestamp(year: year, month: month, day: day, microsecondsOfDay: ofDay))
        }
        return true
    }

    /// 0, 8 or 12 octets: sign, days, hour, minute, second, microseconds.
    @inline(__always)
    private func time(_ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, _ column: UnsafeMutablePointer<ColumnBuffer>) -> Bool {
        guard let size = lengthEncoded(&p, end), size == 0 || size == 8 || size == 12 else { return false }
        var value: Int64 = 0
        if size >= 8 {
            let hours = Int64(load(p + 1, UInt32.self)) &* 24 &+ Int64(p[5])
            value = (hours &* 3600 &+ Int64(p[6]) &* 60 &+ Int64(p[7])) &* 1_000_000
            if size == 12 { value &+= Int64(load(p + 8, UInt32.self)) }
            if p[0] != 0 { value = -value }
        }
        p += size
        column.pointee.append(value)
        return true
    }
}

/// BIT values: octets, most significant first, and their text of 0 and 1.
enum MySQLBits {
    static func append(_ bytes: UnsafeBufferPointer<UInt8>, bits: Int, to column: UnsafeMutablePointer<ColumnBuffer>) {
        let out = column.pointee.reserve(bits)
        for bit in 0..<bits {
            let place = bits - 1 - bit
            let index = bytes.count - 1 - place / 8
            let isSet = index >= 0 && bytes[index] & (1 << UInt8(place % 8)) != 0
            out[bit] = isSet ? UInt8(ascii: "1") : UInt8(ascii: "0")
        }
        column.pointee.commit(bits)
    }
}
