import ApusCore
import CPostgres
import Tabular

extension PostgresSession {
    /// A column of a SELECT's result, as the server describes it.
    struct ResultColumn {
        var name: String
        var oid: UInt32
        var modifier: Int32
        var type: PostgresType
    }

    /// The columns that a SELECT would give: it is prepared and described, not run.
    func resultColumns(of sql: String, doing: String) throws -> [ResultColumn] {
        try interrupt.check()
        let described = try together(doing) {
            let prepared = PostgresResult(PQprepare(connection, "", sql, 0, nil))
            guard prepared.isGood else { throw failure(prepared, doing, sql: sql) }
            return PostgresResult(PQdescribePrepared(connection, ""))
        }
        guard described.isGood else { throw failure(described, doing) }
        let fields = (0..<Int32(described.columnCount)).map { index in
            (
                name: String(cString: PQfname(described.pointer, index)), oid: PQftype(described.pointer, index),
                modifier: PQfmod(described.pointer, index)
            )
        }
        let types = try types(of: fields.map { ($0.oid, $0.modifier) })
        return zip(fields, types).map { ResultColumn(name: $0.name, oid: $0.oid, modifier: $0.modifier, type: $1) }
    }

    func check(query: String) throws {
        try interrupt.check()
        let prepared = try together("checking a query") { PostgresResult(PQprepare(connection, "", query, 0, nil)) }
        guard prepared.isGood else { throw failure(prepared, "checking a query", sql: query) }
    }

    /// Queries and changes are only parsed as the body of a PREPARE; everything else is only parsed when it is prepared. Texts of
    /// several statements, and such that begin with a comment, are left alone.
    func check(syntax sql: String) throws {
        try interrupt.check()
        var scan = SQLScan(Array(sql.utf8))
        let parts = scan.rewrite { $0 == UInt8(ascii: ";") ? "\u{0}" : nil }.split(separator: "\u{0}", omittingEmptySubsequences: false)
        guard let text = parts.first, parts.dropFirst().allSatisfy({ $0.allSatisfy(\.isWhitespace) }) else { return }
        let word = text.drop(while: \.isWhitespace).prefix { $0.isLetter || $0 == "(" }.lowercased()
        guard !word.isEmpty else { return }
        let isBody = ["select", "insert", "update", "delete", "values", "with", "merge"].contains(word) || word.hasPrefix("(")
        let start = isBody ? "PREPARE apus_syntax AS " : ""
        let prepared = try together("checking a statement") { PostgresResult(PQprepare(connection, "", start + text, 0, nil)) }
        guard !prepared.isGood, prepared.error(.state) == "42601" else { return }
        let position = prepared.error(.position).flatMap { Int($0) }.map { $0 - 1 - start.count }
        throw ApusError(
            .statement, "the server does not understand the statement", context: endpoint.label,
            underlying: Masking.words("PG 42601: \(prepared.error(.message) ?? "")", on: String(text), at: position))
    }

    func describe(query: String) throws -> TableShape {
        let columns = try resultColumns(of: query, doing: "describing a query")
        guard !columns.isEmpty else {
            throw ApusError(.statement, "this statement gives no columns", hint: "A query must be a SELECT.", context: endpoint.label)
        }
        let natives = try run(
            "SELECT " + columns.map { "pg_catalog.format_type(\($0.oid), \($0.modifier))" }.joined(separator: ", "),
            doing: "describing a query"
        ).rows[0]
        var shape = TableShape(
            name: TableName("query"), kind: .query, origin: "postgres",
            columns: zip(columns, natives).map { ColumnShape($0.name, $0.type.type, native: $1 ?? "") })
        shape.rows = try? estimatedRows(Read(relation: .query(query), items: [], schema: shape.schema).relationSQL(dialect))
        return shape
    }

    /// The planner's estimate; it knows how large tables are now.
    func estimatedRows(_ from: String) throws -> Int? {
        let plan = try run("EXPLAIN SELECT 1 FROM \(from)", doing: "estimating rows").value ?? ""
        guard let rows = plan.firstRange(of: " rows=") else { return nil }
        return Int(plan[rows.upperBound...].prefix { $0.isNumber })
    }
}

/// Column defaults as pg_get_expr prints them.
enum PostgresDefault {
    static func parse(_ expression: String) -> ColumnShape.Default? {
        switch expression.lowercased() {
        case "now()", "current_timestamp", "transaction_timestamp()", "statement_timestamp()", "clock_timestamp()",
            "localtimestamp", "('now'::text)::timestamp without time zone", "('now'::text)::timestamp with time zone":
            return .currentTimestamp
        case "current_date", "('now'::text)::date", "now()::date", "(now())::date": return .currentDate
        case "true", "false": return .literal(expression.lowercased())
        default: break
        }
        // With a precision, which is the column's own.
        if let name = ["CURRENT_TIMESTAMP(", "LOCALTIMESTAMP("].first(where: { expression.hasPrefix($0) }),
            expression.count == name.count + 2
        {
            return .currentTimestamp
        }
        if expression.hasPrefix("NULL::") || expression == "NULL" { return nil }
        if isNumber(expression) { return .literal(expression) }
        if expression.hasPrefix("("), expression.hasSuffix(")"), isNumber(String(expression.dropFirst().dropLast())) {
            return .literal(String(expression.dropFirst().dropLast()))
        }
        return literal(expression).map { .literal($0) } ?? .expression(expression)
    }

    private static func isNumber(_ text: String) -> Bool {
        guard text.utf8.contains(where: { $0 >= 48 && $0 <= 57 }) else { return false }
        return text.utf8.enumerated().allSatisfy { $1 >= 48 && $1 <= 57 || $1 == 46 || ($0 == 0 && $1 == 45) }
    }

    /// The text of `'it''s'::character varying`; nil for anything more.
    private static func literal(_ expression: String) -> String? {
        let bytes = Array(expression.utf8)
        var position = bytes.first == UInt8(ascii: "E") ? 1 : 0
        let escapes = position == 1
        guard position < bytes.count, bytes[position] == UInt8(ascii: "'") else { return nil }
        position += 1
        var text: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            let next = position + 1 < bytes.count ? bytes[position + 1] : 0
            if byte == UInt8(ascii: "'") || (escapes && byte == UInt8(ascii: "\\")) {
                guard next == byte else { break }
                position += 1
            }
            text.append(byte)
            position += 1
        }
        guard position < bytes.count, bytes[position] == UInt8(ascii: "'") else { return nil }
        let rest = bytes[(position + 1)...]
        let isCast =
            rest.isEmpty
            || (rest.starts(with: Array("::".utf8))
                && rest.dropFirst(2).allSatisfy { byte in
                    (byte | 0x20 >= 97 && byte | 0x20 <= 122) || (byte >= 48 && byte <= 57) || byte == 32 || byte == 40
                        || byte == 41 || byte == 44 || byte == 95 || byte == 46 || byte == 34
                })
        return isCast ? String(decoding: text, as: UTF8.self) : nil
    }
}
