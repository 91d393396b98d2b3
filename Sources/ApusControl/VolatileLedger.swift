import ApusCore
import Tabular

/// A ledger for runs that are not resumed, such as DataX jobs: it remembers nothing and leaves nothing behind.
public struct VolatileLedger: Ledger {
    public init() {}

    public func begin(_ run: RunRecord) throws {}
    public func finish(run id: String, status: RunRecord.Status, error: String?) throws {}
    public func beat(run id: String) throws {}
    public func run(_ id: String) throws -> RunRecord? { nil }
    public func runs(limit: Int) throws -> [RunRecord] { [] }
    public func record(_ table: TableRecord, run id: String) throws {}
    public func tables(run id: String) throws -> [TableRecord] { [] }
    public func record(slices: [Slice], table: Int, run id: String, replacing slice: Int?) throws {}
    public func slices(run id: String, table: Int) throws -> [SliceRecord] { [] }
    public func record(_ slice: SliceRecord, table: Int, run id: String) throws {}
    public func reject(_ rows: [RejectedRow], slice: Int, table: Int, run id: String, restart: Bool) throws {}
    public func rejectedCounts(run id: String) throws -> [(table: Int, slice: Int, count: Int)] { [] }
    public func rejected(
        run id: String, table: Int, slice: Int, after sequence: Int, limit: Int
    ) throws -> [(sequence: Int, row: RejectedRow)] { [] }
    public func removeRejected(run id: String, table: Int, slice: Int, sequences: [Int]) throws {}
    public func watermark(flow: String) throws -> String? { nil }
    public func setWatermark(flow: String, to value: String) throws {}
}
