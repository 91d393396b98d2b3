import ApusCore

/// The tables and queries that the wishes of a flow mean, in the order of the catalogue or of the flow.
struct TableSelection {
    struct Item {
        var name: String
        var table: TableName?
        var wish: TableWish
    }

    let wishes: [TableWish]

    init(_ wishes: [TableWish]) { self.wishes = wishes }

    /// - throws: `object.not_found`, with the nearest name.
    func tables(in source: any Source) throws -> [Item] {
        var items: [Item] = []
        let patterns = wishes.filter { if case .pattern = $0.subject { true } else { false } }
        if !patterns.isEmpty {
            var known: [TableSummary] = []
            for schema in schemas(patterns) { known += try source.tables(schema: schema) }
            let views = Set(known.filter { $0.kind == .view }.map(\.name))
            let exact = Set(patterns.compactMap(\.exactName))
            let names = known.map(\.name).filter { !views.contains($0) || exact.contains($0.description) || exact.contains($0.name) }
            items = try TableWish.resolve(patterns, over: names).map { Item(name: $0.description, table: $0, wish: $1) }
        }
        for wish in wishes {
            if case .query(_, let name) = wish.subject, !wish.skip { items.append(Item(name: name, table: nil, wish: wish)) }
        }
        guard !items.isEmpty else {
            throw ApusError(
                .notFound, "no table of the source matches",
                hint: "`apus conn tables <url>` lists them; a pattern such as `shop.*` must name the schema where it is not the connection's own.")
        }
        return items
    }

    /// The schemas that patterns name; nil = the connection's own.
    private func schemas(_ patterns: [TableWish]) -> [String?] {
        var schemas: [String?] = []
        for wish in patterns where !wish.skip || patterns.count == 1 {
            let schema = wish.schemaName
            if !schemas.contains(schema) { schemas.append(schema) }
        }
        return schemas
    }
}
