/// How a system keeps a table, beyond its columns: what StarRocks and Doris state behind the column list.
///
/// It means something to tables of its origin only; a dialect that translates a table of another origin makes its own.
public struct TableLayout: Hashable, Sendable, Codable {
    /// `PRIMARY KEY`, `DUPLICATE KEY`, `UNIQUE KEY` or `AGGREGATE KEY`.
    public var model: String
    /// The columns of that key, in order.
    public var key: [String]
    /// What follows `PARTITION BY`, the partitions included; nil = one partition.
    public var partitioning: String?
    public var partitionColumns: [String]
    /// What follows `DISTRIBUTED BY`: ``HASH(`id`) BUCKETS 10``.
    public var distribution: String?
    /// Columns that rows are sorted by, where they are not the key.
    public var order: [String]
    public var properties: [String: String]

    public init(
        model: String, key: [String], partitioning: String? = nil, partitionColumns: [String] = [], distribution: String? = nil,
        order: [String] = [], properties: [String: String] = [:]
    ) {
        self.model = model
        self.key = key
        self.partitioning = partitioning
        self.partitionColumns = partitionColumns
        self.distribution = distribution
        self.order = order
        self.properties = properties
    }

    /// Rows are told apart by the key.
    public var isUnique: Bool { model == "PRIMARY KEY" || model == "UNIQUE KEY" }
}
