import Glibc
import Tabular

/// Why a value cannot be in PostgreSQL.
enum PostgresFault: UInt8 {
    case none, nul, range, zeroDate, dateRange, timeRange, numeric, uuid, bits, octet, clock

    func reason(_ type: ColumnType) -> String {
        switch self {
        case .none: ""
        case .nul: "PostgreSQL cannot hold a NUL character in text (`?nul=strip` leaves them out)"
        case .range: "the value is out of range for \(type)"
        case .zeroDate: "PostgreSQL has no zero dates (`?zero_dates=null` on the source reads them as NULL)"
        case .dateRange: "the date is outside of what PostgreSQL can hold"
        case .timeRange: "the time is not within 00:00:00 and 24:00:00"
        case .numeric: "this is no number that PostgreSQL's numeric can hold"
        case .uuid: "this is no UUID"
        case .bits: "this is no string of 0 and 1"
        case .octet: "a column of type \"char\" holds one byte"
        case .clock: "PostgreSQL would put the time of the load in the place of a word like `now` or `today`"
        }
    }
}

/// Encodes rows as COPY BINARY tuples (PostgreSQL manual, COPY, "Binary Format").
struct PostgresEncoder {
    let codecs: [PostgresCodec]
    let stripsNUL: Bool

    /// The file header: signature, no flags, no extension.
    static func appendHeader(to buffer: inout ByteBuffer) {
        for byte: UInt8 in [0x50, 0x47, 0x43, 0x4f, 0x50, 0x59, 0x0a, 0xff, 0x0d, 0x0a, 0x00] { buffer.append(byte) }
        buffer.appendBigEndian(Int64(0))
    }

    static func appendTrailer(to buffer: inout ByteBuffer) { buffer.appendBigEndian(Int16(-1)) }

    /// Appends rows; those that cannot be encoded are given to `reject`. Returns the number of rows appended.
    func encode(
        _ batch: Batch, _ range: Range<Int>, to buffer: inout ByteBuffer,
        reject: (_ row: Int, _ column: Int, PostgresFault) -> Void
    ) -> Int {
        let columns = UnsafePointer(batch.columns.baseAddress!)
        let checksNUL = PostgresEncoder.hasNUL(batch, codecs)
        var encoded = 0
        codecs.withUnsafeBufferPointer { codecs in
            let count = codecs.count
            for row in range {
                let start = buffer.count
                buffer.appendBigEndian(Int16(truncatingIfNeeded: count))
                var fault = PostgresFault.none
                var index = 0
                while index < count {
                    let column = columns + index
                    if column.pointee.isNull(row) {
                        buffer.appendBigEndian(Int32(-1))
                    } else {
                        fault = encode(column, row, codecs[index], checksNUL, &buffer)
                        if fault != .none { break }
                    }
                    index &+= 1
                }
                if fault == .none {
                    encoded &+= 1
                } else {
                    buffer.truncate(to: start)
                    reject(row, index, fault)
                }
            }
        }
        return encoded
    }

    /// Whether any text of the batch holds a NUL: one search a column in place of one a value.
    static func hasNUL(_ batch: Batch, _ codecs: [PostgresCodec]) -> Bool {
        for (index, codec) in codecs.enumerated() where codec == .text || codec == .jsonb {
            let column = batch.columns[index]
            if memchr(column.arena, 0, column.arenaCount) != nil { return true }
        }
        return false
    }

    @inline(__always)
    private func encode(
        _ column: UnsafePointer<ColumnBuffer>, _ row: Int, _ codec: PostgresCodec, _ checksNUL: Bool,
        _ buffer: inout ByteBuffer
    ) -> PostgresFault {
        switch codec {
        case .boolean:
            let out = buffer.room(5)
            store(Int32(1), out)
            out[4] = column.pointee.int(row) != 0 ? 1 : 0
            buffer.count &+= 5
        case .int16:
            guard let value = Int16(exactly: column.pointee.int(row)) else { return .range }
            let out = buffer.room(6)
            store(Int32(2), out)
            store(value, out + 4)
            buffer.count &+= 6
        case .int32:
            guard let value = Int32(exactly: column.pointee.int(row)) else { return .range }
            append(value, to: &buffer)
        case .oid:
            guard let value = UInt32(exactly: column.pointee.int(row)) else { return .range }
            append(Int32(bitPattern: value), to: &buffer)
        case .int64: append(column.pointee.int(row), to: &buffer)
        case .float32:
            let double = column.pointee.double(row)
            let float = Float(double)
            if float.isInfinite, double.isFinite { return .range }
            append(Int32(bitPattern: float.bitPattern), to: &buffer)
        case .float64: append(column.pointee.int(row), to: &buffer)
        case .numeric:
            let text = column.pointee.bytes(row)
            let out = buffer.room(4 &+ PostgresNumeric.longest(text.count))
            guard let length = PostgresNumeric.encode(text, to: out + 4) else { return .numeric }
            store(Int32(truncatingIfNeeded: length), out)
            buffer.count &+= 4 &+ length
        case .text:
            return appendText(column.pointee.bytes(row), 0, checksNUL, to: &buffer)
        case .jsonb:
            return appendText(column.pointee.bytes(row), 1, checksNUL, to: &buffer)
        case .bytes:
            return appendText(column.pointee.bytes(row), 0, false, to: &buffer)
        case .uuid:
            let out = buffer.room(20)
            store(Int32(16), out)
            guard PostgresUUID.read(column.pointee.bytes(row), to: out + 4) else { return .uuid }
            buffer.count &+= 20
        case .date:
            let days = column.pointee.int(row)
            if days >= PostgresEpoch.firstDay, days <= PostgresEpoch.lastDay {
                append(Int32(truncatingIfNeeded: days &- PostgresEpoch.days), to: &buffer)
            } else {
                guard Temporal.isInfinite(days) else { return Temporal.isZero(days) ? .zeroDate : .dateRange }
                append(days < 0 ? Int32.min : Int32.max, to: &buffer)
            }
        case .time:
            let time = column.pointee.int(row)
            guard time >= 0, time <= Temporal.microsecondsPerDay else { return .timeRange }
            append(time, to: &buffer)
        case .timestamp:
            let value = column.pointee.int(row)
            if value >= PostgresEpoch.firstMicrosecond, value <= PostgresEpoch.lastMicrosecond {
                append(value &- PostgresEpoch.microseconds, to: &buffer)
            } else {
                guard Temporal.isInfinite(value) else { return Temporal.isZero(value) ? .zeroDate : .dateRange }
                append(value, to: &buffer)
            }
        case .interval:
            let out = buffer.room(20)
            store(Int32(16), out)
            store(column.pointee.int(row), out + 4)
            store(Int64(0), out + 12)
            buffer.count &+= 20
        case .bits: return appendBits(column.pointee.bytes(row), to: &buffer)
        }
        return .none
    }

    @inline(__always) private func append(_ value: Int32, to buffer: inout ByteBuffer) {
        let out = buffer.room(8)
        store(4 << 32 | UInt64(UInt32(bitPattern: value)), out)
        buffer.count &+= 8
    }

    @inline(__always) private func append(_ value: Int64, to buffer: inout ByteBuffer) {
        let out = buffer.room(12)
        store(Int32(8), out)
        store(value, out + 4)
        buffer.count &+= 12
    }

    /// `version` is put before the text if it is not 0.
    @inline(__always)
    private func appendText(
        _ text: UnsafeBufferPointer<UInt8>, _ version: UInt8, _ checksNUL: Bool, to buffer: inout ByteBuffer
    ) -> PostgresFault {
        if checksNUL, text.contains(0) { return appendStripped(text, version, to: &buffer) }
        let lead = version == 0 ? 0 : 1
        guard text.count < 1 << 30 else { return .range }
        let out = buffer.room(5 &+ text.count)
        store(Int32(truncatingIfNeeded: text.count &+ lead), out)
        out[4] = version
        if let base = text.baseAddress { memcpy(out + (4 &+ lead), base, text.count) }
        buffer.count &+= 4 &+ lead &+ text.count
        return .none
    }

    @inline(never)
    private func appendStripped(
        _ text: UnsafeBufferPointer<UInt8>, _ version: UInt8, to buffer: inout ByteBuffer
    ) -> PostgresFault {
        guard stripsNUL else { return .nul }
        let kept = text.filter { $0 != 0 }
        return kept.withUnsafeBufferPointer { appendText($0, version, false, to: &buffer) }
    }

    @inline(never)
    private func appendBits(_ text: UnsafeBufferPointer<UInt8>, to buffer: inout ByteBuffer) -> PostgresFault {
        let octets = (text.count + 7) / 8
        let out = buffer.room(8 + octets)
        store(Int32(truncatingIfNeeded: 4 + octets), out)
        store(Int32(truncatingIfNeeded: text.count), out + 4)
        (out + 8).update(repeating: 0, count: octets)
        for (index, byte) in text.enumerated() {
            guard byte & 0xfe == 48 else { return .bits }
            out[8 + index >> 3] |= (byte & 1) << UInt8(7 - index & 7)
        }
        buffer.count &+= 8 + octets
        return .none
    }

    @inline(__always)
    private func store<Value: FixedWidthInteger>(_ value: Value, _ out: UnsafeMutablePointer<UInt8>) {
        UnsafeMutableRawPointer(out).storeBytes(of: value.bigEndian, as: Value.self)
    }
}
