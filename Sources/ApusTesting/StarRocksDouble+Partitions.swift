/// What a cluster does to the partitions of its tables by itself.
extension StarRocksDouble {
    /// Each partition of a table with random buckets gets so many physical partitions.
    public func growPartitions(of table: String, database: String, to count: Int) throws {
        try send("POST", "/physical", ["database": .text(database), "table": .text(table), "count": .number(Double(count))])
    }

    /// Shared data: a compaction raises the versions of a table's partitions, and changes no row.
    public func compact(_ table: String, database: String) throws {
        try send("POST", "/compact", ["database": .text(database), "table": .text(table)])
    }

    /// The catalogue and COUNT(*) say so many times the rows that are stored.
    public func multiplyCounts(of table: String, database: String, by factor: Int) throws {
        try send("POST", "/counts", ["database": .text(database), "table": .text(table), "factor": .number(Double(factor))])
    }
}
