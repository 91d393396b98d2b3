import ApusCore

/// A config table brought up to date with its source: new tables and columns are added, everything else is only told.
/// What a user wrote stays.
public struct ConfigUpdate {
    public private(set) var added: [ConfigRows.Proposal] = []
    /// Rows whose column lists grew.
    public private(set) var changed: [ControlRow] = []
    public private(set) var changes: [ConfigChange] = []
    /// To be remembered.
    public private(set) var seen: [SeenTable] = []

    /// - parameters:
    ///   - rows: all rows of the config table; those of another job are left alone.
    ///   - shapes: the tables that were chosen.
    ///   - tables: every table of the source.
    ///   - before: what was seen of the job's tables before.
    public init(
        _ config: ConfigRows, rows: [ControlRow], shapes: [TableShape], tables: [TableSummary], choice: TableChoice, before: [SeenTable]
    ) throws {
        let rows = rows.filter { $0.jobID == config.wish.jobID }
        let own = NamedTables(shapes.map(\.name), own: config.own)
        var rowOf: [TableName: [ControlRow]] = [:]
        for row in rows {
            guard let name = own.find(row.sourceTable) else { continue }
            rowOf[name, default: []].append(row)
        }
        let new = shapes.filter { rowOf[$0.name] == nil }
        added = try config.propose(new, after: rows.map(\.order).max() ?? 1)
        for proposal in added {
            changes.append(ConfigChange(.newTable, proposal.row.sourceTable, "added with \(proposal.shape.columns.count) columns"))
            seen.append(SeenTable(proposal.shape, of: proposal.row))
        }
        for shape in shapes {
            for row in rowOf[shape.name] ?? [] {
                let known = before.first { $0.table == row.sourceTable && $0.jobID == row.jobID }
                update(row, shape, known, config)
                seen.append(SeenTable(shape, of: row))
            }
        }
        let all = NamedTables(tables.map(\.name), own: config.own)
        for row in rows where all.find(row.sourceTable) == nil && choice.means(row.sourceTable) {
            changes.append(
                ConfigChange(
                    .goneTable, row.sourceTable, "the source has no such table any more\(row.isActive ? "" : " (the row is disabled)")"))
        }
    }

    private mutating func update(_ row: ControlRow, _ shape: TableShape, _ known: SeenTable?, _ config: ConfigRows) {
        let listed: ListedColumns
        do { listed = try ListedColumns(row) } catch {
            changes.append(ListedColumns.fault(row, error))
            return
        }
        for column in listed.missing(in: shape) {
            changes.append(ConfigChange(.goneColumn, row.sourceTable, column: column, "in src_table_column, but gone from the source"))
        }
        changes += SeenTable.differences(known, shape, row.sourceTable)
        let unlisted = config.columns(shape).filter { !listed.mentions($0.name) }
        guard let known else {
            changes += unlisted.map {
                ConfigChange(
                    .unlistedColumn, row.sourceTable, column: $0.name, "\($0.native), not in src_table_column; write it in if it is wanted")
            }
            return
        }
        let new = unlisted.filter { known.column($0.name) == nil }
        guard !new.isEmpty else { return }
        var grown = row
        for column in new {
            insert(column, into: &grown, shape, config)
            changes.append(ConfigChange(.newColumn, row.sourceTable, column: column.name, "\(column.native), added to src_table_column"))
        }
        changed.append(grown)
    }

    /// Behind the column that stands before it in the source, in both lists.
    private func insert(_ column: ColumnShape, into row: inout ControlRow, _ shape: TableShape, _ config: ConfigRows) {
        guard let items = try? SQLScan(row.sourceColumns).parts(by: ","), let list = try? SelectList(row.sourceColumns) else { return }
        let before = shape.columns.prefix { $0.name != column.name }.map { $0.name.lowercased() }
        let positions = list.items.map { item in
            [item.name, ListedColumns.column(item)].compactMap { $0.flatMap { before.lastIndex(of: $0.lowercased()) } }.max()
        }
        // Behind the last of the columns before it; constants at the end stay there.
        let place =
            positions.lastIndex { $0 != nil }.map { _ in
                positions.indices.max { (positions[$0] ?? -1, $0) < (positions[$1] ?? -1, $1) }! + 1
            } ?? 0
        var texts = items.map { $0.map(\.text).joined().trimmed }
        texts.insert(config.item(column.name), at: place)
        row.sourceColumns = texts.joined(separator: ",")
        if let targets = try? SQLScan(row.targetColumns).parts(by: ",").map({ $0.map(\.text).joined().trimmed }),
            targets.count == items.count,
            targets != ["*"]
        {
            row.targetColumns = (targets[..<place] + [config.names.text(column.name)] + targets[place...]).joined(separator: ",")
        }
    }
}

extension SeenTable {
    /// Columns whose declaration is another one now.
    static func differences(_ known: SeenTable?, _ shape: TableShape, _ table: String) -> [ConfigChange] {
        guard let known else { return [] }
        return shape.columns.compactMap { column in
            guard let old = known.column(column.name) else { return nil }
            var parts: [String] = []
            if old.native != column.native { parts.append("\(old.native) is now \(column.native)") }
            if old.nullable != column.nullable { parts.append(column.nullable ? "may be NULL now" : "is NOT NULL now") }
            return parts.isEmpty ? nil : ConfigChange(.changedColumn, table, column: column.name, parts.joined(separator: ", "))
        }
    }
}

/// Tables of a catalogue, found by the names that config rows give them.
public struct NamedTables {
    private let names: Set<TableName>
    private let folded: [TableName: TableName]
    private let own: String?

    public init(_ names: [TableName], own: String?) {
        self.names = Set(names)
        self.own = own
        folded = Dictionary(names.map { (Self.fold($0, own), $0) }, uniquingKeysWith: { first, _ in first })
    }

    private static func fold(_ name: TableName, _ own: String?) -> TableName {
        TableName(schema: (name.schema ?? own)?.lowercased(), name.name.lowercased())
    }

    /// As it is written, else without regard to case; nil for no table or no name.
    public func find(_ text: String) -> TableName? {
        guard let name = Self.name(text) else { return nil }
        if names.contains(name) { return name }
        return folded[Self.fold(name, own)]
    }

    public static func name(_ text: String) -> TableName? { (try? TablePattern(text))?.exactName }
}

extension TableChoice {
    /// Whether the patterns mean a table of this name, as a config row writes it.
    public func means(_ table: String) -> Bool {
        guard let name = NamedTables.name(table)?.name else { return false }
        let matches = { (pattern: LikePattern) in pattern.matches(name, ignoringCase: true) }
        return (wanted.isEmpty || wanted.contains(where: matches)) && !excluded.contains(where: matches)
    }
}
