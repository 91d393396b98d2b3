import ApusCore
import ApusTesting
import Tabular
import Testing

@testable import StarRocksConnector

/// Rows come as they are, of every type and version.
@Suite(.requires(.starrocks))
struct ReadTests {
    @Test(arguments: StarRocksDouble.Profile.allCases)
    func `values of every type come as they are`(profile: StarRocksDouble.Profile) throws {
        let house = try Warehouse(profile)
        let nested = profile != .v2_5
        try house.run(
            """
            CREATE TABLE t (id int, flag boolean, tiny tinyint, small smallint, big bigint, huge largeint, f float, d double,
              n decimal(38,10), c char(10), s varchar(65533), day date, at datetime, doc json, list array<int>
              \(nested ? ", m map<int,varchar(10)>, st struct<a int, b varchar(5)>" : ""))
            DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2;
            INSERT INTO t VALUES
            (1, 1, -128, 32767, -9223372036854775808, -170141183460469231731687303715884105727, 0.5, 1.7976931348623157e308,
             -1234567890123456789012345678.0123456789, 'ä', 'it''s "x"\\n\\t\\\\\\N', '0001-01-01', '9999-12-31 23:59:59.999999', '{"a":1}', '[1,null,3]'
             \(nested ? ", '{1:\"x\"}', '{\"a\":1,\"b\":\"y\"}'" : "")),
            (2, 0, 127, -32768, 9223372036854775807, 170141183460469231731687303715884105727, -3.25, -0.1, 0, '', '', '2024-02-29',
             '2024-02-29 12:00:00', 'null', '[]' \(nested ? ", '{}', NULL" : "")),
            (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL \(nested ? ", NULL, NULL" : ""));
            """)
        let session = try house.open()
        let shape = try session.describe(TableName("t"))
        let rows = try texts(wholeRead(shape, session), session)
        var first: [String?] = [
            "1", "true", "-128", "32767", "-9223372036854775808", "-170141183460469231731687303715884105727", "0.5",
            "1.7976931348623157e+308", "-1234567890123456789012345678.0123456789", "ä", "it's \"x\"\n\t\\N", "0001-01-01",
            "9999-12-31 23:59:59.999999", "{\"a\":1}", "[1,null,3]",
        ]
        var second: [String?] = [
            "2", "false", "127", "-32768", "9223372036854775807", "170141183460469231731687303715884105727", "-3.25", "-0.1",
            "0.0000000000", "", "", "2024-02-29", "2024-02-29 12:00:00", "null", "[]",
        ]
        if nested {
            first += ["{1:\"x\"}", "{\"a\":1,\"b\":\"y\"}"]
            second += ["{}", nil]
        }
        #expect(rows.count == 3)
        #expect(rows[0] == first)
        #expect(rows[1] == second)
        #expect(rows[2] == ["3"] + [String?](repeating: nil, count: first.count - 1))
    }

    @Test func `octets of VARBINARY and wide values pass untouched`() throws {
        let house = try Warehouse()
        try house.run(
            """
            CREATE TABLE t (id int, b varbinary, s varchar(1048576)) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2;
            INSERT INTO t SELECT 1, UNHEX('00FF0A0D5C22'), REPEAT('ab', 150000);
            INSERT INTO t SELECT 2, '', REPEAT('x', 250);
            INSERT INTO t SELECT 3, NULL, REPEAT('y', 251);
            """)
        let session = try house.open()
        let rows = try texts(wholeRead(session.describe(TableName("t")), session), session)
        #expect(rows.map { $0[1] } == ["\\x00ff0a0d5c22", "\\x", nil])
        #expect(rows.map { $0[2]?.utf8.count } == [300_000, 250, 251])
        #expect(rows[0][2] == String(repeating: "ab", count: 150_000))
    }

    @Test func `columns that cannot be selected are refused with the reason`() throws {
        let house = try Warehouse()
        try house.run(
            "CREATE TABLE t (k int, h hll HLL_UNION, b bitmap BITMAP_UNION) AGGREGATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 2;")
        let session = try house.open()
        let read = wholeRead(try session.describe(TableName("t")), session)
        let error = apusError { _ = try session.slices(of: read, wish: SliceWish(channels: 1)) }
        #expect(error?.code == .unsupported && error?.message.contains("`h`: values of type HLL") == true)
        #expect(error?.message.contains("exclude") == true)
        #expect(read.selectSQL(StarRocksPart(bounds: .all), session.dialect).contains("bitmap_to_string(`b`) AS `b`"))
    }

    @Test(arguments: [StarRocksDouble.Profile.v2_5, .v3_3, .v4_0, .doris])
    func `slices by partition, tablet and key hold every row once`(profile: StarRocksDouble.Profile) throws {
        let house = try Warehouse(profile)
        try house.run(
            """
            CREATE TABLE t (dt date NOT NULL, id bigint NOT NULL, v varchar(20)) DUPLICATE KEY(dt, id)
            PARTITION BY RANGE(dt) (PARTITION p1 VALUES LESS THAN ("2024-01-02"), PARTITION `p 2` VALUES LESS THAN ("2024-01-03"),
              PARTITION p3 VALUES LESS THAN ("2024-01-04"), PARTITION p4 VALUES LESS THAN ("2024-01-05"))
            DISTRIBUTED BY HASH(id) BUCKETS 2;
            """.replacing("`p 2`", with: "p2"))
        try house.fill("t", "'2024-01-01', n, CONCAT('a', n)", count: 500)
        try house.fill("t", "'2024-01-02', n * n, CONCAT('b', n)", count: 8000)
        try house.fill("t", "'2024-01-03', n, CONCAT('c', n)", count: 700)
        let session = try house.open()
        let shape = try session.describe(TableName("t"))
        let read = wholeRead(shape, session)
        #expect(read.key.map(\.name) == ["id"])
        let slices = try session.slices(of: read, wish: SliceWish(channels: 1, count: 5))
        // p1 and p3 with the empty p4 are together or alone, each of the two tablets of p2 is cut by the key.
        #expect((5...8).contains(slices.count), "\(slices.map(\.bounds))")
        #expect(slices.map(\.id) == Array(slices.indices))
        let rows = try texts(read, session, slices)
        let everything = try texts(read, session)
        #expect(rows == everything)
        #expect(rows.count == 9200 && Set(rows.map { $0[2]! }).count == 9200)
        for slice in slices { #expect(try texts(read, session, [slice]).count <= 3500) }
    }

    @Test func `keys that are texts, dates or NULL are cut by the server's order`() throws {
        let house = try Warehouse()
        try house.run(
            """
            CREATE TABLE t (k varchar(40) NULL, at datetime NULL, v int NOT NULL) DUPLICATE KEY(k, at) DISTRIBUTED BY HASH(k) BUCKETS 2;
            """)
        try house.fill(
            "t", "IF(n % 10 = 0, NULL, CONCAT('ä''', n % 37, '%,')), IF(n % 7 = 0, NULL, '2024-01-01 00:00:00.5'), n", count: 6000)
        let session = try house.open()
        var read = wholeRead(try session.describe(TableName("t")), session)
        // The planner takes a second column only when it is never NULL.
        read.key = [read.key[0]]
        let slices = try session.slices(of: read, wish: SliceWish(channels: 4, rowsPerSlice: 1000))
        #expect(slices.count >= 5 && slices.contains { if case .part(let text) = $0.bounds { text.hasSuffix(" null") } else { false } })
        let whole = try texts(read, session)
        #expect(try texts(read, session, slices) == whole)
        let key = Read(relation: .query("SELECT k, at, v FROM t WHERE v < 5000"), items: read.items, schema: read.schema)
        var query = key
        query.key = [Column("v", .int32, nullable: false)]
        query.filters = ["v >= 1000"]
        let parts = try session.slices(of: query, wish: SliceWish(channels: 4, rowsPerSlice: 1000))
        #expect(parts.count == 4)
        let rows = try texts(query, session, parts)
        let picked = try texts(query, session)
        #expect(rows.count == 4000 && rows == picked)
    }

    @Test func `partitions are told apart by their versions and said as conditions`() throws {
        let house = try Warehouse()
        try house.run(
            """
            CREATE TABLE r (dt date NULL, k int) DUPLICATE KEY(dt) PARTITION BY RANGE(dt)
              (PARTITION p1 VALUES LESS THAN ("2024-02-01"), PARTITION p2 VALUES LESS THAN ("2024-03-01"), PARTITION p3 VALUES LESS THAN (MAXVALUE))
              DISTRIBUTED BY HASH(k) BUCKETS 2;
            CREATE TABLE l (city varchar(20) NOT NULL, k int NOT NULL) DUPLICATE KEY(city, k) PARTITION BY LIST(city, k)
              (PARTITION a VALUES IN (("x", "1"), ("its", "2"))) DISTRIBUTED BY HASH(k) BUCKETS 2;
            CREATE TABLE w (k int) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 2;
            """)
        let session = try house.open()
        func conditions(_ table: String) throws -> [String?] {
            let shape = try session.describe(TableName(table))
            let found: [Partition] = try session.partitions(of: wholeRead(shape, session))
            return found.map { $0.condition(session.dialect) { shape.column($0) } }
        }
        #expect(
            try conditions("r") == [
                "(`dt` < '2024-02-01') OR `dt` IS NULL", "`dt` >= '2024-02-01' AND `dt` < '2024-03-01'", "`dt` >= '2024-03-01'",
            ])
        #expect(try conditions("l") == ["(`city` = 'x' AND `k` = 1) OR (`city` = 'its' AND `k` = 2)"])
        #expect(try conditions("w") == ["1 = 1"])
        func marks() throws -> PartitionMarks {
            let found: [Partition] = try session.partitions(of: wholeRead(session.describe(TableName("r")), session))
            return PartitionMarks(found)
        }
        let before = try marks()
        #expect(try marks().changed(since: PartitionMarks(text: before.text)).isEmpty)
        try house.run("INSERT INTO r VALUES ('2024-02-10', 1), ('2024-01-10', 2);")
        #expect(try marks().changed(since: before) == ["p1", "p2"])
        try house.run("ALTER TABLE r DROP PARTITION p3;")
        #expect(try marks().gone(since: before) == ["p3"])
    }
}
