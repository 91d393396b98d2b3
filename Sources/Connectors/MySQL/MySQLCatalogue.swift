import ApusCore
import CMariaDB
import Tabular

/// What the server's `information_schema` and `SHOW CREATE TABLE` say about tables.
extension MySQLSession {
    func tables(schema: String?) throws -> [TableSummary] {
        let name = try requiredDatabase(schema)
        let rows = try rows(
            """
            SELECT table_name, table_type, table_rows, data_length + index_length FROM information_schema.tables
            WHERE table_schema = \(dialect.literal(name)) AND table_type IN ('BASE TABLE', 'VIEW', 'SYSTEM VERSIONED')
            ORDER BY table_name
            """, doing: "list the tables of \(name)")
        return rows.compactMap { row in
            guard let table = row[0], table != SliceMark.tableName else { return nil }
            return TableSummary(
                name: TableName(schema: schema, table), kind: row[1] == "VIEW" ? .view : .table,
                rows: row[2].flatMap { Int($0) }, bytes: row[3].flatMap { Int($0) })
        }
    }

    func describe(_ table: TableName) throws -> TableShape {
        guard let shape = try find(table) else { throw try notFound(table) }
        return shape
    }

    func find(_ table: TableName) throws -> TableShape? {
        guard let facts = try tableFacts(table) else { return nil }
        let statement = facts.isView ? "" : try createStatement(table)
        let columns = try columnShapes(table) { statement.contains("json_valid(\(dialect.quote($0)))") }
        guard !columns.isEmpty else { return nil }
        var shape = TableShape(name: table, kind: facts.isView ? .view : .table, origin: "mysql", columns: columns)
        shape.comment = facts.comment.isEmpty || facts.isView ? nil : facts.comment
        shape.rows = facts.rows
        shape.bytes = facts.bytes
        if !facts.isView {
            (shape.primaryKey, shape.indexes) = try indexShapes(indexRows(of: table)) { statement }
            shape.foreignKeys = try foreignKeyShapes(table)
        }
        return shape
    }

    struct TableFacts {
        /// In the server's spelling.
        var name: String
        var isView: Bool
        var engine: String?
        var rows: Int?
        var bytes: Int?
        var comment: String
        var nextIdentity: String?
    }

    /// nil when there is no such table.
    func tableFacts(_ table: TableName) throws -> TableFacts? {
        let schema = try requiredDatabase(table.schema)
        let rows = try rows(
            """
            SELECT table_name, table_type, engine, table_rows, data_length + index_length, table_comment, auto_increment
            FROM information_schema.tables
            WHERE table_schema = \(dialect.literal(schema)) AND table_name = \(dialect.literal(table.name))
            """, doing: "look up table \(table)")
        // The comparison ignores case; where the server's file system does not, the exact name wins.
        var found = rows.first { $0[0] == table.name }
        if found == nil, !rows.isEmpty, try ignoresCase() { found = rows[0] }
        guard let row = found else { return nil }
        return TableFacts(
            name: row[0]!, isView: row[1]?.hasSuffix("VIEW") == true, engine: row[2], rows: row[3].flatMap { Int($0) },
            bytes: row[4].flatMap { Int($0) }, comment: row[5] ?? "", nextIdentity: row[6])
    }

    private func ignoresCase() throws -> Bool {
        try rows("SELECT @@lower_case_table_names", doing: "ask how table names compare").first?.first != "0"
    }

    func createStatement(_ table: TableName) throws -> String {
        try rows("SHOW CREATE TABLE \(dialect.quote(table))", doing: "read the declaration of \(table)").first?[1] ?? ""
    }

    // MARK: Columns

    func columnShapes(_ table: TableName, isJSON: (String) -> Bool) throws -> [ColumnShape] {
        let rows = try columnRows(
            schema: requiredDatabase(table.schema), "AND table_name = \(dialect.literal(table.name))", doing: "read the columns of \(table)"
        )
        let exact = rows.filter { $0[13] == table.name }
        return (exact.isEmpty ? rows : exact).map { column($0, isJSON: isJSON) }
    }

    /// What ``column(_:isJSON:)`` takes, and the table's name last.
    func columnRows(schema: String, _ condition: String, doing: @autoclosure () -> String) throws -> [[String?]] {
        try rows(
            """
            SELECT column_name, data_type, column_type, character_maximum_length, numeric_precision, numeric_scale,
            datetime_precision, is_nullable, column_default, extra, column_comment, collation_name, generation_expression,
            table_name
            FROM information_schema.columns WHERE table_schema = \(dialect.literal(schema)) \(condition)
            ORDER BY table_name, ordinal_position
            """, doing: doing())
    }

    /// MariaDB's JSON is a text whose check says so; `isJSON` knows that of a column's name.
    func column(_ row: [String?], isJSON: (String) -> Bool) -> ColumnShape {
        let name = row[0]!
        let extra = (row[9] ?? "").lowercased()
        let native = MySQLTypes.Native(
            name: row[1]!, declaration: row[2]!, characters: row[3].flatMap { Int($0) }, precision: row[4].flatMap { Int($0) },
            scale: row[5].flatMap { Int($0) }, fraction: row[6].flatMap { Int($0) },
            isJSON: isMariaDB && isJSON(name))
        let type = MySQLTypes.type(native, options)
        var shape = ColumnShape(
            name, type, native: native.isJSON && type == .json ? "json" : row[2]!, nullable: row[7] == "YES")
        if type != .json, let collation = row[11], !Self.defaultCollations.contains(collation) {
            shape.native += " COLLATE \(collation)"
        }
        shape.identity = extra.contains("auto_increment")
        shape.generated =
            row[12].map { !$0.isEmpty } ?? false || extra.contains("virtual generated") || extra.contains("stored generated")
            || extra.contains("persistent")
        shape.invisible = extra.contains("invisible")
        shape.comment = row[10].flatMap { $0.isEmpty ? nil : $0 }
        if shape.generated, let expression = row[12], !expression.isEmpty {
            let keeps = extra.contains("stored") || extra.contains("persistent")
            shape.native += " GENERATED ALWAYS AS (\(expression)) \(keeps ? "STORED" : "VIRTUAL")"
        } else {
            shape.initial = initial(row[8], extra: extra, type: type)
        }
        if let onUpdate = extra.ranges(of: "on update ").first {
            shape.native += " ON UPDATE " + extra[onUpdate.upperBound...].prefix { $0 != " " }
        }
        if options.zeroDatesAreNull, type.canBeZeroDate { shape.nullable = true }
        return shape
    }

    /// Collations that a new table may have by itself, so that they need not be said.
    private static let defaultCollations: Set<String> = ["utf8mb4_general_ci", "utf8mb4_0900_ai_ci", "utf8mb4_uca1400_ai_ci"]

    /// MariaDB quotes literals and writes expressions plainly; MySQL writes literals plainly and marks expressions.
    private func initial(_ text: String?, extra: String, type: ColumnType) -> ColumnShape.Default? {
        guard let text else { return nil }
        let lower = text.lowercased()
        if lower.hasPrefix("current_timestamp") || lower.hasPrefix("now(") { return .currentTimestamp }
        if lower.hasPrefix("curdate(") || lower.hasPrefix("(curdate(") { return .currentDate }
        if isMariaDB {
            if lower == "null" { return nil }
            if text.hasPrefix("'"), text.hasSuffix("'"), text.count >= 2 { return .literal(Self.unquoted(text)) }
            if Double(text) != nil { return .literal(text) }
            return .expression(text)
        }
        if extra.contains("default_generated") { return .expression(text) }
        if case .bits = type { return .expression(text) }
        return .literal(text)
    }

    private static func unquoted(_ text: String) -> String {
        var result = ""
        var isEscaped = false
        var isAfterQuote = false
        for character in text.dropFirst().dropLast() {
            if isEscaped {
                result.append(
                    character == "n" ? "\n" : character == "t" ? "\t" : character == "0" ? "\0" : character == "r" ? "\r" : character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "'" {
                // A quote within is doubled.
                if isAfterQuote { result.append("'") }
                isAfterQuote.toggle()
            } else {
                result.append(character)
            }
        }
        return result
    }

    // MARK: Keys

    private func indexRows(of table: TableName) throws -> [[String?]] {
        try indexRows(
            schema: requiredDatabase(table.schema), "AND table_name = \(dialect.literal(table.name))", doing: "read the indexes of \(table)"
        )
    }

    /// What ``indexShapes(_:statement:)`` takes, and the table's name last.
    func indexRows(schema: String, _ condition: String, doing: @autoclosure () -> String) throws -> [[String?]] {
        try rows(
            """
            SELECT index_name, non_unique, column_name, sub_part, index_type, table_name FROM information_schema.statistics
            WHERE table_schema = \(dialect.literal(schema)) \(condition) ORDER BY table_name, index_name, seq_in_index
            """, doing: doing())
    }

    /// `statement` is asked for the table's declaration only if an index of it needs more than columns.
    func indexShapes(
        _ rows: [[String?]], statement: () throws -> String
    ) throws -> (primary: [String], indexes: [IndexShape]) {
        var lines: [MySQLKeyLine]?
        var primary: [String] = []
        var order: [String] = []
        var shapes: [String: IndexShape] = [:]
        for row in rows {
            let name = row[0]!
            if name == "PRIMARY" {
                if let column = row[2] { primary.append(column) }
                continue
            }
            if shapes[name] == nil {
                order.append(name)
                shapes[name] = IndexShape(name: name, columns: [], unique: row[1] == "0")
            }
            let isPlain = row[2] != nil && row[3] == nil && ["BTREE", "HASH"].contains(row[4])
            if isPlain, shapes[name]!.definition == nil {
                shapes[name]!.columns.append(row[2]!)
            } else {
                if lines == nil { lines = MySQLKeyLine.all(in: try statement()) }
                shapes[name]!.definition = lines?.first { $0.name == name }?.text ?? ""
                shapes[name]!.columns = []
            }
        }
        return (primary, order.compactMap { shapes[$0] }.filter { $0.definition != "" })
    }

    func foreignKeyShapes(_ table: TableName) throws -> [ForeignKeyShape] {
        let schema = try requiredDatabase(table.schema)
        // Both tables of information_schema are looked up by name, not walked.
        let name = dialect.literal(table.name)
        let rows = try foreignKeyRows(
            schema: schema, "AND k.table_name = \(name) AND r.constraint_schema = \(dialect.literal(schema)) AND r.table_name = \(name)",
            doing: "read the foreign keys of \(table)")
        return foreignKeyShapes(rows, of: table, in: schema)
    }

    /// What ``foreignKeyShapes(_:of:in:)`` takes, and the table's name last.
    func foreignKeyRows(schema: String, _ condition: String, doing: @autoclosure () -> String) throws -> [[String?]] {
        try rows(
            """
            SELECT k.constraint_name, k.column_name, k.referenced_table_schema, k.referenced_table_name,
            k.referenced_column_name, r.delete_rule, r.update_rule, k.table_name
            FROM information_schema.key_column_usage k
            JOIN information_schema.referential_constraints r
            ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name
            WHERE k.table_schema = \(dialect.literal(schema)) \(condition)
            AND k.referenced_table_name IS NOT NULL
            ORDER BY k.table_name, k.constraint_name, k.ordinal_position
            """, doing: doing())
    }

    func foreignKeyShapes(_ rows: [[String?]], of table: TableName, in schema: String) -> [ForeignKeyShape] {
        var keys: [ForeignKeyShape] = []
        for row in rows {
            if keys.last?.name != row[0] {
                let other = TableName(schema: row[2] == schema ? table.schema : row[2], row[3]!)
                var key = ForeignKeyShape(name: row[0]!, columns: [], references: other, referencedColumns: [])
                key.onDelete = row[5]
                key.onUpdate = row[6]
                keys.append(key)
            }
            keys[keys.count - 1].columns.append(row[1]!)
            keys[keys.count - 1].referencedColumns.append(row[4]!)
        }
        return keys
    }
}
