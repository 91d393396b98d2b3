/// One form for all texts of a JSON value: without spaces, escapes and trailing zeros, members in the order of their
/// names, and of members of one name the last, as PostgreSQL's jsonb and MySQL's JSON keep them.
///
/// The form is for hashing, not for people: texts carry their length in front, numbers are digits and an exponent.
struct CanonicalJSON {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0
    private static let deepest = 512

    private init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    /// Nil when the text is not one JSON value.
    static func form(of bytes: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        var reader = CanonicalJSON(bytes)
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        guard reader.value(to: &out, depth: 0) else { return nil }
        reader.skipSpace()
        return reader.position == bytes.count ? out : nil
    }

    /// Zero behind the end, which no JSON outside a string contains.
    private var next: UInt8 { position < bytes.count ? bytes[position] : 0 }

    private mutating func skipSpace() {
        while next == 32 || next == 10 || next == 13 || next == 9 { position += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func value(to out: inout [UInt8], depth: Int) -> Bool {
        skipSpace()
        switch next {
        case UInt8(ascii: "\""):
            guard let text = string() else { return false }
            Self.append(text, to: &out)
            return true
        case UInt8(ascii: "{"): return depth < Self.deepest && object(to: &out, depth: depth)
        case UInt8(ascii: "["): return depth < Self.deepest && array(to: &out, depth: depth)
        case UInt8(ascii: "t"): return word("true", to: &out)
        case UInt8(ascii: "f"): return word("false", to: &out)
        case UInt8(ascii: "n"): return word("null", to: &out)
        default: return number(to: &out)
        }
    }

    private static func append(_ text: [UInt8], to out: inout [UInt8]) {
        out.append(UInt8(ascii: "s"))
        out.append(contentsOf: String(text.count).utf8)
        out.append(UInt8(ascii: ":"))
        out.append(contentsOf: text)
    }

    private mutating func object(to out: inout [UInt8], depth: Int) -> Bool {
        position += 1
        var members: [(name: [UInt8], value: [UInt8])] = []
        skipSpace()
        if !take("}") {
            while true {
                skipSpace()
                guard let name = string() else { return false }
                skipSpace()
                var value: [UInt8] = []
                guard take(":"), self.value(to: &value, depth: depth + 1) else { return false }
                members.append((name, value))
                skipSpace()
                if take(",") { continue }
                guard take("}") else { return false }
                break
            }
        }
        // The last of several members of one name: a stable order keeps them as they came.
        let order = members.indices.sorted { a, b in
            members[a].name == members[b].name ? a < b : members[a].name.lexicographicallyPrecedes(members[b].name)
        }
        out.append(UInt8(ascii: "{"))
        for (place, index) in order.enumerated() {
            if place + 1 < order.count, members[order[place + 1]].name == members[index].name { continue }
            Self.append(members[index].name, to: &out)
            out.append(contentsOf: members[index].value)
        }
        out.append(UInt8(ascii: "}"))
        return true
    }

    private mutating func array(to out: inout [UInt8], depth: Int) -> Bool {
        position += 1
        out.append(UInt8(ascii: "["))
        skipSpace()
        if !take("]") {
            while true {
                guard value(to: &out, depth: depth + 1) else { return false }
                skipSpace()
                if take(",") { continue }
                guard take("]") else { return false }
                break
            }
        }
        out.append(UInt8(ascii: "]"))
        return true
    }

    private mutating func word(_ word: StaticString, to out: inout [UInt8]) -> Bool {
        let length = word.utf8CodeUnitCount
        guard position + length <= bytes.count else { return false }
        for index in 0..<length where bytes[position + index] != word.utf8Start[index] { return false }
        position += length
        out.append(word.utf8Start[0])
        return true
    }

    /// `-12.50e3` is `n-125e2`: significant digits and the power of ten of the last one.
    private mutating func number(to out: inout [UInt8]) -> Bool {
        let isNegative = take("-")
        var digits: [UInt8] = []
        var power = 0
        let start = position
        while next &- 48 <= 9 {
            digits.append(next)
            position += 1
        }
        guard position > start, position == start + 1 || bytes[start] != 48 else { return false }
        if take(".") {
            let fraction = position
            while next &- 48 <= 9 {
                digits.append(next)
                position += 1
            }
            power = fraction - position
            guard power < 0 else { return false }
        }
        if next | 0x20 == UInt8(ascii: "e") {
            position += 1
            let isSmall = take("-")
            if !isSmall { _ = take("+") }
            let start = position
            var exponent = 0
            while next &- 48 <= 9 {
                // Beyond that every number is out of all systems' range.
                exponent = min(exponent * 10 + Int(next &- 48), 1_000_000_000)
                position += 1
            }
            guard position > start else { return false }
            power += isSmall ? -exponent : exponent
        }
        while digits.last == 48 {
            digits.removeLast()
            power += 1
        }
        let significant = digits.drop { $0 == 48 }
        out.append(UInt8(ascii: "n"))
        if significant.isEmpty {
            out.append(48)
            return true
        }
        if isNegative { out.append(UInt8(ascii: "-")) }
        out.append(contentsOf: significant)
        out.append(UInt8(ascii: "e"))
        out.append(contentsOf: String(power).utf8)
        out.append(UInt8(ascii: ";"))
        return true
    }

    private mutating func string() -> [UInt8]? {
        guard take("\"") else { return nil }
        var text: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte == UInt8(ascii: "\"") { return text }
            if byte < 32 { return nil }
            guard byte == UInt8(ascii: "\\") else {
                text.append(byte)
                continue
            }
            let escape = next
            position += 1
            switch escape {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(escape)
            case UInt8(ascii: "n"): text.append(10)
            case UInt8(ascii: "t"): text.append(9)
            case UInt8(ascii: "r"): text.append(13)
            case UInt8(ascii: "b"): text.append(8)
            case UInt8(ascii: "f"): text.append(12)
            case UInt8(ascii: "u"):
                guard var code = hex() else { return nil }
                if code & 0xFC00 == 0xD800, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
                    bytes[position + 1] == UInt8(ascii: "u")
                {
                    let before = position
                    position += 2
                    guard let low = hex() else { return nil }
                    if low & 0xFC00 == 0xDC00 {
                        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
                    } else {
                        position = before
                    }
                }
                Self.append(scalar: code, to: &text)
            default: return nil
            }
        }
        return nil
    }

    private mutating func hex() -> UInt32? {
        guard position + 4 <= bytes.count else { return nil }
        var value: UInt32 = 0
        for place in position..<position + 4 {
            let digit = Parse.nibble(bytes[place])
            guard digit <= 15 else { return nil }
            value = value << 4 | UInt32(digit)
        }
        position += 4
        return value
    }

    /// UTF-8; half a surrogate pair, which is no character, as its three bytes.
    private static func append(scalar code: UInt32, to text: inout [UInt8]) {
        switch code {
        case 0..<0x80: text.append(UInt8(code))
        case 0x80..<0x800: text += [UInt8(0xC0 | code >> 6), UInt8(0x80 | code & 0x3F)]
        case 0x800..<0x10000: text += [UInt8(0xE0 | code >> 12), UInt8(0x80 | code >> 6 & 0x3F), UInt8(0x80 | code & 0x3F)]
        default:
            text += [
                UInt8(0xF0 | code >> 18), UInt8(0x80 | code >> 12 & 0x3F), UInt8(0x80 | code >> 6 & 0x3F), UInt8(0x80 | code & 0x3F),
            ]
        }
    }
}
