import ApusTesting
import Foundation
import Testing

/// The jobs that DataX's own pages print for the plugins, and those that datax-web and DolphinScheduler make, with this
/// machine's addresses and tables put in, under the time zone of most of their users.
@Suite(.requires(.mariadb, .postgres)) struct DataXSampleTests {
    let desk: DataXDesk
    init() throws { desk = try DataXDesk() }

    private func run(_ job: String, _ options: [String] = [], with more: [String: String] = [:]) throws -> CommandResult {
        try desk.user.run(
            ["datax", try desk.home.write(job, to: "job.json")] + options, with: ["TZ": "Asia/Shanghai"].merging(more) { $1 })
    }

    /// Where a job names server, user and password.
    private func account(_ store: Store) -> String {
        store.kind == .mariadb
            ? #""username": "\#(store.mariadb.options.user)", "password": "\#(store.mariadb.options.password)""#
            : #""username": "\#(store.postgres.options.user)", "password": "\#(store.postgres.options.password)""#
    }

    private static let stream = """
        {"name": "streamreader", "parameter": {"column": [
          {"value": "DataX", "type": "string"}, {"value": 19880808, "type": "long"}, {"value": "1988-08-08 08:08:08", "type": "date"},
          {"value": true, "type": "bool"}, {"value": "test", "type": "bytes"}], "sliceRecordCount": 1000}}
        """

    @Test func `the samples of mysqlreader run: a table with a split key, and a query with addresses that are none`() throws {
        let source = try Store(
            .mariadb,
            """
            CREATE TABLE "table" (db_id int PRIMARY KEY, id int, name varchar(20)); INSERT INTO "table" VALUES (1, 10, 'a'), (2, 20, '雨燕');
            CREATE TABLE db_info (db_id int, on_line_flag varchar(5)); INSERT INTO db_info VALUES (3, 'y'), (12, 'n'), (4, NULL);
            """)
        let url = "jdbc:mysql://127.0.0.1:\(source.port)/\(source.database)"
        let table = try run(
            """
            {"job": {"setting": {"speed": {"channel": 3}, "errorLimit": {"record": 0, "percentage": 0.02}}, "content": [{
              "reader": {"name": "mysqlreader", "parameter": {\(account(source)), "jdbcConfig": {"XXX": "XXX"}, "column": ["id", "name"],
                "splitPk": "db_id", "connection": [{"table": ["table"], "jdbcUrl": ["\(url)"]}]}},
              "writer": {"name": "streamwriter", "parameter": {"print": true}}}]}}
            """)
        expect(table, 0, "10\ta", "20\t雨燕")
        let query = try run(
            """
            {"job": {"setting": {"speed": {"channel": 1}}, "content": [{
              "reader": {"name": "mysqlreader", "parameter": {\(account(source)), "jdbcConfig": {"XXX": "XXX"}, "connection": [{
                "querySql": ["select db_id,on_line_flag from db_info where db_id < 10;"],
                "jdbcUrl": ["jdbc:mysql://bad_ip:3306/database", "jdbc:mysql://127.0.0.1:bad_port/database", "\(url)"]}]}},
              "writer": {"name": "streamwriter", "parameter": {"print": true, "encoding": "UTF-8"}}}]}}
            """)
        expect(query, 0, "3\ty", "4\tnull")
        #expect(statistic("读出记录总数", in: query.stdout) == "2")
        // A list of none but broken ones is a mistake of the job.
        let broken = try run(
            """
            {"job": {"setting": {"speed": {"channel": 1}}, "content": [{
              "reader": {"name": "mysqlreader", "parameter": {\(account(source)), "connection": [{
                "querySql": ["select 1"], "jdbcUrl": ["jdbc:mysql://127.0.0.1:bad_port/database"]}]}},
              "writer": {"name": "streamwriter", "parameter": {"print": true}}}]}}
            """)
        expect(broken, 1, "the port in this connection is no number")
    }

    @Test(arguments: Kind.servers)
    func `the samples of the writers fail for their columns as in DataX, and run with as many as are read`(_ kind: Kind) throws {
        let target = try Store(
            kind,
            "CREATE TABLE test (id varchar(20), name bigint, at \(kind == .mariadb ? "datetime" : "timestamp"), ok boolean, raw \(kind == .mariadb ? "blob" : "bytea")); INSERT INTO test (id) VALUES ('old');"
        )
        func job(_ columns: String) -> String {
            """
            {"job": {"setting": {"speed": {"channel": 1}}, "content": [{"reader": \(Self.stream), "writer": {
              "name": "\(kind == .mariadb ? "mysqlwriter" : "postgresqlwriter")", "parameter": {
                \(kind == .mariadb ? #""writeMode": "insert", "session": ["set session sql_mode='ANSI'"],"# : "") \(account(target)),
                "column": [\(columns)], "preSql": ["delete from test"],
                "connection": [{"jdbcUrl": "\(target.jdbc)", "table": ["test"]}]}}}]}}
            """
        }
        expect(try run(job(#""id", "name""#)), 1, "源头读取字段数:5 与 目的表要写入的字段数:2 不相等")
        #expect(try target.ask("SELECT id FROM test") == [["old"]])
        expect(try run(job(#""id", "name", "at", "ok", "raw""#)), 0)
        let raw = kind == .mariadb ? "HEX(raw)" : "upper(encode(raw, 'hex'))"
        let found = try target.ask("SELECT id, name, at, CASE WHEN ok THEN 1 ELSE 0 END, \(raw), count(*) FROM test GROUP BY 1, 2, 3, 4, 5")
        #expect(
            found.map { $0.map { $0.replacing(".000000", with: "") } } == [
                ["DataX", "19880808", "1988-08-08 08:08:08", "1", "74657374", "1000"]
            ])
    }

    @Test func `the samples of rdbmswriter, txtfilereader and txtfilewriter run`() throws {
        let target = try Store(
            .sqlite, "CREATE TABLE \"table\" (a text, b integer, c text, d boolean, e blob); INSERT INTO \"table\" (a) VALUES ('old')")
        let rdbms = try run(
            """
            {"job": {"setting": {"speed": {"channel": 1}}, "content": [{"reader": \(Self.stream), "writer": {"name": "rdbmswriter", "parameter": {
              "connection": [{"jdbcUrl": "\(target.jdbc)", "table": ["table"]}], "username": "username", "password": "password",
              "table": "table", "column": ["*"], "preSql": ["delete from \\"table\\";"]}}}]}}
            """)
        expect(rdbms, 0)
        #expect(try target.ask("SELECT a, b, count(*) FROM \"table\" GROUP BY 1, 2") == [["DataX", "19880808", "1000"]])
        _ = try desk.home.write("1,true,3.5,a b,2026.11.30\n2,FALSE,-0.25,,1988.08.08\n", to: "case00/data/one.txt")
        let out = desk.home.file("case00/result")
        try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
        let text = try run(
            """
            {"setting": {}, "job": {"setting": {"speed": {"channel": 2}}, "content": [{
              "reader": {"name": "txtfilereader", "parameter": {"path": ["\(desk.home.file("case00/data"))"], "encoding": "UTF-8", "column": [
                {"index": 0, "type": "long"}, {"index": 1, "type": "boolean"}, {"index": 2, "type": "double"}, {"index": 3, "type": "string"},
                {"index": 4, "type": "date", "format": "yyyy.MM.dd"}], "fieldDelimiter": ","}},
              "writer": {"name": "txtfilewriter", "parameter": {"path": "\(out)", "fileName": "luohw", "writeMode": "truncate", "dateFormat": "yyyy-MM-dd"}}}]}}
            """)
        expect(text, 0)
        let file = try #require(try FileManager.default.contentsOfDirectory(atPath: out).first { $0.hasPrefix("luohw") })
        #expect(try desk.home.read("case00/result/\(file)") == "1,true,3.5,a b,2026-11-30\n2,false,-0.25,,1988-08-08\n")
    }

    @Test func `insert ignore keeps the rows that are there, and update changes them by the key or by the columns that it names`() throws {
        let source = try Store(
            .mariadb, "CREATE TABLE s (id int PRIMARY KEY, code int, name varchar(20)); INSERT INTO s VALUES (1, 11, 'new'), (2, 22, 'two')"
        )
        func write(_ target: Store, _ mode: String) throws -> [[String]] {
            try target.run(
                "DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, code int UNIQUE, name varchar(20)); INSERT INTO t VALUES (1, 11, 'old')"
            )
            let job = DataXJobText.pair(source.reader("s"), target.writer("t", more: "\"writeMode\": \"\(mode)\","))
            expect(try run(job), 0)
            return try target.ask("SELECT id, name FROM t ORDER BY id")
        }
        let maria = try Store(.mariadb), postgres = try Store(.postgres)
        #expect(try write(maria, "insert ignore") == [["1", "old"], ["2", "two"]])
        #expect(try write(maria, "INSERT IGNORE") == [["1", "old"], ["2", "two"]])
        for mode in ["replace", "update", "update (id, name)"] { #expect(try write(maria, mode) == [["1", "new"], ["2", "two"]]) }
        for mode in ["update", "update (code)"] { #expect(try write(postgres, mode) == [["1", "new"], ["2", "two"]]) }
        let refused = try run(DataXJobText.pair(source.reader("s"), postgres.writer("t", more: "\"writeMode\": \"insert ignore\",")))
        expect(refused, 1, "insert ignore")
    }

    @Test func `jobs of datax-web and DolphinScheduler run with their limits`() throws {
        let source = try Store(.mariadb),
            target = try Store(.postgres, "CREATE TABLE orders (id bigint, name varchar(200), amount numeric(12,2))")
        try source.fill(30)
        let web = """
            {"job": {"setting": {"speed": {"channel": 3, "byte": 1048576}, "errorLimit": {"record": 0, "percentage": 0.02}}, "content": [{
              "reader": {"name": "mysqlreader", "parameter": {\(account(source)), "column": ["`id`", "`name`", "`amount`"], "where": "id > ${lastId}", "splitPk": "",
                "connection": [{"table": ["orders"], "jdbcUrl": ["\(source.jdbc)"]}]}},
              "writer": {"name": "postgresqlwriter", "parameter": {\(account(target)), "column": ["\\"id\\"", "\\"name\\"", "\\"amount\\""],
                "connection": [{"table": ["orders"], "jdbcUrl": "\(target.jdbc)"}]}}}]}}
            """
        // DataX's own core.json sets no limit of a channel; who runs datax-web sets one there.
        expect(try run(web, ["-p", "-DlastId='10'"]), 1, "单个channel的bps值不能为空")
        _ = try desk.home.write(
            #"{"core": {"transport": {"channel": {"speed": {"byte": 1048576, "record": -1}}}}}"#, to: "datax/conf/core.json")
        expect(try run(web, ["-p", "-DlastId=10"], with: ["DATAX_HOME": desk.home.file("datax")]), 0)
        #expect(try target.ask("SELECT count(*), min(id) FROM orders") == [["20", "11"]])
        let scheduler = """
            {"job": {"content": [{
              "reader": {"name": "mysqlreader", "parameter": {\(account(source)),
                "connection": [{"querySql": ["select id, name, amount from orders where id <= 3"], "jdbcUrl": ["\(source.jdbc)"]}]}},
              "writer": {"name": "postgresqlwriter", "parameter": {\(account(target)), "column": ["\\"id\\"", "\\"name\\"", "\\"amount\\""],
                "preSql": ["truncate table orders"], "connection": [{"table": ["orders"], "jdbcUrl": "\(target.jdbc)"}]}}}],
              "setting": {"speed": {"channel": 1, "byte": 1048576, "record": 1000}, "errorLimit": {"record": 0, "percentage": 0}}},
              "core": {"transport": {"channel": {"speed": {"channel": 1, "byte": 1048576, "record": 1000}}}}}
            """
        expect(try run(scheduler), 0)
        #expect(try target.ask("SELECT count(*), max(id) FROM orders") == [["3", "3"]])
    }
}

@Suite(.requires(.starrocks, .mariadb)) struct DataXOtherSystemTests {
    @Test(arguments: [StarRocksDouble.Profile.v3_3, .doris])
    func `a warehouse behind jdbc mysql is read and loaded as what it is`(_ profile: StarRocksDouble.Profile) throws {
        let desk = try DataXDesk()
        let cluster = try DataXClusterTests.Cluster(profile, "")
        let key = profile == .doris ? "UNIQUE KEY (id) DISTRIBUTED BY HASH (id) BUCKETS 1" : "PRIMARY KEY (id) DISTRIBUTED BY HASH (id)"
        for table in ["s", "t"] {
            try cluster.double.execute("CREATE TABLE \(table) (id bigint NOT NULL, name varchar(50)) \(key)", database: cluster.database)
        }
        try cluster.double.execute("INSERT INTO s VALUES (1, 'a'), (2, '雨燕')", database: cluster.database)
        let node = try cluster.double.node("fe1")
        let url = "jdbc:mysql://\(node.host):\(node.sqlPort ?? 0)/\(cluster.database)"
        let job = DataXJobText.pair(
            """
            {"name": "rdbmsreader", "parameter": {\(cluster.account), "connection": [{"querySql": ["select id, name from s"], "jdbcUrl": ["\(url)"]}]}}
            """,
            """
            {"name": "rdbmswriter", "parameter": {\(cluster.account), "column": ["`id`", "`name`"],
              "connection": [{"table": ["t"], "jdbcUrl": "\(url)?http=\(node.http.split(separator: ":").last ?? "")"}]}}
            """)
        let result = try desk.user.run(["datax", try desk.home.write(job, to: "job.json")], with: ["TZ": "Asia/Shanghai"])
        expect(result, 0)
        #expect(try cluster.rows() == [["1", "a"], ["2", "雨燕"]])
        let copy = try desk.user.run([
            "copy", url.replacing("jdbc:mysql://", with: "mysql://\(cluster.double.options.user):\(cluster.double.options.password)@"),
            "null:",
        ])
        expect(copy, 1, profile == .doris ? "doris://" : "starrocks://")
    }
}

enum DataXJobText {
    /// A job of one reader and one writer on two channels.
    static func pair(_ reader: String, _ writer: String) -> String {
        DataXDesk.job(reader, writer, setting: #""speed": {"channel": 2}, "errorLimit": {"record": 0}"#)
    }
}
