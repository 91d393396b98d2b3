import ApusCore
import Glibc
import Synchronization

/// One connection to a database that remembers something: used under a lock, opened again when it is lost.
///
/// What is being written when a connection breaks is written again on the next one: every transaction can be repeated.
/// What cannot be done in ``patience`` seconds throws, so that nothing is lost in silence.
final class DatabaseLink: Sendable {
    private struct State {
        var session: (any SQLSession)?
        /// Ends a call on the session that blocks.
        var interrupt = Interrupt()
    }

    /// The call under way, as the watch sees it.
    private struct Call {
        /// Seconds that a call may go without an answer; nil = no limit.
        var limit: Double?
        var end: Double?
        var interrupt: Interrupt?
        var ticker: Ticker?
    }

    let connector: any Connector
    /// The database in errors, without secrets.
    let label: String
    /// What it is to its user: `the ledger`.
    let title: String
    let patience: Double
    private let hint: String
    private let open: @Sendable (Interrupt) throws -> any SQLSession
    private let ready: @Sendable (any SQLSession) throws -> Void
    private let state = Mutex(State())
    private let call = Mutex(Call())

    /// `open` makes one connection, and `ready` makes the tables in it that are missing.
    init(
        connector: any Connector, label: String, title: String, hint: String, patience: Double,
        ready: @escaping @Sendable (any SQLSession) throws -> Void, open: @escaping @Sendable (Interrupt) throws -> any SQLSession
    ) {
        self.connector = connector
        self.label = label
        self.title = title
        self.hint = hint
        self.patience = patience
        self.ready = ready
        self.open = open
    }

    /// Closes the connection; the next call opens one.
    func close() {
        state.withLock { state in
            state.session?.close()
            state.session = nil
        }
    }

    deinit {
        call.withLock { $0.ticker }?.stop()
        close()
    }

    /// From now on a call that has no answer after so many seconds is given up as if the connection were lost, and tried
    /// again on a new one. A server that hangs, or is cut off without a word, would keep its caller for ever.
    func watch(_ seconds: Double) {
        call.withLock { call in
            call.limit = seconds
            call.ticker = call.ticker ?? Ticker(every: min(0.25, seconds / 4)) { [weak self] in self?.look() }
        }
    }

    private func look() {
        let late = call.withLock { call -> Interrupt? in
            guard let end = call.end, Clock.monotonic() >= end else { return nil }
            call.end = nil
            return call.interrupt
        }
        late?.fire()
    }

    private func expectAnswer(_ interrupt: Interrupt) {
        call.withLock { call in
            call.end = call.limit.map { Clock.monotonic() + $0 }
            call.interrupt = interrupt
        }
    }

    private func answered() { call.withLock { $0.end = nil } }

    /// Runs `body` on the connection, again on a new one while errors are transient.
    /// `patience` nil = the link's own.
    func perform<Result: Sendable>(
        _ what: String, patience: Double? = nil, _ body: (any SQLSession) throws -> Result
    ) throws -> Result {
        try state.withLock { state in
            let end = Clock.monotonic() + (patience ?? self.patience)
            var pause = 0.02
            while true {
                do {
                    let session = try session(&state)
                    expectAnswer(state.interrupt)
                    defer { answered() }
                    return try body(session)
                } catch {
                    var failure = error as? ApusError ?? ApusError(.internalFault, "\(error)")
                    if failure.code == .cancelled, state.interrupt.isFired {
                        let limit = call.withLock { $0.limit } ?? 0
                        failure = ApusError(.unreachable, "no answer within \(Int(limit.rounded(.up))) s", context: label)
                    }
                    // After a fault nobody knows the state of the connection.
                    state.session?.close()
                    state.session = nil
                    guard failure.isTransient, Clock.monotonic() + pause < end else { throw report(failure, what) }
                    usleep(UInt32(pause * 1e6))
                    pause = min(pause * 2, 2)
                }
            }
        }
    }

    /// The same in one transaction, which is taken back when it fails. When two connections write the same key at once,
    /// one of them is refused by the other's row: it tries again, and then finds that row to replace.
    func transaction<Result: Sendable>(
        _ what: String, patience: Double? = nil, _ body: (any SQLSession) throws -> Result
    ) throws -> Result {
        try perform(what, patience: patience) { session in
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

    private func session(_ state: inout State) throws -> any SQLSession {
        if let session = state.session { return session }
        let interrupt = Interrupt()
        state.interrupt = interrupt
        // Connecting has a limit of its own.
        let session = try open(interrupt)
        do {
            expectAnswer(interrupt)
            defer { answered() }
            try ready(session)
        } catch {
            session.close()
            throw error
        }
        state.session = session
        return session
    }

    private func report(_ error: ApusError, _ what: String) -> ApusError {
        var error = error
        error.message = "\(title) could not \(what): \(error.message)"
        if error.context == nil { error.context = label }
        if error.hint == nil { error.hint = hint }
        return error
    }
}
