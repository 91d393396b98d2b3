import ApusCore
import Tabular

/// Puts the rejected rows of one attempt at a slice into the ledger.
///
/// They are written by the thread that loads the slice: a ledger that is slow slows the load, so that rows never pile up
/// in memory. The last ones are written before the slice's mark is committed: a slice that counts has all its rejected
/// rows in the ledger, and an attempt that is repeated replaces those of the one before.
final class RejectionLog {
    private let ledger: any Ledger
    private let runID: String
    private let table: Int
    private let slice: Int
    private var pending: [RejectedRow] = []
    private var pendingBytes = 0

    /// So many rows, or bytes of their values, are written at once.
    private static let most = 500
    private static let mostBytes = 256 << 10

    init(_ ledger: any Ledger, runID: String, table: Int, slice: Int) {
        self.ledger = ledger
        self.runID = runID
        self.table = table
        self.slice = slice
    }

    /// Forgets what an earlier attempt has left.
    func restart() throws {
        pending = []
        pendingBytes = 0
        try ledger.reject([], slice: slice, table: table, run: runID, restart: true)
    }

    func add(_ rows: [RejectedRow]) throws {
        for row in rows {
            pending.append(row)
            pendingBytes += row.values.utf8.count + row.reason.utf8.count
            if pending.count >= Self.most || pendingBytes >= Self.mostBytes { try flush() }
        }
    }

    func flush() throws {
        guard !pending.isEmpty else { return }
        try ledger.reject(pending, slice: slice, table: table, run: runID, restart: false)
        pending.removeAll(keepingCapacity: true)
        pendingBytes = 0
    }
}
