import ApusCore
import CMariaDB
import Tabular

/// What the server's `information_schema` and `SHOW CREATE TABLE` say about tables.
extension MySQLSession {
    func tables(schema: String?) throws -> [TableSummary] {
        let name = try requiredDatabase(schema)
        let rows = try rows(
            """
            SELECT table_name, table_type, table_rows, data_length + index_length FROM information_schema.tables
            WHERE table_schema = \(dialect.literal(name)) AND table_type IN ('BASE TABLE', 'VIEW', 'SYSTEM VERSIONED')
            ORDER BY table_name
            """, doing: "list the tables of \(name)")
        return rows.compactMap { row in
            guard let table = row[0], table != SliceMark.tableName, table != Checkpoint.tableName else { return nil }
            return TableSummary(
                name: TableName(schema: schema, table), kind: row[1] == "VIEW" ? .view : .table,
                rows: row[2].flatMap { Int($0) }, bytes: row[3].flatMap { Int($0) })
        }
    }

    func schemas() throws -> [String] {
        try rows(
            """
            SELECT schema_name FROM information_schema.schemata
            WHERE schema_name NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys') ORDER BY schema_name
            """, doing: "list the databases"
        ).compactMap { $0[0] }
    }

    func describe(_ table: TableName) throws -> TableShape {
        guard let shape = try find(table) else { throw try notFound(table) }
        return shape
    }

    func find(_ table: TableName) throws -> TableShape? {
        guard let facts = try tableFacts(table) else { return nil }
        let statement = facts.isView ? "" : try createStatement(table)
        let declaration = MySQLDeclaration(statement)
        let json = MySQLDeclaration.jsonColumns(statement)
        let columns = try columnShapes(table) { json.contains($0) }
        guard !columns.isEmpty else { return nil }
        var shape = TableShape(name: table, kind: facts.isView ? .view : .table, origin: "mysql", columns: columns)
        shape.comment = facts.comment.isEmpty || facts.isView ? nil : facts.comment
        shape.rows = facts.rows
        shape.bytes = facts.bytes
        if !facts.isView {
            let keys = try indexShapes(indexRows(of: table), lines: MySQLKeyLine.all(in: statement)) { statement }
            shape.take(keys)
            shape.foreignKeys = try foreignKeyShapes(table)
            let triggers = try triggerTraits(
                schema: requiredDatabase(table.schema), "AND event_object_table = \(dialect.literal(table.name))",
                doing: "read the triggers of \(table)")
            shape.take(declaration, triggers: triggers.values.flatMap { $0 }, next: facts.nextIdentity)
        }
        return shape
    }

    /// By table.
    func triggerTraits(schema: String, _ condition: String, doing: @autoclosure () -> String) throws -> [String: [TableTrait]] {
        let rows = try rows(
            """
            SELECT event_object_table, trigger_name, action_timing, event_manipulation FROM information_schema.triggers
            WHERE event_object_schema = \(dialect.literal(schema)) \(condition) ORDER BY event_object_table, trigger_name
            """, doing: doing())
        return Dictionary(grouping: rows) { $0[0] ?? "" }.mapValues { rows in
            rows.map { TableTrait("the trigger \($0[1] ?? "") (\($0[2] ?? "") \($0[3] ?? ""))") }
        }
    }

    struct TableFacts {
        /// In the server's spelling.
        var name: String
        var isView: Bool
        var engine: String?
        var rows: Int?
        var bytes: Int?
        var comment: String
        var nextIdentity: String?
    }

    /// nil when there is no such table.
    func tableFacts(_ table: TableName) throws -> TableFacts? {
        let schema = try requiredDatabase(table.schema)
        let rows = try rows(
            """
            SELECT table_name, table_type, engine, table_rows, data_length + index_length, table_comment, auto_increment
            FROM information_schema.tables
            WHERE table_schema = \(dialect.literal(schema)) AND table_name = \(dialect.literal(table.name))
            """, doing: "look up table \(table)")
        // The comparison ignores case; where the server's file system does not, the exact name wins.
        var found = rows.first { $0[0] == table.name }
        if found == nil, !rows.isEmpty, try ignoresCase() { found = rows[0] }
        guard let row = found else { return nil }
        return TableFacts(
            name: row[0]!, isView: row[1]?.hasSuffix("VIEW") == true, engine: row[2], rows: row[3].flatMap { Int($0) },
            bytes: row[4].flatMap { Int($0) }, comment: row[5] ?? "", nextIdentity: row[6])
    }

    /// Of table and database names; those of columns never differ in case only.
    func ignoresCase() throws -> Bool {
        if let known = knownIgnoresCase { return known }
        let ignores = try rows("SELECT @@lower_case_table_names", doing: "ask how table names compare").first?.first != "0"
        knownIgnoresCase = ignores
        return ignores
    }

    func comparable(_ table: TableName) throws -> TableName {
        let schema = table.schema ?? database
        return try ignoresCase() ? TableName(schema: schema?.lowercased(), table.name.lowercased()) : TableName(schema: schema, table.name)
    }

    func comparable(column: String) -> String { column.lowercased() }

    func createStatement(_ table: TableName) throws -> String {
        try rows("SHOW CREATE TABLE \(dialect.quote(table))", doing: "read the declaration of \(table)").first?[1] ?? ""
    }

    // MARK: Columns

    func columnShapes(_ table: TableName, isJSON: (String) -> Bool) throws -> [ColumnShape] {
        let rows = try columnRows(
            schema: requiredDatabase(table.schema), "AND table_name = \(dialect.literal(table.name))", doing: "read the columns of \(table)"
        )
        let exact = rows.filter { $0[13] == table.name }
        return (exact.isEmpty ? rows : exact).map { column($0, isJSON: isJSON) }
    }

    /// What ``column(_:isJSON:)`` takes, and the table's name last.
    func columnRows(schema: String, _ condition: String, doing: @autoclosure () -> String) throws -> [[String?]] {
        try rows(
            """
            SELECT column_name, data_type, column_type, character_maximum_length, numeric_precision, numeric_scale,
            \(server.hasFractionalSeconds ? "datetime_precision" : "NULL"), is_nullable, column_default, extra, column_comment,
            collation_name, \(server.hasGeneratedColumns ? "generation_expression" : "NULL"), table_name
            FROM information_schema.columns WHERE table_schema = \(dialect.literal(schema)) \(condition)
            ORDER BY table_name, ordinal_position
            """, doing: doing())
    }

    /// MariaDB's JSON is a text whose check says so; `isJSON` knows that of a column's name.
    func column(_ row: [String?], isJSON: (String) -> Bool) -> ColumnShape {
        let name = row[0]!
        let extra = (row[9] ?? "").lowercased()
        let native = MySQLTypes.Native(
            name: row[1]!, declaration: row[2]!, characters: row[3].flatMap { Int($0) }, precision: row[4].flatMap { Int($0) },
            scale: row[5].flatMap { Int($0) }, fraction: row[6].flatMap { Int($0) },
            isJSON: isMariaDB && isJSON(name))
        let type = MySQLTypes.type(native, options)
        var shape = ColumnShape(
            name, type, native: native.isJSON && type == .json ? "json" : row[2]!, nullable: row[7] == "YES")
        if type != .json, let collation = row[11], !Self.defaultCollations.contains(collation) {
            shape.native += " COLLATE \(collation)"
            // The usual one of a character set says nothing: elsewhere another one is as usual.
            if !Self.usualCollations.contains(collation) { shape.collation = collation }
        }
        if ["enum", "set"].contains(native.name.lowercased()) { shape.labels = Self.labels(row[2]!) }
        if MySQLTypes.isGeometry(native.name) { shape.userType = UserType(name: native.name.lowercased(), statement: nil) }
        shape.identity = extra.contains("auto_increment")
        shape.generated =
            row[12].map { !$0.isEmpty } ?? false || extra.contains("virtual generated") || extra.contains("stored generated")
            || extra.contains("persistent")
        shape.invisible = extra.contains("invisible")
        shape.comment = row[10].flatMap { $0.isEmpty ? nil : $0 }
        if shape.generated, let expression = row[12], !expression.isEmpty {
            let keeps = extra.contains("stored") || extra.contains("persistent")
            let isPeriod = expression == "ROW START" || expression == "ROW END"
            shape.native += " GENERATED ALWAYS AS " + (isPeriod ? expression : "(\(expression)) \(keeps ? "STORED" : "VIRTUAL")")
        } else {
            shape.initial = initial(row[8], extra: extra, type: type)
        }
        if let onUpdate = extra.ranges(of: "on update ").first {
            let value = String(extra[onUpdate.upperBound...].prefix { $0 != " " })
            shape.native += " ON UPDATE " + value
            shape.onUpdate = value
        }
        if options.zeroDatesAreNull, type.canBeZeroDate { shape.nullable = true }
        return shape
    }

    /// Collations that a new table may have by itself, so that they need not be said.
    /// Those that a column of a character set has where nothing is said ("Supported Character Sets and Collations").
    static let usualCollations: Set<String> = [
        "armscii8_general_ci", "ascii_general_ci", "big5_chinese_ci", "cp1250_general_ci", "cp1251_general_ci", "cp1256_general_ci",
        "cp1257_general_ci", "cp850_general_ci", "cp852_general_ci", "cp866_general_ci", "cp932_japanese_ci", "eucjpms_japanese_ci",
        "euckr_korean_ci", "gb18030_chinese_ci", "gb2312_chinese_ci", "gbk_chinese_ci", "greek_general_ci", "hebrew_general_ci",
        "koi8r_general_ci", "koi8u_general_ci", "latin1_swedish_ci", "latin2_general_ci", "latin5_turkish_ci", "latin7_general_ci",
        "sjis_japanese_ci", "tis620_thai_ci", "ucs2_general_ci", "ujis_japanese_ci", "utf16_general_ci", "utf16le_general_ci",
        "utf32_general_ci", "utf8_general_ci", "utf8mb3_general_ci", "utf8mb3_uca1400_ai_ci",
    ]

    static let defaultCollations: Set<String> = ["utf8mb4_general_ci", "utf8mb4_0900_ai_ci", "utf8mb4_uca1400_ai_ci"]

    /// MariaDB quotes literals and writes expressions plainly; MySQL writes literals plainly and marks expressions.
    private func initial(_ text: String?, extra: String, type: ColumnType) -> ColumnShape.Default? {
        guard let text else { return nil }
        let lower = text.lowercased()
        if lower.hasPrefix("current_timestamp") || lower.hasPrefix("now(") { return .currentTimestamp }
        if lower.hasPrefix("curdate(") || lower.hasPrefix("(curdate(") { return .currentDate }
        // `b'101'`, the same in both.
        if case .bits = type, lower.hasPrefix("b'"), lower.hasSuffix("'") { return .literal(String(text.dropFirst(2).dropLast())) }
        if case .bits = type, let number = UInt64(text) { return .literal(String(number, radix: 2)) }
        if case .bytes = type, let bytes = Self.hexLiteral(text, isQuoted: isMariaDB) { return .literal(bytes) }
        // A character set in front of a string, which MySQL shows with its quotes escaped.
        if let quote = lower.firstIndex(of: "'"), lower.hasPrefix("_utf8"),
            lower[..<quote].allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" || $0 == "\\" })
        {
            let string = text[text.firstIndex(of: "'")!...].replacing("\\'", with: "'")
            if string.hasSuffix("'"), !string.dropFirst().dropLast().contains("'") { return .literal(Self.unquoted(String(string))) }
        }
        if server.quotesDefaults {
            if lower == "null" { return nil }
            if text.hasPrefix("'"), text.hasSuffix("'"), text.count >= 2 { return .literal(Self.unquoted(text)) }
            if Double(text) != nil { return .literal(text) }
            return .expression(text)
        }
        if extra.contains("default_generated") { return .expression(text) }
        return .literal(text)
    }

    /// Bytes as `\\x6162`, from a quoted string or `0x6162`.
    private static func hexLiteral(_ text: String, isQuoted: Bool) -> String? {
        let lower = text.lowercased()
        if lower.hasPrefix("0x") { return "\\x" + lower.dropFirst(2) }
        if lower.hasPrefix("x'"), lower.hasSuffix("'") { return "\\x" + lower.dropFirst(2).dropLast() }
        guard isQuoted, text.hasPrefix("'"), text.hasSuffix("'"), text.count >= 2 else { return nil }
        var buffer = ByteBuffer()
        var plain = unquoted(text)
        plain.withUTF8 { buffer.append(hex: $0) }
        return "\\x" + buffer.string
    }

    /// The values of `enum('a','b')`.
    private static func labels(_ declaration: String) -> [String] {
        var labels: [String] = []
        var label: String?
        var isAfterQuote = false
        for character in declaration {
            guard let open = label else {
                if character == "'" { label = "" }
                continue
            }
            if character == "'" {
                // A quote within is doubled.
                if isAfterQuote { label = open + "'" }
                isAfterQuote.toggle()
            } else if isAfterQuote {
                labels.append(open)
                (label, isAfterQuote) = (nil, false)
            } else {
                label = open + String(character)
            }
        }
        return labels
    }

    private static func unquoted(_ text: String) -> String {
        var result = ""
        var isEscaped = false
        var isAfterQuote = false
        for character in text.dropFirst().dropLast() {
            if isEscaped {
                result.append(
                    character == "n" ? "\n" : character == "t" ? "\t" : character == "0" ? "\0" : character == "r" ? "\r" : character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "'" {
                // A quote within is doubled.
                if isAfterQuote { result.append("'") }
                isAfterQuote.toggle()
            } else {
                result.append(character)
            }
        }
        return result
    }

    // MARK: Keys

    private func indexRows(of table: TableName) throws -> [[String?]] {
        let rows = try indexRows(
            schema: requiredDatabase(table.schema), "AND table_name = \(dialect.literal(table.name))", doing: "read the indexes of \(table)"
        )
        // As with columns: the comparison ignores case.
        let exact = rows.filter { $0[5] == table.name }
        return exact.isEmpty ? rows : exact
    }

    /// What ``indexShapes(_:statement:)`` takes, and the table's name last.
    func indexRows(schema: String, _ condition: String, doing: @autoclosure () -> String) throws -> [[String?]] {
        try rows(
            """
            SELECT index_name, non_unique, column_name, sub_part, index_type, table_name, collation, index_comment FROM information_schema.statistics
            WHERE table_schema = \(dialect.literal(schema)) \(condition) ORDER BY table_name, index_name, seq_in_index
            """, doing: doing())
    }

    struct Keys {
        var primary: [String] = []
        /// Where it covers prefixes of columns.
        var primaryDefinition: String?
        var indexes: [IndexShape] = []
    }

    /// `statement` is asked for the table's declaration only if an index of it needs more than columns; with `lines`, every
    /// index is compared with its own.
    func indexShapes(_ rows: [[String?]], lines known: [MySQLKeyLine]? = nil, statement: () throws -> String) throws -> Keys {
        var lines = known
        var keys = Keys()
        var order: [String] = []
        var shapes: [String: IndexShape] = [:]
        var needsLine: Set<String> = []
        var primary: [String] = []
        for row in rows {
            let name = row[0]!
            if name == "PRIMARY" {
                guard let column = row[2] else { continue }
                keys.primary.append(column)
                primary.append(dialect.quote(column) + (row[3].map { "(\($0))" } ?? ""))
                continue
            }
            if shapes[name] == nil {
                order.append(name)
                shapes[name] = IndexShape(name: name, columns: [], unique: row[1] == "0")
            }
            let isPlain = row[2] != nil && row[3] == nil && ["BTREE", "HASH"].contains(row[4])
            if row[6] == "D" || row[7]?.isEmpty == false { needsLine.insert(name) }
            if isPlain, shapes[name]!.definition == nil {
                shapes[name]!.columns.append(row[2]!)
            } else {
                if lines == nil { lines = MySQLKeyLine.all(in: try statement()) }
                shapes[name]!.definition = lines?.first { $0.name == name }?.text ?? ""
                shapes[name]!.columns = []
            }
        }
        if primary != keys.primary.map(dialect.quote) { keys.primaryDefinition = "PRIMARY KEY (\(primary.joined(separator: ", ")))" }
        for name in order where shapes[name]!.definition == nil && (known != nil || needsLine.contains(name)) {
            if lines == nil { lines = MySQLKeyLine.all(in: try statement()) }
            let shape = shapes[name]!
            let plain =
                "\(shape.unique ? "UNIQUE " : "")KEY \(dialect.quote(name)) (\(shape.columns.map(dialect.quote).joined(separator: ",")))"
            // Descending, with a comment, ignored, and so on.
            if let text = lines?.first(where: { $0.name == name })?.text, text != plain { shapes[name]!.definition = text }
        }
        keys.indexes = order.compactMap { shapes[$0] }.filter { $0.definition != "" }
        return keys
    }

    func foreignKeyShapes(_ table: TableName) throws -> [ForeignKeyShape] {
        let schema = try requiredDatabase(table.schema)
        // Both tables of information_schema are looked up by name, not walked.
        let name = dialect.literal(table.name)
        let rows = try foreignKeyRows(
            schema: schema, "AND k.table_name = \(name) AND r.constraint_schema = \(dialect.literal(schema)) AND r.table_name = \(name)",
            doing: "read the foreign keys of \(table)")
        let exact = rows.filter { $0[7] == table.name }
        return foreignKeyShapes(exact.isEmpty ? rows : exact, of: table, in: schema)
    }

    /// What ``foreignKeyShapes(_:of:in:)`` takes, and the table's name last.
    func foreignKeyRows(schema: String, _ condition: String, doing: @autoclosure () -> String) throws -> [[String?]] {
        try rows(
            """
            SELECT k.constraint_name, k.column_name, k.referenced_table_schema, k.referenced_table_name,
            k.referenced_column_name, r.delete_rule, r.update_rule, k.table_name
            FROM information_schema.key_column_usage k
            JOIN information_schema.referential_constraints r
            ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name
            WHERE k.table_schema = \(dialect.literal(schema)) \(condition)
            AND k.referenced_table_name IS NOT NULL
            ORDER BY k.table_name, k.constraint_name, k.ordinal_position
            """, doing: doing())
    }

    func foreignKeyShapes(_ rows: [[String?]], of table: TableName, in schema: String) -> [ForeignKeyShape] {
        var keys: [ForeignKeyShape] = []
        for row in rows {
            if keys.last?.name != row[0] {
                let other = TableName(schema: row[2] == schema ? table.schema : row[2], row[3]!)
                var key = ForeignKeyShape(name: row[0]!, columns: [], references: other, referencedColumns: [])
                key.onDelete = row[5]
                key.onUpdate = row[6]
                keys.append(key)
            }
            keys[keys.count - 1].columns.append(row[1]!)
            keys[keys.count - 1].referencedColumns.append(row[4]!)
        }
        return keys
    }
}

extension TableShape {
    mutating func take(_ keys: MySQLSession.Keys) {
        primaryKey = keys.primary
        primaryKeyDefinition = keys.primaryDefinition
        indexes = keys.indexes
        // The end of a row's time is in every key of a versioned table; among the rows of now it tells nothing apart.
        guard let end = columns.first(where: { $0.native.hasSuffix(" AS ROW END") })?.name else { return }
        if primaryKey.count > 1 { primaryKey.removeAll { $0 == end } }
        for index in indexes.indices where indexes[index].columns.count > 1 {
            indexes[index].columns.removeAll { $0 == end }
            indexes[index].definition = nil
        }
    }

    mutating func take(_ declaration: MySQLDeclaration, triggers: [TableTrait], next: String?) {
        let checks = declaration.checks(columns)
        if !checks.isEmpty { self.checks = checks }
        let traits = declaration.traits + triggers
        if !traits.isEmpty { self.traits = traits }
        guard let next = declaration.nextIdentity ?? next, next != "1", let index = columns.firstIndex(where: \.identity) else { return }
        columns[index].counter = CounterShape(next: next)
    }
}
