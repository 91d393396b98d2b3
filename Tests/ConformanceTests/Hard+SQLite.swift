/// What SQLite can hold.
extension Hard {
    private static func literal(_ text: String) -> String {
        "CAST(x'" + text.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "' AS TEXT)"
    }

    static let sqlite: [Hard] = [
        Hard("text that looks like syntax", "TEXT", .text, texts.map { (literal($0), .text($0)) } + [("NULL", nil)]),
        Hard("text with a NUL character", "TEXT", .text, [("CAST(x'610062' AS TEXT)", "a\0b"), ("'ok'", "ok")]).but(
            .postgres, [0: .rejected]),
        Hard("text that is no UTF-8", "TEXT", .text, [("CAST(x'61ff62' AS TEXT)", .rejected), ("'ok'", "ok")]),
        Hard(
            "integers", "INTEGER", .text,
            [("-9223372036854775808", "-9223372036854775808"), ("9223372036854775807", "9223372036854775807"), ("0", "0"), ("NULL", nil)]),
        Hard("integers with a word among them", "INTEGER", .text, [("1", "1"), ("'many'", .rejected)]),
        Hard("small integers and one that is not", "SMALLINT", .text, [("32767", "32767"), ("32768", .rejected)]),
        Hard(
            "unsigned integers", "UNSIGNED64_BLOB", .decimal,
            [("9223372036854775807", "9223372036854775807"), ("'18446744073709551615'", "18446744073709551615")]),
        Hard(
            "doubles", "DOUBLE", .float,
            [
                ("0.1", "0.1"), ("1.7976931348623157e308", "1.7976931348623157e308"), ("5e-324", "5e-324"), ("-0.0", "0.0"), ("3", "3"),
                ("NULL", nil),
            ]),
        Hard("infinite doubles", "DOUBLE", .float, [("9e999", "Infinity"), ("-9e999", "-Infinity")]).but(
            [.mysql, .starrocks], [0: .rejected, 1: .rejected]),
        Hard("decimals", "DECIMAL(10,2)", .decimal, [("12345678.9", "12345678.9"), ("-0.01", "-0.01"), ("7", "7"), ("NULL", nil)]),
        Hard(
            "long decimals as text", "DECIMAL_TEXT", .decimal,
            [
                (
                    "'99999999999999999999999999999999999.000000000000000000000000000001'",
                    "99999999999999999999999999999999999.000000000000000000000000000001"
                )
            ]),
        Hard("octets", "BLOB", .text, [("x''", "\\x"), ("x'00ff0a5c4e'", "\\x00ff0a5c4e"), ("NULL", nil)]),
        Hard(
            "dates as text", "DATE", .moment, [("'0001-01-01'", "0001-01-01"), ("'9999-12-31'", "9999-12-31"), ("'yesterday'", .rejected)]),
        Hard(
            "timestamps as text", "DATETIME", .moment,
            [("'2024-02-29 23:59:59.123456'", "2024-02-29 23:59:59.123456"), ("'1969-12-31T23:59:59'", "1969-12-31 23:59:59")]),
        Hard("instants as text", "TIMESTAMPTZ", .moment, [("'2024-03-31 03:00:00+02:00'", "2024-03-31 01:00:00")]),
        Hard("durations", "DURATION", .moment, [("'-838:59:59'", "-838:59:59"), ("'100:00:00.5'", "100:00:00.5")]),
        Hard("JSON", "JSON", .json, [("'{\"a\":[1,\"é\"]}'", "{\"a\":[1,\"é\"]}")]),
        Hard("booleans", "BOOLEAN", .flag, [("1", "true"), ("0", "false"), ("NULL", nil)]),
        Hard("UUIDs", "UUID", .text, [("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")]),
    ]
}
