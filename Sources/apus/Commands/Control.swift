import ApusControl
import ApusCore
import ArgumentParser

struct Control: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes, fills and checks the tables that list what to extract.",
        discussion: """
            EXAMPLES:
              apus control init sqlite:etl.db
              apus control import sqlite:etl.db tables.yaml
              apus control export mysql://etl@ctl/etl > tables.yaml
              apus control check sqlite:etl.db
            """,
        subcommands: [Make.self])

    struct Make: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "init",
            abstract: "Makes the control tables where they are missing; never changes one that is there.",
            discussion: "EXAMPLE: apus control init sqlite:etl.db")
        @Argument(help: "The control database: a URL or a connection's name.") var control: String
        @OptionGroup var output: Output

        func run() throws {
            let log = output.open()
            let place = try ControlPlace(control)
            for notice in place.resolved.notices { log.say(.warning, notice) }
            let database = try place.open()
            defer { database.close() }
            let made = try database.create()
            let ledger = try place.ledger()
            _ = try ledger.runs(limit: 1)
            ledger.close()
            Output.product(
                made.isEmpty ? "all control tables are there already" : "made " + made.joined(separator: ", "))
        }
    }
}
