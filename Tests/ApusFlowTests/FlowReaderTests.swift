import ApusCore
import ApusFlow
import Testing

@Suite struct `Flow files` {
    static let whole = """
        version: 1
        name: nightly
        from: ${ERP_URL}
        to: warehouse
        connections:
          warehouse: { type: postgres, host: dw, user: etl, password: "${DW_PW}", database: dw, compress: true }
        timezone: Asia/Shanghai
        parameters: { region: eu }
        defaults: { mode: replace, to: "ods.ods_{table}" }
        with: [indexes]
        exclude: [tmp_*]
        tables:
          sales.*:
          sales.order_line: { mode: append, watermark: updated_at, key: [id, no], slices: 16, slice_by: id }
          sales.secret:     { skip: yes }
          customers:
            where: region = '{{ region }}' AND day < '{{ day - 1 | yyyyMMdd }}'
            columns: [id, "*", { name: upper(name) }, { source: "'erp'", on: 1 }]
            exclude: [note]
            rename: { yes: no }
            types: { amount: "numeric(12,2)" }
            create: recreate
            with: [foreign-keys]
            before: DELETE FROM x
            after: [ANALYZE a, ANALYZE b]
          daily: { query: "SELECT 1 AS a", to: dw.daily }
        limits: { bad_rows: unlimited, rows_per_second: 50_000, bytes_per_second: 20MiB, channels: 8, memory: 1g, attempts: 3 }
        before: SET a
        after: [SET b, SET c]
        snapshot: { consistent: true }
        strict: on
        """

    @Test func `every key is read`() throws {
        let environment = ["ERP_URL": "mysql://erp:p%40ss@h/shop?tls=verify", "DW_PW": "a@b:c/d%e?f"]
        let flow = try read(Self.whole, environment)
        #expect(flow.name == "nightly")
        #expect(flow.from.endpoint.connector == "mysql")
        #expect(flow.from.endpoint.password?.reveal() == "p@ss")
        #expect(flow.from.endpoint.settings.text("tls") == "verify")
        #expect(flow.from.reference == "${ERP_URL}")
        #expect(flow.to.endpoint.password?.reveal() == "a@b:c/d%e?f")
        #expect(flow.to.endpoint.path == "dw")
        #expect(flow.to.reference == "postgres://etl:${DW_PW}@dw/dw?compress=true")
        #expect(flow.defaults?.mode == .replace)
        #expect(flow.defaults?.to == "ods.ods_{table}")
        #expect(flow.defaults?.withIndexes == true)
        #expect(flow.defaults?.withForeignKeys == false)
        #expect(
            flow.tables.map(\.subject) == [
                .pattern("sales.*"), .pattern("sales.order_line"), .pattern("sales.secret"), .pattern("customers"),
                .query("SELECT 1 AS a", as: "daily"), .pattern("tmp_*"),
            ])
        let line = flow.tables[1]
        #expect(line.mode == .append)
        #expect(line.watermark == "updated_at")
        #expect(line.key == ["id", "no"])
        #expect(line.slices == 16)
        #expect(line.sliceBy == ["id"])
        #expect(line.place == "flow.yaml:14:3")
        #expect(flow.tables[2].skip)
        let customers = flow.tables[3]
        #expect(customers.filter == "region = 'eu' AND day < '20261120'")
        #expect(
            customers.columns == [
                ColumnWish("id"), ColumnWish("*"), ColumnWish("name", expression: "upper(name)"),
                ColumnWish("source", expression: "'erp'"), ColumnWish("on", expression: "1"),
            ])
        #expect(customers.exclude == ["note"])
        #expect(customers.rename == ["yes": "no"])
        #expect(customers.types == ["amount": "numeric(12,2)"])
        #expect(customers.create == .recreate)
        #expect(customers.withIndexes == false)
        #expect(customers.withForeignKeys == true)
        #expect(customers.before == ["DELETE FROM x"])
        #expect(customers.after == ["ANALYZE a", "ANALYZE b"])
        #expect(flow.tables[4].to == "dw.daily")
        #expect(flow.tables[5].skip)
        #expect(flow.limits.badRows == nil)
        #expect(flow.limits.rowsPerSecond == 50_000)
        #expect(flow.limits.bytesPerSecond == 20 << 20)
        #expect(flow.limits.channels == 8)
        #expect(flow.limits.memory == 1 << 30)
        #expect(flow.limits.attempts == 3)
        #expect(flow.before == ["SET a"])
        #expect(flow.after == ["SET b", "SET c"])
        #expect(flow.consistentSnapshot)
        #expect(flow.strict)
    }

    @Test func `two lines are a flow`() throws {
        let flow = try read("from: sqlite:a.db\nto: csv:out/\n")
        #expect(flow.tables == [])
        #expect(flow.defaults == nil)
        #expect(flow.limits == Flow.Limits())
        #expect(flow.from.reference == "sqlite:a.db")
    }

    @Test func `tables may be a list or a text`() throws {
        let list = try read(
            flow(
                """
                tables:
                  - orders
                  - customer_*: { mode: append }
                  - name: key
                    skip: true
                  - { query: SELECT 2, to: two }
                  - sales.a:
                    sales.b:
                """))
        #expect(
            list.tables.map(\.subject) == [
                .pattern("orders"), .pattern("customer_*"), .pattern("key"), .query("SELECT 2", as: "two"), .pattern("sales.a"),
                .pattern("sales.b"),
            ])
        #expect(list.tables[1].mode == .append)
        #expect(list.tables[2].skip)
        #expect(try read(flow("tables: orders, 'customer_*'")).tables.count == 2)
    }

    @Test func `columns may be a mapping or a text`() throws {
        let mapping = try read(flow("tables: { t: { columns: { id: , name: upper(name) } } }"))
        #expect(mapping.tables[0].columns == [ColumnWish("id"), ColumnWish("name", expression: "upper(name)")])
        let text = try read(flow("tables: { t: { columns: \"id, b=concat(a, ',', b), c='x=y,'\" } }"))
        #expect(
            text.tables[0].columns == [
                ColumnWish("id"), ColumnWish("b", expression: "concat(a, ',', b)"), ColumnWish("c", expression: "'x=y,'"),
            ])
    }

    @Test func `anchors, aliases and merge keys are resolved`() throws {
        let flow = try read(
            flow(
                """
                tables:
                  a: &base { mode: append, slices: 4 }
                  b: *base
                  c: { <<: *base, slices: 8 }
                  d: { <<: [{ slices: 1 }, *base] }
                """))
        #expect(flow.tables.map(\.slices) == [4, 4, 8, 1])
        #expect(flow.tables.map(\.mode) == [.append, .append, .append, .append])
    }

    @Test func `a byte order mark, CRLF and a document mark are no matter`() throws {
        let bytes: [UInt8] = [0xEF, 0xBB, 0xBF] + Array("---\r\nfrom: sqlite:a.db\r\nto: sqlite:b.db\r\ntables:\r\n  订单:\r\n".utf8)
        let file = try FlowReader(resolver: resolver()).read(bytes, name: "f")
        #expect(file.flow.tables[0].subject == .pattern("订单"))
    }

    @Test func `words that YAML 1.1 takes for something else stay text`() throws {
        let flow = try read(flow("name: 0755\ntables: { on: { key: [no, off, 1_000, 2026-11-21, 12:30] } }"))
        #expect(flow.name == "0755")
        #expect(flow.tables[0].subject == .pattern("on"))
        #expect(flow.tables[0].key == ["no", "off", "1_000", "2026-11-21", "12:30"])
    }

    @Test func `variables are expanded after parsing and once`() throws {
        let environment = ["WHERE": "a: 'b' # \"c\" ${HOME} {{ day }}\n  - x", "N": "7"]
        let flow = try read(flow("tables: { t: { where: \"${WHERE} $1 $$ $${x}\", slices: \"${N}\", key: [\"${K:-id}\"] } }"), environment)
        #expect(flow.tables[0].filter == "a: 'b' # \"c\" ${HOME} {{ day }}\n  - x $1 $$ ${x}")
        #expect(flow.tables[0].slices == 7)
        #expect(flow.tables[0].key == ["id"])
    }

    @Test func `the day is yesterday in the flow's time zone unless it is set`() throws {
        let lines = "tables: { t: { where: \"{{ day }} {{ day + 2 }} {{day-1|yyyy/M/d}} {{ now }} {{ now | yy'Y'MMddHHmmss }}\" } }"
        #expect(try read(flow(lines)).tables[0].filter == "2026-11-20 2026-11-22 2026/11/19 2026-11-21 20:30:05 26Y1121203005")
        #expect(
            try read(flow(lines + "\ntimezone: Asia/Shanghai")).tables[0].filter
                == "2026-11-21 2026-11-23 2026/11/20 2026-11-22 04:30:05 26Y1122043005")
        #expect(
            try read(flow(lines + "\ntimezone: \"-09:30\"")).tables[0].filter
                == "2026-11-20 2026-11-22 2026/11/19 2026-11-21 11:00:05 26Y1121110005")
        let set = try read(flow("tables: { t: { where: \"{{ day - 1 }} {{ name }}\" } }"), given: ["day": "2024-03-01", "name": "x"])
        #expect(set.tables[0].filter == "2024-02-29 x")
        let arrays = try read(flow("tables: { t: { where: \"a = '{{1,2},{3,4}}' or b = '{{x,y},{z,w}}'\" } }"))
        #expect(arrays.tables[0].filter == "a = '{{1,2},{3,4}}' or b = '{{x,y},{z,w}}'")
        #expect(try read("from: \"csv:in/{{ day }}\"\nto: sqlite:b").from.reference == "csv:in/2026-11-20")
    }
}
