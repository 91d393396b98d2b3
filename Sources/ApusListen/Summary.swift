import ApusCore
import Tabular

/// What a run has done, for programs: `--summary-file` and `--output json`.
public enum Summary {
    /// An indented JSON object with stable keys: run_id, status, error, tables, counts, duration_ms.
    public static func json(_ result: RunResult, runID: String) -> String {
        value(result, runID: runID).pretty
    }

    static func value(_ result: RunResult, runID: String) -> JSON {
        .object(
            [
                .init("schema_version", .integer(JSONLines.schemaVersion)), .init("run_id", .string(runID)),
                .init("status", .string(result.status.rawValue)),
            ] + LogEntry.members(result.tally) + [
                .init("duration_ms", LogEntry.milliseconds(result.seconds)),
                .init("tables_total", .integer(result.tables.count)),
                .init("tables_failed", .integer(result.tables.count { $0.status != .done })),
                .init("error", result.error.map(LogEntry.json) ?? .null),
                .init("tables", .array(result.tables.map(value))),
            ])
    }

    private static func value(_ table: TableResult) -> JSON {
        .object(
            [
                .init("table", .string(table.name)), .init("target", .string(table.target)),
                .init("status", .string(table.status.rawValue)),
            ] + LogEntry.members(table.tally) + [
                .init("before_ms", LogEntry.milliseconds(table.before)),
                .init("data_ms", LogEntry.milliseconds(table.data)),
                .init("after_ms", LogEntry.milliseconds(table.after)),
                .init("error", table.error.map(LogEntry.json) ?? .null),
            ])
    }
}
