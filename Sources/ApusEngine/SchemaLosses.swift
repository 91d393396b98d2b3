import ApusCore
import Tabular

/// What a table that Apus makes has not although the source's has it, a finding each. What is only about how rows are
/// kept is a note; all else is a lossy mapping, which `strict` refuses.
struct SchemaLosses {
    let source: TableShape
    let columns: ColumnPlan
    let made: TableShape
    /// Columns whose type the user has chosen.
    let chosen: Set<String>
    private(set) var findings: [Finding] = []

    init(_ columns: ColumnPlan, made: TableShape, _ wish: TableWish) {
        self.source = columns.source
        self.columns = columns
        self.made = made
        self.chosen = Set(wish.types.keys)
        compareColumns()
        compareTable()
        if wish.withIndexes == true { compareIndexes() }
        if wish.withForeignKeys == true { compareForeignKeys() }
    }

    private mutating func lose(_ message: String, _ column: String? = nil) {
        findings.append(Finding(.warning, .lossyMapping, column: column, message))
    }

    private mutating func mention(_ message: String, _ column: String? = nil) {
        findings.append(Finding(.note, .unsupported, column: column, message))
    }

    // MARK: Columns

    private mutating func compareColumns() {
        var collations: [String: [String]] = [:]
        for (index, name) in columns.targets.enumerated() {
            let old = columns.shapes[index]
            guard let new = made.column(name) else { continue }
            if old.generated, !new.generated {
                lose("the source computes it; here it is an ordinary column, loaded with the computed values", name)
            }
            if let expression = old.onUpdate, new.onUpdate == nil, !old.generated {
                lose("an UPDATE no longer sets it by itself (ON UPDATE \(expression))", name)
            }
            if old.invisible, !new.invisible { lose("it is invisible in the source; here `SELECT *` shows it", name) }
            if old.identity, new.identity, let counter = old.counter { compare(counter, new.counter, name) }
            if chosen.contains(name) { continue }
            if let collation = old.collation, new.collation == nil, new.type.isCharacters {
                collations[collation, default: []].append(name)
            }
            compareTypes(old, new, name)
        }
        for (collation, names) in collations.sorted(by: { $0.key < $1.key }) {
            lose(
                "the collation \(collation) of \(names.joined(separator: ", ")) is not carried over: texts compare and sort as the target does it"
            )
        }
        let hadComments = source.comment?.isEmpty == false || columns.shapes.contains { $0.comment?.isEmpty == false }
        if hadComments, made.comment == nil, made.columns.allSatisfy({ $0.comment == nil }) { mention("comments are not carried over") }
    }

    private mutating func compareTypes(_ old: ColumnShape, _ new: ColumnShape, _ name: String) {
        if let labels = old.labels, new.labels == nil {
            let shown = labels.prefix(6).map { "'\($0)'" }.joined(separator: ", ") + (labels.count > 6 ? ", …" : "")
            lose("it becomes \(new.native), which takes other values than \(shown) too", name)
        } else if let type = old.userType, new.userType == nil, old.labels == nil {
            lose("the type \(type.name) becomes \(new.native), without what the type checks", name)
        }
    }

    private mutating func compare(_ old: CounterShape, _ new: CounterShape?, _ name: String) {
        if old.isAlways, new?.isAlways != true { lose("GENERATED ALWAYS is not carried over: an INSERT may give it a value", name) }
        if let options = old.options, new?.options == nil { lose("its counter goes up one by one here, without \(options)", name) }
        if let sequence = old.shared, new?.shared == nil {
            lose("it counts by the sequence \(sequence), which others may use too; here it gets a counter of its own", name)
        }
    }

    // MARK: The table

    private mutating func compareTable() {
        let kept = Set((made.checks ?? []).map(\.name))
        for check in source.checks ?? [] where !kept.contains(check.name) {
            let why = check.isEnforced ? "is not carried over" : "does not hold for all rows of the source, and is not carried over"
            lose("the check \(check.name) (\(check.condition)) \(why)")
        }
        let traits = Set(made.traits ?? [])
        for trait in source.traits ?? [] where trait.statement == nil || !traits.contains(trait) {
            if trait.isLocal == true, source.origin != made.origin { continue }
            let message = "\(trait.title) is not carried over"
            if trait.isStorage { mention(message) } else { lose(message) }
        }
        if let definition = source.primaryKeyDefinition, made.primaryKeyDefinition == nil, !source.primaryKey.isEmpty {
            mention("\(definition) of the source becomes a plain primary key")
        }
    }

    private mutating func compareIndexes() {
        let kept = Dictionary(made.indexes.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        for index in source.indexes {
            let title =
                index.constraint.map { "the constraint \(index.name) (\($0))" } ?? "the \(index.unique ? "unique " : "")index \(index.name)"
            guard let new = kept[index.name] else {
                lose("\(title) is not carried over")
                continue
            }
            if let constraint = index.constraint, constraint.contains(" DEFERRABLE"), new.constraint == nil {
                lose("\(title) is checked at once here: it is not deferrable")
            } else if let definition = index.definition, new.definition == nil, index.constraint == nil {
                mention("\(title) becomes a plain index of \(new.columns.joined(separator: ", ")) (\(definition))")
            }
        }
    }

    private mutating func compareForeignKeys() {
        let kept = Dictionary(made.foreignKeys.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        for key in source.foreignKeys {
            guard let new = kept[key.name] else {
                lose("the foreign key \(key.name) to \(key.references) is not carried over")
                continue
            }
            if let timing = key.timing, new.timing == nil {
                lose("the foreign key \(key.name) is checked at once here: it is not \(timing)")
            }
            for (rule, what) in [(key.onDelete, "DELETE"), (key.onUpdate, "UPDATE")] where rule == "SET DEFAULT" {
                if (what == "DELETE" ? new.onDelete : new.onUpdate) == nil {
                    lose("the foreign key \(key.name) has no ON \(what) SET DEFAULT here")
                }
            }
        }
    }
}
