import ApusControl
import ApusCore
import ApusEngine
import ApusExtract
import ApusFlow
import ApusListen
import ArgumentParser
import Tabular

struct Extract: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs the tables that a control database lists.",
        discussion: """
            Without --day and --from, yesterday is loaded, and with it the days that
            earlier runs left unfinished. Several machines may run the same command at
            once: each table is done by one of them, and a machine that dies is
            followed up by another.

            EXAMPLES:
              apus extract --control mysql://etl@ctl/etl --parallel 8
              apus extract --control ctl --day 2026-11-21 --table 'ods_order*'
              apus extract --control ctl --from 2026-11-01 --to 2026-11-30 --parallel 4
              apus extract --control ctl --repair --retry-failed
              apus extract --control ctl --dry-run
            """)

    @Option(help: ArgumentHelp("The control database: a URL or a connection's name.", valueName: "connection")) var control: String
    @Option(help: ArgumentHelp("The table of config rows.", valueName: "table")) var configTable: String?
    @Flag(help: "Take the rows of datax_config_repair.") var repair = false
    @Option(help: "Only rows of this type; `all` for every one.") var type = "1"
    @Option(help: ArgumentHelp("Only rows of this server_type; all without it.", valueName: "number")) var serverType: Int?
    @Option(
        help: ArgumentHelp("Only these source or target tables: names or patterns, comma-separated. Repeatable.", valueName: "patterns"))
    var table: [String] = []
    @Option(help: ArgumentHelp("The day to load, e.g. 2026-11-21, today or yesterday.", valueName: "day")) var day: String?
    @Option(help: ArgumentHelp("The first day of a range.", valueName: "day")) var from: String?
    @Option(help: ArgumentHelp("The last day of a range, included.", valueName: "day")) var to: String?
    @Flag(help: "Load a range at once instead of day by day.") var whole = false
    @Option(help: ArgumentHelp("Read this many days before the window again, for late rows.", valueName: "days")) var lookback = 0
    @Option(help: "How days and increments are loaded: window, upsert, append, or replace: the target then holds the increment alone.")
    var increment: String?
    @Option(
        help: ArgumentHelp(
            "The time zone of days, sessions and conversions, e.g. Asia/Shanghai or +08:00; without it days and conversions have the control database's.",
            valueName: "zone"))
    var zone: String?
    @Flag(help: "Only what earlier runs left unfinished.") var retryFailed = false
    @Flag(help: "Tables whose ordernum differs before the point are kept apart.") var barrier = false
    @Option(help: "Tables and slices at a time.") var parallel = 4
    @Option(help: ArgumentHelp("Slices at a time on one source or target.", valueName: "number")) var perConnection: Int?
    @Option(help: ArgumentHelp("The folder of DataX templates.", valueName: "folder")) var jsonDir: String?
    @Option(help: ArgumentHelp("A script to run first, as connection:file.sql. Repeatable.", valueName: "script")) var before: [String] = []
    @Option(help: ArgumentHelp("A script to run when every table is finished. Repeatable.", valueName: "script")) var after: [String] = []
    @Option(help: ArgumentHelp("A folder of scripts around tables: <target>.before.sql and <target>.after.sql.", valueName: "folder"))
    var scripts: String?
    @Option(help: "Rejected rows of a table before it fails: a number or unlimited.") var badRows: String?
    @Option(help: "Most rows per second, over all tables.") var rowsPerSecond: String?
    @Option(help: "Most octets per second, over all tables.") var bytesPerSecond: String?
    @Option(help: "Octets of rows in flight, of each table.") var memory: String?
    @Option(help: ArgumentHelp("Seconds without a sign of life after which another worker takes a table over.", valueName: "seconds"))
    var lease = ControlDatabase.leaseSeconds
    @Option(help: ArgumentHelp("Seconds to wait for a control database that went away.", valueName: "seconds")) var patience = 600.0
    @Option(
        help: ArgumentHelp(
            "Forget in the ledger what is older, e.g. 90d, after a run that ended well; the logs stay.", valueName: "age"))
    var keep: String?
    @Flag(help: "Make the schemas (MySQL: databases) of targets where they are missing.") var createSchema = false
    @Flag(name: .customLong("dry-run"), help: "Show what would be done, and the faults of the rows.") var dryRun = false
    @OptionGroup var runOptions: RunOptions
    @OptionGroup var output: Output

    func validate() throws {
        guard !(repair && configTable != nil) else { throw ValidationError("Give --repair or --config-table, not both.") }
        guard day == nil || (from == nil && to == nil) else { throw ValidationError("Give --day, or --from and --to.") }
        guard parallel >= 1, lookback >= 0, lease >= 1 else {
            throw ValidationError("--parallel and --lease are at least 1, and --lookback is not negative.")
        }
    }

    mutating func run() throws {
        let log = output.open()
        let age = try keep.map { try History.age($0, "--keep") }
        zone = try zone.map { try Zone.named($0).name }
        let place = try ControlPlace(control, zone: zone)
        for notice in place.resolved.notices { log.say(.warning, notice) }
        let database = try place.open()
        defer { database.close() }
        var wish = try wish()
        // A database that was named by mistake gets no tables.
        _ = try database.rows(of: wish.configTable)
        if !dryRun { try database.createOwn() }
        let clock = try database.now()
        let today = try DayZone(zone, now: clock.micros / 1_000_000, offset: clock.offset, own: database.zone()).today
        wish.day = try day.map { try Self.day($0, today) }
        wish.from = try from.map { try Self.day($0, today) }
        wish.to = try to.map { try Self.day($0, today) }
        let ledger = try runOptions.ledger.map { try LedgerPlace($0).open() } ?? place.ledger()
        let extraction = Extraction(
            wish, control: database, beats: try place.open(patience: 1), ledger: ledger, resolver: Resolver.make(zone: zone),
            listeners: log.listeners, interrupt: Program.interrupt, say: log.say)
        let (agenda, zone) = try extraction.agenda()
        for warning in agenda.warnings { log.say(.warning, warning) }
        if dryRun {
            let check = ControlCheck(wish, resolver: Resolver.make(zone: self.zone), interrupt: Program.interrupt)
            let faults = try check.findings(agenda, zone).filter(\.isFault)
            Output.product(Self.text(agenda, faults))
            for fault in faults {
                log.say(.error, "\(fault.row.sourceTable): \(fault.message)\(fault.hint.map { "\n  hint: \($0)" } ?? "")")
            }
            if !faults.isEmpty { throw ExitStatus(number: ExitCode.configuration) }
            return
        }
        guard !agenda.tasks.isEmpty else {
            log.say(.info, retryFailed ? "nothing is unfinished" : "there is nothing to do")
            return
        }
        let day = agenda.tasks.flatMap(\.windows).map(\.upTo).max().map { Days.iso($0 - 1) } ?? ""
        try runScripts(before, day, log)
        var result = try extraction.run(agenda, zone)
        if result.status == .done {
            do { try runScripts(after, day, log) } catch let error as ApusError {
                result.status = .failed
                result.error = error
            }
            if let age { forget(ledger, age, log) }
        } else if !after.isEmpty {
            log.say(.warning, "the scripts of --after were not run, since not every table is finished")
        }
        if let file = runOptions.summaryFile {
            let summary = try SummaryFile(path: file)
            summary.hear(Event(runID: extraction.runID, sequence: 1, time: Clock.wall(), kind: .runFinished(result)))
            if let error = summary.error { throw error }
        }
        Output.product(ClosingTable.text(result, runID: extraction.runID, next: Self.next(result)))
        throw ExitStatus(number: Launcher.exitCode(result))
    }

    /// What the next night does not need is not worth failing for.
    private func forget(_ ledger: SQLLedger, _ age: Double, _ log: ListenerChoice.Log) {
        do {
            let count = try ledger.prune(olderThan: age)
            if count > 0 { log.say(.info, "\(count) old runs are forgotten") }
        } catch { log.say(.warning, "old runs could not be forgotten: \(ApusError(wrapping: error))") }
    }

    /// Each statement is told; the first that fails ends it.
    private func runScripts(_ texts: [String], _ day: String, _ log: ListenerChoice.Log) throws {
        for text in texts {
            guard let colon = text.lastIndex(of: ":"), colon > text.startIndex, text.index(after: colon) < text.endIndex else {
                throw ApusError(
                    .configurationInvalid, "`\(text)` is no script", hint: "Write connection:file.sql, e.g. warehouse:summary.sql.")
            }
            let script = try Script.read(
                String(text[text.index(after: colon)...]), parameters: Parameters(given: ["day": day], timeZone: zone))
            let resolved = try Resolver.make(zone: zone).resolve(String(text[..<colon]))
            let session = try Connections(resolved.connector, resolved.connection.endpoint).sql(Program.interrupt)
            defer { session.close() }
            let outcomes = script.run(on: session, goesOn: false) { outcome in
                guard outcome.error == nil else { return }
                log.say(
                    .info,
                    "\(script.name):\(outcome.statement.line): \(outcome.statement.title) (\(Quantity.text(seconds: outcome.seconds)))")
            }
            if let error = outcomes.compactMap(\.error).first { throw error }
        }
    }

    private func wish() throws -> ExtractWish {
        var wish = ExtractWish()
        wish.configTable = repair ? ControlTables.repair : configTable ?? ControlTables.config
        wish.type = type == "all" ? nil : type
        wish.serverType = serverType
        wish.tables = try table.flatMap { $0.split(separator: ",") }.map { try TablePattern($0.trimmed) }
        wish.isWhole = whole
        wish.lookback = lookback
        wish.retriesFailed = retryFailed
        wish.hasBarriers = barrier
        wish.zone = zone
        wish.createsSchemas = createSchema
        wish.templateFolder = jsonDir
        wish.scriptFolder = scripts
        wish.parallel = parallel
        wish.perEnd = perConnection
        wish.leaseSeconds = lease
        wish.patience = patience
        if let increment {
            guard let mode = LoadMode(rawValue: increment), [.window, .upsert, .append, .replace].contains(mode) else {
                throw ApusError(
                    .configurationInvalid, "`--increment \(increment)` is not known", hint: "Write window, upsert, append or replace.")
            }
            wish.increment = mode
        }
        wish.isBadRowsGiven = badRows != nil
        if let badRows { wish.badRows = badRows == "unlimited" ? nil : try Self.number(badRows, "--bad-rows", Quantity.count) }
        wish.rowsPerSecond = try rowsPerSecond.map { try Self.number($0, "--rows-per-second", Quantity.count) }
        wish.bytesPerSecond = try bytesPerSecond.map { try Self.number($0, "--bytes-per-second", Quantity.bytes) }
        wish.memory = try memory.map { try Self.number($0, "--memory", Quantity.bytes) }
        return wish
    }

    private static func number(_ text: String, _ option: String, _ read: (String) -> Int?) throws -> Int {
        if let number = read(text) { return number }
        throw ApusError(.configurationInvalid, "`\(option) \(text)` is no number", hint: "Write e.g. 50000 or 50k.")
    }

    private static func day(_ text: String, _ today: Int) throws -> Int {
        switch text {
        case "today": return today
        case "yesterday": return today - 1
        default:
            guard let day = Days.day(iso: text) else {
                throw ApusError(
                    .configurationInvalid, "`\(text)` is no day", hint: "Write year, month and day as in 2026-11-21, or today or yesterday."
                )
            }
            return day
        }
    }

    private static func text(_ agenda: Agenda, _ faults: [ControlCheck.Finding]) -> String {
        TextTable.text(
            ["ordernum", "row", "table", "from", "to", "etl_type", "days", "fault"],
            agenda.tasks.map { task in
                let days = task.windows.map { $0.upTo == $0.from + 1 ? Days.iso($0.from) : "\(Days.iso($0.from))…\(Days.iso($0.upTo - 1))" }
                let isDaily = task.row.increment == .day
                return [
                    String(task.row.order), task.row.id.map(String.init) ?? "", "\(task.name) → \(task.row.targetTable)", task.job.source,
                    task.job.target, String(task.row.etlType),
                    isDaily
                        ? (days.count > 2 ? "\(days[0]) … \(days[days.count - 1]) (\(days.count))" : days.joined(separator: ", ")) : "all",
                    faults.filter { $0.row == task.row }.map(\.message).joined(separator: "; "),
                ]
            })
    }

    private static func next(_ result: RunResult) -> [(command: Advice, why: String)] {
        let open = result.tables.count { $0.status != .done }
        guard open > 0 else { return [] }
        return [(Advice.retryFailed(), "does what is unfinished again: \(open) \(open == 1 ? "table" : "tables")")]
    }
}
