import ApusCore

/// Points the foreign keys of new tables to the targets of the tables that they reference.
enum ForeignKeyNames {
    static func translate(_ tables: inout [PlannedTable]) {
        var targets: [String: TableName] = [:]
        for table in tables {
            if case .table(let name) = table.read.relation { targets[name.name] = table.load.target }
        }
        for index in tables.indices {
            let table = tables[index]
            guard table.load.withForeignKeys, !table.load.exists || table.load.create == .recreate else {
                if !table.load.exists { tables[index].load.shape.foreignKeys = [] }
                continue
            }
            tables[index].load.shape.foreignKeys = table.load.shape.foreignKeys.compactMap { key in
                guard let target = targets[key.references.name] else {
                    tables[index].findings.append(
                        Finding(
                            .warning, .lossyMapping,
                            "the foreign key \(key.name) is left out: \(key.references) is not among the tables of this plan"))
                    return nil
                }
                var copy = key
                copy.references = target
                return copy
            }
        }
    }
}
