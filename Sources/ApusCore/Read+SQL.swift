import Tabular

/// The SQL of a read, the same in every dialect but for quoting.
extension Read {
    /// `"public"."orders"`, or the query in parentheses with an alias. The newline ends a comment.
    public func relationSQL(_ dialect: any Dialect) -> String {
        switch relation {
        case .table(let name):
            (withoutChildren == true ? dialect.withoutChildren(dialect.quote(name)) : dialect.quote(name))
                + (alias.map { " AS \($0)" } ?? "")
        // The line's end closes a comment at the query's end.
        case .query(let sql):
            "(\(Self.trimmed(sql))\n) AS \(dialect.quote("apus_query"))"
                // Two columns of one name, as a verbatim query may have, could not be told apart otherwise.
                + (isVerbatim && dialect.renamesQueryColumns
                    ? " (\(items.map { dialect.quote($0.name) }.joined(separator: ", ")))" : "")
        }
    }

    /// The SELECT list. `cast` may wrap a column, e.g. to have a server send it as text.
    public func listSQL(_ dialect: any Dialect, cast: (Item, Column, String) -> String = { $2 }) -> String {
        zip(items, schema.columns).map { item, column in
            let name = dialect.quote(item.name)
            let plain = item.expression ?? name
            let sql = cast(item, column, plain)
            return sql == name ? name : "\(sql) AS \(name)"
        }.joined(separator: ", ")
    }

    /// ` WHERE …` for the filters and a slice, or nothing.
    public func whereSQL(_ bounds: Slice.Bounds, _ dialect: any Dialect, and more: [String] = []) -> String {
        let conditions = filters.map { $0.contains("--") || $0.contains("#") ? "(\($0)\n)" : "(\($0))" } + boundsSQL(bounds, dialect) + more
        return conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
    }

    public func selectSQL(
        _ bounds: Slice.Bounds, _ dialect: any Dialect, cast: (Item, Column, String) -> String = { $2 }
    ) -> String {
        if isVerbatim, !dialect.renamesQueryColumns, case .query(let sql) = relation { return Self.trimmed(sql) }
        return "SELECT \(listSQL(dialect, cast: cast)) FROM \(relationSQL(dialect))\(whereSQL(bounds, dialect))"
    }

    private func boundsSQL(_ bounds: Slice.Bounds, _ dialect: any Dialect) -> [String] {
        switch bounds {
        case .all, .part: []
        case .null: ["\(dialect.quote(key[0].name)) IS NULL"]
        case .range(let from, let upTo):
            if from == nil, upTo == nil, let first = key.first, first.nullable {
                ["\(dialect.quote(first.name)) IS NOT NULL"]
            } else {
                (from.map { [compareSQL(">=", $0, dialect)] } ?? []) + (upTo.map { [compareSQL("<", $0, dialect)] } ?? [])
            }
        }
    }

    /// `(a, b) >= (x, y)` spelled out, with the leading column also alone in front, so that an index on it serves.
    func compareSQL(_ comparison: String, _ values: [String], _ dialect: any Dialect) -> String {
        func condition(_ index: Int, _ comparison: String) -> String { dialect.condition(key[index], comparison, values[index]) }
        guard key.count > 1 else { return condition(0, comparison) }
        let strict = String(comparison.prefix(1))
        let alternatives = key.indices.map { last in
            let equal = (0..<last).map { condition($0, "=") }
            let isLast = last == key.count - 1
            return (equal + [condition(last, isLast ? comparison : strict)]).joined(separator: " AND ")
        }
        return "\(condition(0, strict + "=")) AND (\(alternatives.joined(separator: " OR ")))"
    }

    /// The key `offset` rows behind `from` (nil = the first row) within `bounds`, by the server's order: one index
    /// step of a keyset walk. The SELECT gives at most one row of the key's columns.
    public func keysetSQL(
        within bounds: Slice.Bounds, from: [String]?, offset: Int, _ dialect: any Dialect,
        text: (Column, String) -> String = { $1 }
    ) -> String {
        let names = key.map { dialect.quote($0.name) }
        var more = from.map { [compareSQL(">=", $0, dialect)] } ?? []
        if let first = key.first, first.nullable { more.append("\(names[0]) IS NOT NULL") }
        let list = zip(key, names).map { text($0, $1) }.joined(separator: ", ")
        return "SELECT \(list) FROM \(relationSQL(dialect))\(whereSQL(bounds, dialect, and: more))"
            + " ORDER BY \(names.joined(separator: ", ")) LIMIT 1 OFFSET \(offset)"
    }

    private static func trimmed(_ sql: String) -> String {
        var text = Substring(sql)
        while let last = text.last, last.isWhitespace || last == ";" { text.removeLast() }
        return String(text)
    }
}

/// Slices between cuts that a server computed.
public enum Cuts {
    /// Slices for ascending cuts: `(-∞, c0) [c0, c1) … [cn, ∞)`, and the NULL slice where the key may be NULL.
    /// Equal neighbours, which a server gives when one key value fills a slice, are taken once.
    public static func slices(_ cuts: [[String]], key: [Column], rowsPerSlice: Int?) -> [Slice] {
        var distinct: [[String]] = []
        for cut in cuts where cut != distinct.last { distinct.append(cut) }
        var bounds: [Slice.Bounds] = []
        for index in 0...distinct.count {
            bounds.append(
                .range(from: index == 0 ? nil : distinct[index - 1], upTo: index == distinct.count ? nil : distinct[index]))
        }
        if key.first?.nullable == true { bounds.append(.null) }
        return bounds.enumerated().map { Slice(id: $0, bounds: $1, rows: $1 == .null ? nil : rowsPerSlice) }
    }

    /// Cuts every `step` rows by walking the key, one index step at a time. `key` gives the key that many rows
    /// behind another, or nil at the end.
    public static func keyset(
        step: Int, limit: Int, key: (_ from: [String]?, _ offset: Int) throws -> [String]?
    ) throws -> [[String]] {
        var cuts: [[String]] = []
        while cuts.count < limit, let cut = try key(cuts.last, step) {
            // One key value that fills a whole step gives itself again: step over it by doubling the stride.
            if cut == cuts.last {
                var stride = step * 2
                var next = try key(cut, stride)
                while let found = next, found == cut {
                    stride *= 2
                    next = try key(cut, stride)
                }
                guard let found = next else { break }
                cuts.append(found)
            } else {
                cuts.append(cut)
            }
        }
        return cuts
    }
}
