import ApusCore
import CZlib
import CZstd
import Glibc

/// Takes octets, in order.
protocol ByteOutput: AnyObject {
    func write(_ bytes: UnsafeBufferPointer<UInt8>) throws
    /// Ends a member or frame of compressed data; what follows begins another.
    func endMember() throws
}

/// A file or pipe being written.
final class FileOutput: ByteOutput {
    private let descriptor: Descriptor
    private let label: String
    private let interrupt: Interrupt
    private let isPipe: Bool
    /// Octets written.
    private(set) var count = 0

    init(_ descriptor: Descriptor, label: String, interrupt: Interrupt) {
        self.descriptor = descriptor
        self.label = label
        self.interrupt = interrupt
        isPipe = !descriptor.isRegular
    }

    func write(_ bytes: UnsafeBufferPointer<UInt8>) throws {
        guard let base = bytes.baseAddress else { return }
        var position = 0
        while position < bytes.count {
            try interrupt.check()
            var length = bytes.count - position
            if isPipe {
                // A write of at most PIPE_BUF octets to a pipe with room does not block (pipe(7)).
                length = min(length, 4096)
                var waited = pollfd(fd: descriptor.number, events: Int16(POLLOUT), revents: 0)
                if poll(&waited, 1, 200) == 0 { continue }
            } else {
                length = min(length, 4 << 20)
            }
            let written = Glibc.write(descriptor.number, base + position, length)
            if written >= 0 {
                position += written
                count += written
            } else if errno != EINTR && errno != EAGAIN {
                throw FileError.last("writing \(label)")
            }
        }
    }

    func endMember() throws {}

    /// Waits until the disk has it.
    func sync() throws {
        if !isPipe, fsync(descriptor.number) != 0 { throw FileError.last("writing \(label)") }
    }
}

/// Compresses to gzip.
final class GzipOutput: ByteOutput {
    private let output: any ByteOutput
    private let stream: UnsafeMutablePointer<z_stream>
    private let memory: UnsafeMutablePointer<UInt8>
    private static let capacity = 256 << 10
    private var isInMember = false

    /// - parameter level: 1 to 9.
    init(_ output: any ByteOutput, level: Int) throws {
        self.output = output
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        memory = .allocate(capacity: GzipOutput.capacity)
        guard apus_deflate_init_gzip(stream, Int32(min(max(level, 1), 9))) == Z_OK else {
            throw ApusError(.failed, "zlib gives no compressor")
        }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
        memory.deallocate()
    }

    func write(_ bytes: UnsafeBufferPointer<UInt8>) throws {
        guard let base = bytes.baseAddress else { return }
        isInMember = true
        var position = 0
        while position < bytes.count {
            let length = min(bytes.count - position, 1 << 30)
            stream.pointee.next_in = UnsafeMutablePointer(mutating: base + position)
            stream.pointee.avail_in = UInt32(length)
            try run(Z_NO_FLUSH)
            position += length
        }
    }

    func endMember() throws {
        guard isInMember else { return }
        stream.pointee.avail_in = 0
        try run(Z_FINISH)
        deflateReset(stream)
        isInMember = false
    }

    private func run(_ flush: Int32) throws {
        repeat {
            stream.pointee.next_out = memory
            stream.pointee.avail_out = UInt32(GzipOutput.capacity)
            let status = deflate(stream, flush)
            guard status != Z_STREAM_ERROR else { throw ApusError(.internalFault, "zlib refused to compress") }
            let count = GzipOutput.capacity - Int(stream.pointee.avail_out)
            if count > 0 { try output.write(UnsafeBufferPointer(start: memory, count: count)) }
        } while stream.pointee.avail_out == 0
    }
}

/// Compresses to Zstandard.
final class ZstdOutput: ByteOutput {
    private let output: any ByteOutput
    private let stream: OpaquePointer
    private let memory: UnsafeMutablePointer<UInt8>
    private static let capacity = 256 << 10
    private var isInFrame = false

    /// - parameter level: 1 to 22.
    init(_ output: any ByteOutput, level: Int) throws {
        self.output = output
        guard let stream = ZSTD_createCCtx() else { throw ApusError(.failed, "zstd gives no compressor") }
        self.stream = stream
        memory = .allocate(capacity: ZstdOutput.capacity)
        ZSTD_CCtx_setParameter(stream, ZSTD_c_compressionLevel, Int32(level))
        ZSTD_CCtx_setParameter(stream, ZSTD_c_checksumFlag, 1)
    }

    deinit {
        ZSTD_freeCCtx(stream)
        memory.deallocate()
    }

    func write(_ bytes: UnsafeBufferPointer<UInt8>) throws {
        isInFrame = true
        try run(bytes, ZSTD_e_continue)
    }

    func endMember() throws {
        guard isInFrame else { return }
        try run(UnsafeBufferPointer(start: nil, count: 0), ZSTD_e_end)
        isInFrame = false
    }

    private func run(_ bytes: UnsafeBufferPointer<UInt8>, _ mode: ZSTD_EndDirective) throws {
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        while true {
            var out = ZSTD_outBuffer(dst: memory, size: ZstdOutput.capacity, pos: 0)
            let left = ZSTD_compressStream2(stream, &out, &input, mode)
            guard ZSTD_isError(left) == 0 else {
                throw ApusError(
                    .failed, "zstd refused to compress", underlying: String(cString: ZSTD_getErrorName(left)))
            }
            if out.pos > 0 { try output.write(UnsafeBufferPointer(start: memory, count: out.pos)) }
            if mode == ZSTD_e_end ? left == 0 : input.pos == input.size { return }
        }
    }
}

extension Compression {
    func output(to file: FileOutput, level: Int?) throws -> any ByteOutput {
        switch self {
        case .none: file
        case .gzip: try GzipOutput(file, level: level ?? 4)
        case .zstd: try ZstdOutput(file, level: level ?? 3)
        }
    }
}
