import ApusCore
import Glibc
import Tabular

/// Turns UTF-8 into another encoding, by iconv.
final class TextEncoder {
    private let converter: iconv_t
    /// What the option `bom` writes.
    let mark: [UInt8]

    /// - parameter encoding: glibc's name.
    init(_ encoding: String) throws {
        // `UTF-16` alone would write a mark before every piece: the mark is written once, by the file's prefix.
        let exact = encoding == "UTF-16" ? "UTF-16LE" : encoding
        converter = try Encoding.converter(to: exact, from: "UTF-8")
        mark = exact == "UTF-16LE" ? [0xFF, 0xFE] : exact == "UTF-16BE" ? [0xFE, 0xFF] : []
    }

    deinit { iconv_close(converter) }

    /// Appends the text to the buffer; false, and nothing appended, when a character has no place in the encoding.
    func encode(_ text: UnsafeBufferPointer<UInt8>, into buffer: inout ByteBuffer) -> Bool {
        guard let base = text.baseAddress, text.count > 0 else { return true }
        let start = buffer.count
        var source: UnsafeMutablePointer<CChar>? = UnsafeMutableRawPointer(mutating: base).assumingMemoryBound(
            to: CChar.self)
        var sourceLeft = text.count
        while sourceLeft > 0 {
            let room = max(64, sourceLeft * 2)
            let out = buffer.room(room)
            var target: UnsafeMutablePointer<CChar>? = UnsafeMutableRawPointer(out).assumingMemoryBound(to: CChar.self)
            var targetLeft = room
            let status = iconv(converter, &source, &sourceLeft, &target, &targetLeft)
            let fault = status == -1 ? errno : 0
            buffer.advance(room - targetLeft)
            if fault != 0 && fault != E2BIG {
                buffer.truncate(to: start)
                iconv(converter, nil, nil, nil, nil)
                return false
            }
        }
        return true
    }
}
