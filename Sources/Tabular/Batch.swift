/// A block of rows of one schema: the only thing that crosses from a source to a sink.
///
/// A batch is columnar (``ColumnBuffer``), holds up to `rowCapacity` rows and about `byteLimit` octets, and is
/// recycled. A source fills columns and calls ``endRow(bytes:)`` per row until ``isFull``; a single row may be larger
/// than the limit.
///
/// Sendable, unchecked: a batch is owned by one thread at a time and handed over through a queue.
public final class Batch: @unchecked Sendable {
    public let schema: Schema
    /// Set when the rows are still in the encoding of a wire format: there is then a single variable column whose
    /// values are whole encoded rows.
    public let wire: WireFormat?
    public let rowCapacity: Int
    public let byteLimit: Int
    /// One buffer a column, in schema order.
    public let columns: UnsafeMutableBufferPointer<ColumnBuffer>
    /// Complete rows.
    public var rowCount = 0
    /// Octets that the source read for these rows, as it counts them.
    public var byteCount = 0
    /// Rows that the source could not read, e.g. a ragged line of a CSV file. They are not in the columns.
    public var rejected: [RejectedRow] = []
    /// Position of the batch's first row in its slice, 0-based, rejected rows included.
    public var firstRow = 0

    public static let defaultRows = 4096
    public static let defaultBytes = 512 << 10

    public init(
        schema: Schema, wire: WireFormat? = nil, rowCapacity: Int = Batch.defaultRows,
        byteLimit: Int = Batch.defaultBytes
    ) {
        self.schema = schema
        self.wire = wire
        self.rowCapacity = rowCapacity
        self.byteLimit = byteLimit
        let storages = wire == nil ? schema.columns.map(\.type.storage) : [.variable]
        columns = .allocate(capacity: storages.count)
        for (index, storage) in storages.enumerated() {
            (columns.baseAddress! + index).initialize(to: ColumnBuffer(storage: storage, rowCapacity: rowCapacity))
        }
    }

    deinit {
        for column in columns { column.free() }
        columns.deallocate()
    }

    @inlinable public var isFull: Bool { rowCount == rowCapacity || byteCount >= byteLimit }
    @inlinable public var isEmpty: Bool { rowCount == 0 && rejected.isEmpty }

    /// The row that the columns have just received is complete.
    @inlinable public func endRow(bytes: Int) {
        rowCount &+= 1
        byteCount &+= bytes
    }

    /// Several rows at once, for sources that fill column by column.
    public func endRows(_ rows: Int, bytes: Int) {
        rowCount += rows
        byteCount += bytes
    }

    /// Takes back what the columns have of a row that turned out bad.
    public func dropUnfinishedRow() {
        for index in columns.indices { columns[index].truncate(to: rowCount) }
    }

    /// Makes empty texts NULL in the columns that are numbers in another schema of as many columns.
    public func nullEmptyText(where other: Schema) {
        for index in 0..<min(schema.count, other.count) {
            switch (schema[index].type, other[index].type) {
            case (.text, .integer), (.text, .float), (.text, .decimal), (.text, .boolean): columns[index].nullEmpty()
            default: continue
            }
        }
    }

    public func reset() {
        for index in columns.indices { columns[index].reset(keepingArena: byteLimit * 4) }
        rowCount = 0
        byteCount = 0
        rejected.removeAll(keepingCapacity: true)
        firstRow = 0
    }
}

/// The name of an encoding in which rows can pass from a source to a sink untouched, e.g. `pgcopy:20,25,1043`
/// (COPY BINARY tuples of these type OIDs). Equal names mean that the bytes are the same.
public struct WireFormat: Hashable, Sendable, Codable {
    public let name: String
    public init(_ name: String) { self.name = name }
}

/// A row that is not in the target, and why.
public struct RejectedRow: Hashable, Sendable, Codable {
    /// How far a row came.
    public enum Stage: String, Sendable, Codable {
        /// The source could not read it.
        case read
        /// A transform failed on it.
        case transform
        /// A value fitted no column of the target, or the target refused the row.
        case write
    }

    /// Position in the slice, 0-based, if known.
    public var row: Int?
    /// The column at fault, if known.
    public var column: String?
    public var reason: String
    /// The row as a JSON object by column name, as canonical text; `raw` when the row could not be parsed.
    public var values: String
    public var stage = Stage.write

    public init(row: Int?, column: String?, reason: String, values: String) {
        self.row = row
        self.column = column
        self.reason = reason
        self.values = values
    }
}
