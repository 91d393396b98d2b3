import ApusCore
import Tabular

/// A load of some days: what is read, and what of the target gives way to it.
extension TablePlanner {
    /// - parameter kept: positions of the columns that the load carries.
    mutating func cutDays(_ places: [SourcePlace], _ kept: [Int], _ reads: inout [Read], _ load: inout Load) throws {
        guard let days = wish.days else {
            if load.mode == .window, load.window == nil {
                note(
                    .error, .configurationInvalid,
                    "mode `window` replaces a part of the target and needs to be told which: `window`, a condition in the target's SQL")
            }
            return
        }
        var type: ColumnType?
        for (number, place) in places.enumerated() {
            guard let own = try days.type ?? self.type(of: days, in: place, reads[number]) else { continue }
            type = type ?? own
            guard days.filtersSource else { continue }
            guard let dialect = planner.sources[place.source].connector.dialect, let condition = days.condition(own, dialect) else {
                note(
                    .error, .unsupported, days.bareColumn,
                    "days cannot be told by `\(days.column)`, which is \(own) in \(place.label): a date, a time, a text that begins with one, or a number such as 20261121 can"
                )
                continue
            }
            reads[number].filters.append(condition)
        }
        guard load.mode == .window, load.window == nil else { return }
        guard type != nil else {
            // Where the source has no such column, that was said.
            if findings.contains(where: { $0.severity == .error }) { return }
            note(
                .error, .notFound, days.bareColumn,
                "`\(days.column)` is not among the columns that are read, so that the days cannot be replaced in \(load.target): read it too, or choose another mode"
            )
            return
        }
        let fed = targetColumn(of: days, places[0], kept, load)
        if fed.name == nil, let expression = fed.expression {
            note(
                .error, .configurationInvalid, days.bareColumn,
                "`\(days.bareColumn)` of \(load.target) gets the value of `\(expression)`, and days are told by the source's `\(days.column)`: a day's rows would not be found there when they are replaced. Load `\(days.column)` as it is and give the expression another name, or choose upsert"
            )
            return
        }
        guard let name = fed.name, let column = load.shape.column(name) else {
            note(
                .error, .notFound, days.bareColumn,
                "the target \(load.target) has no column that holds `\(days.column)`, so that the days cannot be replaced there: load it too, or choose another mode"
            )
            return
        }
        load.window = target.dialect.flatMap { days.condition(name, column.type, target: $0) }
        load.windowIsExact = load.window == nil ? nil : true
        if load.window == nil {
            note(.error, .unsupported, name, "days cannot be told by the target's column `\(name)`, which is \(column.native)")
        }
    }

    /// nil, with a finding, where the source has no such column.
    private mutating func type(of days: Days, in place: SourcePlace, _ read: Read) throws -> ColumnType? {
        if let column = place.shape.column(days.bareColumn) { return column.type }
        if place.isVerbatim || !days.filtersSource {
            // The query's own text cannot be asked; what it is loaded as must do.
            return place.columns.shapes.first { $0.name.lowercased() == days.bareColumn.lowercased() }?.type
        }
        guard let session = place.session as? any SQLSession, let dialect = planner.sources[place.source].connector.dialect else {
            return nil
        }
        var probe = read
        probe.items = [Read.Item("apus_day", expression: days.column)]
        probe.schema = Schema([Column("apus_day", .text)])
        probe.filters = []
        do { return try session.describe(query: probe.selectSQL(.all, dialect)).columns.first?.type } catch let error as ApusError
            where !error.isTransient && error.code != .cancelled
        {
            note(
                .error, .notFound, days.bareColumn,
                "there is no column `\(days.column)` in \(place.label). \(Nearest.hint(for: days.bareColumn, among: place.shape.columns.map(\.name)) ?? "")"
            )
            return nil
        }
    }

    /// The target's column that holds the days as the source tells them; without one, the expression that a column of that
    /// name gets.
    private func targetColumn(of days: Days, _ place: SourcePlace, _ kept: [Int], _ load: Load) -> (name: String?, expression: String?) {
        let bare = days.bareColumn.lowercased()
        var other: String?
        for (position, target) in zip(kept, load.columns) {
            let item = place.columns.items[position]
            guard let expression = item.expression else {
                if item.name.lowercased() == bare { return (target, nil) }
                continue
            }
            if expression == days.column || Self.isColumn(expression, bare) { return (target, nil) }
            if item.name.lowercased() == bare || target.lowercased() == bare { other = other ?? expression }
        }
        return (nil, other)
    }

    /// `t.upd` for `upd`: a column with what stands in front of it, and nothing else.
    private static func isColumn(_ expression: String, _ bare: String) -> Bool {
        let text = expression.lowercased()
        guard text.allSatisfy({ $0.isLetter || $0.isNumber || "._$\"`".contains($0) }) else { return false }
        return text.split(separator: ".").last.map { $0.filter { !"\"`".contains($0) } } == bare
    }
}
