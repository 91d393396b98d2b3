import ApusCore
import Tabular

/// Cutting tables: the server estimates, orders and compares; this side only chooses among cuts.
extension MySQLSession {
    func slices(of read: Read, wish: SliceWish) throws -> [Slice] {
        let whole = [Slice(id: 0, bounds: .all)]
        guard !read.key.isEmpty else { return whole }
        try checkKey(read)
        let rows: Int
        if case .query = read.relation {
            rows = try countedRows(read)
        } else {
            rows = try estimatedRows("SELECT 1 FROM \(read.relationSQL(dialect))\(read.whereSQL(.all, dialect))")
        }
        let count = wish.slices(forRows: rows)
        if count <= 1 { return [Slice(id: 0, bounds: .all, rows: rows)] }
        let step = max(1, (rows + count - 1) / count)
        let cuts = try self.cuts(read, .all, count: count, step: step)
        return Cuts.slices(cuts, key: read.key, rowsPerSlice: step)
    }

    /// Slices of about fewer rows are not cut any more.
    static let smallestSlice = 500

    func halves(of slice: Slice, in read: Read) throws -> [Slice.Bounds]? {
        guard !read.key.isEmpty else { return nil }
        return try withoutStatementLimit { try cutInTwo(slice, read) }
    }

    private func cutInTwo(_ slice: Slice, _ read: Read) throws -> [Slice.Bounds]? {
        let from: [String]?, upTo: [String]?
        switch slice.bounds {
        case .all: (from, upTo) = (nil, nil)
        case .range(let low, let high): (from, upTo) = (low, high)
        case .null, .part: return nil
        }
        let range = Slice.Bounds.range(from: from, upTo: upTo)
        let rows = try estimatedRows("SELECT 1 FROM \(read.relationSQL(dialect))\(read.whereSQL(range, dialect))")
        guard rows >= Self.smallestSlice else { return nil }
        var cut = try isIndexedInteger(read) ? bucketCuts(read, range, count: 2).first : nil
        var offset = rows / 2
        // The estimate may be far too high: looks again nearer to the beginning.
        while cut == nil, offset >= Self.smallestSlice / 4 {
            cut = try keysetStep(read, range, from: nil, offset: offset)
            offset /= 4
        }
        guard let cut, cut != from else { return nil }
        var parts: [Slice.Bounds] = [.range(from: from, upTo: cut), .range(from: cut, upTo: upTo)]
        if slice.bounds == .all, read.key[0].nullable { parts.append(.null) }
        return parts
    }

    /// - throws: `unsupported` for a key whose order and comparison differ.
    private func checkKey(_ read: Read) throws {
        // Only among texts and octets are there columns whose declaration must be asked for.
        let isOrdered = read.key.allSatisfy { column in
            switch column.type {
            case .integer, .decimal, .date, .timestamp, .instant: true
            default: false
            }
        }
        if isOrdered { return }
        let columns: [ColumnShape]
        switch read.relation {
        case .table(let name):
            let statement = try createStatement(name)
            columns = try columnShapes(name) { statement.contains("json_valid(\(dialect.quote($0)))") }
        case .query: columns = try resultColumns("SELECT * FROM \(read.relationSQL(dialect))")
        }
        for key in read.key {
            guard let column = columns.first(where: { $0.name == key.name }), !Self.canCut(column) else { continue }
            throw ApusError(
                .unsupported,
                "\(read.title) cannot be cut by `\(key.name)`: a column of type \(column.native) has no order that conditions follow",
                hint: "Name another key column, or read the table as one slice.", context: endpoint.label)
        }
    }

    private func countedRows(_ read: Read) throws -> Int {
        let rows = try rows(
            "SELECT COUNT(*) FROM \(read.relationSQL(dialect))\(read.whereSQL(.all, dialect))", doing: "count the rows of \(read.title)")
        return rows.first?[0].flatMap { Int($0) } ?? 0
    }

    /// Ascending cuts, fewer than `count`.
    private func cuts(_ read: Read, _ bounds: Slice.Bounds, count: Int, step: Int) throws -> [[String]] {
        if try isIndexedInteger(read) { return try bucketCuts(read, bounds, count: count) }
        if case .query = read.relation, read.key.allSatisfy(Self.sortsWhole) { return try rankedCuts(read, step: step) }
        return try Cuts.keyset(step: step, limit: count - 1) { try keysetStep(read, bounds, from: $0, offset: $1) }
    }

    // MARK: Keyset walk

    private func keysetStep(_ read: Read, _ bounds: Slice.Bounds, from: [String]?, offset: Int) throws -> [String]? {
        let sql = read.keysetSQL(within: bounds, from: from, offset: offset, dialect, text: Self.keyText)
        guard let row = try rows(sql, doing: "find where to cut \(read.title)").first else { return nil }
        return try key(row, read)
    }

    /// A key column as text that ``MySQLDialect/literal(_:type:)`` turns into the same value again.
    static func keyText(_ column: Column, _ sql: String) -> String {
        switch column.type {
        case .bytes: "HEX(\(sql))"
        case .bits: "CAST(\(sql) AS UNSIGNED)"
        // A FLOAT's own text is rounded.
        case .float: "CAST(\(sql) AS DOUBLE)"
        // In UTC, whatever the session's clock shows.
        case .instant: "CONCAT('1970-01-01' + INTERVAL UNIX_TIMESTAMP(\(sql)) SECOND, '+00')"
        default: sql
        }
    }

    private func key(_ row: [String?], _ read: Read) throws -> [String] {
        try row.enumerated().map { index, value in
            guard let value else {
                throw ApusError(
                    .unsupported, "\(read.title) cannot be cut by `\(read.key[index].name)`: it is NULL in some rows",
                    hint: "Only the first column of a key may be NULL.", context: endpoint.label)
            }
            return value
        }
    }

    /// Whether ORDER BY looks at the whole value: of long texts and bytes it takes `max_sort_length` bytes, while comparisons
    /// take all of them.
    private static func sortsWhole(_ column: Column) -> Bool {
        switch column.type {
        case .text(let length): length.map { $0 <= 255 } ?? false
        case .bytes(let length): length.map { $0 <= 1000 } ?? false
        default: true
        }
    }

    /// One pass over a query instead of one for each cut.
    private func rankedCuts(_ read: Read, step: Int) throws -> [[String]] {
        if !server.hasWindowFunctions {
            return try Cuts.keyset(step: step, limit: 10_000) { try keysetStep(read, .all, from: $0, offset: $1) }
        }
        let names = read.key.map { dialect.quote($0.name) }
        let order = names.joined(separator: ", ")
        let texts = zip(read.key, names).map { "\(Self.keyText($0, $1)) AS \($1)" }.joined(separator: ", ")
        let filter = read.whereSQL(.all, dialect, and: read.key[0].nullable ? ["\(names[0]) IS NOT NULL"] : [])
        let sql = """
            SELECT \(texts) FROM (SELECT \(order), ROW_NUMBER() OVER (ORDER BY \(order)) AS apus_rank \
            FROM \(read.relationSQL(dialect))\(filter)) AS apus_ranked WHERE apus_rank > 1 AND apus_rank % \(step) = 1 ORDER BY apus_rank
            """
        return try rows(sql, doing: "find where to cut \(read.title)").map { try key($0, read) }
    }

    // MARK: Integer keys

    /// A single integer column that leads an index of a table: the server can estimate ranges of it. A YEAR is a number that
    /// only some numbers can be compared with: 200 is no year, and 21 is 2021.
    private func isIndexedInteger(_ read: Read) throws -> Bool {
        guard read.key.count == 1, case .integer = read.key[0].type else { return false }
        return try indexName(read) != nil
    }

    private func indexName(_ read: Read) throws -> String? {
        guard case .table(let name) = read.relation else { return nil }
        let schema = try requiredDatabase(name.schema)
        return try rows(
            """
            SELECT s.index_name FROM information_schema.statistics s JOIN information_schema.columns c
            ON c.table_schema = s.table_schema AND c.table_name = s.table_name AND c.column_name = s.column_name
            WHERE s.table_schema = \(dialect.literal(schema)) AND s.table_name = \(dialect.literal(name.name))
            AND s.column_name = \(dialect.literal(read.key[0].name)) AND c.data_type <> 'year'
            AND s.seq_in_index = 1 AND s.index_type = 'BTREE' ORDER BY s.index_name <> 'PRIMARY'
            """, doing: "find an index of \(name)"
        ).first?[0]
    }

    /// Cuts an integer key without reading it: proposes ranges, has the server estimate each by two dives into the
    /// index, halves the heavy ones, and takes those edges that share the rows out evenly.
    private func bucketCuts(_ read: Read, _ bounds: Slice.Bounds, count: Int) throws -> [[String]] {
        guard let index = try indexName(read) else { return [] }
        let name = dialect.quote(read.key[0].name)
        let extremes = try rows(
            "SELECT MIN(\(name)), MAX(\(name)) FROM \(read.relationSQL(dialect))\(Read(unfiltered: read).whereSQL(bounds, dialect))",
            doing: "find the first and last key of \(read.title)")
        guard let low = extremes.first?[0].flatMap({ Int128($0) }), let high = extremes.first?[1].flatMap({ Int128($0) }) else { return [] }
        let relation = "\(read.relationSQL(dialect)) FORCE INDEX (\(dialect.quote(index)))"
        var buckets = MySQLBuckets(from: low, upTo: high + 1)
        try buckets.refine(slices: count) { from, upTo in
            try interrupt.check()
            return try estimatedRows("SELECT \(name) FROM \(relation) WHERE \(name) >= \(from) AND \(name) < \(upTo)")
        }
        return buckets.cuts(slices: count).map { [String($0)] }
    }
}

extension Read {
    /// The same relation and key, without filters.
    fileprivate init(unfiltered read: Read) {
        self = read
        filters = []
    }
}

/// Neighbouring ranges of an integer key with the rows that the server expects in each.
struct MySQLBuckets {
    private struct Bucket {
        var from: Int128
        var upTo: Int128
        var rows: Int
    }
    private var buckets: [Bucket]

    init(from: Int128, upTo: Int128) { buckets = [Bucket(from: from, upTo: upTo, rows: 0)] }

    /// Halves ranges until none holds more than a fifth of a slice, or enough questions were asked.
    ///
    /// The server's estimate of a wide range is a guess from a few pages, that of a narrow one is close, so every
    /// question makes the picture better.
    mutating func refine(slices: Int, rows: (_ from: Int128, _ upTo: Int128) throws -> Int) rethrows {
        var questions = 40 * slices + 200
        split(evenly: 4 * slices)
        for index in buckets.indices {
            buckets[index].rows = try rows(buckets[index].from, buckets[index].upTo)
            questions -= 1
        }
        while questions > 0 {
            let total = buckets.reduce(0) { $0 + $1.rows }
            let most = max(1, total / (5 * slices))
            var next: [Bucket] = []
            next.reserveCapacity(buckets.count * 2)
            var isRefined = false
            for bucket in buckets {
                guard bucket.rows > most, bucket.upTo - bucket.from > 1, questions > 0 else {
                    next.append(bucket)
                    continue
                }
                let middle = bucket.from + (bucket.upTo - bucket.from) / 2
                next.append(Bucket(from: bucket.from, upTo: middle, rows: try rows(bucket.from, middle)))
                next.append(Bucket(from: middle, upTo: bucket.upTo, rows: try rows(middle, bucket.upTo)))
                questions -= 2
                isRefined = true
            }
            buckets = next
            if !isRefined { return }
        }
    }

    private mutating func split(evenly parts: Int) {
        let whole = buckets[0]
        let width = whole.upTo - whole.from
        let parts = Int128(min(Int128(parts), width))
        guard parts > 1 else { return }
        var edges = (0...parts).map { whole.from + width / parts * $0 + width % parts * $0 / parts }
        edges[Int(parts)] = whole.upTo
        buckets = zip(edges, edges.dropFirst()).filter { $0 < $1 }.map { Bucket(from: $0, upTo: $1, rows: 0) }
    }

    /// The edges nearest to even shares, ascending and distinct, fewer than `slices`.
    func cuts(slices: Int) -> [Int128] {
        let total = buckets.reduce(0) { $0 + $1.rows }
        guard total > 0 else { return [] }
        var cuts: [Int128] = []
        var sum = 0
        var wanted = 1
        for (index, bucket) in buckets.enumerated() where index < buckets.count - 1 {
            let before = sum
            sum += bucket.rows
            while wanted < slices, sum * slices >= total * wanted {
                // The edge before or behind this bucket, whichever is nearer to the share.
                let target = total * wanted / slices
                let edge = target - before < sum - target ? bucket.from : bucket.upTo
                if edge > cuts.last ?? buckets[0].from { cuts.append(edge) }
                wanted += 1
            }
        }
        return cuts
    }
}
