import Tabular

/// How a system writes names, values and declarations.
public protocol Dialect: Sendable {
    func quote(_ identifier: String) -> String
    /// A quoted string.
    func literal(_ text: String) -> String
    /// The value of a key column, from the server's own text of it.
    func literal(_ text: String, type: ColumnType) -> String
    /// An instant, as a value that a zoned column is compared with; seconds since 1970, UTC.
    func instant(_ seconds: Int) -> String
    /// The native declaration of a column that came from anywhere, its type as it will be in the target, and what
    /// would be lost. A column of the same origin keeps its own declaration.
    func declaration(of column: ColumnShape, origin: String) -> Declaration
    /// The shape that a table of any origin takes in this system, and what is lost on the way, column by column.
    /// Defaults that are SQL of another system are left out, and said.
    func translate(_ source: TableShape, named name: TableName, origin: String) -> (shape: TableShape, losses: [String])
    /// Statements that make the table: columns, primary key, comments; without secondary indexes and foreign keys.
    func create(_ shape: TableShape, as name: TableName) -> [String]
    /// Statements that make secondary and unique indexes.
    func createIndexes(_ shape: TableShape, on name: TableName) -> [String]
    func createForeignKeys(_ shape: TableShape, on name: TableName) -> [String]
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

    public func withoutChildren(_ table: String) -> String { table }

    public func align(_ target: TableShape, to source: TableShape) -> [String] { [] }

    /// In UTC, which is every session's zone.
    public func instant(_ seconds: Int) -> String { literal(Days.isoTime(seconds)) }

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

    public func translate(_ source: TableShape, named name: TableName, origin: String) -> (
        shape: TableShape, losses: [String]
    ) {
        var losses: [String] = []
        var shape = source
        shape.name = name
        shape.kind = .table
        shape.origin = origin
        shape.columns = source.columns.map { column in
            let declared = declaration(of: column, origin: source.origin)
            if let loss = declared.loss { losses.append("\(column.name): \(loss)") }
            var copy = column
            copy.native = declared.native
            copy.type = declared.type
            if source.origin != origin, case .expression(let sql) = column.initial {
                copy.initial = nil
                losses.append("\(column.name): the default `\(sql)` does not translate")
            }
            return copy
        }
        if source.origin != origin {
            shape.indexes.removeAll { index in
                guard index.definition != nil, index.columns.isEmpty else { return false }
                losses.append("index \(index.name) does not translate")
                return true
            }
        }
        return (shape, losses)
    }
}
