import Tabular

/// numeric's binary form (src/backend/utils/adt/numeric.c, numeric_recv): int16 number of digits, weight of the first,
/// sign, digits after the point; then digits to base 10,000.
enum PostgresNumeric {
    static let negative: UInt16 = 0x4000
    static let nan: UInt16 = 0xC000
    static let positiveInfinity: UInt16 = 0xD000
    static let negativeInfinity: UInt16 = 0xF000

    /// Appends the plain digits. False when the octets are no numeric.
    @inline(__always)
    static func decode(_ bytes: UnsafePointer<UInt8>, _ length: Int, into column: UnsafeMutablePointer<ColumnBuffer>) -> Bool {
        guard length >= 8 else { return false }
        let digitCount = Int(bigEndian16(bytes))
        let weight = Int(Int16(bitPattern: bigEndian16(bytes + 2)))
        let sign = bigEndian16(bytes + 4)
        let scale = Int(bigEndian16(bytes + 6) & 0x3fff)
        guard length == 8 &+ digitCount &* 2 else { return false }
        if sign & 0xC000 == 0xC000 {
            switch sign {
            case nan: column.pointee.append("NaN" as StaticString)
            case positiveInfinity: column.pointee.append("Infinity" as StaticString)
            case negativeInfinity: column.pointee.append("-Infinity" as StaticString)
            default: return false
            }
            return true
        }
        let digits = bytes + 8
        let out = column.pointee.reserve(max(weight &+ 1, 1) &* 4 &+ scale &+ 8)
        var end = 0
        if sign == negative {
            out[0] = UInt8(ascii: "-")
            end = 1
        }
        if weight < 0 {
            out[end] = 48
            end &+= 1
        } else {
            for index in 0...weight {
                let group = index < digitCount ? bigEndian16(digits + index &* 2) : 0
                guard group < 10_000 else { return false }
                if index == 0 {
                    end &+= writeShort(UInt32(group), out + end)
                } else {
                    writeFour(UInt32(group), out + end)
                    end &+= 4
                }
            }
        }
        if scale > 0 {
            out[end] = UInt8(ascii: ".")
            end &+= 1
            var index = weight &+ 1
            var written = 0
            while written < scale {
                let group = index >= 0 && index < digitCount ? bigEndian16(digits + index &* 2) : 0
                guard group < 10_000 else { return false }
                writeFour(UInt32(group), out + (end &+ written))
                written &+= 4
                index &+= 1
            }
            end &+= scale
        }
        column.pointee.commit(end)
        return true
    }

    @inline(__always) private static func writeFour(_ value: UInt32, _ out: UnsafeMutablePointer<UInt8>) {
        let high = value / 100
        let low = value &- high &* 100
        out[0] = UInt8(truncatingIfNeeded: high / 10) &+ 48
        out[1] = UInt8(truncatingIfNeeded: high % 10) &+ 48
        out[2] = UInt8(truncatingIfNeeded: low / 10) &+ 48
        out[3] = UInt8(truncatingIfNeeded: low % 10) &+ 48
    }

    /// Without leading zeros; returns the octets written.
    @inline(__always) private static func writeShort(_ value: UInt32, _ out: UnsafeMutablePointer<UInt8>) -> Int {
        if value >= 1000 {
            writeFour(value, out)
            return 4
        }
        var length = 0
        if value >= 100 {
            out[0] = UInt8(truncatingIfNeeded: value / 100) &+ 48
            length = 1
        }
        if value >= 10 {
            out[length] = UInt8(truncatingIfNeeded: value / 10 % 10) &+ 48
            length &+= 1
        }
        out[length] = UInt8(truncatingIfNeeded: value % 10) &+ 48
        return length &+ 1
    }

    /// Room that ``encode(_:to:)`` needs for a text of so many octets.
    @inline(__always) static func longest(_ textLength: Int) -> Int { 16 &+ textLength }

    /// Writes the binary form of plain digits (`-12.50`, `NaN`, `Infinity`) without its length word. Returns the octets
    /// written; nil when the text is no number or beyond 131,072 digits before or 16,383 after the point.
    @inline(__always)
    static func encode(_ text: UnsafeBufferPointer<UInt8>, to out: UnsafeMutablePointer<UInt8>) -> Int? {
        guard let base = text.baseAddress, text.count > 0 else { return nil }
        var position = base[0] == UInt8(ascii: "-") || base[0] == UInt8(ascii: "+") ? 1 : 0
        let isNegative = base[0] == UInt8(ascii: "-")
        if position < text.count, base[position] > 57 { return special(text, isNegative, out) }
        while position < text.count, base[position] == 48 { position &+= 1 }
        let wholeStart = position
        while position < text.count, base[position] &- 48 <= 9 { position &+= 1 }
        let whole = position &- wholeStart
        var fraction = 0
        var fractionStart = position
        if position < text.count {
            guard base[position] == UInt8(ascii: "."), text.count > 1 else { return nil }
            fractionStart = position &+ 1
            fraction = text.count &- fractionStart
            guard whole > 0 || fraction > 0 || position > 0 else { return nil }
        } else if whole == 0, base[text.count &- 1] != 48 {
            return nil
        }
        guard whole <= 131_072, fraction <= 16_383 else { return nil }
        var groups = 0
        var weight = (whole &+ 3) / 4 &- 1
        let digits = out + 8
        var value: UInt32 = 0
        // The first group takes what is left over by groups of four.
        var room = whole & 3 == 0 ? 4 : whole & 3
        for index in 0..<whole {
            value = value &* 10 &+ UInt32(base[wholeStart &+ index] &- 48)
            room &-= 1
            if room == 0 {
                store(UInt16(truncatingIfNeeded: value), digits + groups &* 2)
                groups &+= 1
                value = 0
                room = 4
            }
        }
        var index = 0
        while index < fraction {
            value = 0
            for place in 0..<4 {
                var digit: UInt8 = 0
                if index &+ place < fraction {
                    digit = base[fractionStart &+ index &+ place] &- 48
                    guard digit <= 9 else { return nil }
                }
                value = value &* 10 &+ UInt32(digit)
            }
            index &+= 4
            if groups == 0 && value == 0 {
                weight &-= 1
                continue
            }
            store(UInt16(truncatingIfNeeded: value), digits + groups &* 2)
            groups &+= 1
        }
        while groups > 0, bigEndian16(digits + (groups &- 1) &* 2) == 0 { groups &-= 1 }
        if groups == 0 { weight = 0 }
        store(UInt16(truncatingIfNeeded: groups), out)
        store(UInt16(bitPattern: Int16(truncatingIfNeeded: weight)), out + 2)
        store(isNegative && groups > 0 ? negative : 0, out + 4)
        store(UInt16(truncatingIfNeeded: fraction), out + 6)
        return 8 &+ groups &* 2
    }

    @inline(never)
    private static func special(
        _ text: UnsafeBufferPointer<UInt8>, _ isNegative: Bool, _ out: UnsafeMutablePointer<UInt8>
    ) -> Int? {
        let sign: UInt16
        switch String(decoding: text, as: UTF8.self).lowercased() {
        case "nan": sign = nan
        case "infinity", "inf", "+infinity", "+inf": sign = positiveInfinity
        case "-infinity", "-inf": sign = negativeInfinity
        default: return nil
        }
        store(0, out)
        store(0, out + 2)
        store(sign, out + 4)
        store(0, out + 6)
        return 8
    }

    @inline(__always) private static func store(_ value: UInt16, _ out: UnsafeMutablePointer<UInt8>) {
        UnsafeMutableRawPointer(out).storeBytes(of: value.bigEndian, as: UInt16.self)
    }
}

@inline(__always) func bigEndian16(_ bytes: UnsafePointer<UInt8>) -> UInt16 {
    UInt16(bigEndian: UnsafeRawPointer(bytes).loadUnaligned(as: UInt16.self))
}
@inline(__always) func bigEndian32(_ bytes: UnsafePointer<UInt8>) -> UInt32 {
    UInt32(bigEndian: UnsafeRawPointer(bytes).loadUnaligned(as: UInt32.self))
}
@inline(__always) func bigEndian64(_ bytes: UnsafePointer<UInt8>) -> UInt64 {
    UInt64(bigEndian: UnsafeRawPointer(bytes).loadUnaligned(as: UInt64.self))
}
