import ApusCore
import Tabular

extension RunReport {
    /// One JSON object: the run as in ``HistoryTable/json(_:now:isInterrupted:)``, with tables, their slices and
    /// rejected rows, in whole lines.
    ///
    /// - parameter rows: gives the rejected rows one after another.
    public func json(_ rows: ((Rejected) throws -> Void) throws -> Void, to write: @escaping (String) throws -> Void) throws {
        let head = JSON.object(HistoryTable.members(run, isInterrupted, now) + [.init("tables", .array(tables.map(value)))]).pretty
        // The object goes on where its end stood.
        let open = head.dropLast("\n}\n".count) + ",\n  \"rejected_rows\": ["
        var last: String?
        try rows { entry in
            try write(last.map { $0 + ",\n" } ?? open + "\n")
            last = "    " + value(entry).pretty(indent: 4)
        }
        try write(last.map { $0 + "\n  ]\n}\n" } ?? open + "]\n}\n")
    }

    /// A rejected row as a JSON object on one line: table, slice, row, column, reason and the row's values as an object
    /// (as a string where they are none).
    public func line(_ entry: Rejected) -> String { value(entry).line + "\n" }

    private func value(_ table: TableRecord) -> JSON {
        .object(
            [
                .init("table", .string(table.name)), .init("target", .string(table.target)),
                .init("status", .string(table.status.rawValue)),
            ] + LogEntry.members(table.tally) + [
                .init("before_ms", LogEntry.milliseconds(table.before)),
                .init("data_ms", LogEntry.milliseconds(table.data)),
                .init("after_ms", LogEntry.milliseconds(table.after)),
                .init("error", table.error.map(JSON.string) ?? .null),
                .init("slices", .array((slices[table.table] ?? []).map(value))),
            ])
    }

    private func value(_ slice: SliceRecord) -> JSON {
        .object(
            [
                .init("slice", .integer(slice.slice.id)), .init("bounds", value(slice.slice.bounds)),
                .init("status", .string(slice.status.rawValue)), .init("attempts", .integer(slice.attempts)),
            ] + LogEntry.members(slice.tally) + [.init("duration_ms", LogEntry.milliseconds(slice.seconds))])
    }

    private func value(_ bounds: Slice.Bounds) -> JSON {
        func key(_ values: [String]?) -> JSON { values.map { .array($0.map(JSON.string)) } ?? .null }
        return switch bounds {
        case .all: "all"
        case .null: "null"
        case .part(let part): .object(["part": .string(part)])
        case .range(let from, let upTo): .object(["from": key(from), "up_to": key(upTo)])
        }
    }

    private func value(_ entry: Rejected) -> JSON {
        let name = tables.first { $0.table == entry.table }?.name
        return .object([
            .init("table", name.map(JSON.string) ?? .null), .init("slice", .integer(entry.slice)),
            .init("row", entry.row.row.map(JSON.integer) ?? .null),
            .init("column", entry.row.column.map(JSON.string) ?? .null), .init("reason", .string(entry.row.reason)),
            .init(
                "values", RowJSON.parse(entry.row.values) == nil ? .string(entry.row.values) : .raw(entry.row.values)),
        ])
    }
}
