import ApusCore
import Testing

@Suite struct ConditionTests {
    private static let standard = ConditionParser.Style(quote: "\"", functions: ["length": "char_length"])

    private struct Plain: Dialect {
        var identifierLimit: Int { 63 }
        func quote(_ identifier: String) -> String { "[\(identifier)]" }
        func literal(_ text: String) -> String { "'\(text.replacing("'", with: "''"))'" }
        func declaration(of column: ColumnShape, origin: String) -> Declaration { Declaration(column.native, column.type) }
        func create(_ shape: TableShape, as name: TableName) -> [String] { [] }
        func createIndexes(_ shape: TableShape, on name: TableName) -> [String] { [] }
        func createForeignKeys(_ shape: TableShape, on name: TableName) -> [String] { [] }
        func defaultSQL(_ column: ColumnShape) -> String? { nil }
    }

    private func written(_ sql: String, _ style: ConditionParser.Style = standard) -> String? {
        ConditionParser.parse(sql, style)?.sql(Plain(), isText: { $0 == "t" }) { name, isCompared in isCompared ? "<\(name)>" : "[\(name)]"
        }
    }

    @Test(arguments: [
        ("a > 0", "([a] > 0)"),
        ("a > 0 AND b <> 1 OR NOT c", "((([a] > 0) AND ([b] <> 1)) OR (NOT [c]))"),
        ("(a >= (0)::numeric) AND (a <= 1.5)", "(([a] >= 0) AND ([a] <= 1.5))"),
        ("a BETWEEN 1 AND 2 AND a != - 3", "(([a] BETWEEN 1 AND 2) AND ([a] <> (- 3)))"),
        ("(t)::text = ANY ((ARRAY['x'::character varying, 'it''s'::character varying])::text[])", "(<t> IN ('x', 'it''s'))"),
        ("t = ANY (ARRAY['x'::text])", "(<t> IN ('x'))"),
        ("a NOT IN (1, 2) OR a IS NOT NULL", "((NOT ([a] IN (1, 2))) OR (NOT ([a] IS NULL)))"),
        ("\"A b\" < 'x'::text", "([A b] < 'x')"),
        ("t <> ''::text", "([t] <> '')"),
        ("length(t) + 1 > abs(a) * 2", "((char_length([t]) + 1) > (abs([a]) * 2))"),
        ("d >= '2000-01-01'::date", "([d] >= '2000-01-01')"),
        ("flag = true", "([flag] = TRUE)"),
    ])
    func `what means the same everywhere is understood`(_ sql: String, _ expected: String) { #expect(written(sql) == expected) }

    @Test(arguments: [
        "a / 2 > 1", "t LIKE 'a%'", "t ~ 'a'", "a % 2 = 0", "now() > d", "CURRENT_DATE > d", "a = (SELECT 1)", "a > 0 -- why", "(a", "a >",
        "t || 'x' = 'y'",
        "a::integer = 1", "my_function(a) = 1", "t = E'x'", "'open", "CASE WHEN a THEN b END", "a IS TRUE", "date(a) = b", "",
    ])
    func `anything else is not understood`(_ sql: String) { #expect(ConditionParser.parse(sql, Self.standard) == nil) }

    @Test func `MySQL's quotes, escapes and character sets are understood`() {
        let style = ConditionParser.Style(quote: "`", hasEscapes: true, functions: ["char_length": "char_length"])
        #expect(written("`a b` > 1 and `t` in (_utf8mb4'it\\'s','\\\\')", style) == "(([a b] > 1) AND (<t> IN ('it''s', '\\')))")
        #expect(written("`t` = '\\n'", style) == nil)
        // MySQL's LENGTH counts bytes.
        #expect(ConditionParser.parse("length(`t`) > 1", style) == nil)
    }

    @Test func `only comparisons of texts with texts depend on case`() {
        func compares(_ sql: String) -> Bool? { ConditionParser.parse(sql, Self.standard)?.comparesText { $0 == "t" } }
        #expect(compares("t = 'x'") == true)
        #expect(compares("t IN ('', 'x')") == true)
        #expect(compares("t <> ''") == false)
        #expect(compares("a = 1 AND t IS NULL") == false)
        #expect(compares("length(t) > 2") == false)
    }

    @Test func `columns can be renamed`() {
        let condition = ConditionParser.parse("a > 0 AND b IN (1)", Self.standard)?.renamed { $0 + "2" }
        #expect(condition?.columns == ["a2", "b2"])
    }
}
