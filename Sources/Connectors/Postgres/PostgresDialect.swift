import ApusCore
import Tabular

/// How PostgreSQL writes names, values and tables.
public struct PostgresDialect: Dialect {
    public init() {}

    /// NAMEDATALEN - 1; PostgreSQL cuts longer names silently, so Apus refuses them.
    public var identifierLimit: Int { 63 }
    public var foldsNames: Bool { true }
    public func withoutChildren(_ table: String) -> String { "ONLY \(table)" }
    public var renamesQueryColumns: Bool { true }

    public func quote(_ identifier: String) -> String { "\"" + identifier.replacing("\"", with: "\"\"") + "\"" }

    /// With its offset: the session's zone may be any.
    public func instant(_ seconds: Int) -> String { literal(Days.isoTime(seconds) + "+00") }

    /// With backslashes in the escape form, which means the same whatever `standard_conforming_strings` says.
    public func literal(_ text: String) -> String {
        let quoted = text.replacing("'", with: "''")
        return text.utf8.contains(UInt8(ascii: "\\")) ? "E'" + quoted.replacing("\\", with: "\\\\") + "'" : "'\(quoted)'"
    }

    /// Always quoted: such a literal takes the type of what it is compared with.
    public func literal(_ text: String, type: ColumnType) -> String { literal(text) }

    public func create(_ shape: TableShape, as name: TableName) -> [String] {
        let isSame = shape.origin == "postgres"
        // Only whole numbers up to bigint can be identities; a wider counter has a sequence of its own.
        let counted = shape.columns.filter { $0.identity && !$0.generated && !isIdentityType($0.type) }
        var lines = shape.columns.map { "  " + columnSQL($0, name, isSame: isSame) }
        if !shape.primaryKey.isEmpty {
            lines.append("  " + ((isSame ? shape.primaryKeyDefinition : nil) ?? "PRIMARY KEY (\(list(shape.primaryKey)))"))
        }
        for check in shape.checks ?? [] where check.isEnforced {
            lines.append("  CONSTRAINT \(quote(PostgresDialect.shortened(check.name))) CHECK (\(check.condition))")
        }
        var statements = isSame ? typeStatements(shape) : []
        statements += counted.map { "CREATE SEQUENCE \(quote(sequence($0, name)))" }
        statements.append("CREATE TABLE \(quote(name)) (\n\(lines.joined(separator: ",\n"))\n)")
        statements += counted.map {
            "ALTER SEQUENCE \(quote(sequence($0, name))) OWNED BY \(quote(name)).\(quote($0.name))"
        }
        statements += shape.traitStatements(for: quote(name))
        if let comment = shape.comment, !comment.isEmpty {
            statements.append("COMMENT ON TABLE \(quote(name)) IS \(literal(comment))")
        }
        for column in shape.columns {
            guard let comment = column.comment, !comment.isEmpty else { continue }
            statements.append("COMMENT ON COLUMN \(quote(name)).\(quote(column.name)) IS \(literal(comment))")
        }
        return statements
    }

    /// Enumerations and domains, where the target has none of that name.
    private func typeStatements(_ shape: TableShape) -> [String] {
        var seen: Set<String> = []
        return shape.columns.compactMap { column in
            guard let type = column.userType, let sql = type.statement, seen.insert(type.name).inserted else { return nil }
            // Only a column that still is of the type needs it.
            guard column.native == type.name || column.native.hasPrefix(type.name + "[") else { return nil }
            return """
                DO $apus$ BEGIN
                  IF to_regtype(\(literal(type.name))) IS NULL THEN \(sql); END IF;
                EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $apus$
                """
        }
    }

    private func sequence(_ column: ColumnShape, _ table: TableName) -> TableName {
        TableName(schema: table.schema, PostgresDialect.shortened("\(table.name)_\(column.name)_seq"))
    }

    private func columnSQL(_ column: ColumnShape, _ table: TableName, isSame: Bool) -> String {
        var sql = "\(quote(column.name)) \(column.native)"
        if let collation = column.collation, isSame { sql += " COLLATE \(collation)" }
        let counter = isSame ? column.counter : nil
        if column.generated, case .expression(let expression) = column.initial, isSame {
            sql += " GENERATED ALWAYS AS (\(expression)) STORED"
        } else if column.identity, !column.generated {
            let next = "nextval(\(literal(quote(sequence(column, table)))))"
            sql +=
                isIdentityType(column.type)
                ? " GENERATED \(counter?.isAlways == true ? "ALWAYS" : "BY DEFAULT") AS IDENTITY\(counter?.options.map { " (\($0))" } ?? "")"
                : " DEFAULT \(next)"
        } else if !column.generated, let initial = defaultSQL(column) {
            sql += " DEFAULT \(initial)"
        }
        return column.nullable ? sql : sql + " NOT NULL"
    }

    private func isIdentityType(_ type: ColumnType) -> Bool {
        if case .integer(let bits, _) = type { return bits >= 16 }
        return false
    }

    public func defaultSQL(_ column: ColumnShape) -> String? {
        let type = column.type
        return switch column.initial {
        case nil: nil
        case .currentTimestamp:
            switch type {
            case .timestamp(let precision), .instant(let precision): precision < 6 ? "CURRENT_TIMESTAMP(\(precision))" : "CURRENT_TIMESTAMP"
            case .date: "CURRENT_DATE"
            case .text: "CURRENT_TIMESTAMP"
            case .time: "LOCALTIME"
            default: nil
            }
        case .currentDate:
            switch type {
            case .date, .timestamp, .instant, .text: "CURRENT_DATE"
            default: nil
            }
        case .expression(let sql): sql
        case .literal(let text): literalDefault(text, type)
        }
    }

    /// nil where the origin's literal is no value of the type, e.g. a zero date.
    private func literalDefault(_ text: String, _ type: ColumnType) -> String? {
        switch type {
        case .boolean:
            switch text.lowercased() {
            case "1", "true", "t", "b'1'": "true"
            case "0", "false", "f", "b'0'": "false"
            default: nil
            }
        case .integer, .float, .decimal: Double(text) == nil ? nil : literal(text)
        case .date, .timestamp, .instant: text.hasPrefix("0000") || text.contains("-00") ? nil : literal(text)
        case .bits:
            literal(text.hasPrefix("b'") ? String(text.dropFirst(2).dropLast()) : text)
        case .bytes:
            text.hasPrefix("\\x") ? literal(text) : "convert_to(\(literal(text)), 'UTF8')"
        default: literal(text)
        }
    }

    /// A unique index is made before others; definitions of other systems are left out.
    public func createIndexes(_ shape: TableShape, on name: TableName) -> [String] {
        shape.indexes.compactMap { index in
            if let constraint = index.constraint {
                return "ALTER TABLE \(quote(name)) ADD CONSTRAINT \(quote(indexName(index, name))) \(constraint)"
            }
            let start = "CREATE \(index.unique ? "UNIQUE " : "")INDEX \(quote(indexName(index, name))) ON \(quote(name)) "
            if let definition = index.definition, definition.hasPrefix("USING ") { return start + definition }
            return index.columns.isEmpty || index.definition != nil ? nil : start + "(\(list(index.columns)))"
        }
    }

    public func indexName(_ index: IndexShape, on table: TableName) -> String? {
        let isMade = index.constraint != nil || index.definition?.hasPrefix("USING ") ?? !index.columns.isEmpty
        return isMade ? indexName(index, table) : nil
    }

    /// Index names share one space with tables in a schema (MySQL's are the table's own): the table's name stands in front unless it does already.
    func indexName(_ index: IndexShape, _ table: TableName) -> String {
        // A constraint is called by its name, ON CONFLICT ON CONSTRAINT.
        if index.constraint != nil { return PostgresDialect.shortened(index.name) }
        let name = index.name.hasPrefix(table.name) || index.name.contains(table.name) ? index.name : "\(table.name)_\(index.name)"
        return PostgresDialect.shortened(name)
    }

    /// A made-up name within the limit: its beginning and a digest of the whole.
    static func shortened(_ name: String, limit: Int = 63) -> String {
        guard name.utf8.count > limit else { return name }
        var prefix = name
        while prefix.utf8.count > limit - 9 { prefix.removeLast() }
        var hash: UInt32 = 2_166_136_261
        for byte in name.utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        return prefix + "_" + String(hash, radix: 16)
    }

    public func createForeignKeys(_ shape: TableShape, on name: TableName) -> [String] {
        shape.foreignKeys.map { key in
            var sql =
                "ALTER TABLE \(quote(name)) ADD CONSTRAINT \(quote(PostgresDialect.shortened(key.name))) FOREIGN KEY (\(list(key.columns)))"
            sql += " REFERENCES \(quote(key.references)) (\(list(key.referencedColumns)))"
            if let action = key.onDelete, action != "NO ACTION" { sql += " ON DELETE \(action)" }
            if let action = key.onUpdate, action != "NO ACTION" { sql += " ON UPDATE \(action)" }
            if let timing = key.timing { sql += " \(timing)" }
            return sql
        }
    }

    func list(_ names: [String]) -> String { names.map(quote).joined(separator: ", ") }
}
