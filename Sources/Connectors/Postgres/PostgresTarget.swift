import ApusCore
import Tabular

/// What the server knows of a load's target, in one question.
struct PostgresTarget {
    /// The schema is there.
    var hasSchema: Bool
    /// The table of marks is there.
    var hasMarks: Bool
    /// nil = there is no such table.
    var relation: PostgresSession.Relation?
    var hasStaging: Bool
    /// It is a partition, partitioned, or in an inheritance tree.
    var isInTree: Bool
    /// Tables whose foreign keys refer to it.
    var references: [String]
    /// pg_class.relpersistence.
    var persistence: String
    var options: String?
    var tablespace: String?
    var primaryKey: PostgresSession.Twin?
    /// What hangs on it, so that only that is asked for.
    var traits: Set<Trait>

    /// Letters under which the question's answer has them.
    enum Trait: Character, CaseIterable {
        /// Indexes, or unique and exclusion constraints, besides the primary key.
        case indexes = "i"
        case foreignKeys = "f"
        /// Another owner than the staging table's.
        case owner = "o"
        /// Grants on it or on the staging table.
        case grants = "g"
        case sequences = "q"
        case statistics = "e"
        /// Comments on table, indexes or constraints.
        case comments = "d"
        case triggers = "t"
        case policies = "p"
        /// Replica identity, clustering, or columns with settings of their own.
        case settings = "r"
        /// Rules or publications, which would be lost in silence with the table.
        case rules = "v"
    }
}

extension PostgresSession {
    func target(_ load: Load) throws -> PostgresTarget {
        target(try run(targetSQL(load), doing: "looking at \(load.target)"), load)
    }

    /// The last statement of some that are sent together. Planning it takes longer than running it, so that the server
    /// keeps it where it can be told to keep the plan too.
    func targetSQL(_ load: Load) throws -> String {
        let values = [load.target.schema ?? "", try marksTable(load), dialect.quote(load.target), dialect.quote(load.staging)]
        let literals = values.map { dialect.literal($0) }
        guard version >= 120000, !isGreenplum, !poolsTransactions else {
            return question(schema: literals[0], marks: literals[1], target: literals[2], staging: literals[3])
        }
        if preparedTarget == nil {
            targetNumber += 1
            let name = "apus_target_\(targetNumber)"
            try run(
                "PREPARE \(name)(text, text, text, text) AS \(question(schema: "$1", marks: "$2", target: "$3", staging: "$4"))",
                doing: "looking at \(load.target)")
            preparedTarget = name
        }
        return "SET LOCAL plan_cache_mode = force_generic_plan; EXECUTE \(preparedTarget!)(\(literals.joined(separator: ", ")))"
    }

    private func question(schema: String, marks: String, target: String, staging: String) -> String {
        """
        SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = \(schema)),
          pg_catalog.to_regclass(\(marks)) IS NOT NULL,
          c.oid, c.relkind, s.oid,
          EXISTS (SELECT 1 FROM pg_catalog.pg_inherits WHERE inhrelid = c.oid OR inhparent = c.oid),
          (SELECT string_agg(DISTINCT conrelid::regclass::text, E'\\n') FROM pg_catalog.pg_constraint
            WHERE contype = 'f' AND confrelid = c.oid AND conrelid <> c.oid),
          c.relpersistence, array_to_string(c.reloptions, ', '), quote_ident(t.spcname),
          p.conname, p.oid, pg_catalog.pg_get_constraintdef(p.oid),
          \(traitsSQL)
        FROM (SELECT 1) one
          LEFT JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(\(target)) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
          LEFT JOIN pg_catalog.pg_class s ON s.oid = pg_catalog.to_regclass(\(staging))
          LEFT JOIN pg_catalog.pg_tablespace t ON t.oid = c.reltablespace
          LEFT JOIN pg_catalog.pg_constraint p ON p.conrelid = c.oid AND p.contype = 'p'
        """
    }

    private var traitsSQL: String {
        func described(_ catalogue: String, _ name: String, _ table: String) -> String {
            """
            EXISTS (SELECT 1 FROM pg_catalog.\(catalogue) x JOIN pg_catalog.pg_description d
              ON d.objoid = x.\(name) AND d.classoid = '\(table)'::regclass AND d.objsubid = 0 WHERE x.\(catalogue == "pg_index" ? "indrelid" : "conrelid") = c.oid)
            """
        }
        let column = "SELECT 1 FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped AND"
        var traits: [(PostgresTarget.Trait, String)] = [
            (.indexes, "EXISTS (SELECT 1 FROM pg_catalog.pg_index x WHERE x.indrelid = c.oid AND NOT x.indisprimary)"),
            (.foreignKeys, "EXISTS (SELECT 1 FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f')"),
            (.owner, "c.relowner <> s.relowner"),
            (.grants, "c.relacl IS NOT NULL OR s.relacl IS NOT NULL OR EXISTS (\(column) a.attacl IS NOT NULL)"),
            (
                .sequences,
                """
                EXISTS (SELECT 1 FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class q ON q.oid = d.objid AND q.relkind = 'S'
                  WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid)
                """
            ),
            (
                .comments,
                """
                EXISTS (SELECT 1 FROM pg_catalog.pg_description d WHERE d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0)
                  OR \(described("pg_index", "indexrelid", "pg_class")) OR \(described("pg_constraint", "oid", "pg_constraint"))
                """
            ),
            (.triggers, "EXISTS (SELECT 1 FROM pg_catalog.pg_trigger g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal)"),
            (
                .settings,
                """
                c.relreplident <> 'd' OR EXISTS (SELECT 1 FROM pg_catalog.pg_index x WHERE x.indrelid = c.oid AND x.indisclustered)
                  OR EXISTS (\(column) a.attnum > 0 AND (a.attstattarget > 0 OR a.attoptions IS NOT NULL))
                """
            ),
        ]
        var rules = "EXISTS (SELECT 1 FROM pg_catalog.pg_rewrite w WHERE w.ev_class = c.oid)"
        if version >= 90500 {
            traits.append(
                (
                    .policies,
                    "c.relrowsecurity OR c.relforcerowsecurity OR EXISTS (SELECT 1 FROM pg_catalog.pg_policy y WHERE y.polrelid = c.oid)"
                ))
        }
        if version >= 100000 {
            traits.append((.statistics, "EXISTS (SELECT 1 FROM pg_catalog.pg_statistic_ext e WHERE e.stxrelid = c.oid)"))
            rules += " OR EXISTS (SELECT 1 FROM pg_catalog.pg_publication_rel u WHERE u.prrelid = c.oid)"
        }
        traits.append((.rules, rules))
        return "concat(" + traits.map { "CASE WHEN \($1) THEN '\($0.rawValue)' END" }.joined(separator: ",\n  ") + ")"
    }

    func target(_ result: PostgresResult, _ load: Load) -> PostgresTarget {
        let row = result.rows.first ?? Array(repeating: nil, count: 14)
        var found = PostgresTarget(
            hasSchema: row[0] == "t", hasMarks: row[1] == "t", relation: nil, hasStaging: row[4] != nil, isInTree: row[5] == "t",
            references: (row[6] ?? "").split(separator: "\n").map(String.init), persistence: row[7] ?? "p", options: row[8],
            tablespace: row[9], primaryKey: nil, traits: Set((row[13] ?? "").compactMap(PostgresTarget.Trait.init)))
        if let oid = row[2].flatMap({ UInt32($0) }) { found.relation = Relation(oid: oid, name: load.target, kind: row[3] ?? "r") }
        if let name = row[10], let oid = row[11], let definition = row[12] {
            found.primaryKey = Twin(name: name, temporary: "\(load.staging.name)_k\(oid)", definition: definition)
        }
        return found
    }

    /// - throws: `target.referenced` with the tables whose foreign keys the swap would break.
    func checkReferences(_ load: Load, _ target: PostgresTarget) throws {
        guard !target.references.isEmpty else { return }
        if load.replacedWith != nil, try references(to: load).allSatisfy({ try isReplaced($0.table, with: load) }) { return }
        let verb = load.mode == .truncate ? "emptied" : "replaced"
        throw ApusError(
            .referenced,
            "\(load.target) cannot be \(verb): foreign keys of \(target.references.joined(separator: ", ")) refer to it",
            hint: "Use mode upsert or append, or drop those foreign keys for the load.", context: endpoint.label)
    }

    /// Runs some statements in one transaction, in two trips: what `opening` gives last decides about the rest.
    func exchange(_ doing: String, opening: String, _ rest: (PostgresResult) throws -> [String]) throws {
        do {
            let statements = try rest(run(opening, begin: "BEGIN", doing: doing))
            try run((statements + ["COMMIT"]).joined(separator: ";\n"), doing: doing)
        } catch {
            rollBack()
            throw error
        }
    }
}
