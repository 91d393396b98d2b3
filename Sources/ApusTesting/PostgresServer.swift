import Foundation
import Synchronization

/// A throw-away PostgreSQL server on 127.0.0.1, with its own data folder, a free port and a unix socket.
///
/// Settings favour speed over durability. Run by root, the server becomes the user `postgres` through `setpriv`.
/// SQL of tests goes through the independent `psql`, so no test checks the product's codec with the product's codec.
public final class PostgresServer: Sendable {
    public struct Options: Sendable {
        public var user = "postgres"
        public var password = "pw"
        /// Added after the kit's own arguments, so they win: `["-c", "wal_level=logical"]`.
        public var arguments: [String] = []
        /// The server's certificate and the authority that signed it; without it the server speaks no TLS.
        public var tls: (authority: CertificateAuthority, identity: CertificateAuthority.Identity)?
        /// Further arguments of `initdb`, such as an encoding.
        public var initdbArguments: [String] = []

        public init() {}
    }

    /// Features that the build of `APUS_TEST_POSTGRES` was made without: `icu`, `xml`.
    public static let lacking = Set(
        (ProcessInfo.processInfo.environment["APUS_TEST_POSTGRES_LACKS"] ?? "").split(separator: ",").map(String.init))

    /// The folder of the server's programs: the environment's `APUS_TEST_POSTGRES`, or the newest major version that is installed.
    static var programs: String? {
        if let folder = ProcessInfo.processInfo.environment["APUS_TEST_POSTGRES"] { return folder }
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        return versions.sorted { (Int($0) ?? 0) > (Int($1) ?? 0) }.map { "\(root)/\($0)/bin" }
            .first { access("\($0)/postgres", X_OK) == 0 && access("\($0)/initdb", X_OK) == 0 }
    }

    public static var isInstalled: Bool { programs != nil }

    private static let sharedServer = Mutex<PostgresServer?>(nil)

    /// The one server that the tests of this process share, started at the first call.
    public static func shared() throws -> PostgresServer {
        try sharedServer.withLock { server in
            if let server { return server }
            let started = try PostgresServer()
            server = started
            return started
        }
    }

    public let options: Options
    public let port: UInt16
    /// The folder of the unix socket, as libpq's `host` wants it.
    public let socketFolder: String
    private let process: ServerProcess
    private let psql: String
    private let dataFolder: String

    public init(_ options: Options = Options()) throws {
        guard let programs = Self.programs else { throw KitError("PostgreSQL's server is not installed (postgresql)") }
        self.options = options
        port = try freePort()
        psql = access("\(programs)/psql", X_OK) == 0 ? "\(programs)/psql" : "psql"
        let folder = try TemporaryFolder(prefix: "apus-pg")
        socketFolder = folder.path
        dataFolder = folder.file("data")

        let passwordFile = try folder.write(options.password, to: "password")
        let prefix = try Self.becomePostgres(owning: folder.path)
        let initialized = try runCommand(
            prefix.first ?? "\(programs)/initdb",
            prefix.dropFirst() + (prefix.isEmpty ? [] : ["\(programs)/initdb"]) + [
                "--no-sync", "--no-instructions", "-D", dataFolder, "-U", options.user, "-A", "scram-sha-256",
                "--pwfile=\(passwordFile)", "-E", "UTF8", "--locale=C.UTF-8",
            ] + options.initdbArguments)
        guard initialized.status == 0 else { throw KitError("initdb: \(initialized.stdout)\(initialized.stderr)") }

        let settings = [
            "listen_addresses=127.0.0.1", "unix_socket_directories=\(folder.path)", "fsync=off", "full_page_writes=off",
            "synchronous_commit=off", "shared_buffers=64MB", "max_connections=200", "wal_level=minimal",
            "max_wal_senders=0", "max_wal_size=1GB", "autovacuum=off", "logging_collector=off",
            "dynamic_shared_memory_type=mmap",
        ]
        var arguments = ["-D", dataFolder, "-p", "\(port)"] + settings.flatMap { ["-c", $0] }
        if let tls = options.tls {
            // The server insists on owning its key, mode 0600.
            let key = folder.file("server.key")
            let certificate = folder.file("server.pem")
            try FileManager.default.copyItem(atPath: tls.identity.key, toPath: key)
            try FileManager.default.copyItem(atPath: tls.identity.certificate, toPath: certificate)
            chmod(key, 0o600)
            _ = try Self.becomePostgres(owning: key)
            _ = try Self.becomePostgres(owning: certificate)
            arguments += ["-c", "ssl=on", "-c", "ssl_key_file=\(key)", "-c", "ssl_cert_file=\(certificate)"]
        }
        let command = prefix + ["\(programs)/postgres"] + arguments + options.arguments
        process = try ServerProcess(
            folder: folder, program: command[0], arguments: Array(command.dropFirst()), killSignal: SIGQUIT)
        try start()
    }

    /// The server's process id, `nil` while it is stopped.
    public var pid: pid_t? { process.pid }
    public var isRunning: Bool { process.isRunning }
    /// What the server has logged.
    public var log: String { (try? String(contentsOfFile: process.log, encoding: .utf8)) ?? "" }

    /// The connection URL of a database; a given port puts a proxy in between.
    public func url(database: String = "postgres", port: UInt16? = nil, scheme: String = "postgres") -> String {
        "\(scheme)://\(options.user):\(options.password)@127.0.0.1:\(port ?? self.port)/\(database)"
    }

    /// Starts a stopped server again on the same port and data.
    public func start() throws {
        try? FileManager.default.removeItem(atPath: "\(dataFolder)/postmaster.pid")
        try process.start()
        // The eighth line of postmaster.pid is the server's state (src/include/utils/pidfile.h).
        try process.waitUntilReady("PostgreSQL") {
            let lines = (try? String(contentsOfFile: "\(dataFolder)/postmaster.pid", encoding: .utf8))?
                .split(separator: "\n", omittingEmptySubsequences: false)
            guard let lines, lines.count >= 8 else { return false }
            return lines[7].hasPrefix("ready")
        }
    }

    /// Stops the server in an orderly way (SIGINT, "fast shutdown") and waits for its end.
    public func stop() { process.end(signal: SIGINT) }

    /// Ends the server as a crash would: SIGKILL to the postmaster; its children notice and end themselves.
    public func kill() {
        let children = process.pid.map(childProcesses) ?? []
        process.end(signal: SIGKILL)
        children.forEach { Foundation.kill($0, SIGKILL) }
        // The next start is refused while a child still holds the shared memory.
        let deadline = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < deadline, children.contains(where: { Foundation.kill($0, 0) == 0 }) {
            usleep(5_000)
        }
    }

    public func restart() throws {
        stop()
        try start()
    }

    /// Creates an empty database with a name no other test has, and returns the name.
    public func makeDatabase(_ options: String = "") throws -> String {
        let name = uniqueDatabaseName()
        try execute("CREATE DATABASE \"\(name)\" \(options)")
        return name
    }

    /// Runs SQL statements with `psql`, each in its own transaction; an SQL error throws with the server's message.
    public func execute(_ sql: String, database: String = "postgres") throws {
        _ = try client(sql, database)
    }

    /// The rows that the SQL gives, as text; NULL comes as `NULL`. Values may not hold the bytes 0x1E and 0x1F.
    public func query(_ sql: String, database: String = "postgres") throws -> [[String]] {
        var text = try client(sql, database)
        if text.hasSuffix("\n") { text.removeLast() }
        if text.isEmpty { return [] }
        return text.split(separator: "\u{1e}", omittingEmptySubsequences: false).map { row in
            row.split(separator: "\u{1f}", omittingEmptySubsequences: false).map(String.init)
        }
    }

    private func client(_ sql: String, _ database: String) throws -> String {
        let result = try runCommand(
            psql,
            [
                "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--field-separator=\u{1f}",
                "--record-separator=\u{1e}", "--pset=null=NULL", "--set=ON_ERROR_STOP=1", "--host=\(socketFolder)",
                "--port=\(port)", "--username=\(options.user)", "--dbname=\(database)", "--file=-",
            ],
            environment: ["PGPASSWORD": options.password, "PGCLIENTENCODING": "UTF8"], stdin: sql)
        guard result.status == 0 else { throw KitError("psql: \(result.stderr)") }
        return result.stdout
    }

    /// The command prefix that turns root into the user `postgres`, after giving that user `path`; empty for others.
    static func becomePostgres(owning path: String) throws -> [String] {
        guard geteuid() == 0 else { return [] }
        guard let account = getpwnam("postgres"), let setpriv = findProgram("setpriv") else {
            throw KitError("root cannot run PostgreSQL, and there is no user postgres or no setpriv")
        }
        let (user, group) = (account.pointee.pw_uid, account.pointee.pw_gid)
        chown(path, user, group)
        for inside in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] {
            chown("\(path)/\(inside)", user, group)
        }
        return [setpriv, "--reuid=\(user)", "--regid=\(group)", "--init-groups", "--"]
    }
}

/// The direct children of a process.
private func childProcesses(of pid: pid_t) -> [pid_t] {
    let text = (try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)) ?? ""
    return text.split(separator: " ").compactMap { pid_t($0) }
}
