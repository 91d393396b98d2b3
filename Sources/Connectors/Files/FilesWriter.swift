import ApusCore
import Glibc
import Tabular

/// Rows on their way into files.
enum RowText {
    /// The way of rows into octets: a format's encoder, then the file's encoding.
    final class Output {
        private let encoder: (any RowEncoder)?
        private let converter: TextEncoder?
        private let bom: Bool
        private var text = ByteBuffer(capacity: 64 << 10)

        init(_ encoder: (any RowEncoder)?, _ options: FileOptions) throws {
            self.encoder = encoder
            converter = try options.encoding.map(TextEncoder.init)
            bom = options.bom && encoder != nil
        }

        /// What every file begins with.
        func prefix(into buffer: inout ByteBuffer) throws {
            text.removeAll()
            encoder?.prefix(into: &text)
            if bom {
                let mark = converter?.mark ?? [0xEF, 0xBB, 0xBF]
                mark.withUnsafeBufferPointer { buffer.append($0) }
            }
            if !convert(into: &buffer) {
                throw ApusError(
                    .configurationInvalid, "a column's name has characters that the file's encoding lacks",
                    hint: "Rename the column, or write encoding=utf-8.")
            }
        }

        private func convert(into buffer: inout ByteBuffer) -> Bool {
            if let converter { return converter.encode(text.bytes, into: &buffer) }
            buffer.append(text.bytes)
            return true
        }

        func append(text bytes: UnsafeBufferPointer<UInt8>, into buffer: inout ByteBuffer) {
            text.removeAll()
            text.append(bytes)
            _ = convert(into: &buffer)
        }

        /// Writes the rows of a batch; returns those that cannot be written.
        func encode(_ batch: Batch, into buffer: inout ByteBuffer) -> [RejectedRow] {
            var rejected: [RejectedRow] = []
            guard let encoder else { return [] }
            guard converter != nil else {
                encoder.encode(batch, 0..<batch.rowCount, into: &buffer, rejected: &rejected)
                return rejected
            }
            text.removeAll()
            encoder.encode(batch, 0..<batch.rowCount, into: &text, rejected: &rejected)
            if convert(into: &buffer) { return rejected }
            // A character without a place in the encoding: its row is found one by one.
            rejected = []
            for row in 0..<batch.rowCount {
                text.removeAll()
                encoder.encode(batch, row..<(row + 1), into: &text, rejected: &rejected)
                if !convert(into: &buffer) {
                    rejected.append(
                        RejectedRow(
                            row: batch.firstRow + row, column: nil,
                            reason: "a character of the row has no place in the file's encoding",
                            values: batch.json(row: row)))
                }
            }
            return rejected
        }
    }
}

/// One file being written: prefix, rows, compressed.
final class PartWriter {
    private let file: FileOutput
    private let output: any ByteOutput
    private let text: RowText.Output
    private var buffer = ByteBuffer(capacity: PartWriter.blockSize + (64 << 10))
    private static let blockSize = 1 << 20
    let prefixBytes: Int
    var rows = 0
    /// Octets written to the file so far.
    var bytes: Int { file.count }

    init(_ path: String, _ text: RowText.Output, _ compression: Compression, _ level: Int?, _ interrupt: Interrupt)
        throws
    {
        let descriptor = try Descriptor(opening: path, O_WRONLY | O_CREAT | O_TRUNC, "making \(path)")
        file = FileOutput(descriptor, label: path, interrupt: interrupt)
        output = try compression.output(to: file, level: level)
        self.text = text
        var prefix = ByteBuffer()
        try text.prefix(into: &prefix)
        if prefix.count > 0 {
            // A member of its own, which can be left out where files are joined.
            try output.write(prefix.bytes)
            try output.endMember()
        }
        prefixBytes = file.count
    }

    func write(_ batch: Batch) throws -> [RejectedRow] {
        let rejected = text.encode(batch, into: &buffer)
        rows += batch.rowCount - rejected.count
        if buffer.count >= PartWriter.blockSize { try drain() }
        return rejected
    }

    func write(text bytes: UnsafeBufferPointer<UInt8>) throws { text.append(text: bytes, into: &buffer) }

    private func drain() throws {
        try output.write(buffer.bytes)
        buffer.removeAll()
    }

    func close() throws {
        try drain()
        try output.endMember()
        if bytes == 0 {
            // Also nothing is a member of its own: an empty file is no compressed file.
            try output.write(UnsafeBufferPointer(start: UnsafePointer(buffer.start), count: 0))
            try output.endMember()
        }
        try file.sync()
    }
}

/// Writes slices aside into the load's hidden folder.
final class FilesWriter: Writer {
    private let folder: SliceFolder
    private let files: FileTarget.FileSet
    private let text: RowText.Output
    private let options: FileOptions
    private let interrupt: Interrupt
    private var slice: Int?
    private var part: PartWriter?
    private var parts: [SliceFolder.Part] = []

    init(
        _ folder: SliceFolder, _ files: FileTarget.FileSet, _ text: RowText.Output, _ options: FileOptions,
        _ interrupt: Interrupt
    ) {
        self.folder = folder
        self.files = files
        self.text = text
        self.options = options
        self.interrupt = interrupt
    }

    @discardableResult func begin(_ slice: Slice, careful: Bool) throws -> SliceMark? {
        abort()
        guard folder.isPrepared else {
            throw ApusError(.internalFault, "\(files.label) was not prepared for this load")
        }
        if let mark = try folder.mark(slice.id) { return mark }
        folder.remove(slice: slice.id)
        self.slice = slice.id
        try beginPart()
        return nil
    }

    private func name(_ number: Int) -> String { SliceFolder.partName(slice ?? 0, number) }

    private func beginPart() throws {
        part = try PartWriter(
            folder.file(name(parts.count + 1) + ".tmp"), text, files.compression, options.level, interrupt)
    }

    private func endPart() throws {
        guard let part else { return }
        try part.close()
        parts.append(
            SliceFolder.Part(name: name(parts.count + 1), bytes: part.bytes, prefix: part.prefixBytes, rows: part.rows))
        self.part = nil
    }

    func write(_ batch: Batch) throws -> [RejectedRow] {
        if part == nil { try beginPart() }
        guard let part else { return [] }
        let rejected = try part.write(batch)
        if let limit = options.partSize, part.bytes >= limit { try endPart() }
        return rejected
    }

    func flush() throws -> Int {
        try endPart()
        return parts.reduce(0) { $0 + $1.rows }
    }

    func commit(_ mark: SliceMark) throws {
        try endPart()
        // From here on the mark decides, also when the folder cannot be made to last: `begin` looks for it.
        slice = nil
        for part in parts where rename(folder.file(part.name + ".tmp"), folder.file(part.name)) != 0 {
            throw FileError.last("writing \(folder.file(part.name))")
        }
        try folder.commit(SliceFolder.Committed(mark: mark, parts: parts))
        parts = []
    }

    func abort() {
        part = nil
        parts = []
        guard let slice else { return }
        self.slice = nil
        folder.remove(slice: slice)
    }

    func close() { abort() }
}
