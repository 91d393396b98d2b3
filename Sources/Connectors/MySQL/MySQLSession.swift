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
    var dialect = MySQLDialect()
    let server: MySQLServer
    /// The name of the database that unqualified tables are in.
    let database: String?
    let infile: InfileHost
    private(set) var handle: UnsafeMutablePointer<MYSQL>
    private var isOpen = true
    /// Its socket is shut down: the next statement opens another connection.
    private(set) var isBroken = false
    /// The database was missing when the connection was made, and the run is going to make it.
    var lacksDatabase = false
    var isSnapshot = false
    /// The reader whose rows are still on the wire.
    weak var openReader: (any MySQLRowStream)?
    /// Whether rows can be read in place; found out at the first read.
    var readsInPlace: Bool?
    /// The server turned LOAD DATA LOCAL down.
    var isInfileRefused = false
    var knownPacketLimit: Int?
    /// See ``clock()``.
    var knownClock: MySQLClock?
    var zoneNote: String?
    /// See ``beginWriting(_:)``: seconds, and the zone that the session has otherwise.
    var writingOffset: Int64?
    var usualZone: String?
    var knownIgnoresCase: Bool?
    /// Foreign keys are not checked for now: the load is of tables that refer to each other.
    var defersForeignKeys = false

    init(_ endpoint: Endpoint, interrupt: Interrupt) throws {
        self.endpoint = endpoint
        self.interrupt = interrupt
        options = try MySQLOptions(endpoint)
        database = endpoint.path.isEmpty ? nil : endpoint.path
        infile = InfileHost()
        (handle, lacksDatabase) = try Self.connect(endpoint, options, infile, interrupt)
        do {
            server = try MySQLServer(handle)
        } catch {
            mysql_close(handle)
            throw error.error(doing: "ask the server for its version").about(endpoint.label)
        }
        interrupt.register(socket: apus_mysql_get_fd(handle))
        do {
            try server.requireSupport(endpoint)
            try prepareSession()
        } catch {
            close()
            throw error
        }
    }

    deinit { close() }

    var banner: String { server.banner }
    var isMariaDB: Bool { server.product == .mariaDB }
    var version: Int { server.version }

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

    /// Has the server end the statement whose rows are on the wire, where the connection holds a snapshot. False where the
    /// connection is better given up.
    func endStatement() -> Bool {
        guard isSnapshot, isOpen, !isBroken, !interrupt.isFired, let other = try? MySQLSession(endpoint, interrupt: interrupt) else {
            return false
        }
        defer { other.close() }
        return (try? other.attempt("KILL QUERY \(mysql_thread_id(handle))")) != nil
    }

    private func reopen() throws {
        if isSnapshot { throw MySQLFault(number: 2006, words: "the connection that held the snapshot is gone") }
        let fresh: UnsafeMutablePointer<MYSQL>
        (fresh, lacksDatabase) = try Self.connect(endpoint, options, infile, interrupt)
        interrupt.unregister(socket: apus_mysql_get_fd(handle))
        mysql_close(handle)
        handle = fresh
        isBroken = false
        defersForeignKeys = false
        interrupt.register(socket: apus_mysql_get_fd(handle))
        try prepareSession()
    }

    /// StarRocks and Doris speak this protocol too, but load and count rows in other ways.
    private func refuseOtherSystems() throws {
        for (title, scheme) in [("StarRocks", "starrocks"), ("Doris", "doris")] where server.comment.hasPrefix(title) {
            var error = ApusError(
                .otherSystem, "the server is \(title), which is reached by \(scheme)://",
                hint:
                    "Write \(scheme)://host:port/database; `http` names the port for loads, 8030 without it. In a DataX job: \(scheme)reader, \(scheme)writer.",
                context: endpoint.label)
            error.system = scheme
            throw error
        }
    }

    /// Makes the connection ready for a statement: ends a read that is still open.
    func makeReady() throws {
        guard isOpen else { throw MySQLFault(number: 2006, words: "the connection is closed") }
        openReader?.close()
        if isBroken { try reopen() }
        useDatabase()
    }

    /// What every session states instead of taking the server's settings for granted.
    private func prepareSession() throws {
        try refuseOtherSystems()
        // What values mean on their way; the user's own statements may change everything else.
        let meaning = [
            "sql_mode = 'STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION,ALLOW_INVALID_DATES'"
        ]
        var settings = try statementLimit(options.statementTimeout).map { [$0] } ?? []
        settings += [
            "net_write_timeout = \(options.netTimeout)", "net_read_timeout = \(options.netTimeout)",
            "wait_timeout = 604800", "autocommit = 1", "sql_safe_updates = 0", "sql_select_limit = 18446744073709551615",
            "foreign_key_checks = 1", "unique_checks = 1", "max_error_count = 1000",
        ]
        settings += server.ownSettings
        knownClock = nil
        // What is stated for the whole run goes before what a connection's own statements say; those before its options.
        if endpoint.zone == nil, let zone = options.timeZone { try setZone(zone) }
        if !options.initialSQL.isEmpty {
            try setVariables(settings)
            settings = []
            for sql in options.initialSQL { try run(sql, doing: "run `init_sql`", shows: true) }
        }
        try run("SET NAMES utf8mb4", doing: "set the session's character set")
        try setVariables(meaning + settings, required: meaning.count)
        if let zone = endpoint.zone { try setZone(zone) }
        try renewWritingZone()
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
