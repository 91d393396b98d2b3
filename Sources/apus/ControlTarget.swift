import ApusControl
import ApusCore
import ApusFlow
import ApusListen

/// The config table that `apus generate` writes into.
struct ControlTarget {
    let database: ControlDatabase
    let table: String
    private let log: ListenerChoice.Log

    init(_ text: String, _ table: String, log: ListenerChoice.Log) throws {
        let place = try ControlPlace(text)
        for notice in place.resolved.notices { log.say(.warning, notice) }
        database = try place.open()
        self.table = table
        self.log = log
        let made = try database.create()
        if !made.isEmpty { log.say(.info, "made in \(database.label): \(made.joined(separator: ", "))") }
        try database.createConfig(table)
    }

    /// Config rows and jobs never hold a password.
    static func check(_ connection: Flow.Connection) throws {
        guard connection.reference.contains("•••") else { return }
        throw ApusError(
            .configurationInvalid, "the connection \(connection.reference) has its password written out, and rows never hold one",
            hint: "Name the connection in connections.yaml, or write ${VARIABLE} for the password; --json-id needs neither.")
    }

    /// The row of `datax_json` that new rows belong to; made where none has both ends.
    func job(_ given: Int?, source: Flow.Connection, target: String?) throws -> Int {
        let jobs = try database.jobs()
        if let given {
            guard jobs.contains(where: { $0.id == given }) else {
                let known = jobs.compactMap { $0.id.map(String.init) }.joined(separator: ", ")
                throw ApusError(
                    .notFound, "datax_json has no row \(given)",
                    hint: known.isEmpty ? "It has no rows; give --to instead." : "It has \(known).")
            }
            return given
        }
        guard let target else {
            throw ApusError(
                .configurationInvalid, "nothing says where the rows are loaded to",
                hint: "Give --to the target's connection, or --json-id a row of datax_json.")
        }
        try Self.check(source)
        let to = try Resolver.make().resolve(target).connection
        try Self.check(to)
        let job = ControlJob(source: source.reference, target: to.reference)
        func find(_ jobs: [ControlJob]) -> Int? {
            jobs.first { $0.source == job.source && $0.target == job.target && !$0.isTemplated }?.id
        }
        if let id = find(jobs) { return id }
        try database.put([job])
        guard let id = find(try database.jobs()) else {
            throw ApusError(.internalFault, "the row of datax_json that was written is not there")
        }
        return id
    }

    /// Adds rows for tables that have none; with `isUpdate`, new columns too, and tells what else changed.
    func write(_ config: ConfigRows, _ source: Catalogue, _ choice: TableChoice, isUpdate: Bool) throws {
        let present = try database.rows(of: table)
        let update = try ConfigUpdate(
            config, rows: present, shapes: source.shapes, tables: source.tables, choice: choice, before: try database.seen(of: table))
        let limits = try database.limits(of: table)
        var faults: [String] = []
        func fitting(_ rows: [ControlRow]) -> [ControlRow] {
            rows.filter { row in
                let long = ConfigScript.tooLong(row, limits)
                faults += long
                return long.isEmpty
            }
        }
        let added = fitting(update.added.map(\.row))
        let changed = isUpdate ? fitting(update.changed) : []
        let counts = try database.put(added + changed, into: table)
        // What could not be written is to be found again next time.
        let unwritten = Set(update.added.map(\.row.sourceTable) + update.changed.map(\.sourceTable)).subtracting(
            (added + changed).map(\.sourceTable))
        try database.remember(
            update.seen.filter { seen in
                !unwritten.contains(seen.table) && (isUpdate || added.contains { $0.sourceTable == seen.table })
            }, of: table)

        if !added.isEmpty {
            let names = Set(added.map(\.sourceTable))
            Output.product(ProposalTable.text(update.added.filter { names.contains($0.row.sourceTable) }))
        }
        let told = update.changes.filter { $0.kind != .newTable && (isUpdate || $0.kind == .invalidRow) }
        if !told.isEmpty { Output.product(ChangeTable.text(told)) }
        let kept = present.count - counts.changed
        Output.product("\(table): \(counts.added) rows added, \(counts.changed) changed, \(kept) left as they are")
        if !isUpdate, !update.changed.isEmpty {
            log.say(.info, "\(update.changed.count) rows lack new columns of their source; \(Advice.again(["--update"])) adds them")
        }
        guard faults.isEmpty else {
            throw ApusError(
                .configurationInvalid,
                "\(faults.count) values do not fit and their rows were not written:\n  " + faults.joined(separator: "\n  "),
                hint: "Widen the column, e.g. ALTER TABLE \(table) MODIFY src_table_column MEDIUMTEXT, and generate again.")
        }
    }
}

/// What changed, for people.
enum ChangeTable {
    static func text(_ changes: [ConfigChange]) -> String {
        TextTable.text(["table", "column", "change", "detail"], changes.map { [$0.table, $0.column ?? "", $0.kind.rawValue, $0.detail] })
    }
}
