import ApusCore
import ApusTesting
import Foundation
import SQLiteConnector
import Testing

@Suite struct SmokeTests {
    @Test func `a SQLite table arrives in another SQLite file`() throws {
        let folder = try TemporaryFolder()
        let a = folder.path + "/a.db", b = folder.path + "/b.db"
        let sql = """
            CREATE TABLE orders (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL, price DECIMAL(10,2), born DATE, note TEXT);
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
            INSERT INTO orders SELECT i, '名' || i, i || '.25', date('2024-01-01', '+' || (i % 365) || ' day'), CASE WHEN i % 3 = 0 THEN NULL ELSE 'n' || char(10) || i END FROM n;
            CREATE INDEX by_name ON orders (name);
            """
        _ = try runCommand("/usr/bin/sqlite3", [a], stdin: sql)
        var pipeline = try Pipeline((SQLiteConnector(), "sqlite:" + a), (SQLiteConnector(), "sqlite:" + b))
        pipeline.take("orders") {
            $0.slices = 4; $0.withIndexes = true
        }
        for _ in 0..<2 {
            let result = try pipeline.run()
            #expect(result.tables[0].error == nil)
            #expect(result.tally.written == 50_000)
            let dump = "SELECT id, quote(name), quote(price), quote(born), quote(note) FROM orders ORDER BY id;"
            let x = try runCommand("/usr/bin/sqlite3", [a, dump]).stdout, y = try runCommand("/usr/bin/sqlite3", [b, dump]).stdout
            #expect(x == y && !x.isEmpty)
            let left = try runCommand("/usr/bin/sqlite3", [b, "SELECT name FROM sqlite_master ORDER BY name"]).stdout
            #expect(left == "orders\norders_by_name\n")
        }
    }
}
