import ApusCore
import ApusTesting
import Tabular
import Testing

@testable import PostgresConnector

@Suite struct SliceTests {
    /// The rows of each slice, read through the product; every row must be in exactly one.
    static func counts(_ place: Place, _ table: String, key: [String], wish: SliceWish, filters: [String] = []) throws -> [(Slice, Int)] {
        let session = try place.session()
        let read = try place.read(session, table, key: key, filters: filters)
        var ids: Set<String> = []
        var result: [(Slice, Int)] = []
        for slice in try session.slices(of: read, wish: wish) {
            let reader = try session.reader(read, slice, wire: [])
            let batch = Batch(schema: read.schema)
            let column = read.schema.index(of: "row_id")!
            var goesOn = true
            while goesOn {
                batch.reset()
                goesOn = try reader.read(into: batch)
                for row in 0..<batch.rowCount {
                    #expect(ids.insert(String(batch.columns[column].int(row))).inserted, "a row is in two slices")
                }
            }
            result.append((slice, reader.rowsRead))
        }
        let from = table.lowercased().hasPrefix("select") ? "(\(table)) q" : table
        let total = try place.values(
            "SELECT count(*) FROM \(from)" + (filters.isEmpty ? "" : " WHERE \(filters.joined(separator: " AND "))"))
        #expect(ids.count == Int(total[0]), "rows are missing")
        return result
    }

    static func expectEven(_ counts: [(Slice, Int)], _ slices: Int, within factor: Double = 1.5) {
        let ranges = counts.filter { $0.0.bounds != .null }
        #expect(ranges.count == slices)
        let mean = Double(ranges.reduce(0) { $0 + $1.1 }) / Double(ranges.count)
        for (slice, count) in ranges {
            #expect(Double(count) < mean * factor && Double(count) > mean / factor, "slice \(slice.id) has \(count) of \(mean)")
        }
    }

    @Test(.requires(.postgres)) func `skewed keys of every type give even slices of a large table`() throws {
        let place = try Place()
        // Snowflake-like ids with a gap and a dense range, in an order that is not the key's; wide rows for many pages.
        try place.sql(
            """
            CREATE TABLE t AS SELECT g AS row_id, CASE WHEN g % 10 = 0 THEN g::bigint << 40 ELSE 1000000 + g END AS k,
              timestamp '2000-01-01' + power(g, 3) * interval '1 microsecond' AS s, date '2020-01-01' + (ln(g) * 1000)::int AS d,
              md5(g::text)::uuid AS u, CASE WHEN g % 3 = 0 THEN 'é' ELSE 'Z' END || md5((g * 7)::text) AS x, g % 100 AS a, g / 100 AS b,
              CASE WHEN g % 5 = 0 THEN NULL ELSE -g END AS n, repeat('x', 300) AS pad
            FROM (SELECT g FROM generate_series(1, 150000) g ORDER BY hashint4(g)) q;
            ANALYZE t
            """)
        let wish = SliceWish(channels: 4, count: 6)
        for key in [["k"], ["s"], ["u"], ["x"], ["a", "b"], ["d", "row_id"]] {
            Self.expectEven(try Self.counts(place, "t", key: key, wish: wish), 6)
        }
        let withNulls = try Self.counts(place, "t", key: ["n"], wish: wish)
        #expect(withNulls.last?.0.bounds == .null)
        #expect(withNulls.last?.1 == 30_000)
        Self.expectEven(withNulls, 6)
        // A filter, a query and a table too small to sample.
        Self.expectEven(try Self.counts(place, "t", key: ["k"], wish: wish, filters: ["row_id <= 4000"]), 6, within: 1.05)
        Self.expectEven(try Self.counts(place, "SELECT row_id, x FROM t WHERE row_id > 149000", key: ["x"], wish: wish), 6, within: 1.05)
        #expect(try Self.counts(place, "t", key: [], wish: wish).count == 1)
        #expect(try Self.counts(place, "t", key: ["k"], wish: SliceWish(channels: 1)).count == 1)
    }

    @Test(.requires(.postgres)) func `sampling reads a part of a large table only`() throws {
        let place = try Place()
        try place.sql("CREATE TABLE t AS SELECT g AS row_id, repeat('x', 500) AS pad FROM generate_series(1, 400000) g; ANALYZE t")
        let counts = try Self.counts(place, "t", key: ["row_id"], wish: SliceWish(channels: 4, count: 4))
        Self.expectEven(counts, 4, within: 1.3)
        // Cuts of a whole count would be exact.
        #expect(counts.contains { $0.1 != 100_000 })
    }

    @Test(.requires(.postgres)) func `a server's collation decides, and one value that fills slices is taken once`() throws {
        let place = try Place()
        try place.sql(
            """
            CREATE TABLE t (row_id int, x text COLLATE "en_x", n numeric, ts timestamptz);
            """.replacing("COLLATE \"en_x\"", with: "COLLATE \"und-x-icu\"")
                + "INSERT INTO t SELECT g, CASE WHEN g < 700 THEN 'hot' ELSE chr(65 + g % 2 * 32 + g % 26) || 'ß' || g END, CASE WHEN g % 7 = 0 THEN 'NaN' ELSE g::numeric / 7 END, 'infinity' FROM generate_series(1, 1000) g"
        )
        let wish = SliceWish(channels: 4, count: 10)
        let counts = try Self.counts(place, "t", key: ["x"], wish: wish)
        #expect(counts.count >= 4)
        #expect(try Self.counts(place, "t", key: ["n"], wish: wish).count >= 9)
        #expect(try Self.counts(place, "t", key: ["ts"], wish: wish).count <= 3)
    }

    @Test(.requires(.postgres)) func `a slice is halved down to a floor`() throws {
        let place = try Place()
        try place.sql(
            "CREATE TABLE t AS SELECT g AS row_id, CASE WHEN g <= 9000 THEN 1 ELSE g END AS hot, NULLIF(g, 5) AS n FROM generate_series(1, 10000) g"
        )
        let session = try place.session()
        func count(_ read: Read, _ bounds: Slice.Bounds) throws -> Int {
            Int(
                try session.query("SELECT count(*) FROM \(read.relationSQL(session.dialect))\(read.whereSQL(bounds, session.dialect))")[0][
                    0]!)!
        }
        let read = try place.read(session, "t", key: ["row_id"])
        let parts = try #require(try session.halves(of: Slice(id: 0, bounds: .range(from: ["2000"], upTo: ["8000"])), in: read))
        #expect(try parts.map { try count(read, $0) } == [3000, 3000])
        #expect(try session.halves(of: Slice(id: 0, bounds: .range(from: ["1"], upTo: ["400"])), in: read) == nil)
        let hot = try place.read(session, "t", key: ["hot"])
        let uneven = try #require(try session.halves(of: Slice(id: 0, bounds: .all), in: hot))
        #expect(try uneven.prefix(2).map { try count(hot, $0) }.reduce(0, +) == 10_000)
        #expect(try uneven.prefix(2).allSatisfy { try count(hot, $0) > 0 })
        let nullable = try place.read(session, "t", key: ["n"])
        let three = try #require(try session.halves(of: Slice(id: 0, bounds: .all), in: nullable))
        #expect(three.count == 3)
        let counts = try three.map { try count(nullable, $0) }
        #expect(counts == [4999, 5000, 1])
    }

    @Test(.requires(.postgres)) func `a watermark's literals mean the same instant, to the microsecond`() throws {
        let place = try Place()
        try place.sql(
            """
            ALTER DATABASE "\(place.database)" SET TimeZone = 'Asia/Shanghai';
            CREATE TABLE t (ts timestamptz, u uuid); INSERT INTO t VALUES ('2024-03-31 01:00:00.123456+01', '00000000-0000-0000-0000-000000000001'),
            ('2024-03-31 08:00:00.123457+08', 'ffffffff-0000-0000-0000-000000000000'), (NULL, NULL)
            """)
        let session = try place.session()
        let read = try place.read(session, "t")
        let top = try #require(try session.maximum(of: Column("ts", .instant(precision: 6)), in: read))
        #expect(top == "2024-03-31 08:00:00.123457+08")
        for (comparison, rows) in [(Comparison.greater, "0"), (.atLeast, "1"), (.atMost, "2"), (.less, "1")] {
            #expect(
                try place.values("SELECT count(*) FROM t WHERE \(session.condition(Column("ts", .instant(precision: 6)), comparison, top))")
                    == [rows])
        }
        #expect(try session.maximum(of: Column("u", .uuid), in: read) == "ffffffff-0000-0000-0000-000000000000")
        #expect(try session.maximum(of: Column("x", .int32), in: place.read(session, "SELECT x FROM generate_series(1, 100) x")) == "100")
        var none = read
        none.filters = ["ts > '2030-01-01'"]
        #expect(try session.maximum(of: Column("ts", .instant(precision: 6)), in: none) == nil)
    }

    @Test(.requires(.postgres)) func `connections of a snapshot see one state, also after an error`() throws {
        let place = try Place()
        try place.sql("CREATE TABLE t AS SELECT 1 AS x")
        let endpoint = try Endpoint(ConnectionURL(parsing: place.server.url(database: place.database)), PostgresConnector())
        let sources = try PostgresConnector().openSnapshot(endpoint, count: 3, interrupt: Interrupt()).map { $0 as! PostgresSession }
        try place.sql("INSERT INTO t VALUES (2)")
        let read = try place.read(try place.session(), "t")
        func rows(_ session: PostgresSession, _ read: Read) throws -> Int {
            let reader = try session.reader(read, Slice(id: 0, bounds: .all), wire: [])
            while try reader.read(into: Batch(schema: read.schema)) {}
            return reader.rowsRead
        }
        sources[0].close()
        for session in sources.dropFirst() {
            #expect(try rows(session, read) == 1)
            var bad = read
            bad.filters = ["1 / (x - 1) > 0"]
            #expect(throws: ApusError.self) { try rows(session, bad) }
            #expect(try rows(session, read) == 1)
            let early = try session.reader(read, Slice(id: 0, bounds: .all), wire: [])
            early.close()
            #expect(try rows(session, read) == 1)
            session.close()
        }
    }
}
