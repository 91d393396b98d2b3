import Glibc
import Synchronization

/// Ends blocked calls from another thread: the connection registers its socket, ``fire()`` shuts it down, and the
/// call returns with an error that the connection turns into `run.cancelled`.
public final class Interrupt: Sendable {
    private struct State {
        var fired = false
        var descriptors: Set<Int32> = []
        var children: [Interrupt] = []
    }
    private let state = Mutex(State())

    public init() {}

    public var isFired: Bool { state.withLock { $0.fired } }

    /// - throws: `run.cancelled` once fired. For loops that do not block in a system call.
    public func check() throws {
        if isFired { throw ApusError(.cancelled, "stopped") }
    }

    /// A part that can be fired alone and is fired with the whole.
    public func child() -> Interrupt {
        let child = Interrupt()
        let fired = state.withLock { state in
            state.children.append(child)
            return state.fired
        }
        if fired { child.fire() }
        return child
    }

    /// Forgets a child whose work is over.
    public func release(_ child: Interrupt) {
        state.withLock { $0.children.removeAll { $0 === child } }
    }

    /// Shuts the socket down when fired; at once if that has happened already.
    public func register(socket: Int32) {
        state.withLock { state in
            if state.fired { shutdown(socket, Int32(SHUT_RDWR)) } else { state.descriptors.insert(socket) }
        }
    }

    /// Must be called before the socket is closed, so that another file is never hit.
    public func unregister(socket: Int32) {
        state.withLock { _ = $0.descriptors.remove(socket) }
    }

    public func fire() {
        let children = state.withLock { state in
            state.fired = true
            for descriptor in state.descriptors { shutdown(descriptor, Int32(SHUT_RDWR)) }
            state.descriptors = []
            return state.children
        }
        for child in children { child.fire() }
    }
}
