import ApusCore
import CPostgres
import Tabular

/// Adds or changes rows by key: COPY fills a temporary table, from which one statement merges.
///
/// Of several rows with the same key in a slice the last one wins. The temporary table counts its rows, because the
/// order in which a table gives its rows is not the order in which they came. Keys that are equal but not the same (citext,
/// collations that are not deterministic) are a row's fault, also where the other row was there before.
final class PostgresUpsert {
    let temporary = "\"apus_upsert\""
    private let session: PostgresSession
    private let load: Load
    private let mergeSQL: [String]
    /// Rows may meet a row of another key, which fails the statement.
    let isLoose: Bool

    /// - throws: `object.not_found` when no unique index is on the key.
    init(_ session: PostgresSession, _ load: Load) throws {
        self.session = session
        self.load = load
        try session.checkUniqueKey(load)
        let dialect = session.dialect
        let table = dialect.quote(load.destination)
        let columns = dialect.list(load.columns)
        let key = dialect.list(load.key)
        let others = load.columns.filter { !load.key.contains($0) }.map(dialect.quote)
        // NULL keys are never equal: such rows are all kept.
        let nullable = load.key.filter { load.shape.column($0)?.nullable != false }.map(dialect.quote)
        var lone =
            nullable.isEmpty
            ? "" : ", CASE WHEN \(nullable.map { "\($0) IS NULL" }.joined(separator: " OR ")) THEN \"apus_ordinal\" END"
        // Equal keys that are not the same stay apart, and meet in ON CONFLICT.
        let loose = try session.version >= 90500 ? session.looseColumns(load).map(dialect.quote) : []
        isLoose = !loose.isEmpty
        lone += loose.map { ", \($0)::text COLLATE \"C\"" }.joined()
        let last = "SELECT DISTINCT ON (\(key)\(lone)) \(columns) FROM \(temporary) ORDER BY \(key)\(lone), \"apus_ordinal\" DESC"
        let identities = load.columns.contains { load.shape.column($0)?.identity == true }
        let overriding = identities && session.version >= 100000 ? " OVERRIDING SYSTEM VALUE" : ""
        if session.version >= 90500 {
            let changed = others.isEmpty && !loose.isEmpty ? [dialect.quote(load.key[0])] : others
            var action = changed.isEmpty ? "NOTHING" : "UPDATE SET " + changed.map { "\($0) = EXCLUDED.\($0)" }.joined(separator: ", ")
            if !loose.isEmpty {
                let same = loose.map { "\"apus_old\".\($0)::text COLLATE \"C\" = EXCLUDED.\($0)::text COLLATE \"C\"" }.joined(
                    separator: " AND ")
                action += " WHERE 1 / CASE WHEN \(same) THEN 1 ELSE 0 END = 1"
            }
            mergeSQL = ["INSERT INTO \(table) AS \"apus_old\" (\(columns))\(overriding) \(last) ON CONFLICT (\(key)) DO \(action)"]
        } else {
            let match = load.key.map(dialect.quote).map { "t.\($0) = s.\($0)" }.joined(separator: " AND ")
            let update = "UPDATE \(table) t SET \(others.map { "\($0) = s.\($0)" }.joined(separator: ", ")) FROM (\(last)) s WHERE \(match)"
            let insert = """
                INSERT INTO \(table) (\(columns)) SELECT \(columns) FROM (\(last)) s
                WHERE NOT EXISTS (SELECT 1 FROM \(table) t WHERE \(match))
                """
            mergeSQL = others.isEmpty ? [insert] : [update, insert]
        }
    }

    /// ON CONFLICT met a row twice (cardinality_violation); its condition divided by zero.
    static let otherKey = ["21000", "22012"]

    private var doing: String { "changing rows of \(load.target) by key" }

    func create() throws {
        let dialect = session.dialect
        try session.run(
            """
            CREATE TEMPORARY TABLE \(temporary) ON COMMIT DROP AS
              SELECT \(dialect.list(load.columns)) FROM \(dialect.quote(load.destination)) WITH NO DATA;
            ALTER TABLE \(temporary) ADD COLUMN "apus_ordinal" bigserial
            """, doing: doing)
    }

    func merge() throws {
        for sql in mergeSQL { try session.run(sql, doing: doing, rows: true) }
    }

    /// Merges and empties the temporary table; the result is the last statement's, or the first bad one.
    func tryMerge() -> PostgresResult {
        var result = PostgresResult(nil)
        for sql in mergeSQL + ["DELETE FROM \(temporary)"] {
            result = PostgresResult(PQexec(session.connection, sql))
            if !result.isGood { break }
        }
        return result
    }
}

extension PostgresSession {
    /// Why the server refused a row of an upsert: in our words where the statement made it fail by itself.
    static func upsertReason(_ result: PostgresResult?, _ load: Load) -> String {
        guard PostgresUpsert.otherKey.contains(result?.error(.state) ?? "") else { return reason(result) }
        let key = load.key.joined(separator: ", ")
        return
            "the target has a row that it takes for this one, but whose key (\(key)) is not the same: it differs in what the column's type or collation ignores (citext, case, accents)"
    }

    /// Columns of the key whose equal values may differ.
    func looseColumns(_ load: Load) throws -> [String] {
        guard let table = try relation(load.destination) else { return [] }
        let nondeterministic =
            version >= 120000
            ? "OR EXISTS (SELECT 1 FROM pg_catalog.pg_collation c WHERE c.oid = a.attcollation AND NOT c.collisdeterministic)" : ""
        let rows = try run(
            """
            WITH RECURSIVE base(attname, typid, loose) AS (
              SELECT a.attname, a.atttypid, false \(nondeterministic) FROM pg_catalog.pg_attribute a
              WHERE a.attrelid = \(table.oid) AND a.attname IN (\(load.key.map(dialect.literal).joined(separator: ", "))) AND NOT a.attisdropped
              UNION SELECT b.attname, t.typbasetype, b.loose FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.typid WHERE t.typtype = 'd')
            SELECT DISTINCT b.attname FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.typid WHERE b.loose OR t.typname = 'citext'
            """, doing: "looking up how the key of \(load.target) compares"
        ).rows
        return load.key.filter { name in rows.contains { $0[0] == name } }
    }

    /// Whether a NULL in the key is equal to another (`UNIQUE NULLS NOT DISTINCT`).
    func matchesNulls(_ load: Load) throws -> Bool {
        guard version >= 150000, let table = try relation(load.destination) else { return false }
        let rows = try run(
            """
            SELECT x.indexrelid, a.attname FROM pg_catalog.pg_index x, generate_series(0, 31) k, pg_catalog.pg_attribute a
            WHERE x.indrelid = \(table.oid) AND x.indisunique AND x.indisvalid AND x.indnullsnotdistinct AND x.indpred IS NULL
              AND k < x.indnkeyatts AND a.attrelid = x.indrelid AND a.attnum = x.indkey[k]
            """, doing: "looking up the unique indexes of \(load.target)"
        ).rows
        return Dictionary(grouping: rows) { $0[0] }.values.contains { Set($0.compactMap { $0[1] }) == Set(load.key) }
    }

    func checkUniqueKey(_ load: Load) throws {
        guard let table = try relation(load.destination) else { return }
        let rows = try run(
            """
            SELECT x.indexrelid, a.attname FROM pg_catalog.pg_index x, generate_series(0, 31) k, pg_catalog.pg_attribute a
            WHERE x.indrelid = \(table.oid) AND x.indisunique AND x.indisvalid AND x.indimmediate AND x.indpred IS NULL
              AND x.indexprs IS NULL AND k < \(version >= 110000 ? "x.indnkeyatts" : "x.indnatts")
              AND a.attrelid = x.indrelid AND a.attnum = x.indkey[k]
            """, doing: "looking for a unique index on \(load.target)"
        ).rows
        let indexes = Dictionary(grouping: rows, by: { $0[0] ?? "" }).values.map { Set($0.compactMap { $0[1] }) }
        guard !load.key.isEmpty, indexes.contains(Set(load.key)) else {
            throw ApusError(
                .notFound, "table \(load.target) has no unique index on (\(load.key.joined(separator: ", "))), which `upsert` needs",
                hint: "CREATE UNIQUE INDEX ON \(dialect.quote(load.target)) (\(dialect.list(load.key))), or name another key.",
                context: endpoint.label)
        }
    }
}
