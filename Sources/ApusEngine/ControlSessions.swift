import ApusCore
import Synchronization

/// The connections on which tables are locked, prepared and finished: one for each table under way, used by one
/// channel at a time, kept for the next table.
///
/// Sendable, unchecked: sessions are handed from thread to thread under the mutex and used by one at a time.
final class ControlSessions: @unchecked Sendable {
    private let to: Connections
    private let interrupt: Interrupt
    private let mutex = Mutex(())
    private var held: [Int: any Sink] = [:]
    private var free: [any Sink] = []

    init(_ to: Connections, _ interrupt: Interrupt) {
        self.to = to
        self.interrupt = interrupt
    }

    /// A connection that is open already.
    func add(_ session: any Sink) { mutex.withLock { _ in free.append(session) } }

    /// The table's connection; opened or taken over when it has none.
    func session(table: Int) throws -> any Sink {
        let known: (any Sink)? = mutex.withLock { _ in
            if held[table] == nil { held[table] = free.popLast() }
            return held[table]
        }
        if let known { return known }
        let session = try to.sink(interrupt.child())
        mutex.withLock { _ in held[table] = session }
        return session
    }

    /// The table has ended: its connection serves the next one, unless an error may have left it in an unknown state.
    func release(table: Int, isSound: Bool) {
        let closing: (any Sink)? = mutex.withLock { _ in
            guard let session = held.removeValue(forKey: table) else { return nil }
            if isSound {
                free.append(session)
                return nil
            }
            return session
        }
        if let closing { to.release(sink: closing, isSound: false) }
    }

    func close() {
        let (held, free) = mutex.withLock { _ in
            defer {
                self.held = [:]
                self.free = []
            }
            return (Array(self.held.values), self.free)
        }
        for session in held { to.release(sink: session, isSound: false) }
        for session in free { to.release(sink: session, isSound: true) }
    }
}
