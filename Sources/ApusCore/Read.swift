import Tabular

/// What is read of one table: the source's half of a planned table.
public struct Read: Hashable, Sendable, Codable {
    public enum Relation: Hashable, Sendable, Codable {
        case table(TableName)
        /// A SELECT; it is put into parentheses and given an alias.
        case query(String)
    }

    public struct Item: Hashable, Sendable, Codable {
        /// The name of the column in batches.
        public var name: String
        /// SQL of the source; nil = the column of that name itself.
        public var expression: String?

        public init(_ name: String, expression: String? = nil) {
            self.name = name
            self.expression = expression
        }
    }

    /// Position in ``Plan/sources``.
    public var source = 0
    public var relation: Relation
    /// What a table is called in the SQL of items and filters.
    public var alias: String?
    /// A query is sent as it was written, without filters or slices; items name its columns by position.
    public var isVerbatim = false
    public var items: [Item]
    /// SQL conditions of the source, all of which must hold.
    public var filters: [String] = []
    /// The columns that slices are cut by, in index order; empty = one slice. Only the first may be nullable.
    public var key: [Column] = []
    /// Rows of the table's ``TableShape/children`` are left out: those are read as tables of their own.
    public var withoutChildren: Bool?
    /// Only these partitions of the source's table are read; nil = all.
    public var partitions: [String]?
    /// What batches will carry, as described by the source when the plan was made.
    public var schema: Schema

    public init(relation: Relation, items: [Item], schema: Schema) {
        self.relation = relation
        self.items = items
        self.schema = schema
    }
}

/// A part of a table that is read and loaded as one: the unit of retry, resume and distribution.
///
/// The slices of a table are disjoint and together hold every row that the filters let through.
public struct Slice: Hashable, Sendable, Codable, Identifiable {
    public enum Bounds: Hashable, Sendable, Codable {
        case all
        /// Rows whose first key column is NULL.
        case null
        /// Rows with `from <= key < upTo` in the server's own order, compared column by column; nil = open. Values
        /// are the server's own text of the key columns.
        case range(from: [String]?, upTo: [String]?)
        /// A part that only the source understands: one file of a glob, one share of a generator.
        case part(String)
    }

    /// Position in the plan's list of this table's slices.
    public var id: Int
    /// Position in ``PlannedTable/reads``.
    public var read: Int
    public var bounds: Bounds
    /// Rows to expect, if known.
    public var rows: Int?

    public init(id: Int, read: Int = 0, bounds: Bounds, rows: Int? = nil) {
        self.id = id
        self.read = read
        self.bounds = bounds
        self.rows = rows
    }
}

/// How finely a table should be cut.
public struct SliceWish: Hashable, Sendable, Codable {
    /// At least as many slices as channels that may work on the table.
    public var channels: Int
    /// Rows that one slice should hold.
    public var rowsPerSlice: Int
    /// Exactly so many, when the user says.
    public var count: Int?

    public init(channels: Int, rowsPerSlice: Int = 1_000_000, count: Int? = nil) {
        self.channels = channels
        self.rowsPerSlice = rowsPerSlice
        self.count = count
    }

    /// The number of slices for a table of about `rows` rows.
    public func slices(forRows rows: Int) -> Int {
        if let count { return max(1, count) }
        let bySize = (rows + rowsPerSlice - 1) / max(rowsPerSlice, 1)
        let byChannels = rows >= channels * 20_000 ? channels : 1
        return max(1, bySize, byChannels)
    }
}
