import ApusCore
import Glibc
import Synchronization
import Tabular

/// Writes slices straight to standard output, a pipe or a device. What was written cannot be taken back, so there
/// are no marks and a slice is tried once.
final class StreamWriter: Writer {
    /// Loads whose header is written, by path and load; also keeps the blocks of several writers apart.
    private static let begun = Mutex<Set<String>>([])

    private let file: FileOutput
    private let output: any ByteOutput
    private let text: RowText.Output
    private let key: String
    private var buffer = ByteBuffer(capacity: 1 << 20)
    private var rows = 0
    private var isDirty = false

    init(_ path: String, _ load: Load, _ encoder: any RowEncoder, _ options: FileOptions, _ interrupt: Interrupt) throws {
        let isStandard = path == FileLocation.standard
        let descriptor =
            isStandard
            ? Descriptor(STDOUT_FILENO, owned: false) : try Descriptor(opening: path, O_WRONLY, "opening \(path)")
        file = FileOutput(descriptor, label: isStandard ? "standard output" : path, interrupt: interrupt)
        output = try (options.compression ?? .none).output(to: file, level: options.level)
        text = try RowText.Output(encoder, options)
        key = "\(path) \(load.runID) \(load.table)"
    }

    @discardableResult func begin(_ slice: Slice, careful: Bool) throws -> SliceMark? {
        if isDirty {
            throw ApusError(
                .failed, "what was written to a stream cannot be taken back, so the slice cannot be tried again",
                hint: "Write to a file, or start over.")
        }
        rows = 0
        return nil
    }

    func write(_ batch: Batch) throws -> [RejectedRow] {
        let rejected = text.encode(batch, into: &buffer)
        rows += batch.rowCount - rejected.count
        if buffer.count >= 1 << 20 { try drain() }
        return rejected
    }

    private func drain() throws {
        isDirty = true
        try StreamWriter.begun.withLock { begun in
            if begun.insert(key).inserted {
                var prefix = ByteBuffer()
                try text.prefix(into: &prefix)
                try output.write(prefix.bytes)
            }
            try output.write(buffer.bytes)
            // Each block is whole lines, also when several writers share the stream.
            try output.endMember()
        }
        buffer.removeAll()
    }

    func flush() throws -> Int {
        try drain()
        return rows
    }

    func commit(_ mark: SliceMark) throws { isDirty = false }
    func abort() { buffer.removeAll() }
    func close() {}
}
