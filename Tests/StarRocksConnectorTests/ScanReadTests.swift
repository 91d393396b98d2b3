import ApusCore
import ApusTesting
import Tabular
import Testing

@testable import StarRocksConnector

/// `read=scan` against the double's scanners, which are PyPI's thrift and pyarrow.
@Suite(.requires(.starrocks), .serialized)
struct ScanReadTests {
    private static func double(_ profile: StarRocksDouble.Profile) throws -> StarRocksDouble {
        var options = StarRocksDouble.Options(profile)
        options.scans = true
        return try StarRocksDouble(options)
    }

    private func house(_ double: StarRocksDouble, rows: Int = 1500) throws -> Warehouse {
        let house = try Warehouse(double)
        try house.run(
            """
            CREATE TABLE t (id int, flag boolean, tiny tinyint, small smallint, big bigint, huge largeint, f float, d double,
              n decimal(38,10), c char(10), s varchar(65533), day date, at datetime, doc json)
            DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 4;
            """)
        try house.fill(
            "t",
            """
            n, n % 2, n % 128 - 64, n, n * 1000003, CONCAT('-', n, '00000000000000000000000000000000'), n / 4, n / 7, n / 3, 'ä',
            IF(n % 5 = 0, NULL, CONCAT('it''s "', n, '"\\n\\t')), DATE_ADD('2000-01-01', INTERVAL n DAY),
            IF(n % 3 = 0, NULL, '2024-02-29 12:00:00.123456'), CONCAT('{"a":', n, '}')
            """, count: rows)
        return house
    }

    /// Whether a reader of the slice reads off the BEs.
    private func scans(_ read: Read, _ session: StarRocksSession) throws -> (isScan: Bool, remark: String?) {
        let reader = try session.reader(read, Slice(id: 0, bounds: .all), wire: [])
        defer { reader.close() }
        return (reader is ScanReader, reader.remark)
    }

    @Test(arguments: [StarRocksDouble.Profile.v3_3, .doris])
    func `scanned values are those of the SQL port, for every type and slice`(profile: StarRocksDouble.Profile) throws {
        let double = try Self.double(profile)
        defer { double.stop() }
        let house = try house(double)
        let sql = try house.open()
        let read = wholeRead(try sql.describe(TableName("t")), sql)
        let expected = try texts(read, sql)
        let scan = try house.open("read=scan")
        let way = try scans(read, scan)
        #expect(way.isScan, "\(way.remark ?? "")")
        #expect(expected.count == 1500)
        #expect(try texts(read, scan) == expected)
        #expect(try double.scans().count >= 2)
        // In slices, with conditions, of some columns in another order.
        let slices = try scan.slices(of: read, wish: SliceWish(channels: 4, rowsPerSlice: 300))
        #expect(slices.count > 1)
        #expect(try texts(read, scan, slices) == expected)
        var some = read
        some.items = [Read.Item("s"), Read.Item("id")]
        some.schema = Schema([read.schema[10], read.schema[0]])
        some.filters = ["id >= 700"]
        let part = try texts(some, scan)
        #expect(part.count == 800)
        #expect(try part == texts(some, sql))
        // What is loaded meanwhile is not read: the plan has pinned the version.
        let reader = try scan.reader(read, Slice(id: 0, bounds: .all), wire: [])
        try house.run("INSERT INTO t (id) VALUES (999999);")
        let batch = Batch(schema: read.schema)
        var count = 0
        var goesOn = true
        while goesOn {
            batch.reset()
            goesOn = try reader.read(into: batch)
            count += batch.rowCount
        }
        reader.close()
        #expect(count == 1500 && reader.rowsRead == 1500)
    }

    @Test func `what cannot be scanned is read over the SQL port, and why is said`() throws {
        let double = try Self.double(.v3_3)
        defer { double.stop() }
        let house = try house(double, rows: 50)
        try house.run(
            """
            CREATE TABLE l (id int, list array<int>) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2;
            INSERT INTO l VALUES (1, '[1,null]');
            CREATE VIEW v AS SELECT id FROM t;
            """)
        let session = try house.open("read=scan")
        let read = wholeRead(try session.describe(TableName("t")), session)
        func remark(_ read: Read) throws -> String {
            let way = try scans(read, session)
            #expect(!way.isScan)
            return way.remark ?? ""
        }
        let list = wholeRead(try session.describe(TableName("l")), session)
        #expect(try remark(list).contains("l is read over the SQL port, not by read=scan: `list` is of type"))
        #expect(try texts(list, session) == [["1", "[1,null]"]])
        #expect(try remark(wholeRead(session.describe(TableName("v")), session)).contains("the FE plans no scan: only support OlapTable"))
        var expression = read
        expression.items[0].expression = "id + 1"
        #expect(try remark(expression).contains("`id` is an expression"))
        let query = Read(relation: .query("SELECT id FROM t"), items: [Read.Item("id")], schema: Schema([Column("id", .int32)]))
        #expect(try remark(query).contains("a query is not a table"))
        try house.fault("query_plan_error", ["status": 403, "message": "no"])
        #expect(try remark(read).contains("the FE plans no scan: no"))
        // No BE is reached at the address that is said.
        let away = try house.open(
            "read=scan", "connect_timeout=2s", "be_map=\(double.node("be1").host)=127.0.0.1:1,\(double.node("be2").host)=127.0.0.1:1")
        let way = try scans(read, away)
        #expect(!way.isScan && way.remark?.contains("no BE's thrift port answers") == true)
        #expect(try texts(read, away).count == 50)
    }

    @Test func `a scanner that ends early, expires or miscounts makes the slice be read again`() throws {
        let double = try Self.double(.v3_3)
        defer { double.stop() }
        let house = try house(double, rows: 12_000)
        let session = try house.open("read=scan")
        let read = wholeRead(try session.describe(TableName("t")), session)
        let expected = try texts(read, house.open())
        for (fault, code) in [("scan_reset", ApusError.Code.unreachable), ("scan_expired", .transient), ("scan_offset", .transient)] {
            // Behind the first batch.
            try house.fault(fault, ["skip": 1])
            let error = apusError { _ = try texts(read, session) }
            #expect(error?.code == code && error?.isTransient == true, "\(fault): \(String(describing: error))")
            #expect(try texts(read, session) == expected)
        }
        // The first BE refuses: another replica, or the SQL port.
        try house.fault("scan_refused")
        #expect(try texts(read, session) == expected)
    }
}
