import ApusCore
import Tabular

/// Loads of those partitions of the source alone that were written to since the last run.
extension TablePlanner {
    /// The first run loads the whole table; a later one reads the changed partitions, and their rows take the place of what
    /// the target holds of them (mode `window`). Where nothing has changed, nothing is read. One whose values cannot be said
    /// as a condition makes it a whole load again. Rows of partitions that are gone stay or go as ``TableWish/gonePartitions``
    /// says: never more than what was remembered of them.
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
        var now = PartitionMarks(partitions)
        let (remembered, earlier) = try rememberedPartitions(key, reads[0], &load)
        guard let remembered, load.exists, load.create != .recreate else {
            // The first run, or the target is not what the last one left.
            if load.exists, let kept = earlier.map({ PartitionMarks(text: $0).kept.filter { now.marks[$0] == nil } }), !kept.isEmpty {
                note(
                    .warning, .changed,
                    "the rows of \(Self.list(kept.sorted())), which the source has no more, go with the table's other rows")
            }
            return whole(now, remembered, key, &load)
        }
        let before = PartitionMarks(text: remembered)
        let changed = Set(now.changed(since: before))
        let gone = now.gone(since: before)
        guard let dropped = settle(gone, before, &now) else { return nil }
        let wanted = partitions.filter { changed.contains($0.name) }
        if wanted.isEmpty, dropped.isEmpty {
            load.mode = .append
            reads[0].partitions = []
            return remember(now, remembered, key, &load)
        }
        let targets = Dictionary(
            zip(kept, load.columns).map { (places[0].columns.items[$0].name, $1) }, uniquingKeysWith: { first, _ in first })
        let conditions = (wanted.map { $0 } + dropped.compactMap(before.partition)).map { partition in
            partition.bounds == .whole
                ? nil : targetDialect.flatMap { partition.condition($0) { column in targets[column].flatMap { load.shape.column($0) } } }
        }
        guard !conditions.contains(nil), conditions.count == wanted.count + dropped.count else {
            let kept = now.kept.sorted()
            if !kept.isEmpty {
                note(
                    .warning, .changed,
                    "the whole table is loaded again, and the rows of \(Self.list(kept)), which the source has no more, go")
            }
            return whole(PartitionMarks(partitions), remembered, key, &load)
        }
        load.mode = .window
        load.window = conditions.compactMap { $0 }.map { "(\($0))" }.joined(separator: " OR ")
        if wish.key == nil { load.key = load.shape.primaryKey }
        reads[0].partitions = wanted.map(\.name)
        return remember(now, remembered, key, &load)
    }

    /// Says what becomes of partitions that are gone, and notes it in the marks.
    /// - returns: those whose rows are taken out of the target; nil = the table is not loaded.
    private mutating func settle(_ gone: [String], _ before: PartitionMarks, _ now: inout PartitionMarks) -> [String]? {
        let fresh = gone.filter { !before.kept.contains($0) }
        switch wish.gonePartitions ?? .keep {
        case .keep:
            now.keep(gone, of: before)
            if !fresh.isEmpty {
                note(
                    .note, .sourceChanged,
                    "\(Self.list(fresh)) \(fresh.count == 1 ? "is" : "are") gone from the source; the target keeps the rows (gone_partitions: keep)"
                )
            }
            return []
        case .drop:
            if !gone.isEmpty {
                note(
                    .note, .sourceChanged,
                    "\(Self.list(gone)) \(gone.count == 1 ? "is" : "are") gone from the source; the rows are deleted from the target (gone_partitions: drop)"
                )
            }
            return gone
        case .stop:
            now.keep(gone.filter { !fresh.contains($0) }, of: before)
            if fresh.isEmpty { return [] }
            note(
                .error, .sourceChanged,
                "\(Self.list(fresh)) \(fresh.count == 1 ? "is" : "are") gone from the source, and `gone_partitions: stop` does not let the table be loaded; write keep or drop"
            )
            return nil
        }
    }

    private static func list(_ names: [String]) -> String {
        let shown = names.prefix(5).joined(separator: ", ") + (names.count > 5 ? ", … (\(names.count))" : "")
        return (names.count == 1 ? "partition " : "partitions ") + shown
    }

    /// What the last load saw of the partitions, if it can be built on, and what is remembered at all.
    private mutating func rememberedPartitions(_ key: String, _ read: Read, _ load: inout Load) throws -> (
        valid: String?, earlier: String?
    ) {
        let word = PlannedTable.Watermark.partitions
        let ledger = try planner.watermark(key)
        guard let state = try sink.state(of: load) else { return (ledger, ledger) }
        let basis = Checkpoint.Basis(filter: read.filters.joined(separator: "\n"), columns: columnList(read, load), key: "")
        var checkpoint = Checkpoint(flow: flowName(word), value: "", basis: basis, column: nil, before: nil)
        let saved = state.saved.first { $0.flow == checkpoint.flow }
        checkpoint.before = saved?.value
        load.checkpoint = checkpoint
        guard let remembered = saved?.value ?? ledger, planner.watermarkStart != .all else { return (nil, saved?.value ?? ledger) }
        if planner.watermarkStart == .last || !load.exists { return (remembered, remembered) }
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
        guard let reason else { return (remembered, remembered) }
        note(.warning, .changed, "\(reason); all partitions are loaded, not only those that were written to")
        return (nil, remembered)
    }

    private func whole(_ now: PartitionMarks, _ remembered: String?, _ key: String, _ load: inout Load) -> PlannedTable.Watermark {
        load.mode = target.abilities.modes.contains(.replace) ? .replace : .truncate
        load.window = nil
        return remember(now, remembered, key, &load)
    }

    private func remember(_ now: PartitionMarks, _ before: String?, _ key: String, _ load: inout Load) -> PlannedTable.Watermark {
        load.checkpoint?.value = now.text
        return PlannedTable.Watermark(column: PlannedTable.Watermark.partitions, after: before, upTo: now.text, key: key)
    }
}
