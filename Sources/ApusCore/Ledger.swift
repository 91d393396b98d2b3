import Tabular

/// What is remembered between runs: runs, slices, watermarks, rejected rows.
///
/// The target's own marks decide what is loaded (``Sink/marks(_:)``); the ledger is how a later process finds the
/// run, its plan and what became of it. All calls may come from several threads.
public protocol Ledger: Sendable {
    func begin(_ run: RunRecord) throws
    func finish(run id: String, status: RunRecord.Status, error: String?) throws
    /// Says that the run is alive; a run without a sign for a minute counts as interrupted.
    func beat(run id: String) throws
    func run(_ id: String) throws -> RunRecord?
    /// Latest first. ``RunRecord/plan`` is left empty; ask ``run(_:)`` for it.
    func runs(limit: Int) throws -> [RunRecord]
    /// Runs to an end (``RunRecord/to``) that are not done, latest first, without their plans.
    func unfinishedRuns(to target: String) throws -> [RunRecord]

    func record(_ table: TableRecord, run id: String) throws
    func tables(run id: String) throws -> [TableRecord]
    /// Slices that a split made, so that a resume knows them.
    func record(slices: [Slice], table: Int, run id: String, replacing slice: Int?) throws
    func slices(run id: String, table: Int) throws -> [SliceRecord]
    func record(_ slice: SliceRecord, table: Int, run id: String) throws

    /// Replaces what is stored for the slice, so that a second try does not double.
    func reject(_ rows: [RejectedRow], slice: Int, table: Int, run id: String, restart: Bool) throws
    /// How many rejected rows there are, slice by slice.
    func rejectedCounts(run id: String) throws -> [(table: Int, slice: Int, count: Int)]
    /// At most `limit` of a slice's, in the order in which they were kept, behind a sequence number; −1 is before the first.
    func rejected(run id: String, table: Int, slice: Int, after sequence: Int, limit: Int) throws -> [(sequence: Int, row: RejectedRow)]
    func removeRejected(run id: String, table: Int, slice: Int, sequences: [Int]) throws

    /// `flow` tells watermarks of different jobs apart: source and target reference and table name.
    func watermark(flow: String) throws -> String?
    func setWatermark(flow: String, to value: String) throws
}

extension Ledger {
    /// All rejected rows of a run, one after another: there may be millions.
    public func eachRejected(run id: String, _ body: ((table: Int, slice: Int, row: RejectedRow)) throws -> Void) throws {
        for part in try rejectedCounts(run: id) {
            var after = -1
            while true {
                let page = try rejected(run: id, table: part.table, slice: part.slice, after: after, limit: RejectedRow.page)
                for entry in page { try body((part.table, part.slice, entry.row)) }
                guard page.count == RejectedRow.page else { break }
                after = page[page.count - 1].sequence
            }
        }
    }

    /// The same in an array, where they are few.
    public func rejected(run id: String) throws -> [(table: Int, slice: Int, row: RejectedRow)] {
        var rows: [(table: Int, slice: Int, row: RejectedRow)] = []
        try eachRejected(run: id) { rows.append($0) }
        return rows
    }

    public func unfinishedRuns(to target: String) throws -> [RunRecord] {
        try runs(limit: 1000).filter { $0.status != .done && $0.to == target }
    }
}

/// A ledger that several workers of one run share: a worker claims a piece of the work before it does it.
///
/// A claim is a lease: it holds while its worker gives signs of life, and whoever finds it silent for too long takes it
/// over. Silence is measured by the ledger's own clock, so that the workers' clocks need not agree. Claims keep workers
/// out of each other's way; that no row is loaded twice is the business of the target's marks.
public protocol SharedLedger: Ledger {
    /// Says that another worker works on a run; false when there is no such run yet.
    func join(run id: String) throws -> Bool
    /// Claims a piece of the run's work for a worker.
    /// - parameter lease: seconds of silence after which another worker's claim is void.
    func claim(_ work: String, run id: String, worker: String, lease: Double) throws -> Claim
    /// Gives a sign of life for all claims of a worker.
    /// - returns: those that it still holds.
    func renewClaims(run id: String, worker: String) throws -> Set<String>
    /// Says that a claimed piece is done, for good.
    func settle(_ work: String, run id: String, worker: String) throws
    /// Gives a claim up, so that another worker need not wait for the lease's end.
    func release(_ work: String, run id: String, worker: String) throws
}

/// What became of the wish to do a piece of a shared run's work.
public enum Claim: Sendable, Hashable {
    /// It is this worker's now.
    case taken
    /// It was done before.
    case done
    /// Another worker is at it, and gave its last sign of life so many seconds ago.
    case held(by: String, silent: Double)
}

extension RejectedRow {
    /// How many are read from a ledger at a time.
    public static let page = 500
}

public struct RunRecord: Sendable, Hashable, Codable {
    public enum Status: String, Sendable, Codable { case running, done, failed, stopped }

    /// UUIDv7: sortable by time.
    public var id: String
    public var name: String?
    public var from: String
    public var to: String
    /// The plan's JSON.
    public var plan: String
    public var status: Status
    /// Seconds since 1970, UTC.
    public var startedAt: Double
    public var finishedAt: Double?
    public var beatAt: Double
    public var host: String
    public var pid: Int
    public var error: String?

    public init(
        id: String, name: String?, from: String, to: String, plan: String, status: Status, startedAt: Double,
        finishedAt: Double? = nil, beatAt: Double, host: String, pid: Int, error: String? = nil
    ) {
        self.id = id
        self.name = name
        self.from = from
        self.to = to
        self.plan = plan
        self.status = status
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.beatAt = beatAt
        self.host = host
        self.pid = pid
        self.error = error
    }
}

public struct TableRecord: Sendable, Hashable, Codable {
    public enum Status: String, Sendable, Codable { case waiting, running, done, failed }
    public var table: Int
    public var name: String
    public var target: String
    public var status: Status
    public var tally: Tally
    public var before: Double
    public var data: Double
    public var after: Double
    public var error: String?

    public init(
        table: Int, name: String, target: String, status: Status, tally: Tally = Tally(), before: Double = 0,
        data: Double = 0, after: Double = 0, error: String? = nil
    ) {
        self.table = table
        self.name = name
        self.target = target
        self.status = status
        self.tally = tally
        self.before = before
        self.data = data
        self.after = after
        self.error = error
    }
}

public struct SliceRecord: Sendable, Hashable, Codable {
    public enum Status: String, Sendable, Codable { case waiting, running, done, failed, replaced }
    public var slice: Slice
    public var status: Status
    public var attempts: Int
    public var tally: Tally
    public var seconds: Double

    public init(slice: Slice, status: Status, attempts: Int, tally: Tally, seconds: Double) {
        self.slice = slice
        self.status = status
        self.attempts = attempts
        self.tally = tally
        self.seconds = seconds
    }
}
