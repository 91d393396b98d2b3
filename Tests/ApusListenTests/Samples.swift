import ApusCore
import ApusListen
import Synchronization
import Tabular

/// Events of a run that begins at second 1,000,000,000 with rising numbers.
struct Story {
    var sequence = 0
    static let start = 1_000_000_000.0

    mutating func event(_ seconds: Double, _ kind: Event.Kind) -> Event {
        sequence += 1
        return Event(runID: "run-1", sequence: sequence, time: Self.start + seconds, kind: kind)
    }

    static func begun(tables: Int = 1) -> Event.Kind {
        .runStarted(
            .init(name: nil, from: "mysql://h/shop", to: "postgres://h/dw", tables: tables, channels: 4, resumed: false)
        )
    }

    static func table(_ table: Int = 0, _ name: String = "orders", slices: Int = 1, done: Int = 0, rows: Int? = nil)
        -> Event.Kind
    {
        .tableStarted(table: table, name: name, target: "ods.\(name)", slices: slices, doneSlices: done, rows: rows)
    }

    static func ended(
        _ table: Int = 0, _ name: String = "orders", rows: Int, rejected: Int = 0, error: ApusError? = nil
    ) -> Event.Kind {
        .tableFinished(table: table, result(name, rows: rows, rejected: rejected, error: error))
    }

    static func result(
        _ name: String = "orders", rows: Int, rejected: Int = 0, bytes: Int? = nil, error: ApusError? = nil
    ) -> TableResult {
        TableResult(
            name: name, target: "ods.\(name)",
            status: error == nil ? .done : error?.code == .cancelled ? .stopped : .failed,
            tally: Tally(read: rows + rejected, written: rows, rejected: rejected, bytes: bytes ?? rows * 100),
            before: 0.25, data: 2, after: 0.5,
            error: error)
    }

    static let lost = ApusError(
        .unreachable, "the connection to the target broke", hint: "See that the server runs.", context: "ods.orders",
        underlying: "server closed the connection")
}

extension Board {
    /// Folds events at seconds after the story's start.
    init(_ events: [(Double, Event.Kind)], plan: Plan? = nil) {
        self.init(plan: plan)
        var story = Story()
        for (seconds, kind) in events { hear(story.event(seconds, kind)) }
    }
}

/// What was written to a console.
final class Recorder: Sendable {
    private let written = Mutex("")
    var text: String { written.withLock { $0 } }
    var lines: [String] { text.split(separator: "\n").map(String.init) }
    var console: Console { Console { [self] text in written.withLock { $0 += text } } }
}

extension Plan {
    static func sample(
        _ tables: [PlannedTable], from: String = "mysql://u:${PW}@h/shop", to: String = "postgres://h/dw"
    ) -> Plan {
        Plan(
            name: nil, from: End(connector: "mysql", reference: from), to: End(connector: "postgres", reference: to),
            tables: tables,
            limits: Flow.Limits(), before: [], after: [], consistentSnapshot: false)
    }
}

extension PlannedTable {
    static func sample(_ name: String, slices: [Int?] = [100], mode: LoadMode = .replace) -> PlannedTable {
        let schema = Schema([Column("id", .int64, nullable: false), Column("名称", .text(length: 40))])
        var shape = TableShape(
            name: TableName(schema: "ods", name), origin: "postgres",
            columns: [
                ColumnShape("id", .int64, native: "bigint", nullable: false),
                ColumnShape("name", .text(length: 40), native: "varchar(40)"),
            ])
        shape.primaryKey = ["id"]
        var read = Read(
            relation: .table(TableName(schema: "shop", name)), items: [.init("id"), .init("名称")], schema: schema)
        read.key = [schema[0]]
        let load = Load(
            runID: "", table: 0, shape: shape, exists: false, columns: ["id", "name"], mode: mode, key: ["id"],
            slices: slices.count)
        return PlannedTable(
            name: name, read: read, load: load,
            slices: slices.enumerated().map { Slice(id: $0, bounds: .all, rows: $1) })
    }
}
