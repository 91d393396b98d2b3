import ApusCore
import ApusFlow
import ArgumentParser

struct Init: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints a commented flow file for two systems.",
        discussion: "EXAMPLE: apus init mysql postgres > flow.yaml")

    @Argument(help: "Where rows come from: a connector's name, see `apus connectors`.") var from: String
    @Argument(help: "Where they go.") var to: String
    @OptionGroup var output: Output

    func run() throws {
        _ = output.open()
        Output.product(FlowTemplate.text(from: try Registry.connector(named: from), to: try Registry.connector(named: to)))
    }
}
