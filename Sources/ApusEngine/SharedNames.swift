import ApusCore

/// Names of indexes and constraints that a target has once in a schema, not once in each table: those of new tables that are
/// taken are changed in the plan, which says so.
struct SharedNames {
    let sink: any Sink
    let dialect: any Dialect

    func settle(_ tables: inout [PlannedTable]) throws {
        for kind in sink.sharedNames {
            // By schema, the names and the tables that have them: several tables of the plan may go to one of the target.
            var taken: [String?: [String: String]] = [:]
            if kind == .index {
                for load in tables.map(\.load) {
                    let name = load.target
                    taken[name.schema, default: [:]][sink.comparable(column: name.name)] = ""
                    // What PostgreSQL calls the index of a primary key.
                    guard !load.shape.primaryKey.isEmpty else { continue }
                    taken[name.schema, default: [:]][sink.comparable(column: name.name + "_pkey")] = ""
                }
            }
            for index in tables.indices where !tables[index].load.exists || tables[index].load.create == .recreate {
                do { try settle(kind, &tables[index], &taken[tables[index].load.target.schema, default: [:]]) } catch {
                    try tables.take(ApusError(wrapping: error), at: index)
                }
            }
        }
    }

    private func settle(_ kind: SharedName, _ table: inout PlannedTable, _ taken: inout [String: String]) throws {
        let names = names(kind, table.load)
        guard !names.isEmpty else { return }
        let target = table.load.target
        let offered = names.map { choices(for: $0.name, of: target.name) }
        let there = Set(try sink.taken(offered.flatMap { $0 }, kind, beside: target).map(sink.comparable(column:)))
        // Of two indexes of one table none takes the other's own name.
        let own = names.map { sink.comparable(column: $0.name) }
        var given: Set<String> = []
        for ((position, name), choices) in zip(names, offered) {
            let free = choices.first { text in
                let choice = sink.comparable(column: text)
                return !there.contains(choice) && (taken[choice] == nil || taken[choice] == target.name) && !given.contains(choice)
                    && (text == name || !own.contains(choice))
            }
            given.insert(sink.comparable(column: free ?? name))
            taken[sink.comparable(column: free ?? name)] = target.name
            guard let free, free != name else { continue }
            rename(kind, position, free, &table.load.shape)
            table.findings.append(
                Finding(
                    .note, .exists,
                    "the \(kind.rawValue) \(name) is called \(free) here: its name is taken, and the target has each name once only"))
        }
    }

    /// The name, and what it is changed to: with the table's in front, and a number.
    private func choices(for name: String, of table: String) -> [String] {
        let whole = name.hasPrefix(table) ? name : "\(table)_\(name)"
        let limit = dialect.identifierLimit
        func fitting(_ end: String) -> String {
            var text = whole
            while text.utf8.count + end.utf8.count > limit { text.removeLast() }
            return text + end
        }
        return ([name] + (whole.utf8.count <= limit ? [whole] : []) + (2...9).map { fitting("_\($0)") })
    }

    private func names(_ kind: SharedName, _ load: Load) -> [(position: Int, name: String)] {
        let names: [String?] =
            switch kind {
            case .index: load.withIndexes ? load.shape.indexes.map { dialect.indexName($0, on: load.target) } : []
            case .foreignKey: load.withForeignKeys ? load.shape.foreignKeys.map { Optional($0.name) } : []
            case .check: (load.shape.checks ?? []).map { dialect.checkName($0) }
            }
        return names.enumerated().compactMap { position, name in name.map { (position, $0) } }
    }

    private func rename(_ kind: SharedName, _ position: Int, _ name: String, _ shape: inout TableShape) {
        switch kind {
        case .index: shape.indexes[position].name = name
        case .foreignKey: shape.foreignKeys[position].name = name
        case .check: shape.checks?[position].name = name
        }
    }
}
