import ApusTesting
import Foundation
import Testing

/// Someone who migrates tables: a home with named connections, databases, and the built program.
final class Desk: Sendable {
    enum Kind: String, CaseIterable, Sendable, CustomTestStringConvertible {
        case sqlite, mariadb, postgres
        var testDescription: String { rawValue }
    }

    /// A database, seen through its own client.
    final class Database: Sendable {
        let kind: Kind
        let name: String

        init(_ kind: Kind, in home: TemporaryFolder, _ file: String) throws {
            self.kind = kind
            name =
                switch kind {
                case .sqlite: home.file(file)
                case .mariadb: try MariaDBServer.shared().makeDatabase()
                case .postgres: try PostgresServer.shared().makeDatabase()
                }
        }

        func url() throws -> String {
            switch kind {
            case .sqlite: "sqlite:" + name
            case .mariadb: try MariaDBServer.shared().url(database: name)
            case .postgres: try PostgresServer.shared().url(database: name)
            }
        }

        func run(_ sql: String) throws { _ = try lines(sql) }

        /// Rows with `|` between values.
        func lines(_ sql: String) throws -> [String] {
            switch kind {
            case .sqlite:
                let result = try runCommand("sqlite3", ["-bail", "-nullvalue", "NULL", name], stdin: ".timeout 20000\n" + sql)
                guard result.status == 0 else { throw KitError("sqlite3: \(result.stderr)") }
                return result.stdout.split(separator: "\n").map(String.init)
            case .mariadb: return try MariaDBServer.shared().query(sql, database: name).map { $0.joined(separator: "|") }
            case .postgres: return try PostgresServer.shared().query(sql, database: name).map { $0.joined(separator: "|") }
            }
        }
    }

    let home: TemporaryFolder
    let source: Database
    let target: Database
    let control: Database
    let environment: [String: String]

    /// The connections are named `erp`, `dw` and `control`.
    init(_ kind: Kind = .sqlite, to targetKind: Kind = .sqlite, control controlKind: Kind = .sqlite, _ sql: String = "") throws {
        home = try TemporaryFolder(prefix: "apus-desk")
        source = try Database(kind, in: home, "erp.db")
        target = try Database(targetKind, in: home, "dw.db")
        control = try Database(controlKind, in: home, "control.db")
        environment = [
            "HOME": home.path, "XDG_STATE_HOME": home.file("state"), "XDG_CONFIG_HOME": home.file("config"), "NO_COLOR": "1",
            "TZ": "UTC", "LC_ALL": "C.UTF-8",
            "PATH": (try apusBinary() as NSString).deletingLastPathComponent + ":/usr/local/bin:/usr/bin:/bin",
            "APUS_CONNECTION_ERP": try source.url(), "APUS_CONNECTION_DW": try target.url(), "APUS_CONNECTION_CONTROL": try control.url(),
        ]
        if !sql.isEmpty { try source.run(sql) }
    }

    /// Runs `apus` in the home folder.
    func apus(_ arguments: String..., with extra: [String: String] = [:]) throws -> CommandResult {
        try shell("exec apus \"$@\"", arguments, with: extra)
    }

    /// A line of the shell in the home folder; `$1` … are the arguments.
    func shell(_ line: String, _ arguments: [String] = [], with extra: [String: String] = [:]) throws -> CommandResult {
        try runCommand(
            "/bin/bash", ["-c", "cd \"$HOME\"; " + line, "desk"] + arguments, environment: environment.merging(extra) { $1 },
            cleanEnvironment: true, timeout: .seconds(180))
    }

    /// The config rows as `table|target|etl_type|etl_column|split|columns`.
    func rows(_ table: String = "datax_config") throws -> [String] {
        try control.lines(
            "SELECT src_table_name, des_table_name, etl_type, etl_column, split_pk_field, src_table_column FROM \(table) ORDER BY ordernum, id"
        )
    }
}

/// The command ended with this code and said all of these.
func expect(_ result: CommandResult, _ status: Int32, _ says: String..., sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(result.status == status, "\(result.stdout)\(result.stderr)", sourceLocation: sourceLocation)
    for part in says {
        #expect((result.stdout + result.stderr).contains(part), "\(result.stdout)\(result.stderr)", sourceLocation: sourceLocation)
    }
}
