import ApusCore
import MySQLClient

/// Tables that foreign keys hold together and that one run replaces or fills.
extension MySQLSession {
    /// One step at a time for all tables of a group: each changes keys of the others.
    func guardingGroup(_ load: Load, _ body: () throws -> Void) throws {
        guard load.replacedWith != nil else { return try body() }
        let name = dialect.literal(try lockName("group:", load.target.schema, ""))
        guard try rows("SELECT GET_LOCK(\(name), 3600)", doing: "wait for another table of the group of \(load.target)").first?[0] == "1"
        else {
            throw ApusError(.transient, "another table of the group of \(load.target) is still being replaced", context: endpoint.label)
        }
        defer { _ = try? attempt("DO RELEASE_LOCK(\(name))") }
        try body()
    }

    /// Runs statements whose foreign keys are looked at later.
    func withoutForeignKeyChecks(_ body: () throws -> Void) throws {
        try run("SET SESSION foreign_key_checks = 0", doing: "put foreign keys off")
        defer { _ = try? attempt("SET SESSION foreign_key_checks = 1") }
        try body()
    }

    func isReplaced(_ schema: String, _ table: String, with load: Load) throws -> Bool {
        guard load.replacedWith != nil else { return false }
        // Another table of the group, which is not swapped in yet, or whose old one is not dropped yet.
        let number = String(load.table).utf8.count
        if [load.staging, load.retired].contains(where: { table.hasPrefix($0.name.dropLast(number)) }) { return true }
        return try (load.replacedWith ?? []).contains { try $0.name == table && requiredDatabase($0.schema) == schema }
    }

    /// Foreign keys of other tables have followed the old table to its other name: they go back to the new one. Their names
    /// are unique in a database, so that it takes two steps.
    func bringBackReferences(_ load: Load) throws {
        let schema = try requiredDatabase(load.target.schema)
        let owners = try rows(
            """
            SELECT DISTINCT table_schema, table_name FROM information_schema.key_column_usage
            WHERE referenced_table_schema = \(dialect.literal(schema)) AND referenced_table_name = \(dialect.literal(load.retired.name))
            """, doing: "find the foreign keys that reference \(load.target)")
        guard !owners.isEmpty else { return }
        try withoutForeignKeyChecks {
            for owner in owners where owner[1] != load.retired.name {
                let table = TableName(schema: owner[0], owner[1]!)
                for var key in try foreignKeyShapes(table) where key.references.name == load.retired.name {
                    key.references = TableName(schema: schema, load.target.name)
                    let name = Self.provisional(key.name)
                    do {
                        for (old, new) in [(key.name, name), (name, key.name)] {
                            try run(
                                "ALTER TABLE \(dialect.quote(table)) DROP FOREIGN KEY \(dialect.quote(old)), ADD \(dialect.foreignKeySQL(key, named: new))",
                                doing: "bring the foreign key \(key.name) of \(table) back to \(load.target)")
                        }
                    } catch let error as ApusError where load.create == .recreate && [.statement, .notFound].contains(error.code) {
                        // It does not suit the new table. Its own table is made anew, too.
                        try run(
                            "ALTER TABLE \(dialect.quote(table)) DROP FOREIGN KEY \(dialect.quote(key.name))",
                            doing: "drop the foreign key \(key.name) of \(table)")
                    }
                }
            }
        }
    }

    /// Before a table that is made anew is dropped: foreign keys of the others of its group, which lose theirs as well.
    func dropReferences(_ load: Load) throws {
        let schema = try requiredDatabase(load.target.schema)
        let keys = try rows(
            """
            SELECT DISTINCT table_schema, table_name, constraint_name FROM information_schema.key_column_usage
            WHERE referenced_table_schema = \(dialect.literal(schema)) AND referenced_table_name = \(dialect.literal(load.target.name))
            AND NOT (table_schema = \(dialect.literal(schema)) AND table_name = \(dialect.literal(load.target.name)))
            """, doing: "find the foreign keys that reference \(load.target)")
        for key in keys {
            let table = TableName(schema: key[0], key[1]!)
            try run(
                "ALTER TABLE \(dialect.quote(table)) DROP FOREIGN KEY \(dialect.quote(key[2]!))",
                doing: "drop the foreign key \(key[2]!) of \(table)")
        }
    }

    /// `apus_fk_…` is for keys of staging tables.
    private static func provisional(_ name: String) -> String { String(("apus_fx_" + name).prefix(64)) }

    func checkForeignKeys(_ load: Load) throws {
        for key in try foreignKeyShapes(load.target) {
            let pairs = zip(key.columns, key.referencedColumns).map { "c.\(dialect.quote($0)) = p.\(dialect.quote($1))" }
            let known = key.columns.map { "c.\(dialect.quote($0)) IS NOT NULL" }
            let missing =
                try rows(
                    """
                    SELECT COUNT(*) FROM \(dialect.quote(load.target)) c LEFT JOIN \(dialect.quote(key.references)) p ON \(pairs.joined(separator: " AND ")) \
                    WHERE \(known.joined(separator: " AND ")) AND p.\(dialect.quote(key.referencedColumns[0])) IS NULL
                    """, doing: "look at the foreign key \(key.name) of \(load.target)"
                ).first?[0] ?? "0"
            guard missing != "0" else { continue }
            throw ApusError(
                .referenced,
                "\(missing) rows of \(load.target) refer to rows of \(key.references) that are not there: they break its foreign key \(key.name)",
                hint: "Load the missing rows, or remove those that refer to them.", context: endpoint.label)
        }
    }
}
