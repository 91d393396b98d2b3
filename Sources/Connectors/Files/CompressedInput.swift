import ApusCore
import CZlib
import CZstd

/// Octets that a decompressor takes from another stream.
private final class Feed {
    let input: any ByteInput
    let memory: UnsafeMutablePointer<UInt8>
    static let capacity = 256 << 10
    var start = 0
    var end = 0
    var isAtEnd = false

    init(_ input: any ByteInput) {
        self.input = input
        memory = .allocate(capacity: Feed.capacity)
    }

    deinit { memory.deallocate() }

    /// Fetches more when all is used; false at the end.
    func fill() throws -> Bool {
        if start < end { return true }
        if isAtEnd { return false }
        start = 0
        end = try input.read(into: memory, count: Feed.capacity)
        isAtEnd = end == 0
        return !isAtEnd
    }
}

private func truncated(_ label: String, _ kind: String, after position: Int) -> ApusError {
    ApusError(
        .malformedInput, "\(label) breaks off in the middle of its \(kind) data, after \(position) octets",
        hint: "The file is incomplete: fetch or write it again. Nothing of it was loaded.")
}

private func damaged(_ label: String, _ kind: String, after position: Int, _ words: String) -> ApusError {
    ApusError(
        .malformedInput, "\(label) holds damaged \(kind) data near octet \(position)",
        hint: "Check the file with `\(kind) -t`, and that the option `compression` is right.", underlying: words)
}

/// Decompressed gzip, of one member or several (RFC 1952 §2.2).
final class GzipInput: ByteInput {
    private let feed: Feed
    private let label: String
    private let stream: UnsafeMutablePointer<z_stream>
    private var isInMember = false
    private var isEmpty = true
    /// The last call filled its output: the decompressor may hold more without further input.
    private var hasOutput = false

    init(_ input: any ByteInput, label: String) throws {
        feed = Feed(input)
        self.label = label
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard apus_inflate_init_gzip(stream) == Z_OK else { throw ApusError(.failed, "zlib gives no decompressor") }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    var position: Int { feed.input.position }

    func read(into out: UnsafeMutablePointer<UInt8>, count: Int) throws -> Int {
        while true {
            if !hasOutput {
                guard try feed.fill() else {
                    if isInMember || isEmpty { throw truncated(label, "gzip", after: position) }
                    return 0
                }
            }
            if !isInMember {
                // Zeros behind the last member are padding of tapes and block devices (gzip's manual, "Tapes").
                if !isEmpty, feed.memory[feed.start] == 0 {
                    feed.start += 1
                    continue
                }
                guard inflateReset(stream) == Z_OK else {
                    throw damaged(label, "gzip", after: position, "inflateReset")
                }
                isInMember = true
            }
            isEmpty = false
            let room = min(count, 1 << 30)
            stream.pointee.next_in = feed.memory + feed.start
            stream.pointee.avail_in = UInt32(feed.end - feed.start)
            stream.pointee.next_out = out
            stream.pointee.avail_out = UInt32(room)
            let status = inflate(stream, Z_NO_FLUSH)
            feed.start = feed.end - Int(stream.pointee.avail_in)
            let got = room - Int(stream.pointee.avail_out)
            switch status {
            case Z_STREAM_END: isInMember = false
            case Z_OK, Z_BUF_ERROR: break
            default:
                let words = stream.pointee.msg.map { String(cString: $0) } ?? "zlib error \(status)"
                throw damaged(label, "gzip", after: position, words)
            }
            hasOutput = got == room && isInMember
            if got > 0 { return got }
        }
    }
}

/// Decompressed Zstandard, of one frame or several (RFC 8878 §3).
final class ZstdInput: ByteInput {
    private let feed: Feed
    private let label: String
    private let stream: OpaquePointer
    /// An empty file is no Zstandard file.
    private var isInFrame = true
    private var hasOutput = false

    init(_ input: any ByteInput, label: String) throws {
        feed = Feed(input)
        self.label = label
        guard let stream = ZSTD_createDStream() else { throw ApusError(.failed, "zstd gives no decompressor") }
        self.stream = stream
        // Windows up to 2 GiB, as `zstd --long=31` writes them.
        ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, 31)
    }

    deinit { ZSTD_freeDStream(stream) }

    var position: Int { feed.input.position }

    func read(into out: UnsafeMutablePointer<UInt8>, count: Int) throws -> Int {
        while true {
            if !hasOutput {
                guard try feed.fill() else {
                    if isInFrame { throw truncated(label, "zstd", after: position) }
                    return 0
                }
            }
            var input = ZSTD_inBuffer(src: feed.memory + feed.start, size: feed.end - feed.start, pos: 0)
            var output = ZSTD_outBuffer(dst: out, size: count, pos: 0)
            let status = ZSTD_decompressStream(stream, &output, &input)
            if ZSTD_isError(status) != 0 {
                throw damaged(label, "zstd", after: position, String(cString: ZSTD_getErrorName(status)))
            }
            feed.start += input.pos
            isInFrame = status != 0
            // A full output may leave decoded octets in the decompressor.
            hasOutput = output.pos == output.size && isInFrame
            if output.pos > 0 { return output.pos }
        }
    }
}
