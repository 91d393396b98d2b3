/// What MariaDB can hold.
extension Hard {
    private static func literal(_ text: String) -> String {
        "_utf8mb4 x'" + text.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "'"
    }

    /// What only MariaDB and plain text hold.
    private static let zeroDates: [(String, Value)] = [
        ("'0000-00-00'", "0000-00-00"), ("'2024-00-00'", "2024-00-00"), ("'2024-02-00'", "2024-02-00"), ("'2024-02-01'", "2024-02-01"),
    ]

    static let mysql: [Hard] = [
        Hard("text that looks like syntax", "longtext", .text, texts.map { (literal($0), .text($0)) } + [("NULL", nil)]),
        Hard("text with a NUL character", "text", .text, [("x'610062'", "a\0b"), ("'ok'", "ok")]).but(.postgres, [0: .rejected]),
        Hard("varchar", "varchar(5)", .text, [("'雨燕飛飛飛'", "雨燕飛飛飛"), ("''", ""), ("'🐦🐦🐦🐦🐦'", "🐦🐦🐦🐦🐦"), ("'a    '", "a    ")]),
        Hard("char", "char(5)", .text, [("'ab'", "ab"), ("''", "")]),
        Hard("gbk", "varchar(20) CHARACTER SET gbk", .text, [("'雨燕，一二三\\'", "雨燕，一二三\\"), ("'誠'", "誠")]),
        Hard("latin1", "varchar(20) CHARACTER SET latin1", .text, [("'é€ÿ'", "é€ÿ"), ("'ß'", "ß")]),
        Hard("tinyint", "tinyint", .text, [("-128", "-128"), ("127", "127"), ("NULL", nil)]),
        Hard("tinyint unsigned", "tinyint unsigned", .text, [("255", "255"), ("0", "0")]),
        Hard("tinyint(1)", "tinyint(1)", .text, [("1", "1"), ("0", "0"), ("2", "2"), ("-1", "-1")]),
        Hard("smallint", "smallint", .text, [("-32768", "-32768"), ("32767", "32767")]),
        Hard("smallint unsigned", "smallint unsigned", .text, [("65535", "65535")]),
        Hard("mediumint", "mediumint", .text, [("-8388608", "-8388608"), ("8388607", "8388607")]),
        Hard("mediumint unsigned", "mediumint unsigned", .text, [("16777215", "16777215")]),
        Hard("int", "int", .text, [("-2147483648", "-2147483648"), ("2147483647", "2147483647")]),
        Hard("int unsigned", "int unsigned zerofill", .text, [("4294967295", "4294967295")]),
        Hard(
            "bigint", "bigint", .text, [("-9223372036854775808", "-9223372036854775808"), ("9223372036854775807", "9223372036854775807")]),
        Hard(
            "bigint unsigned", "bigint unsigned", .text,
            [("18446744073709551615", "18446744073709551615"), ("9223372036854775808", "9223372036854775808"), ("0", "0"), ("NULL", nil)]),
        Hard(
            "float", "float", .single,
            [("0.1", "0.1"), ("3.4028234e38", "3.4028234e38"), ("16777217", "16777216"), ("1.1754944e-38", "1.1754944e-38"), ("NULL", nil)]),
        Hard(
            "double", "double", .float,
            [
                ("0.1", "0.1"), ("1.7976931348623157e308", "1.7976931348623157e308"), ("1e308", "1e308"),
                ("2.2250738585072014e-308", "2.2250738585072014e-308"), ("5e-324", "5e-324"), ("123456789.123456789", "123456789.12345679"),
                ("NULL", nil),
            ]),
        Hard(
            "decimal of 65 digits", "decimal(65,30)", .decimal,
            [
                (
                    "99999999999999999999999999999999999.999999999999999999999999999999",
                    "99999999999999999999999999999999999.999999999999999999999999999999"
                ),
                (
                    "-99999999999999999999999999999999999.999999999999999999999999999999",
                    "-99999999999999999999999999999999999.999999999999999999999999999999"
                ),
                ("0.000000000000000000000000000001", "0.000000000000000000000000000001"), ("0", "0"), ("NULL", nil),
            ]),
        Hard(
            "decimal without scale", "decimal(65,0)", .decimal,
            [
                (
                    "99999999999999999999999999999999999999999999999999999999999999999",
                    "99999999999999999999999999999999999999999999999999999999999999999"
                )
            ]),
        Hard(
            "dates", "date", .moment,
            [("'0001-01-01'", "0001-01-01"), ("'9999-12-31'", "9999-12-31"), ("'1969-12-31'", "1969-12-31"), ("NULL", nil)]),
        Hard("zero dates", "date", .moment, zeroDates).but([.postgres, .starrocks], [0: .rejected, 1: .rejected, 2: .rejected]),
        Hard("zero dates read as NULL", "date", .moment, zeroDates.map { $0.0 == "'2024-02-01'" ? $0 : ($0.0, nil) }).with(
            "zero_dates=null"),
        Hard(
            "zero datetimes", "datetime(6)", .moment,
            [("'0000-00-00 00:00:00'", "0000-00-00 00:00:00"), ("'2024-00-00 01:02:03.5'", "2024-00-00 01:02:03.5")]
        )
        .but([.postgres, .starrocks], [0: .rejected, 1: .rejected]),
        Hard("zero timestamps", "timestamp(6) NULL", .moment, [("'0000-00-00 00:00:00'", "0000-00-00 00:00:00"), ("NULL", nil)]).but(
            [.postgres, .starrocks], [0: .rejected]),
        Hard(
            "datetimes", "datetime(6)", .moment,
            [
                ("'0001-01-01 00:00:00'", "0001-01-01 00:00:00"), ("'9999-12-31 23:59:59.999999'", "9999-12-31 23:59:59.999999"),
                ("'1969-12-31 23:59:59.000001'", "1969-12-31 23:59:59.000001"), ("NULL", nil),
            ]),
        Hard("datetimes of milliseconds", "datetime(3)", .moment, [("'2024-06-01 10:00:00.123'", "2024-06-01 10:00:00.123")]),
        Hard(
            "timestamps", "timestamp(6) NULL", .moment,
            [
                ("'1970-01-01 00:00:01'", "1970-01-01 00:00:01"), ("'2038-01-19 03:14:07.999999'", "2038-01-19 03:14:07.999999"),
                ("'2024-03-31 01:30:00'", "2024-03-31 01:30:00"), ("'2024-10-27 00:30:00'", "2024-10-27 00:30:00"),
                ("'2024-10-27 01:30:00'", "2024-10-27 01:30:00"), ("NULL", nil),
            ]),
        Hard(
            "times beyond a day", "time(6)", .moment,
            [
                ("'-838:59:59.999999'", "-838:59:59.999999"), ("'838:59:59'", "838:59:59"), ("'-00:00:00.000001'", "-00:00:00.000001"),
                ("'24:00:00'", "24:00:00"), ("'00:00:00'", "00:00:00"), ("NULL", nil),
            ]),
        Hard("years", "year", .text, [("1901", "1901"), ("2155", "2155"), ("NULL", nil)]),
        Hard("one bit", "bit(1)", .text, [("b'1'", "1"), ("b'0'", "0"), ("NULL", nil)]),
        Hard("ten bits", "bit(10)", .text, [("b'1000000001'", "1000000001"), ("b'0'", "0000000000")]).but(.starrocks, [0: "513", 1: "0"]),
        Hard(
            "64 bits", "bit(64)", .text,
            [("18446744073709551615", .text(String(repeating: "1", count: 64))), ("1", .text(String(repeating: "0", count: 63) + "1"))]),
        Hard(
            "enumerations", "enum('a','it''s','雨','')", .text, [("'a'", "a"), ("'it''s'", "it's"), ("'雨'", "雨"), ("''", ""), ("NULL", nil)]),
        Hard("sets", "set('x','y','燕')", .text, [("'x,燕'", "x,燕"), ("''", ""), ("'x,y,燕'", "x,y,燕"), ("NULL", nil)]),
        Hard(
            "json", "json", .json,
            [
                ("'{\"b\": 1, \"a\": [1,2.5,null,true,\"é\\n\"]}'", "{\"b\":1,\"a\":[1,2.5,null,true,\"é\\n\"]}"), ("'[]'", "[]"),
                ("NULL", nil),
            ]),
        Hard("uuid", "uuid", .text, [("'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), ("NULL", nil)]),
        Hard("inet6", "inet6", .text, [("'::1'", "::1"), ("'2001:db8::ff'", "2001:db8::ff")]),
        Hard("binary padded with NUL", "binary(4)", .text, [("x'ff'", "\\xff000000"), ("x'00000000'", "\\x00000000")]),
        Hard("varbinary", "varbinary(20)", .text, [("''", "\\x"), ("x'00ff0a0d5c22275c4e1a'", "\\x00ff0a0d5c22275c4e1a"), ("NULL", nil)]),
        Hard("blob", "blob", .text, [("''", "\\x"), ("x'00'", "\\x00"), ("x'f09f9080'", "\\xf09f9080"), ("NULL", nil)]),
    ]
}
