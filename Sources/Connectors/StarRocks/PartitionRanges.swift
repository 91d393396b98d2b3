import ApusCore
import Tabular

/// The ranges of a table's partitions, as far as they can be told from a column of dates, times or whole numbers.
struct PartitionRanges: Sendable {
    /// Position among the columns that batches carry.
    var column: Int
    var name: String
    /// Lowest value, and the one behind the highest; ascending, disjoint.
    var ranges: [(low: Int64, high: Int64)]
    /// Rows with NULL go to the partition without a lower bound.
    var takesNull: Bool

    /// The range that holds a value.
    func range(of value: Int64) -> (low: Int64, high: Int64)? {
        var low = 0, high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if value < ranges[middle].low {
                high = middle
            } else if value >= ranges[middle].high {
                low = middle + 1
            } else {
                return ranges[middle]
            }
        }
        return nil
    }
}

extension StarRocksSession {
    /// Nil where the server makes partitions as rows need them, or where only it can tell.
    func partitionRanges(_ table: TableName, _ declared: StarRocksCreate, _ items: [LoadTarget.Item]) throws -> PartitionRanges? {
        guard let text = declared.partitioning?.uppercased(), text.hasPrefix("RANGE"), declared.partitionColumns.count == 1,
            !text.prefix(200).contains("DATE_TRUNC"), !text.hasPrefix("RANGE(DATE"), declared.properties["dynamic_partition.auto"] == nil,
            let index = items.firstIndex(where: { $0.name.lowercased() == declared.partitionColumns[0].lowercased() })
        else { return nil }
        let unit: (String) -> Int64?
        switch items[index].type {
        case .date: unit = { Self.moment($0).map { $0 / Temporal.microsecondsPerDay } }
        case .timestamp: unit = { Self.moment($0) }
        case .integer: unit = { Int64($0) }
        default: return nil
        }
        let listed = try self.table("SHOW PARTITIONS FROM \(dialect.quote(table))", doing: "read the partitions of \(table)")
        guard let at = listed.names.firstIndex(of: "Range") else { return nil }
        var ranges: [(low: Int64, high: Int64)] = []
        var takesNull = false
        var known: Set<String> = []
        for row in listed.rows {
            guard let range = row[at] else { return nil }
            // Each physical partition has a row of its own.
            guard known.insert(range).inserted else { continue }
            let keys = range.matches(of: /keys: \[([^\]]*)\]/).map { String($0.output.1) }
            guard keys.count == 2 else { return nil }
            // The lowest value of the type stands for no bound.
            let isFirst = Self.lowest.contains { keys[0].hasPrefix($0) && (keys[0].count == $0.count || $0.hasPrefix("0000")) }
            guard let low = keys[0].hasPrefix("0000-01-01") || keys[0].isEmpty ? .min : unit(keys[0]) else { return nil }
            guard let high = keys[1].hasPrefix("MAX") ? .max : unit(keys[1]) else { return nil }
            if isFirst || keys[0].isEmpty { takesNull = true }
            ranges.append((low, high))
        }
        ranges.sort { $0.low < $1.low }
        return PartitionRanges(column: index, name: declared.partitionColumns[0], ranges: ranges, takesNull: takesNull)
    }

    private static let lowest = ["0000-01-01", "-128", "-32768", "-2147483648", "-9223372036854775808"]

    /// Microseconds of `2024-01-31` or `2024-01-31 12:00:00`.
    private static func moment(_ text: String) -> Int64? {
        let parts = text.split(whereSeparator: { "- :.T".contains($0) }).compactMap { Int($0) }
        guard parts.count >= 3, parts[1] >= 1, parts[1] <= 12 else { return nil }
        let days = Temporal.days(year: parts[0], month: parts[1], day: parts[2])
        var seconds: Int64 = 0
        for part in 3..<6 { seconds = seconds * 60 + Int64(part < parts.count ? parts[part] : 0) }
        return days * Temporal.microsecondsPerDay + seconds * 1_000_000
    }
}
