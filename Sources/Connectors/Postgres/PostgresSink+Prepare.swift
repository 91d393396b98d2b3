import ApusCore
import Tabular

extension PostgresSession {
    func prepare(_ load: Load) throws {
        let load = try placed(load)
        knownLayout = nil
        defer { releaseSteps(load, marks: true) }
        let found = target(try holdSteps(load, marks: true, doing: "preparing \(load.target)", then: targetSQL(load)), load)
        guard found.hasSchema else {
            let schema = load.target.schema ?? ""
            throw ApusError(
                .notFound, "there is no schema \(schema) for \(load.target)",
                hint: "CREATE SCHEMA \(dialect.quote(schema)), or name another target.", context: endpoint.label)
        }
        if !found.hasMarks { try createMarksTable(load) }
        try createCheckpointTable(load)
        let states = try states(load)
        if states.contains(.finished) { return }
        if states.contains(.prepared) {
            guard load.isStaged ? found.hasStaging : found.relation != nil else {
                throw ApusError(
                    .interrupted, "table \(load.destination), which this run had prepared, is gone",
                    hint: "Run again from the beginning.", context: endpoint.label)
            }
            return try rememberMarks(load)
        }
        try check(load, found)
        do { try make(load, found) } catch let error as ApusError { throw explained(error, load) }
        try rememberMarks(load)
        if load.mode == .upsert { try checkUniqueKey(load) }
    }

    /// Makes what is to be there before the first row, with the mark that says so.
    private func make(_ load: Load, _ found: PostgresTarget) throws {
        let doing = "preparing \(load.target)"
        let isThere = found.relation != nil && load.create != .recreate
        switch load.mode {
        case .replace: try runTogether(stagingSQL(load, found) + markSQL(load, .prepared), doing)
        case .window where isThere: try runTogether(stagingSQL(load, found, like: true) + markSQL(load, .prepared), doing)
        case .window:
            try exchange(doing, opening: try (targetSQL(making: load, found) + [targetSQL(load)]).joined(separator: ";\n")) {
                try stagingSQL(load, target($0, load), like: true) + markSQL(load, .prepared)
            }
        default: try runTogether(try targetSQL(making: load, found) + markSQL(load, .prepared), doing)
        }
    }

    /// One implicit transaction.
    func runTogether(_ statements: [String], _ doing: String) throws {
        guard !statements.isEmpty else { return }
        try run(statements.joined(separator: ";\n"), doing: doing)
    }

    private func explained(_ error: ApusError, _ load: Load) -> ApusError {
        if load.mode == .truncate, error.underlying?.contains("foreign key") == true {
            return ApusError(
                .referenced, "\(load.target) cannot be emptied: foreign keys of other tables refer to it",
                hint: "Use mode upsert or append, or drop those foreign keys for the load.", context: endpoint.label,
                underlying: error.underlying)
        }
        guard error.code == .notFound, error.underlying?.contains("type ") == true else { return error }
        var copy = error
        copy.hint = "Make the type in the target first, or give the column another with `types`."
        return copy
    }

    /// Whether the target is of a kind that the load can work on.
    private func check(_ load: Load, _ found: PostgresTarget) throws {
        guard let target = found.relation else {
            if load.create == .require {
                throw ApusError(
                    .notFound, "there is no table \(load.target), and it must not be made (create: require)",
                    context: endpoint.label)
            }
            return
        }
        let kinds = ["v": "a view", "m": "a materialized view", "f": "a foreign table"]
        if let kind = kinds[target.kind], target.kind != "f" || load.mode != .append {
            throw ApusError(
                .unsupported, "\(load.target) is \(kind), which cannot be loaded in mode \(load.mode.rawValue)",
                hint: target.kind == "f" ? "Use mode append." : "Load the table behind it.", context: endpoint.label)
        }
        if load.mode == .upsert, load.create != .recreate { try checkUniqueKey(load) }
        if load.mode == .truncate, load.create != .recreate { try checkReferences(load, found) }
        guard load.mode == .replace || load.create == .recreate else { return }
        if target.kind == "p" || found.isInTree {
            throw ApusError(
                .unsupported, "\(load.target) is partitioned, a partition, or in an inheritance tree, and cannot be replaced as a whole",
                hint: "Use mode truncate.", context: endpoint.label)
        }
        try checkReferences(load, found)
    }

    /// The target for the modes that load it itself.
    private func targetSQL(making load: Load, _ found: PostgresTarget) throws -> [String] {
        var statements: [String] = []
        let isNew = found.relation == nil || load.create == .recreate
        if found.relation != nil, load.create == .recreate {
            statements += try detaching(load).drop + ["DROP TABLE \(dialect.quote(load.target))"]
        }
        if isNew { statements += dialect.create(load.shape, as: load.target) }
        if !isNew, load.mode == .truncate {
            // TRUNCATE asks whether foreign keys refer to the table, DELETE whether rows do. Where tables refer to each other
            // in a circle, it must not ask.
            if (try? defersForeignKeys(load)) == true { statements.append("SET LOCAL session_replication_role = replica") }
            let verb = load.replacedWith == nil ? "TRUNCATE TABLE" : "DELETE FROM"
            statements.append("\(verb) \(own(dialect.quote(load.target), found.relation))")
        }
        if load.mode == .upsert, isNew, Set(load.key) != Set(load.shape.primaryKey) {
            statements.append("CREATE UNIQUE INDEX ON \(dialect.quote(load.target)) (\(dialect.list(load.key)))")
        }
        return statements
    }

    /// `like`: the target is there, also where it was to be made anew.
    private func stagingSQL(_ load: Load, _ found: PostgresTarget, like: Bool = false) -> [String] {
        let staging = dialect.quote(load.staging)
        let drop = found.hasStaging ? ["DROP TABLE \(staging)"] : []
        guard found.relation != nil, like || load.create != .recreate else { return drop + dialect.create(load.shape, as: load.staging) }
        var including = ["DEFAULTS", "CONSTRAINTS", "STORAGE", "COMMENTS"]
        if version >= 100000 { including.append("IDENTITY") }
        if version >= 120000 { including.append("GENERATED") }
        if version >= 140000 { including.append("COMPRESSION") }
        var sql = "CREATE \(found.persistence == "u" ? "UNLOGGED " : "")TABLE \(staging) (LIKE \(dialect.quote(load.target))"
        sql += including.map { " INCLUDING \($0)" }.joined() + ")"
        if let options = found.options, !options.isEmpty { sql += " WITH (\(options))" }
        if let tablespace = found.tablespace { sql += " TABLESPACE \(tablespace)" }
        // The primary key is there from the first row on, so that a duplicate is a rejected row.
        let key = found.primaryKey.map {
            "ALTER TABLE \(staging) ADD CONSTRAINT \(dialect.quote($0.temporary)) \($0.definition)"
        }
        return drop + [sql] + (key.map { [$0] } ?? [])
    }

    /// An index or constraint of the target, and what it is called while it is the staging table's.
    struct Twin {
        var name: String
        var temporary: String
        var definition: String
        var tablespace: String?
    }

    /// Constraints of some types (pg_constraint.contype) that an index stands behind.
    func constraints(of oid: UInt32, _ load: Load, types: String) throws -> [Twin] {
        try run(
            """
            SELECT k.conname, k.oid, pg_catalog.pg_get_constraintdef(k.oid), quote_ident(t.spcname)
            FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class i ON i.oid = k.conindid
              LEFT JOIN pg_catalog.pg_tablespace t ON t.oid = i.reltablespace
            WHERE k.conrelid = \(oid) AND k.contype IN (\(types)) ORDER BY k.oid
            """, doing: "reading the constraints of \(load.target)"
        ).rows.map {
            Twin(name: $0[0]!, temporary: "\(load.staging.name)_k\($0[1]!)", definition: $0[2]!, tablespace: $0[3])
        }
    }

    func discard(_ load: Load) throws {
        let load = try placed(load)
        for table in [load.staging, load.retired] {
            try run("DROP TABLE IF EXISTS \(dialect.quote(table))", doing: "dropping the staging table of \(load.target)")
        }
        guard try hasMarksTable(load) else { return }
        knownMarks = nil
        try run(
            "DELETE FROM \(try marksTable(load)) WHERE \(try markCondition(load))", doing: "forgetting the marks of \(load.target)")
        dropEmptyMarks(load)
    }
}
