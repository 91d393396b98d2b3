import ApusCore
import ApusFlow
import Testing

@Suite struct `Command lines` {
    @Test func `make the flow that a file makes`() throws {
        var copy = CopyArguments(from: "mysql://u:geheim@h/shop", to: "postgres://u@h/dw")
        copy.tables = ["orders,customer_[1-2]", "\"a,b\""]
        copy.exclude = ["tmp_*"]
        copy.target = "ods.{table}"
        copy.mode = "upsert"
        copy.create = "require"
        copy.filter = "day = '{{ day }}'"
        copy.columns = "id, b=upper(b), c='x,y', \"d e\", *"
        copy.key = "id,region"
        copy.sliceBy = "id"
        copy.slices = 4
        copy.with = "indexes,foreign-keys"
        copy.before = ["SET a"]
        copy.badRows = "unlimited"
        copy.rowsPerSecond = "50k"
        copy.bytesPerSecond = "8m"
        copy.channels = 2
        copy.strict = true
        copy.given = ["day": "2026-11-21"]
        let file = try copy.flow(resolver(), now: moment)
        let flow = file.flow
        #expect(file.notices.count == 1)
        #expect(!file.notices[0].contains("geheim"))
        #expect(
            flow.tables.map(\.subject) == [
                .pattern("orders"), .pattern("customer_[1-2]"), .pattern("\"a,b\""), .pattern("tmp_*"),
            ])
        #expect(flow.tables.map(\.skip) == [false, false, false, true])
        let common = try #require(flow.defaults)
        #expect(common.mode == .upsert)
        #expect(common.create == .require)
        #expect(common.filter == "day = '2026-11-21'")
        #expect(
            common.columns == [
                ColumnWish("id"), ColumnWish("b", expression: "upper(b)"), ColumnWish("c", expression: "'x,y'"), ColumnWish("d e"),
                ColumnWish("*"),
            ])
        #expect(common.key == ["id", "region"])
        #expect(common.withForeignKeys == true)
        #expect(flow.limits.badRows == nil)
        #expect(flow.limits.rowsPerSecond == 50_000)
        #expect(flow.limits.channels == 2)
        #expect(flow.before == ["SET a"])
        #expect(flow.strict)
        let selection = try flow.select(from: ["orders", "tmp_1", "a,b"].map { TableName($0) })
        #expect(try selection.matches.map { try $0.target().description } == ["ods.orders", "ods.a,b"])
    }

    @Test func `a query stands for a table`() throws {
        var copy = CopyArguments(from: "mysql://h/shop", to: "sqlite:x")
        copy.query = "SELECT 1"
        #expect(throws: ApusError.self) { try copy.flow(resolver()) }
        copy.target = "dw.one"
        let flow = try copy.flow(resolver()).flow
        #expect(flow.tables.map(\.subject) == [.query("SELECT 1", as: "dw.one")])
        #expect(try flow.select(from: []).matches[0].target() == TableName(schema: "dw", "one"))
    }

    @Test(arguments: [
        ("mode", "--mode is one of replace, truncate, append, upsert, window, not `apend`\n  hint: Did you mean `append`?"),
        (
            "columns",
            "--columns: the columns `a,upper(b` are not understood: a `)` is missing\n  hint: Write e.g. id, name=upper(name), source='erp'."
        ),
        ("with", "--with takes indexes and foreign-keys, not `indices`\n  hint: Did you mean `indexes`?"),
        ("from", "source: there is no connector for `myslq:`\n  hint: Did you mean `mysql`?"),
        ("set", "nothing here uses the parameter `dya` that --set gives\n  hint: Did you mean `day`?"),
        ("channels", "--channels is a number 1…256, not 0"),
        ("where", "--where: the parameter `dy` is not known\n  hint: Did you mean `day`?"),
        (
            "table",
            "--table: `a[` is no table name or pattern: a `[` is not closed\n  hint: Write e.g. orders, sales.*, customer_?, orders_[00-31] or \"name.with.dot\"."
        ),
    ])
    func `a mistake names its option`(option: String, expected: String) {
        var copy = CopyArguments(from: option == "from" ? "myslq://u:pw@h/x" : "mysql://h/x", to: "sqlite:x")
        switch option {
        case "mode": copy.mode = "apend"
        case "columns": copy.columns = "a,upper(b"
        case "with": copy.with = "indices"
        case "set": copy.given = ["dya": "2026-01-01"]
        case "channels": copy.channels = 0
        case "where": copy.filter = "{{ dy }}"
        case "table": copy.tables = ["a["]
        default: break
        }
        let error = #expect(throws: ApusError.self) { try copy.flow(resolver()) }
        #expect(error?.description == expected)
        #expect(error?.exitCode == ExitCode.configuration)
    }
}
