import ApusCore
import CLZ4
import CZstd
import Tabular

/// Compresses the rows of one load as one frame, piece by piece.
final class LoadCompressor {
    enum Method: Sendable { case none, lz4, zstd }

    let method: Method
    private var lz4: OpaquePointer?
    private var zstd: OpaquePointer?
    private var preferences = LZ4F_preferences_t()
    private var hasBegun = false

    init(_ method: Method) {
        self.method = method
        switch method {
        case .none: break
        case .lz4:
            LZ4F_createCompressionContext(&lz4, UInt32(LZ4F_VERSION))
            preferences.frameInfo.blockSizeID = LZ4F_max256KB
            preferences.frameInfo.blockMode = LZ4F_blockIndependent
            // Half again as fast as 0 and a sixth larger: what counts here is the core that also encodes.
            preferences.compressionLevel = -7
            preferences.autoFlush = 1
        case .zstd:
            zstd = ZSTD_createCCtx()
            ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, 1)
        }
    }

    deinit {
        LZ4F_freeCompressionContext(lz4)
        ZSTD_freeCCtx(zstd)
    }

    /// A new frame begins with the next piece.
    func restart() {
        hasBegun = false
        if let zstd { ZSTD_CCtx_reset(zstd, ZSTD_reset_session_only) }
    }

    /// Appends a piece, compressed; with `isLast`, the frame's end.
    /// - throws: `internal`.
    func append(_ piece: UnsafeBufferPointer<UInt8>, to chunk: LoadChunk, isLast: Bool) throws {
        switch method {
        case .none: chunk.buffer.append(piece)
        case .lz4: try appendLZ4(piece, chunk, isLast)
        case .zstd: try appendZstd(piece, chunk, isLast)
        }
        if isLast { restart() }
    }

    private func appendLZ4(_ piece: UnsafeBufferPointer<UInt8>, _ chunk: LoadChunk, _ isLast: Bool) throws {
        let room = LZ4F_compressBound(piece.count, &preferences) + Int(LZ4F_HEADER_SIZE_MAX) + 16
        func write(_ body: (UnsafeMutablePointer<UInt8>, Int) -> Int) throws {
            let out = chunk.buffer.room(room)
            let written = body(out, room)
            if LZ4F_isError(written) != 0 { throw Self.fault("LZ4", String(cString: LZ4F_getErrorName(written))) }
            chunk.buffer.advance(written)
        }
        if !hasBegun {
            hasBegun = true
            try write { LZ4F_compressBegin(lz4, $0, $1, &preferences) }
        }
        if piece.count > 0 { try write { LZ4F_compressUpdate(lz4, $0, $1, piece.baseAddress, piece.count, nil) } }
        if isLast { try write { LZ4F_compressEnd(lz4, $0, $1, nil) } }
    }

    private func appendZstd(_ piece: UnsafeBufferPointer<UInt8>, _ chunk: LoadChunk, _ isLast: Bool) throws {
        var input = ZSTD_inBuffer(src: piece.baseAddress, size: piece.count, pos: 0)
        while true {
            let room = ZSTD_compressBound(piece.count) + 64
            var output = ZSTD_outBuffer(dst: chunk.buffer.room(room), size: room, pos: 0)
            let left = ZSTD_compressStream2(zstd, &output, &input, isLast ? ZSTD_e_end : ZSTD_e_continue)
            if ZSTD_isError(left) != 0 { throw Self.fault("Zstandard", String(cString: ZSTD_getErrorName(left))) }
            chunk.buffer.advance(output.pos)
            if isLast ? left == 0 : input.pos == input.size { return }
        }
    }

    private static func fault(_ library: String, _ words: String) -> ApusError {
        ApusError(.internalFault, "\(library) could not compress a load: \(words)")
    }
}
