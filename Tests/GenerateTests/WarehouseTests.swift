import ApusTesting
import Foundation
import Testing

/// StarRocks and Doris from the shell: connections, plans, copies, control rows, checksums.
@Suite(.requires(.starrocks)) struct `A warehouse at the shell` {
    private struct Place {
        let double: StarRocksDouble
        let database: String
        let desk: Desk

        init(_ profile: StarRocksDouble.Profile = .v3_3) throws {
            double = try .shared(profile)
            database = try double.makeDatabase()
            desk = try Desk()
        }

        func url(_ settings: String..., database other: String? = nil) throws -> String {
            try double.url(database: other ?? database, settings: settings)
        }

        func run(_ sql: String) throws { try double.execute(sql, database: database) }

        func fill(_ table: String, _ list: String, count: Int) throws {
            try run(
                """
                INSERT INTO \(table) WITH RECURSIVE d(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM d WHERE i < 499), \
                s(n) AS (SELECT a.i * 500 + b.i FROM d AS a JOIN d AS b) SELECT \(list) FROM s WHERE n < \(count)
                """)
        }
    }

    static let orders = """
        CREATE TABLE orders (id bigint NOT NULL, dt date NOT NULL, amount decimal(18,2), name varchar(40), at datetime) PRIMARY KEY(id, dt)
        PARTITION BY RANGE(dt) (PARTITION p1 VALUES LESS THAN ("2024-02-01"), PARTITION p2 VALUES LESS THAN ("2024-03-01"))
        DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES ("replication_num" = "1");
        CREATE TABLE hits (dt date NOT NULL, k int, v varchar(20)) DUPLICATE KEY(dt, k)
        PARTITION BY RANGE(dt) (PARTITION p1 VALUES LESS THAN ("2024-02-01"), PARTITION p2 VALUES LESS THAN ("2024-03-01"))
        DISTRIBUTED BY HASH(k) BUCKETS 2 PROPERTIES ("replication_num" = "1");
        CREATE VIEW seen AS SELECT id FROM orders;
        """

    @Test func `connections are tried, listed and looked into, and the password is never shown`() throws {
        let place = try Place()
        try place.run(Self.orders)
        try place.run("CREATE MATERIALIZED VIEW sums DISTRIBUTED BY HASH(k) REFRESH ASYNC AS SELECT k, count(*) AS n FROM hits GROUP BY k;")
        try place.run("INSERT INTO orders VALUES (7, '2024-01-05', 1.50, 'ä', '2024-01-05 10:00:00.25');")
        let url = try place.url()
        let test = try place.desk.apus("conn", "test", url)
        expect(test, 0, "ok: starrocks://root", "StarRocks 3.3")
        #expect(!(test.stdout + test.stderr).contains(":pw@"))
        expect(try place.desk.apus("conn", "tables", url), 0, "orders", "hits", "seen", "sums", "view")
        expect(try place.desk.apus("conn", "peek", url, "orders"), 0, "7", "1.50", "ä", "2024-01-05 10:00:00.25", "bigint")
        expect(try place.desk.apus("connectors", "starrocks"), 0, "be_map", "query_timeout", "replication_num")
        let wrong = try place.desk.apus("conn", "test", url.replacing(":pw@", with: ":s3cret@"))
        expect(wrong, 78, "wrong user name or password")
        #expect(!(wrong.stdout + wrong.stderr).contains("s3cret"))
        // One host and port is all that MySQL takes.
        expect(try place.desk.apus("conn", "test", "mysql://u@a:1,b:2/db"), 78, "takes one host and port")
    }

    @Test func `control rows are generated from a warehouse without its views, and load another one`() throws {
        let place = try Place()
        try place.run(Self.orders)
        try place.fill("orders", "n, IF(n % 2, '2024-01-10', '2024-02-10'), n / 7, CONCAT('a', n), '2024-01-01 00:00:00'", count: 3000)
        try place.fill("hits", "'2024-02-03', n % 50, CONCAT('h', n)", count: 2500)
        let target = try place.double.makeDatabase()
        let names = ["APUS_CONNECTION_SRC": try place.url(), "APUS_CONNECTION_ODS": try place.url(database: target)]
        expect(
            try place.desk.apus("generate", "--from", "src", "--to", "ods", "--order", "name", "--into", "control", "--full", with: names),
            0,
            "2 rows added")
        #expect(
            try place.desk.control.lines("SELECT src_table_name, src_table_column FROM datax_config ORDER BY src_table_name") == [
                "hits|dt,k,v", "orders|id,dt,amount,name,at",
            ])
        expect(try place.desk.apus("extract", "--control", "control", with: names), 0)
        for table in ["orders", "hits"] {
            #expect(
                try place.double.checksum(of: table, database: target) == place.double.checksum(of: table, database: place.database),
                "\(table)")
        }
        // The same again takes the places of the tables.
        expect(try place.desk.apus("extract", "--control", "control", with: names), 0)
        #expect(try place.double.checksum(of: "hits", database: target) == place.double.checksum(of: "hits", database: place.database))
    }

    @Test(arguments: [StarRocksDouble.Profile.v2_5, .v3_3, .doris])
    func `tables go to MariaDB and back, and verify finds them equal`(_ profile: StarRocksDouble.Profile) throws {
        let place = try Place(profile)
        try place.run(profile == .doris ? Self.orders.replacing("PRIMARY KEY", with: "UNIQUE KEY") : Self.orders)
        try place.fill(
            "orders", "n * 3, IF(n % 2, '2024-01-10', '2024-02-10'), n / 7, CONCAT('ä''\\\\', n), '2024-01-01 00:00:00.125'", count: 2000)
        let server = try MariaDBServer.shared()
        let middle = try server.makeDatabase()
        let there = server.url(database: middle)
        expect(try place.desk.apus("copy", place.url(), there, "--table", "orders"), 0)
        #expect(try server.query("SELECT COUNT(*), SUM(id) FROM orders", database: middle) == [["2000", "5997000"]])
        let back = try place.double.makeDatabase()
        let url = try place.url("replication_num=1", database: back)
        expect(try place.desk.apus("copy", there, url, "--table", "orders"), 0)
        #expect(try place.double.checksum(of: "orders", database: back) == place.double.checksum(of: "orders", database: place.database))
        let created = try place.double.query("SHOW CREATE TABLE orders", database: back)[0][1]
        #expect(created.contains(profile == .doris ? "UNIQUE KEY(`id`, `dt`)" : "PRIMARY KEY(`id`, `dt`)"))
        let ends = "export APUS_CONNECTION_MIDDLE='\(there)' APUS_CONNECTION_BACK='\(url)'; "
        expect(
            try place.desk.shell(
                ends + "printf 'from: middle\nto: back\ntables:\n  orders: {}\n' > flow.yaml; "
                    + "apus plan flow.yaml -o plan.json && apus verify plan.json --values-only"), 0, "1 of 1 tables equal")
        try place.double.execute("DELETE FROM orders WHERE id = 3", database: back)
        expect(try place.desk.shell(ends + "apus verify plan.json --values-only"), 2, "1 different")
    }

    @Test(arguments: [StarRocksDouble.Profile.v2_5, .v3_3, .doris])
    func `rows that say so are deleted, by the column __op`(_ profile: StarRocksDouble.Profile) throws {
        let place = try Place(profile)
        let isDoris = profile == .doris
        try place.run(isDoris ? Self.orders.replacing("PRIMARY KEY", with: "UNIQUE KEY") : Self.orders)
        try place.fill("orders", "n, '2024-01-10', n, 'old', NULL", count: 5)
        let server = try MariaDBServer.shared()
        let middle = try server.makeDatabase()
        try server.execute(
            """
            CREATE TABLE orders (id BIGINT, dt DATE NOT NULL, amount DECIMAL(18,2), name VARCHAR(40), gone TINYINT NOT NULL, PRIMARY KEY (id, dt));
            INSERT INTO orders VALUES (1, '2024-01-10', NULL, NULL, 1), (2, '2024-01-10', 7, 'changed', 0), (9, '2024-01-10', 9, 'new', 0), (8, '2024-01-10', 1, 'never there', 1)
            """, database: middle)
        let flow = place.desk.home.file("flow.yaml")
        func write(_ mode: String, table: String = "orders") throws {
            try """
            from: \(server.url(database: middle))
            to: \(try place.url("replication_num=1"))
            tables:
              orders: {mode: \(mode), to: \(table), columns: [id, dt, amount, name, {__op: gone}]}
            """.write(toFile: flow, atomically: true, encoding: .utf8)
        }
        try write("upsert")
        expect(try place.desk.apus("run", "flow.yaml"), 0)
        #expect(
            try place.double.query("SELECT id, amount, name FROM orders ORDER BY id", database: place.database)
                == [["0", "0.00", "old"], ["2", "7.00", "changed"], ["3", "3.00", "old"], ["4", "4.00", "old"], ["9", "9.00", "new"]])
        try write("append")
        expect(try place.desk.apus("run", "flow.yaml"), 78, "`__op` says which rows to delete: that is for mode `upsert`")
        try write("upsert", table: "hits")
        expect(try place.desk.apus("run", "flow.yaml"), 78)
    }

    @Test func `a table whose partitions time out at the configured query_timeout is moved without a hand`() throws {
        let place = try Place()
        try place.run(Self.orders)
        try place.fill("orders", "n, IF(n % 3, '2024-01-10', '2024-02-10'), n / 7, CONCAT('a', n), NULL", count: 12_000)
        let server = try MariaDBServer.shared()
        let target = try server.makeDatabase()
        // 2,000 rows in two seconds.
        try place.double.fault(
            "slow_scan", ["times": -1, "rows_per_second": 1000, "table": "orders", "database": .text(place.database)])
        let result = try place.desk.apus("copy", place.url("query_timeout=2s"), server.url(database: target), "--table", "orders")
        expect(result, 0)
        #expect(try server.query("SELECT COUNT(*), SUM(id) FROM orders", database: target) == [["12000", "71994000"]])
        #expect((try place.double.counters()["query_timeouts"] ?? 0) > 0)
    }

    @Test func `a later run reads the partitions that were written to, and no others`() throws {
        let place = try Place()
        try place.run(Self.orders)
        try place.fill("hits", "IF(n % 2, '2024-01-10', '2024-02-10'), n % 50, CONCAT('h', n)", count: 2000)
        let other = try place.double.makeDatabase()
        let server = try MariaDBServer.shared()
        let middle = try server.makeDatabase()
        func sums() throws -> [String] {
            try server.query("SELECT dt, COUNT(*), MIN(v) FROM hits GROUP BY dt ORDER BY dt", database: middle).map {
                $0.joined(separator: " ")
            }
        }
        for (name, url) in [("sql.yaml", server.url(database: middle)), ("sr.yaml", try place.url(database: other))] {
            try "from: \(place.url())\nto: \(url)\ntables:\n  hits: { watermark: partitions() }\n".write(
                toFile: place.desk.home.file(name), atomically: true, encoding: .utf8)
            expect(try place.desk.apus("run", name), 0)
        }
        #expect(try sums() == ["2024-01-10 1000 h1", "2024-02-10 1000 h0"])
        // Nothing has changed: nothing is read.
        try place.double.forget()
        for name in ["sql.yaml", "sr.yaml"] { expect(try place.desk.apus("run", name), 0) }
        #expect(try !place.double.statements().contains { $0.database == place.database && $0.sql.contains("SELECT `dt`") })
        #expect(try sums() == ["2024-01-10 1000 h1", "2024-02-10 1000 h0"])
        // One partition changes, another comes.
        try place.run(
            """
            DELETE FROM hits PARTITION p2 WHERE k = 0;
            INSERT INTO hits VALUES ('2024-02-10', 1, 'new');
            ALTER TABLE hits ADD PARTITION p3 VALUES LESS THAN ("2024-04-01");
            INSERT INTO hits VALUES ('2024-03-05', 2, 'march');
            """)
        try place.double.forget()
        for name in ["sql.yaml", "sr.yaml"] { expect(try place.desk.apus("run", name), 0) }
        let reads = try place.double.statements().filter { $0.database == place.database && $0.sql.contains("SELECT `dt`") }
        #expect(!reads.isEmpty && reads.allSatisfy { $0.sql.contains("p2") && !$0.sql.contains("p1") }, "\(reads.map(\.sql))")
        #expect(try sums().map { $0.prefix(15) } == ["2024-01-10 1000", "2024-02-10 961 ", "2024-03-05 1 ma"])
        #expect(try place.double.checksum(of: "hits", database: other) == place.double.checksum(of: "hits", database: place.database))
    }
}
