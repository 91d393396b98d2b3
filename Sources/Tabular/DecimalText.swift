/// A decimal number in text, taken apart: sign, digits and the place of the point.
///
/// Understood are an optional sign, digits with an optional point, an optional exponent of at most ±100,000, and
/// `NaN`, `Infinity` and `Inf` in any case. It points into the text and is valid as long as that is.
public struct DecimalText {
    /// The digits, in two runs around the point of the text, without leading zeros.
    private var head: UnsafeBufferPointer<UInt8>
    private var tail: UnsafeBufferPointer<UInt8>
    /// How many digits stand before the point: negative when zeros follow it first.
    private var point: Int
    public let isNegative: Bool
    public let isNaN: Bool
    public let isInfinite: Bool

    public init?(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return nil }
        let count = bytes.count
        isNegative = base[0] == UInt8(ascii: "-")
        var position = isNegative || base[0] == UInt8(ascii: "+") ? 1 : 0
        head = UnsafeBufferPointer(start: base, count: 0)
        tail = head
        point = 0
        if position < count, base[position] &- 48 > 9, base[position] != UInt8(ascii: ".") {
            let word = UnsafeBufferPointer(start: base + position, count: count - position)
            isNaN = Parse.matches(word, "nan")
            isInfinite = Parse.matches(word, "infinity") || Parse.matches(word, "inf")
            if !isNaN && !isInfinite { return nil }
            return
        }
        isNaN = false
        isInfinite = false
        let first = position
        while position < count, base[position] &- 48 <= 9 { position &+= 1 }
        head = UnsafeBufferPointer(start: base + first, count: position &- first)
        if position < count, base[position] == UInt8(ascii: ".") {
            position &+= 1
            let second = position
            while position < count, base[position] &- 48 <= 9 { position &+= 1 }
            tail = UnsafeBufferPointer(start: base + second, count: position &- second)
        }
        guard head.count &+ tail.count > 0 else { return nil }
        point = head.count
        if position < count {
            guard base[position] | 0x20 == UInt8(ascii: "e") else { return nil }
            let rest = UnsafeBufferPointer(start: base + position + 1, count: count &- position &- 1)
            guard let exponent = Parse.integer(rest), exponent.magnitude <= 100_000 else { return nil }
            point &+= Int(exponent)
        }
        while let digit = head.first, digit == 48 {
            head = UnsafeBufferPointer(rebasing: head.dropFirst())
            point &-= 1
        }
        if head.isEmpty {
            while let digit = tail.first, digit == 48 {
                tail = UnsafeBufferPointer(rebasing: tail.dropFirst())
                point &-= 1
            }
        }
        if digitCount == 0, point > 0 { point = 0 }
    }

    @inline(__always) private var digitCount: Int { head.count &+ tail.count }

    @inline(__always) private func digit(_ index: Int) -> UInt8 {
        index < head.count ? head[index] : tail[index &- head.count]
    }

    /// Digits before the point, 0 for a number below 1.
    public var integerDigits: Int { digitCount == 0 ? 0 : max(point, 0) }
    /// Digits after the point, trailing zeros included.
    public var fractionDigits: Int { max(digitCount &- point, 0) }
    /// Whether there is a digit after the point that is not zero.
    public var hasFraction: Bool {
        var index = max(point, 0)
        while index < digitCount {
            if digit(index) != 48 { return true }
            index &+= 1
        }
        return false
    }

    /// Whether all digits beyond a scale are zeros.
    public func isExact(scale: Int) -> Bool {
        var index = max(point &+ scale, 0)
        while index < digitCount {
            if digit(index) != 48 { return false }
            index &+= 1
        }
        return true
    }

    /// How many octets ``write(to:scale:)`` may need.
    public var longest: Int { 16 &+ integerDigits &+ fractionDigits }

    /// Writes plain digits: `-12.50`, `0.5`, `NaN`, `-Infinity`; no `+`, no leading zeros, no `-0`.
    ///
    /// With a scale, digits beyond it are rounded half away from zero; fewer are not filled up. A negative scale
    /// rounds before the point. Returns the octets written, at most ``longest`` plus the negative scale.
    public func write(to out: UnsafeMutablePointer<UInt8>, scale: Int? = nil) -> Int {
        if isNaN || isInfinite { return Format.special(isNaN: isNaN, isNegative: isNegative, out) }
        let fraction = min(fractionDigits, max(scale ?? Int.max, 0))
        let start = isNegative ? 1 : 0
        var length = start
        /// Index behind the last digit that is kept, which may be before the first.
        let kept: Int
        if let scale, scale < 0 { kept = point &+ scale } else { kept = point &+ fraction }
        // The integer part, up to the digit that is kept.
        let whole = min(point, kept)
        if whole <= 0 || digitCount == 0 {
            out[length] = 48
            length &+= 1
        } else {
            for index in 0..<whole {
                out[length] = index < digitCount ? digit(index) : 48
                length &+= 1
            }
        }
        if fraction > 0 {
            out[length] = UInt8(ascii: ".")
            length &+= 1
            for index in point..<(point &+ fraction) {
                out[length] = index >= 0 && index < digitCount ? digit(index) : 48
                length &+= 1
            }
        }
        if kept >= 0, kept < digitCount, digit(kept) >= 53 { length = increment(out, start, length) }
        if let scale, scale < 0, !(length == start &+ 1 && out[start] == 48) {
            for _ in 0..<(-scale) {
                out[length] = 48
                length &+= 1
            }
        }
        guard isNegative else { return length }
        out[0] = UInt8(ascii: "-")
        for index in start..<length where out[index] != 48 && out[index] != UInt8(ascii: ".") { return length }
        for index in start..<length { out[index &- 1] = out[index] }
        return length &- 1
    }

    /// Adds one to the last digit of the text.
    private func increment(_ out: UnsafeMutablePointer<UInt8>, _ start: Int, _ length: Int) -> Int {
        var index = length &- 1
        while index >= start {
            if out[index] == 57 {
                out[index] = 48
            } else if out[index] != UInt8(ascii: ".") {
                out[index] &+= 1
                return length
            }
            index &-= 1
        }
        var place = length
        while place > start {
            out[place] = out[place &- 1]
            place &-= 1
        }
        out[start] = 49
        return length &+ 1
    }
}
