/// A checksum of 128 bits.
public struct Checksum: Hashable, Sendable, Codable {
    public var high: UInt64
    public var low: UInt64

    public init(high: UInt64 = 0, low: UInt64 = 0) {
        self.high = high
        self.low = low
    }

    /// Of a text: equal texts have equal checksums.
    public init(of text: String) {
        var text = text
        self = text.withUTF8 { Mix.hash($0) }
    }

    /// 32 lower-case hexadecimal digits.
    public var hex: String { Checksum.digits(high) + Checksum.digits(low) }

    private static func digits(_ value: UInt64) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: 16 - text.utf8.count) + text
    }
}

/// A checksum over rows by their values (``RowHasher``): not a secret one, but one in which two different tables do not
/// meet by chance.
public struct RowDigest: Sendable {
    /// Rows added.
    public private(set) var rows = 0
    /// The sum of the rows' hashes: equal for equal rows in any order, and the sums of parts add up.
    public private(set) var sum = Checksum()
    /// Equal only for equal rows in the same order.
    public private(set) var ordered = Checksum(high: Mix.seeds.0, low: Mix.seeds.1)

    public init() {}

    /// Adds the rows of a batch. It must not be in a wire format.
    public mutating func add(_ batch: Batch) { add(batch, by: RowHasher(batch.schema)) }

    /// The same, where a hasher of the batch's schema is at hand.
    public mutating func add(_ batch: Batch, by hasher: RowHasher) {
        hasher.rows(of: batch) { add($0) }
        rows += batch.rowCount
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
