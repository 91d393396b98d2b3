import ApusTesting
import Foundation
import Testing

/// A kind of system that rows can be copied to.
enum Kind: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case mariadb, postgres, sqlite, csv
    static let engines: [Kind] = [.mariadb, .postgres, .sqlite]
    static let servers: [Kind] = [.mariadb, .postgres]
    var testDescription: String { rawValue }
}

/// A database, file or folder of its own, seen through the system's own programs, never through Apus.
final class Store: Sendable {
    let kind: Kind
    let folder: TemporaryFolder
    let database: String
    let mariadb: MariaDBServer!
    let postgres: PostgresServer!

    /// In the servers that all tests share, unless others are given.
    init(_ kind: Kind, mariadb: MariaDBServer? = nil, postgres: PostgresServer? = nil) throws {
        self.kind = kind
        folder = try TemporaryFolder(prefix: "apus-store")
        self.mariadb = kind == .mariadb ? try mariadb ?? MariaDBServer.shared() : nil
        self.postgres = kind == .postgres ? try postgres ?? PostgresServer.shared() : nil
        switch kind {
        case .mariadb: database = try self.mariadb.makeDatabase()
        case .postgres: database = try self.postgres.makeDatabase()
        case .sqlite, .csv: database = ""
        }
    }

    convenience init(_ kind: Kind, _ sql: String) throws {
        try self.init(kind)
        try run(sql)
    }

    var port: UInt16 { kind == .mariadb ? mariadb.port : postgres.port }

    /// A given port puts a proxy in between.
    func url(port: UInt16? = nil) -> String {
        switch kind {
        case .mariadb: mariadb.url(database: database, port: port)
        case .postgres: postgres.url(database: database, port: port)
        case .sqlite: "sqlite:" + folder.file("a.db")
        case .csv: "csv:\(folder.path)/"
        }
    }

    /// The same for another user.
    func url(user: String, _ password: String) -> String {
        "\(kind == .mariadb ? "mysql" : "postgres")://\(user):\(password)@127.0.0.1:\(port)/\(database)"
    }

    @discardableResult
    func ask(_ sql: String) throws -> [[String]] {
        switch kind {
        case .mariadb:
            return try mariadb.query("SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES,PIPES_AS_CONCAT');\n" + sql, database: database)
        case .postgres: return try postgres.query(sql, database: database)
        case .sqlite:
            let result = try runCommand(
                "sqlite3", ["-bail", "-batch", "-separator", "\u{1f}", "-newline", "\u{1e}", "-nullvalue", "NULL", folder.file("a.db")],
                stdin: ".timeout 20000\n" + sql)
            guard result.status == 0, result.errors.isEmpty else { throw KitError("sqlite3: \(result.stderr)") }
            return result.stdout.split(separator: "\u{1e}", omittingEmptySubsequences: false).dropLast().map {
                $0.split(separator: "\u{1f}", omittingEmptySubsequences: false).map(String.init)
            }
        case .csv: throw KitError("files take no SQL")
        }
    }

    func run(_ sql: String) throws { try ask(sql) }

    /// Everything in it: declarations and rows, as the system's own dump program tells them.
    func dump() throws -> String {
        switch kind {
        case .mariadb:
            return try said(
                "mariadb-dump",
                [
                    "--no-defaults", "--socket=\(mariadb.socketPath)", "--user=\(mariadb.options.user)", "--skip-comments",
                    "--skip-extended-insert", "--order-by-primary", "--routines", "--skip-dump-date", "--no-autocommit=0", database,
                ],
                ["MYSQL_PWD": mariadb.options.password])
        case .postgres:
            let text = try said(
                "pg_dump",
                [
                    "--host=\(postgres.socketFolder)", "--port=\(postgres.port)", "--username=\(postgres.options.user)", "--inserts",
                    database,
                ],
                ["PGPASSWORD": postgres.options.password])
            return text.split(separator: "\n").filter { !$0.hasPrefix("\\") && !$0.hasPrefix("--") }.joined(separator: "\n")
        case .sqlite:
            return FileManager.default.fileExists(atPath: folder.file("a.db"))
                ? try said("sqlite3", [folder.file("a.db"), ".dump"], [:]) : ""
        case .csv:
            let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
            return try names.map { "\($0):\n" + (try folder.read($0)) }.joined()
        }
    }

    /// The lines of a dump that went and came since an earlier one.
    func changes(since before: String) throws -> [String] {
        let old = before.split(separator: "\n").map(String.init), new = try dump().split(separator: "\n").map(String.init)
        return new.difference(from: old).map { change in
            switch change {
            case .insert(_, let line, _): "+ " + line
            case .remove(_, let line, _): "- " + line
            }
        }
    }

    private func said(_ program: String, _ arguments: [String], _ environment: [String: String]) throws -> String {
        let result = try runCommand(program, arguments, environment: environment)
        guard result.status == 0 else { throw KitError("\(program): \(result.stderr)") }
        return result.stdout
    }

    /// Whatever Apus makes for itself and has not removed, without what it remembers of incremental loads.
    func leftovers() throws -> [String] {
        try dump().split(separator: "\n").map(String.init).filter {
            $0.lowercased().contains("apus_") && !$0.contains("apus_checkpoints")
        }
    }

    /// `orders`, by number: `id,name,amount`, three rows unless told. In files too.
    func fill(_ rows: Int = 3, table: String = "orders", from first: Int = 1) throws {
        if kind == .csv {
            let lines = (first..<first + rows).map { "\($0),name \($0),\($0).50\n" }
            try folder.write("id,name,amount\n" + lines.joined(), to: "\(table).csv")
            return
        }
        try run(
            """
            \(kind == .mariadb ? "SET max_recursive_iterations = 10000000;" : "")
            CREATE TABLE IF NOT EXISTS \(table) (id bigint NOT NULL PRIMARY KEY, name varchar(200), amount decimal(12,2));
            INSERT INTO \(table) WITH RECURSIVE n(i) AS (SELECT \(first) UNION ALL SELECT i + 1 FROM n WHERE i < \(first + rows - 1)) SELECT i, 'name ' || i, i + 0.5 FROM n;
            """)
    }

    /// The rows of `orders`, in the order of the key, as `id|name|amount` with the amount's value; what a copy must keep.
    func rows(_ table: String = "orders") throws -> [String] {
        if kind == .csv {
            let text = try folder.read("\(table).csv")
            return text.split(separator: "\n").dropFirst().map { line in
                let fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
                return "\(fields[0])|\(fields[1])|\(Double(fields[2])!)"
            }.sorted { Int($0.prefix { $0 != "|" })! < Int($1.prefix { $0 != "|" })! }
        }
        return try ask("SELECT id, name, amount FROM \(table) ORDER BY id").map { "\($0[0])|\($0[1])|\(Double($0[2])!)" }
    }

    /// What `fill` puts there.
    static func filled(_ rows: Int = 3) -> [String] { rows == 0 ? [] : (1...rows).map { "\($0)|name \($0)|\(Double($0) + 0.5)" } }
}
