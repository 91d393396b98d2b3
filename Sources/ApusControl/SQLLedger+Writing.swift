import ApusCore
import FoundationEssentials
import Tabular

extension SQLLedger {
    // MARK: Runs

    /// Also for a run that is resumed: what is known of its tables stays.
    public func begin(_ run: RunRecord) throws {
        try transaction("begin run \(run.id)") { session in
            try session.put(
                into: "apus_run", key: 1,
                "run_id, run_name, source_ref, target_ref, state, started_us, finished_us, beat_us, host_name, process_id, error_text",
                [
                    [
                        run.id, run.name.map(clean), shown(run.from), shown(run.to), run.status.rawValue,
                        micros(run.startedAt),
                        run.finishedAt.map(micros), micros(run.beatAt), clean(run.host), String(run.pid),
                        run.error.map(shown),
                    ]
                ], with: connector)
            let parts = Self.parts(clean(run.plan), octets: 256 << 10)
            for (index, part) in parts.enumerated() {
                try session.put(into: "apus_plan", key: 2, "run_id, part_no, body", [[run.id, String(index), part]], with: connector)
            }
            _ = try session.query("DELETE FROM apus_plan WHERE run_id = ? AND part_no >= ?", [run.id, String(parts.count)])
        }
    }

    public func finish(run id: String, status: RunRecord.Status, error: String?) throws {
        try write([.finish(status, error: error, at: Clock.wall())], run: id)
    }

    public func beat(run id: String) throws {
        try write([.beat(at: Clock.wall())], run: id)
    }

    // MARK: Tables and slices

    public func record(_ table: TableRecord, run id: String) throws {
        try write([.table(table)], run: id)
    }

    public func record(_ slice: SliceRecord, table: Int, run id: String) throws {
        try write([.slice(slice, table: table)], run: id)
    }

    public func record(slices: [Slice], table: Int, run id: String, replacing slice: Int?) throws {
        let records = slices.map { SliceRecord(slice: $0, status: .waiting, attempts: 0, tally: Tally(), seconds: 0) }
        try transaction("record \(slices.count) slices of run \(id)") { session in
            if let slice {
                _ = try session.query(
                    "UPDATE apus_slice SET state = 'replaced' WHERE run_id = ? AND table_no = ? AND slice_no = ?",
                    [id, String(table), String(slice)])
            }
            try session.put(records.map { ($0, table) }, run: id, with: connector)
        }
    }

    /// Several entries in one transaction: one wait for the disk or the network.
    public func write(_ entries: [LedgerEntry], run id: String) throws {
        guard !entries.isEmpty else { return }
        // The number of a slice's next rejected row is asked for once, outside the transaction: when a commit's answer
        // is lost, the repetition replaces its rows instead of doubling them.
        var next: [[Int]: Int] = [:]
        for case .reject(let rows, let slice, let table, let restart) in entries
        where !rows.isEmpty && !restart && next[[table, slice]] == nil {
            next[[table, slice]] = try nextRejected(slice, table, id)
        }
        let bases = next
        try transaction("write \(entries.count) entries of run \(id)") { session in
            var next = bases
            // Of what is said of one thing several times, the last word.
            try session.put(Self.lastTables(entries), run: id, with: connector)
            try session.put(Self.lastSlices(entries), run: id, with: connector)
            for entry in entries {
                switch entry {
                case .table, .slice: break
                case .reject(let rows, let slice, let table, let restart):
                    let place = [table, slice]
                    if restart { next[place] = 0 }
                    let base = next[place] ?? 0
                    try session.reject(rows, from: base, slice: slice, table: table, run: id)
                    next[place] = base + rows.count
                case .beat(let time):
                    _ = try session.query("UPDATE apus_run SET beat_us = ? WHERE run_id = ?", [micros(time), id])
                case .finish(let status, let error, let time):
                    _ = try session.query(
                        "UPDATE apus_run SET state = ?, error_text = ?, finished_us = ?, beat_us = ? WHERE run_id = ?",
                        [status.rawValue, error.map(shown), micros(time), micros(time), id])
                }
            }
        }
    }

    // MARK: Rejected rows and watermarks

    public func reject(_ rows: [RejectedRow], slice: Int, table: Int, run id: String, restart: Bool) throws {
        try write([.reject(rows, slice: slice, table: table, restart: restart)], run: id)
    }

    public func removeRejected(run id: String, table: Int, slice: Int, sequences: [Int]) throws {
        guard !sequences.isEmpty else { return }
        try transaction("remove rejected rows of run \(id)") { session in
            for start in stride(from: 0, to: sequences.count, by: 500) {
                let list = sequences[start..<min(start + 500, sequences.count)].map(String.init).joined(separator: ", ")
                _ = try session.query(
                    "DELETE FROM apus_rejected WHERE run_id = ? AND table_no = ? AND slice_no = ? AND seq_no IN (\(list))",
                    [id, String(table), String(slice)])
            }
        }
    }

    public func setWatermark(flow: String, to value: String) throws {
        let flow = clean(flow)
        let key = FlowKey.text(flow)
        try transaction("set a watermark") { session in
            try session.put(
                into: "apus_watermark", key: 1, "flow_key, flow_name, mark_value, changed_us",
                [[key, flow, clean(value), micros(Clock.wall())]], with: connector)
        }
    }

    private static func lastTables(_ entries: [LedgerEntry]) -> [TableRecord] {
        var last: [Int: TableRecord] = [:]
        for case .table(let record) in entries where last[record.table]?.status != .done { last[record.table] = record }
        return last.values.sorted { $0.table < $1.table }
    }

    private static func lastSlices(_ entries: [LedgerEntry]) -> [(slice: SliceRecord, table: Int)] {
        var last: [[Int]: (slice: SliceRecord, table: Int)] = [:]
        for case .slice(let record, let table) in entries { last[[table, record.slice.id]] = (record, table) }
        return last.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
    }

    private func nextRejected(_ slice: Int, _ table: Int, _ id: String) throws -> Int {
        try perform("read rejected rows of run \(id)") { session in
            let found = try session.query(
                "SELECT MAX(seq_no) FROM apus_rejected WHERE run_id = ? AND table_no = ? AND slice_no = ?",
                [id, String(table), String(slice)])
            return (found.first?.first?.flatMap { Int($0) } ?? -1) + 1
        }
    }

    /// Cut between characters; at least one part.
    static func parts(_ text: String, octets: Int) -> [String] {
        var parts: [String] = []
        var rest = text.unicodeScalars[...]
        while !rest.isEmpty {
            var end = rest.startIndex, size = 0
            while end < rest.endIndex, size < octets {
                size += UTF8.width(rest[end])
                end = rest.index(after: end)
            }
            parts.append(String(rest[..<end]))
            rest = rest[end...]
        }
        return parts.isEmpty ? [""] : parts
    }
}

/// A NUL has no place in PostgreSQL's text.
func clean(_ text: String) -> String {
    text.utf8.contains(0) ? text.replacing("\0", with: "\u{FFFD}") : text
}

/// What people read: without passwords. Values of rows stay as they are, since they are loaded again.
func shown(_ text: String) -> String { clean(Masking.mask(text)) }

/// Microseconds as the ledger's tables hold them.
func micros(_ seconds: Double) -> String {
    seconds.isFinite ? String(Int((max(-1e12, min(seconds, 1e12)) * 1e6).rounded())) : "0"
}

extension SQLSession {
    /// Several rows with each statement, within every system's limit of parameters.
    func insert(into table: String, _ columns: String, _ rows: [[String?]], verb: String = "INSERT", tail: String = "") throws {
        for start in stride(from: 0, to: rows.count, by: 50) {
            let part = rows[start..<min(start + 50, rows.count)]
            let row = "(" + Array(repeating: "?", count: part.first?.count ?? 0).joined(separator: ", ") + ")"
            let values = Array(repeating: row, count: part.count).joined(separator: ", ")
            _ = try query("\(verb) INTO \(table) (\(columns)) VALUES \(values)\(tail)", part.flatMap { $0 })
        }
    }

    /// As ``insert(into:_:_:)``, in the place of rows with the same key: the first `key` columns.
    func put(into table: String, key: Int, _ columns: String, _ rows: [[String?]], with connector: any Connector) throws {
        guard connector.name == "postgres" else {
            return try insert(into: table, columns, rows, verb: "REPLACE", tail: "")
        }
        let names = columns.split(separator: ",").map { $0.drop { $0 == " " } }
        let changes = names.dropFirst(key).map { "\($0) = EXCLUDED.\($0)" }.joined(separator: ", ")
        try insert(
            into: table, columns, rows, verb: "INSERT",
            tail: " ON CONFLICT (\(names.prefix(key).joined(separator: ", "))) DO UPDATE SET \(changes)")
    }

    /// A table that is done stays done: what is written late must not bring back a load whose marks are gone.
    fileprivate func put(_ records: [TableRecord], run id: String, with connector: any Connector) throws {
        let records = try records.filter { record in
            if record.status == .done { return true }
            let known = try query("SELECT state FROM apus_table WHERE run_id = ? AND table_no = ?", [id, String(record.table)])
            return known.first?.first != TableRecord.Status.done.rawValue
        }
        try put(
            into: "apus_table", key: 2,
            "run_id, table_no, table_name, target_name, state, rows_read, rows_written, rows_rejected, rows_filtered, byte_count, before_us, data_us, after_us, error_text",
            records.map { record in
                let tally = record.tally
                return [
                    id, String(record.table), clean(record.name), clean(record.target), record.status.rawValue,
                    String(tally.read),
                    String(tally.written), String(tally.rejected), String(tally.filtered), String(tally.bytes),
                    micros(record.before),
                    micros(record.data), micros(record.after), record.error.map(shown),
                ]
            }, with: connector)
    }

    fileprivate func put(_ records: [(slice: SliceRecord, table: Int)], run id: String, with connector: any Connector) throws {
        guard !records.isEmpty else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var rows: [[String?]] = []
        for (record, table) in records {
            let tally = record.tally
            let json = String(decoding: try encoder.encode(record.slice), as: UTF8.self)
            rows.append([
                id, String(table), String(record.slice.id), record.status.rawValue, String(record.attempts), json,
                String(tally.read),
                String(tally.written), String(tally.rejected), String(tally.filtered), String(tally.bytes),
                micros(record.seconds),
            ])
        }
        try put(
            into: "apus_slice", key: 3,
            "run_id, table_no, slice_no, state, attempts, slice_json, rows_read, rows_written, rows_rejected, rows_filtered, byte_count, spent_us",
            rows, with: connector)
    }

    /// Puts rows from number `base` on; what a slice had there before goes.
    fileprivate func reject(_ rows: [RejectedRow], from base: Int, slice: Int, table: Int, run id: String) throws {
        _ = try query(
            "DELETE FROM apus_rejected WHERE run_id = ? AND table_no = ? AND slice_no = ? AND seq_no >= ?",
            [id, String(table), String(slice), String(base)])
        try insert(
            into: "apus_rejected", "run_id, table_no, slice_no, seq_no, row_no, column_name, reason, row_values",
            rows.enumerated().map { index, row in
                [
                    id, String(table), String(slice), String(base + index), row.row.map(String.init),
                    row.column.map(clean),
                    shown(row.reason), clean(row.values),
                ]
            })
    }
}
