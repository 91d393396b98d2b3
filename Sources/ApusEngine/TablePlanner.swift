import ApusCore
import Tabular

/// Plans one table: columns, target, mode, watermark, slices.
struct TablePlanner {
    let planner: Planner
    let selection: SourceTables.Item
    let sink: any Sink
    var findings: [Finding] = []
    /// Foreign keys that the target has before it is made anew.
    private(set) var standing: [ForeignKeyShape] = []

    init(_ planner: Planner, _ selection: SourceTables.Item, _ sink: any Sink) {
        self.planner = planner
        self.selection = selection
        self.sink = sink
    }

    var wish: TableWish { selection.wish }
    var target: any Connector { planner.to.connector }
    var targetDialect: (any Dialect)? { sink.serverDialect ?? target.dialect }

    mutating func note(_ severity: Finding.Severity, _ code: ApusError.Code, _ column: String?, _ message: String) {
        findings.append(Finding(severity, code, column: column, message))
    }

    mutating func note(_ severity: Finding.Severity, _ code: ApusError.Code, _ message: String) {
        note(severity, code, nil, message)
    }

    mutating func plan(index: Int) throws -> PlannedTable {
        var places = try places()
        let name = selection.target
        let existing = try existingTarget(name)
        standing = existing?.foreignKeys ?? []
        try declare(&places, existing)
        let columns = places[0].columns
        tellChildren(places[0], isNew: existing == nil)
        var (load, kept) = try target(name, places, existing)
        load.table = index
        findEqualColumns(load)
        var reads = places.map { $0.read(kept) }
        try cutDays(places, kept, &reads, &load)
        let isSound = try checkStatements(places, reads, load)
        for (place, read) in zip(places, reads) { findings += place.session.findings(of: read) }
        noteZone(columns, kept, load)
        try warnOfWallClocks(places)
        let transforms = transforms(reads, kept, columns)
        let watermark =
            !isSound
            ? nil
            : wish.watermark == PlannedTable.Watermark.partitions
                ? try resolvePartitions(places, kept, &reads, &load, name) : try resolveWatermark(columns, kept, &reads, &load, name)
        var slices: [Slice] = []
        let canRun = !findings.contains { $0.severity == .error }
        for number in reads.indices where canRun && reads[number].partitions != [] && (watermark == nil || watermark?.upTo != nil) {
            let place = places[number]
            if !reads[number].isVerbatim { reads[number].key = sliceKey(place) }
            let channels = max(1, min(planner.flow.limits.channels, target.abilities.writers) / reads.count)
            let cut = try place.session.slices(
                of: reads[number], wish: SliceWish(channels: channels, count: reads[number].isVerbatim ? 1 : wish.slices))
            if let remark = place.session.cutRemark { note(.note, .unsupported, remark) }
            slices += cut.map { Slice(id: slices.count + $0.id, read: number, bounds: $0.bounds, rows: $0.rows) }
        }
        load.slices = slices.count
        var table = PlannedTable(
            name: selection.name, reads: reads, load: load, slices: slices, watermark: watermark,
            before: wish.before + alignment(load, places[0].shape),
            after: wish.after, findings: findings)
        table.transforms = transforms
        return table
    }

    /// The wish's transforms, on the columns that are read after all.
    private mutating func transforms(_ reads: [Read], _ kept: [Int], _ columns: ColumnPlan) -> [Transform] {
        var transforms: [Transform] = []
        let positions = wish.transforms.isEmpty ? [:] : Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($1, $0) })
        for var transform in wish.transforms {
            if columns.items.indices.contains(transform.column) {
                guard let position = positions[transform.column] else {
                    note(
                        .error, .unsupported, columns.targets[transform.column],
                        "\(transform.name) is for column `\(columns.targets[transform.column])`, which the target does not take")
                    continue
                }
                transform.column = position
            }
            transforms.append(transform)
        }
        do { for read in reads where !transforms.isEmpty { _ = try TransformPass(transforms, from: read.schema) } } catch {
            note(.error, error.code, nil, error.message)
        }
        return transforms
    }

    /// The columns to cut by: those that the user named, or those that the source proposes.
    private mutating func sliceKey(_ place: SourcePlace) -> [Column] {
        let shape = place.shape
        let names = wish.sliceBy ?? (wish.slices == 1 ? [] : place.session.sliceKey(for: shape))
        var key: [Column] = []
        for name in names {
            guard let column = shape.column(name) else {
                if wish.sliceBy != nil {
                    note(
                        .error, .notFound, name,
                        "there is no column `\(name)` to slice by. \(Nearest.hint(for: name, among: shape.columns.map(\.name)) ?? "")")
                    return []
                }
                key.append(Column(name, .int64, nullable: false))
                continue
            }
            if case .float = column.type {
                note(.warning, .unsupported, name, "a floating point column is no slice key; the table is read as one slice")
                return []
            }
            // A NULL in a later column of a key would fall between all ranges.
            if column.nullable, !key.isEmpty { break }
            key.append(Column(column.name, column.type, nullable: column.nullable))
        }
        return key
    }

    // MARK: Target

    private func existingTarget(_ name: TableName) throws -> TableShape? {
        guard target.abilities.declaresTables else { return nil }
        return try planner.to.find(name, sink)
    }

    /// A target's table with the column that says which rows are deleted, where one is given.
    private mutating func withOperation(_ columns: ColumnPlan, _ existing: TableShape?, _ mode: LoadMode) -> TableShape? {
        guard let operation = target.abilities.operationColumn, columns.targets.contains(operation) else { return existing }
        guard var shape = existing, wish.create != .recreate, mode == .upsert else {
            note(
                .error, .configurationInvalid, operation,
                "`\(operation)` says which rows to delete: that is for mode `upsert` and a target table that is there")
            return existing
        }
        shape.columns.append(ColumnShape(operation, .integer(bits: 8, unsigned: false), native: "tinyint", nullable: false))
        return shape
    }

    /// The load, and the positions of the planned columns that it carries: not those that the target computes.
    private mutating func target(
        _ name: TableName, _ places: [SourcePlace], _ existing: TableShape?
    ) throws -> (load: Load, kept: [Int]) {
        let columns = places[0].columns
        let source = places[0].shape
        var mode = wish.mode ?? defaultMode(existing, source)
        if !target.abilities.modes.contains(mode) {
            note(
                .error, .unsupported,
                "\(target.title) cannot be loaded in mode `\(mode.rawValue)`; it can: \(target.abilities.modes.map(\.rawValue).sorted().joined(separator: ", "))"
            )
            mode = .append
        }
        let existing = withOperation(columns, existing, mode)
        let create = wish.create ?? .create
        let keepsExisting = existing != nil && create != .recreate
        if existing == nil, create == .require {
            note(.error, .notFound, "the target has no table \(name), and `create: require` does not let Apus make it")
        }
        if let existing, mode != .append, places.contains(where: { isTarget($0, existing) }) {
            note(
                .error, .configurationInvalid,
                "\(existing.name) is read and \(mode == .replace ? "replaced" : "changed") at the same time: source and target are one table. Name another target"
            )
        }
        if let existing, existing.kind == .view {
            note(.error, .unsupported, "the target \(name) is a view; rows can be loaded into tables only")
        }
        let shape: TableShape
        let matched: [String?]
        if keepsExisting, let existing, wish.positional {
            shape = existing
            matched = positional(places, existing)
        } else if keepsExisting, let existing {
            shape = existing
            matched = TargetMatch(columns, existing, strict: planner.flow.strict, rounds: wish.rounds).match(&findings)
            findChanges(columns, matched, existing)
        } else {
            shape = try proposed(places, name)
            matched = columns.targets.map { name in shape.column(name)?.generated == true ? nil : name }
        }
        let carried = matched.compactMap { $0 }
        var load = Load(
            runID: "", table: 0, shape: shape, exists: existing != nil, columns: carried, mode: mode, create: create,
            slices: 0)
        load.withIndexes = wish.withIndexes ?? false
        if places.count == 1, existing == nil || create == .recreate || mode == .replace || mode == .truncate {
            load.counters = counters(columns)
        }
        load.key = wish.key ?? (shape.primaryKey.isEmpty && mode != .window ? source.primaryKey : shape.primaryKey)
        load.window = mode == .window ? wish.window : nil
        load.duplicates = wish.duplicates
        load.emptyIsNull = wish.emptyIsNull ? true : nil
        load.rounds = wish.rounds ? true : nil
        load.isShared = wish.isShared && mode == .append ? true : nil
        if mode == .upsert, load.key.isEmpty {
            note(
                .error, .configurationInvalid,
                "mode `upsert` needs a key, and neither table has a primary key; name one with `key: [column]`")
        }
        for column in load.key where (mode == .upsert || mode == .window) && !carried.contains(column) {
            note(.error, .notFound, column, "the key column `\(column)` is not among the columns that are loaded")
        }
        for consequence in try sink.consequences(of: load) { note(.note, .changed, consequence) }
        return (load, matched.indices.filter { $0 < columns.items.count && matched[$0] != nil })
    }

    /// Whether a place is the target itself. What is written to it between its read and the swap would be lost.
    private func isTarget(_ place: SourcePlace, _ existing: TableShape) -> Bool {
        guard case .table = place.relation, place.shape.name == existing.name else { return false }
        let from = planner.sources[place.source], to = planner.to
        return from.connector.name == to.connector.name && from.endpoint.host == to.endpoint.host && from.endpoint.port == to.endpoint.port
            && from.endpoint.path == to.endpoint.path
    }

    /// A full refresh replaces; an increment changes rows by key where there is one.
    private func defaultMode(_ existing: TableShape?, _ source: TableShape) -> LoadMode {
        if wish.days != nil || wish.window != nil { return target.abilities.modes.contains(.window) ? .window : .append }
        if wish.watermark == PlannedTable.Watermark.partitions { return target.abilities.modes.contains(.replace) ? .replace : .append }
        if wish.watermark != nil || wish.isIncrement {
            let hasKey = wish.key != nil || !(existing ?? source).primaryKey.isEmpty
            return hasKey && target.abilities.modes.contains(.upsert) ? .upsert : .append
        }
        return target.abilities.modes.contains(.replace) ? .replace : .append
    }

    /// The table that Apus will make.
    private mutating func proposed(_ places: [SourcePlace], _ name: TableName) throws -> TableShape {
        let source = places[0].shape
        var wanted = places[0].columns.shape(of: source, sameSystem: source.origin == target.name)
        if places.count > 1 { unite(places, &wanted) }
        if source.origin != target.name { wanted.layout = nil }
        guard target.abilities.declaresTables, let dialect = targetDialect else {
            wanted.name = name
            return wanted
        }
        if let key = wish.key, wanted.primaryKey.isEmpty { wanted.primaryKey = key }
        var (shape, losses) = dialect.translate(wanted, named: name, origin: target.name)
        do { losses += try sink.settle(&shape) } catch let error as ApusError where error.code == .notFound {
            note(.error, error.code, error.message + (error.hint.map { ". \($0)" } ?? ""))
        }
        for (column, native) in wish.types {
            guard let index = shape.columns.firstIndex(where: { $0.name == column }) else {
                note(.error, .notFound, column, "`types` names a column that is not loaded")
                continue
            }
            shape.columns[index].native = native
            losses.removeAll { $0.hasPrefix("\(column): ") }
        }
        for loss in losses {
            let parts = loss.split(separator: ": ", maxSplits: 1)
            let isColumn = parts.count == 2 && shape.column(String(parts[0])) != nil
            note(.warning, .lossyMapping, isColumn ? String(parts[0]) : nil, isColumn ? String(parts[1]) : loss)
        }
        findings += SchemaLosses(places[0].columns, made: shape, wish).findings
        for identifier in [name.name] + shape.columns.map(\.name) where identifier.utf8.count > dialect.identifierLimit {
            note(
                .error, .unsupported, identifier,
                "the name is longer than the \(dialect.identifierLimit) octets that \(target.title) allows; rename it")
        }
        return shape
    }

    /// Where the source's counters stand, by the target's columns.
    private func counters(_ columns: ColumnPlan) -> [String: String]? {
        let known = zip(columns.targets, columns.shapes).compactMap { name, column in
            column.identity ? column.counter?.next.map { (name, $0) } : nil
        }
        return known.isEmpty ? nil : Dictionary(known, uniquingKeysWith: { first, _ in first })
    }

    /// What an existing target needs before it takes all rows.
    private func alignment(_ load: Load, _ source: TableShape) -> [String] {
        guard load.exists, load.create != .recreate, let dialect = targetDialect else { return [] }
        return dialect.align(load.shape, to: source)
    }
}

extension Planner {
    func quotedSource(_ column: String) -> String { sources[0].connector.dialect?.quote(column) ?? column }
}
