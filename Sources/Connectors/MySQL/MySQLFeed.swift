import ApusCore
import Glibc
import Tabular

/// Encoded rows, shared by reference.
final class Chunk {
    var buffer: ByteBuffer
    init(capacity: Int = 4096) { buffer = ByteBuffer(capacity: capacity) }
}

/// Encoded rows on their way from the writer to the thread on which LOAD DATA runs: three chunks that go round, so
/// that one is filled while another is sent.
///
/// Sendable, unchecked: the lists are guarded by the monitor; a chunk is used by whoever took it.
final class LoadFeed: @unchecked Sendable {
    static let chunkSize = 256 << 10
    private static let chunks = 3

    private let monitor = Monitor()
    private var free: [Chunk]
    private var full: [Chunk] = []
    private var hasEnded = false
    private var hasFailed = false
    private var isFinished = false
    /// What the sending side reads from.
    private var current: Chunk?
    private var sent = 0

    /// A feed for streaming.
    init() {
        free = (0..<Self.chunks).map { _ in Chunk(capacity: Self.chunkSize + (64 << 10)) }
    }

    /// A feed that holds all its rows already.
    init(complete chunk: Chunk) {
        free = []
        full = [chunk]
        hasEnded = true
    }

    // MARK: The writer's side

    /// An empty chunk; nil when the load has finished on its own, which is a failure.
    func take() -> Chunk? {
        monitor.locked {
            while free.isEmpty, !isFinished { monitor.wait() }
            return isFinished ? nil : free.popLast()
        }
    }

    func put(_ chunk: Chunk) {
        monitor.locked {
            full.append(chunk)
            monitor.broadcast()
        }
    }

    /// No more rows; with `failed`, those sent must not count.
    func end(failed: Bool = false) {
        monitor.locked {
            hasEnded = true
            if failed { hasFailed = true }
            monitor.broadcast()
        }
    }

    // MARK: The sending side

    /// The statement is over.
    func finish() {
        monitor.locked {
            isFinished = true
            monitor.broadcast()
        }
    }

    /// Up to `size` octets; 0 at the end, -1 after a failure.
    func read(into out: UnsafeMutablePointer<CChar>, _ size: Int) -> Int32 {
        if current == nil || sent == current!.buffer.count {
            guard next() else { return monitor.locked { hasFailed } ? -1 : 0 }
        }
        let count = min(size, current!.buffer.count - sent)
        memcpy(out, current!.buffer.start + sent, count)
        sent += count
        return Int32(count)
    }

    private func next() -> Bool {
        if let current, current.buffer.count > Self.chunkSize * 8 {
            // One huge row made the chunk large: another takes its place.
            self.current = Chunk(capacity: Self.chunkSize + (64 << 10))
        }
        return monitor.locked {
            if let current {
                current.buffer.removeAll()
                free.append(current)
                monitor.broadcast()
            }
            current = nil
            sent = 0
            while full.isEmpty, !hasEnded { monitor.wait() }
            if hasFailed || full.isEmpty { return false }
            current = full.removeFirst()
            return current!.buffer.count > 0
        }
    }
}
