import ApusCore
import Tabular

/// The staging table takes the target's place in one transaction, with everything that hung on the old table.
extension PostgresSession {
    /// - parameter before: what was known of the target before it was locked.
    func swap(_ load: Load, _ before: PostgresTarget) throws {
        let doing = "swapping in the new \(load.target)"
        guard before.relation != nil else { return try renameStaging(load, doing) }
        if load.create != .recreate, before.traits.contains(.rules) { return try refreshInPlace(load) }
        let limit = version >= 90300 ? "SET LOCAL lock_timeout = '5s'; " : ""
        let opening = try "\(limit)LOCK TABLE \(dialect.quote(load.target)) IN ACCESS EXCLUSIVE MODE;\n\(targetSQL(load))"
        do {
            try exchange(doing, opening: opening) { answer in
                let found = target(answer, load)
                guard let target = found.relation else {
                    throw ApusError(.notFound, "table \(load.target) is gone", context: endpoint.label)
                }
                if load.create == .recreate { return try takePlace(of: target, found, load, doing) }
                if found.traits.contains(.rules) { throw ApusError(.referenced, "rules or publications name \(load.target)") }
                return try takePlaceAlike(target, found, load, doing)
            }
        } catch let error as ApusError where error.code == .referenced && load.create != .recreate {
            // Views, functions or the like depend on the table: the rows change, the table stays.
            try refreshInPlace(load)
        }
    }

    /// The new table gets everything that hung on the old one.
    private func takePlaceAlike(_ target: Relation, _ found: PostgresTarget, _ load: Load, _ doing: String) throws -> [String] {
        let hasSequences = found.traits.contains(.sequences)
        let afterwards = try belongings(of: target, found.traits, load)
        let renames = try renames(target, found, load)
        if hasSequences || found.traits.contains(.owner) { try adopt(target, load, doing) }
        let group = try detaching(load)
        let moves =
            group.drop + [
                "DROP TABLE \(dialect.quote(load.target))",
                "ALTER TABLE \(dialect.quote(load.staging)) RENAME TO \(dialect.quote(load.target.name))",
            ] + group.add
        guard hasSequences else { return try moves + renames + afterwards + finishedSQL(load) }
        let counters = try counterValues(target)
        try runTogether(moves + renames + afterwards, doing)
        try restoreCounters(counters, load, doing)
        try setCounters(load)
        return try finishedSQL(load)
    }

    private func takePlace(of target: Relation, _ found: PostgresTarget, _ load: Load, _ doing: String) throws -> [String] {
        let counters = found.traits.contains(.sequences) ? try counterValues(target) : []
        let group = try detaching(load)
        let drop = (group.drop + ["DROP TABLE \(dialect.quote(load.target))"]).joined(separator: ";\n")
        let names = try namesOfStaging(load, doing, besides: drop)
        try runTogether(try renameSQL(load, names.renames) + group.add, doing)
        try restoreCounters(counters, load, doing)
        try setCounters(load)
        return try finishedSQL(load)
    }

    private func renameStaging(_ load: Load, _ doing: String) throws {
        let names = try namesOfStaging(load, doing)
        let statements = try renameSQL(load, names.renames)
        if !names.hasSequences { return try runTogether(statements + finishedSQL(load), doing) }
        try transaction(doing) {
            try runTogether(statements, doing)
            try setCounters(load)
            try markFinished(load)
        }
    }

    private func renameSQL(_ load: Load, _ renames: [String]) throws -> [String] {
        try ["ALTER TABLE \(dialect.quote(load.staging)) RENAME TO \(dialect.quote(load.target.name))"] + renames
            + (load.withIndexes ? indexSQL(load, on: load.target, staging: load.staging) : [])
    }

    /// A table that Apus made gets the names that it would have had without the staging table.
    /// - parameter first: a statement that is run before, which may free names.
    private func namesOfStaging(_ load: Load, _ doing: String, besides first: String? = nil) throws -> (
        renames: [String], hasSequences: Bool
    ) {
        let literal = dialect.literal(dialect.quote(load.staging))
        let rows = try run(
            (first.map { $0 + ";\n" } ?? "")
                + """
                SELECT 'INDEX', i.relname FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = \(literal)::regclass
                UNION ALL SELECT 'SEQUENCE', s.relname FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class s ON s.oid = d.objid
                  WHERE d.classid = 'pg_class'::regclass AND d.refobjid = \(literal)::regclass AND s.relkind = 'S' AND d.deptype IN ('a', 'i')
                """, doing: doing
        ).rows
        let wanted = rows.compactMap { row -> (kind: String, old: String, new: String)? in
            guard let kind = row[0], let old = row[1], old.hasPrefix(load.staging.name) else { return nil }
            return (kind, old, PostgresDialect.shortened(load.target.name + old.dropFirst(load.staging.name.count)))
        }
        let hasSequences = rows.contains { $0[0] == "SEQUENCE" }
        guard !wanted.isEmpty else { return ([], hasSequences) }
        let taken = try run(
            "SELECT " + wanted.map { "to_regclass(\(dialect.literal(quotedBeside(load, $0.new))))" }.joined(separator: ", "), doing: doing
        ).rows[0]
        let renames = zip(wanted, taken).filter { $1 == nil }.map { name, _ in
            "ALTER \(name.kind) \(quotedBeside(load, name.old)) RENAME TO \(dialect.quote(name.new))"
        }
        return (renames, hasSequences)
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
    private func renames(_ target: Relation, _ found: PostgresTarget, _ load: Load) throws -> [String] {
        let table = dialect.quote(load.target)
        let hasIndexes = found.traits.contains(.indexes)
        let twins = hasIndexes ? try constraints(of: target.oid, load, types: "'p', 'u', 'x'") : found.primaryKey.map { [$0] } ?? []
        let constraints = twins.map {
            "ALTER TABLE \(table) RENAME CONSTRAINT \(dialect.quote($0.temporary)) TO \(dialect.quote($0.name))"
        }
        let indexes = try (hasIndexes ? indexTwins(of: target.oid, load) : []).map {
            "ALTER INDEX \(quotedBeside(load, $0.temporary)) RENAME TO \(dialect.quote($0.name))"
        }
        guard version >= 100000, found.traits.contains(.sequences) else { return constraints + indexes }
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
            let group = try detaching(load), own = try detachingOwn(load)
            try runTogether(group.drop + own.drop, doing)
            try run("DELETE FROM \(table)", doing: doing)
            try run("INSERT INTO \(table) (\(columns))\(overriding) SELECT \(columns) FROM \(staging)", doing: doing)
            try runTogether(own.add + group.add, doing)
            try setCounters(load)
            try run("DROP TABLE \(staging)", doing: doing)
            try markFinished(load)
        }
        analyze(load.target)
    }
}
