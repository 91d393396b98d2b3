import ApusCore
import CPostgres
import Synchronization

/// Poolers between this program and the server.
///
/// A pooler such as PgBouncer gives its clients process ids of its own, so that they differ from the server's. One that pools
/// sessions serves like the server itself. One that pools transactions gives every transaction whichever server connection is
/// free: see `PostgresSession+Pooled.swift`. One that pools statements is refused.
enum PostgresPooler {
    /// Whether transactions are pooled, by the label of the endpoint.
    private static let known = Mutex<[String: Bool]>([:])

    /// - parameter served: what `pg_backend_pid()` said on the connection.
    /// - returns: whether a second connection is served by the same process, or the first one by another than before.
    /// - throws: `unsupported` where there can be no transactions.
    static func poolsTransactions(_ connection: OpaquePointer, served: Int32, _ endpoint: Endpoint, _ interrupt: Interrupt) throws -> Bool {
        guard served != PQbackendPID(connection) else { return false }
        if let answer = known.withLock({ $0[endpoint.label] }) { return answer }
        let second = try PostgresSession.connect(endpoint, interrupt)
        defer { PQfinish(second) }
        let answer = (0..<3).contains { _ in process(serving: second) == served || process(serving: connection) != served }
        if answer {
            guard PostgresResult(PQexec(second, "BEGIN")).isGood, PostgresResult(PQexec(second, "ROLLBACK")).isGood else {
                throw ApusError(
                    .unsupported, "a pooler stands before the server and allows no transactions (PgBouncer: pool_mode = statement)",
                    hint: "Connect to the server itself, or through a pool with pool_mode = session or transaction.",
                    context: endpoint.label)
            }
        }
        known.withLock { $0[endpoint.label] = answer }
        return answer
    }

    private static func process(serving connection: OpaquePointer) -> Int32? {
        PostgresResult(PQexec(connection, "SELECT pg_backend_pid()")).value.flatMap { Int32($0) }
    }
}
