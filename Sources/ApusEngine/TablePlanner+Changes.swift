import ApusCore

extension TablePlanner {
    /// Says what the target's columns would make of values without an error.
    /// - parameter matched: the existing column for each planned one.
    mutating func findChanges(_ columns: ColumnPlan, _ matched: [String?], _ existing: TableShape) {
        guard let dialect = targetDialect else { return }
        for (source, name) in zip(columns.shapes, matched) {
            guard let name, let column = existing.column(name) else { continue }
            if columns.source.origin == existing.origin, source.native == column.native { continue }
            if let change = dialect.change(of: source, into: column) { note(.warning, .lossyMapping, name, change) }
        }
    }
}
