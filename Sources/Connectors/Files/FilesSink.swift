import ApusCore
import Glibc
import Tabular

extension FilesSession: Sink {
    func lock(_ load: Load) throws {
        guard case .files(let files) = try target(load) else { return }
        try makeFolder(files.folder)
        let path = files.join(".apus-\(files.stem).lock")
        if locks[Array(path.utf8)]?.runID == load.runID { return }
        locks[Array(path.utf8)] = try FileLock(path, runID: load.runID, label: files.label)
    }

    func unlock(_ load: Load) {
        guard case .files(let files)? = try? target(load) else { return }
        locks.removeValue(forKey: Array(files.join(".apus-\(files.stem).lock").utf8))?.release()
    }

    /// The last folder of a path is made when it is missing.
    private func makeFolder(_ path: String) throws {
        if isFolder(path) { return }
        if mkdir(path, 0o777) != 0, errno != EEXIST { throw FileError.last("making the folder \(path)") }
    }

    func prepare(_ load: Load) throws {
        guard load.mode != .upsert else {
            throw ApusError(
                .unsupported, "files cannot be updated by key (mode upsert)", hint: "Use replace or append.",
                context: endpoint.label)
        }
        guard case .files(let files) = try target(load) else { return }
        try makeFolder(files.folder)
        let folder = SliceFolder(load, in: files.folder)
        if folder.isFinished || folder.isPrepared { return }
        SliceFolder.sweep(files.folder, except: folder.tomb)
        let existing = try files.existing(endings: format.endings)
        if load.mode != .append { try files.checkParts(existing, endings: format.endings) }
        try files.checkTwin(of: FileLocation.name(of: files.path))
        if load.create == .require, existing.isEmpty {
            throw ApusError(
                .notFound, "\(files.label) does not exist, and the target must be there", hint: "Use create: create.")
        }
        if load.mode == .append, !files.hasParts, fileStatus(files.path).map({ $0.st_size > 0 }) == true {
            try checkColumns(files.path, load)
        }
        try folder.make()
        try SliceFolder.write(load, folder.file("prepared"))
    }

    /// Rows are appended only to a file of the same columns.
    private func checkColumns(_ path: String, _ load: Load) throws {
        guard let there = try format.existingColumns(path, interrupt), there != load.columns else { return }
        throw ApusError(
            .configurationInvalid,
            "\(path) has the columns \(there.joined(separator: ", ")), but \(load.columns.joined(separator: ", ")) are to be appended",
            hint: "Choose the columns in the file's order, or load another file.")
    }

    func marks(_ load: Load) throws -> [SliceMark] {
        guard case .files(let files) = try target(load) else { return [] }
        return try SliceFolder(load, in: files.folder).committed().map(\.mark)
    }

    func accepts(_ load: Load) throws -> Schema {
        Schema(load.carried.map { Column($0.name, $0.type) })
    }

    func writer(_ load: Load) throws -> any Writer {
        let encoder = format.encoder(try accepts(load).columns)
        switch try target(load) {
        case .stream(let path):
            return try StreamWriter(path, load, encoder, options, interrupt)
        case .files(let files):
            return FilesWriter(
                SliceFolder(load, in: files.folder), files, try RowText.Output(encoder, options), options, interrupt)
        }
    }

    func finish(_ load: Load) throws {
        guard case .files(let files) = try target(load) else { return }
        let folder = SliceFolder(load, in: files.folder)
        if folder.isPrepared { try place(load, files, folder) }
        try saveCheckpoint(load, files)
    }

    private func place(_ load: Load, _ files: FileTarget.FileSet, _ folder: SliceFolder) throws {
        let plan: FileFinish
        if fileStatus(folder.file(FileFinish.manifest)) != nil {
            plan = try SliceFolder.read(FileFinish.self, folder.file(FileFinish.manifest))
        } else {
            plan = try finishPlan(load, files, folder)
            try SliceFolder.write(plan, folder.file(FileFinish.manifest))
        }
        for output in plan.outputs { try files.checkTwin(of: FileLocation.name(of: output.path)) }
        try plan.run(in: folder, target: files.folder)
    }

    func finishPlan(_ load: Load, _ files: FileTarget.FileSet, _ folder: SliceFolder) throws -> FileFinish {
        let existing = try files.existing(endings: format.endings)
        var parts = try folder.committed().flatMap(\.parts)
        if parts.isEmpty, load.mode != .append || existing.isEmpty {
            // A table without a slice, e.g. an empty one, still is a file.
            parts = [try emptyPart(load, files, folder)]
        }
        let removals = load.mode == .append ? [] : existing
        guard files.hasParts else {
            var output = FileFinish.Output(path: files.path, base: nil, baseBytes: 0, patch: [], pieces: [])
            if load.mode == .append, let size = fileStatus(files.path)?.st_size, size > 0 {
                output.base = files.path
                output.baseBytes = Int(size)
                output.patch = try linePatch(files.path, files.compression, folder)
            }
            output.pieces = parts.enumerated().map { index, part in
                let isFirst = index == 0 && output.base == nil
                return FileFinish.Piece(name: part.name, skip: isFirst ? 0 : part.prefix, bytes: part.bytes)
            }
            return FileFinish(outputs: [output], removals: removals)
        }
        // Slices without rows leave no parts, unless there is nothing else.
        let full = parts.filter { $0.rows > 0 }
        if !full.isEmpty || load.mode == .append { parts = full } else { parts = Array(parts.prefix(1)) }
        let last =
            load.mode == .append ? existing.compactMap { files.number($0, endings: format.endings) }.max() ?? 0 : 0
        guard last + parts.count <= 99_999 else {
            throw ApusError(
                .configurationInvalid, "\(files.label) would have \(last + parts.count) parts, and numbers have five digits",
                hint: "Raise `part_size`.")
        }
        let outputs = parts.enumerated().map { index, part in
            FileFinish.Output(
                path: files.part(last + 1 + index), base: nil, baseBytes: 0, patch: [],
                pieces: [FileFinish.Piece(name: part.name, skip: 0, bytes: part.bytes)])
        }
        return FileFinish(outputs: outputs, removals: removals)
    }

    private func emptyPart(_ load: Load, _ files: FileTarget.FileSet, _ folder: SliceFolder) throws -> SliceFolder.Part {
        let encoder = format.encoder(try accepts(load).columns)
        let writer = try PartWriter(
            folder.file("empty"), try RowText.Output(encoder, options), files.compression, options.level, interrupt)
        try writer.close()
        return SliceFolder.Part(name: "empty", bytes: writer.bytes, prefix: writer.prefixBytes, rows: 0)
    }

    /// What must be written behind the last line of an existing file: a newline, when it has none.
    private func linePatch(_ path: String, _ compression: Compression, _ folder: SliceFolder) throws -> [UInt8] {
        let input = try options.opener(interrupt).open(path)
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: 1 << 20)
        defer { memory.deallocate() }
        var last: UInt8 = 10
        while true {
            let count = try input.read(into: memory, count: 1 << 20)
            if count == 0 { break }
            last = memory[count - 1]
        }
        if last == 10 || last == 13 { return [] }
        // Encoded and compressed as the rest of the file.
        let patch = folder.file("patch")
        let newline = try RowText.Output(nil, options)
        let writer = try PartWriter(patch, newline, compression, options.level, interrupt)
        let text: [UInt8] = [10]
        try text.withUnsafeBufferPointer { try writer.write(text: $0) }
        try writer.close()
        defer { unlink(patch) }
        let descriptor = try Descriptor(opening: patch, O_RDONLY, "reading \(patch)")
        var bytes = [UInt8](repeating: 0, count: writer.bytes)
        _ = pread(descriptor.number, &bytes, bytes.count, 0)
        return bytes
    }

    func forget(_ load: Load) throws {
        guard case .files(let files) = try target(load) else { return }
        try SliceFolder.removeFolder(SliceFolder(load, in: files.folder).tomb)
    }

    func discard(_ load: Load) throws {
        guard case .files(let files) = try target(load) else { return }
        try SliceFolder(load, in: files.folder).discard()
    }
}
