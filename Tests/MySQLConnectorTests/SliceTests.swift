import ApusCore
import ApusTesting
@testable import MySQLConnector
import Tabular
import Testing

/// Slices are disjoint and complete, by the server's own count; and even where that is promised.
@Suite(.requires(.mariadb))
struct SliceTests {
    private func check(
        _ play: Playground, _ table: String, key: [String], channels: Int = 4, rowsPerSlice: Int = 10_000, evenness: Double? = nil,
        minimum: Int = 4,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let source = try play.open()
        let shape = try source.describe(TableName(table))
        let read = Read(shape, key: key)
        let slices = try source.slices(of: read, wish: SliceWish(channels: channels, rowsPerSlice: rowsPerSlice))
        #expect(slices.count >= minimum, sourceLocation: sourceLocation)
        #expect(slices.map(\.id) == Array(slices.indices), sourceLocation: sourceLocation)
        let dialect = MySQLDialect()
        let conditions = slices.map { slice in
            let sql = read.whereSQL(slice.bounds, dialect)
            return sql.isEmpty ? "1=1" : String(sql.dropFirst(" WHERE ".count))
        }
        let sums = conditions.map { "COALESCE(SUM(CASE WHEN \($0) THEN 1 ELSE 0 END), 0)" }.joined(separator: ",")
        let hits = conditions.map { "(CASE WHEN \($0) THEN 1 ELSE 0 END)" }.joined(separator: " + ")
        let counts = try play.rows("SELECT \(sums) FROM `\(table)`")[0].map { Int($0)! }
        let total = Int(try play.value("SELECT COUNT(*) FROM `\(table)`"))!
        #expect(counts.reduce(0, +) == total, sourceLocation: sourceLocation)
        #expect(try play.value("SELECT COUNT(*) FROM `\(table)` WHERE (\(hits)) <> 1") == "0", sourceLocation: sourceLocation)
        if let evenness {
            let ranges = zip(slices, counts).filter { $0.0.bounds != .null }.map(\.1)
            let fair = Double(ranges.reduce(0, +)) / Double(ranges.count)
            #expect(Double(ranges.max()!) <= fair * evenness, "\(counts)", sourceLocation: sourceLocation)
        }
        // What the reader gives for each slice is what the condition says.
        var readRows = 0
        for slice in slices.prefix(3) { readRows += try texts(read, source, slice).count }
        #expect(readRows == counts.prefix(3).reduce(0, +), sourceLocation: sourceLocation)
    }

    @Test func `integer keys of every distribution are cut evenly`() throws {
        let play = try Playground()
        try play.run(
            """
            CREATE TABLE uniform (k bigint PRIMARY KEY, v char(50)) SELECT seq AS k, 'x' AS v FROM seq_1_to_100000;
            CREATE TABLE snowflake (k bigint PRIMARY KEY, v char(50)) SELECT (seq DIV 100) * 4194304000 + 1234567 * 4194304 + seq % 100 AS k, 'x' AS v FROM seq_1_to_100000;
            CREATE TABLE hot (k bigint PRIMARY KEY, v char(50)) SELECT IF(seq <= 1000, seq * 9000000000000000, 5000000000000000123 + seq) AS k, 'x' AS v FROM seq_1_to_100000;
            CREATE TABLE negative (k bigint PRIMARY KEY, v char(50)) SELECT CAST(seq AS SIGNED) * 3 - 9223372036854775807 AS k, 'x' AS v FROM seq_1_to_100000;
            CREATE TABLE huge (k bigint unsigned PRIMARY KEY, v char(50)) SELECT 18446744073709551615 - seq * 7 AS k, 'x' AS v FROM seq_0_to_99999;
            CREATE TABLE both_ends (k bigint PRIMARY KEY, v char(50)) SELECT CAST(IF(seq % 2, CAST(seq AS SIGNED) - 9223372036854775807, 9223372036854775807 - CAST(seq AS SIGNED)) AS SIGNED) AS k, 'x' AS v FROM seq_1_to_100000;
            ANALYZE TABLE uniform, snowflake, hot, negative, huge, both_ends;
            """)
        for table in ["uniform", "snowflake", "hot", "negative", "huge", "both_ends"] {
            try check(play, table, key: ["k"], evenness: 1.6, minimum: 5)
        }
    }

    @Test func `text keys are cut by the server's collation`() throws {
        let play = try Playground()
        try play.run(
            """
            CREATE TABLE words (k varchar(40) PRIMARY KEY) COLLATE utf8mb4_unicode_ci
            SELECT CONCAT(ELT(1 + seq % 9, 'a', 'A', 'ä', 'Z', 'z''q', 'b\\\\s', '中', '😀', ' '), LPAD(seq * 7919 % 100003, 6, '0')) AS k FROM seq_1_to_50000;
            CREATE TABLE same (id int PRIMARY KEY, k varchar(40), KEY (k)) COLLATE utf8mb4_general_ci
            SELECT seq AS id, IF(seq % 10 < 8, ELT(1 + seq % 4, 'a', 'A', 'ä', 'Ä '), CONCAT('w', seq)) AS k FROM seq_1_to_50000;
            CREATE TABLE binkeys (k varbinary(20) PRIMARY KEY) SELECT UNHEX(MD5(seq)) AS k FROM seq_1_to_50000;
            CREATE TABLE gbk (k varchar(20) CHARACTER SET gbk PRIMARY KEY) SELECT CONVERT(CONCAT('中文', seq) USING gbk) AS k FROM seq_1_to_50000;
            """)
        try check(play, "words", key: ["k"], evenness: 1.6)
        try check(play, "same", key: ["k"], minimum: 2)
        try check(play, "binkeys", key: ["k"], evenness: 1.6)
        try check(play, "gbk", key: ["k"], evenness: 1.6)
    }

    @Test func `composite, nullable, date and decimal keys are cut`() throws {
        let play = try Playground()
        try play.run(
            """
            CREATE TABLE pair (a int, b varchar(10), c date, PRIMARY KEY (a, b, c))
            SELECT seq DIV 20000 AS a, CONCAT('k', seq % 1000) AS b, '2020-01-01' + INTERVAL (seq DIV 1000) DAY AS c FROM seq_1_to_60000;
            CREATE TABLE maybe (id int PRIMARY KEY, k int, KEY (k)) SELECT seq AS id, IF(seq % 5 = 0, NULL, seq) AS k FROM seq_1_to_60000;
            CREATE TABLE days (id int PRIMARY KEY, k datetime(3) NOT NULL, KEY (k)) SELECT seq AS id, '2020-01-01 00:00:00.5' + INTERVAL seq MINUTE AS k FROM seq_1_to_60000;
            CREATE TABLE stamps (k timestamp(6) NOT NULL DEFAULT '2020-01-01' PRIMARY KEY) SELECT '2020-01-01 00:00:00.000001' + INTERVAL seq MINUTE AS k FROM seq_1_to_60000;
            CREATE TABLE decimals (k decimal(20,5) PRIMARY KEY) SELECT seq / 7 AS k FROM seq_1_to_60000;
            CREATE TABLE nothing (k int PRIMARY KEY);
            CREATE TABLE enums (k enum('z','a','m'), id int, PRIMARY KEY (k, id));
            ANALYZE TABLE pair, maybe, days, stamps, decimals;
            """)
        try check(play, "pair", key: ["a", "b", "c"], evenness: 1.6)
        try check(play, "maybe", key: ["k"], evenness: 1.6)
        try check(play, "days", key: ["k"], evenness: 1.6)
        try check(play, "stamps", key: ["k"], evenness: 1.6)
        try check(play, "decimals", key: ["k"], evenness: 1.6)
        try check(play, "nothing", key: ["k"], minimum: 1)
        let source = try play.open()
        let enums = try source.describe(TableName("enums"))
        #expect(source.sliceKey(for: enums) == [])
        #expect(apusError { _ = try source.slices(of: Read(enums, key: ["k"]), wish: SliceWish(channels: 2)) }?.code == .unsupported)
        let query = try source.describe(query: "SELECT k, id FROM enums")
        var read = Read(relation: .query("SELECT k, id FROM enums"), items: [Read.Item("k"), Read.Item("id")], schema: query.schema)
        read.key = [Column("k", query.columns[0].type, nullable: false)]
        #expect(apusError { _ = try source.slices(of: read, wish: SliceWish(channels: 2)) }?.code == .unsupported)
    }

    @Test func `a query is cut in one pass`() throws {
        let play = try Playground()
        try play.run("CREATE TABLE t (id int PRIMARY KEY, v varchar(20)) SELECT seq AS id, CONCAT('v', seq) AS v FROM seq_1_to_50000")
        let source = try play.open()
        let sql = "SELECT id * 2 AS k, v FROM t WHERE id % 5 <> 0;"
        let shape = try source.describe(query: sql)
        var read = Read(relation: .query(sql), items: shape.columns.map { Read.Item($0.name) }, schema: shape.schema)
        read.key = [Column("k", shape.columns[0].type, nullable: shape.columns[0].nullable)]
        let slices = try source.slices(of: read, wish: SliceWish(channels: 1, rowsPerSlice: 10_000))
        #expect(slices.filter { $0.bounds != .null }.count == 4)
        let counts = try slices.map { try texts(read, source, $0).count }
        #expect(counts.reduce(0, +) == 40_000)
        #expect(counts.max()! <= 10_001)
    }

    @Test func `a slice is halved until it is small`() throws {
        let play = try Playground()
        try play.run(
            """
            CREATE TABLE n (k int PRIMARY KEY) SELECT seq AS k FROM seq_1_to_60000;
            CREATE TABLE s (k varchar(40) PRIMARY KEY) SELECT MD5(seq) AS k FROM seq_1_to_60000; ANALYZE TABLE n, s
            """)
        let source = try play.open()
        for table in ["n", "s"] {
            let read = Read(try source.describe(TableName(table)), key: ["k"])
            let parts = try #require(try source.halves(of: SinkTests.all, in: read))
            #expect(parts.count == 2)
            let counts = try parts.enumerated().map { try texts(read, source, Slice(id: $0, bounds: $1)).count }
            #expect(counts.reduce(0, +) == 60_000)
            #expect(counts.min()! > 15_000)
            var small = Slice(id: 0, bounds: parts[0])
            var steps = 0
            while let halves = try source.halves(of: small, in: read), steps < 20 {
                small.bounds = halves[0]
                steps += 1
            }
            #expect(steps > 3 && steps < 12)
            #expect(try texts(read, source, small).count > 100)
        }
    }

    @Test func `buckets follow the weight and not the width`() {
        // A thousand keys in the last thousandth of the range.
        let keys = (0..<1000).map { Int128($0) + 999_000 } + [0, 1]
        var buckets = MySQLBuckets(from: 0, upTo: 1_000_000)
        buckets.refine(slices: 4) { from, upTo in keys.count { $0 >= from && $0 < upTo } }
        let cuts = buckets.cuts(slices: 4)
        #expect(cuts.count == 3)
        for (cut, wanted) in zip(cuts, [250, 500, 750]) {
            #expect(abs(keys.count { $0 < cut } - wanted) < 60)
        }
        #expect(MySQLBuckets(from: 5, upTo: 6).cuts(slices: 3) == [])
    }
}
