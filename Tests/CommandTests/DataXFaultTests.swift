import ApusTesting
import Foundation
import Testing

/// What is wrong with a job, and what becomes of the target then.
@Suite(.requires(.mariadb, .postgres)) struct DataXFaultTests {
    let desk: DataXDesk
    let source: Store
    let target: Store

    init() throws {
        desk = try DataXDesk()
        source = try Store(
            .mariadb, "CREATE TABLE t (id int PRIMARY KEY, v varchar(20)); INSERT INTO t VALUES (1, '1'), (2, 'two'), (3, '3')")
        target = try Store(
            .postgres, "CREATE TABLE t (id int, v varchar(20)); INSERT INTO t VALUES (0, 'old'); CREATE TABLE n (id int, v int)")
    }

    /// Exit code 1, the failure line, these words on stdout, and a target that nothing has touched.
    func refused(_ job: String, with options: [String] = [], _ says: String..., sourceLocation: SourceLocation = #_sourceLocation) throws {
        let result = try desk.run(job, options)
        #expect(result.status == 1, "\(result.stdout)\(result.stderr)", sourceLocation: sourceLocation)
        for part in ["经DataX智能分析,该任务最可能的错误原因是:\ncom.alibaba.datax.common.exception.DataXException: Code:["] + says {
            #expect(result.stdout.contains(part), "\(result.stdout)", sourceLocation: sourceLocation)
        }
        #expect(!result.stdout.contains("任务启动时刻"), sourceLocation: sourceLocation)
        #expect(try target.ask("SELECT id, v FROM t") == [["0", "old"]], sourceLocation: sourceLocation)
        try expectNothingLeft(target, sourceLocation: sourceLocation)
    }

    private var reader: String { source.reader("t") }
    private var writer: String { target.writer("t") }

    @Test func `a job without reader, writer or their names is refused`() throws {
        let good = DataXDesk.job(reader, writer)
        try refused(good.replacing("\"reader\":", with: "\"raeder\":"), "content[0] has no `reader`")
        try refused(good.replacing("\"writer\":", with: "\"written\":"), "content[0] has no `writer`")
        try refused(good.replacing("\"name\": \"mysqlreader\",", with: ""), "the reader has no `name`", "mysqlreader")
        try refused(good.replacing("\"name\": \"postgresqlwriter\",", with: ""), "the writer has no `name`", "postgresqlwriter")
        try refused("{\"setting\": {}}", "has no `job`")
        try refused("{\"job\": {\"content\": []}}", "has no `job.content[0]`")
        try refused("[]", "should be an object")
        try refused("{\"job\": {", "line 1, column 10")
        try refused("", "line 1, column 1")
        let none = try desk.user.apus("datax", desk.home.file("none.json"))
        expect(none, 1, "none.json cannot be read", "经DataX智能分析")
    }

    @Test func `an unknown plugin is refused with those that there are and one that would do`() throws {
        try refused(
            DataXDesk.job(reader, writer.replacing("postgresqlwriter", with: "hdfswriter")), "there is no writer plugin `hdfswriter`",
            "postgresqlwriter, rdbmswriter, sqlitewriter, starrockswriter, streamwriter, txtfilewriter", "Code:[Framework-12]")
        try refused(
            DataXDesk.job(reader.replacing("mysqlreader", with: "oceanbasev10reader"), writer), "`mysqlreader` would do instead",
            "MySQL's protocol")
        try refused(
            DataXDesk.job(reader.replacing("jdbc:mysql:", with: "jdbc:oracle:thin:").replacing("mysqlreader", with: "rdbmsreader"), writer),
            "there is no connector for Oracle")
    }

    @Test func `speeds that are missing or incomplete are refused in DataX's words`() throws {
        try refused(DataXDesk.job(reader, writer, setting: ""), "Job运行速度必须设置")
        try refused(DataXDesk.job(reader, writer, setting: #""speed": {"channel": 0}"#), "Job运行速度必须设置")
        try refused(
            DataXDesk.job(reader, writer, setting: #""speed": {"channel": 3, "byte": 1048576}"#),
            "在有总bps限速条件下，单个channel的bps值不能为空，也不能为非正数")
        try refused(
            DataXDesk.job(reader, writer, setting: #""speed": {"record": "100"}"#),
            "在有总tps限速条件下，单个channel的tps值不能为空，也不能为非正数")
        try refused(
            DataXDesk.job(reader, writer, setting: #""speed": {"channel": "many"}"#), "`setting.speed.channel` should be a whole number")
    }

    @Test func `table and querySql together are refused`() throws {
        let both = reader.replacing("\"table\": [\"t\"]", with: "\"table\": [\"t\"], \"querySql\": [\"select 1, 2\"]")
        try refused(DataXDesk.job(both, writer), "both `table` and `querySql`")
        let neither = reader.replacing("\"table\": [\"t\"]", with: "\"table\": []")
        try refused(DataXDesk.job(neither, writer), "neither `table` nor `querySql`")
    }

    @Test func `columns that differ in number are refused in DataX's words, before preSql`() throws {
        let writer = target.writer("t", columns: #"["id"]"#, more: #""preSql": ["truncate table t"],"#)
        try refused(
            DataXDesk.job(reader, writer), "列配置信息有错误. 因为您配置的任务中，源头读取字段数:2 与 目的表要写入的字段数:1 不相等")
        try refused(
            DataXDesk.job(source.reader(queries: "select 1, 2, 3"), target.writer("t", more: #""preSql": ["truncate table t"],"#)),
            "源头读取字段数:3 与 目的表要写入的字段数:2 不相等")
        try refused(
            DataXDesk.job(reader, target.writer("t", columns: #"["id", "nope"]"#, more: #""preSql": ["truncate table t"],"#)),
            "no column `nope`")
    }

    @Test func `an unset variable is named`() throws {
        let job = DataXDesk.job(source.reader("t", more: #""where": "id > ${low} ${more}","#), writer)
        try refused(job, with: ["-p", "-Dother=1"], "`mysqlreader.where` holds `${low}`, which has no value", "`${more}`")
        // An empty value is a value.
        let result = try desk.run(job, ["-p", "-Dlow='2' -Dmore=''"])
        expect(result, 0)
        #expect(try target.ask("SELECT id FROM t ORDER BY id") == [["0"], ["3"]])
    }

    @Test func `a preSql that fails leaves the target untouched`() throws {
        try refused(
            DataXDesk.job(reader, target.writer("t", more: #""preSql": ["delete from no_such_table"],"#)), "no_such_table")
    }

    @Test func `a reader that fails after a preSql TRUNCATE is said loudly`() throws {
        try source.run("CREATE TABLE big (id int PRIMARY KEY, v int)")
        try source.run("INSERT INTO big VALUES (1, 1), (2, 0)")
        // Found out only while rows are read.
        let job = DataXDesk.job(
            target.reader(queries: "select id, 1 / (id - id) from t"),
            source.writer("big", more: #""preSql": ["truncate table @table"],"#))
        let result = try desk.run(job)
        expect(result, 1, "preSql (TRUNCATE) emptied the table before the job failed", "apus import datax")
        #expect(result.stdout.contains("emptied the table") && result.stderr.contains("emptied the table"))
        #expect(try source.ask("SELECT count(*) FROM big") == [["0"]])
    }

    @Test func `dirty rows beyond the limit fail the job with DataX's message, within it they do not`() throws {
        let numbers = target.writer("n", more: #""preSql": ["truncate table n"],"#)
        let strict = try desk.run(DataXDesk.job(reader, numbers))
        expect(strict, 1, "脏数据条数检查不通过，限制是[0]条，但实际上捕获了[1]条")
        #expect(strict.stdout.contains("脏数据: \n{\"exception\":"))
        for setting in [
            #""speed": {"channel": 1}, "errorLimit": {"record": "1"}"#, #""speed": {"channel": 1}"#,
            #""speed": {"channel": 1}, "errorLimit": {"record": 5, "percentage": 0}"#,
            #""speed": {"channel": 1}, "errorLimit": {"percentage": 0.5}"#,
        ] {
            let result = try desk.run(DataXDesk.job(reader, numbers, setting: setting))
            expect(result, 0)
            #expect(statistic("读写失败总数", in: result.stdout) == "1")
            #expect(statistic("读出记录总数", in: result.stdout) == "3")
            #expect(try target.ask("SELECT id, v FROM n ORDER BY id") == [["1", "1"], ["3", "3"]])
        }
        let share = try desk.run(
            DataXDesk.job(reader, numbers, setting: #""speed": {"channel": 1}, "errorLimit": {"percentage": 0.02}"#))
        expect(share, 1, "脏数据百分比检查不通过，限制是[0.020000]，但实际上捕获到[0.333333]")
        try refused(DataXDesk.job(reader, writer, setting: #""speed": {"channel": 1}, "errorLimit": {"percentage": 2}"#), "between 0 and 1")
    }

    @Test func `passwords with quotes work and never show`() throws {
        let password = "p'a\"s$\\ ${x} s"
        try source.run(
            "CREATE USER '\(source.database)'@'%' IDENTIFIED BY 'p\\'a\"s$\\\\ ${x} s'; GRANT ALL ON \(source.database).* TO '\(source.database)'@'%'"
        )
        let written = password.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        let job = DataXDesk.job(
            reader.replacing(
                "\"username\": \"root\", \"password\": \"pw\"", with: "\"username\": \"\(source.database)\", \"password\": \"\(written)\""),
            writer.replacing("[\"*\"]", with: "[\"id\",\"v\"]"))
        let result = try desk.run(job, ["--loglevel", "debug"])
        expect(result, 0)
        #expect(try target.ask("SELECT count(*) FROM t") == [["4"]])
        let wrong = try desk.run(job.replacing("p'a", with: "P'a"), ["--loglevel", "debug"])
        expect(wrong, 1, "经DataX智能分析")
        for text in [result.stdout, result.stderr, wrong.stdout, wrong.stderr] {
            #expect(!text.contains("${x} s") && !text.contains("'a\"s"))
        }
    }

    @Test func `encrypted keys and Groovy are refused with a way out`() throws {
        try refused(
            DataXDesk.job(reader.replacing("\"password\"", with: "\"*password\""), writer), "`*password` of mysqlreader is encrypted")
        let job =
            "{\"job\": {\"setting\": {\"speed\": {\"channel\": 1}}, \"content\": [{\"reader\": \(reader), \"writer\": \(writer), \"transformer\": [{\"name\": \"dx_groovy\", \"parameter\": {\"code\": \"return record\"}}]}]}}"
        try refused(job, "dx_groovy", "expression")
    }

    @Test func `a mistyped key is told, one without a meaning only in debug`() throws {
        let job = DataXDesk.job(reader, target.writer("t", more: #""preSqls": ["x"], "batchSize": "4096", "encoding": "UTF-8","#))
        let result = try desk.run(job)
        expect(result, 0, "postgresqlwriter: the key `preSqls` is not known and left out. Did you mean `preSql`?")
        #expect(!result.stderr.contains("batchSize"))
        expect(try desk.run(job, ["--loglevel=debug"]), 0, "postgresqlwriter.batchSize", "postgresqlwriter.encoding")
    }
}
