import ApusCore
import Tabular

extension PostgresSession {
    func prepare(_ load: Load) throws {
        let load = try placed(load)
        knownLayout = nil
        let schema = load.target.schema ?? ""
        let known = try run(
            "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = \(dialect.literal(schema))", doing: "looking for schema \(schema)")
        guard known.rowCount > 0 else {
            throw ApusError(
                .notFound, "there is no schema \(schema) for \(load.target)",
                hint: "CREATE SCHEMA \(dialect.quote(schema)), or name another target.", context: endpoint.label)
        }
        try holdMarks(load)
        defer { releaseMarks(load) }
        try holdSteps(load)
        defer { releaseSteps(load) }
        try createMarksTable(load)
        if try isMarked(load, .finished) { return }
        if try isMarked(load, .prepared) {
            guard try relation(load.destination) != nil else {
                throw ApusError(
                    .interrupted, "table \(load.destination), which this run had prepared, is gone",
                    hint: "Run again from the beginning.", context: endpoint.label)
            }
            return
        }
        let target = try relation(load.target)
        try check(load, target)
        try transaction("preparing \(load.target)") {
            switch load.mode {
            case .replace: try makeStaging(load, target)
            case .window:
                try makeTarget(load, target)
                try makeStaging(load, relation(load.target), like: true)
            default: try makeTarget(load, target)
            }
            try mark(load, .prepared)
        }
        if load.mode == .upsert { try checkUniqueKey(load) }
    }

    /// Whether the target is of a kind that the load can work on.
    private func check(_ load: Load, _ target: Relation?) throws {
        guard let target else {
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
        guard load.mode == .replace || load.create == .recreate else { return }
        let isPartOfTree =
            try run(
                "SELECT 1 FROM pg_catalog.pg_inherits WHERE inhrelid = \(target.oid) OR inhparent = \(target.oid) LIMIT 1",
                doing: "looking at \(load.target)"
            ).rowCount > 0
        if target.kind == "p" || isPartOfTree {
            throw ApusError(
                .unsupported, "\(load.target) is partitioned, a partition, or in an inheritance tree, and cannot be replaced as a whole",
                hint: "Use mode truncate.", context: endpoint.label)
        }
        try checkReferences(load, target)
    }

    /// - throws: `target.referenced` with the tables whose foreign keys the swap would break.
    func checkReferences(_ load: Load, _ target: Relation) throws {
        let tables = try run(
            """
            SELECT DISTINCT conrelid::regclass::text FROM pg_catalog.pg_constraint
            WHERE contype = 'f' AND confrelid = \(target.oid) AND conrelid <> \(target.oid) ORDER BY 1
            """, doing: "looking for foreign keys on \(load.target)"
        ).rows.compactMap { $0[0] }
        guard !tables.isEmpty else { return }
        throw ApusError(
            .referenced,
            "\(load.target) cannot be \(load.mode == .truncate ? "emptied" : "replaced"): foreign keys of \(tables.joined(separator: ", ")) refer to it",
            hint: "Use mode upsert or append, or drop those foreign keys for the load.", context: endpoint.label)
    }

    /// The target for the modes that load it itself.
    private func makeTarget(_ load: Load, _ target: Relation?) throws {
        let doing = "preparing \(load.target)"
        if target != nil, load.create == .recreate {
            try run("DROP TABLE \(dialect.quote(load.target))", doing: "dropping \(load.target)")
            try create(load, as: load.target)
        } else if target == nil {
            try create(load, as: load.target)
        } else if load.mode == .truncate {
            if let target { try checkReferences(load, target) }
            do {
                try run("TRUNCATE TABLE \(dialect.quote(load.target))", doing: "emptying \(load.target)")
            } catch let error as ApusError where error.underlying?.contains("foreign key") == true {
                throw ApusError(
                    .referenced, "\(load.target) cannot be emptied: foreign keys of other tables refer to it",
                    hint: "Use mode upsert or append, or drop those foreign keys for the load.", context: endpoint.label,
                    underlying: error.underlying)
            }
        }
        if load.mode == .upsert, target == nil || load.create == .recreate, Set(load.key) != Set(load.shape.primaryKey) {
            try run("CREATE UNIQUE INDEX ON \(dialect.quote(load.target)) (\(dialect.list(load.key)))", doing: doing)
        }
    }

    func create(_ load: Load, as name: TableName) throws {
        do {
            for sql in dialect.create(load.shape, as: name) { try run(sql, doing: "making table \(name)") }
        } catch let error as ApusError where error.code == .notFound && error.underlying?.contains("type ") == true {
            var copy = error
            copy.hint = "Make the type in the target first, or give the column another with `types`."
            throw copy
        }
    }

    /// `like`: the target is there, also where it was to be made anew.
    private func makeStaging(_ load: Load, _ target: Relation?, like: Bool = false) throws {
        let staging = dialect.quote(load.staging)
        let doing = "making the staging table of \(load.target)"
        try run("DROP TABLE IF EXISTS \(staging)", doing: doing)
        guard let target, like || load.create != .recreate else { return try create(load, as: load.staging) }
        let row = try run(
            """
            SELECT c.relpersistence, array_to_string(c.reloptions, ', '), quote_ident(t.spcname)
            FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_tablespace t ON t.oid = c.reltablespace WHERE c.oid = \(target.oid)
            """, doing: doing
        ).rows[0]
        var including = ["DEFAULTS", "CONSTRAINTS", "STORAGE", "COMMENTS"]
        if version >= 100000 { including.append("IDENTITY") }
        if version >= 120000 { including.append("GENERATED") }
        if version >= 140000 { including.append("COMPRESSION") }
        var sql = "CREATE \(row[0] == "u" ? "UNLOGGED " : "")TABLE \(staging) (LIKE \(dialect.quote(load.target))"
        sql += including.map { " INCLUDING \($0)" }.joined() + ")"
        if let options = row[1], !options.isEmpty { sql += " WITH (\(options))" }
        if let tablespace = row[2] { sql += " TABLESPACE \(tablespace)" }
        try run(sql, doing: doing)
        // The primary key is there from the first row on, so that a duplicate is a rejected row.
        for key in try constraints(of: target.oid, load, types: "'p'") {
            try run("ALTER TABLE \(staging) ADD CONSTRAINT \(dialect.quote(key.temporary)) \(key.definition)", doing: doing)
        }
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
        try run(
            "DELETE FROM \(try marksTable(load)) WHERE \(try markCondition(load))", doing: "forgetting the marks of \(load.target)")
        dropEmptyMarks(load)
    }
}
