import ApusCore
import Tabular

/// The bounded way of batches from a reading to a writing thread and back: `depth` batches in all, so that a channel's
/// memory is bounded whatever the table's size.
///
/// Sendable, unchecked: all state is guarded by the monitor; a batch is in the queue or with one side.
final class BatchQueue: @unchecked Sendable {
    private let monitor = Monitor()
    private var free: [Batch]
    private var full: [Batch] = []
    private var end: Result<Int, any Error>?
    private var isClosed = false
    private var waited = Effort()

    init(_ batches: [Batch]) {
        free = batches
        full.reserveCapacity(batches.count)
    }

    // MARK: The reading side

    /// An empty batch; nil when the writing side has given up.
    func takeFree() -> Batch? {
        monitor.locked {
            if free.isEmpty, !isClosed {
                let start = Clock.monotonic()
                while free.isEmpty, !isClosed { monitor.wait() }
                waited.waitedForSink += Clock.monotonic() - start
            }
            return isClosed ? nil : free.removeLast()
        }
    }

    func put(_ batch: Batch) {
        monitor.locked {
            full.insert(batch, at: 0)
            monitor.broadcast()
        }
    }

    /// No more batches: the rows that the source gave, or why it broke off.
    func finish(_ result: Result<Int, any Error>) {
        monitor.locked {
            if end == nil { end = result }
            monitor.broadcast()
        }
    }

    // MARK: The writing side

    /// The next batch; nil at the end of the slice.
    /// - throws: what the reading side finished with, at once, even when batches are left.
    func take() throws -> Batch? {
        try monitor.locked {
            while true {
                if case .failure(let error) = end { throw error }
                if let batch = full.popLast() { return batch }
                if end != nil { return nil }
                let start = Clock.monotonic()
                monitor.wait()
                waited.waitedForSource += Clock.monotonic() - start
            }
        }
    }

    func giveBack(_ batch: Batch) {
        monitor.locked {
            free.append(batch)
            monitor.broadcast()
        }
    }

    /// The writing side gives up: the reading side finds no free batch any more.
    func close() {
        monitor.locked {
            isClosed = true
            monitor.broadcast()
        }
    }

    /// Whether the writing side has given up.
    var isOver: Bool { monitor.locked { isClosed } }

    /// How long both sides have waited for each other so far.
    var effort: Effort { monitor.locked { waited } }

    /// Rows that the source gave; valid after `take()` returned nil.
    var rowsRead: Int { monitor.locked { if case .success(let rows) = end { rows } else { 0 } } }
}
