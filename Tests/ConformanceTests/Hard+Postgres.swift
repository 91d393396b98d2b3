import ApusTesting

/// What PostgreSQL can hold.
extension Hard {
    /// Texts that trip quoting, escaping or encoding, as plain values.
    static let texts: [String] = [
        "", " ", "NULL", "\\N", "\\\\N", "null", "'", "''", "\"", "\"\"", "`", "a,b", "a\tb", "a\nb", "a\r\nb", "\r", "\\", "\\\\", "\\t",
        "a\\", "\u{1}\u{1f}\u{7f}", "é", "雨燕", "🐦‍⬛🪹", "\u{1F468}\u{200D}\u{1F469}", "\u{FEFF}bom", "\u{202E}rtl", "e\u{301}",
        "𠜎", " lead and trail ", "a;b--c/*d*/", "$1 ? :x %s {0}", "0x00", "\\x00", "{\"a\":1}", "{1,2}", "a|b", "#c",
    ]

    private static func literal(_ text: String) -> String {
        "E'" + text.replacing("\\", with: "\\\\").replacing("'", with: "''").replacing("\r", with: "\\r").replacing("\n", with: "\\n") + "'"
    }

    static let postgresTypes = """
        CREATE TYPE mood AS ENUM ('sad', 'so, "so"', '喜');
        CREATE DOMAIN positive AS int CHECK (VALUE > 0);
        CREATE DOMAIN short AS varchar(5);
        CREATE TYPE pair AS (a int, b text);
        """

    static let postgres = everyPostgres.filter { !PostgresServer.lacking.contains($0.type) }

    private static let everyPostgres: [Hard] = [
        Hard("text that looks like syntax", "text", .text, texts.map { (literal($0), .text($0)) } + [("NULL", nil)]),
        Hard("varchar with a length in characters", "varchar(5)", .text, [("'雨燕飛飛飛'", "雨燕飛飛飛"), ("''", ""), ("'🐦🐦🐦🐦🐦'", "🐦🐦🐦🐦🐦")]),
        Hard("char padded with spaces", "char(5)", .text, [("'ab'", "ab   ")]).but(.postgres, [0: "ab"]),
        Hard("boolean", "boolean", .flag, [("true", "true"), ("false", "false"), ("NULL", nil)]),
        Hard("smallint", "smallint", .text, [("-32768", "-32768"), ("32767", "32767"), ("NULL", nil)]),
        Hard("integer", "integer", .text, [("-2147483648", "-2147483648"), ("2147483647", "2147483647"), ("0", "0")]),
        Hard(
            "bigint", "bigint", .text,
            [("-9223372036854775808", "-9223372036854775808"), ("9223372036854775807", "9223372036854775807"), ("-1", "-1")]),
        Hard(
            "real", "real", .single,
            [
                ("0.1", "0.1"), ("3.4028235e38", "3.4028235e38"), ("1.4e-45", "1e-45"), ("'-0'", "-0.0"), ("16777217", "16777216"),
                ("NULL", nil),
            ]
        ).but([.mysql, .sqlite, .starrocks], [3: "0.0"]),
        Hard(
            "double precision", "double precision", .float,
            [
                ("0.1", "0.1"), ("1.7976931348623157e308", "1.7976931348623157e308"), ("5e-324", "5e-324"), ("'-0'", "-0.0"),
                ("2.2250738585072014e-308", "2.2250738585072014e-308"), ("1e308", "1e308"), ("123456789.123456789", "123456789.12345679"),
                ("9007199254740993", "9007199254740992"), ("NULL", nil),
            ]
        ).but([.mysql, .sqlite, .starrocks], [3: "0.0"]),
        Hard("not a number", "double precision", .float, [("'NaN'", "NaN"), ("1", "1")]).but([.mysql, .starrocks], [0: .rejected]),
        Hard("infinite floats", "double precision", .float, [("'Infinity'", "Infinity"), ("'-Infinity'", "-Infinity")]).but(
            [.mysql, .starrocks], [0: .rejected, 1: .rejected]),
        Hard(
            "numeric of 65 digits", "numeric(65,30)", .decimal,
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
            "numeric without bounds", "numeric", .decimal,
            [
                ("12345678901234567890123456789.5", "12345678901234567890123456789.5"), ("-0.5", "-0.5"), ("1000000", "1000000"),
                ("10000.0001", "10000.0001"),
            ]),
        Hard("numeric specials", "numeric", .decimal, [("'NaN'", "NaN"), ("'Infinity'", "Infinity"), ("'-Infinity'", "-Infinity")]),
        Hard("numeric with a negative scale", "numeric(3,-2)", .decimal, [("99900", "99900"), ("-100", "-100")]),
        Hard("small numerics", "numeric(10,2)", .decimal, [("12345678.90", "12345678.9"), ("-0.01", "-0.01"), ("0", "0")]),
        Hard(
            "money", "money", .decimal,
            [("'-92233720368547758.08'::numeric::money", "-92233720368547758.08"), ("12.5::numeric::money", "12.5")]
        )
        .but(.postgres, [0: "-$92,233,720,368,547,758.08", 1: "$12.50"]),
        Hard(
            "bytes", "bytea", .text,
            [
                ("''", "\\x"), ("'\\x00'", "\\x00"), ("'\\x00ff0a0d5c22275c4e'", "\\x00ff0a0d5c22275c4e"), ("'\\xf09f9080'", "\\xf09f9080"),
                ("NULL", nil),
            ]),
        Hard(
            "dates", "date", .moment,
            [
                ("'0001-01-01'", "0001-01-01"), ("'9999-12-31'", "9999-12-31"), ("'1969-12-31'", "1969-12-31"),
                ("'2000-02-29'", "2000-02-29"), ("NULL", nil),
            ]),
        Hard("infinite dates", "date", .moment, [("'infinity'", "infinity"), ("'-infinity'", "-infinity")]).but(
            [.mysql, .starrocks], [0: .rejected, 1: .rejected]),
        Hard(
            "times of day", "time", .moment,
            [
                ("'00:00:00'", "00:00:00"), ("'23:59:59.999999'", "23:59:59.999999"), ("'24:00:00'", "24:00:00"),
                ("'12:00:00.1'", "12:00:00.1"),
            ]),
        Hard(
            "timestamps", "timestamp", .moment,
            [
                ("'0001-01-01 00:00:00'", "0001-01-01 00:00:00"), ("'9999-12-31 23:59:59.999999'", "9999-12-31 23:59:59.999999"),
                ("'1969-12-31 23:59:59.000001'", "1969-12-31 23:59:59.000001"), ("NULL", nil),
            ]),
        Hard("timestamps of milliseconds", "timestamp(3)", .moment, [("'2024-06-01 10:00:00.123'", "2024-06-01 10:00:00.123")]),
        Hard("infinite timestamps", "timestamp", .moment, [("'infinity'", "infinity"), ("'-infinity'", "-infinity")]).but(
            [.mysql, .starrocks], [0: .rejected, 1: .rejected]),
        Hard(
            "instants across zones and summer time", "timestamptz", .moment,
            [
                ("'2024-03-31 01:59:59+01'", "2024-03-31 00:59:59"), ("'2024-03-31 03:00:00+02'", "2024-03-31 01:00:00"),
                ("'2024-10-27 02:30:00+02'", "2024-10-27 00:30:00"), ("'2024-10-27 02:30:00+01'", "2024-10-27 01:30:00"),
                ("'1990-01-01 05:45:00.000001+05:45'", "1990-01-01 00:00:00.000001"), ("'2024-01-01 00:00:00-11'", "2024-01-01 11:00:00"),
                ("NULL", nil),
            ]),
        Hard(
            "instants far away", "timestamptz", .moment,
            [("'0001-01-01 00:00:00+00'", "0001-01-01 00:00:00"), ("'9999-12-31 23:59:59.999999+00'", "9999-12-31 23:59:59.999999")]),
        Hard(
            "intervals", "interval", .text,
            [
                ("'1 year 2 mons 3 days 04:05:06.789'", "1 year 2 mons 3 days 04:05:06.789"), ("'-1 day -00:00:01'", "-1 days -00:00:01"),
                ("'838:59:59'", "838:59:59"), ("NULL", nil),
            ]),
        Hard(
            "json as written", "json", .json,
            [
                ("'{\"b\": 1, \"a\": [1,2.5,null,true,\"é\\n\"]}'", "{\"b\":1,\"a\":[1,2.5,null,true,\"é\\n\"]}"), ("'null'", "null"),
                ("'\"x\"'", "\"x\""), ("'{}'", "{}"), ("NULL", nil),
            ]
        ).but(.json, [1: nil, 2: "x"]),
        Hard("jsonb", "jsonb", .json, [("'{\"a\": {\"b\": \"雨\"}}'", "{\"a\":{\"b\":\"雨\"}}"), ("'[1e2]'", "[100]"), ("NULL", nil)]),
        Hard("uuid", "uuid", .text, [("'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), ("NULL", nil)]),
        Hard("one bit", "bit(1)", .text, [("B'1'", "1"), ("B'0'", "0"), ("NULL", nil)]),
        Hard(
            "64 bits", "bit(64)", .text,
            [
                ("(repeat('1',64))::bit(64)", .text(String(repeating: "1", count: 64))),
                ("1::bit(64)", .text(String(repeating: "0", count: 63) + "1")),
            ]),
        Hard(
            "bits of any length", "varbit", .text,
            [("B''", ""), ("B'101'", "101"), ("(repeat('10',50))::varbit", .text(String(repeating: "10", count: 50)))]),
        Hard(
            "arrays of integers", "int[]", .text,
            [
                ("'{}'", "{}"), ("'{1,NULL,-3}'", "{1,NULL,-3}"), ("'{{1,2},{3,4}}'", "{{1,2},{3,4}}"), ("'[0:1]={7,8}'", "[0:1]={7,8}"),
                ("NULL", nil),
            ]),
        Hard(
            "arrays of text", "text[]", .text,
            [("ARRAY['', 'NULL', NULL, 'a,b', 'q\"', E'b\\\\', '雨']", "{\"\",\"NULL\",NULL,\"a,b\",\"q\\\"\",\"b\\\\\",雨}")]),
        Hard("network addresses", "inet", .text, [("'10.0.0.1'", "10.0.0.1"), ("'::1/64'", "::1/64")]).but(
            .postgres, [0: "10.0.0.1/32"]),
        Hard("ranges", "int4range", .text, [("'[1,5)'", "[1,5)"), ("'empty'", "empty"), ("'(,3]'", "(,4)")]),
        Hard("ranges of instants", "tsrange", .text, [("'[2024-01-01,2024-02-01)'", "[\"2024-01-01 00:00:00\",\"2024-02-01 00:00:00\")")]),
        Hard("enumerations", "mood", .text, [("'sad'", "sad"), ("'so, \"so\"'", "so, \"so\""), ("'喜'", "喜"), ("NULL", nil)]),
        Hard("domains", "positive", .text, [("7", "7"), ("NULL", nil)]),
        Hard("domains of text", "short", .text, [("'雨雨雨雨雨'", "雨雨雨雨雨")]),
        Hard("composites", "pair", .text, [("ROW(1,'a,\"b')::pair", "(1,\"a,\"\"b\")")]),
        Hard("XML", "xml", .text, [("'<a b=\"1\">é</a>'", "<a b=\"1\">é</a>")]),
        Hard("points", "point", .text, [("'(1.5,-2)'", "(1.5,-2)")]),
        Hard("text search vectors", "tsvector", .text, [("'a:1 b:2'", "'a':1 'b':2")]),
        Hard("single characters", "\"char\"", .text, [("'x'", "x")]),
        Hard("object numbers", "oid", .text, [("4294967295", "4294967295")]),
    ]
}
