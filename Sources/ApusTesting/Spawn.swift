import Foundation

// GNU functions that Swift's Glibc module leaves out, since it is built without _GNU_SOURCE.
@_silgen_name("posix_spawn_file_actions_addclosefrom_np")
private func closeFrom(_ actions: UnsafeMutablePointer<posix_spawn_file_actions_t>, _ lowest: Int32) -> Int32
@_silgen_name("pipe2")
private func pipe2(_ ends: UnsafeMutablePointer<Int32>, _ flags: Int32) -> Int32

/// Where a child's standard streams go; `nil` is `/dev/null`.
struct ChildStreams {
    var input: Int32?
    var output: Int32?
    var errors: Int32?
}

/// Starts `path` in a process group of its own, with every descriptor above 2 closed and all signals at their defaults.
///
/// A group of its own keeps Ctrl-C at the terminal away from servers, and lets a time-out end a command's whole family.
func spawnChild(
    _ path: String, _ arguments: [String], environment: [String: String], streams: ChildStreams
) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (target, source) in [(Int32(0), streams.input), (1, streams.output), (2, streams.errors)] {
        if let source {
            posix_spawn_file_actions_adddup2(&actions, source, target)
        } else {
            posix_spawn_file_actions_addopen(&actions, target, "/dev/null", target == 0 ? O_RDONLY : O_WRONLY, 0)
        }
    }
    _ = closeFrom(&actions, 3)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
        &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

    var argv: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
    var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { (argv + envp).forEach { free($0) } }
    var pid = pid_t()
    let code = posix_spawn(&pid, path, &actions, &attributes, &argv, &envp)
    guard code == 0 else { throw KitError("cannot start \(path): \(String(cString: strerror(code)))") }
    return pid
}

/// A pipe whose ends children do not inherit by accident.
func closeOnExecPipe() throws -> (read: Int32, write: Int32) {
    var ends: [Int32] = [-1, -1]
    guard pipe2(&ends, O_CLOEXEC) == 0 else { throw KitError("pipe: \(String(cString: strerror(errno)))") }
    return (ends[0], ends[1])
}

/// Waits for a child to end and returns its status as a shell would: 0–255, or 128 + signal. `nil` on time-out.
func waitForChild(_ pid: pid_t, timeout: Duration?) -> Int32? {
    let deadline = timeout.map { ContinuousClock.now + $0 }
    var pause: UInt32 = 500
    while true {
        var status: Int32 = 0
        let ended = waitpid(pid, &status, deadline == nil ? 0 : WNOHANG)
        if ended == pid {
            let signal = status & 0x7f
            return signal == 0 ? (status >> 8) & 0xff : 128 + signal
        }
        if ended == -1 && errno != EINTR { return -1 }
        if let deadline {
            if ContinuousClock.now > deadline { return nil }
            usleep(pause)
            pause = min(pause * 2, 20_000)
        }
    }
}
