import ApusCore
import Tabular

/// The columns of a table as rows are written to them.
struct MySQLTarget {
    struct Item {
        var name: String
        var type: ColumnType
        /// LOAD DATA takes octets as they are; what is not UTF-8 in the table must be told to be UTF-8 on the way.
        var isConverted: Bool
        var nullable: Bool
        /// A YEAR takes the text `0` for 2000, and `0000` for what it is.
        var isYear: Bool
        /// What the server would change without an error.
        var check: MySQLCheck?
    }

    var table: TableName
    var items: [Item]
    /// Whether rows could meet a row of another key: see ``keyGuard(_:_:)``.
    var guardsKey = false
    var runsSubqueriesEarly = false
    var schema: Schema { Schema(items.map { Column($0.name, $0.type, nullable: $0.nullable) }) }

    init(_ table: TableName, _ items: [Item]) {
        self.table = table
        self.items = items
    }

    /// `LOAD DATA LOCAL INFILE` into another table of the same columns, if given.
    ///
    /// The file's character set is `binary`, so that no octet of a value is read as part of a character: text lands
    /// in utf8mb4 columns as it is (and is checked there), octets in binary ones.
    func loadSQL(into other: TableName? = nil, _ duplicates: Duplicates, run: String, _ dialect: MySQLDialect) -> String {
        let keyword = duplicates == .replace ? "REPLACE " : duplicates == .ignore ? "IGNORE " : ""
        var sql =
            "\(Self.sign(run)) LOAD DATA LOCAL INFILE 'apus' \(keyword)INTO TABLE \(dialect.quote(other ?? table)) CHARACTER SET binary "
        sql += "FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' ("
        sql += items.enumerated().map { $1.isConverted ? "@apus_\($0)" : dialect.quote($1.name) }.joined(separator: ", ") + ")"
        let set = items.enumerated().filter(\.element.isConverted).map {
            "\(dialect.quote($1.name)) = CONVERT(@apus_\($0) USING utf8mb4)"
        }
        return set.isEmpty ? sql : sql + " SET " + set.joined(separator: ", ")
    }

    /// A comment by which other processes of the run find the statement.
    static func sign(_ run: String) -> String { "/* apus run \(run.filter { $0.isLetter || $0.isNumber || $0 == "-" }) */" }

    /// FLOAT(m,d) rounds, as a DataX job has it.
    mutating func allowRounding() {
        for index in items.indices {
            if case .rounded? = items[index].check { items[index].check = nil }
        }
    }

    func columnList(_ dialect: MySQLDialect) -> String { dialect.list(items.map(\.name)) }

    /// `INSERT INTO t (a, b) VALUES `
    func insertHead(_ duplicates: Duplicates, _ dialect: MySQLDialect) -> String {
        let verb = duplicates == .replace ? "REPLACE" : duplicates == .ignore ? "INSERT IGNORE" : "INSERT"
        return "\(verb) INTO \(dialect.quote(table)) (\(columnList(dialect))) VALUES "
    }

    /// ` ON DUPLICATE KEY UPDATE …`, or nothing.
    func insertTail(_ duplicates: Duplicates, key: [String], _ dialect: MySQLDialect) -> String {
        guard duplicates == .update else { return "" }
        let others = items.map(\.name).filter { !key.contains($0) }
        let changed = others.isEmpty && !guardsKey ? items.prefix(1).map(\.name) : others
        let assigned = changed.map { "\(dialect.quote($0)) = VALUES(\(dialect.quote($0)))" }
        return " ON DUPLICATE KEY UPDATE " + (assigned + (keyGuard(key, dialect).map { [$0] } ?? [])).joined(separator: ", ")
    }

    /// Leaves the key as it is where the row that is there has the very key of the new one, and else fails with
    /// ``MySQLFault/otherKey``: the collation takes `a`, `A` and `á` for one key, or another unique key has found the row.
    private func keyGuard(_ key: [String], _ dialect: MySQLDialect) -> String? {
        guard guardsKey, let first = key.first else { return nil }
        let table = dialect.quote(table.name)
        let same = key.map { name in
            let (old, new) = ("\(table).\(dialect.quote(name))", "VALUES(\(dialect.quote(name)))")
            let isText = items.first { $0.name == name }?.type.storage == .variable
            return isText ? "CAST(\(old) AS BINARY) <=> CAST(\(new) AS BINARY)" : "\(old) <=> \(new)"
        }
        let kept = "\(table).\(dialect.quote(first))"
        // OceanBase runs a subquery before it is needed; there a number grows beyond its type.
        let failure = runsSubqueriesEarly ? "~0 + 1 + COALESCE(LENGTH(\(kept)), 0)" : "(SELECT NULL UNION ALL SELECT NULL)"
        return "\(dialect.quote(first)) = CASE WHEN \(same.joined(separator: " AND ")) THEN \(kept) ELSE \(failure) END"
    }
}

extension MySQLSession {
    /// - throws: `object.not_found` for a column that the table has not.
    func target(_ table: TableName, columns: [String]) throws -> MySQLTarget {
        let shape = try describe(table)
        let schema = try requiredDatabase(table.schema)
        let rows = try rows(
            """
            SELECT column_name, data_type, character_set_name, column_type, character_maximum_length, character_octet_length,
            numeric_scale, table_name FROM information_schema.columns
            WHERE table_schema = \(dialect.literal(schema)) AND table_name = \(dialect.literal(table.name))
            """, doing: "read the character sets of \(table)")
        let exact = rows.contains { $0[7] == table.name }
        let known = Dictionary(
            rows.filter { !exact || $0[7] == table.name }.map { ($0[0], $0) }, uniquingKeysWith: { first, _ in first })
        let items = try columns.map { name in
            guard let column = shape.column(name) else {
                throw ApusError(
                    .notFound, "\(table) has no column `\(name)`", hint: Nearest.hint(for: name, among: shape.columns.map(\.name)),
                    context: endpoint.label)
            }
            let facts = known[name]
            let isNarrow = facts?[2].map { !["utf8mb4", "utf8mb3", "utf8"].contains($0) } ?? false
            let isParsed: Bool
            switch column.type {
            case .uuid, .other: isParsed = true
            case .json: isParsed = facts?[1] == "json"
            default: isParsed = false
            }
            // A BIT is a number: the server knows which leading zeros it can do without.
            let type = if case .bits = column.type { ColumnType.bits(length: nil) } else { column.type }
            return MySQLTarget.Item(
                name: name, type: type, isConverted: isNarrow || isParsed, nullable: column.nullable,
                isYear: facts?[1] == "year", check: facts.flatMap { MySQLCheck($0) })
        }
        return MySQLTarget(table, items)
    }
}
