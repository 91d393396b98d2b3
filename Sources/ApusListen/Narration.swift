import ApusCore
import Tabular

/// What an event says in a line for people, and how much it matters; nil for what only displays show.
struct Narration {
    var level: Event.Level
    var text: String

    /// `board` has heard the event already.
    init?(_ event: Event, _ board: Board) {
        func name(_ number: Int) -> String { board.table(number)?.name ?? "table \(number)" }
        switch event.kind {
        case .message(let level, let text):
            self.init(level, text)
        case .runStarted(let start):
            let verb = start.resumed ? "resuming" : "run"
            self.init(
                .info,
                "\(verb) \(event.runID): \(start.from) → \(start.to), \(Quantity.text(start.tables, "table")), "
                    + Quantity.text(start.channels, "channel") + (start.zone.map { $0.name == "UTC" ? "" : ", zone \($0)" } ?? ""))
        case .tableStarted(_, let name, let target, let slices, let done, let rows):
            var text = "\(name) → \(target): started"
            if let rows { text += ", about \(Quantity.text(rows, "row"))" }
            if slices > 1 { text += ", \(Quantity.text(slices, "slice"))" }
            if done > 0 { text += ", \(done) of them done before" }
            self.init(.info, text)
        case .sliceRetried(let table, let slice, _, _, _, let error, _) where error.code == .formChanged:
            self.init(.info, "\(name(table)): slice \(slice) is read again: \(error.message)")
        case .sliceRetried(let table, let slice, let attempt, _, _, let error, let delay):
            self.init(
                .warning,
                "\(name(table)): slice \(slice) is tried again in \(Quantity.text(seconds: delay)) "
                    + "(try \(attempt)): \(error)")
        case .sliceSplit(let table, let slice, let parts):
            self.init(.info, "\(name(table)): slice \(slice) took too long and is cut into \(parts.count)")
        case .tableFinished(_, let result):
            self.init(result)
        case .runFinished(let result):
            guard let error = result.error else { return nil }
            self.init(.error, result.status == .stopped ? "stopped: \(error)" : "\(error)")
        case .sliceStarted, .progress, .sliceFinished, .rowsRejected: return nil
        }
    }

    private init(_ result: TableResult) {
        let tally = result.tally
        let rejected = tally.rejected > 0 ? ", \(Quantity.text(count: tally.rejected)) rejected" : ""
        if result.status != .done {
            self.init(
                result.status == .failed ? .error : .warning,
                "\(result.name) → \(result.target): \(ClosingTable.status(result)) after \(Quantity.text(tally.written, "row"))\(rejected)"
                    + (result.error.map { ": \($0)" } ?? ""))
        } else {
            let seconds = result.before + result.data + result.after
            let rate =
                result.data > 0.2 ? ", \(Quantity.text(count: Int(Double(tally.written) / result.data))) rows/s" : ""
            self.init(
                tally.rejected > 0 ? .warning : .info,
                "\(result.name) → \(result.target): finished, \(Quantity.text(tally.written, "row"))\(rejected), "
                    + "\(Quantity.text(bytes: tally.bytes)) in \(Quantity.text(seconds: seconds))\(rate)")
        }
    }

    private init(_ level: Event.Level, _ text: String) {
        self.level = level
        self.text = text
    }
}

extension Event.Level: Comparable {
    public static func < (a: Event.Level, b: Event.Level) -> Bool { a.rank < b.rank }

    private var rank: Int {
        switch self {
        case .debug: 0
        case .info: 1
        case .warning: 2
        case .error: 3
        }
    }
}
