import ApusCore
import CPostgres
import Synchronization

/// Poolers between this program and the server.
///
/// A pooler such as PgBouncer gives its clients process ids of its own, so that they differ from the server's. One that pools
/// sessions serves like the server itself. One that pools transactions or statements gives every transaction whichever server
/// connection is free: settings of the session, locks and prepared statements would land in connections of others.
enum PostgresPooler {
    /// Endpoints, by label, behind which sessions were seen to be pooled.
    private static let poolsSessions = Mutex<Set<String>>([])

    /// - parameter served: what `pg_backend_pid()` said on the connection.
    /// - throws: `unsupported` where a second connection is served by the same process, or the first one by another than before.
    static func refuseTransactions(_ connection: OpaquePointer, served: Int32, _ endpoint: Endpoint, _ interrupt: Interrupt) throws {
        guard served != PQbackendPID(connection), !poolsSessions.withLock({ $0.contains(endpoint.label) }) else { return }
        let second = try PostgresSession.connect(endpoint, interrupt)
        defer { PQfinish(second) }
        for _ in 0..<3 {
            if process(serving: second) == served || process(serving: connection) != served { throw refusal(endpoint) }
        }
        _ = poolsSessions.withLock { $0.insert(endpoint.label) }
    }

    static func process(serving connection: OpaquePointer) -> Int32? {
        PostgresResult(PQexec(connection, "SELECT pg_backend_pid()")).value.flatMap { Int32($0) }
    }

    private static func refusal(_ endpoint: Endpoint) -> ApusError {
        ApusError(
            .unsupported,
            "a pooler stands before the server and gives every transaction another connection (PgBouncer: pool_mode = transaction or statement); session settings, locks and prepared statements would end up in connections of others",
            hint: "Connect to the server itself, or through a pool with pool_mode = session.", context: endpoint.label)
    }
}
