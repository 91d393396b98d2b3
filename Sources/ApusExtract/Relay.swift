import ApusCore
import ApusEngine
import Synchronization
import Tabular

/// Tells the events of one table's run as those of a table of the whole extraction, and keeps its rejected rows.
final class Relay: Listener {
    private let number: Int
    private let stream: EventStream
    private let kept = Mutex<[RejectedRow]>([])
    private let moved = Mutex(0)

    /// Rejected rows that go to `datax_row_error`.
    static let most = 1000

    init(_ number: Int, _ stream: EventStream) {
        self.number = number
        self.stream = stream
    }

    var rejected: [RejectedRow] { kept.withLock { $0 } }
    /// Rows that were read, those of slices that failed in the end too.
    var rows: Int { moved.withLock { $0 } }

    func hear(_ event: Event) {
        switch event.kind {
        case .runStarted, .runFinished: return
        case .message: stream.send(event.kind)
        case .tableStarted(_, let name, let target, let slices, let done, let rows):
            stream.send(.tableStarted(table: number, name: name, target: target, slices: slices, doneSlices: done, rows: rows))
        case .sliceStarted(_, let slice, let attempt):
            stream.send(.sliceStarted(table: number, slice: slice, attempt: attempt))
        case .progress(_, let slice, let rows, let bytes, let filtered, let effort):
            moved.withLock { $0 += rows }
            stream.send(.progress(table: number, slice: slice, rows: rows, bytes: bytes, filtered: filtered, effort: effort))
        case .sliceFinished(_, let slice, let tally):
            stream.send(.sliceFinished(table: number, slice: slice, tally))
        case .sliceRetried(_, let slice, let attempt, let rows, let bytes, let error, let delay):
            kept.withLock { $0 = [] }
            moved.withLock { $0 -= rows }
            stream.send(
                .sliceRetried(
                    table: number, slice: slice, attempt: attempt, movedRows: rows, movedBytes: bytes, error, delay: delay))
        case .sliceSplit(_, let slice, let parts):
            stream.send(.sliceSplit(table: number, slice: slice, into: parts))
        case .rowsRejected(_, let slice, let rows):
            kept.withLock { $0 += rows.prefix(max(0, Self.most - $0.count)) }
            stream.send(.rowsRejected(table: number, slice: slice, rows))
        case .tableFinished: return
        }
    }
}
