import ApusTesting
import Foundation
import Testing

@Suite struct StarRocksDoubleTests {
    private func load(
        _ csv: String, into table: String, _ database: String, label: String, double: StarRocksDouble
    ) throws -> CommandResult {
        try runCommand(
            "curl",
            [
                "--silent", "--noproxy", "*", "--location-trusted", "-u", "root:pw", "-H", "Expect: 100-continue", "-H",
                "label: \(label)", "-H", "column_separator: |", "-T", "-", "-X", "PUT",
                "http://\(double.node("fe1").http)/api/\(database)/\(table)/_stream_load",
            ], stdin: csv)
    }

    @Test(.requires(.starrocks)) func `rows that curl loads come back by the SQL port, and every step was seen`() throws {
        let double = try StarRocksDouble.shared()
        let database = try double.makeDatabase()
        try double.execute(
            "CREATE TABLE t (k INT, s STRING) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 2", database: database)
        let answer = try load("2|NULL\n1|雨燕\\t|\n3|\\N\n", into: "t", database, label: "\(database)_a", double: double)
        #expect(answer.stdout.contains("too many filtered rows"), "\(answer.stdout)\(answer.stderr)")
        let loaded = try load("2|NULL\n1|雨燕\n3|\\N\n", into: "t", database, label: "\(database)_b", double: double)
        #expect(loaded.stdout.contains("\"Success\""), "\(loaded.stdout)\(loaded.stderr)")

        #expect(try double.columns(of: "t", database: database) == ["k", "s"])
        let rows = try double.rows(of: "t", database: database)
        #expect(rows == [["v1", "v雨燕"], ["v2", "vNULL"], ["v3", "n"]])
        #expect(try double.checksum(of: "t", database: database) == orderedChecksum(rows))
        #expect(try double.checksum(of: "t", database: database, where: "k <> 2") != orderedChecksum(rows))
        #expect(try double.query("SELECT s FROM t ORDER BY k", database: database, on: "fe2") == [["雨燕"], ["NULL"], ["NULL"]])

        let requests = try double.requests(path: "/api/\(database)/")
        #expect(requests.filter { $0.status == 307 }.allSatisfy { $0.node == "fe1" && $0.bodyBytes == 0 && $0.location != nil })
        #expect(requests.last?.node.hasPrefix("be") == true)
        #expect(requests.last?.headers["label"] == "\(database)_b")
        #expect(requests.last?.answer?["Status"] == "Success")
        #expect(try double.statements().contains { $0.sql.contains("CREATE TABLE t") && $0.database == database })
        let states = try double.transactions().filter { $0.database == database }.map(\.state)
        #expect(states == ["ABORTED", "VISIBLE"])
    }

    @Test(.requires(.starrocks)) func `the control API makes faults, moves nodes and names violations`() throws {
        var options = StarRocksDouble.Options(.v2_5)
        options.databases = ["shop"]
        let double = try StarRocksDouble(options)
        try double.execute("CREATE TABLE t (k INT) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k)", database: "shop")
        try double.fault("reset_after_commit", ["table": "t"])
        let reset = try load("1\n", into: "t", "shop", label: "a", double: double)
        #expect(reset.status != 0)
        #expect(try double.faultsTaken() == ["reset_after_commit"])
        #expect(try double.rows(of: "t", database: "shop") == [["v1"]])
        #expect(throws: KitError.self) { try double.fault("no_such_fault") }
        #expect(throws: KitError.self) { try double.configure(["no_such_setting": 1]) }
        try double.configure(["publish_timeout": 0.5, "max_running_txn_num_per_db": 7])

        // A client that does not wait for the redirect.
        try double.fault("late_307", ["seconds": 2])
        try runCommand(
            "curl",
            [
                "--silent", "--noproxy", "*", "-u", "root:pw", "-H", "Expect: 100-continue", "--expect100-timeout", "0.1", "-T", "-",
                "-X", "PUT", "http://\(double.node("fe1").http)/api/shop/t/_stream_load",
            ], stdin: "2\n")
        let deadline = ContinuousClock.now + .seconds(60)
        while try double.violations().isEmpty, ContinuousClock.now < deadline { usleep(50_000) }
        #expect(try double.violations().map(\.what) == ["a body was sent to an FE"])
        try double.forget()
        #expect(try double.violations().isEmpty)

        #expect(try double.query("SELECT version()") == [["5.1.0"]])
        try double.takeDown("fe1")
        #expect(throws: KitError.self) { try double.query("SELECT 1") }
        #expect(try double.query("SELECT 1", on: "fe2") == [["1"]])
        try double.bringUp("fe1")
        try double.become(.v3_3)
        #expect(try double.query("SELECT 1") == [["1"]])
        let url = try double.url(database: "shop", settings: ["strict=false"])
        #expect(url.hasPrefix("starrocks://root:pw@") && url.contains(",") && url.hasSuffix("&strict=false"))

        let pid = try #require(double.pid)
        double.stop()
        #expect(kill(pid, 0) == -1)
    }

    @Test(.requires(.starrocks)) func `a double that only counts stores nothing`() throws {
        var options = StarRocksDouble.Options(.doris)
        options.databases = ["shop"]
        options.countsOnly = true
        let double = try StarRocksDouble(options)
        try double.execute("CREATE TABLE t (k INT) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k)", database: "shop")
        let loaded = try load("1\n2\n", into: "t", "shop", label: "a", double: double)
        #expect(loaded.stdout.contains("\"Success\""), "\(loaded.stdout)\(loaded.stderr)")
        #expect(try double.counters()["rows"] == 2)
        #expect(try double.rows(of: "t", database: "shop").isEmpty)
    }
}
