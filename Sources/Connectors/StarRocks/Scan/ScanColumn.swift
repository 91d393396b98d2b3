import Tabular

/// How an Arrow column becomes the column of a batch: the values that the SQL port gives, from another form.
enum ScanColumn: Equatable {
    case boolean
    case integer(bits: Int, isSigned: Bool)
    case float32, float64
    case decimal(scale: Int)
    case date32
    case timestamp(perSecond: Int64)
    case bytes
    case textDate, textTimestamp

    /// Nil where the SQL port would give other values, or may.
    init?(_ arrow: ArrowType, as type: ColumnType) {
        switch (arrow, type) {
        case (.boolean, .boolean): self = .boolean
        case (.integer(let bits, let isSigned), .integer): self = .integer(bits: bits, isSigned: isSigned)
        case (.integer(8, true), .boolean): self = .integer(bits: 8, isSigned: true)
        case (.float32, .float(32)): self = .float32
        case (.float64, .float(64)): self = .float64
        case (.decimal128(let scale), .decimal(_, let wanted)) where scale == wanted && (0...38).contains(scale):
            self = .decimal(scale: scale)
        case (.date32, .date): self = .date32
        case (.timestamp(let perSecond), .timestamp): self = .timestamp(perSecond: perSecond)
        case (.text, .date): self = .textDate
        case (.text, .timestamp): self = .textTimestamp
        case (.text, .text), (.text, .json), (.text, .decimal(_, 0)), (.bytes, .bytes), (.text, .bytes): self = .bytes
        default: return nil
        }
    }

    /// Appends the values of some rows. Returns the bytes that they have.
    /// - throws: ``ScanFault`` for offsets that point outside, and for a text that is no date; the column is then to be given up.
    func append(_ column: ArrowColumn, _ rows: Range<Int>, to target: UnsafeMutablePointer<ColumnBuffer>) throws -> Int {
        let values = column.values
        switch self {
        case .boolean:
            let bits = values.assumingMemoryBound(to: UInt8.self)
            Self.each(column, rows, target) { target.pointee.append(Int64(bits[$0 >> 3] >> UInt8($0 & 7) & 1)) }
            return rows.count
        case .integer(let bits, let isSigned):
            switch (bits, isSigned) {
            case (8, true): Self.integers(Int8.self, column, rows, target)
            case (16, true): Self.integers(Int16.self, column, rows, target)
            case (32, true): Self.integers(Int32.self, column, rows, target)
            case (8, false): Self.integers(UInt8.self, column, rows, target)
            case (16, false): Self.integers(UInt16.self, column, rows, target)
            case (32, false): Self.integers(UInt32.self, column, rows, target)
            default: Self.integers(Int64.self, column, rows, target)
            }
            return rows.count * bits / 8
        case .float32:
            Self.each(column, rows, target) { row in
                let value = Float(bitPattern: values.loadUnaligned(fromByteOffset: row &* 4, as: UInt32.self))
                target.pointee.append(value.isNaN ? Double.nan : Double(value))
            }
            return rows.count * 4
        case .float64:
            Self.each(column, rows, target) { row in
                let value = Double(bitPattern: values.loadUnaligned(fromByteOffset: row &* 8, as: UInt64.self))
                target.pointee.append(value.isNaN ? Double.nan : value)
            }
            return rows.count * 8
        case .date32:
            Self.integers(Int32.self, column, rows, target)
            return rows.count * 4
        case .timestamp(let perSecond):
            let factor = 1_000_000 / perSecond
            Self.each(column, rows, target) { row in
                target.pointee.append(values.loadUnaligned(fromByteOffset: row &* 8, as: Int64.self) &* factor)
            }
            return rows.count * 8
        case .decimal(let scale):
            Self.each(column, rows, target) { row in
                let low = values.loadUnaligned(fromByteOffset: row &* 16, as: UInt64.self)
                let high = values.loadUnaligned(fromByteOffset: row &* 16 &+ 8, as: Int64.self)
                let room = target.pointee.reserve(Format.longest * 2)
                target.pointee.commit(Self.decimal(high, low, scale, to: room))
            }
            return rows.count * 16
        case .bytes:
            return try Self.texts(column, rows, target) { target.pointee.append($0.baseAddress!, count: $0.count) }
        case .textDate:
            return try Self.texts(column, rows, target) {
                guard let value = Parse.date($0) else { throw ScanFault.unsupported("a text that is not a date") }
                target.pointee.append(value)
            }
        case .textTimestamp:
            return try Self.texts(column, rows, target) {
                guard let value = Parse.timestamp($0) else { throw ScanFault.unsupported("a text that is not a date and time") }
                target.pointee.append(value)
            }
        }
    }

    @inline(__always)
    private static func each(
        _ column: ArrowColumn, _ rows: Range<Int>, _ target: UnsafeMutablePointer<ColumnBuffer>, _ body: (Int) throws -> Void
    ) rethrows {
        guard let validity = column.validity else {
            for row in rows { try body(row) }
            return
        }
        for row in rows {
            if validity[row >> 3] >> UInt8(row & 7) & 1 == 0 { target.pointee.appendNull() } else { try body(row) }
        }
    }

    @inline(__always)
    private static func integers<Value: FixedWidthInteger & BitwiseCopyable>(
        _: Value.Type, _ column: ArrowColumn, _ rows: Range<Int>, _ target: UnsafeMutablePointer<ColumnBuffer>
    ) {
        let values = column.values
        each(column, rows, target) { row in
            let value = Value(littleEndian: values.loadUnaligned(fromByteOffset: row &* MemoryLayout<Value>.size, as: Value.self))
            target.pointee.append(Int64(truncatingIfNeeded: value))
        }
    }

    /// Calls `body` with the bytes of each value, which lie within the column's.
    @inline(__always)
    private static func texts(
        _ column: ArrowColumn, _ rows: Range<Int>, _ target: UnsafeMutablePointer<ColumnBuffer>,
        _ body: (UnsafeBufferPointer<UInt8>) throws -> Void
    ) throws -> Int {
        let offsets = column.values
        var sum = 0
        try each(column, rows, target) { row in
            let from = Int(offsets.loadUnaligned(fromByteOffset: row &* 4, as: Int32.self))
            let upTo = Int(offsets.loadUnaligned(fromByteOffset: row &* 4 &+ 4, as: Int32.self))
            guard from >= 0, from <= upTo, upTo <= column.bytesCount else {
                throw ScanFault.malformed("an Arrow text that lies outside of its column")
            }
            sum &+= upTo &- from
            try body(UnsafeBufferPointer(start: column.bytes + from, count: upTo &- from))
        }
        return sum
    }

    /// Plain digits with `scale` of them behind the point, as the SQL port prints a DECIMAL.
    static func decimal(_ high: Int64, _ low: UInt64, _ scale: Int, to out: UnsafeMutablePointer<UInt8>) -> Int {
        let value = Int128(high) << 64 | Int128(low)
        var length = 0
        if value < 0 {
            out[0] = UInt8(ascii: "-")
            length = 1
        }
        let magnitude = value.magnitude
        // The digits go where they stay when none are missing before the point.
        let digits = out + length
        var count: Int
        if magnitude <= UInt128(UInt64.max) {
            count = Format.unsigned(UInt64(magnitude), to: digits)
        } else {
            let (upper, lower) = magnitude.quotientAndRemainder(dividingBy: 10_000_000_000_000_000_000)
            count = Format.unsigned(UInt64(upper), to: digits)
            // Nineteen digits, from the last.
            var rest = UInt64(lower)
            for place in stride(from: count + 18, through: count, by: -1) {
                digits[place] = UInt8(truncatingIfNeeded: rest % 10) + 48
                rest /= 10
            }
            count += 19
        }
        guard scale > 0 else { return length + count }
        if count <= scale {
            let missing = scale + 1 - count
            (digits + missing).update(from: digits, count: count)
            for place in 0..<missing { digits[place] = 48 }
            count = scale + 1
        }
        let point = count - scale
        (digits + point + 1).update(from: digits + point, count: scale)
        digits[point] = UInt8(ascii: ".")
        return length + count + 1
    }
}
