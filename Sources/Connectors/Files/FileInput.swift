import ApusCore
import Glibc

/// A stream of octets, read in blocks.
protocol ByteInput: AnyObject {
    /// Reads up to `count` octets; 0 at the end.
    func read(into out: UnsafeMutablePointer<UInt8>, count: Int) throws -> Int
    /// Octets taken from the file so far, before decompression and decoding.
    var position: Int { get }
    /// Where in the undecoded text the octet at a position of this stream stood.
    func origin(of position: Int) -> Int
}

extension ByteInput {
    func origin(of position: Int) -> Int { position }
}

/// A file or pipe.
final class FileInput: ByteInput {
    private let descriptor: Descriptor
    private let label: String
    private let interrupt: Interrupt
    private let isPipe: Bool
    private(set) var position = 0

    init(_ descriptor: Descriptor, label: String, interrupt: Interrupt) {
        self.descriptor = descriptor
        self.label = label
        self.interrupt = interrupt
        isPipe = !descriptor.isRegular
        if !isPipe { posix_fadvise(descriptor.number, 0, 0, POSIX_FADV_SEQUENTIAL) }
    }

    func read(into out: UnsafeMutablePointer<UInt8>, count: Int) throws -> Int {
        while true {
            try interrupt.check()
            if isPipe {
                // A pipe cannot be shut down from another thread, so the wait is cut into short ones.
                var waited = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
                if poll(&waited, 1, 200) == 0 { continue }
            }
            let got = Glibc.read(descriptor.number, out, count)
            if got >= 0 {
                position += got
                return got
            }
            if errno != EINTR && errno != EAGAIN { throw FileError.last("reading \(label)") }
        }
    }
}

/// How a file is compressed.
enum Compression: String {
    case none, gzip, zstd

    /// By the end of the name.
    init(ofName name: String) {
        self = name.hasSuffix(".gz") ? .gzip : name.hasSuffix(".zst") ? .zstd : .none
    }

    var suffix: String { self == .gzip ? ".gz" : self == .zstd ? ".zst" : "" }
}

/// Opens files as streams of UTF-8: decompressed and decoded.
struct InputOpener {
    /// nil = by the name.
    var compression: Compression?
    /// glibc's name of the encoding; nil = UTF-8.
    var encoding: String?
    var interrupt: Interrupt

    /// - parameter path: `-` is standard input.
    /// - parameter sample: what is read of standard input stays to be read.
    func open(_ path: String, sample: Bool = false) throws -> any ByteInput {
        let label = InputOpener.label(path)
        var input: any ByteInput
        if path == FileLocation.standard {
            input = try StandardInput(sample: sample, interrupt: interrupt)
        } else {
            let descriptor = try Descriptor(opening: path, O_RDONLY, "opening \(path)")
            if isFolder(path) { throw FileError.of(EISDIR, "reading \(path)") }
            input = FileInput(descriptor, label: label, interrupt: interrupt)
        }
        switch compression ?? Compression(ofName: path) {
        case .none: break
        case .gzip: input = try GzipInput(input, label: label)
        case .zstd: input = try ZstdInput(input, label: label)
        }
        if let encoding { input = try DecodedInput(input, encoding: encoding, label: label) }
        return input
    }

    static func label(_ path: String) -> String { path == FileLocation.standard ? "standard input" : path }
}
