/// What StarRocks can hold.
extension Hard {
    /// StarRocks' strings know backslashes. The client that the suite asks with would take a carriage return away.
    private static func literal(_ text: String) -> String {
        let escapes: [Unicode.Scalar: String] = ["\\": "\\\\", "'": "\\'", "\0": "\\0", "\r": "\\r", "\n": "\\n"]
        return "'" + text.unicodeScalars.map { escapes[$0] ?? String($0) }.joined() + "'"
    }

    private static let largest = "170141183460469231731687303715884105727"

    static let starrocks: [Hard] = [
        Hard("text that looks like syntax", "string", .text, texts.map { (literal($0), .text($0)) } + [("NULL", nil)]),
        Hard("varchar counts octets", "varchar(15)", .text, [("'雨燕飛飛飛'", "雨燕飛飛飛"), ("''", ""), ("'🐦🐦🐦abc'", "🐦🐦🐦abc"), ("'a  '", "a  ")]),
        Hard(
            "separators of loads", "string", .text,
            ["\u{1}", "\u{2}", "\u{1}\u{2}\u{3}", "\u{1}\"\u{2}\"", "\\N\u{1}"].map { (literal($0), .text($0)) }),
        Hard("tinyint", "tinyint", .text, [("-128", "-128"), ("127", "127"), ("NULL", nil)]),
        Hard("smallint", "smallint", .text, [("-32768", "-32768"), ("32767", "32767")]),
        Hard("int", "int", .text, [("-2147483648", "-2147483648"), ("2147483647", "2147483647")]),
        Hard(
            "bigint", "bigint", .text, [("-9223372036854775808", "-9223372036854775808"), ("9223372036854775807", "9223372036854775807")]),
        Hard("largeint", "largeint", .text, [(largest, .text(largest)), ("-" + largest, .text("-" + largest)), ("0", "0"), ("NULL", nil)]),
        Hard("boolean", "boolean", .flag, [("true", "true"), ("false", "false"), ("NULL", nil)]),
        Hard("float", "float", .single, [("0.1", "0.1"), ("3.4028234e38", "3.4028234e38"), ("16777217", "16777216"), ("NULL", nil)]),
        Hard(
            "double", "double", .float,
            [
                ("0.1", "0.1"), ("1.7976931348623157e308", "1.7976931348623157e308"), ("123456789.123456789", "123456789.12345679"),
                ("NULL", nil),
            ]),
        Hard(
            "decimal of 38 digits", "decimal(38,18)", .decimal,
            [
                ("99999999999999999999.999999999999999999", "99999999999999999999.999999999999999999"),
                ("-0.000000000000000001", "-0.000000000000000001"), ("0", "0"), ("NULL", nil),
            ]),
        Hard(
            "dates", "date", .moment,
            [("'0001-01-01'", "0001-01-01"), ("'9999-12-31'", "9999-12-31"), ("'1969-12-31'", "1969-12-31"), ("NULL", nil)]),
        Hard(
            "datetimes", "datetime", .moment,
            [
                ("'0001-01-01 00:00:00'", "0001-01-01 00:00:00"), ("'9999-12-31 23:59:59.999999'", "9999-12-31 23:59:59.999999"),
                ("'1969-12-31 23:59:59.000001'", "1969-12-31 23:59:59.000001"), ("NULL", nil),
            ]),
        Hard(
            "json", "json", .json,
            [("'{\"b\": {\"x\": [1,2.5,null,true,\"é\"]}}'", "{\"b\":{\"x\":[1,2.5,null,true,\"é\"]}}"), ("'[]'", "[]"), ("NULL", nil)]),
        Hard("array", "array<int>", .json, [("'[1,null,3]'", "[1,null,3]"), ("'[]'", "[]"), ("NULL", nil)]),
        Hard("octets", "varbinary", .text, [("UNHEX('00FF0A0D5C22')", "\\x00ff0a0d5c22"), ("''", "\\x"), ("NULL", nil)]),
    ]
}
