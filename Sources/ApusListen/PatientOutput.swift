import ApusCore
import Glibc

/// Writes to a descriptor whose reader may be slow, or may not read at all: a full pipe, a stopped terminal. Whoever
/// prints goes on after a tenth of a second at the latest, and at once as long as the output is stuck.
///
/// What waits is bounded: progress is dropped first, other lines when there is very much, errors never. Regular files
/// are written directly.
///
/// Sendable, unchecked: all state is guarded by the monitor.
final class PatientOutput: @unchecked Sendable {
    private let descriptor: Int32
    private let monitor = Monitor()
    private var pending: [[UInt8]] = []
    private var pendingBytes = 0
    private var dropped = 0
    /// Pieces that were taken and written.
    private var taken = 0
    private var written = 0
    private var progressAt = Clock.monotonic()
    private var isStuck = false
    private var hasThread = false
    private var isClosed = false
    private var isMachineRead = false
    private lazy var isFile: Bool = {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }()

    /// Bytes that may wait, by what they are.
    private static let most: [Console.Weight: Int] = [.progress: 64 << 10, .line: 1 << 20]
    /// Seconds.
    private static let patience = 0.1
    /// Seconds without progress after which the end of the program is not held up any longer.
    private static let lastPatience = 2.0

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// Whether something waits to be written.
    var isBusy: Bool { monitor.locked { written < taken } }

    func put(_ text: String, _ weight: Console.Weight) {
        let bytes = Array(text.utf8)
        let needsThread = monitor.locked { () -> Bool in
            if isClosed { return false }
            if isFile {
                isClosed = !write(bytes) {}
                return false
            }
            if let most = Self.most[weight], pendingBytes + bytes.count > most {
                if weight != .progress { dropped += 1 }
                return false
            }
            pending.append(bytes)
            pendingBytes += bytes.count
            taken += 1
            monitor.broadcast()
            defer { hasThread = true }
            return !hasThread
        }
        if needsThread { start() }
        monitor.locked {
            let mine = taken
            let end = Clock.monotonic() + Self.patience
            while written < mine, !isStuck, !isClosed {
                let rest = end - Clock.monotonic()
                if rest <= 0 { isStuck = true } else { monitor.wait(seconds: rest) }
            }
        }
    }

    /// No line may be put in that nobody printed: who reads the lines has numbers in them.
    func becomeMachineRead() { monitor.locked { isMachineRead = true } }

    /// Waits until all is written, as long as the reader takes anything.
    func flush() {
        monitor.locked {
            progressAt = Clock.monotonic()
            while written < taken, !isClosed {
                let rest = progressAt + Self.lastPatience - Clock.monotonic()
                if rest <= 0 { return }
                monitor.wait(seconds: rest)
            }
        }
    }

    private func start() {
        _ = Lane { [self] in
            while let piece = next() {
                let isGood = write(piece) { [self] in monitor.locked { progressAt = Clock.monotonic() } }
                monitor.locked {
                    written += 1
                    if !isGood { isClosed = true }
                    if written == taken { isStuck = false }
                    monitor.broadcast()
                }
            }
        }
    }

    private func next() -> [UInt8]? {
        monitor.locked {
            while pending.isEmpty, !isClosed {
                if dropped > 0, !isMachineRead {
                    let note = "(\(dropped) lines were left out, since nobody read them)\n"
                    dropped = 0
                    taken += 1
                    return Array(note.utf8)
                }
                monitor.wait()
            }
            if isClosed { return nil }
            let piece = pending.removeFirst()
            pendingBytes -= piece.count
            return piece
        }
    }

    /// False when nobody will ever read it.
    private func write(_ bytes: [UInt8], progress: () -> Void) -> Bool {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + done, $0.count - done) }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&waiting, 1, 1000)
                continue
            }
            guard count > 0 else { return false }
            done += count
            progress()
        }
        return true
    }
}
