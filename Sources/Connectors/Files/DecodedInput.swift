import ApusCore
import Glibc

/// Text of another encoding as UTF-8, by iconv.
///
/// An octet that the encoding does not know becomes 0xFF, which UTF-8 never has: the reader of rows finds it there
/// and rejects that row alone.
final class DecodedInput: ByteInput {
    private let input: any ByteInput
    private let label: String
    private let converter: iconv_t
    private let memory: UnsafeMutablePointer<UInt8>
    private static let capacity = 128 << 10
    private var end = 0
    private var isAtEnd = false
    private var taken = 0
    private var given = 0
    /// Positions here and in the input of the first octets that could not be decoded.
    private var faults: [Int: Int] = [:]

    init(_ input: any ByteInput, encoding: String, label: String) throws {
        self.input = input
        self.label = label
        converter = try Encoding.converter(to: "UTF-8", from: encoding)
        memory = .allocate(capacity: DecodedInput.capacity)
    }

    deinit {
        iconv_close(converter)
        memory.deallocate()
    }

    var position: Int { input.position }
    func origin(of position: Int) -> Int { faults[position] ?? position }

    func read(into out: UnsafeMutablePointer<UInt8>, count: Int) throws -> Int {
        if pending.isEmpty, count >= 8 { return try convert(into: out, count: count) }
        // A character may need four octets: smaller blocks go through a place of their own.
        if pending.isEmpty {
            var block = [UInt8](repeating: 0, count: 4096)
            let got = try block.withUnsafeMutableBufferPointer { try convert(into: $0.baseAddress!, count: 4096) }
            pending = block[..<got]
        }
        let part = pending.prefix(count)
        for (index, byte) in part.enumerated() { out[index] = byte }
        pending = pending.dropFirst(part.count)
        return part.count
    }

    /// Decoded octets that the caller had no room for.
    private var pending: ArraySlice<UInt8> = []

    private func convert(into out: UnsafeMutablePointer<UInt8>, count: Int) throws -> Int {
        while true {
            if !isAtEnd, end < DecodedInput.capacity {
                let got = try input.read(into: memory + end, count: DecodedInput.capacity - end)
                isAtEnd = got == 0
                end += got
            }
            if end == 0 { return 0 }
            var source: UnsafeMutablePointer<CChar>? = UnsafeMutableRawPointer(memory).assumingMemoryBound(
                to: CChar.self)
            var sourceLeft = end
            var target: UnsafeMutablePointer<CChar>? = UnsafeMutableRawPointer(out).assumingMemoryBound(to: CChar.self)
            var targetLeft = count
            let status = iconv(converter, &source, &sourceLeft, &target, &targetLeft)
            let fault = status == -1 ? errno : 0
            var used = end - sourceLeft
            var written = count - targetLeft
            if fault == EILSEQ || (fault == EINVAL && isAtEnd), written < count {
                if faults.count < 1000 { faults[given + written] = taken + used }
                out[written] = 0xFF
                written += 1
                used += 1
            }
            taken += used
            given += written
            memory.update(from: memory + used, count: end - used)
            end -= used
            if written > 0 { return written }
        }
    }
}

/// Names of encodings.
enum Encoding {
    /// glibc's name; nil for UTF-8, which needs no conversion.
    static func system(_ name: String) -> String? {
        switch name.lowercased().replacing("_", with: "-") {
        case "utf-8", "utf8", "utf8mb4", "ascii", "us-ascii": nil
        case "latin1", "iso-8859-1": "ISO-8859-1"
        case "utf16": "UTF-16"
        case "utf-16le", "utf16le": "UTF-16LE"
        case "utf-16be", "utf16be": "UTF-16BE"
        default: name.uppercased()
        }
    }

    /// - throws: `config.invalid` for an encoding that glibc does not have.
    static func converter(to target: String, from source: String) throws -> iconv_t {
        let converter = iconv_open(target, source)
        if Int(bitPattern: converter) == -1 {
            let name = target == "UTF-8" ? source : target
            throw ApusError(
                .configurationInvalid, "the encoding `\(name)` is not known here",
                hint: "Known are utf-8, gbk, gb18030, latin1, utf-16le, utf-16be and what `iconv -l` lists.")
        }
        return converter!
    }
}
