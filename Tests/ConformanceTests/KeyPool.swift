import ApusTesting
import Testing

/// Values of a key's type, as SQL literals: extremes, values that text and server may see differently, and random ones.
struct KeyPool: Sendable, CustomTestStringConvertible {
    let system: System
    let type: String
    let values: [String]
    /// The column is no key that can be cut: the source refuses it, or reads one slice.
    var cuts = true
    var testDescription: String { "\(system.rawValue) \(type)" }

    init(_ system: System, _ type: String, _ values: [String], cuts: Bool = true) {
        self.system = system
        self.type = type
        self.values = values
        self.cuts = cuts
    }

    private static func numbers(_ range: ClosedRange<Int>, _ count: Int = 30) -> [String] {
        var random = SeededGenerator(seed: 9)
        return (0..<count).map { _ in String(Int.random(in: range, using: &random)) }
    }

    private static func quoted(_ values: [String]) -> [String] { values.map { "'" + $0.replacing("'", with: "''") + "'" } }

    private static let words: [String] = {
        var random = SeededGenerator(seed: 11)
        let letters = Array("abcABCéÉäßzZ-_%~ 019雨燕ñÑ")
        let made = (0..<40).map { _ in
            String((0..<Int.random(in: 1...6, using: &random)).map { _ in letters.randomElement(using: &random)! })
        }
        return quoted(made + ["", " ", "  ", "a", "A", "a ", "á", "ss", "ß", "it's", "\\", "NULL", "0", "\t", "z\u{7f}", "😀"])
    }()

    private static let latin = quoted(["", " ", "a", "A", "a ", "b", "z", "Z", "-", "_", "0", "it's", "~"] + numbers(0...99))

    private static func binary(_ prefix: String) -> [String] {
        let hexadecimal = ["00", "01", "7f", "80", "ff", "00ff", "ff00", "8000", "c3bf", "c3", "27", "5c", "5c27", "e4b880", "20", "2020"]
        var random = SeededGenerator(seed: 13)
        let made = (0..<30).map { _ in
            (0..<Int.random(in: 1...8, using: &random)).map { _ in
                let digits = String(UInt8.random(in: 0...255, using: &random), radix: 16)
                return digits.count == 1 ? "0" + digits : digits
            }.joined()
        }
        return (hexadecimal + made).map { "\(prefix)\($0)'" }
    }

    private static let dates = quoted(["1000-01-01", "1970-01-01", "1969-12-31", "2000-02-29", "2024-10-27", "2038-01-19", "9999-12-31"])
    /// The hour that clocks in Europe show twice, and the one that they leave out, in UTC.
    private static let instants =
        [
            "1970-01-01 00:00:01", "2024-03-31 00:59:59", "2024-03-31 01:00:00", "2024-10-27 00:00:00", "2024-10-27 00:10:00",
            "2024-10-27 00:30:00.5", "2024-10-27 00:59:59.999999", "2024-10-27 01:00:00", "2024-10-27 01:10:00", "2024-10-27 01:30:00.5",
            "2024-10-27 01:59:59.999999", "2024-11-03 05:30:00", "2024-11-03 06:30:00", "2038-01-19 03:14:07",
        ] + (0..<30).map { "2024-10-27 0\($0 / 15):\(10 + $0):00" }

    static let all: [KeyPool] = mysql + postgres + sqlite + starrocks

    private static let mysql: [KeyPool] =
        [
            KeyPool(.mysql, "tinyint", ["-128", "127", "0"] + numbers(-128...127)),
            KeyPool(.mysql, "tinyint(1)", ["0", "1"]),
            KeyPool(.mysql, "smallint unsigned zerofill", ["0", "65535"] + numbers(0...65535)),
            KeyPool(.mysql, "mediumint", ["-8388608", "8388607"] + numbers(-9...9)),
            KeyPool(.mysql, "int", ["-2147483648", "2147483647", "0"] + numbers(-1000...1000)),
            KeyPool(.mysql, "bigint", ["-9223372036854775808", "9223372036854775807", "0", "-1"] + numbers(Int.min...Int.max)),
            KeyPool(
                .mysql, "bigint unsigned",
                ["0", "18446744073709551615", "18446744073709551614", "9223372036854775808"] + numbers(0...Int.max)),
            KeyPool(
                .mysql, "decimal(30,10)", ["0.0000000001", "-0.0000000001", "0", "99999999999999999999.9999999999"] + numbers(-99...99)),
            KeyPool(.mysql, "double", ["0.1", "-0.0", "1e308", "-1e308", "5e-324"] + numbers(-9...9), cuts: false),
            KeyPool(.mysql, "float", ["0.1", "-0.0", "1e38", "16777217"] + numbers(-9...9), cuts: false),
            KeyPool(.mysql, "date", dates + ["'0000-00-00'"]),
            KeyPool(.mysql, "datetime(6)", instants.map { "'\($0)'" } + ["'0000-00-00'", "'9999-12-31 23:59:59.999999'"]),
            KeyPool(.mysql, "timestamp(6) NULL", instants.map { "'\($0)'" }),
            KeyPool(
                .mysql, "time(6)",
                quoted(
                    ["-838:59:59", "838:59:59", "00:00:00", "-00:00:00.000001", "24:00:00", "08:00:00.5"]
                        + (10..<50).map { "\($0 - 30):00:0\($0 % 10)" })),
            KeyPool(
                .mysql, "year",
                ["0", "1901", "2155", "1970", "1999", "2000", "2001", "2002", "2010", "2020", "2021", "2030", "2069", "2070"]),
            KeyPool(.mysql, "bit(1)", ["b'0'", "b'1'"]),
            KeyPool(.mysql, "bit(64)", ["0", "18446744073709551615", "9223372036854775808", "39"] + numbers(0...Int.max)),
            KeyPool(.mysql, "enum('b','a','10','9','C')", quoted(["b", "a", "10", "9", "C"]), cuts: false),
            KeyPool(.mysql, "set('b','a','c')", quoted(["b", "a", "c", "b,a", "a,c", ""]), cuts: false),
            KeyPool(.mysql, "binary(4)", binary("x'").filter { $0.count <= 11 }),
            KeyPool(.mysql, "varbinary(20)", binary("x'") + ["''"]),
            KeyPool(.mysql, "blob", binary("x'")),
            KeyPool(.mysql, "text", words),
            KeyPool(.mysql, "uuid", (0..<40).map { "md5('\($0)')" }),
            KeyPool(.mysql, "inet6", quoted(["::1", "ffff::", "10::"]), cuts: false),
            KeyPool(.mysql, "char(20) character set latin1", latin),
            KeyPool(.mysql, "varchar(20) character set gbk", latin + quoted(["雨", "燕", "一"])),
            KeyPool(.mysql, "varchar(20) character set ucs2", latin + quoted(["雨", "燕"])),
        ]
        + [
            "utf8mb4_bin", "utf8mb4_general_ci", "utf8mb4_unicode_ci", "utf8mb4_unicode_520_nopad_ci", "utf8mb4_nopad_bin",
            "utf8mb4_german2_ci",
            "utf8mb4_turkish_ci", "utf8mb4_czech_ci", "utf8mb4_uca1400_ai_ci",
        ].map { KeyPool(.mysql, "varchar(20) collate \($0)", words) }

    private static let postgres: [KeyPool] =
        [
            KeyPool(.postgres, "smallint", ["-32768", "32767", "0"] + numbers(-99...99)),
            KeyPool(.postgres, "int", ["-2147483648", "2147483647"] + numbers(-99...99)),
            KeyPool(.postgres, "bigint", ["'-9223372036854775808'", "9223372036854775807"] + numbers(Int.min...Int.max).map { "'\($0)'" }),
            KeyPool(
                .postgres, "numeric", ["'NaN'", "'Infinity'", "'-Infinity'", "1e-30", "-1e-30", "1e40", "0", "0.00"] + numbers(-9...9)),
            KeyPool(.postgres, "real", ["'NaN'", "'Infinity'", "'-0'", "0", "0.1", "'1e38'"], cuts: false),
            KeyPool(.postgres, "double precision", ["'NaN'", "'-Infinity'", "'-0'", "0", "0.1", "'5e-324'"], cuts: false),
            KeyPool(.postgres, "boolean", ["true", "false"]),
            KeyPool(.postgres, "date", dates + ["'infinity'", "'-infinity'", "'0044-03-15 BC'", "'5874897-12-31'"]),
            KeyPool(.postgres, "timestamp", instants.map { "'\($0)'" } + ["'infinity'", "'4713-01-01 00:00:00 BC'", "'294276-12-31'"]),
            KeyPool(
                .postgres, "timestamptz",
                instants.map { "'\($0)+00'" } + ["'infinity'", "'-infinity'", "'1850-01-01 00:00:00+00'", "'4713-01-02 BC'"]),
            KeyPool(.postgres, "time", quoted(["00:00", "24:00", "23:59:59.999999", "08:00:00.5"])),
            KeyPool(.postgres, "timetz", quoted(["00:00+00", "24:00+14", "08:00-05", "08:00+05", "13:00+00", "08:00:00+00:00:30"])),
            KeyPool(.postgres, "interval", quoted(["1 mon", "30 days", "-1 day", "-1 mon 5 days -00:00:01", "720:00:00", "0", "1 year"])),
            KeyPool(.postgres, "uuid", (0..<40).map { "md5('\($0)')::uuid" }),
            KeyPool(.postgres, "bytea", binary("'\\x") + ["''"]),
            KeyPool(.postgres, "bit(3)", ["B'000'", "B'101'", "B'111'", "B'010'"]),
            KeyPool(.postgres, "varbit", ["B''", "B'0'", "B'00'", "B'1'", "B'101'", "B'1000000000'"]),
            KeyPool(.postgres, "inet", quoted(["192.168.1.5", "192.168.1.5/24", "10.0.0.0/8", "::1", "fe80::/10", "255.255.255.255"])),
            KeyPool(.postgres, "macaddr", quoted(["08:00:2b:01:02:03", "ff:00:00:00:00:00", "00:00:00:00:00:00"])),
            KeyPool(.postgres, "char(10)", words.filter { $0.count < 10 }),
            KeyPool(.postgres, "\"char\"", quoted(["a", "b", "Z", "\u{01}", "'", "\\"])),
            KeyPool(.postgres, "name", words),
            KeyPool(.postgres, "grade", quoted(["low", "b", "a", "HIGH"])),
            KeyPool(.postgres, "even", ["0", "2", "-4", "100"]),
            KeyPool(.postgres, "int[]", quoted(["{}", "{1}", "{1,2}", "{NULL,2}", "{10}", "{9}"])),
            KeyPool(.postgres, "text[]", quoted(["{}", "{\"a b\"}", "{\"\"}", "{NULL}", "{\"\\\\\",\"'\"}", "{\"NULL\"}"])),
            KeyPool(.postgres, "jsonb", quoted(["null", "1", "\"a\"", "{\"a\": 1}", "[]", "true"])),
            KeyPool(.postgres, "int4range", quoted(["empty", "[1,5)", "(,5)", "[1,)", "(,)"])),
            KeyPool(.postgres, "pair", quoted(["(1,a)", "(1,)", "(2,\"b c\")", "(,z)"]), cuts: false),
            KeyPool(.postgres, "money", quoted(["0", "-1.05", "12345678.90", "1000"])),
            KeyPool(.postgres, "json", quoted(["null", "1"]), cuts: false),
        ] + collations.map { KeyPool(.postgres, "text collate \($0)", words) }

    private static let collations =
        ["\"C\""] + (PostgresServer.lacking.contains("icu") ? [] : ["\"en-x-icu\"", "\"de-x-icu\"", "\"und-x-icu\"", "folded"])

    private static let sqlite: [KeyPool] = {
        let mixed =
            [
                "0", "1", "-1", "9223372036854775807", "-9223372036854775808", "9007199254740993", "0.1", "-0.0", "1e308", "9e999",
                "-9e999",
                "1e-320", "''", "'0'", "'10'", "'9'", "'1e3'", "'Inf'", "'x''41'''", "x''", "x'00'", "x'ff'", "x'3130'",
                "CAST(x'610062' AS TEXT)",
                "CAST(x'6100' AS TEXT)", "CAST(x'ff61' AS TEXT)",
            ] + words + numbers(-99...99)
        return [
            "", "INTEGER", "TEXT", "NUMERIC", "REAL", "BLOB", "DATE", "BOOLEAN", "VARCHAR(20) COLLATE NOCASE", "TEXT COLLATE RTRIM",
            "DECIMAL(10,2)",
        ]
        .map { KeyPool(.sqlite, $0, mixed) }
    }()

    private static let starrocks: [KeyPool] = [
        KeyPool(.starrocks, "TINYINT", ["-128", "127", "0"] + numbers(-128...127)),
        KeyPool(.starrocks, "BIGINT", ["-9223372036854775807", "9223372036854775807", "0"] + numbers(-999...999)),
        KeyPool(
            .starrocks, "LARGEINT",
            ["170141183460469231731687303715884105727", "-170141183460469231731687303715884105727", "0"] + numbers(0...99)),
        KeyPool(.starrocks, "DECIMAL(20,4)", ["0.0001", "-0.0001", "9999999999999999.9999"] + numbers(-99...99)),
        KeyPool(.starrocks, "BOOLEAN", ["true", "false"]),
        KeyPool(.starrocks, "DATE", dates),
        KeyPool(.starrocks, "DATETIME", instants.map { "'\($0)'" }),
        KeyPool(.starrocks, "VARCHAR(40)", words),
        KeyPool(.starrocks, "DOUBLE", ["0.1", "-0.0", "1e300"], cuts: false),
    ]

    /// Statements that other statements of the table's need.
    private var preamble: String {
        switch system {
        case .postgres:
            """
            \(type.hasSuffix("folded") ? "CREATE COLLATION IF NOT EXISTS folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);" : "")
            DO $$ BEGIN CREATE TYPE grade AS ENUM ('low', 'b', 'a', 'HIGH'); CREATE DOMAIN even AS int CHECK (VALUE % 2 = 0);
            CREATE TYPE pair AS (a int, b text); EXCEPTION WHEN duplicate_object THEN NULL; END $$;
            """
        case .mysql: "SET sql_mode = 'NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,ANSI_QUOTES';"
        default: ""
        }
    }

    static let rows = 1300

    /// Makes `t`, in which some values have many rows and some rows have no value, and its key an index of its own or none.
    func make(in place: Place) throws {
        let nullable = system == .starrocks ? " NULL" : ""
        let list = values.enumerated().map { "(\($0), \($1))" }.joined(separator: ", ")
        if system == .starrocks {
            let rows = (1...400).map { row in
                let value = row % 11 == 0 ? "NULL" : row % 3 == 0 ? values[0] : values[row * row % values.count]
                return "(\(row), \(value))"
            }
            try place.run(
                "CREATE TABLE t (n INT NOT NULL, k \(type)\(nullable)) DUPLICATE KEY(n) DISTRIBUTED BY HASH(n) BUCKETS 1; INSERT INTO t VALUES \(rows.joined(separator: ", "));"
            )
            return
        }
        try place.run(
            """
            \(preamble)
            CREATE TABLE p (i int NOT NULL, k \(type)); INSERT INTO p VALUES \(list);
            \(system.recursionLimit(Self.rows))
            CREATE TABLE t (n int NOT NULL, k \(type));
            INSERT INTO t WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < \(Self.rows))
              SELECT n, (SELECT k FROM p WHERE i = CASE WHEN n % 11 = 0 THEN -1 WHEN n % 3 = 0 THEN 0 ELSE n * n % \(values.count) END) FROM s;
            CREATE TABLE u (n int NOT NULL, k \(type)); INSERT INTO u SELECT n, k FROM t;
            \(indexSQL)
            """)
    }

    private var indexSQL: String {
        switch system {
        case .mysql: type == "blob" || type == "text" ? "CREATE INDEX ui ON u (k(10));" : "CREATE INDEX ui ON u (k);"
        case .postgres: type == "json" ? "" : "CREATE INDEX ui ON u (k);"
        default: "CREATE INDEX ui ON u (k);"
        }
    }

    var tables: [String] { system == .starrocks ? ["t"] : ["t", "u"] }
}
