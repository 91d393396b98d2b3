import CScan
import Tabular

extension ByteBuffer {
    /// A JSON string of UTF-8 text, quoted (RFC 8259 §7).
    mutating func append(jsonText bytes: UnsafeBufferPointer<UInt8>) {
        append(UInt8(ascii: "\""))
        if let base = bytes.baseAddress {
            var position = 0
            while position < bytes.count {
                var run = position
                while run < bytes.count, base[run] >= 0x20, base[run] != UInt8(ascii: "\""),
                    base[run] != UInt8(ascii: "\\")
                { run &+= 1 }
                append(base + position, count: run &- position)
                if run < bytes.count { append(jsonEscape: base[run]) }
                position = run &+ 1
            }
        }
        append(UInt8(ascii: "\""))
    }

    private mutating func append(jsonEscape byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): append("\\\"" as StaticString)
        case UInt8(ascii: "\\"): append("\\\\" as StaticString)
        case 8: append("\\b" as StaticString)
        case 9: append("\\t" as StaticString)
        case 10: append("\\n" as StaticString)
        case 12: append("\\f" as StaticString)
        case 13: append("\\r" as StaticString)
        default:
            append("\\u00" as StaticString)
            append(byte >> 4 == 0 ? UInt8(ascii: "0") : UInt8(ascii: "1"))
            let low = byte & 15
            append(low < 10 ? low + 48 : low + 87)
        }
    }

    mutating func append(json text: String) {
        var text = text
        text.withUTF8 { append(jsonText: $0) }
    }
}
