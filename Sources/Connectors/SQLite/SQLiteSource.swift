import ApusCore
import CSQLite
import Tabular

/// Cutting and reading tables.
extension SQLiteSession {
    /// Without a key that tells rows apart a table is cut by its rowid.
    public func sliceKey(for shape: TableShape) -> [String] {
        if !shape.primaryKey.isEmpty { return shape.primaryKey }
        if let unique = shape.indexes.first(where: { index in
            index.unique && index.definition == nil && !index.columns.isEmpty
                && index.columns.allSatisfy { shape.column($0)?.nullable == false }
        }) {
            return unique.columns
        }
        guard shape.kind == .table, shape.origin == "sqlite", shape.column("rowid") == nil else { return [] }
        guard let found = try? realName(shape.name.name), !found.isWithoutRowid else { return [] }
        return ["rowid"]
    }

    /// Walks the key by its index in even steps: the server finds every bound, whatever the distribution.
    public func slices(of read: Read, wish: SliceWish) throws -> [Slice] {
        guard !read.key.isEmpty else { return [Slice(id: 0, bounds: .all, rows: try rows(of: read))] }
        let known = try rows(of: read)
        let rows = wish.count != nil || known == nil ? try count(read, .all) : known!
        let wanted = wish.slices(forRows: rows)
        guard wanted > 1, rows > 1 else {
            return Cuts.slices([], key: read.key, rowsPerSlice: rows)
        }
        let step = max(1, (rows + wanted - 1) / wanted)
        // An estimate from an old ANALYZE may be far too low: then more slices than wanted follow.
        let limit = wish.count.map { $0 - 1 } ?? max(wanted * 4, 10_000)
        let cuts = try Cuts.keyset(step: step, limit: limit) { from, offset in
            try interrupt.check()
            return try key(read, .range(from: nil, upTo: nil), from: from, offset: offset)
        }
        return Cuts.slices(cuts, key: read.key, rowsPerSlice: step)
    }

    private func rows(of read: Read) throws -> Int? {
        guard case .table(let name) = read.relation, read.filters.isEmpty, let found = try realName(name.name) else {
            return nil
        }
        return found.kind == .table ? try estimatedRows(found.name, isWithoutRowid: found.isWithoutRowid) : nil
    }

    private func count(_ read: Read, _ bounds: Slice.Bounds) throws -> Int {
        let sql = "SELECT count(*) FROM \(read.relationSQL(dialect))\(read.whereSQL(bounds, dialect))"
        return try reading().rows(sql, doing: "count the rows of \(label(read))").first?[0].flatMap { Int($0) } ?? 0
    }

    /// A key as SQL literals, which is what bounds hold.
    private func key(_ read: Read, _ bounds: Slice.Bounds, from: [String]?, offset: Int) throws -> [String]? {
        let sql = read.keysetSQL(within: bounds, from: from, offset: offset, dialect) { "quote(\($1))" }
        return try reading().rows(sql, doing: "cut \(label(read)) into slices").first?.compactMap { $0.map(Self.finite) }
    }

    /// What `quote()` writes for infinity is no literal.
    private static func finite(_ quoted: String) -> String {
        quoted == "Inf" ? "9e999" : quoted == "-Inf" ? "-9e999" : quoted
    }

    public func halves(of slice: Slice, in read: Read) throws -> [Slice.Bounds]? {
        guard !read.key.isEmpty else { return nil }
        let from: [String]?
        let upTo: [String]?
        switch slice.bounds {
        case .null, .part: return nil
        case .all: (from, upTo) = (nil, nil)
        case .range(let low, let high): (from, upTo) = (low, high)
        }
        let rows = try count(read, .range(from: from, upTo: upTo))
        // One key value may fill the first half: then the cut is further on. Only the server can tell values apart that
        // its collation takes for one.
        var offset = rows / 2
        while offset > 0, offset < rows, let cut = try key(read, slice.bounds, from: nil, offset: offset) {
            if try key(read, .range(from: from, upTo: cut), from: nil, offset: 0) != nil {
                let isAll = slice.bounds == .all && read.key[0].nullable
                return [.range(from: from, upTo: cut), .range(from: cut, upTo: upTo)] + (isAll ? [.null] : [])
            }
            offset = offset == rows - 1 ? rows : (offset + rows) / 2
        }
        return nil
    }

    public func condition(_ column: Column, _ comparison: Comparison, _ value: String) -> String {
        "\(dialect.quote(column.name)) \(comparison.rawValue) \(dialect.literal(value, type: .text))"
    }

    public func maximum(of column: Column, in read: Read) throws -> String? {
        let name = dialect.quote(column.name)
        let sql =
            "SELECT quote(max(\(name))), max(\(name)) IS NULL FROM \(read.relationSQL(dialect))\(read.whereSQL(.all, dialect))"
        let row = try reading().rows(sql, doing: "find the largest \(column.name) of \(label(read))").first
        return row?[1] == "1" ? nil : row?[0].map(Self.finite)
    }

    public func reader(_ read: Read, _ slice: Slice, wire: [WireFormat]) throws -> any Reader {
        let doing = "read \(label(read))"
        let statement = try reading().prepare(read.selectSQL(slice.bounds, dialect), doing: doing)
        return SQLiteReader(
            statement, read.schema, dates: SQLiteDates(rawValue: settings["dates"] ?? "text") ?? .text, doing: doing)
    }

    private func label(_ read: Read) -> String {
        switch read.relation {
        case .table(let name): "table \(name)"
        case .query: "the query"
        }
    }
}
