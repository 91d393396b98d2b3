import ApusCore
import FilesConnector
import GeneratorConnector
import MySQLConnector
import PostgresConnector
import SQLiteConnector
import Testing

@testable import ApusFlow

enum DataXSamples {
    static let connectors: [any Connector] = [
        MySQLConnector(), PostgresConnector(), SQLiteConnector(), CSVConnector(), JSONLinesConnector(), GeneratorConnector(),
        NullConnector(),
    ]

    static func relational(_ reader: String = "", _ writer: String = "", setting: String = #""speed": {"channel": 3}"#, core: String = "")
        -> String
    {
        """
        {\(core)"job": {"setting": {\(setting)}, "content": [{
          "reader": {"name": "mysqlreader", "parameter": {"username": "u", "password": "s3cret", "column": ["id", "name"], \(reader)
            "connection": [{"table": ["t[08-10]"], "jdbcUrl": ["jdbc:mysql://h:3307/shop?useSSL=false&connectTimeout=5000&foo=1"]}]}},
          "writer": {"name": "postgresqlwriter", "parameter": {"username": "w", "password": "s3cret", "column": ["a", "b"], \(writer)
            "preSql": ["delete from @table"], "connection": [{"table": ["dw.t"], "jdbcUrl": "jdbc:postgresql://p/dw?currentSchema=ods"}]}}}]}}
        """
    }

    static let queries = """
        {"job": {"setting": {"speed": {"channel": "5"}, "errorLimit": {"record": 0, "percentage": 0.02},}, "content": [{
          "reader": {"name": "rdbmsreader", "parameter": {"username": "u", "password": "s3cret", "encoding": "utf-8", "connection": [
            {"querySql": ["select 1 from a where d = '${day}';"], "jdbcUrl": ["jdbc:mariadb://h1,h2:3310/x"]},
            {"querySql": ["select 1 from a"], "jdbcUrl": ["jdbc:postgresql://h3/y"]}, ]}},
          "writer": {"name": "mysqlwriter", "parameter": {"username": "w", "password": "s3cret", "writeMode": "update", "column": ["*"],
            "session": ["set a = 1", "set b = 2"], "connection": [{"table": ["`t`"], "jdbcUrl": "jdbc:mysql://h/z?zeroDateTimeBehavior=convertToNull"}]}}}]}}
        """

    static let text = """
        {"job": {"setting": {"speed": {"channel": 1}}, "content": [{
          "reader": {"name": "txtfilereader", "parameter": {"path": ["/in/*.csv", "/more/"], "skipHeader": true, "fieldDelimiter": "\\t",
            "column": [{"index": 2, "type": "long"}, {"type": "string", "value": "x'y"}, {"index": 0, "type": "date", "format": "yyyyMMdd"}]}},
          "writer": {"name": "txtfilewriter", "parameter": {"path": "/out", "fileName": "f", "writeMode": "append", "fieldDelimiter": "\\u0001"}}}]}}
        """

    static let stream = """
        {"job": {"setting": {"speed": {"channel": 2}}, "content": [{
          "reader": {"name": "streamreader", "parameter": {"sliceRecordCount": "10", "column": [{"type": "long", "random": "0,10"},
            {"type": "string", "value": "a,b"}, {"type": "date", "value": "2014-10-10", "dateFormat": "yyyy-MM-dd"}]}},
          "transformer": [{"name": "dx_substr", "parameter": {"columnIndex": 1, "paras": ["0", "1"]}}],
          "writer": {"name": "streamwriter", "parameter": {"print": false}}}]}}
        """

    static let all = [relational(#""splitPk": "id", "where": "x > 1","#), queries, text, stream]
}

/// What a job means as a flow.
@Suite struct DataXJobTests {
    private func made(
        _ text: String, _ params: String = "-Dday=2026-11-21", choose: @escaping ([Flow.Connection]) throws -> Int = { _ in 0 }
    ) throws
        -> DataXJob.Made
    {
        try DataXJobReader(parameters: JobParameters(params: params)).read(Array(text.utf8), name: "job.json")
            .flow(DataXSamples.connectors, choose: choose)
    }

    private func job(_ text: String) throws -> DataXJob { try DataXJobReader().read(Array(text.utf8), name: "job.json") }

    @Test func `a table job names its ends, members, columns and slices`() throws {
        let made = try made(DataXSamples.relational(#""splitPk": "id", "where": "x > 1","#, setting: #""speed": {"channel": 7}"#))
        let flow = made.flow, wish = flow.tables[0]
        #expect(flow.from.endpoint.label == "mysql://u:•••@h:3307/shop" && flow.from.endpoint.password?.reveal() == "s3cret")
        #expect(flow.from.endpoint.settings["tls"] == "off" && flow.from.endpoint.settings.seconds("connect_timeout") == 5)
        #expect(flow.from.endpoint.settings["zero_dates"] == "null")
        #expect(flow.to.endpoint.settings["schema"] == "ods" && flow.to.endpoint.port == nil)
        #expect(made.ignored == ["jdbcUrl.foo"])
        #expect(flow.tables.count == 1 && flow.others.isEmpty && flow.limits.channels == 7 && flow.limits.badRows == nil)
        #expect(wish.members.map(\.subject) == ["t08", "t09", "t10"].map { .pattern("\"\($0)\"") })
        #expect(
            wish.members[0].filter == "x > 1"
                && wish.members[0].columns == [ColumnWish("id", expression: "id"), ColumnWish("name", expression: "name")])
        #expect(wish.slices == 3 && wish.sliceBy == ["id"] && wish.positional && wish.targets == ["a", "b"])
        #expect(wish.to == "\"dw\".\"t\"" && wish.before == ["delete from dw.t"] && wish.mode == .append && wish.create == .require)
        #expect(wish.isShared && wish.emptyIsNull && wish.duplicates == nil)
    }

    @Test func `the split factor of five is not compounded over connections`() throws {
        let one = DataXSamples.relational(#""splitPk": "id","#, setting: #""speed": {"channel": 16}"#).replacing("t[08-10]", with: "t")
        #expect(try made(one).flow.tables[0].slices == 80)
        #expect(try made(one.replacing("\"channel\": 16", with: "\"channel\": 1")).flow.tables[0].slices == 1)
        let many = one.replacing(
            "\"connection\": [{\"table\": [\"t\"]",
            with: "\"connection\": [" + String(repeating: "{\"table\": [\"t\"], \"jdbcUrl\": [\"jdbc:mysql://h/x\"]},", count: 7)
                + "{\"table\": [\"t\"]")
        let wish = try made(many).flow.tables[0]
        #expect(wish.members.count == 8 && wish.slices == 2)
    }

    @Test func `queries are verbatim, one member each, and equal addresses are one source`() throws {
        var asked: [[String]] = []
        let made = try made(DataXSamples.queries) { candidates in
            asked.append(candidates.map(\.endpoint.label))
            return 1
        }
        #expect(asked == [["mysql://u:•••@h1/x", "mysql://u:•••@h2:3310/x"]])
        let flow = made.flow, wish = flow.tables[0]
        #expect(flow.sources.map(\.endpoint.connector) == ["mysql", "postgres"])
        #expect(
            wish.members.map(\.subject) == [
                .query("select 1 from a where d = '2026-11-21';", as: "query"), .query("select 1 from a", as: "query"),
            ])
        #expect(wish.duplicates == .update && wish.mode == .append && wish.targets == nil && wish.slices == 1)
        #expect(flow.to.endpoint.settings["init_sql"] == "set a = 1;\nset b = 2")
        #expect(flow.from.endpoint.settings["zero_dates"] == "keep")
        #expect(flow.limits.badRows == 0 && flow.limits.badPercent == nil)
    }

    @Test func `text and stream jobs become options of their connectors`() throws {
        let text = try made(DataXSamples.text).flow
        let settings = text.from.endpoint.settings
        #expect(settings["columns"] == "c1,c2,c3" && settings["types"] == "c1:timestamp,c3:decimal(38,0)" && settings["ragged"] == "cut")
        #expect(settings["date_format"] == "c1=yyyyMMdd" && settings["separator"] == "\\t" && settings.boolean("header"))
        #expect(text.sources.map(\.endpoint.path) == ["/in/**.csv", "/more/**"])
        #expect(text.tables[0].members[0].columns == [ColumnWish("c3"), ColumnWish("constant_2", expression: "'x''y'"), ColumnWish("c1")])
        #expect(
            text.to.endpoint.path.hasPrefix("/out/f__") && text.to.endpoint.settings["separator"] == "\\x01"
                && text.to.endpoint.settings["quote"] == "none")
        let stream = try made(DataXSamples.stream).flow
        #expect(
            stream.from.endpoint.settings["schema"]
                == "c1:int64=uniform(0,10),c2:text=constant('a,b'),c3:timestamp=constant('2014-10-10 00:00:00')")
        #expect(stream.from.endpoint.settings["rows"] == "20" && stream.tables[0].slices == 2 && stream.to.endpoint.connector == "null")
        #expect(stream.tables[0].transforms.map(\.name) == ["dx_substr"])
    }

    @Test func `limits in octets and rows make channels as DataX does, and hold for the process`() throws {
        func speeds(_ setting: String, _ core: String = "") throws -> [Int?] {
            let job = try job(DataXSamples.relational(setting: setting, core: core))
            return [job.channels, job.bytesPerSecond, job.rowsPerSecond]
        }
        let core = #""core": {"transport": {"channel": {"speed": {"byte": "1000", "record": 10}}}},"#
        #expect(try speeds(#""speed": {"channel": 4}"#, core) == [4, 4000, 40])
        #expect(try speeds(#""speed": {"channel": 4, "byte": 3500}"#, core) == [3, 3500, 30])
        #expect(try speeds(#""speed": {"byte": 3500, "record": "25"}"#, core) == [2, 3500, 25])
        #expect(try speeds(#""speed": {"byte": 1}"#, core) == [1, 1, 10])
        #expect(try speeds(#""speed": {"channel": "2", "byte": -1}"#, #""core.transport.channel.speed.byte": 7,"#) == [2, 14, nil])
    }

    @Test func `what core says is honoured where it means something and named where it does not`() throws {
        let job = try job(
            DataXSamples.relational(
                core:
                    #""core": {"container": {"job": {"reportInterval": 1000}, "task": {"failOver": {"maxRetryTimes": 1}}, "taskGroup": {"channel": 5}}, "transport": {"channel": {"byteCapacity": 8388608}}, "statistics": {"collector": {"plugin": {"maxDirtyNumber": 3}}}}, "common": {"column": {"timeZone": "GMT+8"}},"#
            ))
        #expect(job.reportInterval == 1 && job.attempts == 1 && job.dirtyRowsShown == 3 && job.memory == 3 * 8_388_608)
        #expect(job.ignored == ["core.container.taskGroup.channel", "common.column.timeZone"])
    }

    @Test func `columns are parted, and an alias is told from an expression`() {
        let list = DataXColumns([
            "id, `order`", "'a, b'", "f(x, 'y)') AS \"n m\"", "count(*) cnt", "a + b", "CASE WHEN a THEN 1 END", "t.c", "1 one",
            "x is null", "n d",
        ])
        #expect(
            list.items.map { [$0.sql, $0.alias ?? "-"] } == [
                ["id", "-"], ["`order`", "-"], ["'a, b'", "-"], ["f(x, 'y)')", "n m"], ["count(*)", "cnt"], ["a + b", "-"],
                ["CASE WHEN a THEN 1 END", "-"], ["t.c", "-"], ["1", "one"], ["x is null", "-"], ["n", "d"],
            ])
        #expect(DataXColumns(["*"]).isStar && !DataXColumns(["*", "a"]).isStar)
    }

    @Test func `addresses that Apus cannot reach are refused by their system's name`() {
        for (url, says) in [
            ("jdbc:oracle:thin:@h:1521:x", "Oracle"), ("jdbc:sqlserver://h", "SQL Server"), ("mysql://h/x", "jdbc:"), ("jdbc:", "jdbc:"),
            ("jdbc:mysql:", "names no server"), ("jdbc:mysql://u:s3cret@h/x", "cannot be told apart"), ("jdbc:wild://h/x", "`jdbc:wild:`"),
        ] {
            let error = #expect(throws: ApusError.self) { try JDBCAddress.parse(url) }
            #expect(
                error?.description.contains(says) == true && error?.description.contains("s3cret") == false, "\(String(describing: error))")
        }
    }

    @Test func `every mistake of a job is told at once`() throws {
        let error = #expect(throws: ApusError.self) {
            try job(
                #"{"job": {"setting": {"errorLimit": {"record": -1}}, "content": [{"reader": {"name": "mysqlreader", "parameter": {}}, "writer": {"name": "nowriter"}}]}}"#
            )
        }
        let text = try #require(error?.description)
        for part in ["has no `connection`", "`nowriter`"] { #expect(text.contains(part), "\(text)") }
    }
}
