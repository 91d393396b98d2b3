import ApusControl
import ApusCore

/// The column that tells a row's days, in the source and in what is loaded.
extension RowText {
    /// The days as the rows of a query tell them: the query is cut already, where the aliases mean something, and has the
    /// column under the name that the list gives it.
    func joined(_ days: Days) -> Days {
        var outer = days
        outer.filtersSource = false
        if let name = dayName(days.column) { outer.column = name }
        return outer
    }

    /// What is loaded under the day column's name, when it is something else: a day's rows would not be found again by it.
    ///
    /// - returns: `config.invalid`; nil as well where the list does not tell.
    func dayFault() -> ApusError? {
        guard row.increment == .day, !items.isStar, dayName(dayColumn) == nil,
            let bare = dayPath(dayColumn).last, let item = items.items.first(where: { $0.name?.lowercased() == bare })
        else { return nil }
        return ApusError(
            .configurationInvalid,
            "etl_column is `\(dayColumn)`, and src_table_column loads `\(item.expression)` under the name `\(item.name ?? bare)`: the target's days would be others than the source's, and rows of other days would be deleted",
            hint:
                "List the column as it is and give the expression another name: `\(dayColumn), \(item.expression) as \(bare)_2`. Or write the expression itself in etl_column, or run with --increment upsert.",
            context: row.sourceTable)
    }

    /// The name under which the list has the day column, or the expression that etl_column is; nil where it does not.
    private func dayName(_ column: String) -> String? {
        let wanted = dayPath(column)
        let found = items.items.firstIndex { item in
            let path = item.path.map { $0.lowercased() }
            if wanted.isEmpty { return Self.compact(item.expression) == Self.compact(column) }
            return !path.isEmpty && (path == wanted || (min(wanted.count, path.count) == 1 && path.last == wanted.last))
        }
        return found.flatMap { targets?[$0] ?? items.items[$0].name }
    }

    private func dayPath(_ column: String) -> [String] {
        (try? SelectList(column))?.items.first.map { $0.isColumn ? $0.path.map { $0.lowercased() } : [] } ?? []
    }

    private static func compact(_ sql: String) -> String { sql.lowercased().filter { !$0.isWhitespace } }
}
