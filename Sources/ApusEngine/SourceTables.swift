import ApusCore

/// The tables and queries that a flow means, found in the source's catalogue.
struct SourceTables {
    struct Item {
        /// What plan, progress and ledger call it.
        var name: String
        /// nil for a query.
        var table: TableName?
        var target: TableName
        var wish: TableWish
        /// Why it cannot even be looked at.
        var fault: ApusError?
    }

    let items: [Item]
    let warnings: [String]

    /// Views are taken only when they are named, never by a pattern.
    /// - throws: `object.not_found`, with the nearest name; `config.invalid`.
    init(_ flow: Flow, in source: any Source) throws {
        // Tables that are made of members are named, not found.
        let made = try flow.tables.filter { !$0.members.isEmpty && !$0.skip }.map { wish in
            let wish = flow.defaults.map { wish.merged(over: $0) } ?? wish
            let name = try TablePattern(wish.subject.text).exactName ?? TableName(wish.subject.text)
            let target = try wish.to.map { try TargetName($0).fill(name) } ?? TableName(name.name)
            return Item(name: name.description, table: nil, target: target, wish: wish)
        }
        var flow = flow
        flow.tables.removeAll { !$0.members.isEmpty }
        if flow.tables.isEmpty, !made.isEmpty {
            items = made
            warnings = []
            return
        }
        let patterns = try flow.tables.compactMap { wish -> TablePattern? in
            guard case .pattern(let text) = wish.subject else { return nil }
            return try TablePattern(text)
        }
        var known: [TableSummary] = []
        var own: String?
        let isOnlyQueries = patterns.isEmpty && flow.tables.contains { !$0.skip }
        if !isOnlyQueries {
            do { known = try source.tables(schema: nil) } catch let error as ApusError
                where error.code == .configurationInvalid && patterns.allSatisfy({ $0.schema != nil || $0.hasSchemaPattern })
                && !patterns.isEmpty
            {
                // The connection names no schema, and every table does.
            }
            own = known.first?.name.schema
            var schemas = Set(patterns.compactMap(\.schema))
            if patterns.contains(where: \.hasSchemaPattern) {
                for schema in try source.schemas() where patterns.contains(where: { $0.matches(schema: schema) }) { schemas.insert(schema) }
            }
            for schema in schemas.sorted() where schema != own { known += try source.tables(schema: schema) }
        }
        let named = patterns.compactMap(\.exactName)
        let names = known.filter { table in
            table.kind != .view || named.contains { $0.name.lowercased() == table.name.name.lowercased() }
        }.map(\.name)
        let selection = try flow.select(from: names, own: own)
        items =
            try made
            + selection.matches.map { match in
                switch match.subject {
                case .table(let table):
                    let target = try match.target(own: own)
                    return Item(name: table.description, table: table, target: target, wish: match.wish)
                case .query(_, as: let name):
                    return Item(name: name, table: nil, target: try match.target(own: own), wish: match.wish)
                }
            }
            + selection.missing.map { missing in
                let target = try missing.wish.to.map { try TargetName($0).fill(missing.table, own: own) } ?? TableName(missing.table.name)
                return Item(
                    name: missing.table.description, table: missing.table, target: target, wish: missing.wish, fault: missing.error)
            }
        warnings = selection.warnings
    }
}
