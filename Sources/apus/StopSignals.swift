import ApusCore
import Glibc
import Synchronization

/// SIGINT and SIGTERM as an orderly stop: the first one ends the run at a checkpoint, a second one ends the program.
enum StopSignals {
    private static let received = Mutex<Int32?>(nil)

    /// The signal that stopped the run, if one did.
    static var signal: Int32? { received.withLock { $0 } }

    /// Signals that stop the run: not those that whoever started the program had it ignore, as `nohup` does.
    private static var wanted: sigset_t {
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] where !isIgnored(number) { sigaddset(&signals, number) }
        return signals
    }

    /// Whether a signal was to be ignored when the program began.
    static func isIgnored(_ signal: Int32) -> Bool {
        var action = sigaction()
        guard sigaction(signal, nil, &action) == 0 else { return false }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    /// Call before any other thread is made: all threads inherit that these signals wait for the one that takes them.
    static func watch(_ interrupt: Interrupt) {
        var signals = wanted
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        Glibc.signal(SIGPIPE, SIG_IGN)
        var thread = pthread_t()
        let box = Unmanaged.passRetained(interrupt)
        pthread_create(
            &thread, nil,
            { argument in
                let interrupt = Unmanaged<Interrupt>.fromOpaque(argument!).takeRetainedValue()
                var signals = StopSignals.wanted
                while true {
                    var number: Int32 = 0
                    guard sigwait(&signals, &number) == 0 else { continue }
                    let isFirst = StopSignals.received.withLock { received in
                        defer { if received == nil { received = number } }
                        return received == nil
                    }
                    if !isFirst { _exit(StopSignals.exitCode) }
                    interrupt.fire()
                }
            }, box.toOpaque())
        pthread_detach(thread)
    }

    static var exitCode: Int32 { signal == SIGINT ? ExitCode.interrupted : ExitCode.terminated }
}
