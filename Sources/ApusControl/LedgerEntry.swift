import ApusCore
import Tabular

/// One thing to write; several go into one transaction.
public enum LedgerEntry: Sendable {
    case table(TableRecord)
    case slice(SliceRecord, table: Int)
    /// See ``Ledger/reject(_:slice:table:run:restart:)``.
    case reject([RejectedRow], slice: Int, table: Int, restart: Bool)
    case beat(at: Double)
    case finish(RunRecord.Status, error: String?, at: Double)
}

/// A ledger that writes many entries at the price of one.
public protocol BatchLedger: Ledger {
    /// All or nothing, in order.
    func write(_ entries: [LedgerEntry], run id: String) throws
}
