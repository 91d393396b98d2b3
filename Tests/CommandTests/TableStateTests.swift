import ApusTesting
import Foundation
import Testing

/// What becomes of tables that were never begun, or were stopped: nowhere are they said to be done.
@Suite(.requires(.mariadb)) struct TableStateTests {
    let typist: Typist
    init() throws { typist = try Typist() }

    private var summary: String { typist.odd("sum mary.json") }

    /// Two tables; the first takes long enough to be stopped in the middle.
    private func source() throws {
        try typist.sqlite(
            "s.db",
            """
            CREATE TABLE a (id integer PRIMARY KEY, v integer);
            INSERT INTO a WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000) SELECT i, i FROM n;
            CREATE TABLE b (id integer PRIMARY KEY, v integer); INSERT INTO b VALUES (1, 1);
            """)
    }

    /// The status of each table: in the summary file and, in words, in the closing table.
    private func expect(_ wanted: [String: String], _ result: CommandResult, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: summary))
        let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any], sourceLocation: sourceLocation)
        #expect(object["status"] as? String != "done", sourceLocation: sourceLocation)
        let tables = try #require(object["tables"] as? [[String: Any]], sourceLocation: sourceLocation)
        var found: [String: String] = [:]
        for table in tables { found[table["table"] as? String ?? "?"] = table["status"] as? String }
        #expect(found == wanted, sourceLocation: sourceLocation)
        for (table, status) in wanted {
            let row = result.stdout.split(separator: "\n").first { $0.hasPrefix(table + " ") }
            #expect(row?.hasSuffix(status.replacing("_", with: " ")) == true, "\(result.stdout)", sourceLocation: sourceLocation)
        }
    }

    private func stop(_ running: RunningCommand, _ signal: Int32) throws -> CommandResult {
        try wait("the first table to begin") { running.errorsSoFar.contains("a: started") }
        usleep(400_000)
        running.signal(signal)
        return running.wait(timeout: .seconds(20))
    }

    @Test func `copy and run: a signal with one channel leaves the second table not started`() throws {
        try source()
        let common = ["--summary-file", summary, "--ledger", typist.ledger]
        let copy = try typist.start(
            ["copy", typist.url("s.db"), typist.url("t.db"), "--channels", "1", "--slices", "8", "--rows-per-second", "8000"] + common)
        let stopped = try stop(copy, SIGINT)
        #expect(stopped.status == 130)
        try expect(["a": "stopped", "b": "not_started"], stopped)
        let report = try typist.apus("show", "--output", "json", "--ledger", typist.ledger).stdout
        #expect(!report.contains(#""status": "done",\n      "rows": 0"#) && report.contains(#""status": "waiting""#))

        let flow = try typist.write(
            "from: \"\(typist.url("s.db"))\"\nto: \"\(typist.url("u.db"))\"\nlimits: { channels: 1, rows_per_second: 8000 }\ndefaults: { slices: 8 }\n",
            to: "fl ow.yaml")
        let run = try stop(typist.start(["run", flow] + common), SIGTERM)
        #expect(run.status == 143)
        try expect(["a": "stopped", "b": "not_started"], run)
    }

    @Test func `copy and run: a before that fails starts no table`() throws {
        try source()
        let common = ["--summary-file", summary, "--ledger", typist.ledger]
        let copy = try typist.user.run(["copy", typist.url("s.db"), typist.url("t.db"), "--before", "DELETE FROM nowhere"] + common)
        #expect(copy.status == 1 || copy.status == 78)
        try expect(["a": "not_started", "b": "not_started"], copy)
        let flow = try typist.write(
            "from: \"\(typist.url("s.db"))\"\nto: \"\(typist.url("t.db"))\"\nbefore: [DELETE FROM nowhere]\n", to: "flow.yaml")
        try expect(["a": "not_started", "b": "not_started"], typist.user.run(["run", flow] + common))
    }

    @Test func `copy: a snapshot that cannot be had starts no table`() throws {
        let source = try Store(.mariadb)
        try source.fill(10)
        try source.fill(10, table: "other")
        let name = "poor_\(source.database)".suffix(30)
        try source.run("CREATE USER '\(name)'@'%' IDENTIFIED BY 'poorpw'; GRANT SELECT ON \(source.database).* TO '\(name)'@'%'")
        defer { _ = try? source.run("DROP USER '\(name)'@'%'") }
        let result = try typist.apus(
            "copy", source.url(user: String(name), "poorpw"), typist.url("t.db"), "--snapshot", "--channels", "2", "--summary-file",
            summary,
            "--ledger", typist.ledger)
        #expect(result.status != 0)
        let data = try Data(contentsOf: URL(fileURLWithPath: summary))
        #expect(!String(decoding: data, as: UTF8.self).contains("\"done\""), "\(result.stdout)\(result.stderr)")
    }

    @Test func `copy: a signal while a slice waits for its next attempt leaves the table stopped`() throws {
        let source = try Store(.mariadb)
        try source.fill(20_000, table: "a")
        let proxy = try FaultProxy(to: source.port)
        defer { proxy.end() }
        let running = try typist.start([
            "copy", source.url(port: proxy.port), typist.url("t.db"), "--slices", "8", "--channels", "1", "--rows-per-second", "8000",
            "--attempts", "50", "--summary-file", summary, "--ledger", typist.ledger,
        ])
        try wait("the table to begin") { running.errorsSoFar.contains("a: started") }
        usleep(500_000)
        proxy.behaviour = .refuse
        proxy.cutNow()
        try wait("a slice to wait") { running.errorsSoFar.contains("again") || running.errorsSoFar.contains("retr") }
        running.signal(SIGTERM)
        let result = running.wait(timeout: .seconds(20))
        #expect(result.status == 143)
        try expect(["a": "stopped"], result)
        proxy.behaviour = .passThrough
        let again = try typist.apus("resume", "--ledger", typist.ledger)
        #expect(again.status == 0, "\(again.stderr)")
        #expect(try typist.loaded("t.db", "a") == 20_000)
    }

    @Test func `datax: a signal and a preSql that fails are in its summary file`() throws {
        try source()
        func job(_ before: String) throws -> String {
            let writer = """
                {"name": "sqlitewriter", "parameter": {"username": "", "column": ["id", "v"], "preSql": ["\(before)"],
                "connection": [{"jdbcUrl": "jdbc:sqlite:\(typist.odd("t.db"))", "table": ["a"]}]}}
                """
            let reader = """
                {"name": "sqlitereader", "parameter": {"username": "", "column": ["id", "v"],
                "connection": [{"jdbcUrl": ["jdbc:sqlite:\(typist.odd("s.db"))"], "table": ["a"]}]}}
                """
            return try typist.write(
                DataXDesk.job(
                    reader, writer,
                    setting: #""speed": {"channel": 1, "record": 8000}"#
                ).replacing("{\"job\":", with: #"{"core": {"transport": {"channel": {"speed": {"record": 8000}}}}, "job":"#),
                to: "jo b.json")
        }
        try typist.sqlite("t.db", "CREATE TABLE a (id integer PRIMARY KEY, v integer)")
        let failed = try typist.apus("datax", job("delete from nowhere"), "--summary-file", summary)
        #expect(failed.status == 1)
        // Its preSql belongs to the table.
        #expect(try status() == ["failed"])
        let running = try typist.start(["datax", job("delete from a"), "--summary-file", summary])
        try wait("the preSql") { running.errorsSoFar.contains("before: delete from a") }
        usleep(600_000)
        running.signal(SIGTERM)
        #expect(running.wait(timeout: .seconds(20)).status == 143)
        #expect(try status() == ["stopped"])
    }

    /// The tables' statuses in the summary file.
    private func status() throws -> [String] {
        let data = try Data(contentsOf: URL(fileURLWithPath: summary))
        let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        return (object["tables"] as? [[String: Any]] ?? []).map { $0["status"] as? String ?? "" }
    }

    @Test func `extract: rows that were never begun are not done`() throws {
        let desk = try PrintedCommands.Desk()
        try desk.typist.sqlite(
            "erp.db",
            """
            DELETE FROM a; INSERT INTO a WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000) SELECT i, 1 FROM n;
            CREATE TABLE b (id integer PRIMARY KEY, v integer);
            """)
        try desk.typist.sqlite(
            "con trol.db",
            """
            INSERT INTO datax_config (type, src_table_name, des_table_name, json_id, relation, dcondition, src_table_column, des_table_column, server_type, ordernum, status, etl_type, etl_column)
            SELECT type, 'b', 'b', json_id, relation, dcondition, src_table_column, des_table_column, server_type, 2, status, etl_type, etl_column FROM datax_config;
            """)
        let file = desk.typist.odd("sum.json")
        let running = try RunningCommand(
            apusBinary(),
            ["extract", "--control", desk.control, "--type", "x", "--parallel", "1", "--rows-per-second", "8000", "--summary-file", file],
            environment: desk.typist.user.environment.merging(desk.ends) { $1 }, cleanEnvironment: true)
        try wait("the first row to begin") { running.errorsSoFar.contains("a") }
        sleep(1)
        running.signal(SIGTERM)
        let result = running.wait(timeout: .seconds(20))
        #expect(result.status == 143, "\(result.stderr)")
        let text = try String(contentsOfFile: file, encoding: .utf8)
        #expect(!text.contains("\"done\"") && text.contains("\"not_started\""), "\(text)")
        #expect(result.stdout.contains("not started"), "\(result.stdout)")
        let next = try desk.typist.next(result, "extract ")
        #expect(next.hasSuffix(" --retry-failed"))
        // What was not done is done by the same command.
        let again = try desk.apus("extract", "--control", desk.control, "--type", "x")
        #expect(again.status == 0, "\(again.stderr)")
        #expect(try desk.typist.loaded("dw.db", "a") == 40_000)
    }
}
