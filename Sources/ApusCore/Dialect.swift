import Tabular

/// How a system writes names, values and declarations.
public protocol Dialect: Sendable {
    func quote(_ identifier: String) -> String
    /// A quoted string.
    func literal(_ text: String) -> String
    /// The value of a key column, from the server's own text of it.
    func literal(_ text: String, type: ColumnType) -> String
    /// An instant, as a value that a zoned column is compared with, whatever the session's zone; seconds since 1970, UTC.
    func instant(_ seconds: Int) -> String
    /// A condition on a key column; the value is the server's own text of it. `comparison` is `=`, `<`, `<=`, `>` or `>=`.
    func condition(_ column: Column, _ comparison: String, _ text: String) -> String
    /// The native declaration of a column that came from anywhere, its type as it will be in the target, and what
    /// would be lost. A column of the same origin keeps its own declaration.
    func declaration(of column: ColumnShape, origin: String) -> Declaration
    /// The shape that a table of any origin takes in this system, and what is lost on the way, column by column.
    /// Defaults that are SQL of another system are left out, and said.
    /// What else is not in the shape afterwards though the source has it (checks, indexes, traits), the planner says.
    func translate(_ source: TableShape, named name: TableName, origin: String) -> (shape: TableShape, losses: [String])
    /// The SQL of a column's default; nil where the system has none such, so that it is left out.
    func defaultSQL(_ column: ColumnShape) -> String?
    /// A check of another system as this one says it; nil where it would mean something else.
    func condition(_ meaning: Condition, on columns: [ColumnShape]) -> String?
    /// Statements that make the table: columns, primary key, comments; without secondary indexes and foreign keys.
    func create(_ shape: TableShape, as name: TableName) -> [String]
    /// Statements that make secondary and unique indexes.
    func createIndexes(_ shape: TableShape, on name: TableName) -> [String]
    /// The name that ``createIndexes(_:on:)`` gives to an index; nil where it makes none.
    func indexName(_ index: IndexShape, on table: TableName) -> String?
    /// The name that ``create(_:as:)`` gives to a check; nil where the system makes one up.
    func checkName(_ check: CheckShape) -> String?
    func createForeignKeys(_ shape: TableShape, on name: TableName) -> [String]
    /// What a column that is there would make of a source column's values without an error, beyond what their types tell; nil =
    /// nothing. A plan says it.
    func change(of source: ColumnShape, into target: ColumnShape) -> String?
    /// Statements that let an existing table take the rows of another one: partitions that it lacks. Running them again
    /// changes nothing.
    func align(_ target: TableShape, to source: TableShape) -> [String]
    /// `(SELECT …) AS t (a, b)` gives a query's columns other names.
    var renamesQueryColumns: Bool { get }
    /// Names without quotes lose their upper case, so that `ID` must be quoted.
    var foldsNames: Bool { get }
    /// A quoted table of which only its own rows are meant, not those of tables that inherit from it.
    func withoutChildren(_ table: String) -> String
    /// The longest identifier, in octets.
    var identifierLimit: Int { get }
}

public struct Declaration: Hashable, Sendable, Codable {
    public var native: String
    public var type: ColumnType
    /// What is lost, in words; nil = nothing.
    public var loss: String?

    public init(_ native: String, _ type: ColumnType, loss: String? = nil) {
        self.native = native
        self.type = type
        self.loss = loss
    }
}

extension Dialect {
    public var foldsNames: Bool { false }

    public func indexName(_ index: IndexShape, on table: TableName) -> String? { index.name }
    public func checkName(_ check: CheckShape) -> String? { check.name }

    public func withoutChildren(_ table: String) -> String { table }

    public func change(of source: ColumnShape, into target: ColumnShape) -> String? { nil }

    public func align(_ target: TableShape, to source: TableShape) -> [String] { [] }

    /// In UTC, without an offset: for systems whose sessions have no zone.
    public func instant(_ seconds: Int) -> String { literal(Days.isoTime(seconds)) }

    public func condition(_ column: Column, _ comparison: String, _ text: String) -> String {
        "\(quote(column.name)) \(comparison) \(literal(text, type: column.type))"
    }

    public var renamesQueryColumns: Bool { false }

    public func literal(_ text: String, type: ColumnType) -> String {
        switch type {
        case .integer, .decimal: text
        default: literal(text)
        }
    }

    public func quote(_ table: TableName) -> String {
        table.schema.map { "\(quote($0)).\(quote(table.name))" } ?? quote(table.name)
    }

    public func condition(_ meaning: Condition, on columns: [ColumnShape]) -> String? {
        let texts = Set(columns.filter(\.type.isCharacters).map(\.name))
        return meaning.sql(self, isText: texts.contains) { name, _ in quote(name) }
    }

    public func translate(_ source: TableShape, named name: TableName, origin: String) -> (
        shape: TableShape, losses: [String]
    ) {
        var losses: [String] = []
        let shape = translated(source, named: name, origin: origin, &losses) { declaration(of: $0, origin: source.origin) }
        return (shape, losses)
    }

    /// What ``translate(_:named:origin:)`` does in every system.
    public func translated(
        _ source: TableShape, named name: TableName, origin: String, _ losses: inout [String], declare: (ColumnShape) -> Declaration
    ) -> TableShape {
        var shape = source
        shape.name = name
        shape.kind = .table
        shape.origin = origin
        let isOwn = source.origin == origin
        if !isOwn { shape.leaveOrigin() }
        for (index, column) in source.columns.enumerated() {
            let declared = declare(column)
            if let loss = declared.loss { losses.append("\(column.name): \(loss)") }
            shape.columns[index].native = declared.native
            shape.columns[index].type = declared.type
            settleDefault(&shape.columns[index], isOwn: isOwn, &losses)
        }
        // Rows may break a check that is not enforced.
        shape.checks = shape.checks?.filter(\.isEnforced).compactMap { check in
            if isOwn { return check }
            guard let meaning = check.meaning, let sql = condition(meaning, on: shape.columns) else { return nil }
            return CheckShape(name: check.name, condition: sql, meaning: meaning)
        }
        return shape
    }

    /// Leaves out a default that the system has not, and says so.
    private func settleDefault(_ column: inout ColumnShape, isOwn: Bool, _ losses: inout [String]) {
        guard let initial = column.initial, !column.generated else { return }
        let text: String
        switch initial {
        case .expression(let sql):
            if isOwn { return }
            text = sql
        case .literal(let value): text = value
        case .currentTimestamp: text = "CURRENT_TIMESTAMP"
        case .currentDate: text = "CURRENT_DATE"
        }
        var isExpression: Bool { if case .expression = initial { true } else { false } }
        guard isExpression || defaultSQL(column) == nil else { return }
        column.initial = nil
        losses.append("\(column.name): the default `\(text)` does not translate")
    }
}
