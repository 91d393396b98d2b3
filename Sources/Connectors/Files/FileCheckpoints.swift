import ApusCore
import Tabular

/// What a target of files remembers of incremental loads: a hidden file beside it.
extension FilesSession {
    private struct Saved: Codable {
        var target: String
        var checkpoint: Checkpoint
        /// The bytes of the target's files when the load was done.
        var size: Int
    }

    /// One for all targets of a stem and a kind, so that its name is no longer than a lock's or a part's.
    private func path(_ files: FileTarget.FileSet) -> String {
        files.join(".apus-\(files.stem).\(files.ending.split(separator: ".").first ?? "").state")
    }

    /// A table in a folder stays the same when it is compressed otherwise; a file by itself is another target.
    private func target(_ files: FileTarget.FileSet) -> String { files.ownsStem ? "" : files.stem + files.ending }

    private func saved(_ files: FileTarget.FileSet) throws -> [Saved] {
        fileStatus(path(files)) == nil ? [] : try SliceFolder.read([Saved].self, path(files))
    }

    private func size(_ files: FileTarget.FileSet) throws -> Int {
        try files.existing(endings: format.endings).reduce(0) { $0 + (fileStatus($1).map { Int($0.st_size) } ?? 0) }
    }

    func state(of load: Load) throws -> TargetState? {
        guard case .files(let files) = try target(load) else { return nil }
        var state = TargetState()
        let existing = try files.existing(endings: format.endings)
        state.exists = !existing.isEmpty
        state.hasRows = try size(files) > 0
        state.saved = try saved(files).filter { $0.target == target(files) }.map { saved in
            TargetState.Saved(
                flow: saved.checkpoint.flow, value: saved.checkpoint.value, basis: saved.checkpoint.basis, column: saved.checkpoint.column,
                reached: String(saved.size), heldRows: saved.size > 0, incarnation: nil)
        }
        return state
    }

    /// Files know no values: it is their size that must not have shrunk.
    func holds(_ column: String, _ comparison: Comparison, _ value: String, in load: Load) throws -> Bool {
        guard case .files(let files) = try target(load), let known = Int(value) else { return false }
        let size = try size(files)
        switch comparison {
        case .atLeast: return size >= known
        case .greater: return size > known
        case .atMost: return size <= known
        case .less: return size < known
        }
    }

    func saveCheckpoint(_ load: Load, _ files: FileTarget.FileSet) throws {
        guard let checkpoint = load.checkpoint else { return }
        var all = try saved(files)
        all.removeAll { $0.target == target(files) && $0.checkpoint.flow == checkpoint.flow }
        all.append(Saved(target: target(files), checkpoint: checkpoint, size: try size(files)))
        try SliceFolder.write(all, path(files))
    }
}
