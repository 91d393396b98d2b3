import ApusCore
import Tabular

/// All that the ledger knows of one run: `apus show`.
public struct RunReport: Sendable {
    public typealias Rejected = (table: Int, slice: Int, row: RejectedRow)

    public var run: RunRecord
    public var tables: [TableRecord]
    /// By the plan's number of the table.
    public var slices: [Int: [SliceRecord]]
    /// How many there are.
    public var rejected: Int
    public var isInterrupted: Bool
    public var now: Double

    public init(
        run: RunRecord, tables: [TableRecord], slices: [Int: [SliceRecord]] = [:], rejected: Int = 0,
        isInterrupted: Bool? = nil, now: Double = Clock.wall()
    ) {
        self.run = run
        self.tables = tables
        self.slices = slices
        self.rejected = rejected
        self.isInterrupted = isInterrupted ?? run.isInterrupted(now: now)
        self.now = now
    }

    public func text() -> String {
        var out = "run      \(run.id)\n"
        if let name = run.name { out += "name     \(DisplayWidth.plain(name))\n" }
        out += "from     \(DisplayWidth.plain(run.from))\nto       \(DisplayWidth.plain(run.to))\n"
        out += "started  \(Quantity.text(time: run.startedAt)) on \(DisplayWidth.plain(run.host)), process \(run.pid)\n"
        let seconds = HistoryTable.seconds(run, isInterrupted, now)
        out += "status   \(HistoryTable.status(run, isInterrupted)) after \(Quantity.text(seconds: seconds))\n"
        if let error = run.error {
            out += "error    " + DisplayWidth.plain(error, lines: true).replacing("\n", with: "\n         ") + "\n"
        }
        out += "\n" + overview
        for table in tables {
            if let error = table.error {
                out += "\n\(DisplayWidth.plain(table.name)): \(DisplayWidth.plain(error, lines: true))\n"
            }
        }
        let open = openSlices
        if !open.isEmpty { out += "\n" + open }
        if rejected > 0 {
            out += "\n\(Quantity.text(rejected, "rejected row")): \(Advice.showRejected(run.id).line)\n"
        }
        if isInterrupted || run.status == .stopped || run.status == .failed { out += "\nnext: \(Advice.resume(run.id).line)\n" }
        return out
    }

    private var overview: String {
        var table = TextTable([
            ("table", .left), ("rows", .right), ("rejected", .right), ("bytes", .right), ("slices", .right),
            ("time", .right),
            ("rows/s", .right), ("status", .left),
        ])
        for entry in tables {
            let tally = tally(entry)
            let live = (slices[entry.table] ?? []).filter { $0.status != .replaced }
            let cut = live.isEmpty ? "" : "\(live.count { $0.status == .done })/\(live.count)"
            table.add([
                entry.name == entry.target ? entry.name : "\(entry.name) → \(entry.target)",
                Quantity.text(count: tally.written), Quantity.text(count: tally.rejected),
                Quantity.text(bytes: tally.bytes),
                cut, entry.data > 0 ? Quantity.text(seconds: entry.data) : "",
                ClosingTable.rate(tally.written, entry.data),
                isInterrupted && entry.status == .running ? "interrupted" : entry.status.rawValue,
            ])
        }
        return table.text
    }

    /// A table that has not ended counts what its finished slices hold.
    private func tally(_ entry: TableRecord) -> Tally {
        guard entry.tally == Tally() else { return entry.tally }
        return (slices[entry.table] ?? []).filter { $0.status == .done }.reduce(Tally()) { $0 + $1.tally }
    }

    /// Slices that are not done, where some are.
    private var openSlices: String {
        var table = TextTable([
            ("table", .left), ("slice", .right), ("status", .left), ("attempts", .right), ("bounds", .left),
        ])
        var count = 0
        for entry in tables where entry.status != .done {
            for slice in slices[entry.table] ?? [] where slice.status != .done && slice.status != .replaced {
                count += 1
                if count <= 50 {
                    table.add([
                        entry.name, "\(slice.slice.id)", slice.status.rawValue, "\(slice.attempts)",
                        Self.text(slice.slice.bounds),
                    ])
                }
            }
        }
        return count == 0 ? "" : table.text + (count > 50 ? "… and \(count - 50) more\n" : "")
    }

    static func text(_ bounds: Slice.Bounds) -> String {
        func key(_ values: [String]) -> String {
            values.count == 1 ? values[0] : "(" + values.joined(separator: ", ") + ")"
        }
        return switch bounds {
        case .all: "all rows"
        case .null: "key is NULL"
        case .part(let part): part
        case .range(let from, let upTo):
            switch (from, upTo) {
            case (nil, nil): "all keys"
            case (nil, let upTo?): "key < \(key(upTo))"
            case (let from?, nil): "key >= \(key(from))"
            case (let from?, let upTo?): "\(key(from)) <= key < \(key(upTo))"
            }
        }
    }
}
