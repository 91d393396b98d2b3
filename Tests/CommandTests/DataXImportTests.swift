import ApusTesting
import Foundation
import Testing

/// DataX jobs as flow files.
@Suite(.requires(.mariadb, .postgres)) struct DataXImportTests {
    let desk: DataXDesk
    init() throws { desk = try DataXDesk() }

    @Test func `two jobs become one flow that loads the same rows, without passwords in it`() throws {
        let source = try Store(
            .mariadb, "CREATE TABLE t (id int PRIMARY KEY, `my name` varchar(20)); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')")
        let target = try Store(
            .postgres, "CREATE TABLE t (no int PRIMARY KEY, name varchar(20)); CREATE TABLE q (n bigint); INSERT INTO t VALUES (9, 'old')")
        let first = try desk.home.write(
            DataXDesk.job(
                source.reader("t", columns: #"["id", "`my name`"]"#, more: #""where": "id < ${most}", "splitPk": "id","#),
                target.writer("t", columns: #"["no", "name"]"#, more: #""preSql": ["truncate table @table"],"#),
                setting: #""speed": {"channel": 2}, "errorLimit": {"record": 0}"#), to: "first.json")
        let second = try desk.home.write(
            DataXDesk.job(
                source.reader(queries: "select count(*) as n from t"), target.writer("q", more: #""postSql": ["analyze q"],"#),
                setting: #""speed": {"channel": 2}, "errorLimit": {"record": 0}"#), to: "second.json")
        let made = try desk.user.apus("import", "datax", first, second)
        expect(made, 0, "became mode `replace`", "by name")
        #expect(!made.stdout.contains("pw@") && made.stdout.contains("${SOURCE_PASSWORD}"), "\(made.stdout)")
        let flow = try desk.home.write(made.stdout, to: "flow.yaml")
        let secrets = ["SOURCE_PASSWORD": "pw", "TARGET_PASSWORD": "pw"]
        expect(try desk.user.run(["check", flow, "--set", "most=3"], with: secrets), 0, "2 entries")
        expect(try desk.user.run(["run", flow, "--set", "most=3"], with: secrets), 0)
        #expect(try target.ask("SELECT no, name FROM t ORDER BY no") == [["1", "a"], ["2", "b"]])
        #expect(try target.ask("SELECT n FROM q") == [["3"]])
    }

    @Test func `jobs of different ends, and what is no job, are refused`() throws {
        let one = try Store(.mariadb, "CREATE TABLE t (id int)"), other = try Store(.mariadb, "CREATE TABLE t (id int)")
        let a = try desk.home.write(DataXDesk.job(one.reader("t"), other.writer("t")), to: "a.json")
        let b = try desk.home.write(DataXDesk.job(other.reader("t"), one.writer("t")), to: "b.json")
        expect(try desk.user.apus("import", "datax", a, b), 78, "b.json has another source or target than")
        expect(try desk.user.apus("import", "datax", try desk.home.write("{", to: "c.json")), 78, "c.json, line 1")
        expect(try desk.user.apus("import", "datax", desk.home.file("none.json")), 78, "cannot be read")
    }
}
