import ApusControl
import ApusCore

/// The SQL of a config row, looked at: columns, alias, conditions.
///
/// Nothing of it is put together from pieces that could break out: each text must be whole by itself, with closed quotes
/// and parentheses, and hold no second statement.
struct RowText {
    let row: ControlRow
    /// What the source calls the table; a pattern where it means several.
    let table: TableName
    /// An alias alone stands behind the table.
    let alias: String?
    /// More than an alias stands behind it.
    let isJoined: Bool
    let items: SelectList
    let targets: [String]?
    let conditions: [String]

    /// - throws: `config.invalid` that names the column of the config table.
    init(_ row: ControlRow) throws {
        self.row = row
        table = RowFlow.name(row.sourceTable)
        let relation = try Self.checked(row.relation, "relation", row)
        alias = relation.asAlias
        isJoined = !relation.isBlank && alias == nil
        items = try Self.list(row.sourceColumns, "src_table_column", row)
        let wanted = try Self.list(row.targetColumns, "des_table_column", row)
        targets = wanted.isStar ? nil : wanted.items.map { $0.name ?? $0.expression }
        var conditions = [try Self.checked(row.condition, "dcondition", row)]
        if row.increment == .condition || row.increment == .fullByCondition {
            conditions.append(try Self.checked(row.etlColumn, "etl_column", row))
        } else if row.increment == .day {
            _ = try Self.checked(row.etlColumn, "etl_column", row)
        }
        self.conditions = conditions.filter { !$0.isBlank && !$0.isAlwaysTrue }.map(\.source)
        if let targets, !items.isStar, items.items.count != targets.count {
            throw Self.fault(
                "src_table_column has \(items.items.count) columns and des_table_column \(targets.count)", row,
                "Name as many, or * in des_table_column.")
        }
    }

    var dayColumn: String { row.etlColumn.filter { !$0.isNewline }.split(separator: " ").joined(separator: " ") }

    /// Columns and filter of the wish.
    func shape(_ table: inout TableWish) throws {
        table.alias = alias
        if isJoined { return }
        table.filter = filter
        if items.isStar {
            table.columns = nil
            if let targets {
                table.positional = true
                table.targets = targets
            }
            return
        }
        let hasNames = items.items.allSatisfy { $0.name != nil || $0.expression == "*" }
        table.columns = items.items.enumerated().map { index, item in
            let name = targets?[index] ?? item.name ?? (item.expression == "*" ? "*" : "column_\(index + 1)")
            if item.expression == "*" { return ColumnWish("*") }
            return ColumnWish(name, expression: column(item))
        }
        // Columns that SQL gives no name go by their place, as in DataX.
        if targets == nil, !hasNames { table.positional = true }
    }

    /// A column of the table itself is named without the alias, so that its catalogue entry is found.
    private func column(_ item: SelectList.Item) -> String {
        guard let bare = item.path.last else { return item.expression }
        let owner = item.path.dropLast().joined(separator: ".").lowercased()
        let isOwn = owner.isEmpty || [alias, table.name, table.description].contains { $0?.lowercased() == owner }
        return isOwn ? bare : item.expression
    }

    private var filter: String? {
        guard !conditions.isEmpty else { return nil }
        return conditions.count == 1 ? conditions[0] : conditions.map { "(\($0)\n)" }.joined(separator: " AND ")
    }

    /// The whole SELECT, where joins stand behind the table.
    func query(_ relation: String, _ conditions: [String], _ dialect: any Dialect) throws -> String {
        let list =
            items.isStar && targets == nil
            ? "*"
            : items.items.enumerated().map { index, item in
                guard let name = targets?[index] ?? item.name else { return item.expression }
                return "\(item.expression) AS \(dialect.quote(name))"
            }.joined(separator: ", ")
        let filter = conditions.isEmpty ? "" : "\nWHERE " + conditions.map { "(\($0)\n)" }.joined(separator: " AND ")
        return "SELECT \(list)\nFROM \(relation)\(filter)"
    }

    // MARK: Checks

    private static func checked(_ text: String, _ column: String, _ row: ControlRow) throws -> SQLScan {
        do {
            let scan = try SQLScan(text)
            guard scan.isOne else {
                throw ApusError(.configurationInvalid, "a `;` ends it too early")
            }
            return scan
        } catch let error as ApusError {
            throw fault("\(column): \(error.message)", row, "Fix the text; quotes and parentheses must be closed within it.")
        }
    }

    private static func list(_ text: String, _ column: String, _ row: ControlRow) throws -> SelectList {
        if text.allSatisfy(\.isWhitespace) { return try SelectList("*") }
        do {
            guard try SQLScan(text).isOne else { throw ApusError(.configurationInvalid, "a `;` ends it too early") }
            return try SelectList(text)
        } catch let error as ApusError {
            throw fault("\(column): \(error.message)", row, error.hint ?? "Fix the text; quotes and parentheses must be closed within it.")
        }
    }

    private static func fault(_ message: String, _ row: ControlRow, _ hint: String) -> ApusError {
        ApusError(.configurationInvalid, message, hint: hint, context: row.sourceTable)
    }
}
