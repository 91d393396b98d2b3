import Tabular

/// A kind of system that Apus reads from or writes to: one folder of `Sources/Connectors`.
public protocol Connector: Sendable {
    /// `mysql`; also the value of ``TableShape/origin``.
    var name: String { get }
    /// For people: `MySQL and MariaDB`.
    var title: String { get }
    /// URL schemes, the preferred one first.
    var schemes: [String] { get }
    /// URL parameters and flow options.
    var settings: [Setting] { get }
    var abilities: Abilities { get }
    /// An example URL for help and `apus init`.
    var example: String { get }
    /// SQL and DDL of the target side; nil when tables need no declaration.
    var dialect: (any Dialect)? { get }

    /// Opens one connection. Blocks; ``Interrupt`` ends the wait.
    /// - throws: `connection.unreachable`, `connection.refused`, `connection.tls`.
    func open(_ endpoint: Endpoint, interrupt: Interrupt) throws -> any Session

    /// Opens `count` connections that all read the same committed state. Each has an interrupt of its own, a child of
    /// `interrupt`. A reader that is closed before its end leaves its connection usable, where the system allows that.
    /// - throws: `unsupported` where the system cannot.
    func openSnapshot(_ endpoint: Endpoint, count: Int, interrupt: Interrupt) throws -> [any Source]
}

extension Connector {
    public func openSnapshot(_ endpoint: Endpoint, count: Int, interrupt: Interrupt) throws -> [any Source] {
        throw ApusError(.unsupported, "\(title) has no snapshot that several connections share")
    }

    public var dialect: (any Dialect)? { nil }
}

/// What a connector can do.
public struct Abilities: Sendable, Hashable {
    public var reads = true
    public var writes = true
    /// The sink's modes.
    public var modes: Set<LoadMode> = [.replace, .truncate, .append, .upsert, .window]
    /// Connections that may write at once; SQLite has one.
    public var writers = Int.max
    /// Statements can be run: before/after SQL, ledgers, queries.
    public var sql = true
    /// A connection may name several hosts, `h1:1,h2:2`, any of which will do.
    public var hostLists = false
    /// A column that no table has and that says in `upsert` what becomes of the row of the same key: 0 = put in or changed,
    /// 1 = deleted. Nil where the system has none.
    public var operationColumn: String?
    /// What the system calls that which tables are in, see ``Sink/missingSchema(for:)``.
    public var schemaWord = "schema"
    /// The system's JDBC driver sets sessions to the JVM's time zone.
    public var driverSetsZone = false
    /// Columns are told apart by name; false for a sink that takes whatever comes (files, null).
    public var declaresTables = true

    public init() {}
}

/// One open connection. It belongs to one thread; only its ``interrupt`` may be used from others.
public protocol Session: AnyObject {
    var interrupt: Interrupt { get }
    /// The system and its version, e.g. `MariaDB 10.11.6`.
    var banner: String { get }
    /// The dialect of this server's version, where versions differ in their declarations; nil = the connector's own.
    var serverDialect: (any Dialect)? { get }
    /// The time zone that user SQL sees on this connection; nil where the system has none.
    func sessionZone() throws -> SessionZone?
    /// All tables and views that a copy could mean, in catalogue order. `schema` nil = the connection's own.
    func tables(schema: String?) throws -> [TableSummary]
    /// The schemas (MySQL: databases) whose tables a pattern such as `shop_*.orders` may mean, without the system's own.
    func schemas() throws -> [String]
    /// - throws: `object.not_found` with the nearest existing name as hint.
    func describe(_ table: TableName) throws -> TableShape
    /// The same; nil where there is no such table.
    func find(_ table: TableName) throws -> TableShape?
    /// The shapes of those tables of ``tables(schema:)`` that are wanted, in that order; one that is dropped meanwhile
    /// is left out. A connector whose catalogue can be read in bulk does it in few queries, however many tables there are.
    func describeAll(schema: String?, where isWanted: (TableSummary) -> Bool) throws -> [TableShape]
    /// Tries what reads and loads will need beside this connection: other ports and servers, rights, clocks. For
    /// `apus conn test`; may take seconds, and leaves nothing behind.
    func checks() -> [SessionCheck]
    func close()
}

/// What a look at a part of a system has shown.
public struct SessionCheck: Sendable {
    /// What was looked at, in a few words.
    public var name: String
    public var detail: String
    /// Why loads or reads would fail; nil = nothing.
    public var error: ApusError?

    public init(_ name: String, _ detail: String = "", error: ApusError? = nil) {
        self.name = name
        self.detail = detail
        self.error = error
    }
}

extension Session {
    public var serverDialect: (any Dialect)? { nil }
    public func sessionZone() throws -> SessionZone? { nil }
    public func schemas() throws -> [String] { [] }
    public func checks() -> [SessionCheck] { [] }

    public func find(_ table: TableName) throws -> TableShape? {
        do { return try describe(table) } catch let error as ApusError where error.code == .notFound { return nil }
    }

    public func describeAll(schema: String?, where isWanted: (TableSummary) -> Bool) throws -> [TableShape] {
        try describeEach(tables(schema: schema).filter(isWanted))
    }

    /// One after another.
    public func describeEach(_ tables: [TableSummary]) throws -> [TableShape] {
        try tables.compactMap { table in
            try find(table.name)
        }
    }
}

/// A connection that runs statements.
public protocol SQLSession: Session {
    /// Runs one statement that returns no rows. Returns the rows affected.
    @discardableResult func execute(_ sql: String) throws -> Int
    /// Runs one statement and returns its rows as text, for small results. `?` marks parameters, in order, in every
    /// dialect (a `?` within quotes is itself); nil is NULL. A statement without rows (INSERT, UPDATE, DELETE) runs too
    /// and returns none. Parameters take the type that their place asks for: text for a BIGINT column is a number.
    func query(_ sql: String, _ parameters: [String?]) throws -> [[String?]]
    /// The columns of a SELECT, without running it.
    func describe(query: String) throws -> TableShape
    /// Has the server look at a SELECT, its names, types and functions, without running it.
    func check(query: String) throws
    /// Has the server look at the grammar of a statement without running it, where it can: what the statement names need not be
    /// there yet.
    func check(syntax: String) throws
}

extension SQLSession {
    public func check(query: String) throws { _ = try describe(query: query) }
    public func check(syntax: String) throws {}
    public func query(_ sql: String) throws -> [[String?]] { try query(sql, []) }
}

/// A connection that reads tables.
public protocol Source: Session {
    /// Cuts a table. The server computes the bounds. Slices are disjoint and complete.
    func slices(of read: Read, wish: SliceWish) throws -> [Slice]
    /// Why ``slices(of:wish:)`` did not cut the last table in the best way; nil = it did. A plan says it.
    var cutRemark: String? { get }
    /// What a plan has to say of a read: columns whose values cannot be read. Changes nothing, reads no rows.
    func findings(of read: Read) -> [Finding]
    /// Cuts one slice, whose read timed out, in two; nil when it is too small to cut. Ids are the caller's matter.
    func halves(of slice: Slice, in read: Read) throws -> [Slice.Bounds]?
    /// The best columns to cut by when the user names none: a primary or unique key; empty = one slice.
    func sliceKey(for shape: TableShape) -> [String]
    /// The SQL for `column > value` and `column <= value`, for watermarks; the value is text that ``maximum(of:in:)`` gave.
    func condition(_ column: Column, _ comparison: Comparison, _ value: String) -> String
    /// Whether conditions on the column follow an order, so that they can cut its rows and tell new ones.
    func canCompare(_ column: ColumnShape) -> Bool
    /// The largest value of a column among the rows that the filters let through, as text that means the same value to
    /// the server again.
    func maximum(of column: Column, in read: Read) throws -> String?
    /// The partitions of a table, for loads of what has changed since the last run.
    /// - throws: `unsupported` where the system cannot tell.
    func partitions(of read: Read) throws -> [Partition]
    /// Starts reading a slice. At most one reader is open on a connection. `wire` names the formats that the sink
    /// takes as they are; a reader that can give one says so in ``Reader/wire``.
    func reader(_ read: Read, _ slice: Slice, wire: [WireFormat]) throws -> any Reader
    /// The wire formats in which this read can be given, before it is opened.
    func wireFormats(of read: Read) -> [WireFormat]
    /// A slice can be read again; false for standard input.
    var rereadable: Bool { get }
    /// How the values of a column are read for a target's column that is declared; nil where the source knows its types
    /// itself, as databases do.
    func reading(_ column: String, of table: TableName, as target: ColumnType) throws -> Reading?
}

/// How a source that only guesses the types of its columns reads one of them.
public struct Reading: Hashable, Sendable {
    public var type: ColumnType
    /// What is known already to be rejected, for the plan.
    public var loss: String?

    public init(_ type: ColumnType, loss: String? = nil) {
        self.type = type
        self.loss = loss
    }
}

public enum Comparison: String, Sendable { case greater = ">", atMost = "<=", atLeast = ">=", less = "<" }

extension Source {
    public var cutRemark: String? { nil }
    public func findings(of read: Read) -> [Finding] { [] }
    public func halves(of slice: Slice, in read: Read) throws -> [Slice.Bounds]? { nil }
    public func sliceKey(for shape: TableShape) -> [String] { [] }
    public func reading(_ column: String, of table: TableName, as target: ColumnType) throws -> Reading? { nil }
    public func wireFormats(of read: Read) -> [WireFormat] { [] }
    public func canCompare(_ column: ColumnShape) -> Bool { column.type != .json }
    public var rereadable: Bool { true }
    public func partitions(of read: Read) throws -> [Partition] {
        throw ApusError(
            .unsupported, "\(banner) cannot tell which partitions of a table were written to",
            hint: "Name a column that grows as `watermark`, such as updated_at.")
    }
    public func maximum(of column: Column, in read: Read) throws -> String? {
        throw ApusError(.unsupported, "\(banner) cannot give the maximum of a column, which a watermark needs")
    }
    public func condition(_ column: Column, _ comparison: Comparison, _ value: String) -> String { "" }
}

/// Rows of one slice, as they come.
public protocol Reader: AnyObject {
    /// Set when batches are in this format.
    var wire: WireFormat? { get }
    /// Rows that the source has given so far, by its own count, those in ``Batch/rejected`` included.
    var rowsRead: Int { get }
    /// What a run has to say of the way that it reads in, where that is not the one that was asked for; nil = nothing.
    var remark: String? { get }
    /// Fills an empty batch until it is full or the slice ends. False when the slice has ended; the batch may then
    /// still hold rows.
    /// - throws: an error of the source, also after the last row: a stream that broke off never ends well.
    func read(into batch: Batch) throws -> Bool
    /// Ends the read, also in the middle.
    func close()
}

extension Reader {
    public var remark: String? { nil }
}

/// A connection that writes tables.
///
/// Every step may be repeated after a crash: `prepare`, `finish` and `discard` look at what is there. Steps of one
/// load run on one connection; writers run on others. The order is `lock`, `prepare`, slices, `finish`, `forget`, `unlock`.
public protocol Sink: Session {
    /// Asks the server about a table that is to be made: what it would not take is left out of the shape, and told in
    /// words (`column: what`). Nothing is changed. `shape` is the dialect's translation.
    /// - throws: `object.not_found` for a type that is not there.
    func settle(_ shape: inout TableShape) throws -> [String]
    /// Looks, when a plan is made, whether the way that rows take is open where it is another one than this connection.
    /// - throws: `connection.unreachable`.
    func checkReach() throws
    /// The schema (MySQL: database) that a table would be made in, where it is not there; nil = it is, or there are none.
    func missingSchema(for table: TableName) throws -> String?
    /// Makes it, unless it is there: then false.
    func createSchema(_ name: String) throws -> Bool
    /// The kinds of names that a schema has once only.
    var sharedNames: [SharedName] { get }
    /// Those of the names that something else than this table has in the table's schema.
    func taken(_ names: [String], _ kind: SharedName, beside table: TableName) throws -> [String]
    /// Refuses a second run on the same target until ``unlock(_:)`` or the connection's end.
    /// - throws: `target.locked` with the other run's id.
    func lock(_ load: Load) throws
    func unlock(_ load: Load)
    /// Ends connections that other processes have opened for the same run: of one that is stopped, not dead, so that it
    /// holds locks, and might go on one day. Called before the lock, when a run is resumed.
    func evict(_ load: Load) throws
    /// Makes the target (or staging table) ready to receive rows, and marks that: a second call changes nothing.
    /// - throws: `target.referenced` when `replace` would break a foreign key of another table.
    func prepare(_ load: Load) throws
    /// What the target knows of incremental loads; nil where it keeps no state. Changes nothing, and works for a target that
    /// is not there.
    func state(of load: Load) throws -> TargetState?
    /// Whether the target has a row with such a value; the value is the target's own text, see ``TargetState/Saved/reached``.
    func holds(_ column: String, _ comparison: Comparison, _ value: String, in load: Load) throws -> Bool
    /// Slices of this load that are committed.
    func marks(_ load: Load) throws -> [SliceMark]
    /// What every column of a target is that declares no tables, where it is one type: a CSV file holds texts.
    var declaredType: ColumnType? { get }
    /// The column types that batches must have for this load, in `load.columns` order. Rows with a NULL for a column that
    /// is not nullable here are rejected before they are written.
    func accepts(_ load: Load) throws -> Schema
    /// Which values of those columns are one to this system, of a target that is there: `a` and `a  ` in a CHAR.
    func likeness(_ load: Load) throws -> [Likeness]
    /// What the target, which is there, gives back for texts that are put into one of its columns, in their order: `{1, 2}` in
    /// an array is `{1,2}`. Nil where texts stay as they are.
    /// - throws: an error of the server for a text that it would refuse.
    func canonical(_ texts: [String], in column: String, of load: Load) throws -> [String]?
    /// Wire formats that can be written as they are.
    func wireFormats(_ load: Load) throws -> [WireFormat]
    /// A name of a table as this server compares it: two names are of one table where these are equal.
    func comparable(_ table: TableName) throws -> TableName
    /// The same of a column's name.
    func comparable(column: String) -> String
    func writer(_ load: Load) throws -> any Writer
    /// Indexes, counters, the foreign keys of the old table; the swap. A second call changes nothing: the marks stay, so that a crash right after
    /// this step cannot lead to a second load. The load's ``Load/checkpoint`` is saved, in one transaction with the last step
    /// where there is one.
    func finish(_ load: Load) throws
    /// What a load brings about beside its rows, in sentences, for its plan. Changes nothing.
    func consequences(of load: Load) throws -> [String]
    /// What the last ``finish(_:)`` has to tell, in sentences; once.
    func takeRemarks() -> [String]
    /// Looks whether the rows of a load fulfil the target's foreign keys that were put off until all tables of the run were
    /// done (``Load/replacedWith``, ``Load/defersForeignKeys``), and has them hold again.
    /// - throws: `target.referenced` when rows refer to others that are not there.
    func checkForeignKeys(_ load: Load) throws
    /// Removes the marks of a load that the ledger knows to be finished, and older ones of the same target.
    func forget(_ load: Load) throws
    /// Removes what an unfinished load left: staging, marks. The target stays as it is.
    func discard(_ load: Load) throws
}

extension Sink {
    public func settle(_ shape: inout TableShape) throws -> [String] { [] }
    public func checkReach() throws {}
    public var sharedNames: [SharedName] { [] }
    public func taken(_ names: [String], _ kind: SharedName, beside table: TableName) throws -> [String] { [] }
    public func missingSchema(for table: TableName) throws -> String? { nil }
    public func createSchema(_ name: String) throws -> Bool {
        throw ApusError(.unsupported, "\(banner) has no schemas that could be made")
    }
    public func evict(_ load: Load) throws {}
    public func consequences(of load: Load) throws -> [String] { [] }
    public func takeRemarks() -> [String] { [] }
    public func checkForeignKeys(_ load: Load) throws {}
    public var declaredType: ColumnType? { nil }
    public func likeness(_ load: Load) throws -> [Likeness] { load.columns.map { _ in .exact } }
    public func canonical(_ texts: [String], in column: String, of load: Load) throws -> [String]? { nil }
    public func wireFormats(_ load: Load) throws -> [WireFormat] { [] }
    public func comparable(_ table: TableName) throws -> TableName { table }
    public func comparable(column: String) -> String { column }
}

/// What is named with a table, see ``Sink/sharedNames``.
public enum SharedName: String, Sendable { case index, foreignKey = "foreign key", check }

/// Writes slices, one after another, each in one transaction.
public protocol Writer: AnyObject {
    /// Called before ``begin(_:careful:)``: whether the slice's rows can be read a second time, so that the writer may ask
    /// for that with `target.form_changed`.
    func willBegin(rereadable: Bool)
    /// Begins a slice. With `careful`, a bad row is found by halving its batch and given back from ``write(_:)``;
    /// without, the first bad row makes the slice fail with `row.rejected`.
    ///
    /// - returns: the slice's mark when it is in the target already, because the answer to an earlier commit was lost:
    ///   nothing is begun then, and its rows are not written again. A commit that is still under way at the server is
    ///   waited for.
    @discardableResult func begin(_ slice: Slice, careful: Bool) throws -> SliceMark?
    /// Writes a batch of the schema that ``Sink/accepts(_:)`` gave. Returns the rows it could not write; rows that
    /// cannot even be encoded are among them in either mode.
    func write(_ batch: Batch) throws -> [RejectedRow]
    /// Waits until the target has taken every row; returns how many, by the target's own count.
    func flush() throws -> Int
    /// Commits the rows together with the mark. Afterwards the slice is in the target, once.
    func commit(_ mark: SliceMark) throws
    /// Takes everything of the slice back; never throws, also when the connection is gone.
    func abort()
    func close()
}

extension Writer {
    public func willBegin(rereadable: Bool) {}
}
