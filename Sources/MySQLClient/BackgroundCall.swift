import ApusCore
import Glibc

/// One blocking call on a thread of its own.
///
/// Sendable, unchecked: `isDone` is guarded by the monitor, everything else is set before the thread starts.
public final class BackgroundCall: @unchecked Sendable {
    private let monitor = Monitor()
    private let body: @Sendable () -> Void
    private var isDone = false

    public init(_ body: @escaping @Sendable () -> Void) {
        self.body = body
        var thread = pthread_t()
        let failed = pthread_create(&thread, nil, { BackgroundCall.run($0) }, Unmanaged.passRetained(self).toOpaque())
        precondition(failed == 0, "no thread: \(failed)")
        pthread_detach(thread)
    }

    private static func run(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        let call = Unmanaged<BackgroundCall>.fromOpaque(argument!).takeRetainedValue()
        call.body()
        call.monitor.locked {
            call.isDone = true
            call.monitor.broadcast()
        }
        return nil
    }

    /// Waits for the end.
    public func wait() {
        monitor.locked { while !isDone { monitor.wait() } }
    }

    /// Waits for the end, at most so many milliseconds. Returns whether it has ended.
    public func wait(milliseconds: Int) -> Bool {
        let end = Clock.monotonic() + Double(milliseconds) / 1000
        return monitor.locked {
            while !isDone, case let left = end - Clock.monotonic(), left > 0 { monitor.wait(seconds: left) }
            return isDone
        }
    }
}
