import Tabular

/// Base64 with padding (RFC 4648 §4).
enum Base64 {
    private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

    static func encode(_ bytes: UnsafeBufferPointer<UInt8>, into buffer: inout ByteBuffer) {
        let digits = alphabet.utf8Start
        let length = (bytes.count + 2) / 3 * 4
        let out = buffer.room(length)
        var place = 0
        var position = 0
        while position < bytes.count {
            let left = bytes.count - position
            let first = UInt32(bytes[position])
            let second = left > 1 ? UInt32(bytes[position + 1]) : 0
            let third = left > 2 ? UInt32(bytes[position + 2]) : 0
            let word = first << 16 | second << 8 | third
            out[place] = digits[Int(word >> 18)]
            out[place + 1] = digits[Int(word >> 12 & 63)]
            out[place + 2] = left > 1 ? digits[Int(word >> 6 & 63)] : UInt8(ascii: "=")
            out[place + 3] = left > 2 ? digits[Int(word & 63)] : UInt8(ascii: "=")
            place += 4
            position += 3
        }
        buffer.advance(length)
    }

    /// Returns the octets written, or nil when the text is not Base64. `out` has room for the text's length.
    static func decode(_ text: UnsafeBufferPointer<UInt8>, to out: UnsafeMutablePointer<UInt8>) -> Int? {
        guard text.count % 4 == 0 else { return nil }
        var length = 0
        var position = 0
        while position < text.count {
            let isLast = position + 4 == text.count
            let padding = isLast ? (text[position + 3] == 61 ? (text[position + 2] == 61 ? 2 : 1) : 0) : 0
            var word: UInt32 = 0
            for index in 0..<4 {
                let digit = index < 4 - padding ? value(text[position + index]) : 0
                guard digit < 64 else { return nil }
                word = word << 6 | UInt32(digit)
            }
            for index in 0..<(3 - padding) {
                out[length] = UInt8(truncatingIfNeeded: word >> UInt32(16 - index * 8))
                length += 1
            }
            position += 4
        }
        return length
    }

    private static func value(_ digit: UInt8) -> UInt8 {
        switch digit {
        case 65...90: digit - 65
        case 97...122: digit - 71
        case 48...57: digit + 4
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: 255
        }
    }
}
