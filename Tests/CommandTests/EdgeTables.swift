/// A MariaDB table of values at the edges of their types, and how every system shows them.
struct EdgeTable: Sendable {
    /// How a value is asked for in a form that is the same everywhere.
    enum Look: Sendable {
        case number, decimal, float, moment, instant, text, bytes
        case bits(Int)
    }

    let name: String
    let columns: [(name: String, type: String, look: Look)]
    let rows: [String]
    /// The ids of the rows that a kind of target refuses, because it cannot hold them.
    var refused: [Kind: [Int]] = [:]

    var create: String {
        "CREATE TABLE \(name) (id int NOT NULL PRIMARY KEY, " + columns.map { "\($0.name) \($0.type)" }.joined(separator: ", ")
            + ") DEFAULT CHARSET utf8mb4;\n"
    }

    var insert: String {
        rows.map { "INSERT INTO \(name) (id, \(written.joined(separator: ", "))) VALUES (\($0));\n" }.joined()
    }

    /// Columns that the server does not compute.
    private var written: [String] { columns.filter { !$0.type.contains(" AS (") }.map(\.name) }

    /// The same without the columns that the server computes.
    var plain: EdgeTable {
        EdgeTable(name: name, columns: columns.filter { !$0.type.contains(" AS (") }, rows: rows, refused: refused)
    }

    func select(_ kind: Kind) -> String {
        let shown = columns.map { "coalesce(\(EdgeTable.shown($0.name, $0.look, kind)), 'NULL')" }
        return (kind == .mariadb ? "SET time_zone = '+00:00';" : "")
            + "SELECT id, \(shown.joined(separator: ", ")) FROM \(name) ORDER BY id"
    }

    private static func shown(_ name: String, _ look: Look, _ kind: Kind) -> String {
        switch (look, kind) {
        case (.float, .mariadb): "\(name) + 0e0"
        case (.float, .postgres): "\(name)::float8::text"
        case (.float, _): "CASE WHEN \(name) IS NOT NULL THEN 'x' || hex(ieee754_to_blob(\(name))) END"
        case (.bits(let count), .mariadb): "lpad(bin(\(name) + 0), \(count), '0')"
        case (.text, .mariadb): "hex(convert(\(name) USING utf8mb4))"
        case (.text, .postgres): "upper(encode(convert_to(\(name)::text, 'UTF8'), 'hex'))"
        case (.bytes, .sqlite), (.text, .sqlite): "CASE WHEN \(name) IS NOT NULL THEN hex(\(name)) END"
        case (.bytes, .mariadb): "hex(\(name))"
        case (.bytes, .postgres): "upper(encode(\(name), 'hex'))"
        case (.instant, .postgres): "(\(name) AT TIME ZONE 'UTC')::text"
        case (_, .postgres): "\(name)::text"
        case (_, .mariadb): "cast(\(name) AS char)"
        default: "cast(\(name) AS text)"
        }
    }

    /// One text for all texts of a value.
    func canonical(_ row: [String]) -> [String] {
        row.enumerated().map { index, text in
            guard index > 0, text != "NULL" else { return text }
            switch columns[index - 1].look {
            case .float:
                if text.hasPrefix("x") { return String(UInt64(text.dropFirst(), radix: 16) ?? 0) }
                return Double(text).map { $0 == 0 ? "0" : String($0.bitPattern) } ?? text
            // The zeros of ZEROFILL are how MariaDB shows a number; a number of SQLite has no scale.
            case .number: return EdgeTable.digits(text)
            case .decimal:
                let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
                let fraction = parts.count > 1 ? EdgeTable.withoutZeros(parts[1]) : ""
                return EdgeTable.digits(parts[0]) + (fraction.isEmpty ? "" : "." + fraction)
            case .moment, .instant:
                let moment = text.hasSuffix("Z") ? String(text.dropLast()) : text
                guard let point = moment.firstIndex(of: ".") else { return moment }
                let fraction = EdgeTable.withoutZeros(String(moment[point...].dropFirst()))
                return moment[..<point] + (fraction.isEmpty ? "" : "." + fraction)
            case .text, .bytes, .bits: return text
            }
        }
    }

    private static func withoutZeros(_ fraction: String) -> String {
        String(fraction.reversed().drop { $0 == "0" }.reversed())
    }

    private static func digits(_ text: String) -> String {
        let sign = text.hasPrefix("-") ? "-" : ""
        let digits = text.dropFirst(sign.count).drop { $0 == "0" }
        return sign + (digits.isEmpty ? "0" : digits)
    }

    static let everyByte = (0...255).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()

    static let all: [EdgeTable] = [
        EdgeTable(
            name: "integers",
            columns: [
                ("a", "tinyint", .number), ("b", "tinyint unsigned", .number), ("c", "smallint", .number),
                ("d", "mediumint unsigned", .number), ("e", "int", .number), ("f", "int unsigned", .number), ("g", "bigint", .number),
                ("h", "bigint unsigned", .number), ("i", "int(8) zerofill", .number), ("j", "bigint(20) zerofill", .number),
                ("k", "tinyint(1)", .number),
            ],
            rows: [
                "1, -128, 0, -32768, 0, -2147483648, 0, -9223372036854775808, 0, 0, 0, 0",
                "2, 127, 255, 32767, 16777215, 2147483647, 4294967295, 9223372036854775807, 18446744073709551615, 42, 18446744073709551615, 1",
                "3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL",
            ]),
        EdgeTable(
            name: "decimals",
            columns: [
                ("a", "decimal(65,30)", .decimal), ("b", "decimal(65,0)", .decimal), ("c", "decimal(38,38)", .decimal),
                ("d", "decimal(10,2) zerofill", .decimal), ("e", "decimal(5,2) unsigned", .decimal), ("f", "decimal(1,1)", .decimal),
            ],
            rows: [
                "1, \(String(repeating: "9", count: 35)).\(String(repeating: "9", count: 30)), -\(String(repeating: "9", count: 65)), 0.\(String(repeating: "9", count: 38)), 12.5, 999.99, -0.9",
                "2, -0.000000000000000000000000000001, 1, -0.00000000000000000000000000000000000001, 0, 0, 0.1",
                "3, NULL, NULL, NULL, NULL, NULL, NULL", "4, 1.5, 10, 0.5, 99999999.99, 0.10, 0",
            ]),
        EdgeTable(
            name: "floats",
            columns: [("a", "float", .float), ("b", "double", .float), ("c", "float(7,2)", .float), ("d", "double(10,3)", .float)],
            rows: [
                "1, 3.4028234e38, 1.7976931348623157e308, 12345.67, 1234567.891", "2, 1.17549435e-38, 2.2250738585072014e-308, -0.01, 0.5",
                "3, 1e-45, 4.9e-324, 0, 0", "4, 0.1, 0.1, 0.1, 0.1", "5, 16777217, 9007199254740993, NULL, NULL",
            ]),
        EdgeTable(
            name: "bits",
            columns: [("a", "bit(1)", .bits(1)), ("b", "bit(9)", .bits(9)), ("c", "bit(64)", .bits(64)), ("d", "bit(8)", .bits(8))],
            rows: [
                "1, b'0', b'000000010', b'1', b'0'", "2, b'1', b'111111111', 18446744073709551615, b'11111111'",
                "3, NULL, NULL, NULL, b'00001010'",
            ]),
        EdgeTable(
            name: "times",
            columns: [
                ("a", "date", .moment), ("b", "datetime", .moment), ("c", "datetime(6)", .moment), ("d", "timestamp NULL", .instant),
                ("e", "timestamp(6) NULL", .instant), ("f", "time", .moment), ("g", "time(6)", .moment), ("h", "year", .number),
            ],
            rows: [
                "1, '1000-01-01', '1000-01-01 00:00:00', '1000-01-01 00:00:00.000001', '1970-01-01 00:00:01', '1970-01-01 00:00:01.000001', '-838:59:59', '-838:59:59', 1901",
                "2, '9999-12-31', '9999-12-31 23:59:59', '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07', '2038-01-19 03:14:07.999999', '838:59:59', '838:59:59', 2155",
                "3, '0001-01-01', '2024-02-29 12:00:00', '2024-02-29 12:00:00.5', '2024-02-29 12:00:00', NULL, '24:00:00', '-00:00:00.000001', 0",
                "4, NULL, NULL, NULL, NULL, NULL, '00:00:00', '25:00:00.5', 2000",
            ]),
        EdgeTable(
            name: "zero_dates", columns: [("a", "date", .moment), ("b", "datetime(2)", .moment), ("c", "timestamp NULL", .moment)],
            rows: [
                "1, '0000-00-00', '0000-00-00 00:00:00', '0000-00-00 00:00:00'", "2, '2024-00-00', '2024-01-00 10:00:00.25', NULL",
                "3, '2024-01-02', '2024-01-02 00:00:00', NULL",
            ], refused: [.postgres: [1, 2]]),
        EdgeTable(
            name: "members",
            columns: [
                ("a", "enum('a','B','with space','quote''s','ü雨','1','','0')", .text), ("b", "set('x','y z','it''s','雨','1')", .text),
                ("c", "enum('n','y') NOT NULL DEFAULT 'n'", .text),
            ],
            rows: [
                "1, 'a', 'x', 'y'", "2, 'quote''s', 'y z,it''s,雨', 'n'", "3, 'ü雨', '', 'y'", "4, '', '1', 'n'", "5, '1', 'x,1', 'n'",
                "6, NULL, NULL, 'n'", "7, '0', '雨', 'y'", "8, 'B', 'x', 'n'",
            ]),
        EdgeTable(
            name: "texts",
            columns: [
                ("a", "varchar(20)", .text), ("b", "text", .text), ("c", "varchar(20) CHARACTER SET latin1", .text),
                ("d", "varchar(20) CHARACTER SET gbk", .text), ("e", "char(5)", .text), ("f", "varchar(20) CHARACTER SET utf16", .text),
                ("g", "longtext", .text), ("h", "varchar(0)", .text),
            ],
            rows: [
                "1, '雨燕😀', '😀\\n\\r\\t\\\\\\'\"', 'ÄÖÜ€', '雨燕', 'ab', '😀雨', repeat('x', 100000), ''",
                "2, '', '', ' ', '', '', '', '', NULL",
                "3, 'a\\0b', 'x', '\\\\N', 'NULL', 'x', 'x', NULL, ''", "4, 'trail  ', '  lead', '\\\\', '007', '  a', ' ', '\\\\.', NULL",
                "5, '1e5', 'TRUE', '\\\\x41', 'null', '1', '2024-06-01', '{}', NULL",
            ], refused: [.postgres: [3]]),
        EdgeTable(
            name: "octets",
            columns: [
                ("a", "blob", .bytes), ("b", "binary(4)", .bytes), ("c", "varbinary(300)", .bytes), ("d", "longblob", .bytes),
            ],
            rows: [
                "1, x'\(everyByte)', 'a', '\\\\x41', NULL", "2, '', x'00000000', '', '\\\\x00ff'", "3, NULL, NULL, NULL, NULL",
            ]),
        EdgeTable(
            name: "documents", columns: [("a", "json", .text), ("b", "longtext", .text)],
            rows: [
                "1, 'null', 'null'", "2, NULL, NULL", "3, '{\"b\": 1.10, \"a\": [1, {\"x\": null}], \"n\": 12345678901234567890}', '{}'",
                "4, '\"text\"', 'x'", "5, '1e400', ''", "6, '[]', '[]'", "7, '\"雨😀\\\\u0001\"', 'true'", "8, 'true', '1'",
            ]),
        EdgeTable(
            name: "odd",
            columns: [
                ("a", "int", .number), ("v", "int AS (a * 2) VIRTUAL", .number), ("s", "varchar(10) AS (concat(a, 'x')) STORED", .text),
                ("h", "int INVISIBLE DEFAULT 7", .number), ("g", "geometry", .bytes), ("u", "uuid", .text), ("i", "inet4", .text),
                ("j", "inet6", .text),
            ],
            rows: [
                "1, 5, 9, st_geomfromtext('POLYGON((0 0,1 0,1 1,0 0))'), '0f8fad5b-d9cb-469f-a165-70867728950e', '192.168.1.5', '2001:db8::ff'",
                "2, NULL, NULL, NULL, NULL, NULL, NULL",
            ]),
    ]
}
