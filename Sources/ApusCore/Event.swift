import Tabular

/// Something that happened: the only thing that leaves the engine. Progress, logs, statistics and the ledger's
/// history listen to one stream.
public struct Event: Sendable {
    public var runID: String
    /// 1, 2, 3 … within a run.
    public var sequence: Int
    /// Seconds since 1970, UTC.
    public var time: Double
    public var kind: Kind

    public init(runID: String, sequence: Int, time: Double, kind: Kind) {
        self.runID = runID
        self.sequence = sequence
        self.time = time
        self.kind = kind
    }

    public enum Kind: Sendable {
        case runStarted(RunStart)
        case message(Level, String)
        /// `rows` is what all slices together are expected to hold, those already done included; nil = unknown.
        case tableStarted(table: Int, name: String, target: String, slices: Int, doneSlices: Int, rows: Int?)
        /// `attempt` is 1 for the first try.
        case sliceStarted(table: Int, slice: Int, attempt: Int)
        /// Sent at most a few times a second per channel: what the slice has moved since the last one.
        case progress(
            table: Int, slice: Int, rows: Int, bytes: Int, filtered: Int = 0, effort: Effort = Effort())
        case sliceFinished(table: Int, slice: Int, Tally)
        /// The slice will be tried again as try number `attempt` after `delay` seconds; what it had moved is taken back
        /// from progress.
        case sliceRetried(table: Int, slice: Int, attempt: Int, movedRows: Int, movedBytes: Int, ApusError, delay: Double)
        /// The slice was cut: these take its place, and what it had moved is taken back.
        case sliceSplit(table: Int, slice: Int, into: [Int])
        case rowsRejected(table: Int, slice: Int, [RejectedRow])
        case tableFinished(table: Int, TableResult)
        case runFinished(RunResult)
    }

    public enum Level: String, Sendable, Codable { case debug, info, warning, error }

    public struct RunStart: Sendable {
        public var name: String?
        public var from: String
        public var to: String
        public var tables: Int
        public var channels: Int
        public var resumed: Bool
        /// See ``Plan/zone``.
        public var zone: RunZone?

        public init(name: String?, from: String, to: String, tables: Int, channels: Int, resumed: Bool, zone: RunZone? = nil) {
            self.name = name
            self.from = from
            self.to = to
            self.tables = tables
            self.channels = channels
            self.resumed = resumed
            self.zone = zone
        }
    }
}

/// Where the time of a slice went, in seconds of its two threads.
public struct Effort: Sendable, Hashable {
    /// The writing thread had no rows.
    public var waitedForSource = 0.0
    /// The reading thread had no room for rows.
    public var waitedForSink = 0.0
    /// In transforms.
    public var transformed = 0.0

    public init() {}

    public static func + (a: Effort, b: Effort) -> Effort { a.joined(b, 1) }
    public static func - (a: Effort, b: Effort) -> Effort { a.joined(b, -1) }

    private func joined(_ other: Effort, _ factor: Double) -> Effort {
        var sum = self
        sum.waitedForSource += factor * other.waitedForSource
        sum.waitedForSink += factor * other.waitedForSink
        sum.transformed += factor * other.transformed
        return sum
    }
}

/// Rows and octets that were moved; read = written + rejected + filtered, always.
public struct Tally: Sendable, Hashable, Codable {
    public var read = 0
    public var written = 0
    public var rejected = 0
    public var filtered = 0
    public var bytes = 0

    public init(read: Int = 0, written: Int = 0, rejected: Int = 0, filtered: Int = 0, bytes: Int = 0) {
        self.read = read
        self.written = written
        self.rejected = rejected
        self.filtered = filtered
        self.bytes = bytes
    }

    public var balances: Bool { read == written + rejected + filtered }

    public static func + (a: Tally, b: Tally) -> Tally {
        Tally(
            read: a.read + b.read, written: a.written + b.written, rejected: a.rejected + b.rejected,
            filtered: a.filtered + b.filtered, bytes: a.bytes + b.bytes)
    }
}

/// What has become of a table, as the engine says.
public enum TableStatus: String, Sendable, Codable {
    /// Nothing was done for it: the run ended before.
    case notStarted = "not_started"
    case running
    case done
    case failed
    /// Ended at a checkpoint; `resume` goes on.
    case stopped
}

/// How a table ended. Durations are seconds.
public struct TableResult: Sendable {
    public var name: String
    public var target: String
    public var status: TableStatus
    public var tally: Tally
    public var before: Double
    public var data: Double
    public var after: Double
    /// Why it is not done; nil where the run as a whole says it.
    public var error: ApusError?

    public init(
        name: String, target: String, status: TableStatus, tally: Tally = Tally(), before: Double = 0, data: Double = 0,
        after: Double = 0, error: ApusError? = nil
    ) {
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

/// How a run ended.
public struct RunResult: Sendable {
    public enum Status: String, Sendable, Codable {
        case done
        /// Some tables failed or too many rows were rejected.
        case failed
        /// Stopped at a checkpoint; `resume` goes on.
        case stopped
    }

    public var status: Status
    public var tables: [TableResult]
    public var seconds: Double
    /// What ended the whole run, when it was not a table.
    public var error: ApusError?

    public init(status: Status, tables: [TableResult], seconds: Double, error: ApusError? = nil) {
        self.status = status
        self.tables = tables
        self.seconds = seconds
        self.error = error
    }

    public var tally: Tally { tables.reduce(Tally()) { $0 + $1.tally } }
}

/// Takes events, one at a time, in order. Called on engine threads: it must be quick and may not call the engine.
public protocol Listener: Sendable {
    func hear(_ event: Event)
}
