/// Canonical text of values: what CSV, text protocols, rejected rows and checksums hold. ``Format`` says how each is
/// written; ``Parse`` reads it back.
extension ByteBuffer {
    /// Decimal digits.
    public mutating func append(integer value: Int64) { count &+= Format.integer(value, to: room(Format.longest)) }

    /// Decimal digits.
    public mutating func append(unsigned value: UInt64) { count &+= Format.unsigned(value, to: room(Format.longest)) }

    /// The shortest text that reads back as the same value; `NaN`, `Infinity`, `-Infinity`.
    public mutating func append(double value: Double) { count &+= Format.double(value, to: room(Format.longest)) }

    /// As ``append(double:)`` for a 32-bit value.
    public mutating func append(float value: Float) { count &+= Format.float(value, to: room(Format.longest)) }

    /// `true` or `false`.
    public mutating func append(boolean value: Bool) { append(value ? "true" : "false" as StaticString) }

    /// `2024-01-31`, of days since 1970-01-01.
    public mutating func append(date days: Int64) { count &+= Format.date(days, to: room(Format.longest)) }

    /// `2024-01-31 12:34:56.789012`, of microseconds since 1970-01-01, without trailing zeros in the fraction.
    public mutating func append(timestamp microseconds: Int64) {
        count &+= Format.timestamp(microseconds, to: room(Format.longest))
    }

    /// As ``append(timestamp:)``, followed by `+00`.
    public mutating func append(instant microseconds: Int64) {
        count &+= Format.instant(microseconds, to: room(Format.longest))
    }

    /// `HH:MM:SS[.ffffff]`, of microseconds.
    public mutating func append(time microseconds: Int64) {
        count &+= Format.duration(microseconds, to: room(Format.longest))
    }

    /// `[-]HHH:MM:SS[.ffffff]`, of microseconds.
    public mutating func append(duration microseconds: Int64) {
        count &+= Format.duration(microseconds, to: room(Format.longest))
    }

    /// Two lower-case hexadecimal digits an octet.
    public mutating func append(hex bytes: UnsafeBufferPointer<UInt8>) {
        count &+= Format.hex(bytes, to: room(bytes.count &* 2))
    }

    /// The canonical text of a value that is not NULL.
    ///
    /// Octets are printed as `\x` and hexadecimal digits; what is stored as text is appended as it is.
    public mutating func append(value column: UnsafePointer<ColumnBuffer>, row: Int, kind: TextKind) {
        switch kind {
        case .stored:
            append(column.pointee.bytes(row))
        case .bytes:
            append("\\x" as StaticString)
            append(hex: column.pointee.bytes(row))
        default:
            count &+= Format.fixed(column.pointee.values[row], kind, to: room(Format.longest))
        }
    }

    /// The same for a type; loops compile it to a ``TextKind`` once.
    public mutating func append(value column: UnsafePointer<ColumnBuffer>, row: Int, type: ColumnType) {
        append(value: column, row: row, kind: TextKind(type))
    }
}
