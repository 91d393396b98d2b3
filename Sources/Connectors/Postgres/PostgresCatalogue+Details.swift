import ApusCore
import Tabular

/// Checks, counters, types of users and traits: what a table has besides columns and keys.
extension PostgresSession {
    static let conditionStyle = ConditionParser.Style(
        quote: "\"",
        functions: ["length": "char_length", "char_length": "char_length", "character_length": "char_length"])

    /// By the table's OID.
    func checks(of oids: String) throws -> [String: [CheckShape]] {
        let rows = try run(
            """
            SELECT conrelid, conname, pg_catalog.pg_get_expr(conbin, conrelid), convalidated, connoinherit
            FROM pg_catalog.pg_constraint WHERE conrelid IN (\(oids)) AND contype = 'c' ORDER BY conname
            """, doing: "reading the checks of tables"
        ).rows
        return Dictionary(grouping: rows) { $0[0] ?? "" }.mapValues { rows in
            rows.map { row in
                let condition = Self.unwrapped(row[2] ?? "")
                return CheckShape(
                    name: row[1] ?? "", condition: condition, meaning: ConditionParser.parse(condition, Self.conditionStyle),
                    isEnforced: row[3] == "t")
            }
        }
    }

    /// Without parentheses around the whole.
    private static func unwrapped(_ sql: String) -> String {
        guard sql.hasPrefix("("), sql.hasSuffix(")") else { return sql }
        var depth = 0
        var quote: Character?
        for (position, character) in sql.enumerated() {
            if let open = quote {
                if character == open { quote = nil }
            } else if character == "'" || character == "\"" {
                quote = character
            } else if character == "(" {
                depth += 1
            } else if character == ")" {
                depth -= 1
                if depth == 0, position < sql.count - 1 { return sql }
            }
        }
        return String(sql.dropFirst().dropLast())
    }

    /// Collations, counters and types of columns, by table and column.
    func details(of oids: String, _ columns: inout [String: [ColumnShape]]) throws {
        func change(_ table: String?, _ column: String?, _ body: (inout ColumnShape) -> Void) {
            guard let table, let index = columns[table]?.firstIndex(where: { $0.name == column }) else { return }
            body(&columns[table]![index])
        }
        for row in try run(
            """
            SELECT a.attrelid, a.attname, quote_ident(n.nspname) || '.' || quote_ident(c.collname)
            FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
              JOIN pg_catalog.pg_collation c ON c.oid = a.attcollation JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
            WHERE a.attrelid IN (\(oids)) AND a.attnum > 0 AND NOT a.attisdropped AND a.attcollation <> t.typcollation
            """, doing: "reading the collations of tables"
        ).rows {
            change(row[0], row[1]) { $0.collation = row[2].map { $0.hasPrefix("pg_catalog.") ? String($0.dropFirst(11)) : $0 } }
        }
        for row in try userTypes(of: oids) {
            change(row.table, row.column) {
                $0.userType = row.type
                $0.labels = row.labels
            }
        }
        guard version >= 100000, !isGreenplum else { return }
        for row in try counters(of: oids) { change(row.table, row.column) { $0.counter = row.counter } }
    }

    // MARK: Counters

    private func counters(of oids: String) throws -> [(table: String?, column: String?, counter: CounterShape)] {
        // A column's own sequence depends on it (a, i); of others, its default does (n).
        let rows = try run(
            """
            SELECT a.attrelid, a.attname, a.attidentity, q.seqstart, q.seqincrement, q.seqmin, q.seqmax, q.seqcache, q.seqcycle,
              CASE WHEN has_sequence_privilege(s.oid, 'SELECT') OR has_sequence_privilege(s.oid, 'USAGE')
                THEN pg_catalog.pg_sequence_last_value(s.oid) END,
              CASE q.seqtypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647 ELSE 9223372036854775807 END,
              d.kind, s.oid::regclass::text
            FROM pg_catalog.pg_attribute a
              JOIN LATERAL (
                SELECT d.objid, d.deptype AS kind FROM pg_catalog.pg_depend d
                WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid
                  AND d.refobjsubid = a.attnum AND d.deptype IN ('a', 'i')
                UNION
                SELECT d.refobjid, 'n' FROM pg_catalog.pg_attrdef f JOIN pg_catalog.pg_depend d
                  ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'n'
                WHERE f.adrelid = a.attrelid AND f.adnum = a.attnum) d ON true
              JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
              JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid
            WHERE a.attrelid IN (\(oids)) AND a.attnum > 0 AND NOT a.attisdropped
            ORDER BY a.attrelid, a.attnum, d.kind = 'n'
            """, doing: "reading the counters of tables"
        ).rows
        var seen: Set<String> = []
        return rows.compactMap { row in
            guard seen.insert("\(row[0] ?? "").\(row[1] ?? "")").inserted else { return nil }
            let numbers = row[3...7].map { $0.flatMap { Int64($0) } ?? 1 }
            let (start, step, low, high, cache) = (numbers[0], numbers[1], numbers[2], numbers[3], numbers[4])
            var options: [String] = []
            if step != 1 { options.append("INCREMENT BY \(step)") }
            if step > 0 ? low != 1 : high != -1 { options.append(step > 0 ? "MINVALUE \(low)" : "MAXVALUE \(high)") }
            if step > 0, high != row[10].flatMap({ Int64($0) }) { options.append("MAXVALUE \(high)") }
            if start != (step > 0 ? low : high) { options.append("START WITH \(start)") }
            if cache != 1 { options.append("CACHE \(cache)") }
            if row[8] == "t" { options.append("CYCLE") }
            var counter = CounterShape(isAlways: row[2] == "a", options: options.isEmpty ? nil : options.joined(separator: " "))
            if let last = row[9].flatMap({ Int64($0) }) {
                let (next, overflow) = last.addingReportingOverflow(step)
                if !overflow, next > 1 { counter.next = String(next) }
            } else if start > 1 {
                counter.next = String(start)
            }
            if row[11] == "n" { counter.shared = row[12] }
            return counter == CounterShape() ? nil : (row[0], row[1], counter)
        }
    }

    // MARK: Types

    private func userTypes(of oids: String) throws -> [(table: String?, column: String?, type: UserType, labels: [String]?)] {
        let rows = try run(
            """
            SELECT a.attrelid, a.attname, format_type(t.oid, NULL), t.typtype, t.typcategory = 'A' OR a.atttypid <> t.oid,
              array_to_string(ARRAY(SELECT e.enumlabel FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder), E'\\x01'),
              CASE WHEN t.typtype = 'd' THEN concat(format_type(t.typbasetype, t.typtypmod),
                CASE WHEN t.typdefault IS NOT NULL THEN ' DEFAULT ' || pg_get_expr(t.typdefaultbin, 0) END,
                CASE WHEN t.typnotnull THEN ' NOT NULL' END,
                (SELECT string_agg(format(' CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid)), '' ORDER BY k.conname)
                  FROM pg_catalog.pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c')) END
            FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type b ON b.oid = a.atttypid
              JOIN pg_catalog.pg_type t ON t.oid = CASE WHEN b.typtype = 'b' AND b.typelem <> 0 AND b.typlen = -1 THEN b.typelem ELSE b.oid END
            WHERE a.attrelid IN (\(oids)) AND a.attnum > 0 AND NOT a.attisdropped AND t.typtype IN ('e', 'd')
            """, doing: "reading the types of tables"
        ).rows
        return rows.map { row in
            let name = row[2] ?? ""
            if row[3] == "e" {
                let labels = (row[5] ?? "").split(separator: "\u{1}", omittingEmptySubsequences: false).map(String.init)
                let list = labels.map { dialect.literal($0) }.joined(separator: ", ")
                return (
                    row[0], row[1], UserType(name: name, statement: "CREATE TYPE \(name) AS ENUM (\(list))"), row[4] == "t" ? nil : labels
                )
            }
            return (row[0], row[1], UserType(name: name, statement: "CREATE DOMAIN \(name) AS \(row[6] ?? "")"), nil)
        }
    }

    // MARK: Traits

    /// By the table's OID.
    func traits(of oids: String) throws -> [String: [TableTrait]] {
        var parts = [
            """
            SELECT tgrelid, 'the trigger ' || tgname, NULL, false FROM pg_catalog.pg_trigger WHERE tgrelid IN (\(oids)) AND NOT tgisinternal
            """,
            """
            SELECT ev_class, 'the rule ' || rulename, NULL, false FROM pg_catalog.pg_rewrite
            WHERE ev_class IN (\(oids)) AND rulename <> '_RETURN'
            """,
            """
            SELECT inhrelid, 'the inheritance from ' || inhparent::regclass, NULL, false FROM pg_catalog.pg_inherits WHERE inhrelid IN (\(oids))
            """,
            """
            SELECT c.oid, 'the storage parameter ' || o, '\(Self.alter) SET (' || o || ')', true
            FROM pg_catalog.pg_class c, unnest(c.reloptions) o WHERE c.oid IN (\(oids)) AND c.relkind IN ('r', 'p')
            """,
            """
            SELECT c.oid, 'the tablespace ' || t.spcname, NULL, true FROM pg_catalog.pg_class c JOIN pg_catalog.pg_tablespace t ON t.oid = c.reltablespace
            WHERE c.oid IN (\(oids))
            """,
            """
            SELECT a.attrelid, 'the storage of column ' || a.attname,
              format('\(Self.alter) ALTER COLUMN %I SET STORAGE %s', a.attname,
                CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END), true
            FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
            WHERE a.attrelid IN (\(oids)) AND a.attnum > 0 AND NOT a.attisdropped AND a.attstorage <> t.typstorage
            """,
            """
            SELECT a.attrelid, 'the statistics target of column ' || a.attname,
              format('\(Self.alter) ALTER COLUMN %I SET STATISTICS %s', a.attname, a.attstattarget), true
            FROM pg_catalog.pg_attribute a WHERE a.attrelid IN (\(oids)) AND a.attnum > 0 AND NOT a.attisdropped AND a.attstattarget > 0
            """,
            """
            SELECT c.oid, 'the replica identity', CASE c.relreplident WHEN 'f' THEN '\(Self.alter) REPLICA IDENTITY FULL'
              WHEN 'n' THEN '\(Self.alter) REPLICA IDENTITY NOTHING' END, true
            FROM pg_catalog.pg_class c WHERE c.oid IN (\(oids)) AND c.relkind IN ('r', 'p') AND c.relreplident IN ('f', 'n', 'i')
            """,
            """
            SELECT c.oid, 'UNLOGGED', \(version >= 90500 ? "'\(Self.alter) SET UNLOGGED'" : "NULL"), true
            FROM pg_catalog.pg_class c WHERE c.oid IN (\(oids)) AND c.relpersistence = 'u'
            """,
            """
            SELECT x.indrelid, 'the comment on ' || i.relname, NULL, true FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
            WHERE x.indrelid IN (\(oids)) AND obj_description(i.oid, 'pg_class') IS NOT NULL
            UNION ALL
            SELECT conrelid, 'the comment on ' || conname, NULL, true FROM pg_catalog.pg_constraint
            WHERE conrelid IN (\(oids)) AND obj_description(oid, 'pg_constraint') IS NOT NULL
            """,
        ]
        if version >= 90500 {
            parts.append(
                """
                SELECT polrelid, 'the row security policy ' || polname, NULL, false FROM pg_catalog.pg_policy WHERE polrelid IN (\(oids))
                UNION ALL
                SELECT c.oid, 'row security' || CASE WHEN c.relforcerowsecurity THEN ' (forced)' ELSE '' END, NULL, false
                FROM pg_catalog.pg_class c WHERE c.oid IN (\(oids)) AND c.relrowsecurity
                """)
        }
        if version >= 100000, !isGreenplum {
            parts.append(
                """
                SELECT c.oid, format('partitioning (BY %s, partitions: %s)', pg_get_partkeydef(c.oid),
                  (SELECT count(*) FROM pg_catalog.pg_inherits WHERE inhparent = c.oid)), NULL, false
                FROM pg_catalog.pg_class c WHERE c.oid IN (\(oids)) AND c.relkind = 'p'
                UNION ALL
                SELECT stxrelid, 'the extended statistics ' || stxname, NULL, true FROM pg_catalog.pg_statistic_ext WHERE stxrelid IN (\(oids))
                """)
            parts.append(partitionsOwn(of: oids))
        }
        let rows = try run(parts.joined(separator: "\nUNION ALL\n"), doing: "reading what belongs to tables").rows
        return Dictionary(grouping: rows) { $0[0] ?? "" }.mapValues { rows in
            rows.map { TableTrait($0[1] ?? "", statement: $0[2], isStorage: $0[3] == "t") }
        }
    }

    /// What single partitions have besides what their partitioned table says.
    private func partitionsOwn(of oids: String) -> String {
        func part(_ kind: String, _ name: String, _ from: String) -> String {
            """
            SELECT root, 'each \(kind) of a single partition (' || string_agg(\(name), ', ' ORDER BY \(name)) || ')', NULL, false
            FROM parts JOIN \(from) GROUP BY root
            """
        }
        let isOwn = version >= 110000 ? " AND k.conparentid = 0" : ""
        return """
            (WITH RECURSIVE parts(root, oid) AS (
              SELECT inhparent, inhrelid FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = inhparent
              WHERE inhparent IN (\(oids)) AND c.relkind = 'p'
              UNION ALL SELECT root, i.inhrelid FROM parts JOIN pg_catalog.pg_inherits i ON i.inhparent = parts.oid)
            \(part("index", "x.relname", """
                (SELECT i.indrelid, c.relname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
                WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_inherits h WHERE h.inhrelid = c.oid)) x ON x.indrelid = parts.oid
                """))
            UNION ALL
            \(part("foreign key", "k.conname", "pg_catalog.pg_constraint k ON k.conrelid = parts.oid AND k.contype = 'f'\(isOwn)"))
            UNION ALL
            \(part("check", "k.conname", "pg_catalog.pg_constraint k ON k.conrelid = parts.oid AND k.contype = 'c' AND k.coninhcount = 0")))
            """
    }

    private static let alter = "ALTER TABLE \(TableTrait.place)"
}
