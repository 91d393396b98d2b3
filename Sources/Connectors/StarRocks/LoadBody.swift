import ApusCore
import Glibc
import Tabular

/// Octets of a load's body, shared by reference.
final class LoadChunk {
    var buffer: ByteBuffer
    init(capacity: Int) { buffer = ByteBuffer(capacity: capacity) }
}

/// The body of one load on its way from the writer to the thread that sends it: a few chunks that go round, so that one
/// is filled while others are sent.
///
/// Sendable, unchecked: the lists are guarded by the monitor; a chunk is used by whoever took it.
final class LoadBody: @unchecked Sendable {
    /// Octets of rows that are compressed into one chunk, and a little less than a block of LZ4 has.
    static let chunkSize = 252 << 10
    /// Chunks that wait to be sent, at most.
    private static let depth = 6

    private let monitor = Monitor()
    private var full: [LoadChunk]
    private var free: [LoadChunk] = []
    private var hasEnded = false
    private var hasFailed = false
    private var isFinished = false
    /// Chunks are kept, since the body may have to be sent again.
    private let isKept: Bool
    private var position = 0
    private var sent = 0
    /// Told when there is more to send.
    private var wake: (@Sendable () -> Void)?

    /// A body to be streamed, of which some chunks are there already.
    init(beginning chunks: [LoadChunk] = []) {
        full = chunks
        isKept = false
    }

    /// A body that is complete, and can be sent again.
    init(complete chunks: [LoadChunk]) {
        full = chunks
        isKept = true
        hasEnded = true
    }

    /// The octets of a complete body.
    var length: Int { monitor.locked { full.reduce(0) { $0 + $1.buffer.count } } }

    // MARK: The writer's side

    /// Gives a chunk to be sent; waits while too many are. False when the load has ended on its own.
    func put(_ chunk: LoadChunk) -> Bool {
        let (isTaken, wake) = monitor.locked { () -> (Bool, (@Sendable () -> Void)?) in
            while full.count >= Self.depth, !isFinished { monitor.wait() }
            if isFinished { return (false, nil) }
            full.append(chunk)
            return (true, full.count == 1 ? self.wake : nil)
        }
        wake?()
        return isTaken
    }

    /// An empty chunk that has been sent, if there is one.
    func recycled() -> LoadChunk? { monitor.locked { free.popLast() } }

    /// No more rows; with `failed`, those sent must not count.
    func end(failed: Bool = false) {
        let wake = monitor.locked {
            hasEnded = true
            if failed { hasFailed = true }
            monitor.broadcast()
            return self.wake
        }
        wake?()
    }

    // MARK: The sending side

    func onMore(_ wake: @escaping @Sendable () -> Void) { monitor.locked { self.wake = wake } }

    /// Nothing of it is taken any more. Afterwards `onMore`'s closure is not called again.
    func finish() {
        monitor.locked {
            isFinished = true
            wake = nil
            monitor.broadcast()
        }
    }

    /// Begins again from the first octet.
    func rewind() {
        monitor.locked {
            position = 0
            sent = 0
            isFinished = false
        }
    }

    enum Part { case octets(Int), later, end, broken }

    /// Up to `size` octets.
    func read(into out: UnsafeMutablePointer<CChar>, _ size: Int) -> Part {
        monitor.locked {
            if hasFailed { return .broken }
            while position < full.count {
                let chunk = full[position]
                let count = min(size, chunk.buffer.count - sent)
                if count > 0 {
                    memcpy(out, chunk.buffer.start + sent, count)
                    sent += count
                    return .octets(count)
                }
                sent = 0
                if isKept {
                    position += 1
                } else {
                    full.removeFirst()
                    recycle(chunk)
                    monitor.broadcast()
                }
            }
            return hasEnded ? .end : .later
        }
    }

    private func recycle(_ chunk: LoadChunk) {
        // What came before the first request, and what one huge row made large, is given back.
        guard free.count < Self.depth, chunk.buffer.count <= Self.chunkSize * 4 else { return }
        chunk.buffer.removeAll()
        free.append(chunk)
    }
}
