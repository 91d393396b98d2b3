/// A strict reader of the JSON objects that ``Batch/json(row:)`` writes, and of JSON in general (RFC 8259) as far as
/// telling whether a text is a value.
public enum RowJSON {
    /// The members of a JSON object, in order. A string is its text, a number or a boolean the text as written, null
    /// nil, an array or an object its JSON. Nil when the text is not exactly one valid object.
    public static func parse(_ text: String) -> [(name: String, value: String?)]? {
        var text = text
        return text.withUTF8 { bytes in
            var reader = Reader(bytes)
            return reader.object()
        }
    }

    /// Whether the octets are one JSON value, with white space around it. Nesting beyond 512 levels is refused.
    public static func isValue(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var reader = Reader(bytes)
        return reader.skipValue(depth: 0) && reader.isAtEnd
    }

    /// Whether the octets are a JSON number.
    static func isNumber(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var reader = Reader(bytes)
        return reader.skipNumber() && reader.position == bytes.count
    }
}

private struct Reader {
    let bytes: UnsafeBufferPointer<UInt8>
    var position = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    /// Zero behind the end, which no JSON outside a string contains.
    var next: UInt8 { position < bytes.count ? bytes[position] : 0 }

    var isAtEnd: Bool {
        mutating get {
            skipSpace()
            return position == bytes.count
        }
    }

    mutating func skipSpace() {
        while position < bytes.count, next == 32 || next == 10 || next == 13 || next == 9 { position += 1 }
    }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    mutating func object() -> [(name: String, value: String?)]? {
        var members: [(name: String, value: String?)] = []
        skipSpace()
        guard take("{") else { return nil }
        skipSpace()
        if take("}") { return isAtEnd ? members : nil }
        while true {
            skipSpace()
            guard let name = string() else { return nil }
            skipSpace()
            guard take(":") else { return nil }
            skipSpace()
            if next == UInt8(ascii: "\"") {
                guard let value = string() else { return nil }
                members.append((name, value))
            } else {
                let start = position
                guard skipValue(depth: 1) else { return nil }
                let raw = String(decoding: bytes[start..<position], as: UTF8.self)
                members.append((name, raw == "null" ? nil : raw))
            }
            skipSpace()
            if take(",") { continue }
            return take("}") && isAtEnd ? members : nil
        }
    }

    mutating func string() -> String? {
        let start = position
        guard skipString() else { return nil }
        var text = ByteBuffer(capacity: position - start)
        var index = start + 1
        while index < position - 1 {
            guard bytes[index] == UInt8(ascii: "\\") else {
                text.append(bytes[index])
                index += 1
                continue
            }
            index += 2
            switch bytes[index - 1] {
            case UInt8(ascii: "n"): text.append(10)
            case UInt8(ascii: "t"): text.append(9)
            case UInt8(ascii: "r"): text.append(13)
            case UInt8(ascii: "b"): text.append(8)
            case UInt8(ascii: "f"): text.append(12)
            case UInt8(ascii: "u"):
                var code = hex4(index)
                index += 4
                if code >= 0xD800, code < 0xDC00, bytes[index] == UInt8(ascii: "\\"),
                    bytes[index + 1] == UInt8(ascii: "u")
                {
                    let low = hex4(index + 2)
                    if low >= 0xDC00, low < 0xE000 {
                        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
                        index += 6
                    }
                }
                // Half a surrogate pair is no character: it becomes U+FFFD.
                text.append(String(Unicode.Scalar(code) ?? "\u{FFFD}"))
            default: text.append(bytes[index - 1])
            }
        }
        return text.string
    }

    func hex4(_ index: Int) -> UInt32 {
        var value: UInt32 = 0
        for place in index..<index + 4 { value = value << 4 | UInt32(Parse.nibble(bytes[place])) }
        return value
    }

    mutating func skipString() -> Bool {
        guard take("\"") else { return false }
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte == UInt8(ascii: "\"") { return true }
            if byte < 32 { return false }
            guard byte == UInt8(ascii: "\\") else { continue }
            switch next {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
                UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
                position += 1
            case UInt8(ascii: "u"):
                guard position + 5 <= bytes.count else { return false }
                for place in 1...4 where Parse.nibble(bytes[position + place]) > 15 { return false }
                position += 5
            default: return false
            }
        }
        return false
    }

    mutating func skipDigits() -> Bool {
        let start = position
        while next &- 48 <= 9 { position += 1 }
        return position > start
    }

    mutating func skipNumber() -> Bool {
        _ = take("-")
        if !take("0") { guard skipDigits() else { return false } }
        if take(".") { guard skipDigits() else { return false } }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            return skipDigits()
        }
        return true
    }

    mutating func skipWord(_ word: StaticString) -> Bool {
        let length = word.utf8CodeUnitCount
        guard position + length <= bytes.count else { return false }
        for index in 0..<length where bytes[position + index] != word.utf8Start[index] { return false }
        position += length
        return true
    }

    mutating func skipValue(depth: Int) -> Bool {
        skipSpace()
        switch next {
        case UInt8(ascii: "\""): return skipString()
        case UInt8(ascii: "t"): return skipWord("true")
        case UInt8(ascii: "f"): return skipWord("false")
        case UInt8(ascii: "n"): return skipWord("null")
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            guard depth < 512 else { return false }
            let isObject = take("{") || !take("[")
            let end: Unicode.Scalar = isObject ? "}" : "]"
            skipSpace()
            if take(end) { return true }
            while true {
                skipSpace()
                if isObject {
                    guard skipString() else { return false }
                    skipSpace()
                    guard take(":") else { return false }
                }
                guard skipValue(depth: depth + 1) else { return false }
                skipSpace()
                if take(",") { continue }
                return take(end)
            }
        default: return skipNumber()
        }
    }
}
