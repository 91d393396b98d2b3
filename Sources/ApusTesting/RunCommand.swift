import Foundation
import Synchronization

/// What a finished command left: its exit status (128 + signal when a signal ended it) and its two outputs.
public struct CommandResult: Sendable {
    public let status: Int32
    public let output: [UInt8]
    public let errors: [UInt8]
    /// True when the time ran out and the command's process group was killed; `status` is then 137.
    public let timedOut: Bool

    public var stdout: String { String(decoding: output, as: UTF8.self) }
    public var stderr: String { String(decoding: errors, as: UTF8.self) }
}

/// Runs a program to its end and returns its status and outputs.
///
/// - Parameters:
///   - path: an absolute path, or a name to look for in `PATH`.
///   - environment: added to (and winning over) this process's own environment, unless `cleanEnvironment`.
///   - stdin: the text fed to the program; nothing by default.
///   - timeout: after this time the program and everything in its process group gets SIGKILL.
@discardableResult
public func runCommand(
    _ path: String, _ arguments: [String] = [], environment: [String: String] = [:], cleanEnvironment: Bool = false,
    stdin: String = "", timeout: Duration = .seconds(120)
) throws -> CommandResult {
    let running = try RunningCommand(
        path, arguments, environment: environment, cleanEnvironment: cleanEnvironment, stdin: stdin)
    return running.wait(timeout: timeout)
}

/// A program under way, for tests that signal it in the middle.
public final class RunningCommand: Sendable {
    public let pid: pid_t
    private let output = Collector()
    private let errors = Collector()

    public init(
        _ path: String, _ arguments: [String] = [], environment: [String: String] = [:],
        cleanEnvironment: Bool = false, stdin: String = ""
    ) throws {
        guard let program = findProgram(path) else { throw KitError("no program \(path) in PATH") }
        let inherited = cleanEnvironment ? [:] : ProcessInfo.processInfo.environment
        let inputPipe = try closeOnExecPipe()
        let outputPipe = try closeOnExecPipe()
        let errorPipe = try closeOnExecPipe()
        defer { [inputPipe.read, outputPipe.write, errorPipe.write].forEach { _ = close($0) } }
        do {
            pid = try spawnChild(
                program, arguments, environment: inherited.merging(environment) { $1 },
                streams: ChildStreams(input: inputPipe.read, output: outputPipe.write, errors: errorPipe.write))
        } catch {
            [inputPipe.write, outputPipe.read, errorPipe.read].forEach { _ = close($0) }
            throw error
        }
        output.collect(from: outputPipe.read)
        errors.collect(from: errorPipe.read)
        let bytes = Array(stdin.utf8)
        let input = inputPipe.write
        if bytes.isEmpty {
            close(input)
        } else {
            Thread.detachNewThread {
                writeAll(bytes, to: input)
                close(input)
            }
        }
    }

    /// Sends a signal to the program itself.
    public func signal(_ number: Int32) {
        Foundation.kill(pid, number)
    }

    /// What the program has written to its standard output until now.
    public var outputSoFar: String { String(decoding: output.bytes, as: UTF8.self) }
    /// What the program has written to its standard error until now.
    public var errorsSoFar: String { String(decoding: errors.bytes, as: UTF8.self) }

    /// Waits for the end; call once.
    public func wait(timeout: Duration = .seconds(120)) -> CommandResult {
        var status = waitForChild(pid, timeout: timeout)
        let timedOut = status == nil
        if timedOut {
            Foundation.kill(-pid, SIGKILL)
            status = waitForChild(pid, timeout: nil)
        }
        // A grandchild that inherited the pipe may keep it open; two seconds are enough for what is already written.
        output.waitForEnd(.seconds(2))
        errors.waitForEnd(.seconds(2))
        return CommandResult(status: status ?? -1, output: output.bytes, errors: errors.bytes, timedOut: timedOut)
    }
}

/// Reads a pipe to its end on a thread of its own.
private final class Collector: Sendable {
    private struct State {
        var bytes: [UInt8] = []
        var ended = false
    }
    private let state = Mutex(State())

    var bytes: [UInt8] { state.withLock { $0.bytes } }

    func collect(from descriptor: Int32) {
        Thread.detachNewThread { [self] in
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = read(descriptor, &buffer, buffer.count)
                if count > 0 {
                    state.withLock { $0.bytes.append(contentsOf: buffer[0..<count]) }
                } else if count == 0 || errno != EINTR {
                    break
                }
            }
            close(descriptor)
            state.withLock { $0.ended = true }
        }
    }

    func waitForEnd(_ limit: Duration) {
        let deadline = ContinuousClock.now + limit
        while !state.withLock({ $0.ended }), ContinuousClock.now < deadline { usleep(500) }
    }
}

/// Writes all bytes; stops quietly when the reader is gone (SIGPIPE is blocked on this thread).
private func writeAll(_ bytes: [UInt8], to descriptor: Int32) {
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGPIPE)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    var offset = 0
    while offset < bytes.count {
        let count = bytes[offset...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if count > 0 {
            offset += count
        } else if errno != EINTR {
            return
        }
    }
}

/// The full path of a program: `name` itself when it holds a slash and is executable, else the first in `PATH`.
public func findProgram(_ name: String) -> String? {
    if name.contains("/") { return access(name, X_OK) == 0 ? name : nil }
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    let folders = path.split(separator: ":").map(String.init) + ["/usr/local/sbin", "/usr/sbin", "/usr/bin", "/bin"]
    return folders.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
}
