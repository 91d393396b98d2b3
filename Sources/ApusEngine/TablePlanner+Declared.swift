import ApusCore
import Tabular

/// Sources that only guess the types of their columns: the target's declaration decides how a value is read.
extension TablePlanner {
    mutating func declare(_ places: inout [SourcePlace], _ existing: TableShape?) throws {
        guard wish.transforms.isEmpty else { return }
        let existing = wish.create == .recreate ? nil : existing
        let names = existing.flatMap { existing in
            wish.positional ? wish.targets ?? existing.columns.filter { !$0.generated }.map(\.name) : nil
        }
        for place in places.indices {
            guard case .table(let table) = places[place].relation else { continue }
            for (index, item) in places[place].columns.items.enumerated() where item.expression == nil {
                guard let target = declaredType(index, places[place].columns, existing, names),
                    let reading = try places[place].session.reading(item.name, of: table, as: target)
                else { continue }
                places[place].columns.read(index, as: reading.type)
                if let loss = reading.loss { note(.warning, .lossyMapping, places[place].columns.targets[index], loss) }
            }
        }
    }

    /// The type that the target's column is declared as; nil where Apus will declare it.
    /// - parameter names: by position, where columns map so.
    private func declaredType(_ index: Int, _ columns: ColumnPlan, _ existing: TableShape?, _ names: [String]?) -> ColumnType? {
        guard target.abilities.declaresTables else { return sink.declaredType }
        let name = columns.targets[index]
        guard let existing else {
            // A native declaration of the user's own, whose meaning the target knows when the table is made.
            return wish.types[name].map { ColumnType.other($0) }
        }
        if let names {
            return names.indices.contains(index) ? existing.column(names[index])?.type : nil
        }
        return existing.column(like: name)?.type
    }
}
