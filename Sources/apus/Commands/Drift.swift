import ApusControl
import ApusCore
import ApusEngine
import ApusFlow
import ApusListen
import ArgumentParser
import FoundationEssentials

struct DriftCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drift",
        abstract: "Says what config rows, their sources and their targets do not agree on.",
        discussion: """
            Opens every database that the rows name, and changes nothing. Exits with 2 when something differs.

            EXAMPLES:
              apus drift --control sqlite:control.db
              apus drift --control ctl --like 'bo_ods_%' --output json
              apus drift --control ctl --from erp --to dw
            """)

    @Option(help: ArgumentHelp("The control database.", valueName: "connection")) var control: String
    @Option(help: ArgumentHelp("The config table.", valueName: "table")) var configTable = ControlTables.config
    @Option(help: ArgumentHelp("Only rows whose source tables are like this. Repeatable.", valueName: "pattern")) var like: [String] = []
    @Option(help: ArgumentHelp("Not these. Repeatable.", valueName: "pattern")) var exclude: [String] = []
    @Option(help: ArgumentHelp("The source, in the place of what datax_json names.", valueName: "connection")) var from: String?
    @Option(help: ArgumentHelp("The target, in the place of what datax_json names.", valueName: "connection")) var to: String?
    @Option(name: .customLong("output"), help: "text or json.") var format: ProductFormat = .text
    @Flag(help: "Ask for passwords that connections leave out.") var askPassword = false
    @OptionGroup var output: Output

    func run() throws {
        let log = output.open()
        let resolver = Resolver.make(askPassword: askPassword)
        let database = try ControlPlace(control).open()
        defer { database.close() }
        let choice = TableChoice(like: try like.map(LikePattern.init), exclude: try exclude.map(LikePattern.init))
        let rows = try database.rows(of: configTable).filter { $0.isActive && choice.means($0.sourceTable) }
        guard !rows.isEmpty else {
            throw ApusError(
                .notFound, "\(configTable) has no active row that is meant", hint: "See --like and --exclude, and the rows' status.")
        }
        let jobs = Dictionary(try database.jobs().compactMap { job in job.id.map { ($0, job) } }, uniquingKeysWith: { first, _ in first })
        let seen = try database.seen(of: configTable)
        var changes: [ConfigChange] = []
        // Rows of one pair of databases are looked at together, so that each catalogue is read once.
        for (ends, group) in Dictionary(grouping: rows, by: { pair($0, jobs) }).sorted(by: { $0.key.text < $1.key.text }) {
            changes += try compare(group, ends, seen, resolver)
        }
        tell(changes, rows: rows.count)
        if format == .text { tellUpdates(changes, rows, jobs) }
        log.say(.info, "\(rows.count) rows compared")
        if !changes.isEmpty { throw ExitStatus(number: ExitCode.different) }
    }

    struct Pair: Hashable {
        var source: String
        var target: String
        var text: String { "\(source) → \(target)" }
    }

    private func pair(_ row: ControlRow, _ jobs: [Int: ControlJob]) -> Pair {
        let job = row.jobID.flatMap { jobs[$0] }
        return Pair(source: from ?? job?.source ?? "", target: to ?? job?.target ?? "")
    }

    private func compare(_ rows: [ControlRow], _ ends: Pair, _ seen: [SeenTable], _ resolver: ConnectionResolver) throws -> [ConfigChange] {
        let names = rows.prefix(3).map(\.sourceTable).joined(separator: ", ")
        guard !ends.source.isEmpty, !ends.target.isEmpty else {
            throw ApusError(
                .configurationInvalid,
                "datax_json names no source and target for \(names)\(rows.count > 3 ? " and \(rows.count - 3) more" : "")",
                hint: "Give --from and --to, or fill source_dbname and target_dbname.")
        }
        let source = try Side(ends.source, rows.map(\.sourceTable), resolver, what: "the source of \(names)")
        defer { source.session.close() }
        let target = try Side(ends.target, rows.map(\.targetTable), resolver, what: "the target of \(names)")
        defer { target.session.close() }
        return rows.flatMap { row in
            Drift.changes(
                row, source: source.shape(row.sourceTable), target: target.shape(row.targetTable),
                seen: seen.first { $0.table == row.sourceTable && $0.jobID == row.jobID }, refusal: source.refusal)
        }
    }

    private func tell(_ changes: [ConfigChange], rows: Int) {
        if format == .json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
            Output.product(String(decoding: (try? encoder.encode(changes)) ?? Data(), as: UTF8.self))
        } else if changes.isEmpty {
            Output.product("no drift: \(rows) rows agree with their sources and targets")
        } else {
            Output.product(ChangeTable.text(changes))
            let tables = Set(changes.map(\.table)).count
            Output.product("\(changes.count) differences in \(tables) of \(rows) tables")
        }
    }

    /// The commands that add what is new in the sources to the rows, one for each source.
    private func tellUpdates(_ changes: [ConfigChange], _ rows: [ControlRow], _ jobs: [Int: ControlJob]) {
        let new = Set(changes.filter { $0.kind == .newColumn }.map(\.table))
        let updates = Dictionary(grouping: rows.filter { new.contains($0.sourceTable) && $0.jobID != nil }, by: { $0.jobID! })
        let commands = updates.sorted { $0.key < $1.key }.compactMap { job, rows in
            Advice.generateUpdate(from: Advice.Place.shown(pair(rows[0], jobs).source), job: job, like: rows.map(\.sourceTable))
        }
        if !commands.isEmpty { Output.product("\nnext:\n" + commands.map { "  \($0.line)" }.joined(separator: "\n")) }
    }

    /// The tables of one end that rows name.
    private struct Side {
        let session: any Session
        private let shapes: [TableName: TableShape]
        private let names: NamedTables
        private let dialect: (any Dialect)?

        init(_ text: String, _ tables: [String], _ resolver: ConnectionResolver, what: String) throws {
            do {
                let resolved = try resolver.resolve(text)
                dialect = resolved.connector.dialect
                session = try Connections(resolved.connector, resolved.connection.endpoint).session(Program.interrupt.child())
            } catch let error as ApusError { throw error.about(what) }
            let wanted = tables.compactMap(NamedTables.name)
            var known: [TableShape] = []
            var own: String?
            for schema in Set(wanted.map(\.schema)) {
                let here = Set(wanted.filter { $0.schema == schema }.map { $0.name.lowercased() })
                let found: [TableShape]
                do {
                    found = try session.describeAll(schema: schema) { here.contains($0.name.name.lowercased()) }
                } catch let error as ApusError where error.code == .notFound { continue }
                if schema == nil { own = found.first?.name.schema }
                known += found
            }
            shapes = Dictionary(known.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
            names = NamedTables(known.map(\.name), own: own)
        }

        func shape(_ table: String) -> TableShape? { names.find(table).flatMap { shapes[$0] } }

        /// What the database says to the row's SELECT.
        func refusal(_ row: ControlRow) -> String? {
            guard let session = session as? any SQLSession, let dialect, let name = NamedTables.name(row.sourceTable) else { return nil }
            // What `apus extract` fills in is not there yet.
            let condition = row.condition.isEmpty || row.condition.contains("${") ? "1=1" : row.condition
            do {
                _ = try session.describe(
                    query: "SELECT \(row.sourceColumns) FROM \(dialect.quote(name)) \(row.relation) WHERE \(condition)")
                return nil
            } catch {
                let error = ApusError(wrapping: error)
                return error.underlying.map { "\(error.message): \($0)" } ?? error.message
            }
        }
    }
}
