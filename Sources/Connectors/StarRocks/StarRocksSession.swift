import ApusCore
import CMariaDB
import Glibc
import MySQLClient
import Tabular

/// One connection to the SQL port of an FE: source, sink and statements.
final class StarRocksSession: ClientSession {
    let endpoint: Endpoint
    let options: StarRocksOptions
    let interrupt: Interrupt
    let profile: StarRocksProfile
    let dialect: StarRocksDialect
    var banner: String { profile.banner }
    /// The name of the database that unqualified tables are in.
    let database: String?
    private(set) var handle: UnsafeMutablePointer<MYSQL>
    /// The FE that this connection is to.
    private(set) var host: ConnectionURL.Host
    private var isOpen = true
    /// Its socket is shut down: the next statement opens another connection.
    private(set) var isBroken = false
    /// The reader whose rows are still on the wire.
    weak var openReader: StarRocksReader?
    /// What the last step of a load has to tell.
    var remarks: [String] = []
    /// The catalogue of materialized views, as a plan has read it.
    var plannedViews: [[String?]]?
    /// The session's `query_timeout`, in seconds, as this side set it last.
    var queryTimeout: Int?
    /// The same of `insert_timeout`.
    private var insertTimeout: Int?
    /// Why the table that was cut last was not cut by its tablets; nil = it was, or needed no cut.
    var cutRemark: String?

    init(_ endpoint: Endpoint, interrupt: Interrupt) throws {
        self.endpoint = endpoint
        self.interrupt = interrupt
        options = try StarRocksOptions(endpoint)
        database = endpoint.path.isEmpty ? nil : endpoint.path
        (handle, host) = try Self.connect(endpoint, options, interrupt)
        profile = Self.profile(handle, expected: endpoint.connector == "doris" ? .doris : .starRocks)
        dialect = StarRocksDialect(profile, replicas: options.replicas, buckets: options.buckets)
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

    private static func profile(_ handle: UnsafeMutablePointer<MYSQL>, expected: StarRocksProfile.Flavour) -> StarRocksProfile {
        func ask(_ sql: String) -> String {
            do {
                try ClientResult.send(sql, on: handle)
                return try ClientResult.table(handle).rows.first?.first.flatMap { $0 } ?? ""
            } catch { return "" }
        }
        let comment = ask("SELECT @@version_comment")
        let current = comment.lowercased().contains("doris") ? "" : ask("SELECT current_version()")
        return StarRocksProfile(
            comment: comment, current: current, handshake: String(cString: mysql_get_server_info(handle)), expected: expected)
    }

    /// Shuts the socket down, so that nothing that is still to come on it is waited for.
    func breakConnection() {
        guard isOpen, !isBroken else { return }
        isBroken = true
        shutdown(apus_mysql_get_fd(handle), Int32(SHUT_RDWR))
    }

    /// The list's next FE answers when this one is gone.
    private func reopen() throws {
        let fresh = try Self.connect(endpoint, options, interrupt)
        interrupt.unregister(socket: apus_mysql_get_fd(handle))
        mysql_close(handle)
        (handle, host) = fresh
        isBroken = false
        queryTimeout = nil
        insertTimeout = nil
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
        if endpoint.zone == nil, let zone = options.timeZone { try setZone(zone) }
        for sql in options.initialSQL { try run(sql, doing: "run `init_sql`", shows: true) }
        if let zone = endpoint.zone { try setZone(zone) }
        // The server's own limit may be a few seconds; reads set theirs by their size.
        try limitQueries(to: options.queryTimeout ?? Self.usualTimeout)
    }

    /// Seconds for statements whose size is not known.
    static let usualTimeout = 3600

    /// Sets `query_timeout` for the statements that follow.
    func limitQueries(to seconds: Int) throws {
        guard queryTimeout != seconds else { return }
        try run("SET query_timeout = \(seconds)", doing: "set the time that a statement may take")
        queryTimeout = seconds
    }

    /// Sets the time that an INSERT may take: from 3.4 on that is not `query_timeout` any more.
    func limitInserts(to seconds: Int) throws {
        try limitQueries(to: seconds)
        guard profile.hasInsertTimeout, insertTimeout != seconds else { return }
        try run("SET insert_timeout = \(seconds)", doing: "set the time that an INSERT may take")
        insertTimeout = seconds
    }

    // MARK: ClientSession

    /// A lost connection is opened again by the next statement; a statement is never sent twice.
    func noticed(_ fault: MySQLFault) -> MySQLFault {
        if fault.isConnectionLost { breakConnection() }
        return fault
    }

    /// A fault as an error, or `run.cancelled` when the interrupt caused it.
    func error(_ fault: MySQLFault, doing: String, hint: String?) -> ApusError {
        if interrupt.isFired { return ApusError(.cancelled, "stopped while it tried to \(doing)") }
        return fault.starRocksError(doing: doing, hint: hint).about(endpoint.label)
    }
}
