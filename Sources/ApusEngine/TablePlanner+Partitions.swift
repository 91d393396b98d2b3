import ApusCore
import Tabular

/// Loads of those partitions of the source alone that were written to since the last run.
extension TablePlanner {
    /// The first run loads the whole table; a later one reads the changed partitions, and their rows take the place of what
    /// the target holds of them (mode `window`). Where nothing has changed, nothing is read. A partition that is gone, or
    /// whose values cannot be said as a condition, makes it a whole load again.
    ///
    /// What is remembered is how the partitions were before the first row was read, so that a write during the run is
    /// seen by the next one.
    mutating func resolvePartitions(
        _ places: [SourcePlace], _ kept: [Int], _ reads: inout [Read], _ load: inout Load, _ name: TableName
    ) throws -> PlannedTable.Watermark? {
        let word = PlannedTable.Watermark.partitions
        guard reads.count == 1, case .table = reads[0].relation else {
            note(.error, .unsupported, "watermark \(word) is for one table, not for queries or several places together")
            return nil
        }
        guard load.mode == .replace || load.mode == .window, target.abilities.modes.contains(.window) else {
            note(
                .error, .configurationInvalid,
                "with watermark \(word), changed partitions are replaced as a whole: mode `\(load.mode.rawValue)` cannot do that; leave `mode` out"
            )
            return nil
        }
        let partitions = try planner.source(0).partitions(of: reads[0])
        let key = watermarkKey(name, word)
        let now = PartitionMarks(partitions)
        let remembered = try rememberedPartitions(key, now.text, reads[0], &load)
        let watermark = PlannedTable.Watermark(column: word, after: remembered, upTo: now.text, key: key)
        // The first run, or the target is not what the last one left.
        guard let remembered, load.exists, load.create != .recreate else { return whole(watermark, &load) }
        let before = PartitionMarks(text: remembered)
        let changed = Set(now.changed(since: before))
        if changed.isEmpty, now.gone(since: before).isEmpty {
            load.mode = .append
            reads[0].partitions = []
            return watermark
        }
        let gone = now.gone(since: before)
        if !gone.isEmpty {
            note(.note, .unsupported, "all partitions are loaded, since \(gone.joined(separator: ", ")) is gone from the source")
            return whole(watermark, &load)
        }
        let wanted = partitions.filter { changed.contains($0.name) }
        let targets = Dictionary(
            zip(kept, load.columns).map { (places[0].columns.items[$0].name, $1) }, uniquingKeysWith: { first, _ in first })
        let conditions = wanted.map { partition in
            targetDialect.flatMap { partition.condition($0) { column in targets[column].flatMap { load.shape.column($0) } } }
        }
        guard !conditions.contains(nil), !wanted.contains(where: { $0.bounds == .whole }) else { return whole(watermark, &load) }
        load.mode = .window
        load.window = conditions.compactMap { $0 }.map { "(\($0))" }.joined(separator: " OR ")
        if wish.key == nil { load.key = load.shape.primaryKey }
        reads[0].partitions = wanted.map(\.name)
        return watermark
    }

    /// What the last load saw of the partitions; nil = everything is to be loaded.
    private mutating func rememberedPartitions(_ key: String, _ now: String, _ read: Read, _ load: inout Load) throws -> String? {
        let word = PlannedTable.Watermark.partitions
        let ledger = try planner.watermark(key)
        guard let state = try sink.state(of: load) else { return ledger }
        let basis = Checkpoint.Basis(filter: read.filters.joined(separator: "\n"), columns: columnList(read, load), key: "")
        var checkpoint = Checkpoint(flow: flowName(word), value: now, basis: basis, column: nil, before: nil)
        let saved = state.saved.first { $0.flow == checkpoint.flow }
        checkpoint.before = saved?.value
        load.checkpoint = checkpoint
        guard let remembered = saved?.value ?? ledger, planner.watermarkStart != .all else { return nil }
        if planner.watermarkStart == .last || !load.exists { return remembered }
        let reason: String? =
            if !state.hasRows, saved?.heldRows ?? true, !PartitionMarks(text: remembered).marks.isEmpty {
                "\(load.target) is empty"
            } else if let saved, saved.incarnation != state.incarnation {
                "\(load.target) was made anew or rewritten since the last load"
            } else if let saved, WatermarkStart.undated(saved.basis.filter) != WatermarkStart.undated(basis.filter) {
                "the filter is not that of the last load"
            } else if let saved, saved.basis.columns != basis.columns {
                "the columns are not those of the last load"
            } else {
                nil
            }
        guard let reason else { return remembered }
        note(.warning, .changed, "\(reason); all partitions are loaded, not only those that were written to")
        return nil
    }

    private func whole(_ watermark: PlannedTable.Watermark, _ load: inout Load) -> PlannedTable.Watermark {
        load.mode = target.abilities.modes.contains(.replace) ? .replace : .truncate
        load.window = nil
        return watermark
    }
}
