import CNumbers

/// Writers of canonical text into memory the caller provides.
///
/// Each writes ASCII to `out`, which has room for ``longest`` octets, and returns how many it wrote. None allocates.
/// ``ByteBuffer`` has the same as `append(…:)`.
public enum Format {
    /// No writer of this type writes more octets than this.
    public static let longest = 64

    /// "00" to "99", two octets each.
    @inline(__always) static var pairs: UnsafePointer<UInt8> {
        let text: StaticString = """
            00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051\
            52535455565758596061626364656667686970717273747576777879808182838485868788899091929394959697989900
            """
        return text.utf8Start
    }

    @inline(__always) static func pair(_ value: UInt32, _ out: UnsafeMutablePointer<UInt8>) {
        let digits = UnsafeRawPointer(pairs + Int(value &* 2)).loadUnaligned(as: UInt16.self)
        UnsafeMutableRawPointer(out).storeBytes(of: digits, as: UInt16.self)
    }

    /// Exactly four digits of a value below 10,000.
    @inline(__always) static func four(_ value: UInt32, _ out: UnsafeMutablePointer<UInt8>) {
        pair(value / 100, out)
        pair(value % 100, out + 2)
    }

    /// The eight digits of a value below 100,000,000, one an octet, the first in the lowest: all at once, by halves.
    @inline(__always) static func digits(_ value: UInt32) -> UInt64 {
        let upper = value / 10_000
        var word = UInt64(upper) | UInt64(value &- upper &* 10_000) &<< 32
        // Two numbers below 10,000 to four below 100 to eight below 10; the factors are reciprocals, rounded up.
        let hundreds = (word &* 10_486) &>> 20 & 0x7f_0000_007f
        word = hundreds | (word &- hundreds &* 100) &<< 16
        let tens = (word &* 103) &>> 10 & 0x000f_000f_000f_000f
        return tens | (word &- tens &* 10) &<< 8
    }

    @inline(__always) static func store(_ digits: UInt64, _ out: UnsafeMutablePointer<UInt8>) {
        UnsafeMutableRawPointer(out).storeBytes(of: digits.littleEndian, as: UInt64.self)
    }

    static let zeros: UInt64 = 0x3030_3030_3030_3030

    /// Exactly eight digits of a value below 100,000,000.
    @inline(__always) static func eight(_ value: UInt32, _ out: UnsafeMutablePointer<UInt8>) {
        store(digits(value) | zeros, out)
    }

    /// The digits of a value below 100,000,000, without leading zeros. Writes eight octets.
    @inline(__always) static func short(_ value: UInt32, _ out: UnsafeMutablePointer<UInt8>) -> Int {
        let word = digits(value)
        let leading = (word | 1 &<< 63).trailingZeroBitCount &>> 3
        store((word | zeros) &>> UInt64(truncatingIfNeeded: leading &* 8), out)
        return 8 &- leading
    }

    /// Decimal digits.
    @inline(never) public static func unsigned(_ value: UInt64, to out: UnsafeMutablePointer<UInt8>) -> Int {
        if value < 100_000_000 { return short(UInt32(truncatingIfNeeded: value), out) }
        let upper = value / 100_000_000
        let lower = UInt32(truncatingIfNeeded: value &- upper &* 100_000_000)
        var length: Int
        if upper < 100_000_000 {
            length = short(UInt32(truncatingIfNeeded: upper), out)
        } else {
            length = short(UInt32(truncatingIfNeeded: upper / 100_000_000), out)
            eight(UInt32(truncatingIfNeeded: upper % 100_000_000), out + length)
            length &+= 8
        }
        eight(lower, out + length)
        return length &+ 8
    }

    /// Decimal digits, after `-` for a negative value.
    @inline(never) public static func integer(_ value: Int64, to out: UnsafeMutablePointer<UInt8>) -> Int {
        if value >= 0 { return unsigned(UInt64(bitPattern: value), to: out) }
        out[0] = UInt8(ascii: "-")
        return unsigned(value.magnitude, to: out + 1) &+ 1
    }

    /// The shortest text that reads back as the same value: plain digits from 0.0001 to below 1e15, else with an
    /// exponent (`1.5e+20`); `NaN`, `Infinity`, `-Infinity`; `-0` for negative zero.
    @inline(never) public static func double(_ value: Double, to out: UnsafeMutablePointer<UInt8>) -> Int {
        if value.magnitude < 1e15 {
            let whole = Int64(value)
            if Double(whole) == value, whole != 0 || value.sign == .plus { return integer(whole, to: out) }
            if value.magnitude < 1e9, value.magnitude >= 1e-3, let length = short(value, to: out) { return length }
        } else if !value.isFinite {
            return special(isNaN: value.isNaN, isNegative: value.sign == .minus, out)
        }
        return out.withMemoryRebound(to: CChar.self, capacity: longest) { apus_format_double(value, $0) }
    }

    /// Prices and measures, of at most six fraction digits. When the quotient of two exact integers is the value, it
    /// reads back as that, and of at most 15 digits no other decimal does.
    @inline(__always)
    private static func short(_ value: Double, to out: UnsafeMutablePointer<UInt8>) -> Int? {
        let magnitude = value.magnitude
        var scaled = UInt64(magnitude * 100 + 0.5)
        if Double(scaled) / 100 == magnitude {
            scaled &*= 10_000
        } else {
            scaled = UInt64(magnitude * 1_000_000 + 0.5)
            guard Double(scaled) / 1_000_000 == magnitude else { return nil }
        }
        out[0] = UInt8(ascii: "-")
        var length = value.sign == .minus ? 1 : 0
        let whole = scaled / 1_000_000
        length &+= unsigned(whole, to: out + length)
        return length &+ fraction(UInt32(truncatingIfNeeded: scaled &- whole &* 1_000_000), out + length)
    }

    /// A point and the six digits of a value below 1,000,000 that is not zero, without trailing zeros.
    @inline(__always) static func fraction(_ value: UInt32, _ out: UnsafeMutablePointer<UInt8>) -> Int {
        let word = digits(value &* 100)
        out[0] = UInt8(ascii: ".")
        store(word | zeros, out + 1)
        return 9 &- word.leadingZeroBitCount &>> 3
    }

    /// As ``double(_:to:)`` for a 32-bit value: `0.1`, where the double of the same value has 17 digits.
    @inline(never) public static func float(_ value: Float, to out: UnsafeMutablePointer<UInt8>) -> Int {
        if value.magnitude < 1e15 {
            let whole = Int64(value)
            if Float(whole) == value, whole != 0 || value.sign == .plus { return integer(whole, to: out) }
        } else if !value.isFinite {
            return special(isNaN: value.isNaN, isNegative: value.sign == .minus, out)
        }
        return out.withMemoryRebound(to: CChar.self, capacity: longest) { apus_format_float(value, $0) }
    }

    static func special(isNaN: Bool, isNegative: Bool, _ out: UnsafeMutablePointer<UInt8>) -> Int {
        text(isNaN ? "NaN" : isNegative ? "-Infinity" : "Infinity", out)
    }

    @inline(__always) static func text(_ text: StaticString, _ out: UnsafeMutablePointer<UInt8>) -> Int {
        out.update(from: text.utf8Start, count: text.utf8CodeUnitCount)
        return text.utf8CodeUnitCount
    }

    /// Two lower-case hexadecimal digits an octet; `out` has room for twice the octets.
    public static func hex(_ bytes: UnsafeBufferPointer<UInt8>, to out: UnsafeMutablePointer<UInt8>) -> Int {
        let digits = ("0123456789abcdef" as StaticString).utf8Start
        guard let base = bytes.baseAddress else { return 0 }
        for index in 0..<bytes.count {
            out[index &* 2] = digits[Int(base[index] &>> 4)]
            out[index &* 2 &+ 1] = digits[Int(base[index] & 15)]
        }
        return bytes.count &* 2
    }

    /// The canonical text of a value in ``Storage/fixed``.
    @inline(__always) static func fixed(_ value: Int64, _ kind: TextKind, to out: UnsafeMutablePointer<UInt8>) -> Int {
        switch kind {
        case .integer: integer(value, to: out)
        case .unsigned: unsigned(UInt64(bitPattern: value), to: out)
        case .boolean: text(value != 0 ? "true" : "false", out)
        case .float64: double(Double(bitPattern: UInt64(bitPattern: value)), to: out)
        case .float32: float(Float(Double(bitPattern: UInt64(bitPattern: value))), to: out)
        case .date: date(value, to: out)
        case .timestamp: timestamp(value, to: out)
        case .instant: instant(value, to: out)
        case .time, .duration: duration(value, to: out)
        case .bytes, .stored: 0
        }
    }
}
