import Foundation
import Synchronization

/// A double of a StarRocks or Doris cluster: two FEs, two BEs and the SQL port on loopback addresses of its own, with a
/// MariaDB behind them (`Tests/Doubles/starrocks`, whose README says what it checks and what it cannot show).
///
/// It is Python and shares no line with the product. SQL of tests goes through the `mariadb` client.
public final class StarRocksDouble: Sendable {
    public enum Profile: String, Sendable, CaseIterable {
        case v2_5 = "2.5"
        case v3_1 = "3.1"
        case v3_3 = "3.3"
        case v3_3shared = "3.3-shared"
        case v3_5 = "3.5"
        case v3_5shared = "3.5-shared"
        case v4_0 = "4.0"
        case v4_1 = "4.1"
        case doris
        case doris3 = "doris-3"

        public var isDoris: Bool { self == .doris || self == .doris3 }

        /// The scheme of the connection URL.
        public var scheme: String { isDoris ? "doris" : "starrocks" }
    }

    public struct Options: Sendable {
        public var profile = Profile.v3_3
        public var user = "root"
        public var password = "pw"
        /// Databases that are there from the start.
        public var databases: [String] = []
        /// BEs decompress and count, and store nothing.
        public var countsOnly = false
        /// BEs have scanners (`_query_plan`, thrift, Arrow). Their packages are installed from PyPI once, and kept.
        public var scans = false

        public init() {}

        public init(_ profile: Profile) {
            self.profile = profile
        }
    }

    /// One FE or BE; all FEs share their ports' numbers, and so do all BEs.
    public struct Node: Sendable, Decodable {
        public let name: String
        /// `fe` or `be`.
        public let kind: String
        public let host: String
        public let httpPort: UInt16
        public let sqlPort: UInt16?
        /// Where a BE's scanners are.
        public let scanPort: UInt16?

        private enum CodingKeys: String, CodingKey {
            case name, kind, host
            case httpPort = "http_port"
            case sqlPort = "sql_port"
            case scanPort = "be_port"
        }

        /// `host:port` of its HTTP port.
        public var http: String { "\(host):\(httpPort)" }
    }

    public static var isInstalled: Bool {
        MariaDBServer.isInstalled && ["python3", "mariadb", "curl"].allSatisfy { findProgram($0) != nil }
    }

    private static let sharedDoubles = Mutex<[Profile: StarRocksDouble]>([:])

    /// The one double of a profile that the tests of this process share, started at the first call. Tests that share it
    /// keep to databases of their own (``makeDatabase()``), name theirs in every fault, and leave nodes and clock alone.
    public static func shared(_ profile: Profile = .v3_3) throws -> StarRocksDouble {
        try sharedDoubles.withLock { doubles in
            if let double = doubles[profile] { return double }
            let started = try StarRocksDouble(Options(profile))
            doubles[profile] = started
            return started
        }
    }

    public let options: Options
    /// The control API's address.
    public let control: String
    /// `fe1`, `fe2`, `be1`, `be2`.
    public let nodes: [String: Node]
    private let process: ServerProcess

    public init(_ options: Options = Options()) throws {
        guard let python = findProgram("python3"), MariaDBServer.isInstalled else {
            throw KitError("python3 or mariadbd is not installed (python3, mariadb-server)")
        }
        self.options = options
        let folder = try TemporaryFolder(prefix: "apus-sr")
        let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Tests/Doubles/starrocks/run.py").path
        // The folder stands in the command for the watchdog; all that the double and its MariaDB write goes there, too.
        // `--keep`, since a thread of this process that started the double may end long before the process does.
        var arguments = [
            "TMPDIR=\(folder.path)", python, "-X", "pycache_prefix=\(folder.file("cache"))", script, "--keep",
            "--profile", options.profile.rawValue, "--user", options.user, "--password", options.password,
        ]
        for database in options.databases { arguments += ["--database", database] }
        if options.countsOnly { arguments.append("--count-only") }
        if options.scans { arguments.append("--scan") }
        process = try ServerProcess(folder: folder, program: "/usr/bin/env", arguments: arguments, killSignal: SIGTERM)
        try process.start()
        let log = process.log
        func told() -> Told? {
            let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            return text.split(separator: "\n").lazy.filter { $0.hasPrefix("{\"control\"") }
                .compactMap { try? JSONDecoder().decode(Told.self, from: Data($0.utf8)) }.first
        }
        // The first start with scanners may have to install their packages.
        try process.waitUntilReady("the StarRocks double", within: options.scans ? 300 : 60) { told() != nil }
        guard let told = told() else { throw KitError("the StarRocks double did not say where it is") }
        control = told.control
        nodes = Dictionary(uniqueKeysWithValues: told.nodes.map { ($0.name, $0) })
    }

    private struct Told: Decodable {
        let control: String
        let nodes: [Node]
    }

    /// The double's process id, `nil` once it is stopped.
    public var pid: pid_t? { process.pid }
    public var isRunning: Bool { process.isRunning }
    /// What the double has printed: its exceptions, above all.
    public var log: String { (try? String(contentsOfFile: process.log, encoding: .utf8)) ?? "" }

    /// A node by name; the four names are `fe1`, `fe2`, `be1` and `be2`.
    public func node(_ name: String) throws -> Node {
        guard let node = nodes[name] else { throw KitError("the double has no node \(name)") }
        return node
    }

    /// `scheme://user:password@fe1:port,fe2:port/database?http=port`.
    ///
    /// - Parameters:
    ///   - frontends: the FEs in the order of the list.
    ///   - settings: further parameters, `name=value`, already encoded.
    public func url(
        database: String = "", frontends: [String] = ["fe1", "fe2"], settings: [String] = [], scheme: String? = nil
    ) throws -> String {
        let places = try frontends.map { name in
            let node = try node(name)
            return "\(node.host):\(node.sqlPort ?? 0)"
        }
        // Trials have tests of their own: faults and counts of others are about their loads alone.
        let probe = settings.contains { $0.hasPrefix("probe=") } ? [] : ["probe=off"]
        let parameters = ["http=\(try node("fe1").httpPort)"] + probe + settings
        return "\(scheme ?? options.profile.scheme)://\(options.user):\(options.password)@\(places.joined(separator: ","))"
            + "/\(database)?\(parameters.joined(separator: "&"))"
    }

    /// Ends the double and its MariaDB (SIGTERM); everything stored is gone.
    public func stop() { process.end(signal: SIGTERM) }

    // MARK: - SQL

    /// Creates an empty database with a name no other test has, and returns the name.
    public func makeDatabase() throws -> String {
        let name = uniqueDatabaseName()
        try execute("CREATE DATABASE `\(name)`")
        return name
    }

    /// Runs SQL statements with the `mariadb` client on an FE; an SQL error throws with the server's message.
    public func execute(_ sql: String, database: String = "", on frontend: String = "fe1") throws {
        _ = try client(sql, database, frontend)
    }

    /// The rows that the SQL gives, as text. NULL comes as `NULL`; tabs, newlines, backslashes and NULs are unescaped.
    public func query(_ sql: String, database: String = "", on frontend: String = "fe1") throws -> [[String]] {
        try client(sql, database, frontend).split(separator: "\n").map { line in
            line.split(separator: "\t", omittingEmptySubsequences: false).map(unescapeBatchField)
        }
    }

    /// The rows of a table in the order of their octets, whatever order the server has, each value behind `v`, NULL as `n`.
    ///
    /// - Parameter columns: expressions of SQL; the table's columns in their order by default.
    public func rows(
        of table: String, database: String, columns: [String]? = nil, where condition: String = "true"
    ) throws -> [[String]] {
        let picked = try columns ?? self.columns(of: table, database: database).map { "`\($0)`" }
        guard !picked.isEmpty else { throw KitError("\(database).\(table) has no columns") }
        let list = picked.flatMap { ["(\($0)) IS NULL", $0] }.joined(separator: ", ")
        return try query("SELECT \(list) FROM `\(table)` WHERE \(condition)", database: database).map { row in
            stride(from: 0, to: row.count, by: 2).map { row[$0] == "1" ? "n" : "v" + row[$0 + 1] }
        }.sorted { $0.lexicographicallyPrecedes($1) { $0.utf8.lexicographicallyPrecedes($1.utf8) } }
    }

    /// Count and checksum of a table's rows in the order of their octets: equal text means equal rows, doubled ones included.
    public func checksum(
        of table: String, database: String, columns: [String]? = nil, where condition: String = "true"
    ) throws -> String {
        orderedChecksum(try rows(of: table, database: database, columns: columns, where: condition))
    }

    /// The names of a table's columns, in their order.
    public func columns(of table: String, database: String) throws -> [String] {
        try query(
            """
            SELECT COLUMN_NAME FROM information_schema.columns
            WHERE TABLE_SCHEMA = '\(database)' AND TABLE_NAME = '\(table)' ORDER BY ORDINAL_POSITION
            """
        ).map { $0[0] }
    }

    private func client(_ sql: String, _ database: String, _ frontend: String) throws -> String {
        let node = try node(frontend)
        let result = try runCommand(
            "mariadb",
            [
                "--no-defaults", "--host=\(node.host)", "--port=\(node.sqlPort ?? 0)", "--user=\(options.user)", "--batch",
                "--skip-column-names", "--quick", "--comments", "--max-allowed-packet=256M",
                "--default-character-set=utf8mb4",
            ] + (database.isEmpty ? [] : ["--database=\(database)"]),
            environment: ["MYSQL_PWD": options.password], stdin: sql)
        guard result.status == 0 else { throw KitError("mariadb client: \(result.stderr)") }
        return result.stdout
    }
}

/// The number of rows and a checksum (FNV-1a, 64 bits) of their values in the order given.
public func orderedChecksum(_ rows: [[String]]) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    func add(_ octet: UInt8) { hash = (hash ^ UInt64(octet)) &* 0x0000_0100_0000_01b3 }
    for row in rows {
        for value in row {
            value.utf8.forEach(add)
            add(0xFF)
        }
        add(0xFE)
    }
    return "\(rows.count) rows, \(String(hash, radix: 16))"
}
