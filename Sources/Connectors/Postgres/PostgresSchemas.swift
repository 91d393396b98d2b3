import ApusCore

/// Schemas of the target that are not there.
extension PostgresSession {
    func missingSchema(for table: TableName) throws -> String? {
        guard let schema = table.schema else { return try missingDefault() }
        return try has(schema) ? nil : schema
    }

    /// The first schema of the search path, where none of it is there.
    func missingDefault() throws -> String? {
        let row = try run("SELECT current_schema(), current_setting('search_path')", doing: "looking for the schema").rows.first
        guard row?[0] == nil else { return nil }
        let path = (row?[1] ?? "").split(separator: ",").map { part in
            part.drop { $0 == " " }.replacing("\"", with: "")
        }
        return path.first { !$0.hasPrefix("$") && !$0.isEmpty }.map { String($0) } ?? "public"
    }

    var sharedNames: [SharedName] { [.index] }

    /// Indexes share their names with tables and everything else that has columns.
    func taken(_ names: [String], _ kind: SharedName, beside table: TableName) throws -> [String] {
        let schema = table.schema.map { dialect.literal($0) } ?? "current_schema()"
        return try run(
            """
            SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            LEFT JOIN pg_catalog.pg_index x ON x.indexrelid = c.oid
            WHERE n.nspname = \(schema) AND c.relname IN (\(names.map { dialect.literal($0) }.joined(separator: ", ")))
              AND (x.indrelid IS NULL OR x.indrelid IS DISTINCT FROM to_regclass(\(dialect.literal(dialect.quote(table)))))
            """, doing: "looking for names in the schema of \(table)"
        ).rows.compactMap { $0[0] }
    }

    func createSchema(_ name: String) throws -> Bool {
        guard try !has(name) else { return false }
        do { try run("CREATE SCHEMA \(dialect.quote(name))", doing: "making the schema \(name)") } catch {
            // Another worker of the plan may have been first.
            guard try has(name) else { throw error }
            return false
        }
        return true
    }

    private func has(_ schema: String) throws -> Bool {
        try run(
            "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = \(dialect.literal(schema))", doing: "looking for the schema \(schema)"
        ).rowCount > 0
    }
}
