import ApusCore
import CMariaDB
import MySQLClient
import Synchronization
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
            try requireTablets(of: part, in: read)
            let before = try watched(read, part)
            try makeReady()
            let onEnd = { [unowned self] in
                openReader = nil
                try requireTablets(of: part, in: read)
                try refuseChanges(read, part, since: before)
            }
            var remark: String?
            if options.reading == .scan {
                let scan = try scanReader(read, part, seconds: seconds(for: slice), doing: doing, onEnd: onEnd)
                if let reader = scan.reader { return reader }
                remark = "\(read.title) is read over the SQL port, not by read=scan: \(scan.refusal)"
            }
            let reader = try StarRocksReader(self, read.selectSQL(part, dialect), read.schema, doing: doing, onEnd: onEnd)
            reader.remark = remark
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

    /// Columns whose values the server shows to nobody.
    func findings(of read: Read) -> [Finding] {
        zip(read.items, read.schema.columns).compactMap { item, column in
            guard item.expression == nil, case .other(let name) = column.type, StarRocksTypes.isState(name) else { return nil }
            let word = name.prefix { $0.isLetter || $0 == "_" }
            return Finding(
                .error, .unsupported, column: item.name,
                "values of type \(word.uppercased()) cannot be selected; leave the column out with `exclude`"
                    + (word == "hll" ? ", or copy a result of it as the column's expression, such as hll_cardinality(\(item.name))" : ""))
        }
    }

    /// - throws: `unsupported`, see ``findings(of:)``.
    func check(_ read: Read) throws {
        guard let first = findings(of: read).first else { return }
        throw ApusError(
            first.code, "\(read.title) has the column `\(first.column ?? "")`: \(first.message)", context: endpoint.label)
    }

    // MARK: Changes during a read

    private func watched(_ read: Read, _ part: StarRocksPart) throws -> [StarRocksPartition] {
        guard options.rereadsChanges, case .table(let name) = read.relation else { return [] }
        let wanted = part.partitions.map(Set.init)
        return try partitions(of: name).filter { wanted?.contains($0.name) ?? true }
    }

    /// Reads of slices that were given up since their partitions had changed, where compaction may be what changed them.
    private static let rereads = Mutex<[String: Int]>([:])

    /// - throws: `statement.transient` when a partition was written to since: the slice is read again. In shared-data clusters
    ///   versions may never stand still, for compaction makes them too: there the third reading is taken as it is.
    private func refuseChanges(_ read: Read, _ part: StarRocksPart, since before: [StarRocksPartition]) throws {
        guard !before.isEmpty, case .table(let name) = read.relation else { return }
        let after = Dictionary(try watched(read, part).map { ($0.name, $0.mark) }, uniquingKeysWith: { first, _ in first })
        guard let changed = before.first(where: { after[$0.name] != $0.mark }) else { return }
        if !changed.hasTimes, after[changed.name] != nil {
            let slice = "\(endpoint.label) \(read.selectSQL(part, dialect))"
            let count = Self.rereads.withLock { counts in
                counts[slice, default: 0] += 1
                return counts[slice]!
            }
            if count > 2 { return }
        }
        throw ApusError(
            .transient,
            "partition \(changed.name) of \(name) was \(after[changed.name] == nil ? "dropped" : "written to") while it was read",
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
        return "\(dialect.quote(name)) PARTITION (\(dialect.list(partitions)))"
            + (part.tablets.map { " TABLET (\($0.joined(separator: ", ")))" } ?? "") + (alias.map { " AS \($0)" } ?? "")
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
