import ApusTesting
import Foundation
import Testing

/// Partitions, tablets and scanners of the double, as tests ask for them.
@Suite(.requires(.starrocks)) struct StarRocksScanDoubleTests {
    @Test func `a table has as many physical partitions and counted rows as the test says`() throws {
        let double = try StarRocksDouble.shared()
        let database = try double.makeDatabase()
        try double.execute(
            """
            CREATE TABLE t (k INT) DUPLICATE KEY(k) DISTRIBUTED BY RANDOM BUCKETS 2 PROPERTIES ("replication_num" = "1");
            INSERT INTO t VALUES (1), (2), (3), (4), (5)
            """, database: database)
        try double.makePhysicalPartitions(2, of: "t", database: database)
        try double.multiplyCounts(of: "t", database: database, by: 11_000_000)
        let shown = try double.query("SHOW PARTITIONS FROM t", database: database)
        #expect(shown.map { $0[1] } == ["t", "t"])
        #expect(Set(shown.map { $0[0] }).count == 2)
        #expect(shown.compactMap { Int($0[16]) }.reduce(0, +) == 55_000_000)
        #expect(try double.query("SHOW TABLET FROM t", database: database).count == 4)
    }

    @Test func `a shared-data cluster has no version times, and its compactions raise versions`() throws {
        let double = try StarRocksDouble(StarRocksDouble.Options(.v3_3shared))
        defer { double.stop() }
        let database = try double.makeDatabase()
        try double.execute("CREATE TABLE t (k INT) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k); INSERT INTO t VALUES (1)", database: database)
        let before = try double.query("SHOW PARTITIONS FROM t", database: database)[0]
        try double.compact("t", database: database)
        let after = try double.query("SHOW PARTITIONS FROM t", database: database)[0]
        #expect(before[3] == "2" && after[3] == "3" && after[0] == before[0])
    }
}

@Suite(.requires(.starrocks, .scans)) struct StarRocksScannerTests {
    @Test func `a plan names the scanners of the BEs, and they answer`() throws {
        var options = StarRocksDouble.Options()
        options.scans = true
        options.databases = ["shop"]
        let double = try StarRocksDouble(options)
        defer { double.stop() }
        try double.execute(
            """
            CREATE TABLE t (k INT) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 2 PROPERTIES ("replication_num" = "1");
            INSERT INTO t VALUES (1), (2), (3)
            """, database: "shop")
        let answer = try runCommand(
            "curl",
            [
                "--silent", "--noproxy", "*", "-u", "root:pw", "-H", "Expect:", "-X", "POST", "--data-binary", "@-",
                "http://\(double.node("fe2").http)/api/shop/t/_query_plan",
            ], stdin: "{\"sql\": \"select k from shop.t\"}")
        let places = try ["be1", "be2"].map { name in
            let node = try double.node(name)
            return "\(node.host):\(node.scanPort ?? 0)"
        }
        #expect(places.allSatisfy { answer.stdout.contains($0) }, "\(answer.stdout)\(answer.stderr)")
        #expect(answer.stdout.contains("opaqued_query_plan"))
        #expect(try double.scans().isEmpty)
    }
}
