import ApusCore
import Tabular

/// SQLite's SQL.
public struct SQLiteDialect: Dialect {
    public init() {}

    /// SQLite has no limit; this one keeps names usable.
    public var identifierLimit: Int { 1000 }

    public func quote(_ identifier: String) -> String { "\"\(identifier.replacing("\"", with: "\"\""))\"" }

    public func literal(_ text: String) -> String {
        // An SQL text ends at NUL: such a value is written as its octets.
        guard text.utf8.contains(0) else { return "'\(text.replacing("'", with: "''"))'" }
        var buffer = ByteBuffer()
        var text = text
        text.withUTF8 { buffer.append(hex: $0) }
        return "CAST(x'\(buffer.string)' AS TEXT)"
    }

    /// Key values and watermarks of this connector are SQL literals already, as SQLite's `quote()` makes them, since
    /// any column may hold values of any type. Other text is quoted.
    public func literal(_ text: String, type: ColumnType) -> String { Self.isLiteral(text) ? text : literal(text) }

    private static func isLiteral(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        let quote = UInt8(ascii: "'")
        if bytes.count >= 2, bytes.last == quote {
            if bytes[0] == quote {
                var index = 1
                while index < bytes.count - 1 {
                    if bytes[index] == quote {
                        guard index + 1 < bytes.count - 1, bytes[index + 1] == quote else { return false }
                        index += 1
                    }
                    index += 1
                }
                return true
            }
            return bytes.count >= 3 && bytes[0] | 0x20 == UInt8(ascii: "x") && bytes[1] == quote
                && bytes[2..<(bytes.count - 1)].allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
        }
        return bytes.withUnsafeBufferPointer { bytes in
            guard let number = DecimalText(bytes) else { return false }
            return !number.isNaN && !number.isInfinite
        }
    }

    public func declaration(of column: ColumnShape, origin: String) -> Declaration {
        if origin == "sqlite" { return Declaration(column.native, column.type) }
        // A counter of 64 bits without a sign never comes to its upper half; SQLite counts in INTEGER only.
        if column.identity, case .integer = column.type { return Declaration("INTEGER", .int64) }
        return SQLiteTypes.declaration(of: column.type)
    }

    public func create(_ shape: TableShape, as name: TableName) -> [String] {
        [create(shape, as: name, foreignKeys: false)]
    }

    /// SQLite takes foreign keys only with the table itself.
    func create(_ shape: TableShape, as name: TableName, foreignKeys: Bool) -> String {
        let rowid = rowidColumn(shape)
        var lines = shape.columns.map { column in
            column.name == rowid
                ? "\(quote(column.name)) INTEGER PRIMARY KEY\(column.counter?.next != nil ? " AUTOINCREMENT" : "") NOT NULL"
                    + columnChecks(column, shape) : definition(column, shape)
        }
        if rowid == nil, !shape.primaryKey.isEmpty {
            lines.append("PRIMARY KEY (\(shape.primaryKey.map(quote).joined(separator: ", ")))")
        }
        for check in shape.checks ?? [] where check.column == nil || shape.origin != "sqlite" || shape.column(check.column!) == nil {
            lines.append((check.name.isEmpty ? "" : "CONSTRAINT \(quote(check.name)) ") + "CHECK (\(check.condition))")
        }
        for key in foreignKeys ? shape.foreignKeys : [] {
            var line =
                "FOREIGN KEY (\(key.columns.map(quote).joined(separator: ", "))) REFERENCES \(quote(key.references.name))"
            if !key.referencedColumns.isEmpty {
                line += " (\(key.referencedColumns.map(quote).joined(separator: ", ")))"
            }
            if let action = key.onDelete { line += " ON DELETE \(action)" }
            if let action = key.onUpdate { line += " ON UPDATE \(action)" }
            if let timing = key.timing { line += " \(timing)" }
            lines.append(line)
        }
        // STRICT, WITHOUT ROWID: what stands behind the declaration is the traits' statement here.
        let options = (shape.traits ?? []).compactMap(\.statement)
        return "CREATE TABLE \(quote(name)) (\n  \(lines.joined(separator: ",\n  "))\n)"
            + (options.isEmpty ? "" : " " + options.joined(separator: ", "))
    }

    /// SQLite keeps no comments, can defer foreign keys, and counts only in a primary key of one column.
    public func translate(_ source: TableShape, named name: TableName, origin: String) -> (shape: TableShape, losses: [String]) {
        var losses: [String] = []
        var shape = translated(source, named: name, origin: origin, &losses) { declaration(of: $0, origin: source.origin) }
        if source.origin != origin {
            for index in shape.foreignKeys.indices { shape.foreignKeys[index].timing = source.foreignKeys[index].timing }
        }
        let counted = rowidColumn(shape)
        for index in shape.columns.indices where shape.columns[index].identity && shape.columns[index].name != counted {
            shape.columns[index].identity = false
            losses.append("\(shape.columns[index].name): it does not count by itself: SQLite counts only in a primary key of one column")
        }
        shape.comment = nil
        for index in shape.columns.indices { shape.columns[index].comment = nil }
        return (shape, losses)
    }

    public func condition(_ meaning: Condition, on columns: [ColumnShape]) -> String? {
        let texts = Set(columns.filter(\.type.isCharacters).map(\.name))
        return meaning.sql(self, isText: texts.contains, lengthName: "length") { name, _ in quote(name) }
    }

    /// The column that becomes the rowid itself, which only `INTEGER PRIMARY KEY` does.
    private func rowidColumn(_ shape: TableShape) -> String? {
        guard shape.primaryKey.count == 1, let column = shape.column(shape.primaryKey[0]),
            case .integer(let bits, let unsigned) = column.type, !(bits == 64 && unsigned)
        else { return nil }
        let keepsName =
            column.native.uppercased() == "INTEGER" || shape.origin != "sqlite"
            || SQLiteAffinity(declared: column.native) == .integer
        return keepsName ? column.name : nil
    }

    private func definition(_ column: ColumnShape, _ shape: TableShape) -> String {
        var text = quote(column.name) + (column.native.isEmpty ? "" : " " + column.native)
        if column.generated, case .expression(let expression) = column.initial {
            return text + " GENERATED ALWAYS AS \(expression)" + (column.nullable ? "" : " NOT NULL")
        }
        if !column.nullable || shape.primaryKey.contains(column.name) { text += " NOT NULL" }
        if let collation = column.collation, shape.origin == "sqlite" { text += " COLLATE \(collation)" }
        if let initial = defaultSQL(column) { text += " DEFAULT \(initial)" }
        return text + columnChecks(column, shape)
    }

    private func columnChecks(_ column: ColumnShape, _ shape: TableShape) -> String {
        guard shape.origin == "sqlite" else { return "" }
        return (shape.checks ?? []).filter { $0.column == column.name }.map { " CHECK (\($0.condition))" }.joined()
    }

    public func defaultSQL(_ column: ColumnShape) -> String? {
        switch column.initial {
        case .literal(let value): defaultLiteral(value, column.type)
        case .currentTimestamp: "CURRENT_TIMESTAMP"
        case .currentDate: "CURRENT_DATE"
        case .expression(let expression): "(\(expression))"
        case nil: nil
        }
    }

    private func defaultLiteral(_ value: String, _ type: ColumnType) -> String {
        switch type {
        case .boolean:
            var copy = value
            return copy.withUTF8 { Parse.boolean($0) }.map { $0 ? "1" : "0" } ?? literal(value)
        case .integer, .float, .decimal:
            var copy = value
            let isNumber = copy.withUTF8 { DecimalText($0).map { !$0.isNaN && !$0.isInfinite } ?? false }
            return isNumber ? value : literal(value)
        case .bytes where value.hasPrefix("\\x"): return "x'\(value.dropFirst(2))'"
        default: return literal(value)
        }
    }

    public func createIndexes(_ shape: TableShape, on name: TableName) -> [String] {
        shape.indexes.compactMap { index in
            if shape.origin == "sqlite", let definition = index.definition {
                guard let sql = SQLiteText.renamedIndex(definition, table: quote(name.name)) else { return nil }
                return SQLiteText.indexName(sql) == index.name ? sql : SQLiteText.renamedIndex(sql, to: quote(index.name)) ?? sql
            }
            guard !index.columns.isEmpty else { return nil }
            let columns = index.columns.map(quote).joined(separator: ", ")
            return "CREATE \(index.unique ? "UNIQUE " : "")INDEX \(quote(indexName(index.name, on: name.name)))"
                + " ON \(quote(name.name)) (\(columns))"
        }
    }

    public func indexName(_ index: IndexShape, on table: TableName) -> String? {
        if index.name.lowercased().hasPrefix("sqlite_autoindex_") { return nil }
        if index.definition != nil { return index.name }
        return index.columns.isEmpty ? nil : indexName(index.name, on: table.name)
    }

    /// Index names are the whole database's in SQLite: one that does not name its table gets the table's in front.
    private func indexName(_ index: String, on table: String) -> String {
        index.lowercased().contains(table.lowercased()) ? index : "\(table)_\(index)"
    }

    /// None: see ``create(_:as:foreignKeys:)``.
    public func createForeignKeys(_ shape: TableShape, on name: TableName) -> [String] { [] }
}
