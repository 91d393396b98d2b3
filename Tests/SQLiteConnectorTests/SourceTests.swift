import ApusCore
import SQLiteConnector
import Tabular
import Testing

@Suite struct `SQLite as a source` {
    @Test func `the catalogue tells keys, indexes, references and views`() throws {
        let database = try Database(
            """
            CREATE TABLE "顾客" (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);
            CREATE TABLE "order" (a INT NOT NULL, b TEXT NOT NULL, who INTEGER REFERENCES "顾客" (id) ON DELETE CASCADE,
              PRIMARY KEY (b, a)) WITHOUT ROWID;
            CREATE TABLE free (x);
            CREATE TABLE exact (id INTEGER PRIMARY KEY, u UUID, j JSON, t TIMESTAMP(3) WITH TIME ZONE) STRICT;
            CREATE INDEX plain ON "order" (who);
            CREATE INDEX part ON "order" (a) WHERE a > 5;
            CREATE INDEX expr ON "order" (lower(b));
            CREATE VIEW v AS SELECT id, name || '!' AS loud, count(*) OVER () AS n FROM "顾客";
            INSERT INTO "顾客" (name) VALUES ('a'), ('b');
            """.replacing("u UUID, j JSON, t TIMESTAMP(3) WITH TIME ZONE", with: "u TEXT, j ANY"))
        let session = try database.open()
        #expect(session.banner.hasPrefix("SQLite 3."))
        #expect(try session.tables(schema: nil).map(\.name.name) == ["顾客", "order", "free", "exact", "v"])
        #expect(try session.tables(schema: "main").last?.kind == .view)
        let customers = try session.describe(TableName("顾客"))
        #expect(customers.columns[0].identity && !customers.columns[0].nullable && customers.rows == 2)
        #expect(customers.primaryKey == ["id"] && customers.indexes.map(\.columns) == [["name"]])
        let orders = try session.describe(TableName("ORDER"))
        #expect(orders.name.name == "order" && orders.primaryKey == ["b", "a"])
        #expect(session.sliceKey(for: orders) == ["b", "a"])
        #expect(orders.indexes.map(\.name) == ["plain", "part", "expr"])
        #expect(orders.indexes.map(\.columns) == [["who"], [], []])
        #expect(orders.indexes[1].definition == "CREATE INDEX part ON \"order\" (a) WHERE a > 5")
        #expect(orders.foreignKeys.map(\.references.name) == ["顾客"] && orders.foreignKeys[0].onDelete == "CASCADE")
        #expect(session.sliceKey(for: try session.describe(TableName("free"))) == ["rowid"])
        let view = try session.describe(TableName("v"))
        #expect(view.kind == .view && view.columns.map(\.type) == [.int64, .text, .int64])
        #expect(session.sliceKey(for: view) == [])
        let query = try session.describe(query: "SELECT id * 1.5 AS x, name FROM 顾客 WHERE id > 0;")
        #expect(query.columns.map(\.type) == [.float64, .text] && query.columns.map(\.name) == ["x", "name"])
        let missing = error { _ = try session.describe(TableName("oder")) }
        #expect(missing?.code == .notFound && missing?.hint == "Did you mean `order`?")
        #expect(error { _ = try session.describe(TableName(schema: "shop", "order")) }?.code == .notFound)
    }

    @Test(arguments: ["INTEGER PRIMARY KEY", "TEXT PRIMARY KEY NOT NULL", "TEXT COLLATE NOCASE", "REAL", "BLOB", ""])
    func `slices are disjoint, complete and even`(declaration: String) throws {
        let values =
            switch declaration {
            case "INTEGER PRIMARY KEY": "CASE WHEN i % 2 THEN i ELSE i * 1000000007 END"
            case "TEXT PRIMARY KEY NOT NULL": "'k''' || i || char(0x4e00 + i)"
            // Few values, mixed case, NULLs.
            case "TEXT COLLATE NOCASE":
                "CASE i % 10 WHEN 0 THEN NULL WHEN 1 THEN 'A' WHEN 2 THEN 'a' ELSE 'Z' || (i % 100) END"
            case "REAL": "i / 7.0 - 50"
            case "BLOB": "randomblob(9)"
            default: "CASE i % 4 WHEN 0 THEN i WHEN 1 THEN i / 3.0 WHEN 2 THEN 't' || i ELSE randomblob(4) END"
            }
        let database = try Database(
            """
            CREATE TABLE t (k \(declaration), i INTEGER);
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO t SELECT \(values), i FROM n;
            """)
        let session = try database.open()
        var read = try Database.read(session, "t", key: ["k"])
        read.items = [Read.Item("i")]
        read.schema = Schema([Column("i", .int64)])
        let slices = try session.slices(of: read, wish: SliceWish(channels: 4, count: 8))
        #expect((5...9).contains(slices.count))
        var all: [String] = []
        for slice in slices {
            let part = try rows(session, read, slice).rows
            if declaration != "TEXT COLLATE NOCASE" { #expect(part.count <= 251) }
            all += part
        }
        #expect(all.count == 2000 && Set(all).count == 2000)
        for slice in slices where slice.bounds != .null {
            let whole = try rows(session, read, slice).rows
            guard let halves = try session.halves(of: slice, in: read) else { continue }
            let parts = try halves.map { try rows(session, read, Slice(id: 0, bounds: $0)).rows }
            #expect(Set(parts.flatMap { $0 }) == Set(whole) && parts.reduce(0) { $0 + $1.count } == whole.count)
            #expect(parts.allSatisfy { !$0.isEmpty })
        }
    }

    @Test func `a composite key and a table without a key are cut, and a filter holds in every slice`() throws {
        let database = try Database(
            """
            CREATE TABLE c (a INTEGER NOT NULL, b TEXT NOT NULL, v INTEGER, PRIMARY KEY (a, b));
            CREATE TABLE r (v INTEGER);
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
              INSERT INTO c SELECT i % 3, 'b' || i, i FROM n;
            INSERT INTO r SELECT v FROM c;
            DELETE FROM r WHERE v BETWEEN 500 AND 1500;
            """)
        let session = try database.open()
        for table in ["c", "r"] {
            var read = try Database.read(session, table)
            read.items = [Read.Item("v")]
            read.schema = Schema([Column("v", .int64)])
            read.filters = ["v % 2 = 0"]
            #expect(read.key.map(\.name) == (table == "c" ? ["a", "b"] : ["rowid"]))
            let slices = try session.slices(of: read, wish: SliceWish(channels: 1, count: 6))
            #expect(slices.count == 6)
            let parts = try slices.map { try rows(session, read, $0).rows }
            let expected = try Int(database.cli("SELECT count(*) FROM \(table) WHERE v % 2 = 0"))!
            #expect(Set(parts.flatMap { $0 }).count == expected && parts.reduce(0) { $0 + $1.count } == expected)
            #expect(parts.allSatisfy { $0.count <= expected / 6 + 1 })
        }
    }

    @Test func `a value that its column cannot hold makes a rejected row`() throws {
        let database = try Database(
            """
            CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, d DATE, m DECIMAL(6,2), b BOOLEAN, x TEXT, s SMALLINT, u BIGINT UNSIGNED);
            INSERT INTO t (id, n) VALUES (1, 5), (2, 'abc'), (3, 1.5);
            INSERT INTO t (id, d) VALUES (4, 'abc'), (5, 20240131), (6, '2024-01-31'), (7, '2024-02-30');
            INSERT INTO t (id, m) VALUES (8, 0.1 + 0.2), (9, 1.239), (10, 12345.6), (11, 7), (12, '1.50');
            INSERT INTO t (id, b) VALUES (13, 1), (14, 2), (15, 'true');
            INSERT INTO t (id, x) VALUES (16, CAST(x'ff41' AS TEXT)), (17, x'41'), (18, 'ok');
            INSERT INTO t (id, s) VALUES (19, 40000), (20, -32768);
            INSERT INTO t (id, u) VALUES (21, -1), (22, 9223372036854775807);
            """)
        let session = try database.open()
        let read = try Database.read(session, "t", key: [])
        let found = try rows(session, read)
        #expect(found.rejected.map { $0.row! + 1 } == [2, 3, 4, 5, 7, 9, 10, 14, 16, 17, 19, 21])
        #expect(found.rejected.map { $0.column! } == ["n", "n", "d", "d", "d", "m", "m", "b", "x", "x", "s", "u"])
        #expect(
            found.rejected[0].reason
                == "the column holds a TEXT that is no int64; types=text reads every column as text")
        #expect(found.rejected[0].values.hasPrefix("{\"id\":2,\"n\":\"abc\",\"d\":null"))
        #expect(found.rejected[3].reason.contains("dates=unix"))
        let decimals = found.rows.compactMap { RowJSON.parse($0)?[3].value }
        #expect(decimals == ["0.30", "7.00", "1.50"])
        #expect(!found.rejected.contains { $0.reason.contains("abc") })
        let text = try database.open("types=text")
        let all = try rows(text, try Database.read(text, "t", key: []))
        #expect(all.rejected.map { $0.row! + 1 } == [16, 17])
    }

    @Test(arguments: [("unix", "1706659200"), ("unix_ms", "1706659200000"), ("julian", "2460340.5")])
    func `numbers are dates where the user says so`(meaning: String, number: String) throws {
        let database = try Database(
            "CREATE TABLE t (d DATE, at DATETIME, z TIMESTAMPTZ); INSERT INTO t VALUES (\(number), \(number), \(number));"
        )
        let session = try database.open("dates=\(meaning)")
        #expect(
            try rows(session, Database.read(session, "t", key: [])).rows
                == ["{\"d\":\"2024-01-31\",\"at\":\"2024-01-31 00:00:00\",\"z\":\"2024-01-31 00:00:00+00\"}"])
    }

    @Test func `a watermark and parameters compare as the values they are`() throws {
        let database = try Database(
            """
            CREATE TABLE t (id INTEGER PRIMARY KEY, at TEXT, n REAL);
            INSERT INTO t VALUES (9, 'it''s', 0.1), (10, 'a', 1e300), (100, NULL, -5);
            """)
        let session = try database.open()
        var read = try Database.read(session, "t")
        #expect(try session.maximum(of: Column("id", .text), in: read) == "100")
        #expect(try session.maximum(of: Column("at", .text), in: read) == "'it''s'")
        read.filters = [
            session.condition(Column("id", .text), .greater, "9"), session.condition(Column("at", .text), .less, "b"),
            session.condition(Column("n", .text), .atMost, "1e300"),
        ]
        #expect(try rows(session, read).rows.count == 1)
        read.filters = ["id > 1000"]
        #expect(try session.maximum(of: Column("id", .text), in: read) == nil)
        #expect(try session.query("SELECT at FROM t WHERE id = ? AND n = ?", ["9", "0.1"]) == [["it's"]])
        #expect(try session.query("SELECT ?, n FROM t WHERE id = 100", [nil]) == [[nil, "-5"]])
        #expect(try session.execute("UPDATE t SET n = 1; DELETE FROM t WHERE id < 50") == 2)
    }

    @Test func `sessions of a snapshot see one state, while others write`() throws {
        let database = try Database("PRAGMA journal_mode=wal; CREATE TABLE t (i); INSERT INTO t VALUES (1);")
        let connector = SQLiteConnector()
        let endpoint = try Endpoint(ConnectionURL(parsing: "sqlite:\(database.path)"), connector)
        let sources = try connector.openSnapshot(endpoint, count: 3, interrupt: Interrupt())
        try database.cli("INSERT INTO t VALUES (2);")
        for source in sources {
            let session = try #require(source as? SQLiteSession)
            #expect(try session.query("SELECT count(*) FROM t") == [["1"]])
        }
        #expect(try database.open().query("SELECT count(*) FROM t") == [["2"]])
    }

    @Test func `a file described at once is the same as its tables one by one`() throws {
        let database = try Database(
            """
            CREATE TABLE "顾客" (id INTEGER PRIMARY KEY, name TEXT UNIQUE); CREATE TABLE b (x INT REFERENCES "顾客" (id), y);
            CREATE TABLE skipped (x); CREATE VIEW v AS SELECT id FROM "顾客"; INSERT INTO b VALUES (1, 2.5)
            """)
        let session = try database.open()
        let all = try session.describeAll(schema: nil) { $0.name.name != "skipped" }
        #expect(all.map(\.name.name) == ["顾客", "b", "v"])
        for shape in all { #expect(try session.describe(shape.name) == shape) }
    }
}
