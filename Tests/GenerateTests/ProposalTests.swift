import ApusCore
import MySQLConnector
import PostgresConnector
import Tabular
import Testing

@testable import ApusControl

@Suite struct `Proposals of config rows` {
    private func shape(_ columns: [ColumnShape], key: [String] = ["id"], indexed: [String] = [], rows: Int? = 1_000_000) -> TableShape {
        var shape = TableShape(name: TableName("t"), origin: "mysql", columns: columns)
        shape.primaryKey = key
        shape.indexes = indexed.map { IndexShape(name: "i_\($0)", columns: [$0], unique: false) }
        shape.rows = rows
        return shape
    }

    private func column(_ name: String, _ type: ColumnType = .timestamp(precision: 0), native: String = "datetime", null: Bool = false)
        -> ColumnShape
    {
        ColumnShape(name, type, native: native, nullable: null)
    }

    private func watermark(_ shape: TableShape, holdsNull: Bool? = nil) -> WatermarkProposal {
        WatermarkProposal(shape, fullBelow: 100_000) { _ in holdsNull }
    }

    @Test func `a column of changes is taken before one of additions, whatever their order and indexes`() {
        let found = watermark(shape([column("id", .int64), column("create_time"), column("LastUpdateTime")], indexed: ["create_time"]))
        #expect(found.column == "LastUpdateTime" && found.kind == .change)
        #expect(found.reason.contains("upsert by id") && found.reason.contains("NO INDEX"))
        #expect(watermark(shape([column("id", .int64), column("gmt_create")], indexed: ["gmt_create"])).kind == .creation)
    }

    @Test func `what the server sets on every change is a column of changes, whatever its name`() {
        #expect(watermark(shape([column("id", .int64), column("ts", native: "timestamp ON UPDATE current_timestamp()")])).column == "ts")
        #expect(watermark(shape([column("id", .int64), column("修改时间")])).column == "修改时间")
    }

    @Test func `a table whose changes could be missed is loaded whole, and the reason is said`() {
        let columns = [column("id", .int64), column("update_time")]
        #expect(watermark(shape(columns, key: [])).column == nil)
        #expect(watermark(shape(columns, key: [])).reason.contains("without a primary key"))
        // Its rows change: loading it by the time of their addition would miss that.
        let nullable = shape([column("id", .int64), column("update_time", null: true), column("create_time")])
        #expect(watermark(nullable).column == nil && watermark(nullable).reason.contains("may be NULL"))
        #expect(watermark(nullable, holdsNull: true).reason.contains("is NULL in some rows"))
        #expect(watermark(nullable, holdsNull: false).column == "update_time")
    }

    @Test func `small tables, views, texts and other times are loaded whole`() {
        #expect(watermark(shape([column("id", .int64), column("update_time")], rows: 99_999)).reason == "small: about 99999 rows")
        #expect(watermark(shape([column("update_time", .text(length: 19))])).column == nil)
        #expect(watermark(shape([column("birthday", .date), column("order_time")])).column == nil)
        var view = shape([column("update_time")])
        view.kind = .view
        #expect(watermark(view).reason == "a view")
    }

    @Test func `a single integer key is the best to split by`() {
        var both = shape([column("code", .text(length: 9)), column("no", .int32)], key: ["code"])
        both.indexes = [IndexShape(name: "u", columns: ["no"], unique: true)]
        #expect(SplitProposal(both).column == "no")
        #expect(SplitProposal(shape([column("a", .int32), column("b", .int32)], key: ["b", "a"])).column == "b")
        var nullable = shape([column("no", .int32, null: true)], key: [])
        nullable.indexes = [IndexShape(name: "u", columns: ["no"], unique: true)]
        #expect(SplitProposal(nullable).column == nil)
    }

    @Test func `lists are in ordinal order, with replacements in place, constants behind, and quotes only where needed`() throws {
        var wish = GenerateWish(target: try TargetName("ods_{table}"))
        wish.replacements = [("ETL_process_time", "now()")]
        wish.constants = [("tenant_id", "'fz,1'")]
        var computed = column("sum2")
        computed.generated = true
        let table = shape(["id", "order", "a b", "etl_process_time", "Name", "表"].map { column($0) } + [computed, column("tenant_id")])
        let mysql = ConfigRows(wish, dialect: try #require(MySQLConnector().dialect), own: nil)
        #expect(mysql.columnList(table) == "id,`order`,`a b`,now() as etl_process_time,Name,`表`,'fz,1' as tenant_id")
        let postgres = ConfigRows(wish, dialect: try #require(PostgresConnector().dialect), own: nil)
        #expect(postgres.columnList(table) == "id,\"order\",\"a b\",now() as etl_process_time,\"Name\",\"表\",'fz,1' as tenant_id")
        let list = try SelectList(mysql.columnList(table))
        #expect(list.items.map(\.name) == ["id", "order", "a b", "etl_process_time", "Name", "表", "tenant_id"])
        #expect(mysql.unused(in: [table]).isEmpty)
    }

    @Test func `ordernum counts thousandths by size, and passes 1,000 tables`() throws {
        var wish = GenerateWish(target: try TargetName("{table}"))
        let shapes = (0..<1200).map { number in
            var table = shape([column("id", .int64)], rows: 10)
            table.name = TableName("t\(number)")
            table.bytes = number
            return table
        }
        let large = try ConfigRows(wish, dialect: try #require(MySQLConnector().dialect), own: nil).propose(shapes)
        #expect(large.first?.row.sourceTable == "t1199" && large.first.map { ConfigRows.orderText($0.row) } == "1.001")
        #expect(large.last?.row.sourceTable == "t0" && large.last.map { ConfigRows.orderText($0.row) } == "2.2")
        wish.order = .small
        #expect(
            try ConfigRows(wish, dialect: try #require(MySQLConnector().dialect), own: nil).propose(shapes).first?.row.sourceTable == "t0")
    }

    @Test(arguments: [
        ("bo_ods_%", "bo_ods_a", true), ("bo_ods_%", "boXodsX", true), ("bo\\_ods\\_%", "boXodsX", false), ("%", "", true),
        ("a%b%c", "aXXbc", true),
        ("a%b%c", "acb", false), ("_", "é", true), ("__", "表", false), ("100\\%", "100%", true), ("100\\%", "100x", false),
        ("A%", "abc", false),
    ])
    func `LIKE means what it means in SQL`(pattern: String, name: String, matches: Bool) throws {
        #expect(try LikePattern(pattern).matches(name) == matches)
    }
}
