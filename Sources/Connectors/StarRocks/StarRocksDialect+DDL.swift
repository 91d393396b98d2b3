import ApusCore
import Tabular

extension StarRocksDialect {
    func create(_ shape: TableShape, as name: TableName) -> [String] {
        let layout = shape.layout ?? TableLayout(model: "DUPLICATE KEY", key: shape.columns.first.map { [$0.name] } ?? [])
        let lines = shape.columns.map { "  " + columnSQL($0, layout) }
        var sql = "CREATE TABLE \(quote(name)) (\n" + lines.joined(separator: ",\n") + "\n) ENGINE=OLAP\n"
        if !layout.key.isEmpty { sql += "\(layout.model)(\(list(layout.key)))\n" }
        if let comment = shape.comment, !comment.isEmpty { sql += "COMMENT \(quoted(String(comment.prefix(1024))))\n" }
        if let partitioning = layout.partitioning { sql += "PARTITION BY \(partitioning)\n" }
        if let distribution = layout.distribution { sql += "DISTRIBUTED BY \(distribution)\n" }
        if !layout.order.isEmpty { sql += "ORDER BY (\(list(layout.order)))\n" }
        var properties = layout.properties
        if properties["replication_num"] == nil, let replicas { properties["replication_num"] = String(replicas) }
        if !properties.isEmpty {
            let pairs = properties.sorted { $0.key < $1.key }.map { "  \(quoted($0.key)) = \(quoted($0.value))" }
            sql += "PROPERTIES (\n" + pairs.joined(separator: ",\n") + "\n)"
        }
        while sql.last == "\n" { sql.removeLast() }
        return [sql]
    }

    /// There are no secondary keys to make: lookups go by the sort key, zone maps and bitmap or bloom indexes.
    func createIndexes(_ shape: TableShape, on name: TableName) -> [String] { [] }
    func createForeignKeys(_ shape: TableShape, on name: TableName) -> [String] { [] }

    /// Partitions of the source that the target lacks. Where the target makes its own (by expression) or ends with MAXVALUE,
    /// there is nothing to do.
    func align(_ target: TableShape, to source: TableShape) -> [String] {
        guard let own = target.layout, let other = source.layout, source.origin == target.origin, let here = own.partitioning,
            let there = other.partitioning, !own.partitionsByExpression, !other.partitionsByExpression, !here.contains("MAXVALUE")
        else { return [] }
        let known = Set(StarRocksScan(here).partitionClauses().map(\.name))
        return StarRocksScan(there).partitionClauses().filter { !known.contains($0.name) }.map { clause in
            "ALTER TABLE \(quote(target.name)) ADD PARTITION IF NOT EXISTS \(clause.text.dropFirst("PARTITION ".count))"
        }
    }

    private func columnSQL(_ column: ColumnShape, _ layout: TableLayout) -> String {
        var sql = "\(quote(column.name)) \(column.native)"
        let isUniqueKey = layout.model == "PRIMARY KEY" && layout.key.contains(column.name)
        sql += column.nullable && !isUniqueKey ? " NULL" : " NOT NULL"
        if column.generated, case .expression(let expression) = column.initial {
            sql += " AS (\(expression))"
        } else if column.identity {
            sql += " AUTO_INCREMENT"
        } else if let initial = defaultSQL(column) {
            sql += " DEFAULT \(initial)"
        }
        if let comment = column.comment, !comment.isEmpty { sql += " COMMENT \(quoted(String(comment.prefix(1024))))" }
        return sql
    }

    /// Literals are strings whatever the type.
    func defaultSQL(_ column: ColumnShape) -> String? {
        switch column.initial {
        case nil: return nil
        case .literal(let text):
            switch column.type {
            case .boolean: return quoted(["true", "t", "1", "yes", "on", "b'1'"].contains(text.lowercased()) ? "1" : "0")
            case .integer, .decimal, .float: return Double(text) == nil ? nil : quoted(text)
            case .json, .bytes, .other: return nil
            // A zero date is no date here.
            case .date, .timestamp: return text.hasPrefix("0000-00-00") ? quoted("1970-01-01" + text.dropFirst(10)) : quoted(text)
            default: return quoted(text)
            }
        case .currentTimestamp: return column.native.hasPrefix("datetime") ? "CURRENT_TIMESTAMP" : nil
        case .currentDate: return nil
        case .expression(let sql): return "(\(sql))"
        }
    }
}
