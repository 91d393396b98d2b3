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
/// Sendable, unchecked: the lists are guarded by the mutex; a chunk is used by whoever took it.
final class LoadBody: @unchecked Sendable {
    /// Octets of rows that are compressed into one chunk, and a little less than a block of LZ4 has.
    static let chunkSize = 252 << 10
    /// Chunks that wait to be sent, at most.
    private static let depth = 6

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
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
        makeMutex()
    }

    /// A body that is complete, and can be sent again.
    init(complete chunks: [LoadChunk]) {
        full = chunks
        isKept = true
        hasEnded = true
        makeMutex()
    }

    private func makeMutex() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(changed)
        mutex.deallocate()
        changed.deallocate()
    }

    private func locked<T>(_ body: () -> T) -> T {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }

    /// The octets of a complete body.
    var length: Int { locked { full.reduce(0) { $0 + $1.buffer.count } } }

    // MARK: The writer's side

    /// Gives a chunk to be sent; waits while too many are. False when the load has ended on its own.
    func put(_ chunk: LoadChunk) -> Bool {
        let (isTaken, wake) = locked { () -> (Bool, (@Sendable () -> Void)?) in
            while full.count >= Self.depth, !isFinished { pthread_cond_wait(changed, mutex) }
            if isFinished { return (false, nil) }
            full.append(chunk)
            return (true, full.count == 1 ? self.wake : nil)
        }
        wake?()
        return isTaken
    }

    /// An empty chunk that has been sent, if there is one.
    func recycled() -> LoadChunk? { locked { free.popLast() } }

    /// No more rows; with `failed`, those sent must not count.
    func end(failed: Bool = false) {
        let wake = locked {
            hasEnded = true
            if failed { hasFailed = true }
            pthread_cond_broadcast(changed)
            return self.wake
        }
        wake?()
    }

    // MARK: The sending side

    func onMore(_ wake: @escaping @Sendable () -> Void) { locked { self.wake = wake } }

    /// Nothing of it is taken any more. Afterwards `onMore`'s closure is not called again.
    func finish() {
        locked {
            isFinished = true
            wake = nil
            pthread_cond_broadcast(changed)
        }
    }

    /// Begins again from the first octet.
    func rewind() {
        locked {
            position = 0
            sent = 0
            isFinished = false
        }
    }

    enum Part { case octets(Int), later, end, broken }

    /// Up to `size` octets.
    func read(into out: UnsafeMutablePointer<CChar>, _ size: Int) -> Part {
        locked {
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
                    pthread_cond_broadcast(changed)
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
