import ApusControl
import ApusCore
import ApusExtract
import ApusFlow
import ApusListen
import ArgumentParser

struct Generate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes config rows for the tables of a source, from its catalogue.",
        discussion: """
            Without --into, --yaml, --sql or --flow it only shows what it would write, and why.

            EXAMPLES:
              apus generate --from erp --like 'bo_ods_%'
              apus generate --from erp --to dw --like 'bo_%' --exclude '%_bak' \\
                --name 'ods_{table}' --into sqlite:control.db
              apus generate --from erp --json-id 3 --like 'bo_%' --into ctl --update
              apus generate --from erp --replace etl_time='now()' --sql > rows.sql
            """)

    @Option(help: ArgumentHelp("The source: a connection's URL or name.", valueName: "connection")) var from: String
    @Option(
        help: ArgumentHelp(
            "Only tables whose names are like this (SQL's LIKE: % any run, _ one character). Repeatable.", valueName: "pattern"))
    var like: [String] = []
    @Option(help: ArgumentHelp("Not these. Repeatable.", valueName: "pattern")) var exclude: [String] = []
    @Option(help: "The schema or database to read; the connection's own without it.") var schema: String?
    @Flag(help: "Take views too.") var views = false

    @Option(help: ArgumentHelp("Write the rows into this control database.", valueName: "connection")) var into: String?
    @Option(help: ArgumentHelp("The config table.", valueName: "table")) var configTable = ControlTables.config
    @Flag(help: "With --into: add new tables and columns, tell what else changed, keep what was edited.") var update = false
    @Flag(help: "Print YAML, as `apus control import` reads it.") var yaml = false
    @Flag(help: "Print INSERT statements.") var sql = false
    @Flag(help: "Print a flow file for `apus run`.") var flow = false
    @Option(help: ArgumentHelp("Whose SQL --sql prints: mysql, postgres or sqlite.", valueName: "connector")) var dialect = "mysql"

    @Option(help: ArgumentHelp("The target: a connection's name, for a row of datax_json that names both ends.", valueName: "connection"))
    var to: String?
    @Option(help: ArgumentHelp("The row of datax_json that the new rows belong to, instead of --to.", valueName: "id")) var jsonId: Int?
    @Option(help: ArgumentHelp("The target table's name; {table} and {schema} stand for the source's.", valueName: "template"))
    var name = "{table}"
    @Option(help: ArgumentHelp("SQL of the source in the place of a column. Repeatable.", valueName: "column=sql")) var replace: [String] =
        []
    @Option(help: ArgumentHelp("A column added to every list, e.g. tenant_id=\"'fz'\". Repeatable.", valueName: "column=sql"))
    var constant: [String] = []
    @Option(help: ArgumentHelp("Which tables get the smallest ordernum: large, small or name.", valueName: "order"))
    var order = GenerateWish.Order.large
    @Flag(help: "Load every table whole (etl_type 0); what could be loaded by day stands in the note.") var full = false
    @Option(help: ArgumentHelp("Tables of fewer rows are loaded whole.", valueName: "rows")) var fullBelow = 100_000
    @Flag(help: "Ask the source whether nullable time columns hold a NULL: one query a table.") var probe = false
    @Option(help: "The rows' `type`.") var type = "1"
    @Option(help: ArgumentHelp("The rows' `server_type`.", valueName: "number")) var serverType = 0
    @Option(help: ArgumentHelp("The rows' `status`: 0 active, 1 disabled.", valueName: "number")) var status = 0
    @Option(help: ArgumentHelp("The alias behind the table's name.", valueName: "text")) var relation = "t"
    @Flag(help: "Ask for passwords that connections leave out.") var askPassword = false
    @OptionGroup var output: Output

    func validate() throws {
        let products = [into != nil, yaml, sql, flow].filter { $0 }.count
        guard products <= 1 else { throw ValidationError("--into, --yaml, --sql and --flow exclude each other.") }
        guard !update || into != nil else { throw ValidationError("--update needs --into.") }
        guard jsonId == nil || to == nil || yaml else { throw ValidationError("Give --to or --json-id, not both.") }
        guard !yaml || to == nil || jsonId != nil else {
            throw ValidationError("--yaml with --to writes a row of datax_json too: give --json-id the id that it is to have.")
        }
        guard !flow || to != nil else { throw ValidationError("--flow needs --to.") }
    }

    func run() throws {
        let log = output.open()
        let choice = TableChoice(like: try like.map(LikePattern.init), exclude: try exclude.map(LikePattern.init), views: views)
        let source = try Catalogue(from, schema: schema, choice: choice, askPassword: askPassword, log: log)
        defer { source.session.close() }
        var wish = try wish()
        if let into {
            let control = try ControlTarget(into, configTable, log: log)
            defer { control.database.close() }
            wish.jobID = try control.job(jsonId, source: source.connection, target: to)
            let rows = try config(wish, source)
            warn(rows, source, log)
            try control.write(rows, source, choice, isUpdate: update)
            return
        }
        if flow || yaml { try ControlTarget.check(source.connection) }
        wish.jobID = jsonId
        let rows = try config(wish, source)
        warn(rows, source, log)
        let proposals = try rows.propose(source.shapes)
        if sql {
            guard let dialect = try Registry.connector(named: dialect).dialect else {
                throw ApusError(.configurationInvalid, "`\(self.dialect)` takes no SQL", hint: "Write --dialect mysql, postgres or sqlite.")
            }
            Output.product(ConfigScript.sql(proposals.map(\.row), into: configTable, dialect: dialect))
        } else if yaml {
            var jobs: [ControlJob] = []
            if let to {
                let target = try Resolver.make().resolve(to).connection
                try ControlTarget.check(target)
                var job = ControlJob(source: source.connection.reference, target: target.reference)
                job.id = jsonId
                jobs = [job]
            }
            Output.product(ControlFile.export(rows: proposals.map(\.row), jobs: jobs).yaml)
        } else if flow {
            Output.product(FlowProposal.text(proposals, from: source.connection.reference, to: to ?? "", wish: wish))
        } else {
            Output.product(ProposalTable.text(proposals))
            Output.product("nothing was written; --into, --yaml, --sql or --flow say where to")
        }
    }

    private func wish() throws -> GenerateWish {
        var wish = GenerateWish(target: try TargetName(name))
        wish.replacements = try replace.map { try Self.pair($0, "--replace") }
        wish.constants = try constant.map { try Self.pair($0, "--constant") }
        wish.type = type
        wish.serverType = serverType
        wish.status = status
        wish.relation = relation
        wish.order = order
        wish.alwaysFull = full
        wish.fullBelow = fullBelow
        return wish
    }

    private static func pair(_ text: String, _ option: String) throws -> (column: String, expression: String) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map { $0.trimmed }
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
            throw ApusError(
                .configurationInvalid, "`\(option) \(text)` is no column and SQL", hint: "Write e.g. \(option) etl_process_time='now()'.")
        }
        // What is written must be read again as one item of a list.
        guard let list = try? SelectList("\(parts[1]) as x"), list.items.count == 1 else {
            throw ApusError(.configurationInvalid, "`\(option) \(text)`: the SQL is not one expression")
        }
        return (parts[0], parts[1])
    }

    private func config(_ wish: GenerateWish, _ source: Catalogue) throws -> ConfigRows {
        ConfigRows(wish, dialect: try source.dialect, own: source.own, isQualified: schema != nil) { shape, column in
            probe ? try source.holdsNull(shape, column) : nil
        }
    }

    private func warn(_ rows: ConfigRows, _ source: Catalogue, _ log: ListenerChoice.Log) {
        for column in rows.unused(in: source.shapes) { log.say(.warning, "--replace \(column): no table has such a column") }
    }
}

extension GenerateWish.Order: ExpressibleByArgument {}

/// What was proposed and why, for people.
enum ProposalTable {
    static func text(_ proposals: [ConfigRows.Proposal]) -> String {
        TextTable.text(
            ["ordernum", "table", "target", "rows", "columns", "etl_type", "why", "split"],
            proposals.map { proposal in
                [
                    ConfigRows.orderText(proposal.row), proposal.row.sourceTable, proposal.row.targetTable,
                    proposal.shape.rows.map { "~" + Quantity.text(count: $0) } ?? "?", String(proposal.shape.columns.count),
                    String(proposal.row.etlType), proposal.watermark.reason, proposal.split.reason,
                ]
            })
    }
}
