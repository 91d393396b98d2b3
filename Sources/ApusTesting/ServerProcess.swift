import Foundation
import Synchronization

/// A server's process together with its data folder, and the watchdog that ends both when this process dies.
///
/// The watchdog is a shell reading a pipe whose only writing end is here. However this process ends, also by SIGKILL,
/// the pipe closes and the watchdog kills the server, if the process id still belongs to a command that names the
/// data folder, and removes the folder. (`PR_SET_PDEATHSIG` would not do: it follows the thread that started the child.)
final class ServerProcess: Sendable {
    let folder: TemporaryFolder
    let log: String
    private let program: String
    private let arguments: [String]
    private let killSignal: Int32
    private let watchdog: pid_t
    private let lifeline: Mutex<Int32>
    private let current = Mutex<pid_t?>(nil)

    /// - Parameter killSignal: what ends the server at once with all its own children: SIGKILL, or SIGQUIT for PostgreSQL.
    init(folder: TemporaryFolder, program: String, arguments: [String], killSignal: Int32) throws {
        self.folder = folder
        self.program = program
        self.arguments = arguments
        self.killSignal = killSignal
        log = folder.file("server.log")
        let line = try closeOnExecPipe()
        defer { close(line.read) }
        let script = """
            pid=; while read -r p; do pid=$p; done
            if [ -n "$pid" ] && tr '\\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF "$1"; then kill -\(killSignal) "$pid"; sleep 0.3; kill -9 "$pid"; fi
            rm -rf "$1"; sleep 0.5; rm -rf "$1"
            """
        watchdog = try spawnChild(
            "/bin/sh", ["-c", script, "apus-watchdog", folder.path],
            environment: ["PATH": "/usr/bin:/bin"], streams: ChildStreams(input: line.read))
        lifeline = Mutex(line.write)
        ServerRegistry.shared.add(self)
    }

    var pid: pid_t? { current.withLock { $0 } }

    var isRunning: Bool {
        current.withLock { pid in
            guard let running = pid else { return false }
            if waitpid(running, nil, WNOHANG) == 0 { return true }
            pid = nil
            tellWatchdog(nil)
            return false
        }
    }

    func start() throws {
        try current.withLock { pid in
            guard pid == nil else { return }
            let descriptor = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
            defer { close(descriptor) }
            let started = try spawnChild(
                program, arguments, environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"],
                streams: ChildStreams(output: descriptor, errors: descriptor))
            pid = started
            tellWatchdog(started)
        }
    }

    /// Sends `signal` and waits until the process has ended; after `patience` it gets SIGKILL.
    func end(signal: Int32, patience: Duration = .seconds(20)) {
        current.withLock { pid in
            guard let running = pid else { return }
            Foundation.kill(running, signal)
            if waitForChild(running, timeout: patience) == nil {
                Foundation.kill(running, SIGKILL)
                _ = waitForChild(running, timeout: nil)
            }
            pid = nil
            tellWatchdog(nil)
        }
    }

    /// Ends the server at once and removes its folder: the last act before this process exits.
    func discard() {
        end(signal: killSignal, patience: .seconds(2))
        folder.remove()
    }

    /// Waits until `ready` says so; a server that ends or takes longer fails with the tail of its log.
    func waitUntilReady(_ name: String, within seconds: Int = 60, _ ready: () -> Bool) throws {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while !ready() {
            guard isRunning, ContinuousClock.now < deadline else {
                let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
                let tail = text.split(separator: "\n").suffix(20).joined(separator: "\n")
                throw KitError("\(name) did not start:\n\(tail)")
            }
            usleep(10_000)
        }
    }

    /// Lets go of the pipe to the watchdog, as this process's death would.
    func abandon() {
        lifeline.withLock { descriptor in
            if descriptor >= 0 { close(descriptor) }
            descriptor = -1
        }
    }

    deinit {
        discard()
        abandon()
        _ = waitForChild(watchdog, timeout: .seconds(3))
    }

    private func tellWatchdog(_ pid: pid_t?) {
        let line = Array("\(pid.map(String.init) ?? "")\n".utf8)
        _ = lifeline.withLock { write($0, line, line.count) }
    }
}

/// All servers of this process, ended at its normal exit.
final class ServerRegistry: Sendable {
    static let shared = ServerRegistry()
    private struct Entry: Sendable {
        weak var server: ServerProcess?
    }
    private let entries = Mutex<[Entry]>([])

    private init() {
        atexit { ServerRegistry.shared.discardAll() }
    }

    func add(_ server: ServerProcess) {
        entries.withLock { $0.append(Entry(server: server)) }
    }

    private func discardAll() {
        entries.withLock { $0 }.forEach { $0.server?.discard() }
    }
}

/// A TCP port of 127.0.0.1 that was free a moment ago.
public func freePort() throws -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = loopbackAddress(port: 0)
    let bound = withSocketAddress(&address) { bind(descriptor, $0, $1) }
    guard descriptor >= 0, bound == 0 else { throw KitError("no free port: \(String(cString: strerror(errno)))") }
    return localPort(of: descriptor)
}

func loopbackAddress(port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
}

func withSocketAddress(_ address: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
}

func localPort(of descriptor: Int32) -> UInt16 {
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    _ = withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
    }
    return UInt16(bigEndian: address.sin_port)
}

/// True when a server on 127.0.0.1 accepts a connection on `port`.
func acceptsConnections(port: UInt16) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = loopbackAddress(port: port)
    return withSocketAddress(&address) { connect(descriptor, $0, $1) } == 0
}
