import ApusCore
import ApusTesting
import Tabular
import Testing

@testable import StarRocksConnector

/// Tables are cut by partition and tablet, and every row is read once, however many physical partitions there are.
@Suite(.requires(.starrocks))
struct TabletTests {
    private static let keyed = """
        CREATE TABLE t (k varchar(40) NOT NULL, v bigint) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 8
        PROPERTIES ("replication_num" = "3");
        """

    /// What the source was asked while it was cut.
    private func asked(_ house: Warehouse, _ body: () throws -> [Slice]) throws -> (slices: [Slice], statements: [String]) {
        let before = try house.double.statements().filter { $0.database == house.database }.count
        let slices = try body()
        return (slices, try house.double.statements().filter { $0.database == house.database }.dropFirst(before).map(\.sql))
    }

    @Test(arguments: [StarRocksDouble.Profile.v3_3, .v3_3shared, .v3_5, .v4_0])
    func `a table with random buckets is read once, whatever its physical partitions`(_ profile: StarRocksDouble.Profile) throws {
        let house = try Warehouse(profile)
        try house.run("CREATE TABLE t (k bigint, v varchar(20)) DUPLICATE KEY(k) DISTRIBUTED BY RANDOM BUCKETS 2;")
        try house.fill("t", "n, CONCAT('v', n)", count: 5000)
        try house.double.makePhysicalPartitions(3, of: "t", database: house.database)
        let session = try house.open()
        let partitions: [StarRocksPartition] = try session.partitions(of: TableName("t"))
        #expect(partitions.map(\.name) == ["t"] && partitions[0].physical.count == 3)
        #expect(partitions[0].rows == 5000)
        let read = wholeRead(try session.describe(TableName("t")), session)
        let whole = try texts(read, session)
        #expect(whole.count == 5000)
        for wish in [SliceWish(channels: 4, rowsPerSlice: 1000), SliceWish(channels: 1, count: 3), SliceWish(channels: 2)] {
            let slices = try session.slices(of: read, wish: wish)
            #expect(try texts(read, session, slices) == whole, "\(slices.map(\.bounds))")
        }
        #expect(try session.slices(of: read, wish: SliceWish(channels: 4, rowsPerSlice: 1000)).count >= 3)
    }

    @Test(arguments: [StarRocksDouble.Profile.v2_5, .v3_3, .v3_5shared, .doris])
    func `a large table with a text key is cut without a sort or a count`(_ profile: StarRocksDouble.Profile) throws {
        let house = try Warehouse(profile)
        try house.run(Self.keyed)
        try house.fill("t", "CONCAT('ä', n % 777, ',', n), n", count: 5000)
        try house.double.multiplyCounts(of: "t", database: house.database, by: 11_000)
        let session = try house.open()
        let read = wholeRead(try session.describe(TableName("t")), session)
        let (slices, statements) = try asked(house) { try session.slices(of: read, wish: SliceWish(channels: 4)) }
        // 55 million rows, in eight tablets.
        #expect(slices.count == 8 && slices.reduce(0) { $0 + ($1.rows ?? 0) } == 55_000_000)
        #expect(!statements.isEmpty)
        for word in ["ROW_NUMBER", "COUNT(", "ORDER BY", "MIN("] { #expect(!statements.contains { $0.contains(word) }, "\(statements)") }
        let whole = try texts(read, session)
        #expect(whole.count == 5000)
        #expect(try texts(read, session, slices) == whole)
        #expect(session.cutRemark == nil)
        // Replicas are no tablets of their own.
        #expect(try session.tablets(of: TableName("t"), partition: "t").count == 8)
    }

    @Test func `a DOUBLE key and a filter do not stand in the way of tablets`() throws {
        let house = try Warehouse()
        try house.run("CREATE TABLE t (k int, d double) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 6;")
        try house.fill("t", "n % 3, n / 7", count: 6000)
        let session = try house.open()
        var read = wholeRead(try session.describe(TableName("t")), session)
        read.key = []
        read.filters = ["d >= 100"]
        let whole = try texts(read, session)
        #expect(whole.count == 5300)
        let slices = try session.slices(of: read, wish: SliceWish(channels: 1, rowsPerSlice: 1500))
        #expect(slices.count > 1)
        #expect(try texts(read, session, slices) == whole)
    }

    @Test func `a single tablet that is too large is cut by the quantiles of a sample`() throws {
        let house = try Warehouse()
        try house.run(Self.keyed.replacing("BUCKETS 8", with: "BUCKETS 1"))
        try house.fill("t", "CONCAT('k', n % 5000, '-', n), n", count: 20_000)
        try house.double.multiplyCounts(of: "t", database: house.database, by: 100)
        let session = try house.open()
        let read = wholeRead(try session.describe(TableName("t")), session)
        let (slices, statements) = try asked(house) { try session.slices(of: read, wish: SliceWish(channels: 1, count: 4)) }
        #expect(slices.count == 4)
        #expect(slices.allSatisfy { if case .part(let text) = $0.bounds { text.contains("tablets=") } else { false } })
        #expect(!statements.contains { $0.contains("ROW_NUMBER") || $0.contains("COUNT(") }, "\(statements)")
        #expect(try texts(read, session, slices) == texts(read, session))
    }

    @Test(arguments: [StarRocksDouble.Profile.v3_3, .v3_3shared, .doris])
    func `tablets that were replaced since the plan end the read of their table`(_ profile: StarRocksDouble.Profile) throws {
        let house = try Warehouse(profile)
        try house.run(Self.keyed)
        try house.fill("t", "CONCAT('k', n), n", count: 2000)
        let session = try house.open()
        let read = wholeRead(try session.describe(TableName("t")), session)
        let slices = try session.slices(of: read, wish: SliceWish(channels: 1, count: 4))
        #expect(slices.count > 1)
        try house.run("INSERT OVERWRITE \(profile == .doris ? "TABLE " : "")t SELECT k, v + 1 FROM t;")
        let error = apusError { _ = try texts(read, session, [slices[0]]) }
        #expect(error?.code == .sourceChanged && error?.isTransient == false, "\(String(describing: error))")
        #expect(error?.message.contains("partition t of t was rewritten") == true)
        // A new plan has the new ones.
        let fresh = try session.slices(of: read, wish: SliceWish(channels: 1, count: 4))
        #expect(try texts(read, session, fresh).count == 2000)
    }

    @Test func `rows that come into new physical partitions while slices are read do no harm to those of the plan`() throws {
        let house = try Warehouse()
        try house.run(
            "CREATE TABLE t (k bigint, v varchar(20)) DUPLICATE KEY(k) DISTRIBUTED BY RANDOM BUCKETS 4 PROPERTIES ('bucket_size' = '16');")
        try house.fill("t", "n, CONCAT('v', n)", count: 4000)
        let session = try house.open()
        let read = wholeRead(try session.describe(TableName("t")), session)
        let slices = try session.slices(of: read, wish: SliceWish(channels: 1, count: 4))
        let before = try texts(read, session)
        func physical() throws -> Int {
            let partitions: [StarRocksPartition] = try session.partitions(of: TableName("t"))
            return partitions[0].physical.count
        }
        let count = try physical()
        for _ in 0..<2 { try house.run("INSERT INTO t VALUES (-1, 'late');") }
        #expect(try physical() > count)
        let rows = try texts(read, session, slices).filter { $0[0] != "-1" }
        #expect(rows == before)
    }

    @Test func `without the right to list tablets the key cuts, and the plan says so`() throws {
        let house = try Warehouse()
        try house.run(Self.keyed.replacing("TABLE t ", with: "TABLE guarded "))
        try house.fill("guarded", "CONCAT('k', n), n", count: 4000)
        let session = try house.open()
        let read = wholeRead(try session.describe(TableName("guarded")), session)
        try house.fault(
            "sql_error",
            [
                "times": -1, "statement": "SHOW TABLET", "code": 5203,
                "message": "Access denied; you need (at least one of) the OPERATE privilege(s)",
            ])
        let slices = try session.slices(of: read, wish: SliceWish(channels: 1, count: 4))
        #expect(session.cutRemark?.contains("OPERATE") == true)
        #expect(slices.count == 4)
        #expect(slices.allSatisfy { if case .range = $0.bounds { true } else { false } }, "\(slices.map(\.bounds))")
        #expect(try texts(read, session, slices) == texts(read, session))
    }

    @Test func `a table with a rollup is cut by its key, since the server may read the rollup instead`() throws {
        let house = try Warehouse()
        try house.run(Self.keyed)
        try house.fill("t", "CONCAT('k', n), n", count: 4000)
        try house.run("ALTER TABLE t ADD ROLLUP r (v, k);")
        let session = try house.open()
        let read = wholeRead(try session.describe(TableName("t")), session)
        let slices = try session.slices(of: read, wish: SliceWish(channels: 1, count: 4))
        #expect(session.cutRemark?.contains("rollups") == true && slices.count == 4)
        #expect(slices.allSatisfy { if case .range = $0.bounds { true } else { false } }, "\(slices.map(\.bounds))")
        #expect(try texts(read, session, slices) == texts(read, session))
    }

    @Test func `a slice that timed out becomes fewer partitions, fewer tablets, ranges of the key`() throws {
        let house = try Warehouse()
        try house.run(
            """
            CREATE TABLE t (dt date NOT NULL, k bigint NOT NULL) DUPLICATE KEY(dt, k) PARTITION BY RANGE(dt)
              (PARTITION a VALUES LESS THAN ("2024-02-01"), PARTITION b VALUES LESS THAN ("2024-03-01"))
            DISTRIBUTED BY HASH(k) BUCKETS 2;
            """)
        try house.fill("t", "IF(n % 2, '2024-01-05', '2024-02-05'), n", count: 4000)
        let session = try house.open()
        let read = wholeRead(try session.describe(TableName("t")), session)
        var slices = [Slice(id: 0, bounds: .all)]
        var kinds: [String] = []
        for _ in 0..<3 {
            let halves = try #require(try session.halves(of: slices[0], in: read))
            slices = halves.map { Slice(id: 0, bounds: $0) } + slices.dropFirst()
            guard case .part(let text) = halves[0] else { continue }
            kinds.append(text.contains("upto=") ? "key" : text.contains("tablets=") ? "tablet" : "partition")
        }
        #expect(kinds == ["partition", "tablet", "key"])
        #expect(try texts(read, session, slices) == texts(read, session))
    }

    @Test func `slices of tablets are told apart in a plan's text, and those of older plans are understood`() throws {
        for bounds: Slice.Bounds in [.all, .null, .range(from: ["1"], upTo: nil), .range(from: nil, upTo: nil)] {
            let part = StarRocksPart(partitions: ["p 1"], tablets: ["10001", "10002"], within: bounds)
            #expect(try StarRocksPart(part.bounds) == part)
        }
        let old = try StarRocksPart(.part("'p1' from='5' upto='9'"))
        #expect(old.tablets == nil && old.partitions == ["p1"] && old.range == .range(from: ["5"], upTo: ["9"]))
        for text in ["'p1','p2' tablets=1", "'p1' tablets=", "'p1' tablets=x"] {
            #expect(throws: ApusError.self) { try StarRocksPart(.part(text)) }
        }
    }

    @Test func `every aggregate state that cannot be selected is a finding of its own column`() throws {
        let house = try Warehouse()
        try house.run(
            """
            CREATE TABLE t (k int, h hll HLL_UNION, p percentile PERCENTILE_UNION, b bitmap BITMAP_UNION)
            AGGREGATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 2;
            """)
        let session = try house.open()
        let read = wholeRead(try session.describe(TableName("t")), session)
        let found = session.findings(of: read)
        #expect(found.map(\.column) == ["h", "p"] && found.allSatisfy { $0.severity == .error && $0.code == .unsupported })
        #expect(found.allSatisfy { $0.message.contains("exclude") })
    }
}
