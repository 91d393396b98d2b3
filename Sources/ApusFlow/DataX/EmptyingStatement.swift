import ApusCore

/// Statements of `preSql` that take all rows out of a table.
public enum EmptyingStatement {
    /// Whether `truncate [table] t` or `delete from t` empties one of the tables, and nothing else.
    /// - parameter homes: see ``homes(_:)``.
    public static func empties(_ sql: String, _ tables: [String], homes: [String]) -> Bool {
        var words = sql.split { $0.isWhitespace || $0 == ";" }.map(String.init)
        guard let name = words.popLast() else { return false }
        let verbs = [["truncate"], ["truncate", "table"], ["delete", "from"]]
        return verbs.contains(words.map { $0.lowercased() }) && isOne(name, of: tables, homes: homes)
    }

    /// Whether a name stands for one of the tables; case is not looked at.
    public static func isOne(_ name: String, of tables: [String], homes: [String]) -> Bool {
        guard let named = TableText(name)?.parts.map({ $0.lowercased() }) else { return false }
        return tables.contains { table in
            guard let parts = TableText(table)?.parts.map({ $0.lowercased() }), parts.last == named.last else { return false }
            if parts.count == named.count { return parts == named }
            let schema = (parts.count > named.count ? parts : named)[0]
            return homes.contains { $0.lowercased() == schema }
        }
    }

    /// Database and schemas in which a connection looks names without one up.
    public static func homes(_ endpoint: Endpoint) -> [String] {
        let schemas = (endpoint.settings.given["schema"] ?? "").split(separator: ",").map { String($0.drop { $0 == " " }) }
        return [String(endpoint.path.drop { $0 == "/" })] + (schemas.isEmpty ? ["public"] : schemas)
    }
}

extension TableWish {
    /// The statements before the load that empty its own target.
    public func emptying(_ to: Flow.Connection) -> [String] {
        guard let target = self.to else { return [] }
        return before.filter { EmptyingStatement.empties($0, [target], homes: EmptyingStatement.homes(to.endpoint)) }
    }
}
