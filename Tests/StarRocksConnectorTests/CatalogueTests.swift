import ApusCore
import ApusTesting
import Tabular
import Testing

@testable import StarRocksConnector

/// What the catalogue says of tables, of every version.
@Suite(.requires(.starrocks))
struct CatalogueTests {
    @Test(arguments: StarRocksDouble.Profile.allCases)
    func `tables are described with types, keys, comments and defaults`(profile: StarRocksDouble.Profile) throws {
        let house = try Warehouse(profile)
        let isDoris = profile.isDoris
        try house.run(
            """
            CREATE TABLE orders (id bigint NOT NULL COMMENT 'the "id"', dt date NOT NULL, big largeint NULL,
              price decimal(20,4) NULL DEFAULT "1.5", name varchar(30) NULL, note string, flag boolean NOT NULL DEFAULT "1",
              at datetime NULL DEFAULT CURRENT_TIMESTAMP, doc json)
            ENGINE=OLAP \(isDoris ? "UNIQUE" : "PRIMARY") KEY(id, dt) COMMENT 'what "was" ordered'
            PARTITION BY RANGE(dt) (PARTITION p1 VALUES [("2024-01-01"), ("2024-02-01")), PARTITION p2 VALUES [("2024-02-01"), ("2024-03-01")))
            DISTRIBUTED BY HASH(id) BUCKETS 4 PROPERTIES ("replication_num" = "1");
            CREATE TABLE hits (k int, c char(5)) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 2;
            CREATE TABLE sums (k int, v bigint SUM DEFAULT "0") AGGREGATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 2;
            CREATE TABLE other (k int) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 2;
            CREATE VIEW seen AS SELECT id, name FROM orders;
            """)
        let session = try house.open()
        #expect(session.profile.isDoris == isDoris)
        let banner = isDoris ? (profile == .doris ? "Doris 2.1" : "Doris 3.") : "StarRocks \(profile.rawValue.prefix(3))"
        #expect(session.banner.hasPrefix(banner))
        let shape = try session.describe(TableName("orders"))
        #expect(shape.origin == (isDoris ? "doris" : "starrocks") && shape.kind == .table)
        #expect(shape.columns.map(\.name) == ["id", "dt", "big", "price", "name", "note", "flag", "at", "doc"])
        #expect(
            shape.columns.map(\.type) == [
                .int64, .date, .decimal(precision: 39, scale: 0), .decimal(precision: 20, scale: 4), .text(length: 30), .text, .boolean,
                .timestamp(precision: 6), .json,
            ])
        #expect(shape.columns.map(\.nullable) == [false, false, true, true, true, true, false, true, true])
        #expect(shape.columns[0].comment == "the \"id\"" && shape.comment == "what \"was\" ordered")
        #expect(shape.columns[3].initial == .literal("1.5") && shape.columns[7].initial == .currentTimestamp)
        #expect(shape.primaryKey == ["id", "dt"])
        #expect(shape.layout?.partitionColumns == ["dt"])
        #expect(shape.layout?.distribution == "HASH(`id`) BUCKETS 4")
        #expect(session.sliceKey(for: shape) == ["id"])
        #expect(try session.describe(TableName("sums")).columns[1].native == "bigint SUM")
        #expect(try session.describe(TableName("hits")).primaryKey.isEmpty)
        let kinds = Dictionary(uniqueKeysWithValues: try session.tables(schema: nil).map { ($0.name.name, $0.kind) })
        #expect(kinds == ["orders": .table, "hits": .table, "sums": .table, "other": .table, "seen": .view])
        // The bulk says the same, to the partitions and aggregates.
        let all = try session.describeAll(schema: nil) { $0.name.name != "other" }
        #expect(all.map(\.name.name) == ["hits", "orders", "seen", "sums"])
        for one in all { #expect(try session.describe(one.name) == one) }
        let error = apusError { _ = try session.describe(TableName("order")) }
        #expect(error?.code == .notFound && error?.hint?.contains("orders") == true)
    }

    @Test func `materialized views are no tables`() throws {
        let house = try Warehouse()
        try house.run(
            """
            CREATE TABLE base (k int, v int) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 2;
            CREATE MATERIALIZED VIEW sums DISTRIBUTED BY HASH(k) REFRESH ASYNC AS SELECT k, sum(v) AS v FROM base GROUP BY k;
            """)
        let session = try house.open()
        #expect(try session.tables(schema: nil).map(\.kind) == [.table, .view])
        #expect(try session.describe(TableName("sums")).kind == .view)
    }

    @Test func `a query is described without being run`() throws {
        let house = try Warehouse()
        try house.run(
            "CREATE TABLE t (k int, d decimal(10,2), s varchar(10), at datetime) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 2;")
        let session = try house.open()
        let shape = try session.describe(query: "SELECT k, d, s, at, k + 1 AS n FROM t -- all of it")
        #expect(shape.columns.map(\.name) == ["k", "d", "s", "at", "n"])
        #expect(shape.columns.prefix(4).map(\.type) == [.int32, .decimal(precision: 10, scale: 2), .text, .timestamp(precision: 6)])
        #expect(apusError { _ = try session.describe(query: "SELECT nothing FROM t") }?.isTransient == false)
    }

    @Test(arguments: [StarRocksDouble.Profile.v2_5, .v4_0, .doris])
    func `the declaration of a table makes the same table again`(profile: StarRocksDouble.Profile) throws {
        let house = try Warehouse(profile)
        let parted =
            "PARTITION BY RANGE(dt) (PARTITION p1 VALUES [(\"2024-01-01\"), (\"2024-02-01\")), PARTITION p2 VALUES LESS THAN (MAXVALUE))"
        try house.run(
            """
            CREATE TABLE a (dt date NOT NULL, k int, d decimal(12,3), v bigint SUM DEFAULT "0") AGGREGATE KEY(dt, k, d) \(parted)
            DISTRIBUTED BY HASH(k) BUCKETS 3 PROPERTIES ("replication_num" = "1", "colocate_with" = "g");
            """)
        let session = try house.open("replication_num=2")
        let shape = try session.describe(TableName("a"))
        let (made, losses) = session.dialect.translate(shape, named: TableName("b"), origin: shape.origin)
        for sql in session.dialect.create(made, as: made.name) { _ = try session.execute(sql) }
        var again = try session.describe(TableName("b"))
        #expect(losses == ["properties that belong to the source's cluster are left out: colocate_with=g"])
        #expect(again.layout?.properties["replication_num"] == "2" && again.layout?.properties["colocate_with"] == nil)
        again.layout?.properties = shape.layout!.properties
        again.name = shape.name
        #expect(again == shape)
        #expect(try session.partitions(of: TableName("b")).map(\.name) == ["p1", "p2"])
    }
}
