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
    }

    var table: TableName
    var items: [Item]
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
        let changed = others.isEmpty ? items.prefix(1).map(\.name) : others
        return " ON DUPLICATE KEY UPDATE " + changed.map { "\(dialect.quote($0)) = VALUES(\(dialect.quote($0)))" }.joined(separator: ", ")
    }
}

extension MySQLSession {
    /// - throws: `object.not_found` for a column that the table has not.
    func target(_ table: TableName, columns: [String]) throws -> MySQLTarget {
        let shape = try describe(table)
        let schema = try requiredDatabase(table.schema)
        let rows = try rows(
            """
            SELECT column_name, data_type, character_set_name FROM information_schema.columns
            WHERE table_schema = \(dialect.literal(schema)) AND table_name = \(dialect.literal(table.name))
            """, doing: "read the character sets of \(table)")
        let items = try columns.map { name in
            guard let column = shape.column(name) else {
                throw ApusError(
                    .notFound, "\(table) has no column `\(name)`", hint: Nearest.hint(for: name, among: shape.columns.map(\.name)),
                    context: endpoint.label)
            }
            let facts = rows.first { $0[0] == name }
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
                isYear: facts?[1] == "year")
        }
        return MySQLTarget(table, items)
    }
}
