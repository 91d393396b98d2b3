import ApusCore

extension Planner {
    /// Tables of the plan that go to one table of the target: named alike, or in a way that the target does not tell apart.
    func findEqualTargets(_ tables: inout [PlannedTable], _ sink: any Sink) throws {
        // The server is asked only about names that may be equal.
        let candidates = Dictionary(grouping: tables.indices) { tables[$0].load.target.name.lowercased() }
        for indices in candidates.values where indices.count > 1 {
            var first: [TableName: Int] = [:]
            for index in indices {
                let target = try sink.comparable(tables[index].load.target)
                if let other = first[target], let text = fault(tables[index], beside: tables[other]) {
                    tables[index].findings.append(Finding(.error, .configurationInvalid, text))
                    // Nobody can say which of them is meant to stay.
                    let name = tables[other].load.target
                    let second = Finding(.error, .configurationInvalid, "\(name) is the target of \(tables[index].name) too: see there")
                    if !tables[other].findings.contains(second) { tables[other].findings.append(second) }
                }
                if first[target] == nil { first[target] = index }
            }
        }
    }

    private func fault(_ table: PlannedTable, beside other: PlannedTable) -> String? {
        let (name, otherName) = (table.load.target, other.load.target)
        guard name.name == otherName.name else {
            return
                "\(name) and \(otherName), the target of \(other.name), are one table in this target, which does not tell such names apart; name another one (`to`)"
        }
        let erases = [table.load, other.load].contains { $0.mode == .replace || $0.mode == .truncate || $0.create == .recreate }
        return erases ? "\(name) is also the target of \(other.name): one would erase the other" : nil
    }
}

extension TablePlanner {
    /// Columns that the target would take for one.
    mutating func findEqualColumns(_ load: Load) {
        guard target.abilities.declaresTables else { return }
        let isMade = !load.exists || load.create == .recreate
        var first: [String: String] = [:]
        // One name twice was told already.
        let told = Set(findings.filter { $0.severity == .error }.compactMap(\.column))
        for name in isMade ? load.shape.columns.map(\.name) : load.columns {
            let comparable = sink.comparable(column: name)
            if let other = first[comparable], !told.contains(name) {
                note(
                    .error, .configurationInvalid, name,
                    other == name
                        ? "two columns go to `\(name)`; leave one out (`exclude`) or `rename` it"
                        : "`\(other)` and `\(name)` are one column in \(target.title), which does not tell such names apart; `rename` one of them"
                )
            }
            first[comparable] = name
        }
    }
}
