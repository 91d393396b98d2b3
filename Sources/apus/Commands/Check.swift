import ApusCore
import ApusListen
import ArgumentParser

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Reads a flow file and reports every mistake, without connecting anywhere.",
        discussion: "EXAMPLE: apus check flow.yaml")

    @Argument(help: "The flow file.") var flow: String
    @OptionGroup var flowOptions: FlowOptions
    @OptionGroup var output: Output

    func run() throws {
        let log = output.open()
        let file = try flowOptions.read(flow)
        for notice in file.notices { log.say(.warning, notice) }
        let count = file.flow.tables.count
        Output.product(
            "ok: \(flow) has \(count == 0 ? "all tables" : Quantity.text(count, "entry", "entries")) from \(file.flow.from.endpoint.label) to \(file.flow.to.endpoint.label)"
        )
    }
}

extension Quantity {
    static func text(_ count: Int, _ one: String, _ many: String) -> String { "\(text(count: count)) \(count == 1 ? one : many)" }
}
