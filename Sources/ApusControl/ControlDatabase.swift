import ApusCore
import Synchronization
import Tabular

/// A control database: pydatax's tables, as they are or as Apus made them, on SQLite, MySQL or PostgreSQL.
///
/// Apus reads config rows, writes logs and errors, and keeps its leases in tables of its own beside them. It never
/// changes the declaration of a table that is there: columns that are missing read as their defaults.
public final class ControlDatabase: Sendable {
    let link: DatabaseLink
    public let connector: any Connector
    let clock: ControlClock
    /// Asked of the catalogue once: tables are not altered under a run.
    private let shapes = Mutex<[String: TableShape]>([:])

    /// - throws: `config.invalid` for a system that cannot hold control tables.
    public init(connector: any Connector, endpoint: Endpoint, patience: Double = 30) throws {
        guard connector.abilities.sql, connector.abilities.writes, connector.dialect != nil, let clock = ControlClock(connector.name)
        else { throw Self.unfit(connector) }
        self.connector = connector
        self.clock = clock
        link = DatabaseLink(
            connector: connector, label: endpoint.label, title: "the control database",
            hint: "See that the control database can be reached and written (--control).", patience: patience, ready: { _ in }
        ) { interrupt in
            let session = try connector.open(endpoint, interrupt: interrupt)
            guard let session = session as? any SQLSession else {
                session.close()
                throw Self.unfit(connector)
            }
            return session
        }
    }

    static func unfit(_ connector: any Connector) -> ApusError {
        ApusError(
            .configurationInvalid, "\(connector.title) cannot hold control tables",
            hint: "Give --control a SQLite file, or a MySQL or PostgreSQL database.")
    }

    /// Without its password.
    public var label: String { link.label }

    public func close() { link.close() }

    /// See ``DatabaseLink/watch(_:)``. A file has nobody who could be silent.
    public func watch(_ seconds: Double) {
        if connector.name != "sqlite" { link.watch(seconds) }
    }

    // MARK: Tables

    /// Makes the six tables of pydatax and those of Apus where they are missing.
    /// - returns: the names of the tables that were made.
    public func create() throws -> [String] {
        try link.perform("make its tables") { try ControlTables.make(ControlTables.shapes, $0, connector) }
    }

    /// Makes the tables of Apus itself, which an existing pydatax database lacks.
    public func createOwn() throws {
        _ = try link.perform("make its tables") { session in
            try ControlTables.make(ControlTables.shapes.filter { $0.name.name.hasPrefix("apus_") }, session, connector)
        }
    }

    /// Makes a config table of another name, where it is missing.
    public func createConfig(_ table: String) throws {
        guard !table.contains(".") else { return }
        _ = try link.perform("make \(table)") { try ControlTables.make([ControlTables.configuration(table)], $0, connector) }
    }

    // MARK: Reading

    /// All rows of a config table, by ordernum, then id.
    /// - throws: `object.not_found` with the nearest name, `config.invalid` for a value that is no number where one belongs.
    public func rows(of table: String = ControlTables.config) throws -> [ControlRow] {
        let rows = try read(
            // Nobody has said that such a row is active, and pydatax does not run it.
            table, ControlRow.fields, ControlRow("", to: ""), required: ["src_table_name", "des_table_name"], nulls: ["status": "1"])
        return rows.sorted { ($0.order, $0.id ?? 0) < ($1.order, $1.id ?? 0) }
    }

    /// All rows of `datax_json`, by id.
    public func jobs() throws -> [ControlJob] {
        try read(ControlTables.job, ControlJob.fields, ControlJob(), required: ["id"]).sorted { ($0.id ?? 0) < ($1.id ?? 0) }
    }

    private func read<Record: Sendable>(
        _ table: String, _ fields: [ControlField<Record>], _ empty: Record, required: [String], nulls: [String: String] = [:]
    ) throws -> [Record] {
        try link.perform("read \(table)") { session in
            let present = try columns(of: table, session)
            for name in required where !present.contains(name) {
                throw ApusError(
                    .configurationInvalid, "the table \(table) has no column `\(name)`, so that it is no control table",
                    hint: (Advice.controlInit().map { "\($0) makes the tables; " } ?? "") + "--config-table names another one.")
            }
            let known = fields.filter { present.contains($0.name) }
            let list = known.map { quote($0.name) }.joined(separator: ", ")
            return try session.query("SELECT \(list) FROM \(quote(table: table))").map { values in
                var record = empty
                for (field, value) in zip(known, values) {
                    // A char(n) is filled up with blanks.
                    let value = field.name == "type" ? value?.trimmed : value
                    do { try field.set(&record, value ?? nulls[field.name]) } catch let error as ApusError {
                        throw error.about("\(table)\(values.first.flatMap { $0 }.map { " row \($0)" } ?? "")")
                    }
                }
                return record
            }
        }
    }

    func columns(of table: String, _ session: any SQLSession) throws -> Set<String> {
        Set(try shape(of: table, session).columns.map { $0.name.lowercased() })
    }

    func shape(of table: String, _ session: any SQLSession) throws -> TableShape {
        if let known = shapes.withLock({ $0[table] }) { return known }
        let shape = try session.describe(name(table))
        shapes.withLock { $0[table] = shape }
        return shape
    }

    // MARK: Writing

    /// Puts rows into a config table, all or none: a row takes the place of the one with its id, or with its source
    /// table and job where it has no id; others are added.
    /// - returns: how many were added and how many changed.
    @discardableResult
    public func put(_ rows: [ControlRow], into table: String = ControlTables.config) throws -> (added: Int, changed: Int) {
        try link.transaction("write \(table)") { session in
            try put(rows, ControlRow.fields, into: table, session) { row in
                let job = row.jobID.map { "\(self.quote("json_id")) = \($0)" } ?? "\(self.quote("json_id")) IS NULL"
                return ("\(self.quote("src_table_name")) = ? AND \(job)", [row.sourceTable])
            }
        }
    }

    /// The same for `datax_json`; a job without an id takes the place of the one with its templates and connections.
    @discardableResult
    public func put(_ jobs: [ControlJob]) throws -> (added: Int, changed: Int) {
        try link.transaction("write \(ControlTables.job)") { session in
            try put(jobs, ControlJob.fields, into: ControlTables.job, session) { job in
                let same = ControlJob.fields.dropFirst().dropLast()
                let sql = same.map { "COALESCE(\(self.quote($0.name)), '') = ?" }.joined(separator: " AND ")
                return (sql, same.map { $0.get(job) ?? "" })
            }
        }
    }

    private func put<Record>(
        _ records: [Record], _ fields: [ControlField<Record>], into table: String, _ session: any SQLSession,
        same: (Record) -> (sql: String, values: [String])
    ) throws -> (added: Int, changed: Int) {
        let present = try columns(of: table, session)
        let target = quote(table: table)
        var added = 0, changed = 0, gaveID = false
        for record in records {
            let id = fields[0].get(record)
            let (condition, values) = id.map { ("\(quote("id")) = ?", [$0]) } ?? same(record)
            // What the database fills itself is left to it.
            let written = fields.dropFirst().filter { present.contains($0.name) && !($0.name == "create_time" && $0.get(record) == nil) }
            let found = try session.query("SELECT \(quote("id")) FROM \(target) WHERE \(condition)", values)
            if let old = found.first?.first ?? nil {
                let list = written.map { (field) -> String in "\(quote(field.name)) = ?" }.joined(separator: ", ")
                _ = try session.query(
                    "UPDATE \(target) SET \(list) WHERE \(quote("id")) = ?", written.map { $0.get(record) } + [old])
                changed += 1
            } else {
                let names = (id == nil ? [] : ["id"]) + written.map(\.name)
                let values = (id == nil ? [] : [id]) + written.map { $0.get(record) }
                let marks = Array(repeating: "?", count: values.count).joined(separator: ", ")
                _ = try session.query(
                    "INSERT INTO \(target) (\(list(names))) VALUES (\(marks))", values)
                gaveID = gaveID || id != nil
                added += 1
            }
        }
        if gaveID, let sql = clock.advanceCounter(of: target) { _ = try session.query(sql) }
        return (added, changed)
    }

    // MARK: Names

    /// `ctl.datax_config` as schema and name.
    func name(_ table: String) -> TableName {
        let parts = table.split(separator: ".", maxSplits: 1).map(String.init)
        return parts.count == 2 ? TableName(schema: parts[0], parts[1]) : TableName(table)
    }

    private func list(_ names: [String]) -> String { names.map { quote($0) }.joined(separator: ", ") }
    func quote(_ name: String) -> String { connector.dialect!.quote(name) }
    func quote(table: String) -> String { connector.dialect!.quote(name(table)) }
}
