import ApusControl
import ApusCore
import ApusListen
import ArgumentParser

struct History: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists the latest runs, or forgets old ones.",
        discussion: """
            EXAMPLES:
              apus history --limit 50
              apus history --prune 90d --ledger mysql://etl@ctl/etl
            """)

    @Option(help: "Most runs to list.") var limit = 20
    @Option(
        help: ArgumentHelp(
            "Forget runs whose last sign of life is older, e.g. 90d. What a resume or the next run needs stays.", valueName: "age"))
    var prune: String?
    @Option(help: ArgumentHelp("Where runs are remembered.", valueName: "url")) var ledger: String?
    @Option(name: .customLong("output"), help: "text or json.") var format: ProductFormat = .text
    @OptionGroup var output: Output

    func run() throws {
        let log = output.open()
        if let prune {
            let ledger = try LedgerPlace(ledger).open()
            defer { ledger.close() }
            let count = try ledger.prune(olderThan: Self.age(prune, "--prune"))
            return log.say(.info, "\(count) \(count == 1 ? "run is" : "runs are") forgotten")
        }
        let runs = try LedgerPlace(ledger).open().runs(limit: limit)
        Output.product(format == .json ? HistoryTable.json(runs) : HistoryTable.text(runs))
    }
}

extension History {
    /// Seconds of `90d`.
    static func age(_ text: String, _ option: String) throws -> Double {
        guard text.last?.isLetter == true, let seconds = Quantity.seconds(text), seconds > 0 else {
            throw ApusError(.configurationInvalid, "`\(option) \(text)` is no age", hint: "Write e.g. 90d or 12h.")
        }
        return seconds
    }
}

enum ProductFormat: String, ExpressibleByArgument, CaseIterable { case text, json }
