import ApusCore
import FoundationEssentials
import Tabular

extension SQLLedger {
    // MARK: Runs

    /// Also for a run that is resumed: what is known of its tables stays.
    public func begin(_ run: RunRecord) throws {
        try transaction("begin run \(run.id)") { session in
            _ = try session.query("DELETE FROM apus_run WHERE run_id = ?", [run.id])
            _ = try session.query("DELETE FROM apus_plan WHERE run_id = ?", [run.id])
            try session.insert(
                into: "apus_run",
                "run_id, run_name, source_ref, target_ref, state, started_us, finished_us, beat_us, host_name, process_id, error_text",
                [
                    [
                        run.id, run.name.map(clean), clean(run.from), clean(run.to), run.status.rawValue,
                        micros(run.startedAt),
                        run.finishedAt.map(micros), micros(run.beatAt), clean(run.host), String(run.pid),
                        run.error.map(clean),
                    ]
                ])
            for (index, part) in Self.parts(clean(run.plan), octets: 256 << 10).enumerated() {
                try session.insert(into: "apus_plan", "run_id, part_no, body", [[run.id, String(index), part]])
            }
        }
    }

    public func finish(run id: String, status: RunRecord.Status, error: String?) throws {
        try write([.finish(status, error: error, at: WallClock.now)], run: id)
    }

    public func beat(run id: String) throws {
        try write([.beat(at: WallClock.now)], run: id)
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
            try session.put(records, table: table, run: id)
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
            for entry in entries {
                switch entry {
                case .table(let record): try session.put(record, run: id)
                case .slice(let record, let table): try session.put([record], table: table, run: id)
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
                        [status.rawValue, error.map(clean), micros(time), micros(time), id])
                }
            }
        }
    }

    // MARK: Rejected rows and watermarks

    public func reject(_ rows: [RejectedRow], slice: Int, table: Int, run id: String, restart: Bool) throws {
        try write([.reject(rows, slice: slice, table: table, restart: restart)], run: id)
    }

    public func removeRejected(run id: String, table: Int, slice: Int, rows: [Int]) throws {
        guard !rows.isEmpty else { return }
        try transaction("remove rejected rows of run \(id)") { session in
            for start in stride(from: 0, to: rows.count, by: 500) {
                let list = rows[start..<min(start + 500, rows.count)].map(String.init).joined(separator: ", ")
                _ = try session.query(
                    "DELETE FROM apus_rejected WHERE run_id = ? AND table_no = ? AND slice_no = ? AND row_no IN (\(list))",
                    [id, String(table), String(slice)])
            }
        }
    }

    public func setWatermark(flow: String, to value: String) throws {
        let flow = clean(flow)
        let key = FlowKey.text(flow)
        try transaction("set a watermark") { session in
            _ = try session.query("DELETE FROM apus_watermark WHERE flow_key = ?", [key])
            try session.insert(
                into: "apus_watermark", "flow_key, flow_name, mark_value, changed_us",
                [[key, flow, clean(value), micros(WallClock.now)]])
        }
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

/// Microseconds as the ledger's tables hold them.
func micros(_ seconds: Double) -> String {
    seconds.isFinite ? String(Int((max(-1e12, min(seconds, 1e12)) * 1e6).rounded())) : "0"
}

extension SQLSession {
    /// Several rows with each statement, within every system's limit of parameters.
    func insert(into table: String, _ columns: String, _ rows: [[String?]]) throws {
        for start in stride(from: 0, to: rows.count, by: 50) {
            let part = rows[start..<min(start + 50, rows.count)]
            let row = "(" + Array(repeating: "?", count: part.first?.count ?? 0).joined(separator: ", ") + ")"
            let values = Array(repeating: row, count: part.count).joined(separator: ", ")
            _ = try query("INSERT INTO \(table) (\(columns)) VALUES \(values)", part.flatMap { $0 })
        }
    }

    /// A table that is done stays done: what is written late must not bring back a load whose marks are gone.
    fileprivate func put(_ record: TableRecord, run id: String) throws {
        let tally = record.tally
        if record.status != .done {
            let known = try query("SELECT state FROM apus_table WHERE run_id = ? AND table_no = ?", [id, String(record.table)])
            if known.first?.first == TableRecord.Status.done.rawValue { return }
        }
        _ = try query("DELETE FROM apus_table WHERE run_id = ? AND table_no = ?", [id, String(record.table)])
        try insert(
            into: "apus_table",
            "run_id, table_no, table_name, target_name, state, rows_read, rows_written, rows_rejected, rows_filtered, byte_count, before_us, data_us, after_us, error_text",
            [
                [
                    id, String(record.table), clean(record.name), clean(record.target), record.status.rawValue,
                    String(tally.read),
                    String(tally.written), String(tally.rejected), String(tally.filtered), String(tally.bytes),
                    micros(record.before),
                    micros(record.data), micros(record.after), record.error.map(clean),
                ]
            ])
    }

    fileprivate func put(_ records: [SliceRecord], table: Int, run id: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var rows: [[String?]] = []
        for record in records {
            let tally = record.tally
            let json = String(decoding: try encoder.encode(record.slice), as: UTF8.self)
            _ = try query(
                "DELETE FROM apus_slice WHERE run_id = ? AND table_no = ? AND slice_no = ?",
                [id, String(table), String(record.slice.id)])
            rows.append([
                id, String(table), String(record.slice.id), record.status.rawValue, String(record.attempts), json,
                String(tally.read),
                String(tally.written), String(tally.rejected), String(tally.filtered), String(tally.bytes),
                micros(record.seconds),
            ])
        }
        try insert(
            into: "apus_slice",
            "run_id, table_no, slice_no, state, attempts, slice_json, rows_read, rows_written, rows_rejected, rows_filtered, byte_count, spent_us",
            rows)
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
                    clean(row.reason), clean(row.values),
                ]
            })
    }
}
