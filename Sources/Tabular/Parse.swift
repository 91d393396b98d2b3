import CNumbers

/// Readers of text: the whole of it must be the value, else the result is nil. Nothing is skipped, also no spaces
/// (``trimmed(_:)`` does that); nothing allocates.
public enum Parse {
    /// The text without ASCII white space around it.
    public static func trimmed(_ bytes: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
        guard let base = bytes.baseAddress else { return bytes }
        var start = 0
        var end = bytes.count
        while start < end, isSpace(base[start]) { start &+= 1 }
        while end > start, isSpace(base[end &- 1]) { end &-= 1 }
        return UnsafeBufferPointer(start: base + start, count: end &- start)
    }

    @inline(__always) static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (byte >= 9 && byte <= 13) }

    /// Decimal digits with an optional sign; nil also when out of range.
    public static func integer(_ bytes: UnsafeBufferPointer<UInt8>) -> Int64? {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return nil }
        let isNegative = base[0] == UInt8(ascii: "-")
        let hasSign = isNegative || base[0] == UInt8(ascii: "+")
        let start = hasSign ? 1 : 0
        guard let magnitude = digits(base + start, bytes.count &- start) else { return nil }
        if isNegative {
            return magnitude > 1 << 63 ? nil : 0 &- Int64(bitPattern: magnitude)
        }
        return magnitude >= 1 << 63 ? nil : Int64(bitPattern: magnitude)
    }

    /// Decimal digits with an optional `+`; nil also when out of range.
    public static func unsigned(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64? {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return nil }
        let start = base[0] == UInt8(ascii: "+") ? 1 : 0
        return digits(base + start, bytes.count &- start)
    }

    @inline(__always)
    private static func digits(_ base: UnsafePointer<UInt8>, _ count: Int) -> UInt64? {
        guard count > 0 else { return nil }
        var value: UInt64 = 0
        let safe = min(count, 19)
        var index = 0
        while safe &- index >= 8 {
            guard let word = eight(base + index) else { return nil }
            value = value &* 100_000_000 &+ word
            index &+= 8
        }
        while index < safe {
            let digit = base[index] &- 48
            if digit > 9 { return nil }
            value = value &* 10 &+ UInt64(digit)
            index &+= 1
        }
        if count <= 19 { return value }
        for index in safe..<count {
            let digit = base[index] &- 48
            if digit > 9 { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
            if overflow || carry { return nil }
            value = sum
        }
        return value
    }

    /// The value of eight digits, all at once: pairs, then fours, then the eight.
    @inline(__always)
    private static func eight(_ base: UnsafePointer<UInt8>) -> UInt64? {
        var word = UInt64(littleEndian: UnsafeRawPointer(base).loadUnaligned(as: UInt64.self))
        // Every octet is 0x30…0x3f, and stays so when 6 is added.
        guard word & 0xf0f0_f0f0_f0f0_f0f0 == Format.zeros,
            (word &+ 0x0606_0606_0606_0606) & 0xf0f0_f0f0_f0f0_f0f0 == Format.zeros
        else { return nil }
        word &-= Format.zeros
        word = (word &* 10 &+ word &>> 8) & 0x00ff_00ff_00ff_00ff
        word = (word &* 100 &+ word &>> 16) & 0x0000_ffff_0000_ffff
        return (word &* 10_000 &+ word &>> 32) & 0xffff_ffff
    }

    /// A decimal number, with or without exponent, or `nan`, `inf`, `infinity` in any case; nil also when the number
    /// is too large or too small for a double.
    public static func double(_ bytes: UnsafeBufferPointer<UInt8>) -> Double? {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return nil }
        let hasSign = base[0] == UInt8(ascii: "-") || base[0] == UInt8(ascii: "+")
        let start = hasSign ? 1 : 0
        guard start < bytes.count else { return nil }
        let first = base[start]
        guard first &- 48 <= 9 || first == UInt8(ascii: ".") else {
            let word = UnsafeBufferPointer(start: base + start, count: bytes.count &- start)
            if matches(word, "nan") { return .nan }
            guard matches(word, "inf") || matches(word, "infinity") else { return nil }
            return base[0] == UInt8(ascii: "-") ? -.infinity : .infinity
        }
        var value = 0.0
        let status = UnsafeRawPointer(base).withMemoryRebound(to: CChar.self, capacity: bytes.count) {
            apus_parse_double($0, bytes.count, &value)
        }
        return status == 1 ? value : nil
    }

    /// `true`, `t`, `yes`, `y`, `on`, `1` and their opposites, in any case.
    public static func boolean(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool? {
        switch bytes.count {
        case 1:
            switch bytes[0] | 0x20 {
            case UInt8(ascii: "t"), UInt8(ascii: "y"): return true
            case UInt8(ascii: "f"), UInt8(ascii: "n"): return false
            default: return bytes[0] == UInt8(ascii: "1") ? true : bytes[0] == UInt8(ascii: "0") ? false : nil
            }
        case 2: return matches(bytes, "on") ? true : matches(bytes, "no") ? false : nil
        case 3: return matches(bytes, "yes") ? true : matches(bytes, "off") ? false : nil
        case 4: return matches(bytes, "true") ? true : nil
        case 5: return matches(bytes, "false") ? false : nil
        default: return nil
        }
    }

    /// Whether the text is the lower-case ASCII word, in any case.
    @inline(__always)
    static func matches(_ bytes: UnsafeBufferPointer<UInt8>, _ word: StaticString) -> Bool {
        guard bytes.count == word.utf8CodeUnitCount, let base = bytes.baseAddress else { return false }
        for index in 0..<bytes.count where base[index] | 0x20 != word.utf8Start[index] { return false }
        return true
    }

    /// A whole number written with a fraction of zeros, an exponent or spaces around it (`1.0`, `1e3`), given to `parse` as
    /// plain digits; any other fraction is rounded or refused.
    public static func whole(
        _ bytes: UnsafeBufferPointer<UInt8>, rounds: Bool = false, _ parse: (UnsafeBufferPointer<UInt8>) -> Int64?
    ) -> Int64? {
        guard let number = DecimalText(trimmed(bytes)), !number.isNaN, !number.isInfinite,
            number.integerDigits <= 20, rounds || !number.hasFraction
        else { return nil }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: number.longest) { scratch in
            guard let text = scratch.baseAddress else { return nil }
            return parse(UnsafeBufferPointer(start: text, count: number.write(to: text, scale: 0)))
        }
    }

    /// Whether the text is a decimal number as ``DecimalText`` reads it.
    public static func isDecimal(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool { DecimalText(bytes) != nil }

    /// Appends a decimal number in plain digits, as a batch holds it: `1.5e3` becomes `1500`, `+.50` becomes `0.50`.
    /// False, and nothing appended, when the text is no number.
    public static func decimal(_ bytes: UnsafeBufferPointer<UInt8>, into column: inout ColumnBuffer) -> Bool {
        guard let number = DecimalText(bytes) else { return false }
        column.commit(number.write(to: column.reserve(number.longest)))
        return true
    }

    /// Writes a UUID as 36 lower-case characters to `out`; upper case, braces and missing hyphens are understood.
    public static func uuid(_ bytes: UnsafeBufferPointer<UInt8>, to out: UnsafeMutablePointer<UInt8>) -> Bool {
        guard var base = bytes.baseAddress else { return false }
        var count = bytes.count
        if count > 2, base[0] == UInt8(ascii: "{"), base[count &- 1] == UInt8(ascii: "}") {
            base += 1
            count &-= 2
        }
        guard count == 36 || count == 32 else { return false }
        let hyphen = UInt8(ascii: "-")
        var position = 0
        for index in 0..<36 {
            if index == 8 || index == 13 || index == 18 || index == 23 {
                out[index] = hyphen
                if count == 36 {
                    if base[position] != hyphen { return false }
                    position &+= 1
                }
                continue
            }
            let byte = base[position]
            position &+= 1
            guard nibble(byte) < 16 else { return false }
            out[index] = byte >= 65 ? byte | 0x20 : byte
        }
        return true
    }

    /// Reads pairs of hexadecimal digits, after an optional `\x` or `0x`, to `out`, which has room for half the text.
    /// Returns the number of octets.
    public static func hex(_ bytes: UnsafeBufferPointer<UInt8>, to out: UnsafeMutablePointer<UInt8>) -> Int? {
        guard var base = bytes.baseAddress else { return 0 }
        var count = bytes.count
        if count >= 2, base[1] | 0x20 == UInt8(ascii: "x"), base[0] == UInt8(ascii: "\\") || base[0] == 48 {
            base += 2
            count &-= 2
        }
        guard count & 1 == 0 else { return nil }
        for index in 0..<(count &>> 1) {
            let high = nibble(base[index &* 2])
            let low = nibble(base[index &* 2 &+ 1])
            guard high | low < 16 else { return nil }
            out[index] = high &<< 4 | low
        }
        return count &>> 1
    }

    /// The value of a hexadecimal digit, or 255.
    @inline(__always) static func nibble(_ byte: UInt8) -> UInt8 {
        let digit = byte &- 48
        if digit <= 9 { return digit }
        let letter = (byte | 0x20) &- 97
        return letter < 6 ? letter &+ 10 : 255
    }
}
