import ApusCore
import Tabular

extension MySQLDialect {
    func create(_ shape: TableShape, as name: TableName) -> [String] {
        var lines = shape.columns.map { "  " + columnSQL($0, shape) }
        if !shape.primaryKey.isEmpty { lines.append("  \(shape.primaryKeyDefinition ?? "PRIMARY KEY (\(list(shape.primaryKey)))")") }
        // A counter must lead some key; the index that it has in the source comes at once then.
        for column in shape.columns where column.identity && shape.primaryKey.first != column.name {
            let index = counterKey(column.name, shape)
            lines.append(
                "  \(index?.unique == true ? "UNIQUE " : "")KEY \(quote(counterKeyName(column.name, shape))) (\(quote(column.name)))")
        }
        for check in shape.checks ?? [] where check.column == nil && check.isEnforced {
            lines.append("  \(checkName(check).map { "CONSTRAINT \(quote($0)) " } ?? "")CHECK (\(check.condition))")
        }
        var sql = "CREATE TABLE \(quote(name)) (\n" + lines.joined(separator: ",\n")
        sql += "\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC"
        if let comment = shape.comment, !comment.isEmpty { sql += " COMMENT=\(literal(String(comment.prefix(2048))))" }
        return [sql] + shape.traitStatements(for: quote(name))
    }

    /// Nothing for a name that MySQL gave by itself, which it will again: such names are unique in a database.
    func checkName(_ check: CheckShape) -> String? {
        let isMade = check.name.firstRange(of: "_chk_").map { check.name[$0.upperBound...].allSatisfy(\.isNumber) } ?? false
        return check.column != nil || isMade || check.name.hasPrefix("CONSTRAINT_") ? nil : Self.shortened(check.name)
    }

    /// The source's index of the counter alone.
    private func counterKey(_ column: String, _ shape: TableShape) -> IndexShape? {
        let own = shape.indexes.filter { $0.columns == [column] }
        return own.first(where: \.unique) ?? own.first
    }

    private func counterKeyName(_ column: String, _ shape: TableShape) -> String {
        if let index = counterKey(column, shape) { return Self.shortened(index.name) }
        return shape.indexes.contains { $0.name.lowercased() == column.lowercased() } ? Self.shortened("\(column)_counter") : column
    }

    private func columnSQL(_ column: ColumnShape, _ shape: TableShape) -> String {
        var sql = "\(quote(column.name)) \(column.native)"
        let isKey = shape.primaryKey.contains(column.name)
        if !column.generated {
            // TIMESTAMP is NOT NULL by itself on older servers: NULL is said, too.
            sql += column.nullable && !isKey ? " NULL" : " NOT NULL"
            if column.identity {
                sql += " AUTO_INCREMENT"
            } else if let initial = defaultSQL(column) {
                sql += " DEFAULT \(initial)"
            }
        }
        if column.invisible, shape.origin == "mysql" { sql += " INVISIBLE" }
        if let comment = column.comment, !comment.isEmpty { sql += " COMMENT \(literal(String(comment.prefix(1024))))" }
        if let check = shape.checks?.first(where: { $0.column == column.name }) { sql += " CHECK (\(check.condition))" }
        return sql
    }

    func defaultSQL(_ column: ColumnShape) -> String? {
        let native = column.native.lowercased()
        let hasNoDefault = ["text", "blob", "json", "geometry", "point", "polygon", "linestring"].contains {
            native.split(separator: " ")[0].hasSuffix($0)
        }
        switch column.initial {
        case nil: return nil
        case .literal(let text):
            if hasNoDefault {
                return text.hasPrefix("\\x") && native.hasSuffix("blob") ? "(x'\(text.dropFirst(2))')" : "(\(literal(text)))"
            }
            switch column.type {
            case .boolean: return ["true", "t", "1", "yes", "on"].contains(text.lowercased()) ? "1" : "0"
            case .integer, .decimal, .float:
                if text.lowercased() == "true" { return "1" }
                if text.lowercased() == "false" { return "0" }
                return Double(text) == nil ? nil : text
            case .bits: return "b'\(text.filter { $0 == "0" || $0 == "1" })'"
            case .bytes where text.hasPrefix("\\x"): return "x'\(text.dropFirst(2))'"
            case .date, .timestamp, .instant, .duration: return Self.moment(text).map { literal($0) }
            default: return literal(text)
            }
        case .currentTimestamp:
            guard native.hasPrefix("datetime") || native.hasPrefix("timestamp") else { return nil }
            let digits = native.drop { $0 != "(" }.dropFirst().prefix { $0.isNumber }
            return digits.isEmpty || digits == "0" ? "CURRENT_TIMESTAMP" : "CURRENT_TIMESTAMP(\(digits))"
        case .currentDate: return native.hasPrefix("date") ? "(CURRENT_DATE)" : nil
        case .expression(let sql):
            if sql.hasPrefix("(") || sql.hasPrefix("b'") || sql.hasPrefix("x'") { return sql }
            return "(\(sql))"
        }
    }

    /// A date or time as MySQL reads it: without a zone, in UTC. nil for what is none, such as `infinity`.
    private static func moment(_ text: String) -> String? {
        if text.utf8.allSatisfy(isPlain) { return text }
        var copy = text
        guard let value = copy.withUTF8({ Parse.instant($0) }) else { return nil }
        let plain = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { buffer in
            let count = Format.timestamp(value, to: buffer.baseAddress!)
            return String(decoding: buffer[..<count], as: UTF8.self)
        }
        return plain.utf8.allSatisfy(isPlain) ? plain : nil
    }

    /// Digits, `:`, `-`, `.` and the blank.
    private static func isPlain(_ byte: UInt8) -> Bool { (byte >= 48 && byte <= 58) || byte == 45 || byte == 46 || byte == 32 }

    func createIndexes(_ shape: TableShape, on name: TableName) -> [String] {
        let counters = Set(shape.columns.filter { $0.identity && shape.primaryKey.first != $0.name }.map { counterKeyName($0.name, shape) })
        return shape.indexes.compactMap { index in
            if counters.contains(Self.shortened(index.name)) { return nil }
            if let definition = index.definition, shape.origin == "mysql" { return "ALTER TABLE \(quote(name)) ADD \(definition)" }
            guard !index.columns.isEmpty else { return nil }
            return
                "ALTER TABLE \(quote(name)) ADD \(index.unique ? "UNIQUE " : "")KEY \(quote(Self.shortened(index.name))) (\(list(index.columns)))"
        }
    }

    func createForeignKeys(_ shape: TableShape, on name: TableName) -> [String] {
        shape.foreignKeys.map { "ALTER TABLE \(quote(name)) ADD \(foreignKeySQL($0, named: Self.shortened($0.name)))" }
    }

    func foreignKeySQL(_ key: ForeignKeyShape, named name: String) -> String {
        var sql = "CONSTRAINT \(quote(name)) FOREIGN KEY (\(list(key.columns)))"
        sql += " REFERENCES \(quote(key.references)) (\(list(key.referencedColumns)))"
        // InnoDB has no SET DEFAULT, and RESTRICT and NO ACTION are the same and go without saying.
        if let rule = key.onDelete, ["CASCADE", "SET NULL"].contains(rule) { sql += " ON DELETE \(rule)" }
        if let rule = key.onUpdate, ["CASCADE", "SET NULL"].contains(rule) { sql += " ON UPDATE \(rule)" }
        return sql
    }

    func list(_ names: [String]) -> String { names.map(quote).joined(separator: ", ") }

    /// A name cut to what MySQL allows.
    static func shortened(_ name: String) -> String { name.utf8.count <= 64 ? name : String(name.prefix(60)) }
}
