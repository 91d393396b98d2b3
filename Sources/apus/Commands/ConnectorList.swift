import ApusCore
import ApusListen
import ArgumentParser

struct ConnectorList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connectors", abstract: "Lists the systems that Apus knows, or one with its options.",
        discussion: "EXAMPLE: apus connectors mysql")

    @Argument(help: "A connector's name or URL scheme.") var name: String?
    @OptionGroup var output: Output

    func run() throws {
        _ = output.open()
        guard let name else {
            let rows = Registry.connectors.map { connector in
                [connector.name, connector.title, Self.directions(connector.abilities), connector.example]
            }
            Output.product(TextTable.text(["connector", "system", "can", "example"], rows))
            return
        }
        let connector = try Registry.connector(named: name)
        Output.product("\(connector.title)\n\n  \(connector.example)\n")
        Output.product("  schemes  \(connector.schemes.joined(separator: ", "))")
        Output.product("  can      \(Self.directions(connector.abilities))")
        if connector.abilities.writes {
            Output.product("  modes    \(connector.abilities.modes.map(\.rawValue).sorted().joined(separator: ", "))")
        }
        guard !connector.settings.isEmpty else { return }
        Output.product("")
        let rows = connector.settings.map { [$0.name, $0.kind.description, $0.initial ?? "", $0.help] }
        Output.product(TextTable.text(["option", "kind", "default", "meaning"], rows))
    }

    private static func directions(_ abilities: Abilities) -> String {
        abilities.reads ? abilities.writes ? "read, write" : "read" : "write"
    }
}

extension Setting.Kind: CustomStringConvertible {
    public var description: String {
        switch self {
        case .text: "text"
        case .integer: "number"
        case .boolean: "true, false"
        case .bytes: "size"
        case .duration: "time"
        case .choice(let choices): choices.joined(separator: ", ")
        }
    }
}
