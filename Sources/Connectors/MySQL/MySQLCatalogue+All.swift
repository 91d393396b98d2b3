import ApusCore
import Tabular

/// A schema's tables in six queries, however many they are.
extension MySQLSession {
    func describeAll(schema: String?, where isWanted: (TableSummary) -> Bool) throws -> [TableShape] {
        let present = try tables(schema: schema)
        let wanted = present.filter(isWanted)
        // The bulk queries read the whole schema, or what is wanted of it where that is less than half.
        let isFew = wanted.count * 2 < present.count
        let names = wanted.map { dialect.literal($0.name.name) }.joined(separator: ", ")
        func among(_ column: String) -> String { isFew ? "AND \(column) IN (\(names))" : "" }
        guard wanted.count > 3 else { return try describeEach(wanted) }
        let name = try requiredDatabase(schema)
        let doing = "read the catalogue of \(name)"
        let facts = Dictionary(
            try rows(
                """
                SELECT table_name, table_comment, create_options, table_type, engine, auto_increment, table_collation
                FROM information_schema.tables WHERE table_schema = \(dialect.literal(name)) \(among("table_name"))
                """, doing: doing
            ).map { ($0[0]!, $0) }, uniquingKeysWith: { first, _ in first })
        let columns = Dictionary(grouping: try columnRows(schema: name, among("table_name"), doing: doing)) { $0[13]! }
        let indexes = Dictionary(grouping: try indexRows(schema: name, among("table_name"), doing: doing)) { $0[5]! }
        let foreignKeys = Dictionary(grouping: try foreignKeyRows(schema: name, among("k.table_name"), doing: doing)) { $0[7]! }
        let checks = try jsonChecks(schema: name, doing: doing), checked = try checkedTables(schema: name, doing: doing)
        let triggers = try triggerTraits(schema: name, among("event_object_table"), doing: doing)
        return try wanted.compactMap { table in
            guard let rows = columns[table.name.name] else { return nil }
            let own = checks[table.name.name] ?? []
            let columns = rows.map { row in
                column(row) { name in own.contains { $0.contains("json_valid(\(dialect.quote(name)))") } }
            }
            var shape = TableShape(name: table.name, kind: table.kind, origin: "mysql", columns: columns)
            shape.rows = table.rows
            shape.bytes = table.bytes
            if table.kind != .view {
                let facts = facts[table.name.name]
                shape.comment = facts?[1].flatMap { $0.isEmpty ? nil : $0 }
                do {
                    shape.take(try indexShapes(indexes[table.name.name] ?? []) { try createStatement(table.name) })
                    let isPlain =
                        facts?[2]?.isEmpty != false && facts?[3] == "BASE TABLE" && facts?[4] == "InnoDB"
                        && !checked.contains(table.name.name) && Self.defaultCollations.contains(facts?[6] ?? "")
                    shape.take(
                        MySQLDeclaration(isPlain ? "" : try createStatement(table.name)), triggers: triggers[table.name.name] ?? [],
                        next: facts?[5])
                } catch let error as ApusError where error.code == .notFound { return nil }
                shape.foreignKeys = foreignKeyShapes(foreignKeys[table.name.name] ?? [], of: table.name, in: name)
            }
            return shape
        }
    }

    /// The tables that have checks besides those of JSON.
    private func checkedTables(schema: String, doing: @autoclosure () -> String) throws -> Set<String> {
        let sql =
            isMariaDB
            ? """
            SELECT DISTINCT table_name FROM information_schema.check_constraints
            WHERE constraint_schema = \(dialect.literal(schema)) AND check_clause NOT LIKE 'json_valid(%'
            """
            : """
            SELECT DISTINCT table_name FROM information_schema.table_constraints
            WHERE constraint_schema = \(dialect.literal(schema)) AND constraint_type = 'CHECK'
            """
        return Set(try rows(sql, doing: doing()).compactMap { $0[0] })
    }

    /// The checks that make texts of MariaDB JSON, by table ("Information Schema CHECK_CONSTRAINTS Table").
    private func jsonChecks(schema: String, doing: @autoclosure () -> String) throws -> [String: [String]] {
        guard server.hasCheckConstraints else { return [:] }
        let checks = try rows(
            """
            SELECT table_name, check_clause FROM information_schema.check_constraints
            WHERE constraint_schema = \(dialect.literal(schema)) AND check_clause LIKE '%json_valid(%'
            """, doing: doing())
        return Dictionary(grouping: checks) { $0[0] ?? "" }.mapValues { $0.compactMap { $0[1] } }
    }
}
