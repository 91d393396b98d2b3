import ApusCore
import Tabular

/// A partition of a table: the rows of `SHOW PARTITIONS` that have its name. Tables with random buckets have a row for each
/// of its physical partitions; `PARTITION (p)` reads them all.
struct StarRocksPartition: Hashable, Sendable {
    /// One row of `SHOW PARTITIONS`.
    struct Physical: Hashable, Sendable {
        /// Another one after INSERT OVERWRITE, REPLACE PARTITION and a swap.
        var id: String
        /// Raised by every load; in shared-data clusters by compaction too, unless the server tells the version of the data.
        var version: String
        /// Nil in shared-data clusters.
        var time: String?
        /// By the BEs' last reports.
        var rows: Int?
    }

    var name: String
    /// The values that it holds: `[types: [DATE]; keys: [2019-01-01]; ..types: [DATE]; keys: [2020-01-01]; )`, `(('a'))`.
    var range: String
    var physical: [Physical]

    /// By the BEs' last reports; nil where they have sent none.
    var rows: Int? { physical.contains { $0.rows != nil } ? physical.reduce(0) { $0 + ($1.rows ?? 0) } : nil }

    /// What changes when anything is written to the partition, or it is put in another one's place.
    var mark: String {
        physical.map { "\($0.id)/\($0.version)" + ($0.time.map { "/\($0)" } ?? "") }.sorted().joined(separator: "+")
    }
    /// Nothing was ever loaded.
    var isEmpty: Bool { physical.allSatisfy { $0.version == "1" && $0.rows ?? 0 == 0 } }
    /// Of a shared-data cluster, where compaction makes versions too.
    var hasTimes: Bool { physical.allSatisfy { $0.time != nil } }
}

extension StarRocksSession {
    /// The partitions of a table, in the server's order; empty for a view.
    func partitions(of table: TableName) throws -> [StarRocksPartition] {
        let found: (names: [String], rows: [[String?]])
        do {
            found = try self.table("SHOW PARTITIONS FROM \(dialect.quote(table))", doing: "list the partitions of \(table)")
        } catch let error as ApusError where error.code == .statement || error.code == .notFound || error.code == .unsupported {
            return []
        }
        func place(_ names: String...) -> Int? { found.names.firstIndex { names.contains($0) } }
        guard let name = place("PartitionName"), let visible = place("VisibleVersion") else { return [] }
        let id = place("PartitionId"), time = place("VisibleVersionTime"), range = place("Range", "List"), rows = place("RowCount")
        // Compaction leaves the data's version alone; it matters where compaction makes versions.
        let data = time == nil ? place("DataVersion") : nil, epoch = place("VersionEpoch")
        var partitions: [StarRocksPartition] = []
        var positions: [String: Int] = [:]
        for row in found.rows {
            guard let own = row[name] else { continue }
            var version = row[data ?? visible] ?? ""
            if data != nil, let epoch = epoch.flatMap({ row[$0] }) { version += "@" + epoch }
            let isEmpty = row[visible] == "1"
            let physical = StarRocksPartition.Physical(
                id: id.flatMap { row[$0] } ?? "", version: isEmpty ? "1" : version, time: time.map { row[$0] ?? "" },
                rows: rows.flatMap { row[$0] }.flatMap { Int($0) })
            if let position = positions[own] {
                partitions[position].physical.append(physical)
            } else {
                positions[own] = partitions.count
                partitions.append(StarRocksPartition(name: own, range: range.flatMap { row[$0] } ?? "", physical: [physical]))
            }
        }
        return partitions
    }
}
