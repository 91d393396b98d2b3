import Tabular

/// The name of a table: an optional schema (PostgreSQL), database (MySQL) or folder (files), and its own.
public struct TableName: Hashable, Sendable, Codable, CustomStringConvertible {
    public var schema: String?
    public var name: String

    public init(schema: String? = nil, _ name: String) {
        self.schema = schema
        self.name = name
    }

    public var description: String { schema.map { "\($0).\(name)" } ?? name }
}

/// What a catalogue knows of a table, view or query.
public struct TableShape: Hashable, Sendable, Codable {
    public enum Kind: String, Sendable, Codable { case table, view, query, file }

    public var name: TableName
    public var kind: Kind
    /// The connector whose native declarations the columns carry, e.g. `mysql`.
    public var origin: String
    public var columns: [ColumnShape] {
        get { ordered }
        // In place: a loop over wide tables must not copy all of them for each.
        _modify {
            positions = ColumnPositions()
            yield &ordered
        }
    }
    private var ordered: [ColumnShape]
    private var positions = ColumnPositions()
    public var primaryKey: [String] = []
    /// The origin's own declaration of the primary key, where columns alone do not say it: prefixes, DEFERRABLE.
    public var primaryKeyDefinition: String?
    /// Without the primary key's own.
    public var indexes: [IndexShape] = []
    public var foreignKeys: [ForeignKeyShape] = []
    /// nil = none.
    public var checks: [CheckShape]?
    /// What else the origin's table has; nil = nothing.
    public var traits: [TableTrait]?
    public var comment: String?
    /// Estimates of the catalogue.
    public var rows: Int?
    public var bytes: Int?
    /// How the origin keeps the table, where it says more than columns and keys.
    public var layout: TableLayout?
    /// Tables whose rows a read of this one gives as well, as PostgreSQL's `INHERITS` has it; nil = there are none.
    public var children: [TableName]?
    /// What keeps rows of the table from this user; nil = all rows can be read.
    public var hiding: Hiding?

    /// A rule of the server by which a user is given only some rows of a table, such as row-level security.
    public struct Hiding: Hashable, Sendable, Codable {
        /// In words, with what to do about it.
        public var reason: String
        /// The server refuses to read the table, rather than to leave rows out.
        public var isRefused: Bool

        public init(_ reason: String, isRefused: Bool) {
            self.reason = reason
            self.isRefused = isRefused
        }
    }

    public init(name: TableName, kind: Kind = .table, origin: String, columns: [ColumnShape]) {
        self.name = name
        self.kind = kind
        self.origin = origin
        ordered = columns
    }

    public var schema: Schema { Schema(columns.map { Column($0.name, $0.type, nullable: $0.nullable) }) }
    public func column(_ name: String) -> ColumnShape? { positions.position(of: name, in: columns).map { columns[$0] } }

    /// The column of that name, else the only one of that name in any case.
    public func column(like name: String) -> ColumnShape? {
        if let exact = column(name) { return exact }
        let close = positions.positions(like: name, in: columns)
        return close.count == 1 ? columns[close[0]] : nil
    }

    /// The columns of that name in any case, the one of just that name first.
    public func columns(like name: String) -> [ColumnShape] {
        if let exact = column(name) { return [exact] }
        return positions.positions(like: name, in: columns).map { columns[$0] }
    }

    private enum CodingKeys: String, CodingKey {
        case ordered = "columns"
        case name, kind, origin, primaryKey, primaryKeyDefinition, indexes, foreignKeys, checks, traits, comment, rows, bytes
        case layout, children, hiding
    }
}

public struct ColumnShape: Hashable, Sendable, Codable {
    public enum Default: Hashable, Sendable, Codable {
        /// The plain text of the value, unquoted.
        case literal(String)
        case currentTimestamp
        case currentDate
        /// SQL of the origin; translates only to the same connector.
        case expression(String)
    }

    public var name: String
    public var type: ColumnType
    /// The type as the origin declares it, e.g. `enum('a','b')`, `int8`, `timestamp(3) with time zone`.
    public var native: String
    public var nullable: Bool
    public var initial: Default?
    /// Filled by the database from a counter: AUTO_INCREMENT, IDENTITY, serial.
    public var identity = false
    /// How it counts, where that is not the system's own way.
    public var counter: CounterShape?
    /// Computed by the database: can be read, not written.
    public var generated = false
    /// Hidden from `SELECT *`.
    public var invisible = false
    /// How its texts compare, where a new column would not by itself.
    public var collation: String?
    /// The only values that it may have: of an enumeration.
    public var labels: [String]?
    /// What an UPDATE sets it to by itself, e.g. `CURRENT_TIMESTAMP`.
    public var onUpdate: String?
    /// The user's type that it, or its elements, are of.
    public var userType: UserType?
    public var comment: String?

    public init(_ name: String, _ type: ColumnType, native: String, nullable: Bool = true) {
        self.name = name
        self.type = type
        self.native = native
        self.nullable = nullable
    }
}

public struct IndexShape: Hashable, Sendable, Codable {
    public var name: String
    public var columns: [String]
    public var unique: Bool
    /// The origin's own statement or definition, for what columns alone cannot say (expressions, prefixes, partial
    /// or full-text indexes); such an index is made only by the same connector.
    public var definition: String?
    /// The definition of the constraint that it stands behind: `UNIQUE (a) DEFERRABLE`, `EXCLUDE USING gist (r WITH &&)`.
    public var constraint: String?

    public init(name: String, columns: [String], unique: Bool, definition: String? = nil) {
        self.name = name
        self.columns = columns
        self.unique = unique
        self.definition = definition
    }
}

public struct ForeignKeyShape: Hashable, Sendable, Codable {
    public var name: String
    public var columns: [String]
    public var references: TableName
    public var referencedColumns: [String]
    /// `CASCADE`, `SET NULL`, `RESTRICT`, `NO ACTION`, `SET DEFAULT`.
    public var onDelete: String?
    public var onUpdate: String?
    /// `DEFERRABLE INITIALLY DEFERRED`.
    public var timing: String?

    public init(name: String, columns: [String], references: TableName, referencedColumns: [String]) {
        self.name = name
        self.columns = columns
        self.references = references
        self.referencedColumns = referencedColumns
    }
}

/// A line of a table listing.
public struct TableSummary: Hashable, Sendable, Codable {
    public var name: TableName
    public var kind: TableShape.Kind
    public var rows: Int?
    public var bytes: Int?

    public init(name: TableName, kind: TableShape.Kind, rows: Int? = nil, bytes: Int? = nil) {
        self.name = name
        self.kind = kind
        self.rows = rows
        self.bytes = bytes
    }
}
