import ApusCore
import Foundation
import Tabular
import Testing

@testable import ApusListen

@Suite struct ReportTests {
    func parse(_ text: String) throws -> Any { try JSONSerialization.jsonObject(with: Data(text.utf8)) }

    static let result = RunResult(
        status: .failed,
        tables: [
            Story.result("订单", rows: 1_234_567, rejected: 13, bytes: 1_200_000_000),
            Story.result(rows: 0, error: Story.lost),
            Story.result("later", rows: 0, error: ApusError(.cancelled, "stopped")),
        ], seconds: 201)

    @Test func `the closing table lines up and says what to do next`() {
        #expect(
            ClosingTable.text(Self.result, runID: "run-1") == """
                table                     rows  rejected   bytes    time   rows/s  status
                -------------------  ---------  --------  ------  ------  -------  -------
                before                                             0.75s
                -------------------  ---------  --------  ------  ------  -------  -------
                订单 → ods.订单      1,234,567        13  1.2 GB    2.0s  617,284  done
                orders → ods.orders          0         0     0 B    2.0s           failed
                later → ods.later            0         0     0 B    2.0s           stopped
                -------------------  ---------  --------  ------  ------  -------  -------
                after                                               1.5s
                -------------------  ---------  --------  ------  ------  -------  -------
                total                1,234,567        13  1.2 GB  3m 21s    6,142  failed

                failed: orders
                  connection.unreachable: ods.orders: the connection to the target broke (server closed the connection)
                  hint: See that the server runs.

                next:
                  apus resume run-1           tries 2 unfinished tables again
                  apus show run-1 --rejected  lists 13 rejected rows

                """)
    }

    @Test func `a run without fault ends with its table`() {
        let text = ClosingTable.text(
            RunResult(status: .done, tables: [Story.result(rows: 3)], seconds: 0.01), runID: "r")
        #expect(text.hasSuffix("total                   3         0  300 B  0.01s          done\n"))
        #expect(!text.contains("next:"))
    }

    @Test func `a stopped run says how to go on, and an error of the run itself is told`() {
        let stopped = ClosingTable.text(
            RunResult(status: .stopped, tables: [], seconds: 1, error: ApusError(.cancelled, "Ctrl-C")), runID: "r")
        #expect(
            stopped.contains(
                "stopped: the run\n  run.cancelled: Ctrl-C\n\nnext:\n  apus resume r  goes on where this run stopped\n")
        )
        let failed = ClosingTable.text(
            RunResult(status: .failed, tables: [], seconds: 1, error: ApusError(.full, "disk\nfull")), runID: "r")
        #expect(
            failed.contains("failed: the run\n  target.full: disk\n  full\n\nnext:\n  apus resume r  tries again\n"))
    }

    @Test func `the summary file holds honest counts and nobody else may read it`() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "apus-summary-\(UInt32.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("x.json").path
        let old = umask(0)
        defer { umask(old) }
        let file = try SummaryFile(path: path)
        #expect(!FileManager.default.fileExists(atPath: path))
        var story = Story()
        file.hear(story.event(0, .runFinished(Self.result)))
        #expect(file.error == nil)
        let object = try #require(try parse(try String(contentsOfFile: path, encoding: .utf8)) as? [String: Any])
        #expect(object["run_id"] as? String == "run-1")
        #expect(object["status"] as? String == "failed")
        #expect(object["rows"] as? Int == 1_234_567)
        #expect(object["rows_read"] as? Int == 1_234_580)
        #expect(object["rejected"] as? Int == 13)
        #expect(object["tables_failed"] as? Int == 2)
        let tables = try #require(object["tables"] as? [[String: Any]])
        #expect(tables.map { $0["status"] as? String } == ["done", "failed", "stopped"])
        #expect((tables[1]["error"] as? [String: Any])?["code"] as? String == "connection.unreachable")
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["x.json"])
    }

    @Test func `a summary file that cannot be written is refused before the run`() {
        #expect(throws: ApusError.self) { try SummaryFile(path: "/proc/nowhere/x.json") }
    }

    static func plan() -> Plan {
        var orders = PlannedTable.sample("orders", slices: [100, 900])
        orders.ddl = ["CREATE TABLE ods.orders (\n  id bigint\n)"]
        orders.read.filters = ["id > 5"]
        orders.watermark = .init(column: "id", after: nil, upTo: "77", key: "orders|id")
        orders.findings = [
            Finding(.note, .lossyMapping, "small"),
            Finding(.error, .lossyMapping, column: "名称", "40 characters into 20"),
        ]
        var plain = PlannedTable.sample("plain", slices: [nil], mode: .append)
        plain.load.exists = true
        plain.read.items = [.init("id"), .init("name")]
        plain.read.schema = Schema([Column("id", .int64), Column("name", .text(length: 40))])
        return .sample([orders, plain])
    }

    @Test func `a plan prints both ends, every table, and what is to be known of it`() {
        #expect(
            PlanTable.text(Self.plan()) == """
                from     mysql  mysql://u:${PW}@h/shop
                to       postgres  postgres://h/dw
                limits   4 channels, no bad rows, 5 attempts a slice

                source  target      mode     table     rows  slices  key
                ------  ----------  -------  ------  ------  ------  ---
                orders  ods.orders  replace  create  ~1,000       2  id
                plain   ods.plain   append   exists       ?       1  id

                orders
                  where     id > 5
                  watermark id from the first row up to 77
                  column    名称 → name  (text(40) → varchar(40))
                  ddl       CREATE TABLE ods.orders (
                              id bigint
                            )
                  error     名称: 40 characters into 20 [config.lossy_mapping]
                  note      small [config.lossy_mapping]

                2 tables, 3 slices; 1 error, 1 note

                """)
    }

    @Test func `a plan is an object for programs`() throws {
        let object = try #require(try parse(PlanTable.json(Self.plan())) as? [String: Any])
        #expect((object["from"] as? [String: String]) == ["connector": "mysql", "reference": "mysql://u:${PW}@h/shop"])
        let tables = try #require(object["tables"] as? [[String: Any]])
        #expect(tables[0]["rows_expected"] as? Int == 1000)
        #expect(tables[1]["rows_expected"] is NSNull)
        #expect((tables[0]["columns"] as? [[String: Any]])?[1]["source"] as? String == "名称")
        #expect((tables[0]["findings"] as? [[String: Any]])?.count == 2)
    }

    static func run(_ id: String, _ status: RunRecord.Status, finished: Double? = nil, error: String? = nil)
        -> RunRecord
    {
        RunRecord(
            id: id, name: "夜", from: "mysql://h/shop", to: "postgres://h/dw", plan: "", status: status,
            startedAt: Story.start,
            finishedAt: finished, beatAt: Story.start + 30, host: "h", pid: 7, error: error)
    }

    @Test func `the history tells interrupted runs from running ones`() throws {
        let runs = [
            Self.run("c", .running), Self.run("b", .running), Self.run("a", .done, finished: Story.start + 201),
        ]
        #expect(
            HistoryTable.text(runs, now: Story.start + 90) { $0.id == "b" } == """
                run  started                 took  status       name  from            to
                ---  --------------------  ------  -----------  ----  --------------  ---------------
                c    2001-09-09 01:46:40Z  1m 30s  running      夜    mysql://h/shop  postgres://h/dw
                b    2001-09-09 01:46:40Z   30.0s  interrupted  夜    mysql://h/shop  postgres://h/dw
                a    2001-09-09 01:46:40Z  3m 21s  done         夜    mysql://h/shop  postgres://h/dw

                interrupted runs go on with:
                  apus resume b

                """)
        #expect(HistoryTable.text([]) == "no runs yet\n")
        let objects = try #require(try parse(HistoryTable.json(runs, now: 0) { $0.id == "b" }) as? [[String: Any]])
        #expect(objects.map { $0["status"] as? String } == ["running", "interrupted", "done"])
        #expect(try parse(HistoryTable.json([])) as? [Int] == [])
    }

    static let report = RunReport(
        run: run("r", .failed, finished: Story.start + 60, error: "one table failed"),
        tables: [
            TableRecord(
                table: 0, name: "订单", target: "订单", status: .done,
                tally: Tally(read: 11, written: 10, rejected: 1, bytes: 1000), data: 2),
            TableRecord(table: 1, name: "lines", target: "ods.lines", status: .failed, error: "broke"),
        ],
        slices: [
            1: [
                SliceRecord(
                    slice: Slice(id: 0, bounds: .range(from: nil, upTo: ["5", "x"])), status: .done, attempts: 1,
                    tally: Tally(read: 4, written: 4, bytes: 40), seconds: 1),
                SliceRecord(
                    slice: Slice(id: 1, bounds: .range(from: ["5", "x"], upTo: nil)), status: .replaced, attempts: 2,
                    tally: Tally(), seconds: 1),
                SliceRecord(
                    slice: Slice(id: 2, bounds: .range(from: ["5", "x"], upTo: ["7", "y"])), status: .waiting,
                    attempts: 3, tally: Tally(), seconds: 0),
            ]
        ],
        rejected: 1,
        isInterrupted: false, now: Story.start + 100)

    private static let rejected = RunReport.Rejected(
        table: 0, slice: 0, row: RejectedRow(row: 3, column: "名", reason: "too long\u{1B}[2J", values: #"{"名":"很长"}"#))

    @Test func `a report shows tables, open slices and what to do`() {
        #expect(
            Self.report.text() == """
                run      r
                name     夜
                from     mysql://h/shop
                to       postgres://h/dw
                started  2001-09-09 01:46:40Z on h, process 7
                status   failed after 1m 00s
                error    one table failed

                table              rows  rejected   bytes  slices  time  rows/s  status
                -----------------  ----  --------  ------  ------  ----  ------  ------
                订单                 10         1  1.0 kB          2.0s       5  done
                lines → ods.lines     4         0    40 B     1/2                failed

                lines: broke

                table  slice  status   attempts  bounds
                -----  -----  -------  --------  ----------------------
                lines      2  waiting         3  (5, x) <= key < (7, y)

                1 rejected row: apus show r --rejected

                next: apus resume r

                """)
    }

    @Test func `rejected rows are listed with reason and values, harmlessly`() {
        #expect(
            Self.report.line(Self.rejected)
                == #"{"table":"订单","slice":0,"row":3,"column":"名","reason":"too long\u001b[2J","values":{"名":"很长"}}"# + "\n")
    }

    @Test func `a report is an object for programs`() throws {
        func json(_ count: Int) throws -> String {
            var text = ""
            try Self.report.json({ body in for _ in 0..<count { try body(Self.rejected) } }, to: { text += $0 })
            return text
        }
        #expect(try json(0).hasSuffix(",\n  \"rejected_rows\": []\n}\n"))
        for count in [0, 1, 3] {
            let rows = (try parse(json(count)) as? [String: Any])?["rejected_rows"] as? [[String: Any]]
            #expect(rows?.count == count)
        }
        let object = try #require(try parse(json(2)) as? [String: Any])
        #expect(object["run_id"] as? String == "r")
        let tables = try #require(object["tables"] as? [[String: Any]])
        let slices = try #require(tables[1]["slices"] as? [[String: Any]])
        #expect(slices.map { $0["status"] as? String } == ["done", "replaced", "waiting"])
        #expect((slices[2]["bounds"] as? [String: [String]])?["up_to"] == ["7", "y"])
        let rejected = try #require(object["rejected_rows"] as? [[String: Any]])
        #expect(rejected[0]["reason"] as? String == "too long\u{1B}[2J")
    }
}
