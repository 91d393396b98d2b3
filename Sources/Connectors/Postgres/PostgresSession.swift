import ApusCore
import CPostgres
import Glibc
import Synchronization
import Tabular

/// One connection to a PostgreSQL server: statements, catalogue, source and sink.
///
/// Sessions run in the role's and database's time zone, with UTF-8, ISO dates and the shortest exact text of floats; whoever has waited for a lock sees
/// what was committed meanwhile.
final class PostgresSession: SQLSession, Source, Sink {
    let interrupt: Interrupt
    let endpoint: Endpoint
    let connection: OpaquePointer
    let dialect = PostgresDialect()
    /// `150020` for 15.20.
    let version: Int
    let banner: String
    let isGreenplum: Bool
    let types: PostgresTypeCache
    /// Processes that serve connections of this process.
    private static let backends = Mutex<Set<Int32>>([])
    static var ownBackends: Set<Int32> { backends.withLock { $0 } }
    /// Reads run inside one transaction whose snapshot is kept.
    private(set) var holdsSnapshot = false
    /// A savepoint of the snapshot's transaction is set.
    var hasOpenRead = false
    /// See ``layout(_:)``.
    var knownLayout: (load: Load, layout: PostgresLayout)?
    /// Run and table of marks in which this connection has seen a mark of the run.
    var knownMarks: String?
    /// The statement that the server keeps, see ``targetSQL(_:)``; nil when there is none, or nobody knows.
    var preparedTarget: String?
    var targetNumber = 0
    /// See ``defersForeignKeys(_:)``.
    var knownDeferring: (key: String, isDeferred: Bool)?
    /// See ``schema(of:)``.
    var knownSchemas: [String: String] = [:]
    var readPlans: [Read: PostgresReadPlan] = [:]
    /// Advisory locks that this connection holds.
    var lockedKeys: Set<Int64> = []
    /// See `PostgresSession+Pooled.swift`.
    let poolsTransactions: Bool
    /// `SET LOCAL …; …` for each transaction.
    var localSettings = "SELECT 1"
    /// The open transaction is of one statement that stands alone.
    var isAlone = false
    /// Connections that hold locks for this one.
    var lockHolders: [Int64: PostgresSession] = [:]
    var stepsHolder: PostgresSession?
    /// The server's process that serves this connection, if it is known; through a pooler it is not the one that libpq knows.
    private(set) var backendPID: Int32?
    private let socket: Int32
    private(set) var isClosed = false

    /// - throws: `connection.unreachable`, `connection.refused`, `connection.tls`, `run.cancelled`.
    init(_ endpoint: Endpoint, interrupt: Interrupt) throws {
        let connection = try PostgresSession.connect(endpoint, interrupt)
        self.endpoint = endpoint
        self.interrupt = interrupt
        self.connection = connection
        socket = PQsocket(connection)
        version = Int(PQserverVersion(connection))
        let about = PostgresResult(PQexec(connection, "SELECT version(), pg_backend_pid()"))
        let text = about.value ?? ""
        let served = about.rowCount > 0 ? about.text(0, 1).flatMap { Int32($0) } ?? PQbackendPID(connection) : PQbackendPID(connection)
        isGreenplum = text.contains("Greenplum")
        banner = PostgresSession.banner(of: text)
        types = PostgresTypeCache()
        do {
            poolsTransactions = try PostgresPooler.poolsTransactions(connection, served: served, endpoint, interrupt)
        } catch {
            PQfinish(connection)
            throw error
        }
        interrupt.register(socket: socket)
        if !poolsTransactions { isServed(by: served) }
        do {
            try setUp()
        } catch {
            close()
            throw error
        }
    }

    deinit { close() }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        interrupt.unregister(socket: socket)
        isServed(by: nil)
        PQfinish(connection)
        stepsHolder?.close()
        lockHolders.values.forEach { $0.close() }
    }

    /// Makes known which process of the server works for this program.
    func isServed(by process: Int32?) {
        Self.backends.withLock {
            if let backendPID { $0.remove(backendPID) }
            if let process { $0.insert(process) }
        }
        backendPID = process
    }

    /// `PostgreSQL 15.20` of the server's long description.
    private static func banner(of text: String) -> String {
        let words = text.split(separator: " ").prefix(2).joined(separator: " ")
        guard let start = text.firstRange(of: "(Greenplum Database ") else { return words.isEmpty ? "PostgreSQL" : words }
        return "Greenplum " + text[start.upperBound...].prefix { $0 != " " && $0 != ")" }
    }

    private func setUp() throws {
        var settings = [
            "DateStyle = 'ISO, YMD'", "IntervalStyle = 'postgres'", "extra_float_digits = 3",
            "default_transaction_isolation = 'read committed'", "bytea_output = 'hex'", "standard_conforming_strings = on",
            "xmloption = 'content'", "array_nulls = on", "statement_timeout = \(milliseconds("statement_timeout"))",
        ]
        // As pg_dump does: what policies would hide makes a statement fail.
        if version >= 90500 { settings.append("row_security = \(readsFiltered ? "on" : "off")") }
        if version >= 90300 { settings.append("lock_timeout = \(lockTimeout)") }
        if version >= 90600 { settings.append("idle_in_transaction_session_timeout = 0") }
        if version >= 140000 { settings.append("idle_session_timeout = 0") }
        if let commit = endpoint.settings["synchronous_commit"] { settings.append("synchronous_commit = \(commit)") }
        if let schemas = endpoint.settings["schema"], !schemas.isEmpty {
            let list = schemas.split(separator: ",").map { name in
                let trimmed = name.drop { $0 == " " }
                return dialect.quote(String(trimmed.trimmingTrailingSpaces()))
            }
            settings.append("search_path = \(list.joined(separator: ", "))")
        }
        // What is stated for the whole run goes before what a connection's own statements say; those before its options.
        let own = try Zone.name(ofSetting: endpoint.settings["time_zone"])
        if poolsTransactions { return try keepSettings(settings + [endpoint.zone ?? own].compactMap { $0 }.map(Self.zoneSetting)) }
        if endpoint.zone == nil, let own { settings.append(try Self.zoneSetting(own)) }
        try run(settings.map { "SET " + $0 }.joined(separator: "; "), doing: "setting up the connection")
        if let initial = endpoint.settings["init_sql"], !initial.isEmpty {
            try run(initial, doing: "running `init_sql`", shows: true)
        }
        if let zone = endpoint.zone { try run("SET " + Self.zoneSetting(zone), doing: "setting the session's time zone") }
    }

    /// Milliseconds.
    var lockTimeout: Int { milliseconds("lock_timeout") }

    private func milliseconds(_ setting: String) -> Int { Int((endpoint.settings.seconds(setting) ?? 0) * 1000) }

    /// Begins the transaction whose snapshot all reads of this connection see: another connection's by its name, or a
    /// new one. Returns the name.
    func beginSnapshot(_ name: String?) throws -> String {
        let doing = "taking a snapshot for several connections"
        // Nothing may be asked before the snapshot is set.
        let setting = name.map { "; SET TRANSACTION SNAPSHOT \(dialect.literal($0))" } ?? ""
        try begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" + setting, doing: doing)
        holdsSnapshot = true
        if let name { return name }
        return try run("SELECT pg_export_snapshot()", doing: doing).value ?? ""
    }
}

extension Substring {
    fileprivate func trimmingTrailingSpaces() -> Substring {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }
}
