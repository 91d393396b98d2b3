import ApusControl
import ApusCore
import ApusEngine
import ApusFlow
import ApusListen
import ArgumentParser

struct Copy: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Copies tables from one system to another.",
        discussion: """
            Tables are made in the target when they are missing. The default is a full
            refresh: rows go into a staging table that takes the target's place in one
            step. Views are copied when they are named. A table that cannot be loaded fails
            alone; `apus resume` tries it again.

            EXAMPLES:
              apus copy mysql://u:p@h/shop postgres://u:p@h/dw --table 'orders,customer_*'
              apus copy mysql://u@h/shop postgres://u@h/dw --to 'ods.{table}' \\
                --with indexes,foreign-keys
              apus copy postgres://u@h/dw csv:out/ --table 'sales.*' \\
                --where "day = '{{ day }}'"
              apus copy csv:orders.csv.gz sqlite:shop.db --mode upsert --key id
              apus copy mysql://u@h/shop postgres://u@h/dw --slice-by id --to ab \\
                --query 'SELECT * FROM a JOIN b USING (id)'
            """)

    @Argument(help: "Where rows come from: a URL or a connection's name.") var from: String
    @Argument(help: "Where they go.") var to: String
    @Option(help: ArgumentHelp("Tables: names or patterns, comma-separated; all without it. Repeatable.", valueName: "patterns")) var table:
        [String] = []
    @Option(help: ArgumentHelp("Tables to leave out.", valueName: "patterns")) var exclude: [String] = []
    @Option(name: .customLong("to"), help: ArgumentHelp("The target's name, e.g. 'ods.{table}'.", valueName: "pattern")) var target: String?
    @Option(help: "replace, truncate, append or upsert.") var mode: String?
    @Option(help: "The target table: create (when missing), recreate or require.") var create: String?
    @Option(name: .customLong("where"), help: ArgumentHelp("A SQL condition of the source.", valueName: "sql")) var filter: String?
    @Option(help: ArgumentHelp("Columns and expressions, e.g. \"id,name=upper(name),src='erp'\".", valueName: "list")) var columns: String?
    @Option(help: ArgumentHelp("A SELECT in the place of a table; --to names the target.", valueName: "sql")) var query: String?
    @Option(help: ArgumentHelp("The columns that tell rows apart in upsert.", valueName: "columns")) var key: String?
    @Option(help: ArgumentHelp("The columns to cut slices by.", valueName: "columns")) var sliceBy: String?
    @Option(help: "Slices of each table.") var slices: Int?
    @Option(help: ArgumentHelp("Load only rows beyond the largest value of the last run.", valueName: "column")) var watermark: String?
    @Option(
        help: ArgumentHelp(
            "With --watermark 'partitions()': what becomes of rows whose partition is gone from the source: keep (default), drop or stop.",
            valueName: "choice"))
    var gonePartitions: String?
    @Option(help: "indexes,foreign-keys: made in the target after the load.") var with: String?
    @Option(help: ArgumentHelp("A statement for the target, run first. Repeatable.", valueName: "sql")) var before: [String] = []
    @Option(help: ArgumentHelp("A statement for the target, run last. Repeatable.", valueName: "sql")) var after: [String] = []
    @Option(help: "Rejected rows before the run fails: a number or unlimited.") var badRows: String?
    @Option(help: "Most rows per second, over all channels.") var rowsPerSecond: String?
    @Option(help: "Most octets per second, over all channels.") var bytesPerSecond: String?
    @Option(help: "Connections to each side at a time.") var channels: Int?
    @Option(help: "Octets of rows in flight, over all channels.") var memory: String?
    @Option(help: "Tries for a slice that fails for a passing reason.") var attempts: Int?
    @Flag(help: "Refuse lossy mappings.") var strict = false
    @Flag(help: "All channels read one state of the source.") var snapshot = false
    @Flag(name: .customLong("dry-run"), help: "Show the plan and move nothing.") var dryRun = false
    @OptionGroup var flowOptions: FlowOptions
    @OptionGroup var watermarkOptions: WatermarkOptions
    @OptionGroup var runOptions: RunOptions
    @OptionGroup var output: Output

    func run() throws {
        let log = output.open()
        let file = try arguments().flow(Resolver.make(askPassword: flowOptions.askPassword))
        for notice in file.notices { log.say(.warning, notice) }
        let ends = try Ends(file.flow)
        let ledger = try LedgerPlace(runOptions.ledger).open()
        let (plan, open) = try Planning(flow: file.flow, ends: ends, only: flowOptions.patterns(), start: watermarkOptions.watermarkStart)
            .plan(
                ledger: ledger, log: log, keepsConnections: !dryRun)
        if dryRun {
            try PlanCommand.show(plan, .text)
            if let fault = plan.fault(strict: strict) { throw fault }
            return
        }
        try Planning.admit(plan, log)
        var launcher = Launcher(
            plan: plan, from: ends.sources, to: ends.to, output: output, ledgerPlace: runOptions.ledger,
            summaryFile: runOptions.summaryFile)
        let isClear = [plan.from.reference, plan.to.reference].contains { $0.contains("•••") }
        if isClear { launcher.secrets = RunSecrets(from: [from], to: to) }
        launcher.open = open
        try launcher.launch()
    }

    private func arguments() throws -> CopyArguments {
        var arguments = CopyArguments(from: from, to: to)
        arguments.tables = table
        arguments.exclude = exclude
        arguments.target = target
        arguments.mode = mode
        arguments.create = create
        arguments.filter = filter
        arguments.columns = columns
        arguments.query = query
        arguments.key = key
        arguments.sliceBy = sliceBy
        arguments.slices = slices
        arguments.watermark = watermark
        arguments.gonePartitions = gonePartitions
        arguments.with = with
        arguments.before = before
        arguments.after = after
        arguments.badRows = badRows
        arguments.rowsPerSecond = rowsPerSecond
        arguments.bytesPerSecond = bytesPerSecond
        arguments.channels = channels
        arguments.memory = memory
        arguments.attempts = attempts
        arguments.strict = strict
        arguments.snapshot = snapshot
        arguments.given = try flowOptions.given()
        arguments.timeZone = flowOptions.zone
        arguments.createsSchemas = flowOptions.createSchema
        return arguments
    }
}
