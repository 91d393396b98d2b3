import Tabular

/// The resolved wish: what `plan` prints is what `run` does, here or on another machine.
///
/// A plan is immutable and Codable; its JSON has sorted keys, so that equal plans have equal text and `hash`.
/// Secrets are in it only as references.
public struct Plan: Sendable, Hashable, Codable {
    /// Raised when the meaning of the JSON changes.
    public static let version = 1

    public var version = Plan.version
    public var name: String?
    /// Connector names and references of both ends.
    public var from: End
    /// Further sources that tables are read from, see ``Read/source``.
    public var others: [End]
    public var to: End
    public var tables: [PlannedTable]
    public var limits: Flow.Limits
    public var before: [String]
    public var after: [String]
    public var consistentSnapshot: Bool
    /// The zone between instants and wall clocks; nil in plans of older versions, whose clock was UTC.
    public var zone: RunZone?
    /// Schemas (MySQL: databases) of the target that the run makes before anything else; nil = none.
    public var schemas: [String]?
    /// What was noticed of the whole run, not of a table; nil = nothing.
    public var findings: [Finding]?

    public struct End: Sendable, Hashable, Codable {
        public var connector: String
        /// See ``Flow/Connection/reference``.
        public var reference: String
        /// See ``Endpoint/zone``.
        public var zone: String?

        public init(connector: String, reference: String, zone: String? = nil) {
            self.connector = connector
            self.reference = reference
            self.zone = zone
        }
    }

    public init(
        name: String?, from: End, others: [End] = [], to: End, tables: [PlannedTable], limits: Flow.Limits,
        before: [String], after: [String], consistentSnapshot: Bool
    ) {
        self.name = name
        self.from = from
        self.others = others
        self.to = to
        self.tables = tables
        self.limits = limits
        self.before = before
        self.after = after
        self.consistentSnapshot = consistentSnapshot
    }

    public var sources: [End] { [from] + others }
}

/// One table of a plan.
public struct PlannedTable: Sendable, Hashable, Codable {
    /// `shop.orders`, or the name given to a query: what progress, ledger and `--only` call it.
    public var name: String
    /// Where the rows come from: one read, or several that together make the table. Never empty.
    public var reads: [Read]
    /// The run id in it is filled in when a run begins.
    public var load: Load
    public var slices: [Slice]
    /// Positions of the tables that must be done before rows of this one are loaded: its foreign keys refer to them.
    public var waitsFor: [Int]?
    /// What rows pass between reading and loading, in order.
    public var transforms: [Transform] = []
    /// For incremental loads.
    public var watermark: Watermark?
    public var before: [String]
    public var after: [String]
    /// Statements that the sink will run to make the table, for people to read.
    public var ddl: [String]
    public var findings: [Finding]
    /// Set for a table that cannot be loaded as things are: the error among ``findings`` says why.
    public var pending: Pending?

    public init(
        name: String, reads: [Read], load: Load, slices: [Slice], watermark: Watermark? = nil, before: [String] = [],
        after: [String] = [], ddl: [String] = [], findings: [Finding] = []
    ) {
        self.name = name
        self.reads = reads
        self.load = load
        self.slices = slices
        self.watermark = watermark
        self.before = before
        self.after = after
        self.ddl = ddl
        self.findings = findings
    }

    public init(name: String, read: Read, load: Load, slices: [Slice]) {
        self.init(name: name, reads: [read], load: load, slices: slices)
    }

    /// The first read; the only one of most tables.
    public var read: Read {
        get { reads[0] }
        set { reads[0] = newValue }
    }

    public struct Watermark: Sendable, Hashable, Codable {
        public var column: String
        /// Remembered from the last run; nil = the first run.
        public var after: String?
        /// The largest value when the plan was made; nil = no rows.
        public var upTo: String?
        /// Rows equal to ``after`` are read again: in `upsert`, since more of them may have come.
        public var includesAfter: Bool?
        /// What the ledger remembers it under: both ends, the table, its target as the flow names it, and the column.
        public var key: String

        public init(column: String, after: String?, upTo: String?, key: String) {
            self.column = column
            self.after = after
            self.upTo = upTo
            self.key = key
        }
    }
}

/// Something that the planner noticed.
public struct Finding: Sendable, Hashable, Codable {
    public enum Severity: String, Sendable, Codable, Comparable {
        case note, warning, error
        public static func < (a: Severity, b: Severity) -> Bool { a.rank < b.rank }
        private var rank: Int { self == .note ? 0 : self == .warning ? 1 : 2 }
    }

    public var severity: Severity
    public var column: String?
    public var message: String
    /// The error code that it would have as an error.
    public var code: ApusError.Code
    /// What to do about it.
    public var hint: String?
    /// The numbers that the message speaks of: of `config.column_count` the columns read and those to be written.
    public var numbers: [Int]?

    public init(_ severity: Severity, _ code: ApusError.Code, column: String? = nil, _ message: String, hint: String? = nil) {
        self.severity = severity
        self.hint = hint
        self.code = code
        self.column = column
        self.message = message
    }
}
