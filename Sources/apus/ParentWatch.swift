import ApusCore
import Glibc

/// Ends the program when the one that started it is gone: a scheduler kills its shell, not what the shell has started.
///
/// Not where the program was meant to outlive its parent: under `nohup`, in the background of a script, as the leader
/// of a process group of its own (a shell's job, `setsid`), or when the parent was init from the beginning.
enum ParentWatch {
    /// Seconds that a stopped run has to end by itself.
    static let patience = 4.0

    /// Starts a thread; call once, before the run.
    static func start() {
        let parent = getppid()
        let isWatched = parent > 1 && getpgrp() != getpid() && !StopSignals.isIgnored(SIGHUP) && !StopSignals.isIgnored(SIGINT)
        var thread = pthread_t()
        let box = Unmanaged.passRetained(Box(parent: isWatched ? parent : nil))
        pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<Box>.fromOpaque(argument!).takeRetainedValue().watch()
                return nil
            }, box.toOpaque())
        pthread_detach(thread)
    }

    private final class Box {
        let parent: pid_t?
        init(parent: pid_t?) { self.parent = parent }

        func watch() {
            while StopSignals.signal == nil {
                if let parent, getppid() != parent {
                    kill(getpid(), SIGTERM)
                    break
                }
                usleep(250_000)
            }
            // Whatever still hangs: the target's transaction ends with its connection.
            usleep(useconds_t(patience * 1_000_000))
            _exit(ExitCode.terminated)
        }
    }
}
