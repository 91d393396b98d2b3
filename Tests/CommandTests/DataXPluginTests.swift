import ApusTesting
import Foundation
import Testing

/// The jobs that DataX documents, run as they are, and the values that arrive.
@Suite(.requires(.mariadb, .postgres)) struct DataXPluginTests {
    let desk: DataXDesk
    init() throws { desk = try DataXDesk() }

    static let table = """
        CREATE TABLE t (id bigint PRIMARY KEY, name varchar(50), amount decimal(20,4), at timestamp(6) NULL, day date, flag boolean)
        """
    static let rows = """
        INSERT INTO t VALUES (1, 'a''b "c"', 12345678901234.5678, '2026-01-02 03:04:05.678901', '2026-01-02', true),
          (2, '雨燕 🐦', -0.0001, NULL, NULL, NULL), (3, '', 0, '1999-12-31 23:59:59', '1970-01-01', false)
        """

    /// Rows in one form for both systems.
    static func values(_ store: Store, _ table: String = "t") throws -> [[String]] {
        let flag = store.kind == .postgres ? "flag::int" : "flag"
        return try store.ask("SELECT id, name, amount, at, day, \(flag) FROM \(table) ORDER BY id").map { row in
            row.enumerated().map { index, value in
                // A timestamp's fraction is written out by one system and cut by the other.
                index == 3 && value.contains(".") ? value.replacing(#/\.?0+$/#, with: "") : value
            }
        }
    }

    @Test(
        arguments: [(Kind.mariadb, Kind.mariadb), (.mariadb, .postgres), (.postgres, .mariadb), (.postgres, .postgres)])
    func `a table moves from one database to another with every value`(_ from: Kind, _ to: Kind) throws {
        let source = try Store(from, Self.table + ";" + Self.rows), target = try Store(to, Self.table)
        let job = DataXDesk.job(
            source.reader("t", columns: #"["id","name","amount","at","day","flag"]"#, more: #""splitPk": "id","#),
            target.writer(
                "t", columns: #"["id","name","amount","at","day","flag"]"#, more: to == .mariadb ? #""writeMode": "insert","# : ""))
        let result = try desk.run(job)
        expect(result, 0)
        #expect(try Self.values(target) == Self.values(source))
        #expect(statistic("读出记录总数", in: result.stdout) == "3")
        #expect(statistic("读写失败总数", in: result.stdout) == "0")
        try expectNothingLeft(target)
        #expect(desk.user.files().allSatisfy { $0.hasSuffix("job.json") }, "\(desk.user.files())")
    }

    @Test func `what a target has no place for is rounded or dropped, as a server does it with DataX's text`() throws {
        let source = try Store(
            .postgres,
            """
            CREATE TABLE t (id int, d numeric(10,4), n double precision, at timestamp, day timestamp);
            INSERT INTO t VALUES (1, 1.0050, 2.5, '2024-06-01 10:00:00.5', '2024-06-01 23:59:59'), (2, -1.005, -0.4, '2024-06-01 10:00:00.4', '2024-06-01')
            """)
        let target = try Store(.mariadb, "CREATE TABLE t (id int, d decimal(10,2), n bigint, at datetime, day date)")
        let columns = #"["id","d","n","at","day"]"#
        let job = DataXDesk.job(
            source.reader("t", columns: columns), target.writer("t", columns: columns, more: #""writeMode": "insert","#))
        expect(try desk.run(job), 0)
        #expect(
            try target.ask("SELECT * FROM t ORDER BY id") == [
                ["1", "1.01", "3", "2024-06-01 10:00:01", "2024-06-01"], ["2", "-1.01", "0", "2024-06-01 10:00:00", "2024-06-01"],
            ])
    }

    @Test func `greenplum's names and rdbms take the connector of their address`() throws {
        let my = try Store(.mariadb, Self.table + ";" + Self.rows), pg = try Store(.postgres, Self.table)
        expect(try desk.run(DataXDesk.job(my.reader("t", plugin: "rdbms"), pg.writer("t", plugin: "gpdb"))), 0)
        #expect(try Self.values(pg) == Self.values(my))
        try my.run("DELETE FROM t")
        expect(try desk.run(DataXDesk.job(pg.reader("t", plugin: "gpdb"), my.writer("t", plugin: "rdbms"))), 0)
        #expect(try Self.values(pg) == Self.values(my))
        try pg.run("DELETE FROM t")
        expect(try desk.run(DataXDesk.job(my.reader("t"), pg.writer("t", plugin: "greenplum"))), 0)
        #expect(try Self.values(pg) == Self.values(my))
    }

    @Test func `sqlite files are read and written, as an addition`() throws {
        let my = try Store(.mariadb, Self.table + ";" + Self.rows),
            lite = try Store(
                .sqlite, Self.table.replacing("timestamp(6) NULL", with: "datetime").replacing("decimal(20,4)", with: "decimal_text"))
        expect(try desk.run(DataXDesk.job(my.reader("t"), lite.writer("t"))), 0)
        #expect(try lite.ask("SELECT id, name FROM t ORDER BY id") == my.ask("SELECT id, name FROM t ORDER BY id"))
        try my.run("DELETE FROM t")
        expect(try desk.run(DataXDesk.job(lite.reader("t"), my.writer("t"))), 0)
        #expect(try lite.ask("SELECT id, name FROM t ORDER BY id") == my.ask("SELECT id, name FROM t ORDER BY id"))
    }

    // MARK: - Text files

    @Test func `the documented text job reads dates by their format and writes them by another`() throws {
        let folder = desk.home.file("case00"), out = desk.home.file("result")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try desk.home.write("1,true,0.5,first,2014.10.10\n99999999999999999999,false,-1.25,\"a, b\",1999.01.02\n", to: "case00/data")
        let job = DataXDesk.job(
            """
            {"name": "txtfilereader", "parameter": {"path": ["\(folder)"], "encoding": "UTF-8", "column": [
              {"index": 0, "type": "long"}, {"index": 1, "type": "boolean"}, {"index": 2, "type": "double"},
              {"index": 3, "type": "string"}, {"index": 4, "type": "date", "format": "yyyy.MM.dd"}], "fieldDelimiter": ","}}
            """,
            """
            {"name": "txtfilewriter", "parameter": {"path": "\(out)", "fileName": "luohw", "writeMode": "truncate",
              "format": "yyyy-MM-dd", "fieldDelimiter": "|"}}
            """, setting: #""speed": {"channel": 2}"#)
        expect(try desk.run(job), 0)
        func files() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: out).sorted() }
        let first = try files()
        try #require(first.count == 1 && first[0].hasPrefix("luohw__"))
        let text = "1|true|0.5|first|2014-10-10\n99999999999999999999|false|-1.25|a, b|1999-01-02\n"
        #expect(try desk.home.read("result/\(first[0])") == text)
        // Truncate takes the old file away, append leaves it, nonConflict refuses.
        expect(try desk.run(job), 0)
        #expect(try files().count == 1 && files() != first)
        expect(try desk.run(job.replacing("truncate", with: "append")), 0)
        #expect(try files().count == 2)
        expect(try desk.run(job.replacing("truncate", with: "nonConflict")), 1, "nonConflict")
        #expect(try files().count == 2)
    }

    @Test func `text goes into a database and back, with NULL, constants, a header, gzip and another encoding`() throws {
        let target = try Store(.mariadb, "CREATE TABLE t (id int, name varchar(20), origin varchar(20), n int)")
        try desk.home.write("no,name,n\n1,\"x\"\"y\",\n2,\\N,7\n3,雨,8,extra\n", to: "in.csv")
        expect(
            try desk.run(
                DataXDesk.job(
                    """
                    {"name": "txtfilereader", "parameter": {"path": "\(desk.home.file("in.csv"))", "skipHeader": "true", "nullFormat": "\\\\N",
                      "column": [{"index": "0", "type": "long"}, {"index": 1, "type": "string"}, {"type": "string", "value": "it's"},
                        {"index": 2, "type": "string"}], "fieldDelimiter": ","}}
                    """, target.writer("t"))), 0)
        #expect(
            try target.ask("SELECT * FROM t ORDER BY id") == [
                ["1", "x\"y", "it's", "NULL"], ["2", "NULL", "it's", "7"], ["3", "雨", "it's", "8"],
            ])
        let out = desk.home.file("out")
        expect(
            try desk.run(
                DataXDesk.job(
                    target.reader("t", columns: #"["id, name", "n"]"#, more: #""where": "id <> 1","#),
                    """
                    {"name": "txtfilewriter", "parameter": {"path": "\(out)", "fileName": "t", "writeMode": "append", "suffix": ".csv.gz",
                      "fileFormat": "csv", "header": ["no", "what", "count"], "encoding": "gbk", "compress": "gzip"}}
                    """)), 0)
        let file = try FileManager.default.contentsOfDirectory(atPath: out)[0]
        #expect(file.hasSuffix(".csv.gz"))
        let text = try runCommand("/bin/sh", ["-c", "zcat '\(out)/\(file)' | iconv -f gbk -t utf-8"])
        #expect(text.stdout == "no,what,count\n2,\\N,7\n3,雨,8\n")
    }

    // MARK: - Streams

    @Test func `a stream is made and printed, also with random values`() throws {
        let job = DataXDesk.job(
            """
            {"name": "streamreader", "parameter": {"sliceRecordCount": 3, "column": [
              {"type": "string", "value": "DataX, 'x'"}, {"type": "long", "value": 19890604}, {"type": "date", "value": "1989-06-04 00:00:00"},
              {"type": "bool", "value": true}, {"type": "bytes", "value": "test"}, {"type": "long", "random": "5,6"},
              {"type": "string", "random": "2,2"}, {"type": "double", "random": "0.5,0.5"},
              {"type": "date", "random": "2014-07-07 00:00:00, 2014-07-07 00:00:00"}]}}
            """, #"{"name": "streamwriter", "parameter": {"print": true, "encoding": "UTF-8"}}"#,
            setting: #""speed": {"channel": 2}"#)
        let result = try desk.run(job)
        expect(result, 0)
        let rows = result.stdout.split(separator: "\n").filter { $0.hasPrefix("DataX, 'x'\t") }
        #expect(rows.count == 6)
        for row in rows {
            #expect(
                row.wholeMatch(of: #/DataX, 'x'\t19890604\t1989-06-04 00:00:00\ttrue\ttest\t[56]\t.{2}\t0\.5\t2014-07-07 00:00:00/#) != nil,
                "\(row)")
        }
        #expect(statistic("读出记录总数", in: result.stdout) == "6")
        let quiet = try desk.run(job.replacing("\"print\": true", with: "\"print\": \"false\""))
        expect(quiet, 0)
        #expect(!quiet.stdout.contains("DataX, 'x'\t") && statistic("读出记录总数", in: quiet.stdout) == "6")
    }

    @Test func `a stream goes into a table, and a table to the screen`() throws {
        let target = try Store(.postgres, "CREATE TABLE s (a text, b bigint)")
        expect(
            try desk.run(
                DataXDesk.job(
                    #"{"name": "streamreader", "parameter": {"sliceRecordCount": 1000, "column": [{"type": "string", "value": "x"}, {"type": "long", "random": "1,3"}]}}"#,
                    target.writer("s"))), 0)
        #expect(try target.ask("SELECT count(*), min(b), max(b), min(a) FROM s") == [["1000", "1", "3", "x"]])
        try target.run("DELETE FROM s WHERE true; INSERT INTO s VALUES (E'tab\\tend', NULL)")
        let printed = try desk.run(DataXDesk.job(target.reader("s"), #"{"name": "streamwriter", "parameter": {}}"#))
        expect(printed, 0, "tab\tend\tnull\n")
    }
}
