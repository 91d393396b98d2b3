import ApusCore
import Testing

@Suite struct `Table patterns` {
    @Test(arguments: [
        ("orders", "orders", true), ("orders", "orders2", false), ("orders*", "orders", true), ("*", "订单", true),
        ("customer_?", "customer_1", true), ("customer_?", "customer_12", false), ("log_[a-c]", "log_b", true),
        ("log_[!a-c]", "log_b", false), ("log_[a-c_]", "log__", true), ("a*b*c", "axxbyyc", true), ("a*b*c", "axxbyy", false),
        ("orders_[00-31]", "orders_07", true), ("orders_[00-31]", "orders_7", false), ("orders_[00-31]", "orders_32", false),
        ("orders_[8-12]", "orders_9", true), ("orders_[8-12]", "orders_12", true), ("orders_[8-12]", "orders_09", false),
        ("t[000-127]x*", "t101x1", true), ("\"a.b\"", "a.b", true), ("`a*`", "a*", true), ("`a*`", "ab", false),
        ("\"a\"\"b\"", "a\"b", true), ("Orders", "orders", false), ("*.csv", "orders.csv", true),
    ])
    func `a pattern means the names it says`(pattern: String, name: String, expected: Bool) throws {
        #expect(try TablePattern(pattern).matches(TableName(name)) == expected)
    }

    @Test func `a schema is compared when it is written`() throws {
        let orders = TableName(schema: "sales", "orders")
        #expect(try TablePattern("sales.*").matches(orders))
        #expect(try !TablePattern("crm.*").matches(orders))
        #expect(try TablePattern("s*.ord*").matches(orders))
        #expect(try TablePattern("\"sales\".`orders`").matches(orders))
        #expect(try TablePattern("orders").matches(orders))
        #expect(try !TablePattern("orders").matches(orders, own: "public"))
        #expect(try TablePattern("public.orders").matches(TableName("orders"), own: "public"))
        #expect(try !TablePattern("public.orders").matches(TableName("orders")))
        #expect(try TablePattern("sales.orders").schema == "sales")
        #expect(try TablePattern("s*.orders").hasSchemaPattern)
        #expect(try TablePattern("sales.`or*`").exactName == TableName(schema: "sales", "or*"))
    }

    @Test(arguments: ["", ".", "a.", ".a", "[", "a[]", "a[9-10", "[c-a]", "[31-00]", "\"a", "`a", "[!]"])
    func `a broken pattern is refused`(pattern: String) {
        #expect(throws: ApusError.self) { try TablePattern(pattern) }
    }

    @Test func `many stars take no exponential time`() throws {
        let pattern = try TablePattern(String(repeating: "*a", count: 60) + "b")
        #expect(!pattern.matches(TableName(String(repeating: "a", count: 2000))))
    }

    @Test func `a target name is filled in one pass`() throws {
        #expect(try TargetName("ods.ods_{table}").fill(TableName("orders")) == TableName(schema: "ods", "ods_orders"))
        #expect(try TargetName("{schema}_{table}").fill(TableName(schema: "s", "{schema}")) == TableName("s_{schema}"))
        #expect(try TargetName("\"a.b\".`c`").fill(TableName("x")) == TableName(schema: "a.b", "c"))
        #expect(try TargetName("\"b \"\"x\".`a``b`").fill(TableName("x")) == TableName(schema: "b \"x", "a`b"))
        #expect(try TargetName("{schema}.{table}").fill(TableName("t"), own: "shop") == TableName(schema: "shop", "t"))
        #expect(throws: ApusError.self) { try TargetName("{schema}.{table}").fill(TableName("t")) }
        for broken in ["", "a.", "{tabel}", "a*", "{table", "\"x"] {
            #expect(throws: ApusError.self) { try TargetName(broken) }
        }
    }
}

@Suite struct `Table selection` {
    let catalogue = ["customer_1", "customer_2", "orders", "secret", "tmp_a"].map { TableName(schema: "sales", $0) }

    func wish(_ pattern: String, _ change: (inout TableWish) -> Void = { _ in }) -> TableWish {
        var wish = TableWish(.pattern(pattern))
        change(&wish)
        return wish
    }

    func names(_ selection: TableSelection) -> [String] {
        selection.matches.map { match in
            switch match.subject {
            case .table(let table): table.name
            case .query(_, as: let name): name
            }
        }
    }

    @Test func `everything is meant when nothing is said`() throws {
        #expect(names(try TableSelection([], over: catalogue)).count == 5)
        let skipping = try TableSelection([wish("tmp_*") { $0.skip = true }], over: catalogue)
        #expect(names(skipping) == ["customer_1", "customer_2", "orders", "secret"])
    }

    @Test func `later beats earlier, a name beats a pattern, and defaults come last`() throws {
        let selection = try TableSelection(
            [
                wish("orders") {
                    $0.slices = 16; $0.rename = ["a": "b"]
                },
                wish("*") {
                    $0.mode = .append; $0.slices = 2; $0.rename = ["a": "z", "c": "d"]
                },
                wish("customer_*") {
                    $0.mode = .upsert; $0.key = ["id"]
                },
            ],
            defaults: wish("*") {
                $0.mode = .truncate; $0.to = "ods.{table}"; $0.slices = 1
            }, over: catalogue)
        let orders = try #require(selection.matches.first { $0.subject == .table(catalogue[2]) })
        #expect(orders.wish.slices == 16)
        #expect(orders.wish.mode == .append)
        #expect(orders.wish.rename == ["a": "b", "c": "d"])
        #expect(orders.wish.subject == .pattern("orders"))
        #expect(try orders.target() == TableName(schema: "ods", "orders"))
        let customer = selection.matches[0]
        #expect(customer.wish.mode == .upsert)
        #expect(customer.wish.slices == 2)
    }

    @Test func `skip holds against later patterns but not against a name`() throws {
        let selection = try TableSelection(
            [wish("tmp_*") { $0.skip = true }, wish("*"), wish("secret") { $0.skip = true }], over: catalogue)
        #expect(names(selection) == ["customer_1", "customer_2", "orders"])
        let named = try TableSelection([wish("*") { $0.skip = true }, wish("orders")], over: catalogue)
        #expect(names(named) == ["orders"])
    }

    @Test func `a name that is not there is an error with the nearest one`() throws {
        let error = #expect(throws: ApusError.self) {
            try TableSelection([wish("ordesr") { $0.place = "flow.yaml:7:3" }], over: catalogue)
        }
        #expect(error?.description == "flow.yaml:7:3: table `ordesr` is not in the source\n  hint: Did you mean `orders`?")
        #expect(error?.code == .notFound)
        let qualified = #expect(throws: ApusError.self) { try TableSelection([wish("sale.orders")], over: catalogue) }
        #expect(qualified?.hint == "Did you mean `sales.orders`?")
    }

    @Test func `a pattern that means nothing warns, and fails when it was all`() throws {
        let selection = try TableSelection([wish("x*"), wish("orders")], over: catalogue)
        #expect(selection.warnings == ["`x*` means no table of the source"])
        let error = #expect(throws: ApusError.self) { try TableSelection([wish("x*")], over: catalogue) }
        #expect(error?.message == "no table of the source is meant by `x*`")
    }

    @Test func `case is ignored only where it is not met`() throws {
        let mixed = ["Orders", "orders", "Customers"].map { TableName($0) }
        #expect(names(try TableSelection([wish("orders")], over: mixed)) == ["orders"])
        #expect(names(try TableSelection([wish("CUSTOMERS")], over: mixed)) == ["Customers"])
        #expect(names(try TableSelection([wish("cust*")], over: mixed)) == ["Customers"])
        #expect(throws: ApusError.self) { try TableSelection([wish("ORDERS")], over: mixed) }
    }

    @Test func `queries take the defaults and come after the tables`() throws {
        var query = TableWish(.query("SELECT 1", as: "dw.one"))
        query.sliceBy = ["id"]
        let selection = try TableSelection([query, wish("orders")], defaults: wish("*") { $0.mode = .append }, over: catalogue)
        #expect(names(selection) == ["orders", "dw.one"])
        #expect(selection.matches[1].wish.mode == .append)
        #expect(try selection.matches[1].target() == TableName(schema: "dw", "one"))
    }
}
