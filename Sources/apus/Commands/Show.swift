import ApusControl
import ApusCore
import ApusListen
import ArgumentParser

struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what became of a run: tables, slices, rejected rows.",
        discussion: """
            EXAMPLES:
              apus show                       the latest run
              apus show 0193…                 a run by the beginning of its id
              apus show --rejected > bad.jsonl
            """)

    @Argument(help: ArgumentHelp("The run's id or its beginning; the latest run without one.", valueName: "run")) var id: String?
    @Flag(help: "Print the rejected rows, one JSON object a line.") var rejected = false
    @Option(help: ArgumentHelp("Where runs are remembered.", valueName: "url")) var ledger: String?
    @Option(name: .customLong("output"), help: "text or json.") var format: ProductFormat = .text
    @OptionGroup var output: Output

    func run() throws {
        _ = output.open()
        let ledger = try LedgerPlace(ledger).open()
        let record = try RunChoice(ledger).run(id)
        let tables = try ledger.tables(run: record.id)
        let report = RunReport(
            run: record, tables: tables,
            slices: try Dictionary(uniqueKeysWithValues: tables.map { ($0.table, try ledger.slices(run: record.id, table: $0.table)) }),
            rejected: try ledger.rejectedCounts(run: record.id).reduce(0) { $0 + $1.count })
        guard rejected || format == .json else { return Output.product(report.text()) }
        // There may be millions of them.
        var part = ""
        func write(_ text: String) {
            part += text
            guard part.utf8.count > 1 << 16 else { return }
            Output.product(part, isJSON: true)
            part = ""
        }
        if rejected {
            try ledger.eachRejected(run: record.id) { write(report.line($0)) }
        } else {
            try report.json({ try ledger.eachRejected(run: record.id, $0) }, to: write)
        }
        if !part.isEmpty { Output.product(part, isJSON: true) }
    }
}

/// Finds a run by what the user says of it.
struct RunChoice {
    let ledger: any Ledger
    init(_ ledger: any Ledger) { self.ledger = ledger }

    /// - parameter text: an id, the beginning of one, or nil for the latest.
    /// - throws: `object.not_found`.
    func run(_ text: String?, where fits: (RunRecord) -> Bool = { _ in true }, what: String = "run") throws -> RunRecord {
        let runs = try ledger.runs(limit: 1000)
        let found: RunRecord?
        if let text {
            let candidates = runs.filter { $0.id.hasPrefix(text.lowercased()) }
            if candidates.count > 1 {
                throw ApusError(
                    .notFound, "\(candidates.count) runs begin with `\(text)`", hint: "Give more of the id: \(Advice.history()) lists them."
                )
            }
            found = candidates.first
        } else {
            found = runs.first(where: fits)
        }
        guard let found, let whole = try ledger.run(found.id) else {
            throw ApusError(
                .notFound, text.map { "there is no run `\($0)`" } ?? "there is no \(what)", hint: "\(Advice.history()) lists the runs.")
        }
        return whole
    }
}
