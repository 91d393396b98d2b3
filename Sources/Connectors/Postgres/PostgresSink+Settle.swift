import ApusCore
import Tabular

/// What this server takes of a table that is to be made: it is asked, nothing is changed.
extension PostgresSession {
    func settle(_ shape: inout TableShape) throws -> [String] {
        var losses = try settleTypes(shape)
        let isAsked = shape.checks?.isEmpty == false
        let known = isAsked ? typeNames(shape.columns) : []
        func takes(_ expression: String, _ columns: [(ColumnShape, String)]) -> Bool {
            let list = columns.map { "NULL::\($1) AS \(dialect.quote($0.name))" }.joined(separator: ", ")
            return prepares("SELECT (\(expression))\(list.isEmpty ? "" : " FROM (SELECT \(list)) t")")
        }
        let columns = Array(zip(shape.columns, known))
        for index in shape.columns.indices {
            let column = shape.columns[index]
            guard !column.identity, case .expression(let sql) = column.initial, !column.generated, !takes(sql, []) else { continue }
            shape.columns[index].initial = nil
            losses.append("\(column.name): the default `\(sql)` is not carried over: the server does not know what it calls")
        }
        let checks = shape.checks?.filter { check in
            let names = check.meaning?.columns
            return takes("CASE WHEN \(check.condition) THEN 1 END", columns.filter { names?.contains($0.0.name) != false })
        }
        shape.checks = checks?.isEmpty == true ? nil : checks
        for index in shape.columns.indices {
            guard let collation = shape.columns[index].collation, !prepares("SELECT 'a' COLLATE \(collation)") else { continue }
            shape.columns[index].collation = nil
        }
        return losses
    }

    /// Types that are neither there nor made with the table.
    /// - throws: `object.not_found`.
    private func settleTypes(_ shape: TableShape) throws -> [String] {
        var losses: [String] = []
        for column in shape.columns where column.labels != nil { losses += try settleLabels(column) }
        let natives = Set(shape.columns.map(\.native)).sorted()
        if prepares("SELECT " + natives.map { "NULL::\($0)" }.joined(separator: ", ")) { return losses }
        for column in shape.columns where !prepares("SELECT NULL::\(column.native)") {
            if let type = column.userType, type.statement != nil, try hasSchema(of: type.name) { continue }
            throw ApusError(
                .notFound, "column \(column.name) is of the type \(column.native), which the target does not have",
                hint: "Make the type in the target first (CREATE TYPE, CREATE EXTENSION), or give the column another with `types`",
                context: endpoint.label)
        }
        return losses
    }

    private func hasSchema(of type: String) throws -> Bool {
        guard let dot = type.firstIndex(of: ".") else { return true }
        let schema = dialect.literal(String(type[..<dot]))
        return try run("SELECT to_regnamespace(\(schema))", doing: "looking for the schema of \(type)").value != nil
    }

    /// An enumeration that is there already may have other values.
    private func settleLabels(_ column: ColumnShape) throws -> [String] {
        guard let labels = column.labels, let type = column.userType else { return [] }
        let known = try run(
            "SELECT enumlabel FROM pg_catalog.pg_enum WHERE enumtypid = to_regtype(\(dialect.literal(type.name)))",
            doing: "reading the type \(type.name)"
        ).rows.compactMap { $0[0] }
        let missing = labels.filter { !known.contains($0) }
        guard !known.isEmpty, !missing.isEmpty else { return [] }
        return ["\(column.name): the target's type \(type.name) has no \(missing.joined(separator: ", ")); rows with it are rejected"]
    }

    /// The types that stand for columns in a question: of those that are to be made, text.
    private func typeNames(_ columns: [ColumnShape]) -> [String] {
        let natives = Set(columns.map(\.native)).sorted()
        if prepares("SELECT " + natives.map { "NULL::\($0)" }.joined(separator: ", ")) { return columns.map(\.native) }
        return columns.map { prepares("SELECT NULL::\($0.native)") ? $0.native : "text" }
    }

    private func prepares(_ sql: String) -> Bool { (try? resultColumns(of: sql, doing: "asking the server")) != nil }
}
