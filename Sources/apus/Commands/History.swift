import ApusControl
import ApusCore
import ApusListen
import ArgumentParser

struct History: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists the latest runs.", discussion: "EXAMPLE: apus history --limit 50")

    @Option(help: "Most runs to list.") var limit = 20
    @Option(help: ArgumentHelp("Where runs are remembered.", valueName: "url")) var ledger: String?
    @Option(name: .customLong("output"), help: "text or json.") var format: ProductFormat = .text
    @OptionGroup var output: Output

    func run() throws {
        _ = output.open()
        let runs = try LedgerPlace(ledger).open().runs(limit: limit)
        Output.product(format == .json ? HistoryTable.json(runs) : HistoryTable.text(runs))
    }
}

enum ProductFormat: String, ExpressibleByArgument, CaseIterable { case text, json }
