import ApusCore
import Glibc
import Synchronization

/// The one stream of events of a run: numbers them, stamps them and tells every listener, one event at a time.
public final class EventStream: Sendable {
    private let runID: String
    private let listeners: [any Listener]
    private let last = Mutex(0)

    public init(runID: String, listeners: [any Listener]) {
        self.runID = runID
        self.listeners = listeners
    }

    public func send(_ kind: Event.Kind) {
        last.withLock { last in
            last += 1
            let event = Event(runID: runID, sequence: last, time: Clock.wall(), kind: kind)
            for listener in listeners { listener.hear(event) }
        }
    }
}
