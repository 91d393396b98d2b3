import ApusCore
import CSQLite
import Tabular

/// What the database says of its tables ("PRAGMA Statements": table_list, table_xinfo, index_list, foreign_key_list).
extension SQLiteSession {
    public func tables(schema: String?) throws -> [TableSummary] {
        try checkSchema(schema)
        let rows = try reading().rows(
            """
            SELECT l.name, l.type FROM pragma_table_list AS l LEFT JOIN sqlite_master AS m ON m.name = l.name
            WHERE l.schema = 'main' AND l.type IN ('table', 'view', 'virtual') ORDER BY m.rowid
            """, doing: "list the tables")
        return try rows.compactMap { row in
            guard let name = row[0], !Self.isInternal(name) else { return nil }
            return TableSummary(
                name: TableName(name), kind: row[1] == "view" ? .view : .table, rows: try statisticsRows(name))
        }
    }

    /// Tables of SQLite itself and of Apus.
    static func isInternal(_ name: String) -> Bool {
        let name = name.lowercased()
        return name.hasPrefix("sqlite_") || name == SliceMark.tableName || name == Checkpoint.tableName || name.hasPrefix("apus_stg_")
            || name.hasPrefix("apus_old_")
    }

    func checkSchema(_ schema: String?) throws {
        guard let schema, schema.lowercased() != "main" else { return }
        throw ApusError(
            .notFound, "an SQLite file has one schema, `main`, and none named `\(schema)`",
            hint: "Name the table alone, or map it: to: '{table}'.", context: path)
    }

    /// The name as it is spelled in the catalogue, which takes names without regard to case; nil when there is none.
    func realName(_ name: String) throws -> (name: String, kind: TableShape.Kind, isWithoutRowid: Bool, isStrict: Bool)? {
        let rows = try reading().rows(
            "SELECT name, type, wr, strict FROM pragma_table_list(?) WHERE schema = 'main'",
            [name], doing: "look for table \(name)")
        guard let row = rows.first, let real = row[0] else { return nil }
        return (real, row[1] == "view" ? .view : .table, row[2] == "1" || row[1] == "virtual", row[3] == "1")
    }

    func require(_ table: TableName) throws -> (
        name: String, kind: TableShape.Kind, isWithoutRowid: Bool, isStrict: Bool
    ) {
        try checkSchema(table.schema)
        if let found = try realName(table.name) { return found }
        throw ApusError(
            .notFound, "there is no table `\(table.name)`",
            hint: Nearest.hint(for: table.name, among: try tables(schema: nil).map(\.name.name)), context: path)
    }

    public func describe(_ table: TableName) throws -> TableShape {
        let database = try reading()
        let found = try require(table)
        let doing = "describe table \(found.name)"
        let sql =
            try database.rows(
                "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", [found.name], doing: doing
            ).first?[0] ?? ""
        let rows = try database.rows(
            "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?) WHERE hidden <> 1",
            [found.name],
            doing: doing)
        let primaryKey = rows.filter { $0[4] != "0" }.sorted { Int($0[4]!)! < Int($1[4]!)! }.map { $0[0]! }
        let indexes = try indexes(of: found.name)
        let hasRowidKey =
            primaryKey.count == 1 && !found.isWithoutRowid && !indexes.contains { $0.origin == "pk" }
            && rows.contains { $0[4] != "0" && $0[1]!.uppercased() == "INTEGER" }
        var columns = rows.map { row in
            let name = row[0]!
            let declared = row[1] ?? ""
            var column = ColumnShape(
                name, settings["types"] == "text" ? .text : SQLiteTypes.type(declared: declared) ?? .other(""),
                native: declared)
            column.nullable = row[2] == "0" && !(row[4] != "0" && (hasRowidKey || found.isWithoutRowid))
            column.generated = row[5] == "2" || row[5] == "3"
            column.identity = hasRowidKey && row[4] != "0"
            if column.generated {
                column.initial = SQLiteText.generation(of: name, in: sql).map { .expression($0) }
            } else {
                column.initial = row[3].flatMap { Self.initial($0, declared) }
            }
            return column
        }
        try settleTypes(&columns, relation: dialect.quote(found.name), doing: doing)
        var shape = TableShape(name: TableName(found.name), kind: found.kind, origin: "sqlite", columns: columns)
        shape.primaryKey = primaryKey
        let declared = SQLiteDeclaration(sql)
        for index in shape.columns.indices { shape.columns[index].collation = declared.collation(of: shape.columns[index].name) }
        if found.kind == .table, !sql.uppercased().hasPrefix("CREATE VIRTUAL") {
            let checks = declared.checks
            if !checks.isEmpty { shape.checks = checks }
            let traits = try declared.traits + triggers(of: found.name)
            if !traits.isEmpty { shape.traits = traits }
            if declared.counts, let index = shape.columns.firstIndex(where: \.identity) {
                let last = try database.rows("SELECT seq FROM sqlite_sequence WHERE name = ?", [found.name], doing: doing).first?[0]
                shape.columns[index].counter = CounterShape(next: last.flatMap { Int($0) }.map { String($0 &+ 1) } ?? "1")
            }
        }
        if found.kind == .table {
            shape.indexes = indexes.filter { $0.origin != "pk" }.map(\.shape)
            shape.foreignKeys = try foreignKeys(of: found.name)
            shape.rows = try estimatedRows(found.name, isWithoutRowid: found.isWithoutRowid)
        }
        return shape
    }

    public func check(query: String) throws { _ = try reading().prepare(query, doing: "check the query", shows: true) }

    public func describe(query: String) throws -> TableShape {
        let database = try reading()
        let doing = "describe the query"
        let statement = try database.prepare(query, doing: doing, shows: true)
        guard statement.columnCount > 0, sqlite3_stmt_readonly(statement.pointer) != 0 else {
            throw ApusError(.configurationInvalid, "the query is not a SELECT", context: path)
        }
        var columns = (0..<statement.columnCount).map { index in
            let declared = statement.declaredType(index) ?? ""
            return ColumnShape(
                statement.name(index),
                settings["types"] == "text" ? .text : SQLiteTypes.type(declared: declared) ?? .other(""),
                native: declared)
        }
        let trimmed =
            query.split(separator: ";", omittingEmptySubsequences: false).last?.allSatisfy(\.isWhitespace) == true
                && query.contains(";") ? String(query[..<query.lastIndex(of: ";")!]) : query
        try settleTypes(&columns, relation: "(\(trimmed)\n)", doing: doing)
        return TableShape(name: TableName("query"), kind: .query, origin: "sqlite", columns: columns)
    }

    /// Gives a type to columns whose declaration tells none, by what their first values are.
    private func settleTypes(_ columns: inout [ColumnShape], relation: String, doing: String) throws {
        let unknown = columns.indices.filter { columns[$0].type == .other("") }
        guard !unknown.isEmpty else { return }
        let list = unknown.map { dialect.quote(columns[$0].name) }.joined(separator: ", ")
        let statement = try reading().prepare("SELECT \(list) FROM \(relation) LIMIT 1000", doing: doing)
        var seen = Array(repeating: Set<Int32>(), count: unknown.count)
        while try statement.step(doing: doing) {
            for index in seen.indices { seen[index].insert(sqlite3_column_type(statement.pointer, Int32(index))) }
        }
        for (position, column) in unknown.enumerated() {
            let kinds = seen[position].subtracting([SQLITE_NULL])
            columns[column].type =
                if kinds == [SQLITE_INTEGER] {
                    .int64
                } else if !kinds.isEmpty, kinds.isSubset(of: [SQLITE_INTEGER, SQLITE_FLOAT]) {
                    .float64
                } else if kinds == [SQLITE_BLOB] {
                    .bytes
                } else {
                    .text
                }
        }
    }

    /// A column's default, from its SQL.
    private static func initial(_ sql: String, _ declared: String) -> ColumnShape.Default? {
        let tokens = SQLiteText.tokens(sql)
        if tokens.count == 2, tokens[0].isWord("X"), tokens[1].isQuoted, SQLiteAffinity(declared: declared) == .blob {
            return .literal("\\x" + tokens[1].text)
        }
        if tokens.count == 1, let token = tokens.first {
            if token.isQuoted { return .literal(token.text) }
            switch token.text.uppercased() {
            case "NULL": return nil
            case "CURRENT_TIMESTAMP": return .currentTimestamp
            case "CURRENT_DATE": return .currentDate
            case "TRUE": return .literal("1")
            case "FALSE": return .literal("0")
            default: break
            }
        }
        var copy = sql
        let isNumber = copy.withUTF8 { DecimalText($0).map { !$0.isNaN && !$0.isInfinite } ?? false }
        return isNumber ? .literal(sql) : .expression(sql)
    }

    /// Indexes with their origin: `c` made by CREATE INDEX, `u` by UNIQUE, `pk` by PRIMARY KEY.
    private func indexes(of table: String) throws -> [(shape: IndexShape, origin: String)] {
        let database = try reading()
        let doing = "list the indexes of table \(table)"
        return try database.rows(
            "SELECT name, \"unique\", origin, partial FROM pragma_index_list(?) ORDER BY seq DESC", [table],
            doing: doing
        ).map { row in
            let name = row[0]!
            let parts = try database.rows(
                "SELECT name, \"desc\", coll FROM pragma_index_xinfo(?) WHERE key = 1 ORDER BY seqno", [name],
                doing: doing)
            let isPlain = row[3] == "0" && parts.allSatisfy { $0[0] != nil && $0[1] == "0" && $0[2] == "BINARY" }
            let sql = try database.rows(
                "SELECT sql FROM sqlite_master WHERE type = 'index' AND name = ?", [name], doing: doing)
            let columns = parts.allSatisfy { $0[0] != nil } && row[3] == "0" ? parts.compactMap { $0[0] } : []
            return (
                IndexShape(
                    name: name, columns: columns, unique: row[1] == "1", definition: isPlain ? nil : sql.first?[0]),
                row[2] ?? "c"
            )
        }
    }

    private func triggers(of table: String) throws -> [TableTrait] {
        try reading().rows(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE ORDER BY name", [table],
            doing: "list the triggers of table \(table)"
        ).map { TableTrait("the trigger \($0[0] ?? "")") }
    }

    private func foreignKeys(of table: String) throws -> [ForeignKeyShape] {
        let rows = try reading().rows(
            "SELECT id, \"table\", \"from\", \"to\", on_update, on_delete FROM pragma_foreign_key_list(?) ORDER BY id DESC, seq",
            [table], doing: "list the foreign keys of table \(table)")
        var keys: [(id: String, shape: ForeignKeyShape)] = []
        for row in rows {
            if keys.last?.id != row[0] {
                var key = ForeignKeyShape(
                    name: "\(table)_fk_\(keys.count + 1)", columns: [], references: TableName(row[1]!),
                    referencedColumns: [])
                key.onUpdate = row[4] == "NO ACTION" ? nil : row[4]
                key.onDelete = row[5] == "NO ACTION" ? nil : row[5]
                keys.append((row[0]!, key))
            }
            keys[keys.count - 1].shape.columns.append(row[2]!)
            if let to = row[3] { keys[keys.count - 1].shape.referencedColumns.append(to) }
        }
        return keys.map(\.shape)
    }

    // MARK: Rows

    /// The count that ANALYZE left.
    func statisticsRows(_ table: String) throws -> Int? {
        let database = try reading()
        guard
            try !database.rows("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'", doing: "look for statistics")
                .isEmpty
        else { return nil }
        let rows = try database.rows("SELECT stat FROM sqlite_stat1 WHERE tbl = ?", [table], doing: "read statistics")
        return rows.compactMap { $0[0]?.split(separator: " ").first.flatMap { Int($0) } }.max()
    }

    /// Rows without counting them: ANALYZE's count, else the span of the rowids where the file could hold so many.
    func estimatedRows(_ table: String, isWithoutRowid: Bool) throws -> Int? {
        if let rows = try statisticsRows(table) { return rows }
        guard !isWithoutRowid else { return nil }
        let database = try reading()
        let doing = "estimate the rows of table \(table)"
        let name = dialect.quote(table)
        let span = try database.rows(
            "SELECT (SELECT min(_rowid_) FROM \(name)), (SELECT max(_rowid_) FROM \(name))", doing: doing)
        guard let low = span.first?[0].flatMap({ Int($0) }), let high = span.first?[1].flatMap({ Int($0) }) else {
            return 0
        }
        let (difference, overflow) = high.subtractingReportingOverflow(low)
        let size = try database.rows(
            "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", doing: doing)
        // No row takes fewer than about eight octets with its cell's header and pointer.
        guard let bytes = size.first?[0].flatMap({ Int($0) }), !overflow, difference < bytes / 8 else { return nil }
        return difference + 1
    }
}
