import ApusCore
import Glibc
import Synchronization
import Tabular

/// The ledger on any connector that runs SQL: an embedded SQLite file by default, MySQL or PostgreSQL for teams.
///
/// One connection, used under a lock; when it is lost, a new one is opened, and what was being written is written
/// again: every transaction can be repeated. What cannot be written in ``patience`` seconds throws, so that no result
/// is lost in silence.
public final class SQLLedger: BatchLedger {
    private struct State {
        var session: (any SQLSession)?
    }

    let connector: any Connector
    private let label: String
    private let open: @Sendable () throws -> any SQLSession
    private let patience: Double
    private let state = Mutex(State())

    /// `label` names the ledger in errors, without secrets; `open` makes one connection.
    public init(
        connector: any Connector, label: String, patience: Double = 30,
        open: @escaping @Sendable () throws -> any SQLSession
    ) {
        self.connector = connector
        self.label = label
        self.patience = patience
        self.open = open
    }

    /// - throws: `config.invalid` when the connector runs no SQL.
    public convenience init(connector: any Connector, endpoint: Endpoint) throws {
        guard connector.abilities.sql, connector.abilities.writes, connector.dialect != nil else {
            throw ApusError(
                .configurationInvalid, "\(connector.title) cannot hold a ledger",
                hint: "Give --ledger a SQLite file, or a MySQL or PostgreSQL database.")
        }
        self.init(connector: connector, label: endpoint.label) {
            let session = try connector.open(endpoint, interrupt: Interrupt())
            guard let session = session as? any SQLSession else {
                session.close()
                throw ApusError(.configurationInvalid, "\(connector.title) cannot hold a ledger")
            }
            return session
        }
    }

    /// Closes the connection; the next call opens one.
    public func close() {
        state.withLock { state in
            state.session?.close()
            state.session = nil
        }
    }

    deinit { close() }

    /// Runs `body` on the connection, again on a new one while errors are transient.
    func perform<Result: Sendable>(_ what: String, _ body: (any SQLSession) throws -> Result) throws -> Result {
        try state.withLock { state in
            let end = Self.monotonic + patience
            var pause = 0.02
            while true {
                do {
                    return try body(try Self.session(&state, connector, open))
                } catch {
                    let failure = error as? ApusError ?? ApusError(.internalFault, "\(error)")
                    // After a fault nobody knows the state of the connection.
                    state.session?.close()
                    state.session = nil
                    guard failure.isTransient, Self.monotonic + pause < end else { throw report(failure, what) }
                    usleep(UInt32(pause * 1e6))
                    pause = min(pause * 2, 2)
                }
            }
        }
    }

    /// The same in one transaction, which is taken back when it fails. When two connections write the same key at once,
    /// one of them is refused by the other's row: it tries again, and then finds that row to replace.
    func transaction<Result: Sendable>(_ what: String, _ body: (any SQLSession) throws -> Result) throws -> Result {
        try perform(what) { session in
            var attempt = 1
            while true {
                try session.execute("BEGIN")
                do {
                    let result = try body(session)
                    try session.execute("COMMIT")
                    return result
                } catch {
                    let isUndone = (try? session.execute("ROLLBACK")) != nil
                    let code = (error as? ApusError)?.code
                    guard isUndone, attempt < 5, code == .rowRejected || code == .exists || code == .statement else {
                        throw error
                    }
                    attempt += 1
                }
            }
        }
    }

    private static func session(
        _ state: inout State, _ connector: any Connector, _ open: () throws -> any SQLSession
    ) throws -> any SQLSession {
        if let session = state.session { return session }
        let session = try open()
        do {
            try LedgerSchema.ready(session, connector: connector)
        } catch {
            session.close()
            throw error
        }
        state.session = session
        return session
    }

    private func report(_ error: ApusError, _ what: String) -> ApusError {
        var error = error
        error.message = "the ledger could not \(what): \(error.message)"
        if error.context == nil { error.context = label }
        if error.hint == nil {
            error.hint =
                "See that the ledger can be reached and written (--ledger, APUS_LEDGER); `apus resume` goes on from what the target holds."
        }
        return error
    }

    private static var monotonic: Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
