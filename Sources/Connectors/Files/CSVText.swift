import CScan
import Tabular

/// How a text is written between separators: bare, in quotes or with escapes.
final class CSVText {
    /// The quote, or -1.
    let quote: Int
    /// The first octet of a comment, or -1.
    let comment: Int
    /// Octets that make quotes or escapes necessary.
    let special: apus_octets
    private let backslash: Bool
    private let raw: Bool
    private let separator: UInt8
    private let null: [UInt8]
    /// Octets to write a backslash or a second quote before, within quotes.
    private let doubled: apus_octets

    init(_ format: CSVFormat) {
        let first = format.separator[0]
        let escape = UInt8(ascii: "\\")
        quote = format.quote.map { Int($0) } ?? -1
        comment = format.comment.map { Int($0) } ?? -1
        backslash = format.backslash
        raw = format.raw
        separator = first
        null = format.null ?? []
        special = apus_octets(a: first, b: 10, c: 13, d: format.quote ?? first, e: format.backslash ? escape : first)
        let inner = format.quote ?? first
        doubled = apus_octets(a: inner, b: inner, c: inner, d: inner, e: format.backslash ? escape : inner)
    }

    /// The empty string, which must not become NULL.
    @inline(__always) func appendEmpty(to buffer: inout ByteBuffer) {
        guard quote >= 0, null.isEmpty else { return }
        buffer.append(UInt8(truncatingIfNeeded: quote))
        buffer.append(UInt8(truncatingIfNeeded: quote))
    }

    /// False, and nothing written, when the text needs quotes and the format has neither quotes nor escapes.
    @inline(__always) func write(_ bytes: UnsafeBufferPointer<UInt8>, into buffer: inout ByteBuffer) -> Bool {
        guard let base = bytes.baseAddress, bytes.count > 0 else {
            appendEmpty(to: &buffer)
            return true
        }
        let isBare =
            apus_find(base, bytes.count, special) == bytes.count && Int(base[0]) != comment
            && (null.isEmpty || bytes.count != null.count || !bytes.elementsEqual(null))
        if isBare {
            buffer.append(base, count: bytes.count)
            return true
        }
        if quote >= 0 {
            writeQuoted(base, bytes.count, into: &buffer)
            return true
        }
        guard backslash else {
            if raw { buffer.append(base, count: bytes.count) }
            return raw
        }
        writeEscaped(bytes, into: &buffer)
        return true
    }

    private func writeQuoted(_ base: UnsafePointer<UInt8>, _ count: Int, into buffer: inout ByteBuffer) {
        let quote = UInt8(truncatingIfNeeded: quote)
        buffer.append(quote)
        var position = 0
        while true {
            let run = apus_find(base + position, count - position, doubled)
            buffer.append(base + position, count: run)
            position += run
            if position == count { break }
            buffer.append(backslash ? UInt8(ascii: "\\") : quote)
            buffer.append(base[position])
            position += 1
        }
        buffer.append(quote)
    }

    private func writeEscaped(_ bytes: UnsafeBufferPointer<UInt8>, into buffer: inout ByteBuffer) {
        let escape = UInt8(ascii: "\\")
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case 10: buffer.append("\\n" as StaticString)
            case 13: buffer.append("\\r" as StaticString)
            case escape, separator:
                buffer.append(escape)
                buffer.append(byte)
            default:
                // A NULL marker or a comment that is meant as text.
                if index == 0, Int(byte) == comment || bytes.elementsEqual(null) { buffer.append(escape) }
                buffer.append(byte)
            }
        }
    }
}
