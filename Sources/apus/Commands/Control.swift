import ApusControl
import ApusCore
import ApusExtract
import ApusListen
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
        subcommands: [Make.self, Import.self, Export.self, Look.self])

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

    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Puts rows of a YAML or CSV file into the control tables.",
            discussion: """
                A row takes the place of the one with its id, or with its source table and job;
                fields that it does not name stay as they are. All rows or none.

                EXAMPLES:
                  apus control import sqlite:etl.db tables.yaml
                  apus control import ctl repair.csv --config-table datax_config_repair
                """)
        @Argument(help: "The control database: a URL or a connection's name.") var control: String
        @Argument(help: "The file: YAML, or CSV when its name ends with .csv.") var file: String
        @Option(help: ArgumentHelp("The table of config rows.", valueName: "table")) var configTable = ControlTables.config
        @OptionGroup var output: Output

        func run() throws {
            _ = output.open()
            let database = try ControlPlace(control).open()
            defer { database.close() }
            let counts = try ControlFile.load(file, into: database, table: configTable)
            func text(_ what: String, _ counts: ControlFile.Counts) -> String {
                "\(what): \(counts.added) added, \(counts.changed) changed, \(counts.same) as they were"
            }
            Output.product(text(configTable, counts.rows) + "\n" + text(ControlTables.job, counts.jobs))
        }
    }

    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints the control tables' rows as YAML or CSV.",
            discussion: "EXAMPLE: apus control export ctl --format csv > tables.csv")
        @Argument(help: "The control database: a URL or a connection's name.") var control: String
        @Option(help: ArgumentHelp("The table of config rows.", valueName: "table")) var configTable = ControlTables.config
        @Option(help: "yaml, with jobs and tables; or csv, with tables only.") var format: Format = .yaml
        @OptionGroup var output: Output

        enum Format: String, ExpressibleByArgument, CaseIterable { case yaml, csv }

        func run() throws {
            _ = output.open()
            let database = try ControlPlace(control).open()
            defer { database.close() }
            let rows = try database.rows(of: configTable)
            Output.product(
                format == .csv ? ControlFile.table(rows).csv : ControlFile.export(rows: rows, jobs: try database.jobs()).yaml)
        }
    }

    struct Look: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check",
            abstract: "Looks at every active row as a run would, against both databases, and tells all faults at once.",
            discussion: "EXAMPLE: apus control check sqlite:etl.db --config-table datax_config_repair")
        @Argument(help: "The control database: a URL or a connection's name.") var control: String
        @Option(help: ArgumentHelp("The table of config rows.", valueName: "table")) var configTable = ControlTables.config
        @Option(help: ArgumentHelp("Only these source or target tables.", valueName: "patterns")) var table: [String] = []
        @Option(help: ArgumentHelp("The folder of DataX templates.", valueName: "folder")) var jsonDir: String?
        @OptionGroup var output: Output

        func run() throws {
            _ = output.open()
            let database = try ControlPlace(control).open()
            defer { database.close() }
            var wish = ExtractWish()
            wish.configTable = configTable
            wish.type = nil
            wish.templateFolder = jsonDir
            wish.tables = try table.flatMap { $0.split(separator: ",") }.map { try TablePattern($0.trimmed) }
            let clock = try database.now()
            let zone = try DayZone(nil, now: clock.micros / 1_000_000, offset: clock.offset, own: database.zone())
            // Any one day: a check is of rows, not of what ran when.
            wish.day = zone.today - 1
            let agenda = try Agenda(
                wish, rows: database.rows(of: configTable), jobs: database.jobs(), unfinished: [], today: zone.today)
            let findings = try ControlCheck(wish, resolver: Resolver.make(), interrupt: Program.interrupt).findings(agenda, zone)
            let faults = findings.count(where: \.isFault)
            var text = ""
            for finding in findings {
                let row =
                    "\(configTable) \(finding.row.id.map { "row \($0)" } ?? "") \(finding.row.sourceTable) → \(finding.row.targetTable)"
                text += "\(finding.isFault ? "fault  " : "warning")  \(row): \(finding.message)\n"
                if let hint = finding.hint { text += "         hint: \(hint)\n" }
            }
            for warning in agenda.warnings { text += "warning  \(warning)\n" }
            let rows = agenda.tasks.count
            Output.product(text + "\(rows) \(rows == 1 ? "row" : "rows") looked at, \(faults) \(faults == 1 ? "fault" : "faults")")
            if faults > 0 { throw ExitStatus(number: ExitCode.configuration) }
        }
    }
}
