import ApusCore
import CMariaDB
import MySQLClient
import Tabular

/// What `information_schema` and `SHOW CREATE TABLE` say about tables.
extension StarRocksSession {
    var serverDialect: (any Dialect)? { dialect }

    func tables(schema: String?) throws -> [TableSummary] {
        let name = try requiredDatabase(schema)
        let rows = try rows(
            """
            SELECT TABLE_NAME, TABLE_TYPE, TABLE_ROWS, DATA_LENGTH, ENGINE FROM information_schema.tables
            WHERE TABLE_SCHEMA = \(dialect.literal(name)) ORDER BY TABLE_NAME
            """, doing: "list the tables of \(name)")
        let materialized = try materializedViews(name)
        return rows.compactMap { row in
            guard let table = row[0], table != SliceMark.tableName, table != Checkpoint.tableName else { return nil }
            let isView = row[1]?.hasSuffix("VIEW") == true || materialized.contains(table)
            return TableSummary(
                name: TableName(schema: schema, table), kind: isView ? .view : .table, rows: isView ? nil : row[2].flatMap { Int($0) },
                bytes: isView ? nil : row[3].flatMap { Int($0) })
        }
    }

    func schemas() throws -> [String] {
        let own: Set<String> = ["information_schema", "_statistics_", "sys", "mysql", "__internal_schema"]
        return try rows("SHOW DATABASES", doing: "list the databases").compactMap { $0[0] }.filter { !own.contains($0) }
    }

    func missingSchema(for table: TableName) throws -> String? {
        let name = try requiredDatabase(table.schema)
        return try rows("SHOW DATABASES", doing: "list the databases").contains { $0[0] == name } ? nil : name
    }

    func createSchema(_ name: String) throws -> Bool {
        guard try missingSchema(for: TableName(schema: name, "")) != nil else { return false }
        try run("CREATE DATABASE IF NOT EXISTS \(dialect.quote(name))", doing: "make the database \(name)")
        return true
    }

    /// Materialized views, which some versions list as base tables.
    private func materializedViews(_ database: String) throws -> Set<String> {
        let found: (names: [String], rows: [[String?]])
        do {
            if profile.isDoris { return [] }
            found = try table(
                "SELECT TABLE_NAME FROM information_schema.materialized_views WHERE TABLE_SCHEMA = \(dialect.literal(database))",
                doing: "list the materialized views of \(database)")
        } catch let error as ApusError where !error.isTransient && error.code != .cancelled {
            // Versions without that table know them by SHOW alone, or have none.
            return []
        }
        return Set(found.rows.compactMap { $0.first ?? nil })
    }

    func describe(_ table: TableName) throws -> TableShape {
        let schema = try requiredDatabase(table.schema)
        guard let summary = try tableFacts(table) else { throw try notFound(table) }
        let found = try shape(summary) {
            try columnRows(schema, "AND TABLE_NAME = \(dialect.literal(table.name))", doing: "read the columns of \(table)")
        }
        guard let found else { throw try notFound(table) }
        return found
    }

    /// What makes a table (partitions, buckets, aggregates) is known to `SHOW CREATE TABLE` alone, so each takes a query.
    func describeAll(schema: String?, where isWanted: (TableSummary) -> Bool) throws -> [TableShape] {
        let name = try requiredDatabase(schema)
        var columns: [String: [[String?]]]?
        return try tables(schema: schema).filter(isWanted).compactMap { table in
            do {
                return try shape(table) {
                    if columns == nil {
                        columns = Dictionary(grouping: try columnRows(name, "", doing: "read the catalogue of \(name)")) { $0[7]! }
                    }
                    return columns?[table.name.name] ?? []
                }
            } catch let error as ApusError where error.code == .notFound {
                return nil
            }
        }
    }

    /// A table by its declaration, a view by the rows of its columns; nil where it is gone.
    private func shape(_ summary: TableSummary, columns: () throws -> [[String?]]) throws -> TableShape? {
        var shape: TableShape
        if summary.kind == .table, let declared = try declaration(of: summary.name) {
            shape = TableShape(name: summary.name, kind: .table, origin: profile.origin, columns: declared.columns.map(column))
            shape.layout = declared.layout
            shape.primaryKey = declared.layout.isUnique ? declared.key : []
            shape.comment = declared.comment
            shape.rows = summary.rows
            shape.bytes = summary.bytes
        } else {
            shape = TableShape(name: summary.name, kind: .view, origin: profile.origin, columns: try columns().map(column))
        }
        return shape.columns.isEmpty ? nil : shape
    }

    func declaration(of table: TableName) throws -> StarRocksCreate? {
        try rows("SHOW CREATE TABLE \(dialect.quote(table))", doing: "read the declaration of \(table)").first?.dropFirst().first
            .flatMap { $0 }.flatMap(StarRocksCreate.init)
    }

    /// Nil when there is no such table.
    func tableFacts(_ table: TableName) throws -> TableSummary? {
        let schema = try requiredDatabase(table.schema)
        let row = try rows(
            """
            SELECT TABLE_NAME, TABLE_TYPE, TABLE_ROWS, DATA_LENGTH FROM information_schema.tables
            WHERE TABLE_SCHEMA = \(dialect.literal(schema)) AND TABLE_NAME = \(dialect.literal(table.name))
            """, doing: "look up table \(table)"
        ).first { $0[0] == table.name }
        guard let row else { return nil }
        let isView = try row[1]?.hasSuffix("VIEW") == true || materializedViews(schema).contains(table.name)
        return TableSummary(name: table, kind: isView ? .view : .table, rows: row[2].flatMap { Int($0) }, bytes: row[3].flatMap { Int($0) })
    }

    // MARK: Columns

    /// A column of a declaration.
    private func column(_ declared: StarRocksCreate.Column) -> ColumnShape {
        let native = StarRocksTypes.normalized(declared.native)
        var shape = ColumnShape(declared.name, StarRocksTypes.type(native), native: native, nullable: declared.nullable)
        if let aggregate = declared.aggregate { shape.native += " " + aggregate }
        shape.identity = declared.isIdentity
        shape.comment = declared.comment
        if let expression = declared.generated {
            shape.generated = true
            shape.initial = .expression(expression)
        } else {
            shape.initial = declared.initial
        }
        return shape
    }

    /// The columns of tables; the name of each one's table stands last.
    func columnRows(_ schema: String, _ condition: String, doing: @autoclosure () -> String) throws -> [[String?]] {
        try rows(
            """
            SELECT COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT, EXTRA, COLUMN_COMMENT, COLUMN_KEY, TABLE_NAME
            FROM information_schema.columns WHERE TABLE_SCHEMA = \(dialect.literal(schema)) \(condition)
            ORDER BY TABLE_NAME, ORDINAL_POSITION
            """, doing: doing())
    }

    private func column(_ row: [String?]) -> ColumnShape {
        let native = StarRocksTypes.normalized(row[1] ?? "")
        var shape = ColumnShape(row[0]!, StarRocksTypes.type(native), native: native, nullable: row[2] == "YES")
        shape.identity = row[4]?.lowercased().contains("auto_increment") == true
        shape.comment = row[5].flatMap { $0.isEmpty ? nil : $0 }
        if let text = row[3], text != "NULL" {
            let lower = text.lowercased()
            shape.initial = lower.hasPrefix("current_timestamp") || lower == "now()" ? .currentTimestamp : .literal(text)
        }
        return shape
    }

    // MARK: Queries

    func describe(query: String) throws -> TableShape {
        let read = Read(relation: .query(query), items: [], schema: Schema([]))
        var columns: [ColumnShape]
        do {
            columns = try resultColumns("SELECT * FROM \(read.relationSQL(dialect)) LIMIT 0")
        } catch let error as ApusError where error.code == .statement {
            // Two columns of one name cannot stand in parentheses.
            columns = try resultColumns(read.relationSQL(dialect, bare: true) + " LIMIT 0")
        }
        if columns.isEmpty { throw ApusError(.statement, "the query is not a SELECT", context: endpoint.label) }
        return TableShape(name: TableName("query"), kind: .query, origin: profile.origin, columns: columns)
    }

    private func resultColumns(_ sql: String) throws -> [ColumnShape] {
        do {
            try makeReady()
            do {
                try ClientResult.send(sql, on: handle)
                guard let result = mysql_store_result(handle) else {
                    if mysql_errno(handle) != 0 { throw MySQLFault(handle) }
                    return []
                }
                defer { mysql_free_result(result) }
                let fields = mysql_fetch_fields(result)!
                return (0..<Int(mysql_num_fields(result))).map { StarRocksTypes.column(fields[$0]) }
            } catch let fault as MySQLFault {
                throw noticed(fault)
            }
        } catch let fault as MySQLFault {
            throw error(fault, doing: "describe the query").showing(sql, fault)
        }
    }
}

extension Read {
    /// A query as it was written, without what ends it.
    func relationSQL(_ dialect: StarRocksDialect, bare: Bool) -> String {
        guard bare, case .query(let sql) = relation else { return relationSQL(dialect) }
        var text = Substring(sql)
        while let last = text.last, last.isWhitespace || last == ";" { text.removeLast() }
        return String(text) + "\n"
    }
}
