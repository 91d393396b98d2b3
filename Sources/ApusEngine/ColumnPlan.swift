import ApusCore
import Tabular

/// Which columns and expressions of the source feed which columns of the target, by position.
struct ColumnPlan {
    let source: TableShape
    let items: [Read.Item]
    /// What batches carry.
    private(set) var schema: Schema
    /// The target column of each item.
    let targets: [String]
    /// The catalogue's column behind each item, where it is one; text where a transform makes text.
    private(set) var shapes: [ColumnShape]

    init(
        _ shape: TableShape, _ wish: TableWish, _ connector: any Connector, _ source: any Source,
        _ findings: inout [Finding]
    ) throws {
        self.source = shape
        var items: [Read.Item] = []
        var targets: [String] = []
        var shapes: [ColumnShape?] = []
        if let wanted = wish.columns {
            for column in wanted {
                let isStar = column.name == "*" && column.expression == nil
                for each in isStar ? Self.others(shape, wanted, wish) : [column] {
                    let known = shape.column(each.expression ?? each.name)
                    if each.expression == nil, known == nil {
                        findings.append(
                            Finding(
                                .error, .notFound, column: each.name,
                                "the source has no column `\(each.name)`. \(Nearest.hint(for: each.name, among: shape.columns.map(\.name)) ?? "")"
                            ))
                        continue
                    }
                    targets.append(wish.rename[each.name] ?? each.name)
                    items.append(known.map { Read.Item($0.name) } ?? Read.Item(each.name, expression: each.expression))
                    shapes.append(known)
                }
            }
        } else {
            for name in wish.exclude where shape.column(name) == nil {
                findings.append(
                    Finding(
                        .error, .notFound, column: name,
                        "`exclude` names no column of the source. \(Nearest.hint(for: name, among: shape.columns.map(\.name)) ?? "")"))
            }
            let excluded = Set(wish.exclude)
            for column in shape.columns where !excluded.contains(column.name) {
                items.append(Read.Item(column.name))
                targets.append(wish.rename[column.name] ?? column.name)
                shapes.append(column)
            }
        }
        let given = wish.rename.isEmpty ? [] : Set(targets)
        for name in wish.rename.keys.sorted() where shape.column(name) == nil && !given.contains(wish.rename[name]!) {
            findings.append(
                Finding(
                    .error, .notFound, column: name,
                    "`rename` names no column of the source. \(Nearest.hint(for: name, among: shape.columns.map(\.name)) ?? "")"))
        }
        for (name, count) in Dictionary(targets.map { ($0, 1) }, uniquingKeysWith: +) where count > 1 && !wish.positional {
            findings.append(Finding(.error, .configurationInvalid, column: name, "two columns are to be loaded into `\(name)`"))
        }
        if items.contains(where: { $0.expression != nil }) {
            let described = try Self.describe(items, wish, shape, connector, source)
            for (index, column) in described.enumerated() where shapes[index] == nil { shapes[index] = column }
        }
        // A target that declares no tables takes the names as they are given.
        if wish.positional, let given = wish.targets, given.count == targets.count { targets = given }
        // One name twice in a batch is legal: columns go by position.
        self.items = items
        self.targets = targets
        let read = shapes.map { $0! }
        schema = Schema(zip(items, read).map { Column($0.name, $1.type, nullable: $1.nullable) })
        self.shapes = Self.transformed(read, wish.transforms)
    }

    private static func transformed(_ shapes: [ColumnShape], _ transforms: [Transform]) -> [ColumnShape] {
        var changed = shapes
        for transform in transforms where transform.makesText && shapes.indices.contains(transform.column) {
            let before = changed[transform.column]
            let type = transform.type(after: before.type)
            let native = if case .text(let length?) = type { "varchar(\(length))" } else { "text" }
            var text = ColumnShape(before.name, type, native: native, nullable: before.nullable)
            text.comment = before.comment
            changed[transform.column] = text
        }
        return changed
    }

    /// Has the source read a column as another type.
    mutating func read(_ index: Int, as type: ColumnType) {
        guard schema[index].type != type else { return }
        schema.columns[index].type = type
        shapes[index].type = type
        shapes[index].native = type.description
    }

    /// What `*` beside named columns stands for: every column that is neither named nor excluded.
    private static func others(_ shape: TableShape, _ wanted: [ColumnWish], _ wish: TableWish) -> [ColumnWish] {
        let named = Set(wanted.map(\.name) + wish.exclude)
        return shape.columns.filter { !named.contains($0.name) }.map { ColumnWish($0.name) }
    }

    /// The types of expressions, by the source's own word.
    private static func describe(
        _ items: [Read.Item], _ wish: TableWish, _ shape: TableShape, _ connector: any Connector, _ source: any Source
    ) throws -> [ColumnShape] {
        guard let session = source as? any SQLSession, let dialect = connector.dialect else {
            // What knows no SQL may know constants.
            return try items.map { item in
                if let known = shape.column(item.name), item.expression == nil { return known }
                guard let text = item.expression, text.count >= 2, text.hasPrefix("'"), text.hasSuffix("'") else {
                    throw ApusError(
                        .unsupported, "\(connector.title) has no column expressions but constants such as 'text'",
                        context: shape.name.description)
                }
                return ColumnShape(item.name, .text, native: "text", nullable: false)
            }
        }
        let relation: Read.Relation = if case .query(let sql, _) = wish.subject { .query(sql) } else { .table(shape.name) }
        var read = Read(
            relation: relation, items: items, schema: Schema(items.map { Column($0.name, .text) }))
        read.alias = wish.alias
        return try session.describe(query: read.selectSQL(.all, dialect)).columns
    }

    /// The source's shape, reduced to these columns under their target names: what a new target is made from.
    ///
    /// A computed column stays computed only in the same system and under the same names; elsewhere its values are
    /// loaded like any other's.
    func shape(of source: TableShape, sameSystem: Bool) -> TableShape {
        var shape = source
        shape.children = nil
        shape.hiding = nil
        let names = Dictionary(
            zip(items, targets).filter { $0.0.expression == nil }.map { ($0.0.name, $0.1) }, uniquingKeysWith: { a, _ in a })
        let isWhole =
            source.columns.allSatisfy { names[$0.name] == $0.name }
            && zip(items, shapes).allSatisfy { item, shape in item.expression != nil || source.column(item.name)?.type == shape.type }
        shape.columns = zip(shapes, targets).map { column, target in
            var copy = column
            copy.name = target
            if copy.generated, !(sameSystem && isWhole && source.kind == .table) {
                copy.generated = false
                // The default of a computed column is its expression.
                copy.initial = nil
            }
            return copy
        }
        shape.checks = source.checks?.compactMap { check in
            if isWhole { return check }
            // Its own SQL names the columns; what is understood of it can name others.
            guard let meaning = check.meaning, meaning.columns.allSatisfy({ names[$0] != nil }) else { return nil }
            var copy = check
            copy.meaning = meaning.renamed { names[$0] ?? $0 }
            return copy.meaning == meaning || !sameSystem ? copy : nil
        }
        if !isWhole {
            shape.traits = nil
            shape.primaryKeyDefinition = nil
        }
        func mapped(_ columns: [String]) -> [String]? {
            let found = columns.compactMap { names[$0] }
            return found.count == columns.count ? found : nil
        }
        shape.primaryKey = mapped(source.primaryKey) ?? []
        shape.indexes = source.indexes.compactMap { index in
            guard let columns = mapped(index.columns), isWhole || !columns.isEmpty else { return nil }
            var copy = index
            copy.columns = columns
            if !isWhole {
                copy.definition = nil
                copy.constraint = nil
            }
            return copy
        }
        shape.foreignKeys = source.foreignKeys.compactMap { key in
            guard let columns = mapped(key.columns) else { return nil }
            var copy = key
            copy.columns = columns
            return copy
        }
        return shape
    }
}
