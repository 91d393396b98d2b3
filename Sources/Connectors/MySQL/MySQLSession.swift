import ApusCore
import CMariaDB
import Glibc
import MySQLClient
import Tabular

/// One connection to a MySQL or MariaDB server: source, sink and statements.
final class MySQLSession: ClientSession {
    let endpoint: Endpoint
    let options: MySQLOptions
    let interrupt: Interrupt
    let dialect = MySQLDialect()
    let isMariaDB: Bool
    /// `10_11_19` of MariaDB 10.11.19, `8_00_36` of MySQL 8.0.36.
    let version: Int
    let banner: String
    /// The name of the database that unqualified tables are in.
    let database: String?
    let infile: InfileHost
    private(set) var handle: UnsafeMutablePointer<MYSQL>
    private var isOpen = true
    /// Its socket is shut down: the next statement opens another connection.
    private(set) var isBroken = false
    var isSnapshot = false
    /// The reader whose rows are still on the wire.
    weak var openReader: (any MySQLRowStream)?
    /// Whether rows can be read in place; found out at the first read.
    var readsInPlace: Bool?
    /// The server turned LOAD DATA LOCAL down.
    var isInfileRefused = false
    var knownPacketLimit: Int?

    init(_ endpoint: Endpoint, interrupt: Interrupt) throws {
        self.endpoint = endpoint
        self.interrupt = interrupt
        options = try MySQLOptions(endpoint)
        database = endpoint.path.isEmpty ? nil : endpoint.path
        infile = InfileHost()
        handle = try Self.connect(endpoint, options, infile, interrupt)
        let text = String(cString: mysql_get_server_info(handle))
        isMariaDB = mariadb_connection(handle) != 0 || text.contains("MariaDB")
        version = Int(mysql_get_server_version(handle))
        banner = (isMariaDB ? "MariaDB " : "MySQL ") + text.prefix { $0.isNumber || $0 == "." }
        interrupt.register(socket: apus_mysql_get_fd(handle))
        do {
            try prepareSession()
        } catch {
            close()
            throw error
        }
    }

    deinit { close() }

    func close() {
        guard isOpen else { return }
        isOpen = false
        openReader?.close()
        interrupt.unregister(socket: apus_mysql_get_fd(handle))
        mysql_close(handle)
    }

    /// Shuts the socket down, so that nothing that is still to come on it is waited for.
    func breakConnection() {
        guard isOpen, !isBroken else { return }
        isBroken = true
        shutdown(apus_mysql_get_fd(handle), Int32(SHUT_RDWR))
    }

    private func reopen() throws {
        if isSnapshot { throw MySQLFault(number: 2006, words: "the connection that held the snapshot is gone") }
        let fresh = try Self.connect(endpoint, options, infile, interrupt)
        interrupt.unregister(socket: apus_mysql_get_fd(handle))
        mysql_close(handle)
        handle = fresh
        isBroken = false
        interrupt.register(socket: apus_mysql_get_fd(handle))
        try prepareSession()
    }

    /// Makes the connection ready for a statement: ends a read that is still open.
    func makeReady() throws {
        guard isOpen else { throw MySQLFault(number: 2006, words: "the connection is closed") }
        openReader?.close()
        if isBroken { try reopen() }
    }

    /// What every session states instead of taking the server's settings for granted.
    private func prepareSession() throws {
        // What values mean on their way; the user's own statements may change everything else.
        let meaning = [
            "time_zone = \(dialect.literal(options.timeZone))",
            "sql_mode = 'STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION,ALLOW_INVALID_DATES'",
        ]
        var settings = [
            statementLimit(options.statementTimeout),
            "net_write_timeout = \(options.netTimeout)", "net_read_timeout = \(options.netTimeout)",
            "wait_timeout = 604800", "autocommit = 1", "sql_safe_updates = 0", "sql_select_limit = 18446744073709551615",
            "foreign_key_checks = 1", "unique_checks = 1", "max_error_count = 1000",
        ]
        if !isMariaDB, version >= 80000 { settings.append("information_schema_stats_expiry = 0") }
        let hint =
            isMariaDB
            ? nil : "StarRocks and Doris speak this protocol too, and are reached by starrocks:// and doris:// (DataX: starrocksreader)."
        if !options.initialSQL.isEmpty {
            try run("SET SESSION " + settings.joined(separator: ", "), doing: "set up the session", hint: hint)
            settings = []
            for sql in options.initialSQL { try run(sql, doing: "run `init_sql`") }
        }
        try run("SET NAMES utf8mb4", doing: "set the session's character set")
        try run("SET SESSION " + (meaning + settings).joined(separator: ", "), doing: "set up the session", hint: hint)
    }

    /// - parameter seconds: 0 = none.
    private func statementLimit(_ seconds: Double) -> String {
        isMariaDB ? "max_statement_time = \(seconds)" : "max_execution_time = \(Int(seconds * 1000))"
    }

    /// Runs what must not be cut short by the limit that cuts reads.
    func withoutStatementLimit<T>(_ body: () throws -> T) throws -> T {
        let name = isMariaDB ? "max_statement_time" : "max_execution_time"
        let limit = try rows("SELECT @@SESSION.\(name)", doing: "look up the limit of a statement").first?[0] ?? "0"
        try run("SET SESSION \(statementLimit(0))", doing: "lift the limit of a statement")
        defer { _ = try? attempt("SET SESSION \(name) = \(limit)") }
        return try body()
    }

    func beginSnapshot() throws {
        try run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", doing: "set the isolation level")
        try run("START TRANSACTION WITH CONSISTENT SNAPSHOT", doing: "begin the snapshot")
        isSnapshot = true
    }

    // MARK: ClientSession

    /// A fault as an error, or `run.cancelled` when the interrupt caused it.
    func error(_ fault: MySQLFault, doing: String, hint: String?) -> ApusError {
        if interrupt.isFired { return ApusError(.cancelled, "stopped while it tried to \(doing)") }
        return fault.error(doing: doing, hint: hint).about(endpoint.label)
    }
}
