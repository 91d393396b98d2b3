import ApusCore
import Tabular

/// One line of the JSON log, without what all lines have in common.
struct LogEntry {
    enum Phase: String { case before, data, after, run }
    enum Status: String { case running, retrying, done, failed, stopped }

    var level: Event.Level
    var event: String
    var phase: Phase
    var status: Status
    /// In the order of docs/json-log.md.
    var fields: [JSON.Member] = []

    private init(
        _ event: String, _ phase: Phase, _ status: Status, _ level: Event.Level, _ fields: KeyValuePairs<String, JSON?>
    ) {
        self.event = event
        self.phase = phase
        self.status = status
        self.level = level
        self.fields = fields.compactMap { key, value in value.map { JSON.Member(key, $0) } }
    }

    init(_ level: Event.Level, _ text: String) {
        self.init("message", .run, .running, level, ["message": .string(text)])
    }

    /// An error that ended the program.
    init(_ error: ApusError) {
        self.init("error", .run, error.code == .cancelled ? .stopped : .failed, .error, ["error": Self.json(error)])
    }

    /// `board` has heard the event already. Nil for progress, which is told at intervals.
    init?(_ event: Event, _ board: Board) {
        func name(_ number: Int) -> JSON { .string(board.table(number)?.name ?? "table \(number)") }
        switch event.kind {
        case .progress: return nil
        case .runStarted(let start):
            self.init(
                "run_started", .run, .running, .info,
                [
                    "name": start.name.map(JSON.string), "from": .string(start.from), "to": .string(start.to),
                    "tables": .integer(start.tables), "channels": .integer(start.channels),
                    "resumed": .bool(start.resumed), "zone": start.zone.map { .string($0.name) },
                ])
        case .message(let level, let text):
            self.init(level, text)
        case .tableStarted(_, let name, let target, let slices, let done, let rows):
            self.init(
                "table_started", .before, .running, .info,
                [
                    "table": .string(name), "target": .string(target), "slices": .integer(slices),
                    "slices_done": .integer(done), "rows_expected": rows.map(JSON.integer),
                ])
        case .sliceStarted(let table, let slice, let attempt):
            self.init(
                "slice_started", .data, .running, .debug,
                [
                    "table": name(table), "slice": .integer(slice), "attempt": .integer(attempt),
                ])
        case .sliceFinished(let table, let slice, let tally):
            self.init("slice_finished", .data, .done, .debug, ["table": name(table), "slice": .integer(slice)])
            fields += Self.members(tally)
        case .sliceRetried(let table, let slice, let attempt, let rows, let bytes, let error, let delay):
            self.init(
                "slice_retried", .data, .retrying, error.code == .formChanged ? .info : .warning,
                [
                    "table": name(table), "slice": .integer(slice), "attempt": .integer(attempt),
                    "rows_taken_back": .integer(rows), "bytes_taken_back": .integer(bytes),
                    "delay_ms": Self.milliseconds(delay),
                    "error": Self.json(error),
                ])
        case .sliceSplit(let table, let slice, let parts):
            self.init(
                "slice_split", .data, .running, .info,
                [
                    "table": name(table), "slice": .integer(slice), "into": .array(parts.map(JSON.integer)),
                ])
        case .rowsRejected(let table, let slice, let rows):
            // Never their values or reasons, which quote them: those are in the ledger.
            self.init(
                "rows_rejected", .data, .running, .warning,
                [
                    "table": name(table), "slice": .integer(slice), "rejected": .integer(rows.count),
                    "columns": .array(Set(rows.compactMap(\.column)).sorted().map(JSON.string)),
                ])
        case .tableFinished(_, let result):
            self.init(result)
        case .runFinished(let result):
            let failed = result.tables.count { $0.status != .done }
            self.init(
                "run_finished", .run, Status(rawValue: result.status.rawValue) ?? .failed,
                result.status == .done ? .info : .error,
                [
                    "tables": .integer(result.tables.count), "tables_failed": .integer(failed),
                ])
            fields += Self.members(result.tally)
            fields.append(.init("duration_ms", Self.milliseconds(result.seconds)))
            if let error = result.error { fields.append(.init("error", Self.json(error))) }
        }
    }

    private init(_ result: TableResult) {
        let status = Status(rawValue: result.status.rawValue) ?? .failed
        self.init(
            "table_finished", .after, status, status == .failed ? .error : .info,
            [
                "table": .string(result.name), "target": .string(result.target),
            ])
        fields += Self.members(result.tally)
        fields += [
            .init("duration_ms", Self.milliseconds(result.before + result.data + result.after)),
            .init("before_ms", Self.milliseconds(result.before)), .init("data_ms", Self.milliseconds(result.data)),
            .init("after_ms", Self.milliseconds(result.after)),
        ]
        if let error = result.error { fields.append(.init("error", Self.json(error))) }
    }

    init(progressOf board: Board, now: Double) {
        let rate = board.rate(at: now)
        self.init(
            "progress", .run, .running, .info,
            [
                "tables": .integer(board.tableCount), "tables_finished": .integer(board.finished),
                "rows": .integer(board.rows),
                "bytes": .integer(board.bytes), "rejected": .integer(board.rejected),
                "percent": board.fraction.map { .number($0 * 100) }, "rows_per_second": .integer(Int(rate.rows)),
                "bytes_per_second": .integer(Int(rate.bytes)), "eta_ms": board.rest(at: now).map(Self.milliseconds),
                "duration_ms": Self.milliseconds(board.elapsed(at: now)),
            ])
    }

    init(progressOf table: Board.Table, now: Double) {
        let rate = table.rate(at: now)
        self.init(
            "progress", .data, .running, .info,
            [
                "table": .string(table.name), "target": .string(table.target), "slices": .integer(table.slices),
                "slices_done": .integer(table.doneSlices), "rows": .integer(table.rows), "bytes": .integer(table.bytes),
                "rejected": .integer(table.rejected), "percent": table.fraction.map { .number($0 * 100) },
                "rows_per_second": .integer(Int(rate.rows)), "bytes_per_second": .integer(Int(rate.bytes)),
                "eta_ms": table.rest(at: now).map(Self.milliseconds),
            ])
    }

    /// The line's object: what all lines have, then the entry's own fields.
    func json(run: String?, sequence: Int, time: Double) -> JSON {
        .object(
            [
                .init("schema_version", .integer(JSONLines.schemaVersion)),
                .init("run_id", run.map(JSON.string) ?? .null),
                .init("seq", .integer(sequence)), .init("ts", .string(Timestamp(time).text(milliseconds: true))),
                .init("level", .string(level.rawValue)), .init("event", .string(event)),
                .init("phase", .string(phase.rawValue)),
                .init("status", .string(status.rawValue)),
            ] + fields)
    }

    static func json(_ error: ApusError) -> JSON {
        .object([
            "code": .string(error.code.name), "message": .string(error.message), "hint": error.hint.map(JSON.string),
            "retryable": .bool(error.isTransient), "context": error.context.map(JSON.string),
            "underlying": error.underlying.map(JSON.string),
        ])
    }

    /// `rows` is what is in the target.
    static func members(_ tally: Tally) -> [JSON.Member] {
        [
            .init("rows", .integer(tally.written)), .init("bytes", .integer(tally.bytes)),
            .init("rejected", .integer(tally.rejected)), .init("rows_read", .integer(tally.read)),
            .init("rows_filtered", .integer(tally.filtered)),
        ]
    }

    static func milliseconds(_ seconds: Double) -> JSON {
        .integer(Int((max(0, min(seconds, 1e12)) * 1000).rounded()))
    }
}
