import ApusCore
import Synchronization

/// Open connections that one run has done with and the next one on the same end may use.
///
/// Sendable, unchecked: sessions are handed from thread to thread under the mutex and used by one at a time.
public final class SessionPool: @unchecked Sendable {
    enum Role { case source, sink }

    private struct Key: Hashable {
        var endpoint: Endpoint
        var role: Role
    }

    private let interrupt: Interrupt
    private let mutex = Mutex(())
    private var free: [Key: [any Session]] = [:]

    /// `interrupt` ends whatever a session of the pool is doing, whichever run it serves.
    public init(_ interrupt: Interrupt) { self.interrupt = interrupt }

    /// The interrupt for a connection that is opened for the pool.
    func child() -> Interrupt { interrupt.child() }

    func take(_ endpoint: Endpoint, _ role: Role) -> (any Session)? {
        mutex.withLock { _ in free[Key(endpoint: endpoint, role: role)]?.popLast() }
    }

    /// An unsound session is closed, and so are the others of its end: the server may have gone away.
    func give(_ session: any Session, _ endpoint: Endpoint, _ role: Role, isSound: Bool) {
        let key = Key(endpoint: endpoint, role: role)
        var closing: [any Session] = []
        mutex.withLock { _ in
            if isSound, !session.interrupt.isFired {
                free[key, default: []].append(session)
            } else {
                closing = [session] + (free.removeValue(forKey: key) ?? [])
            }
        }
        for session in closing {
            session.close()
            interrupt.release(session.interrupt)
        }
    }

    public func close() {
        let all = mutex.withLock { _ in
            defer { free = [:] }
            return free.values.flatMap { $0 }
        }
        for session in all {
            session.close()
            interrupt.release(session.interrupt)
        }
    }
}
