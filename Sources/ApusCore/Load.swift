import Tabular

/// What becomes of the rows that the target already has.
public enum LoadMode: String, Sendable, Codable, CaseIterable {
    /// A staging table is loaded and takes the target's place in one step.
    case replace
    /// The target is emptied first.
    case truncate
    /// Rows are added.
    case append
    /// Rows are added, or change the row of the same key.
    case upsert
    /// The rows of a part of the target (``Load/window``) are replaced in one step: a staging table is loaded, then the
    /// part is deleted and the new rows are put in, in one transaction. Doing so twice gives the same rows.
    case window
}

/// What becomes of the target table itself.
public enum CreatePolicy: String, Sendable, Codable, CaseIterable {
    /// Made when missing.
    case create
    /// Dropped and made anew.
    case recreate
    /// Must be there.
    case require
}

/// How a plain write statement treats a row whose key is there already (MySQL's INSERT, REPLACE, ON DUPLICATE KEY).
public enum Duplicates: String, Sendable, Codable { case fail, ignore, replace, update }

/// Where and how one table is loaded: the sink's half of a planned table.
public struct Load: Hashable, Sendable, Codable {
    public var runID: String
    /// Position of the table in the plan.
    public var table: Int
    /// The table as it is to be when the load is done.
    public var shape: TableShape
    /// Whether the target table existed when the plan was made.
    public var exists: Bool
    /// The target columns that batches carry, in batch order.
    public var columns: [String]
    public var mode: LoadMode
    public var create: CreatePolicy
    /// The columns that tell rows apart in `upsert` and `window`.
    public var key: [String]
    /// The part of the target that `window` replaces: a condition in the target's SQL. Rows of the target that have the
    /// ``key`` of a new row are replaced too, wherever they are.
    public var window: String?
    /// The window is told by the same column as the rows that are read, so that every row lies in it.
    public var windowIsExact: Bool?
    /// `indexes`, `foreign-keys`: made when Apus makes the table, the first after its load, the second after all tables of the run.
    public var withIndexes = false
    public var withForeignKeys = false
    public var slices: Int
    /// The number that the source's counter gives next, by the target's column: the target's counter must not stay below it.
    public var counters: [String: String]?
    /// Further loads beside this one follow: the table of marks stays when it is empty. Never part of a plan.
    public var keepsMarks: Bool?
    /// See ``TableWish/duplicates``; nil where nothing was said, as in plans of flow files.
    public var duplicates: Duplicates?
    /// See ``TableWish/emptyIsNull``.
    public var emptyIsNull: Bool?
    /// For an incremental load: what the target remembers once it is done.
    public var checkpoint: Checkpoint?
    /// See ``TableWish/rounds``.
    public var rounds: Bool?
    /// See ``TableWish/isShared``: no lock is taken, and marks of other runs stay.
    public var isShared: Bool?

    /// The run changes the target by statements of its own before the load: the lock must stand by then.
    public var locksFirst: Bool?

    /// This and the other targets of the run that are replaced, or emptied, and that foreign keys hold together: keys among
    /// them may be broken until all of them are done, see ``Sink/checkForeignKeys(_:)``.
    public var replacedWith: [TableName]?
    /// The target refers to itself, or to others in a circle: its foreign keys are not looked at row by row, where the
    /// system allows that, but when the table is done.
    public var defersForeignKeys: Bool?

    public init(
        runID: String, table: Int, shape: TableShape, exists: Bool, columns: [String], mode: LoadMode,
        create: CreatePolicy = .create, key: [String] = [], slices: Int
    ) {
        self.runID = runID
        self.table = table
        self.shape = shape
        self.exists = exists
        self.columns = columns
        self.mode = mode
        self.create = create
        self.key = key
        self.slices = slices
    }

    public var target: TableName { shape.name }

    /// The table that receives rows in `replace` and `window`: beside the target, at most 63 octets, the same for the whole run.
    public var staging: TableName {
        TableName(schema: target.schema, "apus_stg_\(runID.suffix(12).replacing("-", with: ""))_\(table)")
    }

    /// The table that a swap leaves behind for an instant.
    public var retired: TableName {
        TableName(schema: target.schema, "apus_old_\(runID.suffix(12).replacing("-", with: ""))_\(table)")
    }

    /// Whether rows go into a table beside the target first.
    public var isStaged: Bool { mode == .replace || mode == .window }

    /// Where rows go.
    public var destination: TableName { isStaged ? staging : target }

    /// Where the counter of a table that has but one is to stand at least.
    public var counter: String? { shape.columns.first(where: \.identity).flatMap { counters?[$0.name] } }

    /// The shapes of the columns that batches carry.
    public var carried: [ColumnShape] { columns.compactMap { shape.column($0) } }
}

extension Load {
    /// What a failed COMMIT means for a load without marks: when the connection broke, nobody can tell whether the rows
    /// are there, and a second try might double them.
    public func commitFailed(_ error: ApusError) -> ApusError {
        guard error.isTransient else { return error }
        return ApusError(
            .interrupted, "the connection broke while rows of \(target) were being committed: whether they are there is not known",
            hint: "Compare the table with its source before the load is run again.", context: error.context, underlying: error.underlying)
    }
}

/// The mark that a committed slice leaves in the target, in the same transaction as its rows.
public struct SliceMark: Hashable, Sendable, Codable {
    public var slice: Int
    public var read: Int
    public var written: Int
    public var rejected: Int

    public init(slice: Int, read: Int, written: Int, rejected: Int) {
        self.slice = slice
        self.read = read
        self.written = written
        self.rejected = rejected
    }

    /// What is neither written nor rejected was dropped by a filter: nothing is committed that does not add up.
    public var filtered: Int { read - written - rejected }

    /// The slice's rows; a mark knows no octets.
    public var tally: Tally { Tally(read: read, written: written, rejected: rejected, filtered: filtered) }

    /// The table beside the target in which SQL sinks keep marks: (run_id, target, slice, rows_read, rows_written,
    /// rows_rejected, marked_at); slice -1 says that the table is prepared, and holds the lock's owner.
    public static let tableName = "apus_marks"
}
