/// A checksum of 128 bits.
public struct Checksum: Hashable, Sendable, Codable {
    public var high: UInt64
    public var low: UInt64

    public init(high: UInt64 = 0, low: UInt64 = 0) {
        self.high = high
        self.low = low
    }

    /// 32 lower-case hexadecimal digits.
    public var hex: String { Checksum.digits(high) + Checksum.digits(low) }

    private static func digits(_ value: UInt64) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: 16 - text.utf8.count) + text
    }
}

/// A checksum over rows by their values, the same whatever system they come from: not a secret one, but one in which
/// two different tables do not meet by chance.
///
/// A row's hash covers its number of columns and for each whether it is NULL, its length and its canonical text,
/// where `-0` is `0` and a decimal has no trailing zeros. Names and types are not in it: cast both sides to one schema
/// first.
public struct RowDigest: Sendable {
    /// Rows added.
    public private(set) var rows = 0
    /// The sum of the rows' hashes: equal for equal rows in any order, and the sums of parts add up.
    public private(set) var sum = Checksum()
    /// Equal only for equal rows in the same order.
    public private(set) var ordered = Checksum(high: Mix.seeds.0, low: Mix.seeds.1)

    public init() {}

    /// Adds the rows of a batch. It must not be in a wire format.
    public mutating func add(_ batch: Batch) {
        Self.rows(of: batch) { add($0) }
        rows += batch.rowCount
    }

    /// The hash of each row of a batch, which must not be in a wire format.
    public static func rows(of batch: Batch, _ body: (Checksum) -> Void) {
        precondition(batch.wire == nil, "a batch with typed columns")
        guard let columns = batch.columns.baseAddress else { return }
        let types = batch.schema.types
        let kinds = types.map(TextKind.init)
        let isDecimal = types.map { type in
            if case .decimal = type { true } else { false }
        }
        var row = ByteBuffer(capacity: 4096)
        for index in 0..<batch.rowCount {
            row.removeAll()
            row.append(word: UInt64(kinds.count))
            for place in 0..<kinds.count {
                row.append(canonical: columns + place, row: index, kind: kinds[place], isDecimal: isDecimal[place])
            }
            body(Mix.hash(row.bytes))
        }
    }

    /// Adds the rows of another part of the same table. The order is then that of the parts.
    public mutating func merge(_ other: RowDigest) {
        rows += other.rows
        sum.high &+= other.sum.high
        sum.low &+= other.sum.low
        ordered = Mix.chain(ordered, other.ordered)
    }

    /// The sum in 32 hexadecimal digits.
    public var hex: String { sum.hex }

    @inline(__always) private mutating func add(_ hash: Checksum) {
        sum.high &+= hash.high
        sum.low &+= hash.low
        ordered = Mix.chain(ordered, hash)
    }
}

extension ByteBuffer {
    /// Eight octets, low first.
    @inline(__always) fileprivate mutating func append(word: UInt64) {
        UnsafeMutableRawPointer(room(8)).storeBytes(of: word.littleEndian, as: UInt64.self)
        count &+= 8
    }

    /// A value with its length in front, or all ones for NULL.
    @inline(__always)
    fileprivate mutating func append(
        canonical column: UnsafePointer<ColumnBuffer>, row: Int, kind: TextKind, isDecimal: Bool
    ) {
        if column.pointee.isNull(row) {
            append(word: .max)
            return
        }
        append(word: 0)
        let begin = count
        if (kind == .float64 || kind == .float32) && column.pointee.double(row) == 0 {
            append(UInt8(ascii: "0"))
        } else {
            append(value: column, row: row, kind: kind)
        }
        if isDecimal { trimFraction(from: begin) }
        let length = UInt64(count &- begin)
        UnsafeMutableRawPointer(start + (begin &- 8)).storeBytes(of: length.littleEndian, as: UInt64.self)
    }

    /// Takes zeros at the end of a decimal's fraction away, and the point if nothing is left of it.
    private mutating func trimFraction(from begin: Int) {
        var hasPoint = false
        for index in begin..<count where start[index] == UInt8(ascii: ".") { hasPoint = true }
        if hasPoint {
            while start[count &- 1] == UInt8(ascii: "0") { count &-= 1 }
            if start[count &- 1] == UInt8(ascii: ".") { count &-= 1 }
        }
        if count &- begin == 2, start[begin] == UInt8(ascii: "-"), start[begin &+ 1] == UInt8(ascii: "0") {
            start[begin] = UInt8(ascii: "0")
            count &-= 1
        }
    }
}

/// Two lanes of multiply-and-fold, as wyhash and XXH3 mix, with constants of their own (the fractions of square roots).
enum Mix {
    static let seeds: (UInt64, UInt64) = (0x6a09_e667_f3bc_c908, 0xbb67_ae85_84ca_a73b)
    private static let secrets: (UInt64, UInt64, UInt64, UInt64) = (
        0x3c6e_f372_fe94_f82b, 0xa54f_f53a_5f1d_36f1, 0x510e_527f_ade6_82d1, 0x9b05_688c_2b3e_6c1f
    )

    /// The 128 bits of a product, folded to 64.
    @inline(__always) private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }

    @inline(__always) static func chain(_ state: Checksum, _ hash: Checksum) -> Checksum {
        Checksum(
            high: fold(state.high ^ hash.high ^ secrets.0, state.low &+ hash.low ^ secrets.1) &+ hash.high,
            low: fold(state.low ^ hash.low ^ secrets.2, state.high &+ hash.high ^ secrets.3) &+ hash.low)
    }

    static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> Checksum {
        var one = seeds.0
        var two = seeds.1
        guard let base = UnsafeRawPointer(bytes.baseAddress) else { return Checksum(high: one, low: two) }
        let count = bytes.count
        var index = 0
        while count &- index >= 16 {
            let a = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            let b = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: index &+ 8, as: UInt64.self))
            one = fold(a ^ secrets.0 ^ one, b ^ secrets.1) &+ one
            two = fold(a ^ secrets.2, b ^ secrets.3 ^ two) ^ (two &<< 1 | two &>> 63)
            index &+= 16
        }
        var a: UInt64 = 0
        var b: UInt64 = 0
        var shift: UInt64 = 0
        while index < count {
            let byte = UInt64(bytes[index])
            if shift < 64 { a |= byte &<< shift } else { b |= byte &<< (shift &- 64) }
            shift &+= 8
            index &+= 1
        }
        let length = UInt64(count)
        one = fold(a ^ secrets.1 ^ one, b ^ secrets.2 ^ length)
        two = fold(a ^ secrets.3 ^ length, b ^ secrets.0 ^ two)
        return Checksum(
            high: fold(one ^ secrets.2, two ^ secrets.1),
            low: fold(two ^ secrets.3, (one &<< 32 | one &>> 32) ^ seeds.0))
    }
}
