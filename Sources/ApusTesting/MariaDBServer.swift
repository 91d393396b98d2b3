import Foundation
import Synchronization

/// A throw-away MariaDB server on 127.0.0.1, with its own data folder, a free port and a unix socket.
///
/// Settings favour speed over durability; `local_infile` is on. SQL of tests goes through the independent `mariadb`
/// client, so no test checks the product's codec with the product's codec.
public final class MariaDBServer: Sendable {
    public struct Options: Sendable {
        public var user = "root"
        public var password = "pw"
        /// Added after the kit's own arguments, so they win.
        public var arguments: [String] = []
        /// The server's certificate and the authority that signed it; without it the server speaks no TLS.
        public var tls: (authority: CertificateAuthority, identity: CertificateAuthority.Identity)?

        public init() {}
    }

    public static var isInstalled: Bool { findProgram("mariadbd") != nil && findProgram("mariadb-install-db") != nil }

    private static let sharedServer = Mutex<MariaDBServer?>(nil)

    /// The one server that the tests of this process share, started at the first call.
    public static func shared() throws -> MariaDBServer {
        try sharedServer.withLock { server in
            if let server { return server }
            let started = try MariaDBServer.running() ?? MariaDBServer()
            server = started
            return started
        }
    }

    public let options: Options
    public let port: UInt16
    public let socketPath: String
    /// Nil for a server that runs already and is not this kit's to start or stop.
    private let process: ServerProcess?

    public init(_ options: Options = Options()) throws {
        guard let program = findProgram("mariadbd") else {
            throw KitError("mariadbd is not installed (mariadb-server)")
        }
        self.options = options
        port = try freePort()
        let folder = try TemporaryFolder(prefix: "apus-my")
        socketPath = folder.file("s")
        let data = folder.file("data")
        // Its own: a server that starts removes what it takes for left-over temporary tables, of other servers too.
        let scratch = folder.file("tmp")
        mkdir(scratch, 0o755)
        let installed = try runCommand(
            "mariadb-install-db",
            [
                "--no-defaults", "--datadir=\(data)", "--auth-root-authentication-method=normal", "--skip-test-db",
                "--skip-name-resolve", "--skip-log-bin", "--innodb-flush-method=nosync", "--innodb-log-file-size=8M",
            ] + (geteuid() == 0 ? ["--user=root"] : []), environment: ["TMPDIR": scratch])
        guard installed.status == 0 else {
            throw KitError("mariadb-install-db: \(installed.stdout)\(installed.stderr)")
        }

        let account = "'\(options.user)'@'%' IDENTIFIED BY '\(options.password)'"
        let accounts = try folder.write(
            """
            DROP USER IF EXISTS 'root'@'127.0.0.1', 'root'@'::1', ''@'localhost';
            CREATE USER IF NOT EXISTS \(account);
            GRANT ALL PRIVILEGES ON *.* TO '\(options.user)'@'%' WITH GRANT OPTION;
            SET PASSWORD FOR 'root'@'localhost' = PASSWORD('\(options.password)');

            """, to: "accounts.sql")
        var arguments = [
            "--no-defaults", "--datadir=\(data)", "--tmpdir=\(scratch)", "--socket=\(socketPath)", "--port=\(port)",
            "--bind-address=127.0.0.1", "--pid-file=\(folder.file("pid"))", "--init-file=\(accounts)",
            "--skip-log-bin", "--skip-name-resolve", "--local-infile=1", "--character-set-server=utf8mb4", "--default-time-zone=+00:00",
            "--innodb-flush-method=nosync", "--innodb-flush-log-at-trx-commit=0", "--sync-binlog=0",
            "--innodb-buffer-pool-size=128M", "--innodb-log-file-size=64M", "--innodb-doublewrite=0",
            "--key-buffer-size=8M", "--max-allowed-packet=256M", "--max-connections=200", "--performance-schema=0",
        ]
        if geteuid() == 0 { arguments.append("--user=root") }
        if let tls = options.tls {
            arguments += [
                "--ssl-ca=\(tls.authority.certificate)", "--ssl-cert=\(tls.identity.certificate)",
                "--ssl-key=\(tls.identity.key)",
            ]
        }
        process = try ServerProcess(
            folder: folder, program: program, arguments: arguments + options.arguments, killSignal: SIGKILL)
        try start()
    }

    /// Whether another server of MySQL's protocol takes the place of the shared one: the environment's `APUS_TEST_MYSQL`.
    public static var isReplaced: Bool { ProcessInfo.processInfo.environment["APUS_TEST_MYSQL"] != nil }

    /// The server that `APUS_TEST_MYSQL` names, `user@port` on 127.0.0.1 without a password.
    private static func running() throws -> MariaDBServer? {
        guard let text = ProcessInfo.processInfo.environment["APUS_TEST_MYSQL"] else { return nil }
        let parts = text.split(separator: "@")
        guard parts.count == 2, let port = UInt16(parts[1]) else { throw KitError("APUS_TEST_MYSQL=\(text) is not user@port") }
        return MariaDBServer(user: String(parts[0]), port: port)
    }

    private init(user: String, port: UInt16) {
        var options = Options()
        options.user = user
        options.password = ""
        self.options = options
        self.port = port
        socketPath = ""
        process = nil
    }

    private func owned() throws -> ServerProcess {
        guard let process else { throw KitError("the server on port \(port) is not this kit's to start or stop") }
        return process
    }

    /// The server's process id, `nil` while it is stopped.
    public var pid: pid_t? { process?.pid }
    public var isRunning: Bool { process?.isRunning ?? true }
    /// What the server has logged.
    public var log: String { process.flatMap { try? String(contentsOfFile: $0.log, encoding: .utf8) } ?? "" }

    /// The connection URL of a database; a given port puts a proxy in between.
    public func url(database: String = "", port: UInt16? = nil, scheme: String = "mysql") -> String {
        "\(scheme)://\(options.user)\(options.password.isEmpty ? "" : ":" + options.password)@127.0.0.1:\(port ?? self.port)/\(database)"
    }

    /// Starts a stopped server again on the same port and data.
    public func start() throws {
        try owned().start()
        try owned().waitUntilReady("MariaDB") { acceptsConnections(port: port) }
    }

    /// Stops the server in an orderly way (SIGTERM) and waits for its end; the data stays until the process exits.
    public func stop() { process?.end(signal: SIGTERM) }
    /// Ends the server with SIGKILL, as a crash would.
    public func kill() { process?.end(signal: SIGKILL) }

    public func restart() throws {
        stop()
        try start()
    }

    /// Creates an empty database with a name no other test has, and returns the name.
    public func makeDatabase(_ options: String = "CHARACTER SET utf8mb4") throws -> String {
        let name = uniqueDatabaseName()
        try execute("CREATE DATABASE `\(name)` \(options)")
        return name
    }

    /// Runs SQL statements with the `mariadb` client; an SQL error throws with the server's message.
    public func execute(_ sql: String, database: String = "") throws {
        _ = try client(sql, database)
    }

    /// The rows that the SQL gives, as text. NULL comes as `NULL`; tabs, newlines, backslashes and NULs are unescaped.
    public func query(_ sql: String, database: String = "") throws -> [[String]] {
        try client(sql, database).split(separator: "\n").map { line in
            line.split(separator: "\t", omittingEmptySubsequences: false).map(unescapeBatchField)
        }
    }

    private func client(_ sql: String, _ database: String) throws -> String {
        let result = try runCommand(
            "mariadb",
            [
                "--no-defaults", process == nil ? "--host=127.0.0.1" : "--socket=\(socketPath)", "--port=\(port)", "--user=\(options.user)",
                "--batch", "--skip-column-names",
                "--quick", "--local-infile=1", "--max-allowed-packet=256M", "--default-character-set=utf8mb4",
            ] + (database.isEmpty ? [] : ["--database=\(database)"]),
            environment: ["MYSQL_PWD": options.password], stdin: sql)
        guard result.status == 0 else { throw KitError("mariadb client: \(result.stderr)") }
        return result.stdout
    }
}

/// Undoes the escapes of `mariadb --batch`: `\t`, `\n`, `\0` and `\\`.
func unescapeBatchField(_ field: Substring) -> String {
    guard field.contains("\\") else { return String(field) }
    var result = ""
    var escaped = false
    for character in field {
        if escaped {
            switch character {
            case "t": result.append("\t")
            case "n": result.append("\n")
            case "0": result.append("\0")
            default: result.append(character)
            }
            escaped = false
        } else if character == "\\" {
            escaped = true
        } else {
            result.append(character)
        }
    }
    return result
}

private let databaseNumber = Atomic<Int>(0)

/// `t_` with a number that no other call in this process got.
func uniqueDatabaseName() -> String {
    "t_\(getpid())_\(databaseNumber.add(1, ordering: .relaxed).newValue)"
}
