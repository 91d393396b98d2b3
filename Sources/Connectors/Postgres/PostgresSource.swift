import ApusCore
import Tabular

extension PostgresSession {
    /// A key's text under a name of its own: ORDER BY would take a result column called like the key for the key.
    private static func text(_ column: Column, _ sql: String) -> String { "\(sql)::text AS apus_text" }

    func slices(of read: Read, wish: SliceWish) throws -> [Slice] {
        let from = read.relationSQL(dialect) + read.whereSQL(.all, dialect)
        let rows = try estimatedRows(from) ?? 0
        guard !read.key.isEmpty else { return [Slice(id: 0, bounds: .all, rows: rows)] }
        let count = wish.slices(forRows: rows)
        guard count > 1 else { return [Slice(id: 0, bounds: .all, rows: rows)] }
        let cuts: CutSet
        do {
            cuts = try sampledCuts(read, count) ?? exactCuts(read, count, sample: nil)
            try checkComparison(read, cuts.values.first)
        } catch let error as ApusError where Self.isIncomparable(error) {
            throw ApusError(
                .unsupported,
                "\(PostgresSession.subject(read)) cannot be cut by \(read.key.map { "`\($0.name)`" }.joined(separator: ", ")): a column of that type has no order that conditions with its text follow",
                hint: "Name another key column, or read the table as one slice.", context: endpoint.label, underlying: error.underlying)
        }
        return Cuts.slices(cuts.values, key: read.key, rowsPerSlice: max(rows / count, 1))
    }

    /// A type without an order, or one whose text is no value of it by itself.
    private static func isIncomparable(_ error: ApusError) -> Bool {
        ["PG 42883", "PG 42804", "PG 0A000"].contains { error.underlying?.hasPrefix($0) == true }
    }

    /// Has the server look at a condition on a key of a type that is not known here, before slices are made of it.
    private func checkComparison(_ read: Read, _ cut: [String]?) throws {
        let isKnown = read.key.allSatisfy { column in
            switch column.type {
            case .json, .array, .other: false
            default: true
            }
        }
        guard let cut, !isKnown else { return }
        let filter = read.whereSQL(.range(from: cut, upTo: nil), dialect)
        try run("SELECT 1 FROM \(read.relationSQL(dialect))\(filter) LIMIT 0", doing: "cutting \(PostgresSession.subject(read))")
    }

    private struct CutSet {
        var values: [[String]]
        var sampled: Int
    }

    /// Rows in pages chosen at random are enough for even slices; what is read grows with the slices, not the table.
    private func sampledCuts(_ read: Read, _ count: Int) throws -> CutSet? {
        guard version >= 90500, !isGreenplum, case .table(let name) = read.relation, let relation = try relation(name),
            ["r", "m", "p"].contains(relation.kind)
        else { return nil }
        let pages =
            try run(
                """
                SELECT sum(pg_catalog.pg_relation_size(c.oid)) / current_setting('block_size')::bigint FROM pg_catalog.pg_class c
                WHERE c.oid = \(relation.oid)\(version >= 120000 ? " OR c.oid IN (SELECT relid FROM pg_catalog.pg_partition_tree(\(relation.oid)))" : "")
                """, doing: "cutting \(name)"
            ).value.flatMap { Double($0) } ?? 0
        // Neighbouring rows often have neighbouring keys, so it is the pages that count: 250 a slice keep the parts within some 20 %.
        let percent = Double(count) * 250 / max(pages, 1) * 100
        guard percent < 30 else { return nil }
        let cuts = try exactCuts(read, count, sample: percent)
        // A filter that lets few rows of the sample through says too little.
        return cuts.sampled >= count * 500 ? cuts : nil
    }

    /// Keys at equal distances in the server's order, of all rows or of a sample.
    private func exactCuts(_ read: Read, _ count: Int, sample: Double?) throws -> CutSet {
        let keys = read.key.map { dialect.quote($0.name) }
        let list = keys.joined(separator: ", ")
        let more = read.key[0].nullable ? ["\(keys[0]) IS NOT NULL"] : []
        let tablesample = sample.map { " TABLESAMPLE SYSTEM (\($0))" } ?? ""
        let rows = try run(
            """
            SELECT \(keys.map { "\($0)::text AS apus_text" }.joined(separator: ", ")), apus_count FROM (
              SELECT \(list), row_number() OVER (ORDER BY \(list)) AS apus_row, count(*) OVER () AS apus_count
              FROM \(read.relationSQL(dialect))\(tablesample)\(read.whereSQL(.all, dialect, and: more))) apus_keys
            WHERE apus_row < apus_count AND apus_row * \(count) / apus_count <> (apus_row - 1) * \(count) / apus_count
            ORDER BY apus_row
            """, doing: "cutting \(PostgresSession.subject(read))"
        ).rows
        // A composite key's later columns are never NULL (the planner's promise); a row that breaks it cuts nothing.
        let values = rows.map { $0.dropLast().compactMap { $0 } }.filter { $0.count == keys.count }
        return CutSet(values: values, sampled: rows.first?.last.flatMap { $0.flatMap { Int($0) } } ?? 0)
    }

    /// Slices of fewer rows are not cut any more.
    static let smallestSlice = 500

    func halves(of slice: Slice, in read: Read) throws -> [Slice.Bounds]? {
        guard !read.key.isEmpty else { return nil }
        // What cuts reads short must not cut short the question where to cut them.
        return try withoutStatementTimeout { try cutInTwo(slice, read) }
    }

    private func cutInTwo(_ slice: Slice, _ read: Read) throws -> [Slice.Bounds]? {
        let from: [String]?
        let upTo: [String]?
        switch slice.bounds {
        case .all: (from, upTo) = (nil, nil)
        case .range(let lower, let upper): (from, upTo) = (lower, upper)
        case .null, .part: return nil
        }
        let doing = "cutting a slice of \(PostgresSession.subject(read))"
        // The NULL rows of an uncut table are a part of their own.
        let bounds = Slice.Bounds.range(from: from, upTo: upTo)
        let count =
            try run(
                "SELECT count(*) FROM \(read.relationSQL(dialect))\(read.whereSQL(bounds, dialect))", doing: doing
            ).value.flatMap { Int($0) } ?? 0
        guard count >= PostgresSession.smallestSlice else { return nil }
        func key(behind start: [String]?, _ offset: Int) throws -> [String]? {
            let sql = read.keysetSQL(within: bounds, from: start, offset: offset, dialect, text: PostgresSession.text)
            return try run(sql, doing: doing).rows.first?.compactMap { $0 }
        }
        guard let first = try key(behind: nil, 0), var middle = try key(behind: nil, count / 2) else { return nil }
        // One value that fills the first half: the cut is behind it.
        var stride = count / 2
        while middle == first {
            stride += max(stride / 2, 1)
            guard let next = try key(behind: nil, min(stride, count - 1)) else { return nil }
            middle = next
            if stride >= count - 1, middle == first { return nil }
        }
        let parts: [Slice.Bounds] = [.range(from: from, upTo: middle), .range(from: middle, upTo: upTo)]
        return slice.bounds == .all && read.key[0].nullable ? parts + [.null] : parts
    }

    func sliceKey(for shape: TableShape) -> [String] {
        func isFit(_ columns: [String], nullable: Bool) -> Bool {
            !columns.isEmpty
                && columns.allSatisfy { name in
                    guard let column = shape.column(name), nullable || !column.nullable else { return false }
                    switch column.type {
                    case .float, .json, .array, .other: return false
                    default: return true
                    }
                }
        }
        if isFit(shape.primaryKey, nullable: false) { return shape.primaryKey }
        return shape.indexes.first { $0.unique && isFit($0.columns, nullable: false) }?.columns ?? []
    }

    func condition(_ column: Column, _ comparison: Comparison, _ value: String) -> String {
        "\(dialect.quote(column.name)) \(comparison.rawValue) \(dialect.literal(value))"
    }

    func maximum(of column: Column, in read: Read) throws -> String? {
        let name = dialect.quote(column.name)
        // Not max(): uuid and others have an order but no such function.
        return try run(
            """
            SELECT \(name)::text AS apus_text FROM \(read.relationSQL(dialect))\(read.whereSQL(.all, dialect, and: ["\(name) IS NOT NULL"]))
            ORDER BY \(name) DESC LIMIT 1
            """, doing: "looking for the largest \(column.name) of \(PostgresSession.subject(read))"
        ).value
    }
}
