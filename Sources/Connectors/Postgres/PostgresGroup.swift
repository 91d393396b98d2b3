import ApusCore
import Tabular

/// Tables that foreign keys hold together and that one run replaces.
///
/// While one of them is new and another old, a key between them cannot be fulfilled: it is made anew as NOT VALID, which
/// the server does not look at until it is told to, and validated when all tables are done. So no key is ever missing,
/// also after a crash.
extension PostgresSession {
    struct Reference {
        var table: TableName
        var name: String
        var definition: String
    }

    /// Foreign keys of other tables that refer to the target.
    func references(to load: Load) throws -> [Reference] {
        try foreignKeys("k.confrelid = to_regclass(\(dialect.literal(dialect.quote(load.target)))) AND k.conrelid <> k.confrelid", load)
    }

    private func foreignKeys(_ condition: String, _ load: Load) throws -> [Reference] {
        let own = version >= 110000 ? " AND k.conparentid = 0" : ""
        return try run(
            """
            SELECT n.nspname, c.relname, k.conname, pg_catalog.pg_get_constraintdef(k.oid) FROM pg_catalog.pg_constraint k
              JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE k.contype = 'f' AND \(condition)\(own) ORDER BY k.oid
            """, doing: "reading the foreign keys around \(load.target)"
        ).rows.map { Reference(table: TableName(schema: $0[0], $0[1]!), name: $0[2]!, definition: Self.unvalidated($0[3]!)) }
    }

    static func unvalidated(_ definition: String) -> String {
        (definition.hasSuffix(" NOT VALID") ? String(definition.dropLast(10)) : definition) + " NOT VALID"
    }

    func isReplaced(_ table: TableName, with load: Load) throws -> Bool {
        let schema = try schema(of: load)
        // Another table of the group, which is not swapped in yet.
        let staging = load.staging.name.dropLast(String(load.table).utf8.count)
        if table.name.hasPrefix(staging) { return true }
        return (load.replacedWith ?? []).contains { $0.name == table.name && ($0.schema ?? schema) == table.schema }
    }

    /// One step at a time for all tables of a group: each locks tables that the others change, too.
    func guardingGroup(_ load: Load, _ body: () throws -> Void) throws {
        guard let first = load.replacedWith?.first else { return try body() }
        let key = try lockKey(load, "group:\(first)") ^ 4
        let doing = "waiting for another table of the group of \(load.target)"
        if poolsTransactions {
            // The transaction that holds the table's steps holds it, to the end of the step.
            try stepsHolder?.run("SELECT pg_advisory_xact_lock(\(key))", doing: doing)
            return try body()
        }
        try run("SELECT pg_advisory_lock(\(key))", doing: doing)
        defer { if isAlive { _ = try? run("SELECT pg_advisory_unlock(\(key))", doing: "letting others of the group on") } }
        try body()
    }

    /// Statements that take the keys of the group that refer to the target away, and such that make them anew.
    func detaching(_ load: Load) throws -> (drop: [String], add: [String]) {
        guard load.replacedWith != nil else { return ([], []) }
        let keys = try references(to: load).filter { try isReplaced($0.table, with: load) }
        return (
            keys.map { "ALTER TABLE \(dialect.quote($0.table)) DROP CONSTRAINT \(dialect.quote($0.name))" },
            keys.map { key in
                let sql = "ALTER TABLE \(dialect.quote(key.table)) ADD CONSTRAINT \(dialect.quote(key.name)) \(key.definition)"
                guard load.create == .recreate else { return sql }
                // It may not suit the new table. Its own table is made anew, too.
                return """
                    DO $apus$ BEGIN \(sql); EXCEPTION WHEN datatype_mismatch OR undefined_column OR undefined_object OR invalid_foreign_key
                      THEN NULL; END $apus$
                    """
            }
        )
    }

    /// The same for keys of the target itself, whose rows are exchanged in place.
    func detachingOwn(_ load: Load) throws -> (drop: [String], add: [String]) {
        guard load.replacedWith != nil else { return ([], []) }
        let keys = try foreignKeys("k.conrelid = to_regclass(\(dialect.literal(dialect.quote(load.target))))", load)
        let table = dialect.quote(load.target)
        return (
            keys.map { "ALTER TABLE \(table) DROP CONSTRAINT \(dialect.quote($0.name))" },
            keys.map { "ALTER TABLE \(table) ADD CONSTRAINT \(dialect.quote($0.name)) \($0.definition)" }
        )
    }

    /// Whether the load's rows pass foreign keys by until the table is done: the user may set session_replication_role, and
    /// no trigger of the table's own would be passed by as well. Elsewhere the server looks at the end of each statement.
    func defersForeignKeys(_ load: Load) throws -> Bool {
        guard load.defersForeignKeys == true else { return false }
        let key = "\(load.runID) \(load.table)"
        if let known = knownDeferring, known.key == key { return known.isDeferred }
        let right =
            version >= 150000
            ? "has_parameter_privilege(current_user, 'session_replication_role', 'SET')" : "current_setting('is_superuser') = 'on'"
        let table = dialect.literal(dialect.quote(try placed(load).target))
        let isDeferred =
            try run(
                "SELECT \(right) AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_trigger WHERE tgrelid = to_regclass(\(table)) AND NOT tgisinternal)",
                doing: "asking for the right to put foreign keys off"
            ).value == "t"
        knownDeferring = (key, isDeferred)
        return isDeferred
    }

    /// Rows that were written while nobody looked.
    private func findOrphans(_ load: Load) throws {
        for key in load.shape.foreignKeys {
            let pairs = zip(key.columns, key.referencedColumns).map { "c.\(dialect.quote($0)) = p.\(dialect.quote($1))" }
            let known = key.columns.map { "c.\(dialect.quote($0)) IS NOT NULL" }
            var parent = key.references
            if parent.schema == nil { parent.schema = load.target.schema }
            let missing =
                try run(
                    """
                    SELECT count(*) FROM \(dialect.quote(load.target)) c WHERE \(known.joined(separator: " AND "))
                      AND NOT EXISTS (SELECT 1 FROM \(dialect.quote(parent)) p WHERE \(pairs.joined(separator: " AND ")))
                    """, doing: "looking at the foreign key \(key.name) of \(load.target)"
                ).value ?? "0"
            guard missing != "0" else { continue }
            throw ApusError(
                .referenced,
                "\(missing) rows of \(load.target) refer to rows of \(key.references) that are not there: they break its foreign key \(key.name)",
                hint: "Load the missing rows, or remove those that refer to them.", context: endpoint.label)
        }
    }

    func checkForeignKeys(_ load: Load) throws {
        let load = try placed(load)
        if try defersForeignKeys(load) { try findOrphans(load) }
        guard load.replacedWith != nil else { return }
        let table = dialect.quote(load.target)
        let names = try run(
            """
            SELECT conname FROM pg_catalog.pg_constraint
            WHERE contype = 'f' AND NOT convalidated AND conrelid = to_regclass(\(dialect.literal(table))) ORDER BY oid
            """, doing: "looking for foreign keys of \(load.target) that are to be validated"
        ).rows.compactMap { $0[0] }
        for name in names {
            do {
                try run(
                    "ALTER TABLE \(table) VALIDATE CONSTRAINT \(dialect.quote(name))",
                    doing: "validating the foreign key \(name) of \(load.target)")
            } catch let error as ApusError where error.underlying?.hasPrefix("PG 23503") == true {
                throw ApusError(
                    .referenced, "rows of \(load.target) refer to rows that are not there: its foreign key \(name) holds for new rows only",
                    hint: "Load the missing rows, then ALTER TABLE \(table) VALIDATE CONSTRAINT \(dialect.quote(name)).",
                    context: endpoint.label)
            }
        }
    }
}
