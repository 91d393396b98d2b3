import ApusCore
import Tabular

/// What config rows, their sources and their targets do not agree on.
public enum Drift {
    /// One row's view of both sides.
    ///
    /// - parameters:
    ///   - source: nil = there is no such table.
    ///   - target: nil = there is no such table.
    ///   - seen: the source as `apus generate` last saw it.
    ///   - refusal: what the source says to the row's SELECT, where it holds expressions; nil = nothing.
    public static func changes(
        _ row: ControlRow, source: TableShape?, target: TableShape?, seen: SeenTable?, refusal: (ControlRow) -> String?
    ) -> [ConfigChange] {
        guard let source else { return [ConfigChange(.goneTable, row.sourceTable, "the source has no such table")] }
        let listed: ListedColumns
        do { listed = try ListedColumns(row) } catch {
            return [ListedColumns.fault(row, error)]
        }
        var changes = listed.missing(in: source).map {
            ConfigChange(.goneColumn, row.sourceTable, column: $0, "in src_table_column, but gone from the source")
        }
        if changes.isEmpty, listed.hasExpressions, let refusal = refusal(row) {
            changes.append(ConfigChange(.invalidRow, row.sourceTable, "the source refuses the row's SELECT: \(refusal)"))
        }
        changes += SeenTable.differences(seen, source, row.sourceTable)
        for column in source.columns where !listed.mentions(column.name) && !column.generated && seen?.column(column.name) == nil {
            changes.append(
                seen == nil
                    ? ConfigChange(
                        .unlistedColumn, row.sourceTable, column: column.name, "\(column.native), in the source but not in src_table_column"
                    )
                    : ConfigChange(
                        .newColumn, row.sourceTable, column: column.name,
                        "\(column.native), new in the source"))
        }
        return changes + against(target, row, source, listed)
    }

    private static func against(_ target: TableShape?, _ row: ControlRow, _ source: TableShape, _ listed: ListedColumns) -> [ConfigChange] {
        guard let target else {
            // Before its first load a row may have no target: Apus makes it.
            guard row.runs > 0 || row.lastDay != nil else { return [] }
            return [ConfigChange(.goneTarget, row.sourceTable, "the target table \(row.targetTable) is gone, after \(row.runs) loads")]
        }
        var changes: [ConfigChange] = []
        var fed: Set<String> = []
        for (name, column) in feeds(row, source, listed) {
            guard let name else { continue }
            guard let there = target.columns.first(where: { $0.name.lowercased() == name.lowercased() }) else {
                changes.append(
                    ConfigChange(.goneTargetColumn, row.sourceTable, column: name, "the target \(row.targetTable) has no such column"))
                continue
            }
            fed.insert(there.name)
            guard let column, !(source.origin == target.origin && column.native == there.native) else { continue }
            switch column.type.fit(into: there.type) {
            case .exact, .widening: break
            case .narrowing(let what):
                changes.append(
                    ConfigChange(.narrowTargetColumn, row.sourceTable, column: name, "\(column.native) into \(there.native): \(what)"))
            case .impossible(let why):
                changes.append(
                    ConfigChange(.narrowTargetColumn, row.sourceTable, column: name, "\(column.native) into \(there.native): \(why)"))
            }
            if column.nullable, !there.nullable, !there.identity {
                changes.append(
                    ConfigChange(
                        .narrowTargetColumn, row.sourceTable, column: name, "NULL comes from the source, and the target takes none"))
            }
        }
        for column in target.columns
        where !fed.contains(column.name) && !column.nullable && column.initial == nil && !column.identity && !column.generated {
            changes.append(
                ConfigChange(
                    .unfedTargetColumn, row.sourceTable, column: column.name,
                    "the target \(row.targetTable) wants a value, and the row gives it none"))
        }
        return changes
    }

    /// Target column and, where it is taken as it is, the source's: what the row loads.
    private static func feeds(_ row: ControlRow, _ source: TableShape, _ listed: ListedColumns) -> [(name: String?, column: ColumnShape?)] {
        let given: [(name: String?, column: ColumnShape?)] =
            listed.list.isStar
            ? source.columns.filter { !$0.invisible && !$0.generated }.map { ($0.name, $0) }
            : listed.list.items.map { item in
                let name = ListedColumns.column(item)
                return (item.name, listed.isAlone ? source.columns.first { $0.name.lowercased() == name?.lowercased() } : nil)
            }
        guard let targets = try? SelectList(row.targetColumns), !targets.isStar, targets.items.count == given.count else { return given }
        return zip(targets.items, given).map { ($0.name, $1.column) }
    }
}
