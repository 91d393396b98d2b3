import ApusCore
import CMariaDB
import MySQLClient
import Tabular

extension StarRocksSession: Source {
    /// The key that the table is sorted by, without the partitions' own columns, which do not tell rows of one apart.
    func sliceKey(for shape: TableShape) -> [String] {
        let keys = (shape.layout?.key ?? shape.primaryKey).compactMap { shape.column($0) }.filter { Self.canCut($0.type) }
        let partitioned = Set(shape.layout?.partitionColumns ?? [])
        let inside = keys.filter { !partitioned.contains($0.name) }
        let usable = inside.isEmpty ? keys : inside
        return usable.prefix(3).map(\.name)
    }

    /// Whether the order of the column is that of its comparisons with its own text.
    static func canCut(_ type: ColumnType) -> Bool {
        switch type {
        case .boolean, .integer, .decimal, .text, .date, .timestamp: true
        default: false
        }
    }

    func condition(_ column: Column, _ comparison: Comparison, _ value: String) -> String {
        "\(dialect.quote(column.name)) \(comparison.rawValue) \(dialect.literal(value, type: column.type))"
    }

    func maximum(of column: Column, in read: Read) throws -> String? {
        let name = dialect.quote(column.name)
        return try withLongQueries {
            try rows(
                "SELECT MAX(\(name)) FROM \(read.relationSQL(dialect))\(read.whereSQL(.all, dialect))",
                doing: "find the largest \(column.name) of \(read.title)"
            ).first?[0]
        }
    }

    func reader(_ read: Read, _ slice: Slice, wire: [WireFormat]) throws -> any Reader {
        try check(read)
        let part = try StarRocksPart(slice.bounds)
        let doing = "read \(read.title)"
        do {
            try limitQueries(to: seconds(for: slice))
            let before = try watched(read, part)
            try makeReady()
            let reader = try StarRocksReader(self, read.selectSQL(part, dialect), read.schema, doing: doing) { [unowned self] in
                try refuseChanges(read, part, since: before)
            }
            openReader = reader
            return reader
        } catch let fault as MySQLFault {
            throw error(fault, doing: doing)
        }
    }

    /// Seconds for a slice: five minutes and one for each 2,000 rows, since the time runs until the last row is taken.
    private func seconds(for slice: Slice) -> Int {
        let wanted = slice.rows.map { 300 + $0 / 2000 } ?? Self.usualTimeout
        return min(wanted, options.queryTimeout ?? 259_200)
    }

    /// Runs what looks for cuts, which must not be ended by the limit that makes cuts necessary.
    func withLongQueries<T>(_ body: () throws -> T) throws -> T {
        try limitQueries(to: 259_200)
        return try body()
    }

    /// - throws: `unsupported` for columns whose values the server shows to nobody.
    func check(_ read: Read) throws {
        for column in read.schema.columns {
            guard case .other(let name) = column.type, name.hasPrefix("hll") || name.hasPrefix("percentile") || name.hasPrefix("quantile")
            else { continue }
            throw ApusError(
                .unsupported, "\(read.title) has the column `\(column.name)` of type \(name.uppercased()), whose values cannot be selected",
                hint:
                    "Leave it out with `exclude`, or copy a result of it as a column's expression, such as hll_cardinality(\(column.name)).",
                context: endpoint.label)
        }
    }

    // MARK: Changes during a read

    private func watched(_ read: Read, _ part: StarRocksPart) throws -> [String: String] {
        guard options.rereadsChanges, case .table(let name) = read.relation else { return [:] }
        let wanted = part.partitions.map(Set.init)
        let found: [StarRocksPartition] = try partitions(of: name).filter { wanted?.contains($0.name) ?? true }
        return Dictionary(found.map { ($0.name, $0.mark) }, uniquingKeysWith: { first, _ in first })
    }

    /// - throws: `statement.transient` when a partition was written to since: the slice is read again.
    private func refuseChanges(_ read: Read, _ part: StarRocksPart, since before: [String: String]) throws {
        guard !before.isEmpty, case .table(let name) = read.relation else { return }
        openReader = nil
        let after = try watched(read, part)
        guard let changed = before.keys.sorted().first(where: { after[$0] != before[$0] }) else { return }
        throw ApusError(
            .transient,
            "partition \(changed) of \(name) was written to while it was read (version \(before[changed] ?? ""), now \(after[changed] ?? "gone"))",
            hint: "The slice is read again. With on_change=accept, the state that the read began with is taken.", context: endpoint.label)
    }
}

extension Read {
    /// The table, or `the query`.
    var title: String {
        if case .table(let name) = relation { return name.description }
        return "the query"
    }

    /// The relation, restricted to partitions.
    func relationSQL(_ part: StarRocksPart, _ dialect: StarRocksDialect) -> String {
        guard let partitions = part.partitions, case .table(let name) = relation else { return relationSQL(dialect) }
        return "\(dialect.quote(name)) PARTITION (\(dialect.list(partitions)))" + (alias.map { " AS \($0)" } ?? "")
    }

    func selectSQL(_ part: StarRocksPart, _ dialect: StarRocksDialect) -> String {
        if isVerbatim { return relationSQL(dialect, bare: true) }
        let list = listSQL(dialect) { item, column, sql in
            // A BITMAP is sent as NULL; its text is its numbers.
            item.expression == nil && column.type == .other("bitmap") ? "bitmap_to_string(\(sql))" : sql
        }
        return "SELECT \(list) FROM \(relationSQL(part, dialect))\(whereSQL(part.range, dialect))"
    }
}
