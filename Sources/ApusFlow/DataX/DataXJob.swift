import ApusCore

/// What a DataX job file asks for, checked as text, nothing opened yet. ``flow(_:choose:)`` makes it a ``Flow``.
public struct DataXJob: Hashable, Sendable {
    public enum Reader: Hashable, Sendable {
        case relational(RelationalReader)
        case text(TextReader)
        case stream(StreamReader)
    }

    public enum Writer: Hashable, Sendable {
        case relational(RelationalWriter)
        case text(TextWriter)
        case stream(StreamWriter)
    }

    /// The file or address it was read from, for messages.
    public var name: String
    public var reader: Reader
    public var writer: Writer
    /// Tasks that run at a time, by DataX's rules.
    public var channels = 1
    /// Over the whole process.
    public var bytesPerSecond: Int?
    public var rowsPerSecond: Int?
    /// `errorLimit.record`; nil = no such limit.
    public var badRows: Int?
    /// `errorLimit.percentage`, in percent; nil = no such limit, and always where `badRows` is set.
    public var badPercent: Double?
    /// Tries for a slice; nil = Apus's own number.
    public var attempts: Int?
    /// Octets of rows in flight; nil = what the channels need.
    public var memory: Int?
    public var dryRun = false
    /// `content[0].transformer`, in its order.
    public var transforms: [Transform] = []
    /// Seconds between two progress lines, `core.container.job.reportInterval`.
    public var reportInterval: Double?
    /// Dirty rows that are printed, `core.statistics.collector.plugin.maxDirtyNumber`.
    public var dirtyRowsShown: Int?
    /// For the user to read: what is probably a mistake.
    public var notices: [String] = []
    /// Keys that are accepted and have no meaning here.
    public var ignored: [String] = []

    /// One address of a database, or several of which the first that answers is taken.
    public struct Database: Hashable, Sendable {
        public var addresses: [JDBCAddress]
        public var user: String?
        public var password: Secret?
        public var session: [String] = []
        /// Settings of the connector that the job's own keys stand for.
        public var settings: [String: String] = [:]
    }

    /// A reader of a database: each source has either tables or queries.
    public struct RelationalReader: Hashable, Sendable {
        public var plugin: String
        public var sources: [Source]
        /// The SELECT list; nil with queries.
        public var columns: DataXColumns?
        public var filter: String?
        public var splitKey: [String] = []

        public struct Source: Hashable, Sendable {
            public var database: Database
            public var tables: [String] = []
            public var queries: [String] = []
        }

        public var isQuery: Bool { sources.contains { !$0.queries.isEmpty } }
        /// Tables, or queries.
        public var taskCount: Int { sources.reduce(0) { $0 + $1.tables.count + $1.queries.count } }
    }

    public enum WriteMode: String, Hashable, Sendable { case insert, ignore, replace, update }

    public struct RelationalWriter: Hashable, Sendable {
        public var plugin: String
        public var database: Database
        public var tables: [String]
        /// nil = all, in the target's order (`["*"]`).
        public var columns: [String]?
        public var mode = WriteMode.insert
        /// The columns of `update (a, b)`, by which rows are told apart where the system lets them be chosen; nil = the key.
        public var key: [String]?
        /// `@table` stands for the table's name.
        public var before: [String] = []
        public var after: [String] = []
        public var emptyIsNull = true
    }

    /// Fields of a text file.
    public struct TextFormat: Hashable, Sendable {
        public var separator = ","
        /// Fields may stand in quotes.
        public var isQuoted = true
        public var quote = "\""
        /// A backslash escapes.
        public var isEscaped = false
        public var encoding = "utf-8"
        public var compression: String?
        /// The text that is NULL.
        public var null: String?
        public var skipsHeader = false
    }

    public struct TextReader: Hashable, Sendable {
        /// Files, folders and patterns.
        public var paths: [String]
        public var format = TextFormat()
        /// nil = every field as text (`["*"]`).
        public var columns: [Column]?

        public struct Column: Hashable, Sendable {
            /// Position in the line, from 0; nil for a constant.
            public var index: Int?
            public var value: String?
            public var kind: Kind
            public var format: String?
        }
    }

    public struct TextWriter: Hashable, Sendable {
        public enum Mode: String, Hashable, Sendable { case truncate, append, nonConflict }
        public var folder: String
        /// What the file's name begins with.
        public var prefix: String
        public var suffix = ""
        public var mode = Mode.append
        public var format = TextFormat()
        public var header: [String]?
        public var dateFormat: String?
    }

    /// Made-up rows.
    public struct StreamReader: Hashable, Sendable {
        /// Of each channel.
        public var rows: Int
        public var columns: [Column]

        public struct Column: Hashable, Sendable {
            public var kind: Kind
            public var value: Value
        }

        public enum Value: Hashable, Sendable {
            case constant(String)
            /// Both ends included: of a number or a date's text its bounds, of a text its length.
            case random(String, String)
        }
    }

    public struct StreamWriter: Hashable, Sendable {
        /// Rows go to standard output.
        public var prints = true
        public var separator = "\t"
    }

    /// The same job with the server behind a connection reached as another system's, once the server has said what it is.
    ///
    /// - parameter label: ``Endpoint/label`` of the connection.
    public func reached(as scheme: String, at label: String, _ connectors: [any Connector]) -> DataXJob {
        func changed(_ database: Database) -> Database {
            var database = database
            let isMeant = database.addresses.contains { (try? $0.endpoint(database, connectors).endpoint.label) == label }
            guard isMeant else { return database }
            database.addresses = JDBCAddress.clusters(
                database.addresses.map { address in
                    var address = address
                    address.scheme = scheme
                    return address
                })
            return database
        }
        var job = self
        if case .relational(var reader) = job.reader {
            for index in reader.sources.indices { reader.sources[index].database = changed(reader.sources[index].database) }
            job.reader = .relational(reader)
        }
        if case .relational(var writer) = job.writer {
            writer.database = changed(writer.database)
            job.writer = .relational(writer)
        }
        return job
    }

    /// DataX's types of a column.
    public enum Kind: String, Hashable, Sendable, CaseIterable { case string, long, double, boolean, date, bytes }
}
