import Tabular

/// How far the incremental loads of a target have come. It is kept beside the target's rows, since it says something
/// of them: whoever drops, empties or restores the target takes it along, or leaves it behind to be compared.
public struct Checkpoint: Hashable, Sendable, Codable {
    /// The table beside the target in which SQL sinks keep checkpoints.
    public static let tableName = "apus_checkpoints"

    /// Which load it belongs to: the source, its table and the watermark's column.
    public var flow: String
    /// The largest value that is in the target when the load is done, as the source's text.
    public var value: String
    /// What the value holds for.
    public var basis: Basis
    /// The target's column that holds the watermark; nil = none does.
    public var column: String?
    /// The value that the target had under this name when the plan was made.
    public var before: String?

    public init(flow: String, value: String, basis: Basis, column: String?, before: String?) {
        self.flow = flow
        self.value = value
        self.basis = basis
        self.column = column
        self.before = before
    }

    /// What is read and how it is written: rows below the watermark that another basis would have loaded are not there.
    public struct Basis: Hashable, Sendable, Codable {
        public var filter: String
        /// `name`, or `name=expression`, one a line.
        public var columns: String
        /// The key of an upsert, one column a line; empty in other modes.
        public var key: String

        public init(filter: String, columns: String, key: String) {
            self.filter = filter
            self.columns = columns
            self.key = key
        }
    }
}

/// What a target knows of the incremental loads that went into it.
public struct TargetState: Hashable, Sendable {
    public struct Saved: Hashable, Sendable {
        public var flow: String
        public var value: String
        public var basis: Checkpoint.Basis
        /// The target's column that held the watermark.
        public var column: String?
        /// The largest value of that column in the target when the load was done, as the target's text.
        public var reached: String?
        /// The target had rows then.
        public var heldRows: Bool
        /// ``TargetState/incarnation`` then.
        public var incarnation: String?

        public init(
            flow: String, value: String, basis: Checkpoint.Basis, column: String?, reached: String?, heldRows: Bool,
            incarnation: String?
        ) {
            self.flow = flow
            self.value = value
            self.basis = basis
            self.column = column
            self.reached = reached
            self.heldRows = heldRows
            self.incarnation = incarnation
        }
    }

    public var exists = false
    public var hasRows = false
    /// Checkpoints of all loads into this target.
    public var saved: [Saved] = []
    /// Another one once the table was made anew, emptied by TRUNCATE, or rewritten; nil where the system tells nothing of it.
    public var incarnation: String?

    public init() {}
}

extension Sink {
    /// A target that keeps no state: what other places remember of it cannot be checked.
    public func state(of load: Load) throws -> TargetState? { nil }
    public func holds(_ column: String, _ comparison: Comparison, _ value: String, in load: Load) throws -> Bool { false }
}

/// The statements on the table of checkpoints, the same in every dialect but for quoting.
public struct CheckpointTable {
    /// Quoted.
    public var name: String
    /// What the target is called in it.
    public var target: String
    public var dialect: any Dialect

    public init(_ name: String, target: String, _ dialect: any Dialect) {
        self.name = name
        self.target = target
        self.dialect = dialect
    }

    private static let columns =
        "checkpoint_key, target_name, flow_name, mark_value, filter_text, column_list, key_list, mark_column, reached, held_rows, incarnation, saved_at"

    /// The declarations of its columns.
    public func columnsSQL(key: String, text: String, time: String) -> String {
        let texts = [
            "target_name", "flow_name", "mark_value", "filter_text", "column_list", "key_list", "mark_column", "reached", "incarnation",
        ]
        return "checkpoint_key \(key) NOT NULL, \(texts.map { "\($0) \(text)" }.joined(separator: ", ")), held_rows int NOT NULL, "
            + "saved_at \(time) NOT NULL"
    }

    public var readSQL: String {
        """
        SELECT flow_name, mark_value, filter_text, column_list, key_list, mark_column, reached, held_rows, incarnation \
        FROM \(name) WHERE target_name = \(dialect.literal(target)) ORDER BY checkpoint_key
        """
    }

    public static func saved(_ row: [String?]) -> TargetState.Saved {
        TargetState.Saved(
            flow: row[0] ?? "", value: row[1] ?? "",
            basis: Checkpoint.Basis(filter: row[2] ?? "", columns: row[3] ?? "", key: row[4] ?? ""), column: row[5], reached: row[6],
            heldRows: row[7] == "1", incarnation: row[8])
    }

    public func deleteSQL(_ checkpoint: Checkpoint) -> String {
        "DELETE FROM \(name) WHERE checkpoint_key = \(dialect.literal(key(checkpoint)))"
    }

    /// - parameter incarnation: an SQL expression, evaluated when the statement runs.
    /// - parameter verb: `REPLACE INTO` where the system has it.
    public func insertSQL(
        _ checkpoint: Checkpoint, _ reached: (value: String?, heldRows: Bool), incarnation: String, now: String,
        verb: String = "INSERT INTO"
    ) -> String {
        let values = [
            key(checkpoint), target, checkpoint.flow, checkpoint.value, checkpoint.basis.filter, checkpoint.basis.columns,
            checkpoint.basis.key, checkpoint.column, reached.value,
        ].map { $0.map { dialect.literal($0) } ?? "NULL" }
        return
            "\(verb) \(name) (\(Self.columns)) VALUES (\(values.joined(separator: ", ")), \(reached.heldRows ? 1 : 0), \(incarnation), \(now))"
    }

    private func key(_ checkpoint: Checkpoint) -> String { FlowKey.text("\(target)\0\(checkpoint.flow)") }
}

extension Sink where Self: SQLSession, Self: Source {
    /// The state of a target of rows and columns.
    /// - parameter table: the table of checkpoints; nil = there is none.
    public func state(of load: Load, _ table: CheckpointTable?, exists: Bool, incarnation: String?, _ dialect: any Dialect) throws
        -> TargetState
    {
        var state = TargetState()
        state.exists = exists
        state.incarnation = incarnation
        if exists { state.hasRows = try hasRows(load, dialect) }
        if let table { state.saved = try query(table.readSQL).map(CheckpointTable.saved) }
        return state
    }

    private func hasRows(_ load: Load, _ dialect: any Dialect) throws -> Bool {
        try !query("SELECT 1 FROM \(dialect.quote(load.target)) LIMIT 1").isEmpty
    }

    public func holds(
        _ column: String, _ comparison: Comparison, _ value: String, in load: Load, _ dialect: any Dialect
    ) throws -> Bool {
        guard let shape = load.shape.column(column) else { return false }
        let condition = condition(Column(shape.name, shape.type, nullable: shape.nullable), comparison, value)
        return try !query("SELECT 1 FROM \(dialect.quote(load.target)) WHERE \(condition) LIMIT 1").isEmpty
    }

    /// What the target holds when its load is done, for the checkpoint.
    public func reached(_ load: Load, _ dialect: any Dialect) throws -> (value: String?, heldRows: Bool) {
        if load.isStaged { return (nil, try marks(load).contains { $0.written > 0 }) }
        guard let name = load.checkpoint?.column, let shape = load.shape.column(name) else { return (nil, try hasRows(load, dialect)) }
        let column = Column(shape.name, shape.type, nullable: shape.nullable)
        let read = Read(relation: .table(load.target), items: [Read.Item(name)], schema: Schema([column]))
        let value = try maximum(of: column, in: read)
        return (value, try value != nil || hasRows(load, dialect))
    }
}

/// The key under which a watermark or checkpoint is found: the 128-bit FNV-1a hash of a text that may be longer than a key may
/// be and whose case must count on every system (constants: draft-eastlake-fnv, §5). The text itself stands beside it.
public enum FlowKey {
    public static func text(_ flow: String) -> String {
        var hash: UInt128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d
        for byte in flow.utf8 {
            hash ^= UInt128(byte)
            hash &*= 0x0000_0000_0100_0000_0000_0000_0000_013b
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 32 - digits.count) + digits
    }
}
