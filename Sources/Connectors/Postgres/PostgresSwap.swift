import ApusCore
import Tabular

/// The staging table takes the target's place in one transaction, with everything that hung on the old table.
extension PostgresSession {
    func swap(_ load: Load) throws {
        let doing = "swapping in the new \(load.target)"
        guard let target = try relation(load.target) else { return try renameStaging(load, doing) }
        if load.create != .recreate, try mustRefreshInPlace(target, load) { return try refreshInPlace(load) }
        do {
            try transaction(doing) {
                try waitForLock(load, doing)
                let afterwards = load.create == .recreate ? [] : try belongings(of: target, load)
                let renames = load.create == .recreate ? [] : try renames(target, load)
                if load.create != .recreate { try adopt(target, load, doing) }
                let counters = try counterValues(target)
                try run("DROP TABLE \(dialect.quote(load.target))", doing: doing)
                try run("ALTER TABLE \(dialect.quote(load.staging)) RENAME TO \(dialect.quote(load.target.name))", doing: doing)
                for sql in renames + afterwards { try run(sql, doing: doing) }
                if load.create == .recreate { try finishNew(load, doing) }
                try restoreCounters(counters, load, doing)
                try setCounters(load)
                try mark(load, .finished)
            }
        } catch let error as ApusError where error.code == .referenced && load.create != .recreate {
            // Views, functions or the like depend on the table: the rows change, the table stays.
            try refreshInPlace(load)
        }
    }

    private func waitForLock(_ load: Load, _ doing: String) throws {
        if version >= 90300 { try run("SET LOCAL lock_timeout = '5s'", doing: doing) }
        try run("LOCK TABLE \(dialect.quote(load.target)) IN ACCESS EXCLUSIVE MODE", doing: doing)
    }

    private func renameStaging(_ load: Load, _ doing: String) throws {
        try transaction(doing) {
            try run("ALTER TABLE \(dialect.quote(load.staging)) RENAME TO \(dialect.quote(load.target.name))", doing: doing)
            try finishNew(load, doing)
            try setCounters(load)
            try mark(load, .finished)
        }
    }

    /// A table that Apus made gets the names that it would have had without the staging table, and its indexes.
    private func finishNew(_ load: Load, _ doing: String) throws {
        let literal = dialect.literal(dialect.quote(load.target))
        let names = try run(
            """
            SELECT 'INDEX', i.relname FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = \(literal)::regclass
            UNION ALL SELECT 'SEQUENCE', s.relname FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class s ON s.oid = d.objid
              WHERE d.classid = 'pg_class'::regclass AND d.refobjid = \(literal)::regclass AND s.relkind = 'S' AND d.deptype IN ('a', 'i')
            """, doing: doing
        ).rows
        for row in names {
            guard let old = row[1], old.hasPrefix(load.staging.name) else { continue }
            let new = PostgresDialect.shortened(load.target.name + old.dropFirst(load.staging.name.count))
            guard try run("SELECT to_regclass(\(dialect.literal(quotedBeside(load, new))))", doing: doing).value == nil else { continue }
            try run("ALTER \(row[0]!) \(quotedBeside(load, old)) RENAME TO \(dialect.quote(new))", doing: doing)
        }
        if load.withIndexes { try makeIndexes(load, on: load.target) }
    }

    /// Owner and owned sequences, before the old table goes.
    private func adopt(_ target: Relation, _ load: Load, _ doing: String) throws {
        let staging = dialect.quote(load.staging)
        let sql = try run(
            """
            SELECT format('ALTER TABLE %s OWNER TO %I', \(dialect.literal(staging)), pg_get_userbyid(a.relowner))
            FROM pg_catalog.pg_class a, pg_catalog.pg_class b
            WHERE a.oid = \(target.oid) AND b.oid = \(dialect.literal(staging))::regclass AND a.relowner <> b.relowner
            UNION ALL
            SELECT format('ALTER SEQUENCE %I.%I OWNED BY %s.%I', n.nspname, s.relname, \(dialect.literal(staging)), a.attname)
            FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class s ON s.oid = d.objid JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace
              JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
            WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = \(target.oid)
              AND s.relkind = 'S' AND d.deptype = 'a'
            """, doing: doing
        ).rows.compactMap { $0[0] }
        for statement in sql { try run(statement, doing: doing) }
    }

    /// Statements that give indexes, constraints and identity sequences their old names.
    private func renames(_ target: Relation, _ load: Load) throws -> [String] {
        let table = dialect.quote(load.target)
        let constraints = try constraints(of: target.oid, load, types: "'p', 'u', 'x'").map {
            "ALTER TABLE \(table) RENAME CONSTRAINT \(dialect.quote($0.temporary)) TO \(dialect.quote($0.name))"
        }
        let indexes = try indexTwins(of: target.oid, load).map {
            "ALTER INDEX \(quotedBeside(load, $0.temporary)) RENAME TO \(dialect.quote($0.name))"
        }
        guard version >= 100000 else { return constraints + indexes }
        let sequences = try run(
            """
            SELECT format('ALTER SEQUENCE %s RENAME TO %I', pg_get_serial_sequence(\(dialect.literal(dialect.quote(load.staging))), a.attname), s.relname)
            FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class s
              ON s.oid = pg_get_serial_sequence(\(dialect.literal(table)), a.attname)::regclass
            WHERE a.attrelid = \(target.oid) AND a.attidentity <> '' AND NOT a.attisdropped
            """, doing: "reading the counters of \(load.target)"
        ).rows.compactMap { $0[0] }
        return constraints + indexes + sequences
    }

    /// Where the old table's identity counters stood.
    private func counterValues(_ target: Relation) throws -> [(column: String, value: String)] {
        guard version >= 100000 else { return [] }
        let columns = try run(
            """
            SELECT a.attname, pg_get_serial_sequence(\(dialect.literal(dialect.quote(target.name))), a.attname)
            FROM pg_catalog.pg_attribute a WHERE a.attrelid = \(target.oid) AND a.attidentity <> '' AND NOT a.attisdropped
            """, doing: "reading the counters of \(target.name)"
        ).rows
        return try columns.compactMap { row in
            guard let sequence = row[1] else { return nil }
            let value = try run(
                "SELECT last_value FROM \(sequence) WHERE is_called", doing: "reading the counters of \(target.name)"
            ).value
            return value.map { (row[0]!, $0) }
        }
    }

    private func restoreCounters(_ counters: [(column: String, value: String)], _ load: Load, _ doing: String) throws {
        for counter in counters {
            try run(
                """
                SELECT pg_catalog.setval(s::regclass, \(counter.value)) FROM
                  pg_catalog.pg_get_serial_sequence(\(dialect.literal(dialect.quote(load.target))), \(dialect.literal(counter.column))) s
                WHERE s IS NOT NULL
                """, doing: doing)
        }
    }

    // MARK: In place

    /// What would be lost in silence with the old table: publications and rules.
    private func mustRefreshInPlace(_ target: Relation, _ load: Load) throws -> Bool {
        var sql = "SELECT 1 FROM pg_catalog.pg_rewrite WHERE ev_class = \(target.oid)"
        if version >= 100000 { sql += " UNION ALL SELECT 1 FROM pg_catalog.pg_publication_rel WHERE prrelid = \(target.oid)" }
        return try run(sql, doing: "looking at what depends on \(load.target)").rowCount > 0
    }

    /// Replaces the rows of the target by those of the staging table: readers see the old ones or the new ones.
    private func refreshInPlace(_ load: Load) throws {
        let doing = "refreshing \(load.target) in place"
        let table = dialect.quote(load.target)
        let staging = dialect.quote(load.staging)
        let shape = try describe(load.staging)
        let columns = dialect.list(shape.columns.filter { !$0.generated }.map(\.name))
        let overriding = version >= 100000 && shape.columns.contains(where: \.identity) ? " OVERRIDING SYSTEM VALUE" : ""
        try transaction(doing) {
            if version >= 90300 { try run("SET LOCAL lock_timeout = '5s'", doing: doing) }
            // Readers go on; writers wait.
            try run("LOCK TABLE \(table) IN EXCLUSIVE MODE", doing: doing)
            try run("DELETE FROM \(table)", doing: doing)
            try run("INSERT INTO \(table) (\(columns))\(overriding) SELECT \(columns) FROM \(staging)", doing: doing)
            try setCounters(load)
            try run("DROP TABLE \(staging)", doing: doing)
            try mark(load, .finished)
        }
        analyze(load.target)
    }
}
