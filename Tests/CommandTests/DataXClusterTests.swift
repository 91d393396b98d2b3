import ApusTesting
import Foundation
import Testing

/// DataX jobs of StarRocks and Doris, run as their plugins document them, and the values that arrive.
@Suite(.requires(.starrocks, .mariadb)) struct DataXClusterTests {
    let desk: DataXDesk
    init() throws { desk = try DataXDesk() }

    /// A database of a double, and parts of jobs that name it.
    struct Cluster {
        let double: StarRocksDouble
        let database: String

        init(_ profile: StarRocksDouble.Profile, _ sql: String) throws {
            double = try StarRocksDouble.shared(profile)
            database = try double.makeDatabase()
            try double.execute(sql, database: database)
        }

        var account: String { #""username": "\#(double.options.user)", "password": "\#(double.options.password)""# }

        func jdbc(_ path: String = "") throws -> String {
            let hosts = try ["fe1", "fe2"].map { name in
                let node = try double.node(name)
                return "\(node.host):\(node.sqlPort ?? 0)"
            }
            return "jdbc:mysql://\(hosts.joined(separator: ","))/\(path)"
        }

        func writer(_ table: String, columns: String = #"["*"]"#, more: String = "") throws -> String {
            let plugin = double.options.profile == .doris ? "doriswriter" : "starrockswriter"
            let http = try ["fe1", "fe2"].map { "\"\(try double.node($0).http)\"" }.joined(separator: ", ")
            return """
                {"name": "\(plugin)", "parameter": {\(account), "column": \(columns), \(more) "loadUrl": [\(http)],
                  "loadProps": {"column_separator": "\\\\x01", "row_delimiter": "\\\\x02"},
                  "connection": [{"table": ["\(table)"], "selectedDatabase": "\(database)", "jdbcUrl": "\(try jdbc())"}]}}
                """
        }

        func reader(_ table: String, columns: String = #"["*"]"#, more: String = "") throws -> String {
            """
            {"name": "starrocksreader", "parameter": {\(account), "column": \(columns), \(more)
              "connection": [{"table": ["\(table)"], "jdbcUrl": ["\(try jdbc(database))"]}]}}
            """
        }

        func rows(_ table: String = "t", _ columns: String = "*") throws -> [[String]] {
            try double.query("SELECT \(columns) FROM `\(table)` ORDER BY id", database: database)
        }
    }

    static let mysqlTable = """
        CREATE TABLE t (id bigint PRIMARY KEY, name varchar(50), amount decimal(20,4), at datetime(6), day date, flag tinyint, big bigint unsigned)
        """
    static let mysqlRows = """
        INSERT INTO t VALUES (1, 'tab\\tquote"\\\\N', 12345678901234.5678, '2026-01-02 03:04:05.678901', '2026-01-02', 1, 18446744073709551615),
          (2, '雨燕 🐦', -0.0001, NULL, NULL, NULL, 0), (3, '', 0, '1999-12-31 23:59:59.000001', '1970-01-01', 0, NULL)
        """
    static let clusterTable = """
        CREATE TABLE t (id BIGINT NOT NULL, name VARCHAR(200), amount DECIMAL(20,4), at DATETIME, day DATE, flag TINYINT, big LARGEINT)
        DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES ("replication_num" = "1")
        """

    @Test(arguments: [StarRocksDouble.Profile.v3_3, .v2_5, .doris])
    func `a table of MySQL arrives with every value, preSql before and postSql after`(_ profile: StarRocksDouble.Profile) throws {
        let source = try Store(.mariadb, Self.mysqlTable + ";" + Self.mysqlRows)
        let cluster = try Cluster(
            profile,
            Self.clusterTable + "; INSERT INTO t (id) VALUES (99); CREATE TABLE log (id INT) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id)")
        let job = DataXDesk.job(
            source.reader("t", more: #""splitPk": "id","#),
            try cluster.writer("t", more: #""preSql": ["TRUNCATE TABLE @table"], "postSql": ["INSERT INTO log VALUES (7)"],"#),
            setting: #""speed": {"channel": 2}, "errorLimit": {"record": 0}"#)
        let result = try desk.run(job, ["--loglevel", "debug"])
        expect(result, 0)
        #expect(try cluster.rows() == source.ask("SELECT * FROM t ORDER BY id"))
        #expect(try cluster.rows("log") == [["7"]])
        #expect(statistic("读出记录总数", in: result.stdout) == "3")
        #expect(statistic("读写失败总数", in: result.stdout) == "0")
        #expect((result.stdout + result.stderr).contains("loadProps.column_separator"), "\(result.stderr)")
        let tables = try cluster.double.query("SHOW TABLES", database: cluster.database).map { $0[0] }
        #expect(tables.sorted() == ["apus_checkpoints", "apus_marks", "log", "t"])
        #expect(try cluster.double.violations().isEmpty)
    }

    @Test func `a job run twice appends twice, as DataX does, and columns go by position`() throws {
        let source = try Store(.mariadb, "CREATE TABLE s (a int PRIMARY KEY, b varchar(9)); INSERT INTO s VALUES (1, 'x'), (2, 'y')")
        let cluster = try Cluster(
            .v3_3, "CREATE TABLE t (id INT, v VARCHAR(9), w INT DEFAULT '5') DUPLICATE KEY(id) DISTRIBUTED BY HASH(id)")
        let job = DataXDesk.job(
            source.reader("s", columns: #"["b", "a"]"#), try cluster.writer("t", columns: #"["v", "id"]"#))
        for _ in 1...2 { expect(try desk.run(job), 0) }
        #expect(try cluster.rows() == [["1", "x", "5"], ["1", "x", "5"], ["2", "y", "5"], ["2", "y", "5"]])
    }

    @Test func `rows that do not fit are dirty rows, counted by errorLimit`() throws {
        let source = try Store(
            .mariadb, "CREATE TABLE s (id int PRIMARY KEY, v varchar(90)); INSERT INTO s VALUES (1, 'fits'), (2, '我我我我'), (3, 'fits')")
        let cluster = try Cluster(
            .v3_3, "CREATE TABLE t (id INT NOT NULL, v VARCHAR(9)) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id)")
        let none = try desk.run(DataXDesk.job(source.reader("s"), try cluster.writer("t")))
        expect(none, 1, "脏数据条数检查不通过，限制是[0]条，但实际上捕获了[1]条")
        #expect(try cluster.rows().isEmpty)
        let one = try desk.run(
            DataXDesk.job(
                source.reader("s"), try cluster.writer("t"), setting: #""speed": {"channel": 1}, "errorLimit": {"record": 1}"#))
        expect(one, 0)
        #expect(statistic("读写失败总数", in: one.stdout) == "1")
        #expect(try cluster.rows() == [["1", "fits"], ["3", "fits"]])
    }

    @Test func `starrocksreader gives every value to mysqlwriter, by table and by query`() throws {
        let cluster = try Cluster(
            .v3_1,
            Self.clusterTable
                + "; INSERT INTO t VALUES (1, 'tab\\tq', 12345678901234.5678, '2026-01-02 03:04:05.678901', '2026-01-02', 1, 18446744073709551615), (2, '雨燕', NULL, NULL, NULL, NULL, 0), (3, '', 0, '1999-12-31 23:59:59.000001', '1970-01-01', 0, NULL)"
        )
        let target = try Store(.mariadb, Self.mysqlTable + "; CREATE TABLE n (n bigint)")
        let job = DataXDesk.job(
            try cluster.reader("t", more: #""splitPk": "id", "where": "id < 3","#), target.writer("t"),
            setting: #""speed": {"channel": 3}, "errorLimit": {"record": 0}"#)
        expect(try desk.run(job), 0)
        #expect(try target.ask("SELECT * FROM t ORDER BY id") == Array(cluster.rows().prefix(2)))
        let query = """
            {"name": "starrocksreader", "parameter": {\(cluster.account),
              "connection": [{"querySql": ["select count(*) from t"], "jdbcUrl": ["\(try cluster.jdbc(cluster.database))"]}]}}
            """
        expect(try desk.run(DataXDesk.job(query, target.writer("n"))), 0)
        #expect(try target.ask("SELECT n FROM n") == [["3"]])
    }

    @Test func `a job becomes a flow file that loads the same rows`() throws {
        let source = try Store(.mariadb, "CREATE TABLE s (id int PRIMARY KEY, v varchar(9)); INSERT INTO s VALUES (1, 'x'), (2, 'y')")
        let cluster = try Cluster(
            .v3_3,
            "CREATE TABLE t (id INT, v VARCHAR(9)) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id); INSERT INTO t VALUES (9, 'old')")
        let job = try desk.home.write(
            DataXDesk.job(
                source.reader("s", columns: #"["id", "v"]"#),
                try cluster.writer("t", columns: #"["id", "v"]"#, more: #""preSql": ["truncate table @table"],"#)), to: "job.json")
        let made = try desk.user.apus("import", "datax", job)
        expect(made, 0, "became mode `replace`")
        #expect(!made.stdout.contains("pw@") && made.stdout.contains("${TARGET_PASSWORD}"), "\(made.stdout)")
        let flow = try desk.home.write(made.stdout, to: "flow.yaml")
        let secrets = ["SOURCE_PASSWORD": "pw", "TARGET_PASSWORD": "pw"]
        expect(try desk.user.run(["run", flow], with: secrets), 0)
        #expect(try cluster.rows() == [["1", "x"], ["2", "y"]])
    }
}
