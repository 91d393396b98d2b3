import ApusCore
import Glibc
import Tabular

extension PostgresSession {
    func finish(_ load: Load) throws {
        let load = try placed(load)
        defer { releaseSteps(load, marks: false) }
        try holdSteps(load, marks: false, doing: "waiting for another worker on \(load.target)")
        let states = try states(load)
        guard states.contains(.prepared), !states.contains(.finished) else { return }
        if load.mode == .replace {
            try finishStaging(load)
        } else if load.mode == .window {
            try exchangeWindow(load)
        } else {
            let isNew = !load.exists || load.create == .recreate
            try transaction("finishing \(load.target)") {
                if isNew, load.withIndexes { try makeIndexes(load, on: load.target) }
                try setCounters(load)
                try markFinished(load)
            }
            analyze(load.target)
        }
    }

    /// Statistics help, but the load is good without them.
    func analyze(_ table: TableName) {
        guard endpoint.settings.boolean("analyze") else { return }
        // Not waited for: whatever is committed afterwards makes it durable too.
        _ = try? run("SET LOCAL synchronous_commit = off; ANALYZE \(dialect.quote(table))", doing: "analysing \(table)")
    }

    /// The secondary indexes of a table that Apus made; those that are there already are left alone.
    func makeIndexes(_ load: Load, on table: TableName) throws {
        for sql in try indexSQL(load, on: table) { try run(sql, doing: "making indexes of \(load.target)") }
    }

    /// An index whose name another table's index has, or any other relation, gets one of its own.
    /// - parameter staging: the table that `table` is called as yet.
    func indexSQL(_ load: Load, on table: TableName, staging: TableName? = nil) throws -> [String] {
        guard !load.shape.indexes.isEmpty else { return [] }
        let names = load.shape.indexes.map { dialect.indexName($0, table) }
        let known = try run(
            """
            SELECT c.relname, x.indrelid = to_regclass(\(dialect.literal(dialect.quote(staging ?? table))))
            FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_index x ON x.indexrelid = c.oid
            WHERE c.relnamespace = coalesce((SELECT relnamespace FROM pg_catalog.pg_class
                WHERE oid = to_regclass(\(dialect.literal(dialect.quote(staging ?? table))))), 0)
              AND c.relname IN (\(names.map { dialect.literal($0) }.joined(separator: ", ")))
            """, doing: "looking for the names of indexes of \(load.target)"
        ).rows
        let own = Set(known.filter { $0[1] == "t" }.compactMap { $0[0] })
        var taken = Set(known.compactMap { $0[0] })
        var statements: [String] = []
        for (index, name) in zip(load.shape.indexes, names) where !own.contains(name) {
            var single = load.shape
            single.indexes = [index]
            if !taken.insert(name).inserted {
                single.indexes[0].name = PostgresDialect.shortened("\(table.name)_\(name)_\(load.table)_\(statements.count)")
                taken.insert(single.indexes[0].name)
            }
            statements += dialect.createIndexes(single, on: table)
        }
        return statements
    }

    /// Sets the counters behind columns so that the next number is above all that is there; never back.
    func setCounters(_ load: Load) throws {
        let table = dialect.quote(load.target)
        let doing = "setting the counters of \(load.target)"
        let isCounter =
            (version >= 100000 ? "a.attidentity <> '' OR " : "") + "pg_catalog.pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%'"
        let counters = try run(
            """
            SELECT a.attname, pg_catalog.pg_get_serial_sequence(\(dialect.literal(table)), a.attname)
            FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            WHERE a.attrelid = pg_catalog.to_regclass(\(dialect.literal(table))) AND a.attnum > 0 AND NOT a.attisdropped AND (\(isCounter))
            """, doing: doing
        ).rows
        for row in counters {
            guard let column = row[0], let sequence = row[1] else { continue }
            let name = dialect.quote(column)
            // A counter that runs downwards or ends below the column's values is left as it is.
            let fits =
                version >= 100000
                ? """
                 AND EXISTS (SELECT 1 FROM pg_catalog.pg_sequence q WHERE q.seqrelid = \(dialect.literal(sequence))::regclass
                  AND q.seqincrement > 0 AND m.top <= q.seqmax)
                """ : ""
            try run(
                """
                SELECT pg_catalog.setval(\(dialect.literal(sequence)), m.top::bigint)
                FROM (SELECT max(\(name))::numeric AS top FROM \(table)) m, \(sequence) s
                WHERE (m.top > s.last_value OR (m.top = s.last_value AND NOT s.is_called))\(fits)
                """, doing: doing)
            // Numbers that the source has given already are not given again, also where their rows are gone.
            guard let next = load.counters?[column], Int64(next) != nil else { continue }
            try run(
                """
                SELECT pg_catalog.setval(\(dialect.literal(sequence)), m.top::bigint, false) FROM (SELECT \(next)::numeric AS top) m, \(sequence) s
                WHERE m.top > s.last_value\(fits)
                """, doing: doing)
        }
    }

    // MARK: Replace

    private func finishStaging(_ load: Load) throws {
        let found = try target(load)
        guard found.hasStaging else {
            throw ApusError(
                .interrupted, "the staging table \(load.staging) of \(load.target) is gone; the target is as it was",
                hint: "Run again from the beginning.", context: endpoint.label)
        }
        if let target = found.relation, load.create != .recreate {
            try checkReferences(load, found)
            if !found.traits.isDisjoint(with: [.indexes, .foreignKeys]) { try finishTwins(load, target) }
        }
        analyze(load.staging)
        try guardingGroup(load) { try swapPatiently(load, found) }
    }

    /// Gives the staging table the constraints and indexes of the target, under names of its own.
    private func finishTwins(_ load: Load, _ target: Relation) throws {
        let staging = dialect.quote(load.staging)
        let doing = "making indexes and constraints for the new \(load.target)"
        let present = Set(
            try run(
                """
                SELECT conname FROM pg_catalog.pg_constraint WHERE conrelid = \(dialect.literal(staging))::regclass
                UNION SELECT i.relname FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
                  WHERE x.indrelid = \(dialect.literal(staging))::regclass
                """, doing: doing
            ).rows.compactMap { $0[0] })
        for index in try indexTwins(of: target.oid, load) where !present.contains(index.temporary) {
            try run(index.definition, doing: doing, rows: false)
            if let tablespace = index.tablespace {
                try run("ALTER INDEX \(quotedBeside(load, index.temporary)) SET TABLESPACE \(tablespace)", doing: doing)
            }
        }
        for twin in try constraints(of: target.oid, load, types: "'u', 'x'") where !present.contains(twin.temporary) {
            try run("ALTER TABLE \(staging) ADD CONSTRAINT \(dialect.quote(twin.temporary)) \(twin.definition)", doing: doing)
        }
        // A foreign key's name is the table's own, so it may be the final one at once.
        try guardingGroup(load) {
            for row in try foreignKeyDefinitions(of: target.oid, toItself: false) where !present.contains(row.name) {
                let definition = load.replacedWith == nil ? row.definition : Self.unvalidated(row.definition)
                try run("ALTER TABLE \(staging) ADD CONSTRAINT \(dialect.quote(row.name)) \(definition)", doing: doing)
            }
        }
    }

    func quotedBeside(_ load: Load, _ name: String) -> String {
        dialect.quote(TableName(schema: load.target.schema, name))
    }

    func foreignKeyDefinitions(of oid: UInt32, toItself: Bool) throws -> [(name: String, definition: String)] {
        try run(
            """
            SELECT conname, pg_catalog.pg_get_constraintdef(oid) FROM pg_catalog.pg_constraint
            WHERE conrelid = \(oid) AND contype = 'f' AND (confrelid = conrelid) = \(toItself) ORDER BY oid
            """, doing: "reading foreign keys"
        ).rows.map { ($0[0]!, $0[1]!) }
    }

    /// Indexes without a constraint, as statements for the staging table.
    func indexTwins(of oid: UInt32, _ load: Load) throws -> [Twin] {
        let rows = try run(
            """
            SELECT i.relname, i.oid, pg_catalog.pg_get_indexdef(i.oid), x.indisunique, quote_ident(t.spcname), quote_ident(i.relname),
              quote_ident(n.nspname) || '.' || quote_ident(c.relname), quote_ident(c.relname)
            FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
              JOIN pg_catalog.pg_class c ON c.oid = x.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
              LEFT JOIN pg_catalog.pg_tablespace t ON t.oid = i.reltablespace
            WHERE x.indrelid = \(oid) AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint k WHERE k.conindid = i.oid AND k.conrelid = x.indrelid)
            ORDER BY i.oid
            """, doing: "reading the indexes of \(load.target)"
        ).rows
        return try rows.map { row in
            let temporary = "\(load.staging.name)_i\(row[1]!)"
            let start = "CREATE \(row[3] == "t" ? "UNIQUE " : "")INDEX \(row[5]!) ON "
            // Older servers leave the schema out where the search path has it.
            guard
                let tail = ["\(start)\(row[6]!) USING ", "\(start)\(row[7]!) USING "].lazy.compactMap({ row[2]!.dropping(prefix: $0) })
                    .first
            else {
                throw ApusError(
                    .unsupported, "index \(row[0]!) of \(load.target) has a definition that Apus cannot rebuild",
                    hint: "Use mode truncate.", context: endpoint.label)
            }
            let sql =
                "CREATE \(row[3] == "t" ? "UNIQUE " : "")INDEX \(dialect.quote(temporary)) ON \(dialect.quote(load.staging)) USING \(tail)"
            return Twin(name: row[0]!, temporary: temporary, definition: sql, tablespace: row[4])
        }
    }

    /// Tries the swap several times, each with a short wait for the lock, so that readers behind it are not held up.
    private func swapPatiently(_ load: Load, _ found: PostgresTarget) throws {
        var attempt = 0
        while true {
            do {
                return try swap(load, found)
            } catch let error as ApusError where error.underlying?.hasPrefix("PG 55P03") == true && attempt < 11 {
                attempt += 1
                try interrupt.check()
                usleep(UInt32(min(attempt, 10)) * 100_000)
            }
        }
    }
}

extension String {
    fileprivate func dropping(prefix: String) -> String? { hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil }
}
