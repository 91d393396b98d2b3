import ApusCore
import Tabular

/// What a run has done, printed when it ends: before, data and after; the tables; the failures and what to do next.
public struct ClosingTable: Sendable {
    /// The whole text, for stdout.
    /// - parameter next: what to do about what is open; nil = resume the run.
    public static func text(
        _ result: RunResult, runID: String, next: [(command: Advice, why: String)]? = nil
    ) -> String {
        var table = TextTable([
            ("table", .left), ("rows", .right), ("rejected", .right), ("bytes", .right), ("time", .right),
            ("rows/s", .right), ("status", .left),
        ])
        table.add(["before", "", "", "", Quantity.text(seconds: result.tables.reduce(0) { $0 + $1.before })])
        table.rule()
        for entry in result.tables { table.add(cells(entry)) }
        table.rule()
        table.add(["after", "", "", "", Quantity.text(seconds: result.tables.reduce(0) { $0 + $1.after })])
        table.rule()
        let tally = result.tally
        table.add([
            "total", Quantity.text(count: tally.written), Quantity.text(count: tally.rejected),
            Quantity.text(bytes: tally.bytes), Quantity.text(seconds: result.seconds),
            rate(tally.written, result.seconds),
            result.status.rawValue,
        ])
        return table.text + failures(result)
            + Self.next(next ?? steps(result, runID: runID))
    }

    private static func cells(_ entry: TableResult) -> [String] {
        [
            entry.name == entry.target ? entry.name : "\(entry.name) → \(entry.target)",
            Quantity.text(count: entry.tally.written), Quantity.text(count: entry.tally.rejected),
            Quantity.text(bytes: entry.tally.bytes), Quantity.text(seconds: entry.data),
            rate(entry.tally.written, entry.data), status(entry),
        ]
    }

    static func status(_ entry: TableResult) -> String { entry.status == .notStarted ? "not started" : entry.status.rawValue }

    /// Rows a second; nothing where the time is too short to tell.
    static func rate(_ rows: Int, _ seconds: Double) -> String {
        seconds >= 0.05 && rows > 0 ? Quantity.text(count: Int((Double(rows) / seconds).rounded())) : ""
    }

    private static func failures(_ result: RunResult) -> String {
        var text = ""
        for entry in result.tables {
            if entry.status == .failed, let error = entry.error {
                text += "\nfailed: \(DisplayWidth.plain(entry.name))\n" + lines(error)
            }
        }
        if let error = result.error, !result.tables.contains(where: { $0.error == error }) {
            text += "\n\(result.status == .stopped ? "stopped" : "failed"): the run\n" + lines(error)
        }
        return text
    }

    /// Code, message and hint, indented.
    static func lines(_ error: ApusError) -> String {
        var text = error.code.name + ": " + (error.context.map { "\($0): " } ?? "") + error.message
        if let underlying = error.underlying { text += " (\(underlying))" }
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if let hint = error.hint { lines.append("hint: " + hint) }
        return lines.map { "  " + DisplayWidth.plain($0, lines: true).replacing("\n", with: "\n    ") + "\n" }.joined()
    }

    private static func steps(_ result: RunResult, runID: String) -> [(command: Advice, why: String)] {
        var steps: [(command: Advice, why: String)] = []
        let open = result.tables.count { $0.status != .done }
        if result.status == .stopped {
            steps.append((Advice.resume(runID), "goes on where this run stopped"))
        } else if open > 0 || result.status == .failed && result.error != nil {
            steps.append(
                (
                    Advice.resume(runID),
                    open > 0 ? "tries \(Quantity.text(open, "unfinished table")) again" : "tries again"
                ))
        }
        let rejected = result.tally.rejected
        if rejected > 0 {
            steps.append((Advice.showRejected(runID), "lists \(Quantity.text(rejected, "rejected row"))"))
        }
        return steps
    }

    private static func next(_ steps: [(command: Advice, why: String)]) -> String {
        guard !steps.isEmpty else { return "" }
        let width = steps.map(\.command.line.count).max() ?? 0
        return "\nnext:\n"
            + steps.map { "  " + DisplayWidth.pad(DisplayWidth.plain($0.command.line), to: width) + "  " + $0.why + "\n" }.joined()
    }
}
