import ApusCore
import CMariaDB
import MySQLClient
import Tabular

/// What the server says about a SELECT without running it.
extension MySQLSession {
    func describe(query: String) throws -> TableShape {
        let read = Read(relation: .query(query), items: [], schema: Schema([]))
        let sql = "SELECT * FROM \(read.relationSQL(dialect))"
        // Not in parentheses, where two columns of one name are an error.
        let columns = try resultColumns(query)
        var shape = TableShape(name: TableName("query"), kind: .query, origin: "mysql", columns: columns)
        shape.rows = try? estimatedRows(sql)
        return shape
    }

    func check(query: String) throws {
        if let fault = try prepareFault(query), !fault.isPrepareUnsupported {
            throw error(fault, doing: "check the query").showing(query, fault)
        }
    }

    func check(syntax sql: String) throws {
        guard let fault = try prepareFault(sql), fault.isSyntax else { return }
        throw ApusError(.statement, "the server does not understand the statement", context: endpoint.label, underlying: fault.underlying)
            .showing(sql, fault)
    }

    /// What keeps the server from preparing a statement.
    /// - throws: what broke the connection.
    private func prepareFault(_ sql: String) throws -> MySQLFault? {
        let doing = "check a statement"
        do { try makeReady() } catch let fault as MySQLFault { throw error(fault, doing: doing) }
        let statement = mysql_stmt_init(handle)!
        defer { mysql_stmt_close(statement) }
        guard mysql_stmt_prepare(statement, sql, UInt(sql.utf8.count)) != 0 else { return nil }
        let fault = MySQLFault(statement: statement)
        if fault.isConnectionLost { throw error(fault, doing: doing) }
        return fault
    }

    /// The columns of a SELECT, by preparing it; where that is not possible, by running it for no rows.
    func resultColumns(_ sql: String) throws -> [ColumnShape] {
        let doing = "describe the query"
        do { try makeReady() } catch let fault as MySQLFault { throw error(fault, doing: doing) }
        let statement = mysql_stmt_init(handle)!
        defer { mysql_stmt_close(statement) }
        if mysql_stmt_prepare(statement, sql, UInt(sql.utf8.count)) != 0 {
            let fault = MySQLFault(statement: statement)
            guard fault.isPrepareUnsupported else { throw error(fault, doing: doing).showing(sql, fault) }
            return try emptyResultColumns(sql + " LIMIT 0", doing: doing)
        }
        guard let result = mysql_stmt_result_metadata(statement) else {
            throw ApusError(.statement, "the query is not a SELECT", context: endpoint.label)
        }
        defer { mysql_free_result(result) }
        return columns(of: result)
    }

    private func emptyResultColumns(_ sql: String, doing: String) throws -> [ColumnShape] {
        guard mysql_real_query(handle, sql, UInt(sql.utf8.count)) == 0, let result = mysql_store_result(handle) else {
            throw error(MySQLFault(handle), doing: doing)
        }
        defer { mysql_free_result(result) }
        return columns(of: result)
    }

    private func columns(of result: UnsafeMutablePointer<MYSQL_RES>) -> [ColumnShape] {
        let fields = mysql_fetch_fields(result)!
        return (0..<Int(mysql_num_fields(result))).map { MySQLTypes.column(fields[$0], options) }
    }

    /// The rows that the server's optimizer expects of a SELECT.
    func estimatedRows(_ sql: String) throws -> Int {
        let plan = try table("EXPLAIN \(sql)", doing: "ask for the number of rows")
        guard let column = plan.names.firstIndex(where: { $0.lowercased() == "rows" }) else { return 0 }
        let share = plan.names.firstIndex { $0.lowercased() == "filtered" }
        return plan.rows.map { row in
            let rows = row[column].flatMap { Double($0) } ?? 0
            return Int(rows * (share.flatMap { row[$0] }.flatMap { Double($0) } ?? 100) / 100)
        }.max() ?? 0
    }
}
