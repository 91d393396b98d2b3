import ApusCore

/// What an extraction was asked for: which rows of the control tables, and which days of them.
public struct ExtractWish: Sendable {
    public var configTable = "datax_config"
    /// The rows' `type`; nil = all.
    public var type: String? = "1"
    /// The rows' `server_type`; nil = all.
    public var serverType: Int?
    /// Source or target tables; empty = all.
    public var tables: [TablePattern] = []
    /// Days since 1970-01-01. Neither day nor range = yesterday, and what earlier runs left unfinished.
    public var day: Int?
    public var from: Int?
    /// The last day, included.
    public var to: Int?
    /// A range is loaded at once instead of day by day.
    public var isWhole = false
    /// Days before the window that are read again, for late rows.
    public var lookback = 0
    /// Only what earlier runs left unfinished.
    public var retriesFailed = false
    /// How increments are loaded; nil = a window of days is replaced, other increments change rows by key or are added.
    /// `replace`: the target holds the increment alone, as a template that empties it has it in pydatax.
    public var increment: LoadMode?
    /// Tables whose ordernum differs before the point are kept apart.
    public var hasBarriers = false
    /// An IANA name, an offset, or UTC; nil = the control database's own zone.
    public var zone: String?
    /// Schemas of targets that are missing are made.
    public var createsSchemas = false
    /// Where templates are.
    public var templateFolder: String?
    /// Where scripts of tables are: `<target>.before.sql` and `<target>.after.sql`.
    public var scriptFolder: String?

    /// Tables at a time, and slices at a time over all of them.
    public var parallel = 4
    /// Slices at a time on one source or target; nil = as many as ``parallel``.
    public var perEnd: Int?
    /// Rejected rows of a table before it fails; nil = no limit.
    public var badRows: Int? = 0
    /// ``badRows`` was asked for, and counts before what a template says.
    public var isBadRowsGiven = false
    public var rowsPerSecond: Int?
    public var bytesPerSecond: Int?
    public var memory: Int?
    public var attempts = 5
    /// Seconds without a sign of life after which another worker takes a table over.
    public var leaseSeconds = 30
    /// Seconds to wait for a control database that has gone away.
    public var patience = 600.0

    public init() {}

    /// What workers of one night have in common: the rows and days that are meant.
    var task: String {
        let numbers = [serverType, day, from, to].map { $0.map(String.init) ?? "-" }.joined(separator: "|")
        return
            "\(configTable)|\(type ?? "-")|\(numbers)|\(isWhole)|\(lookback)|\(retriesFailed)|\(tables.map(\.text).joined(separator: ","))"
    }
}
