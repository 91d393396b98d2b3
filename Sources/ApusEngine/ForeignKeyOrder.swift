import ApusCore

/// What the foreign keys of target tables that are there already mean for a run: which table is loaded before which,
/// and which tables are replaced together.
struct ForeignKeyOrder {
    /// By position in the plan: the tables that a table's foreign keys refer to, itself included.
    private let references: [[Int]]

    /// - parameter standing: by table, the foreign keys of targets that are there.
    init(_ tables: [PlannedTable], _ standing: [[ForeignKeyShape]]) {
        var places: [String: Int] = [:]
        func key(_ name: TableName) -> [String] {
            let plain = name.name.lowercased()
            return (name.schema.map { ["\($0.lowercased())\u{0}\(plain)"] } ?? []) + ["\u{0}\(plain)"]
        }
        for (index, table) in tables.enumerated().reversed() { for name in key(table.load.target) { places[name] = index } }
        references = zip(tables, standing).map { table, standing in
            guard Self.keepsKeys(table) || Self.isMadeAnew(table) else { return [] }
            let foreignKeys = Self.keepsKeys(table) ? table.load.shape.foreignKeys : standing
            let found = foreignKeys.compactMap { foreign in key(foreign.references).lazy.compactMap { places[$0] }.first }
            return Set(found).sorted()
        }
    }

    /// Whether the target's own foreign keys hold in this load.
    private static func keepsKeys(_ table: PlannedTable) -> Bool { table.pending == nil && keepsKeys(table.load) }

    /// Whether the target goes, and its foreign keys with it.
    private static func isMadeAnew(_ table: PlannedTable) -> Bool { table.pending == nil && isMadeAnew(table.load) }

    private static func keepsKeys(_ load: Load) -> Bool { load.exists && load.create != .recreate && load.isShared != true }

    private static func isMadeAnew(_ load: Load) -> Bool { load.exists && load.create == .recreate && load.isShared != true }

    static func arrange(_ tables: inout [PlannedTable], _ standing: [[ForeignKeyShape]]) {
        let order = ForeignKeyOrder(tables, standing)
        for group in order.groups(of: tables.indices.filter { isMadeAnew(tables[$0]) }) {
            for index in group { tables[index].load.replacedWith = group.map { tables[$0].load.target } }
        }
        for modes in [[LoadMode.replace], [.truncate]] as [Set<LoadMode>] {
            for group in order.groups(of: tables.indices.filter { modes.contains(tables[$0].load.mode) && keepsKeys(tables[$0]) }) {
                for index in group { tables[index].load.replacedWith = group.map { tables[$0].load.target } }
            }
        }
        let added = Set(tables.indices.filter { !tables[$0].load.isStaged && keepsKeys(tables[$0]) })
        for index in added {
            let circle = order.circle(of: index, in: added)
            let before = order.references[index].filter { !circle.contains($0) && $0 != index }
            if !before.isEmpty { tables[index].waitsFor = before }
            guard circle.count > 1 || order.references[index].contains(index) else { continue }
            tables[index].load.defersForeignKeys = true
            // One statement sees its own rows: where keys cannot be put off, they are looked at when it ends.
            if tables[index].slices.count > 1, tables[index].reads.count == 1 {
                let rows = tables[index].slices.map(\.rows)
                tables[index].slices = [Slice(id: 0, bounds: .all, rows: rows.contains(nil) ? nil : rows.reduce(0) { $0 + ($1 ?? 0) })]
                tables[index].load.slices = 1
            }
        }
    }

    /// Tables of a set that foreign keys hold together.
    private func groups(of members: [Int]) -> [[Int]] {
        let set = Set(members)
        var left = set
        var groups: [[Int]] = []
        while let first = left.min() {
            var group: Set<Int> = [], open = [first]
            while let next = open.popLast() {
                guard group.insert(next).inserted else { continue }
                open += references[next].filter(set.contains) + set.filter { references[$0].contains(next) }
            }
            left.subtract(group)
            if group.count > 1 { groups.append(group.sorted()) }
        }
        return groups
    }

    /// The tables that refer to each other in a circle with this one; itself alone when there is no circle.
    private func circle(of index: Int, in set: Set<Int>) -> Set<Int> {
        func reached(from start: Int) -> Set<Int> {
            var seen: Set<Int> = [], open = references[start].filter(set.contains)
            while let next = open.popLast() {
                if seen.insert(next).inserted { open += references[next].filter(set.contains) }
            }
            return seen
        }
        return reached(from: index).filter { reached(from: $0).contains(index) }.union([index])
    }
}
