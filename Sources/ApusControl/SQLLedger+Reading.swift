import ApusCore
import FoundationEssentials
import Tabular

extension SQLLedger {
    static let runColumns =
        "run_id, run_name, source_ref, target_ref, state, started_us, finished_us, beat_us, host_name, process_id, error_text"

    public func run(_ id: String) throws -> RunRecord? {
        try perform("read run \(id)") { session in
            guard let row = try session.query("SELECT \(Self.runColumns) FROM apus_run WHERE run_id = ?", [id]).first
            else { return nil }
            let parts = try session.query("SELECT body FROM apus_plan WHERE run_id = ? ORDER BY part_no", [id])
            return try Self.run(row, plan: parts.compactMap { $0.first ?? nil }.joined())
        }
    }

    public func runs(limit: Int) throws -> [RunRecord] {
        try perform("read the history") { session in
            try session.query(
                "SELECT \(Self.runColumns) FROM apus_run ORDER BY started_us DESC, run_id DESC LIMIT \(max(0, limit))"
            ).map { try Self.run($0, plan: "") }
        }
    }

    public func tables(run id: String) throws -> [TableRecord] {
        try perform("read the tables of run \(id)") { session in
            try session.query(
                "SELECT table_no, table_name, target_name, state, rows_read, rows_written, rows_rejected, rows_filtered, byte_count, before_us, data_us, after_us, error_text"
                    + " FROM apus_table WHERE run_id = ? ORDER BY table_no", [id]
            ).map { values in
                var row = LedgerRow(values)
                return TableRecord(
                    table: try row.integer(), name: try row.text(), target: try row.text(), status: try row.word(),
                    tally: try row.tally(), before: try row.seconds(), data: try row.seconds(),
                    after: try row.seconds(),
                    error: row.next())
            }
        }
    }

    public func slices(run id: String, table: Int) throws -> [SliceRecord] {
        try perform("read the slices of run \(id)") { session in
            let decoder = JSONDecoder()
            return try session.query(
                "SELECT slice_json, state, attempts, rows_read, rows_written, rows_rejected, rows_filtered, byte_count, spent_us"
                    + " FROM apus_slice WHERE run_id = ? AND table_no = ? ORDER BY slice_no", [id, String(table)]
            ).map { values in
                var row = LedgerRow(values)
                return SliceRecord(
                    slice: try decoder.decode(Slice.self, from: Data(try row.text().utf8)), status: try row.word(),
                    attempts: try row.integer(), tally: try row.tally(), seconds: try row.seconds())
            }
        }
    }

    public func rejectedCounts(run id: String) throws -> [(table: Int, slice: Int, count: Int)] {
        try perform("count the rejected rows of run \(id)") { session in
            try session.query(
                "SELECT table_no, slice_no, count(*) FROM apus_rejected WHERE run_id = ?"
                    + " GROUP BY table_no, slice_no ORDER BY table_no, slice_no", [id]
            ).map { values in
                var row = LedgerRow(values)
                return (try row.integer(), try row.integer(), try row.integer())
            }
        }
    }

    public func rejected(
        run id: String, table: Int, slice: Int, after sequence: Int, limit: Int
    ) throws -> [(sequence: Int, row: RejectedRow)] {
        try perform("read the rejected rows of run \(id)") { session in
            try session.query(
                "SELECT seq_no, row_no, column_name, reason, row_values FROM apus_rejected"
                    + " WHERE run_id = ? AND table_no = ? AND slice_no = ? AND seq_no > ? ORDER BY seq_no LIMIT \(limit)",
                [id, String(table), String(slice), String(sequence)]
            ).map { values in
                var row = LedgerRow(values)
                return (
                    try row.integer(),
                    RejectedRow(
                        row: row.next().flatMap { Int($0) }, column: row.next(), reason: try row.text(),
                        values: try row.text())
                )
            }
        }
    }

    public func watermark(flow: String) throws -> String? {
        let flow = clean(flow)
        return try perform("read a watermark") { session in
            let found = try session.query(
                "SELECT flow_name, mark_value FROM apus_watermark WHERE flow_key = ?", [FlowKey.text(flow)])
            guard let row = found.first, row.count == 2, row[0] == flow else { return nil }
            return row[1]
        }
    }

    static func run(_ values: [String?], plan: String) throws -> RunRecord {
        var row = LedgerRow(values)
        let id = try row.text()
        let name = row.next()
        return RunRecord(
            id: id, name: name, from: try row.text(), to: try row.text(), plan: plan, status: try row.word(),
            startedAt: try row.seconds(), finishedAt: row.next().flatMap { Double($0) }.map { $0 / 1e6 },
            beatAt: try row.seconds(), host: try row.text(), pid: try row.integer(), error: row.next())
    }
}

/// The values of a result row, one after another.
struct LedgerRow {
    private var values: ArraySlice<String?>

    init(_ values: [String?]) { self.values = values[...] }

    mutating func next() -> String? { values.popFirst() ?? nil }

    mutating func text() throws -> String {
        guard let text = next() else { throw Self.damaged }
        return text
    }

    mutating func integer() throws -> Int {
        guard let number = Int(try text()) else { throw Self.damaged }
        return number
    }

    mutating func seconds() throws -> Double { Double(try integer()) / 1e6 }

    mutating func word<Word: RawRepresentable>() throws -> Word where Word.RawValue == String {
        guard let word = Word(rawValue: try text()) else { throw Self.damaged }
        return word
    }

    mutating func tally() throws -> Tally {
        Tally(
            read: try integer(), written: try integer(), rejected: try integer(), filtered: try integer(),
            bytes: try integer())
    }

    private static let damaged = ApusError(
        .malformedInput, "a row of the ledger is not as Apus writes it",
        hint: "Somebody changed the ledger's tables, or another version made them.")
}
