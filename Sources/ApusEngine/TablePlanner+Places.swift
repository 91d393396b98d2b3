import ApusCore
import Tabular

/// One place that a table is read from: the source's own table, a query, or one of several members.
struct SourcePlace {
    /// Position in ``Flow/sources``.
    var source: Int
    var session: any Source
    var relation: Read.Relation
    var filter: String?
    /// For messages.
    var label: String
    var shape: TableShape
    var columns: ColumnPlan
    var isVerbatim = false
    /// What a table is called in the filter.
    var alias: String?
    /// Columns that are NULL here, in small letters.
    var absent: Set<String> = []
    /// The table's children are read as tables of their own.
    var withoutChildren = false

    /// Whether a column is an expression that no column of the table goes by.
    func isConstant(_ index: Int) -> Bool {
        columns.items[index].expression != nil && shape.column(columns.items[index].name) == nil
    }

    /// - parameter kept: positions of the columns that the target takes.
    func read(_ kept: [Int]) -> Read {
        var read = Read(
            relation: relation, items: kept.map { columns.items[$0] }, schema: Schema(kept.map { columns.schema[$0] }))
        read.source = source
        read.isVerbatim = isVerbatim
        read.alias = alias
        if withoutChildren { read.withoutChildren = true }
        if let filter { read.filters = [filter] }
        return read
    }
}

/// Where the rows of a table come from.
extension TablePlanner {
    /// One place, or every member; the first decides which columns there are.
    mutating func places() throws -> [SourcePlace] {
        guard !wish.members.isEmpty else {
            let source = try planner.source(0)
            if case .query(let sql, let name) = wish.subject {
                return [try place(0, .query(sql), shape(of: sql, name, source), wish, nil, selection.name, nil)]
            }
            let table = selection.table!
            let shape = try planner.sources[0].describe(table, source)
            var place = try place(0, .table(table), shape, wish, nil, selection.name, nil)
            // Every row is to be read once.
            planner.children[table] = shape.children
            place.withoutChildren = shape.children?.contains(where: planner.taken.contains) ?? false
            return [place]
        }
        var places: [SourcePlace] = []
        for member in wish.members {
            let source = try planner.source(member.source)
            let label = member.label ?? "\(planner.sources[member.source].endpoint.label) \(member.subject.text)"
            let relation: Read.Relation
            let shape: TableShape
            switch member.subject {
            case .query(let sql, let name): (relation, shape) = (.query(sql), try self.shape(of: sql, name, source))
            case .pattern(let text):
                let table = try TablePattern(text).exactName ?? TableName(text)
                (relation, shape) = (.table(table), try planner.sources[member.source].describe(table, source))
            }
            var own = wish
            own.columns = member.columns ?? wish.columns
            if let first = places.first, !wish.positional { align(&own, shape, to: first, label) }
            var made = try place(member.source, relation, shape, own, member.filter, label, places.first, absent: member.absent)
            made.absent = member.absent
            places.append(made)
        }
        return places
    }

    private func shape(of sql: String, _ name: String, _ source: any Source) throws -> TableShape {
        guard let session = source as? any SQLSession else {
            throw ApusError(.unsupported, "\(source.banner) cannot run a query")
        }
        var shape = try session.describe(query: sql)
        shape.name = TableName(name)
        return shape
    }

    private mutating func place(
        _ number: Int, _ relation: Read.Relation, _ shape: TableShape, _ wish: TableWish, _ filter: String?, _ label: String,
        _ first: SourcePlace?, absent: Set<String> = []
    ) throws -> SourcePlace {
        if let hiding = shape.hiding { note(hiding.isRefused ? .error : .warning, .permission, hiding.reason) }
        var shape = shape
        var isVerbatim = false
        if case .query = relation {
            if wish.positional, wish.columns == nil, filter ?? wish.filter == nil {
                isVerbatim = true
                shape.columns = Self.unique(shape.columns)
            } else if let twice = Self.double(shape.columns.map(\.name)) {
                throw ApusError(
                    .statement, "the query gives two columns the name `\(twice)`", hint: "Give one of them an alias.", context: label)
            }
        }
        let session = try planner.source(number)
        var mapping = wish
        mapping.subject = if case .query(let sql) = relation { .query(sql, as: shape.name.name) } else { wish.subject }
        let columns = try ColumnPlan(shape, mapping, planner.sources[number].connector, session, &findings)
        if let first { compare(columns, with: first, label, absent) }
        return SourcePlace(
            source: number, session: session, relation: relation, filter: filter ?? wish.filter, label: label, shape: shape,
            columns: columns, isVerbatim: isVerbatim, alias: wish.alias)
    }

    /// Gives a member the first one's columns: what it lacks becomes NULL, what only it has is left out and said.
    private mutating func align(_ wish: inout TableWish, _ shape: TableShape, to first: SourcePlace, _ label: String) {
        let given = Dictionary(
            (wish.columns ?? []).filter { $0.name != "*" }.map { ($0.name, $0.expression) }, uniquingKeysWith: { $1 })
        var columns: [ColumnWish] = []
        /// Databases that take no notice of case in names may write them differently.
        func column(_ name: String, of shape: TableShape) -> ColumnShape? { shape.columns(like: name).first }
        var read: Set<String> = []
        for (item, target) in zip(first.columns.items, first.columns.targets) {
            let expression = given[target].flatMap { $0 }
            if let known = column(expression ?? item.name, of: shape) {
                read.insert(known.name)
                columns.append(ColumnWish(target, expression: known.name))
            } else if let expression, column(expression, of: first.shape) == nil {
                columns.append(ColumnWish(target, expression: expression))
            } else {
                note(.note, .notFound, target, "\(label) has no column `\(item.name)`; its rows get NULL there")
                columns.append(ColumnWish(target, expression: "NULL"))
            }
        }
        let taken = read.union(first.columns.items.map(\.name) + first.columns.targets)
        for own in shape.columns
        where !taken.contains(own.name) && !wish.exclude.contains(own.name) && column(own.name, of: first.shape) == nil {
            note(.warning, .lossyMapping, own.name, "only \(label) has the column `\(own.name)`; it is not loaded")
        }
        wish.columns = columns
        wish.rename = [:]
    }

    private mutating func compare(_ columns: ColumnPlan, with first: SourcePlace, _ label: String, _ absent: Set<String>) {
        guard columns.items.count == first.columns.items.count else {
            note(
                .error, .columnCount,
                "\(label) gives \(columns.items.count) columns, but \(first.label) gives \(first.columns.items.count)")
            findings[findings.count - 1].numbers = [columns.items.count, first.columns.items.count]
            return
        }
        for index in columns.items.indices where columns.items[index].expression != "NULL" {
            // A constant is each place's own.
            if first.isConstant(index) || absent.contains(columns.items[index].name.lowercased()) { continue }
            let own = columns.shapes[index].type, wanted = first.columns.shapes[index].type
            if own == wanted { continue }
            let name = first.columns.targets[index]
            switch own.fit(into: wanted, rounds: wish.rounds) {
            case .exact, .widening:
                note(.note, .lossyMapping, name, "`\(name)` is \(own) in \(label) and \(wanted) in \(first.label)")
            // By position, the target's own column is what each place has to fit.
            case .narrowing where wish.positional: break
            case .narrowing(let what):
                note(.warning, .lossyMapping, name, "`\(name)` is \(own) in \(label) and \(wanted) in \(first.label): \(what)")
            case .impossible(let why):
                note(.error, .unsupported, name, "`\(name)` is \(own) in \(label) and \(wanted) in \(first.label): \(why)")
            }
        }
    }

    /// Says what becomes of the rows of tables that inherit from the one that is read.
    mutating func tellChildren(_ place: SourcePlace, isNew: Bool) {
        guard let children = place.shape.children else { return }
        let more = children.count > 3 ? " and \(children.count - 3) more" : ""
        let names = children.prefix(3).map(\.description).joined(separator: ", ") + more
        guard place.withoutChildren else {
            note(.note, .lossyMapping, "the rows of its child tables are read with it: \(names)")
            return
        }
        note(
            isNew ? .warning : .note, isNew ? .lossyMapping : .unsupported,
            "its child tables are copied by themselves: \(names)"
                + (isNew ? ". In the target they are no longer its children: a query of this table does not give their rows" : ""))
    }

    // MARK: The target of several places

    /// What a new table must be for the rows of all places: a column that one lacks may be NULL, and constants that
    /// tell the places apart lead the key.
    mutating func unite(_ places: [SourcePlace], _ shape: inout TableShape) {
        for index in shape.columns.indices where index < places[0].columns.items.count {
            if places.dropFirst().contains(where: {
                index < $0.columns.shapes.count && ($0.columns.shapes[index].nullable || $0.columns.items[index].expression == "NULL")
            }) {
                shape.columns[index].nullable = shape.columns[index].nullable || !shape.primaryKey.contains(shape.columns[index].name)
            }
            shape.columns[index].identity = false
        }
        let constants = zip(places[0].columns.items, places[0].columns.targets).filter { item, _ in
            item.expression != nil && places[0].shape.column(item.name) == nil
        }.map(\.1)
        // Several shards of one place have the same constants.
        let differing = constants.filter { name in
            Set(
                places.compactMap { place in
                    place.columns.targets.firstIndex(of: name).map { place.columns.items[$0].expression ?? "" }
                }
            ).count > 1
        }
        for name in differing {
            guard let index = shape.columns.firstIndex(where: { $0.name == name }), case .text = shape.columns[index].type else { continue }
            // Wide enough for the longest of them, and for the next place's.
            let lengths = places.compactMap { place -> Int? in
                guard let position = place.columns.targets.firstIndex(of: name),
                    case .text(let length?) = place.columns.shapes[position].type
                else { return nil }
                return length
            }
            let length = max(64, lengths.max() ?? 0)
            shape.columns[index].type = .text(length: length)
            shape.columns[index].native = "varchar(\(length))"
        }
        guard !differing.isEmpty else { return }
        if !shape.primaryKey.isEmpty {
            shape.primaryKey = differing + shape.primaryKey
            for index in shape.columns.indices where differing.contains(shape.columns[index].name) { shape.columns[index].nullable = false }
        }
        for index in shape.indexes.indices where shape.indexes[index].unique && shape.indexes[index].definition == nil {
            shape.indexes[index].columns = differing + shape.indexes[index].columns
        }
    }

    // MARK: By position

    /// The target column of each read one.
    mutating func positional(_ places: [SourcePlace], _ existing: TableShape) -> [String?] {
        let columns = places[0].columns
        let names = wish.targets ?? existing.columns.filter { !$0.generated }.map(\.name)
        var matched: [String] = []
        for name in names {
            guard let column = existing.columns(like: name).first else {
                note(
                    .error, .notFound, name,
                    "the target \(existing.name) has no column `\(name)`. \(Nearest.hint(for: name, among: existing.columns.map(\.name)) ?? "")"
                )
                matched.append(name)
                continue
            }
            matched.append(column.name)
        }
        guard matched.count == columns.items.count else {
            note(
                .error, .columnCount,
                "the source gives \(columns.items.count) columns and \(existing.name) is to take \(matched.count): by position they must be as many"
            )
            findings[findings.count - 1].numbers = [columns.items.count, matched.count]
            return matched
        }
        for (index, name) in matched.enumerated() {
            guard let column = existing.column(name) else { continue }
            var seen: Set<String> = []
            for place in places where index < place.columns.shapes.count && place.columns.items[index].expression != "NULL" {
                let shape = place.columns.shapes[index]
                if place.absent.contains(place.columns.items[index].name.lowercased()) { continue }
                if seen.insert("\(shape.type)").inserted { check(shape, column, existing) }
            }
        }
        return matched
    }

    private mutating func check(_ source: ColumnShape, _ column: ColumnShape, _ existing: TableShape) {
        switch source.type.fit(into: column.type, rounds: wish.rounds) {
        case .exact, .widening: break
        case .narrowing(let what): note(.warning, .lossyMapping, column.name, "\(source.native) into \(column.native): \(what)")
        case .impossible(let why): note(.error, .unsupported, column.name, "\(source.native) into \(column.native): \(why)")
        }
    }

    /// Names for columns of which two may have the same.
    private static func unique(_ columns: [ColumnShape]) -> [ColumnShape] {
        var taken: Set<String> = []
        return columns.map { column in
            var copy = column
            var number = 1
            while !taken.insert(copy.name).inserted {
                number += 1
                copy.name = "\(column.name)_\(number)"
            }
            return copy
        }
    }

    private static func double(_ names: [String]) -> String? {
        var seen: Set<String> = []
        return names.first { !seen.insert($0).inserted }
    }
}
