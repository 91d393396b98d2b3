import Tabular

/// Decodes COPY BINARY tuples (PostgreSQL manual, COPY, "Binary Format"): int16 number of fields, then for each an
/// int32 length (-1 = NULL) and its octets.
enum PostgresDecoder {
    enum Outcome { case good, malformed, outOfRange }

    /// Appends one value to every column. `malformed` when the octets are no tuple of these columns, `outOfRange` when
    /// a batch cannot hold a value; the columns may then have a part of the row.
    @inline(__always)
    static func decode(
        _ tuple: UnsafePointer<UInt8>, _ count: Int, _ codecs: UnsafeBufferPointer<PostgresCodec>,
        into columns: UnsafeMutablePointer<ColumnBuffer>
    ) -> Outcome {
        guard count >= 2, Int(bigEndian16(tuple)) == codecs.count else { return .malformed }
        var offset = 2
        for index in 0..<codecs.count {
            guard offset &+ 4 <= count else { return .malformed }
            let length = Int(Int32(bitPattern: bigEndian32(tuple + offset)))
            offset &+= 4
            let column = columns + index
            if length < 0 {
                column.pointee.appendNull()
                continue
            }
            guard offset &+ length <= count else { return .malformed }
            let outcome = decode(tuple + offset, length, codecs[index], into: column)
            guard outcome == .good else { return outcome }
            offset &+= length
        }
        return offset == count ? .good : .malformed
    }

    @inline(__always)
    private static func decode(
        _ bytes: UnsafePointer<UInt8>, _ length: Int, _ codec: PostgresCodec,
        into column: UnsafeMutablePointer<ColumnBuffer>
    ) -> Outcome {
        switch codec {
        case .boolean:
            guard length == 1 else { return .malformed }
            column.pointee.append(Int64(bytes[0]))
        case .int16:
            guard length == 2 else { return .malformed }
            column.pointee.append(Int64(Int16(bitPattern: bigEndian16(bytes))))
        case .int32:
            guard length == 4 else { return .malformed }
            column.pointee.append(Int64(Int32(bitPattern: bigEndian32(bytes))))
        case .oid:
            guard length == 4 else { return .malformed }
            column.pointee.append(Int64(bigEndian32(bytes)))
        case .int64, .time:
            guard length == 8 else { return .malformed }
            column.pointee.append(Int64(bitPattern: bigEndian64(bytes)))
        case .float32:
            guard length == 4 else { return .malformed }
            column.pointee.append(Double(Float(bitPattern: bigEndian32(bytes))))
        case .float64:
            guard length == 8 else { return .malformed }
            column.pointee.append(Int64(bitPattern: bigEndian64(bytes)))
        case .numeric: return PostgresNumeric.decode(bytes, length, into: column) ? .good : .malformed
        case .text, .bytes: column.pointee.append(bytes, count: length)
        case .jsonb:
            guard length >= 1, bytes[0] == 1 else { return .malformed }
            column.pointee.append(bytes + 1, count: length &- 1)
        case .uuid:
            guard length == 16 else { return .malformed }
            PostgresUUID.write(bytes, to: column.pointee.reserve(36))
            column.pointee.commit(36)
        case .date:
            guard length == 4 else { return .malformed }
            let days = Int32(bitPattern: bigEndian32(bytes))
            column.pointee.append(
                days == .max
                    ? Temporal.infinity
                    : days == .min ? Temporal.negativeInfinity : Int64(days) &+ PostgresEpoch.days)
        case .timestamp:
            guard length == 8 else { return .malformed }
            let value = Int64(bitPattern: bigEndian64(bytes))
            if value == .max || value == .min {
                column.pointee.append(value)
            } else {
                let (moved, overflow) = value.addingReportingOverflow(PostgresEpoch.microseconds)
                if overflow || moved == .max { return .outOfRange }
                column.pointee.append(moved)
            }
        case .bits: return bits(bytes, length, into: column) ? .good : .malformed
        case .interval: return .malformed
        }
        return .good
    }

    /// int32 number of bits, then the bits from the highest of the first octet on.
    @inline(never)
    private static func bits(
        _ bytes: UnsafePointer<UInt8>, _ length: Int, into column: UnsafeMutablePointer<ColumnBuffer>
    ) -> Bool {
        guard length >= 4 else { return false }
        let count = Int(Int32(bitPattern: bigEndian32(bytes)))
        guard count >= 0, length == 4 + (count + 7) / 8 else { return false }
        let out = column.pointee.reserve(count)
        for index in 0..<count {
            out[index] = 48 + (bytes[4 + index >> 3] >> UInt8(7 - index & 7) & 1)
        }
        column.pointee.commit(count)
        return true
    }
}

/// UUIDs as 16 octets and as 36 lower-case characters.
enum PostgresUUID {
    @inline(__always) static func write(_ bytes: UnsafePointer<UInt8>, to out: UnsafeMutablePointer<UInt8>) {
        var position = 0
        for index in 0..<16 {
            if index == 4 || index == 6 || index == 8 || index == 10 {
                out[position] = UInt8(ascii: "-")
                position &+= 1
            }
            out[position] = digit(bytes[index] &>> 4)
            out[position &+ 1] = digit(bytes[index] & 15)
            position &+= 2
        }
    }

    @inline(__always) private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? value &+ 48 : value &+ 87 }

    /// False when the text is no UUID in its canonical form.
    @inline(__always) static func read(_ text: UnsafeBufferPointer<UInt8>, to out: UnsafeMutablePointer<UInt8>) -> Bool {
        guard text.count == 36 else { return false }
        var position = 0
        for index in 0..<16 {
            if index == 4 || index == 6 || index == 8 || index == 10 {
                guard text[position] == UInt8(ascii: "-") else { return false }
                position &+= 1
            }
            let high = nibble(text[position])
            let low = nibble(text[position &+ 1])
            guard high | low < 16 else { return false }
            out[index] = high &<< 4 | low
            position &+= 2
        }
        return true
    }

    @inline(__always) private static func nibble(_ byte: UInt8) -> UInt8 {
        if byte &- 48 <= 9 { return byte &- 48 }
        let letter = (byte | 0x20) &- 97
        return letter < 6 ? letter &+ 10 : 255
    }
}
