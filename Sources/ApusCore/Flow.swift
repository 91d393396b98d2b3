/// The user's wish, validated as text, nothing opened yet. Made by the readers of ApusFlow: flow files, the command
/// line, DataX jobs, control tables.
public struct Flow: Sendable, Hashable {
    public var name: String?
    public var from: Connection
    public var to: Connection
    /// Further sources, whose rows go into the same tables: see ``TableWish/members``.
    public var others: [Connection] = []
    /// In the order in which they were written; ``TableSelection`` says how they are joined. None = every table.
    public var tables: [TableWish] = []
    /// What holds for every table and query where its own entries say nothing; its subject means nothing.
    public var defaults: TableWish?
    public var limits = Limits()
    /// SQL run on the target before the first and after the last table.
    public var before: [String] = []
    public var after: [String] = []
    /// One state of the source for all channels.
    public var consistentSnapshot = false
    /// A lossy mapping is an error.
    public var strict = false
    /// The zone between instants and wall clocks; nil = the sessions' own. See ``state(zone:)``.
    public var zone: RunZone?
    /// Schemas (MySQL: databases) of the target that are missing are made.
    public var createsSchemas = false { didSet { to.endpoint.createsSchemas = createsSchemas } }

    public init(from: Connection, to: Connection) {
        self.from = from
        self.to = to
    }

    /// ``from`` and the others; ``TableWish/Member/source`` is a position in it.
    public var sources: [Connection] { [from] + others }

    /// One end, with what the plan may say of it.
    public struct Connection: Sendable, Hashable {
        public var endpoint: Endpoint
        /// What a plan keeps: the text as written, with `${…}` references unexpanded; passwords that were written
        /// out are replaced by `•••`.
        public var reference: String

        public init(_ endpoint: Endpoint, reference: String) {
            self.endpoint = endpoint
            self.reference = reference
        }
    }

    public struct Limits: Sendable, Hashable, Codable {
        /// Rejected rows over all tables before the run fails; nil = no limit.
        public var badRows: Int? = 0
        /// Rejected rows of a table, in percent of the rows read (0…100), looked at when its slices are loaded; nil = no
        /// such limit.
        public var badPercent: Double?
        public var rowsPerSecond: Int?
        public var bytesPerSecond: Int?
        /// Connections to each side at a time, over all tables.
        public var channels = 4
        /// Octets of batches in flight; nil = channels × what a channel needs.
        public var memory: Int?
        /// Tries for a slice that failed for a transient reason, the first included.
        public var attempts = 5

        public init() {}
    }
}

/// What is wanted of one table, or of all tables that a pattern means.
public struct TableWish: Sendable, Hashable, Codable {
    /// What it applies to: a name or pattern (`sales.*`, `customer_?`), or a query.
    public enum Subject: Sendable, Hashable, Codable {
        case pattern(String)
        /// A SELECT; `as` names the target table.
        case query(String, as: String)
    }

    public var subject: Subject
    public var skip = false
    /// The target's name, with `{table}` and `{schema}` filled from the source.
    public var to: String?
    public var mode: LoadMode?
    public var create: CreatePolicy?
    /// SQL condition of the source.
    public var filter: String?
    /// The columns wanted; nil = all. See ``ColumnWish``.
    public var columns: [ColumnWish]?
    /// Columns left out when `columns` is nil.
    public var exclude: [String] = []
    /// Source name → target name, for columns otherwise kept.
    public var rename: [String: String] = [:]
    /// Target column → native declaration, instead of the mapped one.
    public var types: [String: String] = [:]
    public var key: [String]?
    /// Column to remember the largest value of, for the next run.
    public var watermark: String?
    /// With the watermark `partitions()`; nil = keep.
    public var gonePartitions: GonePartitions?
    /// Number of slices.
    public var slices: Int?
    /// Columns to cut by.
    public var sliceBy: [String]?
    public var withIndexes: Bool?
    public var withForeignKeys: Bool?
    /// What rows pass between reading and loading, in order: DataX jobs only.
    public var transforms: [Transform] = []
    public var before: [String] = []
    public var after: [String] = []
    /// What the table is called in the SQL of its columns and filter: `t`, for `t.id`.
    public var alias: String?
    /// With mode `window`: which rows of the target are replaced, as a condition in the target's SQL.
    public var window: String?
    /// The rows that the filter lets through are an increment, so that a full refresh would drop the others.
    public var isIncrement = false
    /// The days whose rows are loaded; they make up filter and window.
    public var days: Days?
    /// The places whose rows together make the table; empty = the source's own table of that name. The subject then
    /// only names the table.
    public var members: [Member] = []
    /// Columns map by position instead of by name, as in DataX jobs; see ``targets``.
    public var positional = false
    /// With ``positional``: the target columns, in the order of the read ones; nil = all that the target does not
    /// compute, in its own order.
    public var targets: [String]?
    /// In mode `append`: how a row is treated whose key the target has already; nil = it is rejected.
    public var duplicates: Duplicates?
    /// An empty text is NULL where the target's column is a number.
    public var emptyIsNull = false
    /// Other runs may load the same target at the same time; only in mode `append`.
    public var isShared = false
    /// Fraction digits and times of day that the target has no place for are rounded and dropped, as a server does it
    /// with the text that DataX sends; otherwise such a row is rejected.
    public var rounds = false
    /// Where it was written, for errors: `flow.yaml:7:3`.
    public var place: String?

    public init(_ subject: Subject) { self.subject = subject }

    /// One of several places that a table is read from: a branch's database, a shard, one query of many.
    public struct Member: Sendable, Hashable, Codable {
        /// Position in ``Flow/sources``.
        public var source: Int
        /// A table's exact name, or a query.
        public var subject: Subject
        /// nil = the wish's own.
        public var filter: String?
        /// nil = the wish's own. A constant is a column with a literal as its expression.
        public var columns: [ColumnWish]?
        /// The place's name, for messages.
        public var label: String?
        /// Columns, in small letters, that a query gives as NULL since its table has none such: their type says nothing.
        public var absent: Set<String> = []

        public init(
            source: Int, _ subject: Subject, filter: String? = nil, columns: [ColumnWish]? = nil, label: String? = nil
        ) {
            self.source = source
            self.subject = subject
            self.filter = filter
            self.columns = columns
            self.label = label
        }
    }
}

/// One column that the user named.
public struct ColumnWish: Sendable, Hashable, Codable {
    /// The target column; `*` stands for every column of the table that is neither excluded nor named otherwise.
    public var name: String
    /// SQL of the source, e.g. a column's name, `upper(name)` or `'constant'`; nil = the column `name`.
    public var expression: String?

    public init(_ name: String, expression: String? = nil) {
        self.name = name
        self.expression = expression
    }
}
