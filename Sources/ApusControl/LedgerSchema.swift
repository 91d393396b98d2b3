import ApusCore
import Tabular

/// The ledger's tables, in terms that every SQL connector can declare, and how they come to be.
///
/// All numbers are BIGINT, times in microseconds (since 1970, UTC), because every system gives those back digit for
/// digit. Names are no reserved words anywhere, so that statements need no quotes.
enum LedgerSchema {
    /// Raised with every change of the tables; ``ready(_:connector:)`` knows the way from each earlier one.
    static let version = 2

    static let meta = "apus_meta"

    static let tables: [TableShape] = [
        table(meta, key: ["meta_name"], [name("meta_name"), text("meta_value", null: false)]),
        table(
            "apus_run", key: ["run_id"],
            [
                name("run_id"), text("run_name"), text("source_ref", null: false), text("target_ref", null: false),
                name("state"),
                number("started_us"), number("finished_us", null: true), number("beat_us"),
                text("host_name", null: false),
                number("process_id"), text("error_text"),
            ]),
        // In parts, so that a plan of thousands of tables passes a server's packet limit.
        table(
            "apus_plan", key: ["run_id", "part_no"], [name("run_id"), number("part_no"), text("body", null: false)]),
        table(
            "apus_table", key: ["run_id", "table_no"],
            [
                name("run_id"), number("table_no"), text("table_name", null: false), text("target_name", null: false),
                name("state"), number("rows_read"), number("rows_written"), number("rows_rejected"),
                number("rows_filtered"),
                number("byte_count"), number("before_us"), number("data_us"), number("after_us"), text("error_text"),
            ]),
        table(
            "apus_slice", key: ["run_id", "table_no", "slice_no"],
            [
                name("run_id"), number("table_no"), number("slice_no"), name("state"), number("attempts"),
                text("slice_json", null: false), number("rows_read"), number("rows_written"), number("rows_rejected"),
                number("rows_filtered"), number("byte_count"), number("spent_us"),
            ]),
        table(
            "apus_rejected", key: ["run_id", "table_no", "slice_no", "seq_no"],
            [
                name("run_id"), number("table_no"), number("slice_no"), number("seq_no"), number("row_no", null: true),
                text("column_name"), text("reason", null: false), text("row_values", null: false),
            ]),
        table(
            "apus_claim", key: ["run_id", "work_name"],
            [name("run_id"), name("work_name"), name("state"), name("worker_id"), number("beat_us")]),
        table(
            "apus_watermark", key: ["flow_key"],
            [
                name("flow_key"), text("flow_name", null: false), text("mark_value", null: false), number("changed_us"),
            ]),
    ]

    /// Those whose rows belong to a run, the run itself last.
    static let tablesOfRuns = ["apus_rejected", "apus_slice", "apus_table", "apus_claim", "apus_plan", "apus_run"]

    private static func table(_ name: String, key: [String], _ columns: [ColumnShape]) -> TableShape {
        var shape = TableShape(name: TableName(name), origin: "apus", columns: columns)
        shape.primaryKey = key
        return shape
    }

    /// A short word: an id, a state. 64 characters are within every system's limit for keys.
    private static func name(_ column: String) -> ColumnShape {
        ColumnShape(column, .text(length: 64), native: "varchar(64)", nullable: false)
    }

    private static func text(_ column: String, null: Bool = true) -> ColumnShape {
        ColumnShape(column, .text, native: "text", nullable: null)
    }

    private static func number(_ column: String, null: Bool = false) -> ColumnShape {
        ColumnShape(column, .int64, native: "bigint", nullable: null)
    }

    /// Makes what is missing. Two processes may do so at once.
    static func ready(_ session: any SQLSession, connector: any Connector) throws {
        if let found = try? storedVersion(session), found == version { return }
        guard let dialect = connector.dialect else {
            throw ApusError(
                .configurationInvalid, "\(connector.title) cannot hold a ledger",
                hint: "Give --ledger a SQLite file, or a MySQL or PostgreSQL database.")
        }
        let existing = try names(session)
        if existing.contains(meta), let found = try storedVersion(session), found > version {
            throw ApusError(
                .configurationInvalid,
                "this ledger was made by a later Apus (layout \(found), this one knows \(version))",
                hint: "Use that version, or another --ledger.")
        }
        for table in tables where !existing.contains(table.name.name) {
            let shape = dialect.translate(table, named: table.name, origin: connector.name).shape
            do {
                for sql in dialect.create(shape, as: shape.name) { try session.execute(sql) }
            } catch {
                // Another process may have made it in between.
                guard try names(session).contains(table.name.name) else { throw error }
            }
        }
        do {
            try store(version, session)
        } catch {
            // Another process has said the same.
            guard (try? storedVersion(session)) == version else { throw error }
        }
    }

    /// Nothing in a database that the first write will make.
    private static func names(_ session: any SQLSession) throws -> Set<String> {
        do {
            return Set(try session.tables(schema: nil).map { $0.name.name.lowercased() })
        } catch let error as ApusError where error.code == .notFound {
            return []
        }
    }

    private static func storedVersion(_ session: any SQLSession) throws -> Int? {
        try session.query("SELECT meta_value FROM apus_meta WHERE meta_name = ?", ["schema_version"]).first?.first?
            .flatMap { Int($0) }
    }

    private static func store(_ version: Int, _ session: any SQLSession) throws {
        _ = try session.query("DELETE FROM apus_meta WHERE meta_name = ?", ["schema_version"])
        _ = try session.query(
            "INSERT INTO apus_meta (meta_name, meta_value) VALUES (?, ?)", ["schema_version", String(version)])
    }
}
