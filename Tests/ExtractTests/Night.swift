import ApusTesting
import Foundation
import Testing

/// A database of one system, looked into by its own client.
final class Place: Sendable {
    enum Kind: String, CaseIterable, Sendable { case sqlite, mariadb, postgres }

    let kind: Kind
    let database: String
    private let folder: TemporaryFolder

    init(_ kind: Kind, _ sql: String = "") throws {
        self.kind = kind
        folder = try TemporaryFolder(prefix: "apus-place")
        database =
            switch kind {
            case .sqlite: folder.file("place.db")
            case .mariadb: try MariaDBServer.shared().makeDatabase()
            case .postgres: try PostgresServer.shared().makeDatabase()
            }
        if !sql.isEmpty { try run(sql) }
    }

    func url(port: UInt16? = nil) throws -> String {
        switch kind {
        case .sqlite: "sqlite:" + database
        case .mariadb: try MariaDBServer.shared().url(database: database, port: port)
        case .postgres: try PostgresServer.shared().url(database: database, port: port)
        }
    }

    var port: UInt16 { get throws { kind == .mariadb ? try MariaDBServer.shared().port : try PostgresServer.shared().port } }

    func run(_ sql: String) throws {
        switch kind {
        case .sqlite:
            let result = try runCommand("sqlite3", ["-bail", database], stdin: ".timeout 20000\n" + sql)
            guard result.status == 0 else { throw KitError("sqlite3: \(result.stderr)") }
        case .mariadb: try MariaDBServer.shared().execute(sql, database: database)
        case .postgres: try PostgresServer.shared().execute(sql, database: database)
        }
    }

    /// NULL comes as `NULL`.
    func ask(_ sql: String) throws -> [[String]] {
        switch kind {
        case .sqlite:
            let result = try runCommand(
                "sqlite3", ["-bail", "-list", "-separator", "\u{1}", "-nullvalue", "NULL", database], stdin: ".timeout 20000\n" + sql)
            guard result.status == 0 else { throw KitError("sqlite3: \(result.stderr)") }
            return result.stdout.split(separator: "\n").map {
                $0.split(separator: "\u{1}", omittingEmptySubsequences: false).map(String.init)
            }
        case .mariadb: return try MariaDBServer.shared().query(sql, database: database)
        case .postgres: return try PostgresServer.shared().query(sql, database: database)
        }
    }

    func lines(_ sql: String) throws -> [String] { try ask(sql).map { $0.joined(separator: "|") } }
}

/// A control database with a home, connections and the built program.
final class Night: Sendable {
    let home: TemporaryFolder
    let control: Place
    let controlURL: String
    private let program: String
    private let environment: [String: String]

    init(_ kind: Place.Kind = .sqlite, through port: UInt16? = nil) throws {
        program = try apusBinary()
        home = try TemporaryFolder(prefix: "apus-night")
        control = try Place(kind)
        controlURL = try control.url(port: port)
        environment = [
            "HOME": home.path, "XDG_STATE_HOME": home.file("state"), "XDG_CONFIG_HOME": home.file("config"), "NO_COLOR": "1",
            "TZ": "UTC", "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin",
        ]
        try FileManager.default.createDirectory(atPath: home.file("config/apus"), withIntermediateDirectories: true)
        let made = try apus("control", "init", try control.url())
        guard made.status == 0 else { throw KitError(made.stderr) }
    }

    /// Named connections, as YAML.
    func connections(_ yaml: String) throws {
        _ = try home.write(yaml, to: "config/apus/connections.yaml")
        chmod(home.file("config/apus/connections.yaml"), 0o600)
    }

    func connections(_ named: [String: Place]) throws {
        try connections(named.map { "\($0): \(try! $1.url())\n" }.sorted().joined())
    }

    @discardableResult
    func apus(_ arguments: String..., input: String = "", timeout: Double = 120) throws -> CommandResult {
        try runCommand(
            program, arguments, environment: environment, cleanEnvironment: true, stdin: input, timeout: .seconds(timeout))
    }

    @discardableResult
    func extract(_ arguments: String..., timeout: Double = 120) throws -> CommandResult {
        try runCommand(
            program, ["extract", "--control", controlURL] + arguments, environment: environment, cleanEnvironment: true,
            timeout: .seconds(timeout))
    }

    func start(with more: [String: String] = [:], _ arguments: String...) throws -> RunningCommand {
        try RunningCommand(
            program, ["extract", "--control", controlURL] + arguments, environment: environment.merging(more) { $1 }, cleanEnvironment: true
        )
    }

    func job(_ id: Int = 1, from: String = "erp", to: String = "dw") throws {
        try control.run("INSERT INTO datax_json (id, source_dbname, target_dbname) VALUES (\(id), '\(from)', '\(to)');")
    }

    /// A config row; `more` sets further columns, as SQL literals.
    func row(_ source: String, to target: String, job: Int = 1, etlType: Int = 0, column: String = "", _ more: [String: String] = [:])
        throws
    {
        var values = [
            "type": "'1'", "src_table_name": quote(source), "des_table_name": quote(target), "json_id": "\(job)", "relation": "'t'",
            "dcondition": "'1=1'", "src_table_column": "'*'", "des_table_column": "'*'", "server_type": "0", "ordernum": "1",
            "status": "0", "etl_type": "\(etlType)", "etl_column": quote(column),
        ]
        values.merge(more) { $1 }
        let names = values.keys.sorted()
        try control.run(
            "INSERT INTO datax_config (\(names.joined(separator: ", "))) VALUES (\(names.map { values[$0]! }.joined(separator: ", ")));")
    }

    func quote(_ text: String) -> String {
        let text = control.kind == .mariadb ? text.replacing("\\", with: "\\\\") : text
        return "'" + text.replacing("'", with: "''") + "'"
    }

    /// `table day…day finished read errors` of every row of the log, oldest first.
    func log() throws -> [String] {
        try control.lines(
            "SELECT table_name, etl_begintime, etl_endtime, is_finished, read_num, error_num FROM datax_log ORDER BY id")
    }

    func errors() throws -> [String] { try control.ask("SELECT msg FROM datax_etl_error ORDER BY id").map { $0[0] } }
}

/// Asks again and again until it is so.
func wait(_ what: String, upTo seconds: Double = 30, until isSo: () throws -> Bool) throws {
    let deadline = Date(timeIntervalSinceNow: seconds)
    while try !isSo() {
        guard Date() < deadline else { throw KitError("waited \(seconds) s in vain: \(what)") }
        usleep(10_000)
    }
}

/// The command ended with this code and its output holds all of these.
func expect(_ result: CommandResult, _ status: Int32, _ says: String..., sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(result.status == status, "\(result.stdout)\(result.stderr)", sourceLocation: sourceLocation)
    let text = result.stderr + result.stdout
    for part in says { #expect(text.contains(part), "no \(part) in \(text)", sourceLocation: sourceLocation) }
}
