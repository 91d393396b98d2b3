import Glibc
import Synchronization

/// Calls a function again and again on a thread of its own, until it is stopped: redrawing, signs of life.
///
/// The thread takes no signals. `body` should hold its owner weakly.
public final class Ticker: Sendable {
    /// The writing end of a pipe on which the thread waits: closing it is the sign to end.
    private let lifeline: Int32
    private let thread: pthread_t
    private let stopped = Mutex(false)

    private final class Work: Sendable {
        let interval: Double
        let pipe: Int32
        let body: @Sendable () -> Void

        init(interval: Double, pipe: Int32, body: @escaping @Sendable () -> Void) {
            self.interval = interval
            self.pipe = pipe
            self.body = body
        }

        func run() {
            while true {
                var waiting = pollfd(fd: pipe, events: Int16(POLLIN), revents: 0)
                let count = poll(&waiting, 1, Int32(max(1, interval * 1000)))
                if count > 0 { break }
                // Also after a stop of the process (SIGSTOP), which ends the wait.
                if count == 0 || errno == EINTR { body() }
            }
            Glibc.close(pipe)
        }
    }

    /// `interval` is seconds between the end of one call and the beginning of the next; the first call comes after it.
    public init(every interval: Double, _ body: @escaping @Sendable () -> Void) {
        var ends: [Int32] = [-1, -1]
        precondition(pipe(&ends) == 0, "no pipe could be made")
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        lifeline = ends[1]
        let work = Unmanaged.passRetained(Work(interval: interval, pipe: ends[0], body: body))
        var before = sigset_t()
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<Work>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, work.toOpaque())
        pthread_sigmask(SIG_SETMASK, &before, nil)
        precondition(status == 0, "no thread could be started")
        self.thread = thread
    }

    /// Returns when the last call is over; a second stop does nothing. May be called from `body` itself.
    public func stop() {
        let first = stopped.withLock { stopped in
            defer { stopped = true }
            return !stopped
        }
        guard first else { return }
        Glibc.close(lifeline)
        if pthread_equal(thread, pthread_self()) != 0 { pthread_detach(thread) } else { pthread_join(thread, nil) }
    }

    deinit { stop() }
}
