/// What files can hold. Without types in the URL, types are inferred.
extension Hard {
    private static func field(_ text: String) -> String { "\"" + text.replacing("\"", with: "\"\"") + "\"" }

    static let csv: [Hard] = [
        Hard("text that looks like syntax", "", .text, texts.map { (field($0), .text($0)) } + [("", nil)]),
        Hard(
            "integers", "", .text,
            [("-9223372036854775808", "-9223372036854775808"), ("9223372036854775807", "9223372036854775807"), ("", nil)]),
        Hard("numbers with leading zeros stay text", "", .text, [("007", "007"), ("+5", "+5")]),
        Hard(
            "decimals", "", .decimal,
            [
                (
                    "99999999999999999999999999999999999.000000000000000000000000000001",
                    "99999999999999999999999999999999999.000000000000000000000000000001"
                ), ("-0.5", "-0.5"),
            ]),
        Hard("floats", "", .float, [("1e308", "1e308"), ("-1.5e-7", "-1.5e-7"), ("0.1", "0.1")]),
        Hard("dates", "", .moment, [("0001-01-01", "0001-01-01"), ("9999-12-31", "9999-12-31"), ("", nil)]),
        Hard(
            "timestamps", "", .moment,
            [("2024-02-29 23:59:59.123456", "2024-02-29 23:59:59.123456"), ("2024-01-01T00:00:00", "2024-01-01 00:00:00")]),
        Hard(
            "instants", "", .moment,
            [("2024-03-31T03:00:00+02:00", "2024-03-31 01:00:00"), ("2024-03-31 00:59:59Z", "2024-03-31 00:59:59")]
        ).but(.csv, [0: "2024-03-31 03:00:00+02:00"]),
        Hard("booleans", "", .flag, [("true", "true"), ("false", "false"), ("", nil)]),
        Hard("a word among declared integers", "", .text, [("1", "1"), ("many", .rejected), ("32768", .rejected)]).with("types=v:int16"),
        Hard("declared octets", "", .text, [("\\x00ff0a", "\\x00ff0a"), ("\\x", "\\x")]).with("types=v:bytes"),
        Hard("declared unsigned integers", "", .text, [("18446744073709551615", "18446744073709551615"), ("-1", .rejected)]).with(
            "types=v:uint64"),
        Hard("declared durations", "", .moment, [("-838:59:59", "-838:59:59"), ("100:00:00.5", "100:00:00.5")]).with("types=v:duration"),
        Hard("declared UUIDs", "", .text, [("A0EEBC999C0B4EF8BB6D6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), ("x", .rejected)])
            .with("types=v:uuid"),
        Hard("declared JSON", "", .json, [("\"{\"\"a\"\":[1,\"\"é\"\"]}\"", "{\"a\":[1,\"é\"]}"), ("{", .rejected)]).but(
            [.csv, .sqlite], [1: "{"]
        ).with("types=v:json"),
    ]

    private static func string(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\u{0}"..."\u{1f}": out += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }

    static let json: [Hard] = [
        Hard("text that looks like syntax", "", .text, texts.map { (string($0), .text($0)) } + [("null", nil)]),
        Hard("text with a NUL character", "", .text, [("\"a\\u0000b\"", "a\0b"), ("\"\\ud83d\\udc26\"", "🐦")]).but(
            .postgres, [0: .rejected]),
        Hard(
            "integers", "", .text,
            [("-9223372036854775808", "-9223372036854775808"), ("9223372036854775807", "9223372036854775807"), ("null", nil)]),
        Hard("floats", "", .float, [("1e308", "1e308"), ("-1.5e-7", "-1.5e-7"), ("0.1", "0.1")]),
        Hard("booleans", "", .flag, [("true", "true"), ("false", "false"), ("null", nil)]),
        Hard("objects and arrays", "", .json, [("{\"a\":[1,\"é\",null]}", "{\"a\":[1,\"é\",null]}"), ("[1,2]", "[1,2]")]),
        Hard("dates", "", .moment, [("\"0001-01-01\"", "0001-01-01"), ("\"9999-12-31\"", "9999-12-31"), ("null", nil)]),
        Hard("instants", "", .moment, [("\"2024-03-31T03:00:00+02:00\"", "2024-03-31 01:00:00")]).but(
            .csv, [0: "2024-03-31 03:00:00+02:00"]),
        Hard(
            "declared decimals", "", .decimal,
            [
                (
                    "99999999999999999999999999999999999.000000000000000000000000000001",
                    "99999999999999999999999999999999999.000000000000000000000000000001"
                ), ("\"-0.5\"", "-0.5"),
            ]
        ).with("types=v:decimal"),
        Hard("declared unsigned integers", "", .text, [("18446744073709551615", "18446744073709551615"), ("-1", .rejected)]).with(
            "types=v:uint64"),
        Hard("declared octets", "", .text, [("\"AP8K\"", "\\x00ff0a"), ("\"\"", "\\x")]).with("types=v:bytes"),
    ]
}
