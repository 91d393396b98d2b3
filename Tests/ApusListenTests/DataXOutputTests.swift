import ApusCore
import Foundation
import Synchronization
import Tabular
import Testing

@testable import ApusListen

/// A job told on a recorder, at a clock that a test turns.
final class DataXStory {
    let recorder = Recorder()
    let clock = Clock()
    let statistics: DataXStatistics
    let log: DataXLog
    private var story = Story()

    final class Clock: Sendable {
        let seconds = Mutex(0.0)
    }

    init(_ plan: Plan, jobID: Int = -1, interval: Double = 10, maxDirtyRecords: Int = 10) {
        let clock = clock
        log = DataXLog(console: recorder.console, jobID: jobID, clock: { Story.start + clock.seconds.withLock { $0 } })
        statistics = DataXStatistics(log, plan: plan, interval: interval, maxDirtyRecords: maxDirtyRecords)
    }

    func hear(_ seconds: Double, _ kind: Event.Kind) {
        clock.seconds.withLock { $0 = seconds }
        statistics.hear(story.event(seconds, kind))
    }

    /// All at once.
    func hear(_ events: [(Double, Event.Kind)]) { for (seconds, kind) in events { hear(seconds, kind) } }

    /// What stands on stdout, with every stamp as `T`.
    var text: String {
        recorder.text.replacing(#/(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} /#, with: "T ")
    }

    static func finished(_ tally: Tally, error: ApusError? = nil, status: RunResult.Status = .done) -> [(Double, Event.Kind)] {
        var result = Story.result(rows: 0, error: error)
        result.tally = tally
        return [
            (12.5, .tableFinished(table: 0, result)),
            (12.5, .runFinished(RunResult(status: status, tables: [result], seconds: 12.5))),
        ]
    }
}

extension Plan {
    static func dataX(
        rows: Int = 100, badRows: Int? = nil, badPercent: Double? = nil, transforms: [Transform] = []
    ) -> Plan {
        var table = PlannedTable.sample("orders", slices: [rows])
        table.transforms = transforms
        var plan = Plan.sample([table])
        plan.limits.badRows = badRows
        plan.limits.badPercent = badPercent
        return plan
    }
}

/// Everything is compared character for character with the formats of DataX's own sources.
@Suite struct DataXOutputTests {
    static func bad(_ stage: RejectedRow.Stage = .write, row: Int = 0, values: String = #"{"id":7,"名称":"张三"}"#) -> RejectedRow {
        var bad = RejectedRow(row: row, column: "名称", reason: "Data too long for column 'name'", values: values)
        bad.stage = stage
        return bad
    }

    @Test func `the banner is the one of datax py`() {
        let story = DataXStory(.dataX())
        story.log.banner()
        #expect(
            story.recorder.text
                == "\nDataX (DATAX-OPENSOURCE-3.0), From Alibaba !\nCopyright (C) 2010-2017, Alibaba Group. All Rights Reserved.\n\n\n")
    }

    @Test func `a line is logback's, in local time`() throws {
        let recorder = Recorder()
        let log = DataXLog(console: recorder.console, jobID: 42, threshold: .debug, clock: { 1_705_888_812.345 })
        log.print(.info, "JobContainer", "jobContainer starts to do prepare ...")
        log.print(.warning, "WriterUtil", "…", thread: "main")
        log.print(.error, "Engine", "x")
        log.print(.debug, "Engine", "x")
        let stamp = try Self.shown(1_705_888_812)
        #expect(
            recorder.lines == [
                "\(stamp).345 [job-42] INFO  JobContainer - jobContainer starts to do prepare ...",
                "\(stamp).345 [main] WARN  WriterUtil - …", "\(stamp).345 [job-42] ERROR Engine - x",
                "\(stamp).345 [job-42] DEBUG Engine - x",
            ])
    }

    /// What the system's own `date` prints, in the same time zone.
    static func date(_ format: String, of moment: String) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/date")
        process.arguments = ["-d", moment, format]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .newlines)
    }

    static func shown(_ seconds: Int) throws -> String { try date("+%Y-%m-%d %H:%M:%S", of: "@\(seconds)") }
    /// Seconds since 1970 of a wall clock's reading.
    static func epoch(_ shown: String) throws -> Int { try #require(Int(date("+%s", of: shown))) }

    @Test func `lines below the level are not written`() {
        let recorder = Recorder()
        let log = DataXLog(console: recorder.console, threshold: .error)
        log.print(.info, "JobContainer", "x")
        log.print(.warning, "JobContainer", "x")
        #expect(recorder.text.isEmpty)
    }

    @Test func `a job that went well ends with progress and the seven lines`() throws {
        let story = DataXStory(.dataX())
        story.hear([
            (0, Story.begun()), (0, Story.table(rows: 91)), (0, .sliceStarted(table: 0, slice: 0, attempt: 1)),
            (1, .progress(table: 0, slice: 0, rows: 91, bytes: 4536)),
            (12, .sliceFinished(table: 0, slice: 0, Tally(read: 91, written: 91, bytes: 4536))),
        ])
        story.hear(DataXStory.finished(Tally(read: 91, written: 91, bytes: 4536)))
        let start = try Self.shown(1_000_000_000)
        let end = try Self.shown(1_000_000_012)
        #expect(
            story.text == """
                T [job-0] INFO  JobContainer - DataX jobContainer starts job.
                T [job-0] INFO  JobContainer - DataX jobId [0] completed successfully.
                T [job-0] INFO  StandAloneJobContainerCommunicator - Total 91 records, 4536 bytes | Speed 378B/s, 7 records/s | Error 0 records, 0 bytes |  All Task WaitWriterTime 0.000s |  All Task WaitReaderTime 0.000s | Percentage 100.00%
                T [job-0] INFO  JobContainer - 
                任务启动时刻                    : \(start)
                任务结束时刻                    : \(end)
                任务总计耗时                    :                 12s
                任务平均流量                    :              378B/s
                记录写入速度                    :              7rec/s
                读出记录总数                    :                  91
                读写失败总数                    :                   0


                """)
    }

    @Test func `progress is told every ten seconds with the speed since the last time`() {
        let story = DataXStory(.dataX(rows: 100_000))
        story.hear([
            (0, Story.begun()), (0, Story.table(rows: 100_000)), (0, .sliceStarted(table: 0, slice: 0, attempt: 1)),
            (4, .progress(table: 0, slice: 0, rows: 20_000, bytes: 20 << 20)),
        ])
        story.statistics.tick()
        #expect(!story.text.contains("Total"))
        var effort = Effort()
        effort.waitedForSink = 1234.5
        effort.waitedForSource = 0.0625
        story.hear(10, .progress(table: 0, slice: 0, rows: 10_000, bytes: 12_345_678, effort: effort))
        story.statistics.tick()
        story.hear(20, .progress(table: 0, slice: 0, rows: 40_000, bytes: 5000))
        story.statistics.tick()
        let lines = story.text.split(separator: "\n").filter { $0.contains("Total") }
        #expect(
            lines == [
                "T [job-0] INFO  StandAloneJobContainerCommunicator - Total 30000 records, 33317198 bytes | Speed 3.18MB/s, 3000 records/s | Error 0 records, 0 bytes |  All Task WaitWriterTime 1,234.500s |  All Task WaitReaderTime 0.063s | Percentage 30.00%",
                "T [job-0] INFO  StandAloneJobContainerCommunicator - Total 70000 records, 33322198 bytes | Speed 500B/s, 4000 records/s | Error 0 records, 0 bytes |  All Task WaitWriterTime 1,234.500s |  All Task WaitReaderTime 0.063s | Percentage 70.00%",
            ])
    }

    @Test func `a slice that is tried again does not count twice`() {
        let story = DataXStory(.dataX())
        story.hear([
            (0, Story.begun()), (0, Story.table(rows: 100)), (1, .progress(table: 0, slice: 0, rows: 60, bytes: 600)),
            (1, .rowsRejected(table: 0, slice: 0, [Self.bad()])),
            (2, .sliceRetried(table: 0, slice: 0, attempt: 1, movedRows: 60, movedBytes: 600, Story.lost, delay: 0)),
            (3, .progress(table: 0, slice: 0, rows: 60, bytes: 600)),
            (3, .rowsRejected(table: 0, slice: 0, [Self.bad(), Self.bad(row: 9)])),
            (4, .sliceFinished(table: 0, slice: 0, Tally(read: 100, written: 98, rejected: 2, bytes: 1000))),
        ])
        story.hear(DataXStory.finished(Tally(read: 100, written: 98, rejected: 2, bytes: 1000)))
        #expect(story.text.contains("Total 100 records, 1000 bytes"))
        // 8 for the number and two units of text, twice.
        #expect(story.text.contains("Error 2 records, 20 bytes"))
        #expect(story.text.contains("读写失败总数                    :                   2\n"))
        #expect(story.text.components(separatedBy: "脏数据").count == 3, "and prints its dirty row once")
    }

    @Test func `with transformers there is more to count`() {
        var effort = Effort()
        effort.transformed = 0.25
        let story = DataXStory(.dataX(transforms: [Transform(column: 0, .filter(.greater, value: "3"))]))
        story.hear([
            (0, Story.begun()), (0, Story.table(rows: 100)),
            (1, .rowsRejected(table: 0, slice: 0, [Self.bad(.transform), Self.bad(.transform, row: 1), Self.bad(.read, row: 2)])),
            (1, .progress(table: 0, slice: 0, rows: 100, bytes: 1000, filtered: 40, effort: effort)),
            (4, .sliceFinished(table: 0, slice: 0, Tally(read: 100, written: 57, rejected: 3, filtered: 40, bytes: 1000))),
        ])
        story.hear(DataXStory.finished(Tally(read: 100, written: 57, rejected: 3, filtered: 40, bytes: 1000)))
        // DataX counts as read what reaches the channel or fails on the way there, and a dropped row as a success.
        #expect(
            story.text.contains(
                "Total 60 records, 1000 bytes | Speed 83B/s, 5 records/s | Error 3 records, 30 bytes |  All Task WaitWriterTime 0.000s |  All Task WaitReaderTime 0.000s | Transfermor Success 97 records | Transformer Error 2 records | Transformer Filter 40 records | Transformer usedTime 0.250s | Percentage 100.00%\n"
            ))
        #expect(
            story.text.hasSuffix(
                """
                读写失败总数                    :                   3

                T [job-0] INFO  JobContainer - 
                Transformer成功记录总数         :                  97
                Transformer失败记录总数         :                   2
                Transformer过滤记录总数         :                  40


                """))
    }

    @Test func `too many dirty rows fail in DataX's words`() {
        let story = DataXStory(.dataX(badRows: 0))
        story.hear([
            (0, Story.begun()), (0, Story.table(rows: 100)),
            (1, .rowsRejected(table: 0, slice: 0, [Self.bad()])),
            (1, .progress(table: 0, slice: 0, rows: 50, bytes: 500)),
        ])
        story.hear(
            DataXStory.finished(Tally(), error: ApusError(.tooManyRejected, "1 row was rejected, the limit is 0"), status: .failed))
        let exception =
            "com.alibaba.datax.common.exception.DataXException: Code:[Framework-14], Description:[DataX传输脏数据超过用户预期，该错误通常是由于源端数据存在较多业务脏数据导致，请仔细检查DataX汇报的脏数据日志信息, 或者您可以适当调大脏数据阈值 .].  - 脏数据条数检查不通过，限制是[0]条，但实际上捕获了[1]条."
        #expect(
            story.text == """
                T [job-0] INFO  JobContainer - DataX jobContainer starts job.
                T [0-0-0-writer] ERROR StdoutPluginCollector - 脏数据: 
                {"exception":"Data too long for column 'name'","record":[{"byteSize":8,"index":0,"rawData":7,"type":"LONG"},{"byteSize":2,"index":1,"rawData":"张三","type":"STRING"}],"type":"writer"}
                T [job-0] ERROR JobContainer - Exception when job run
                \(exception)
                T [job-0] INFO  StandAloneJobContainerCommunicator - Total 50 records, 500 bytes | Speed 41B/s, 4 records/s | Error 1 records, 10 bytes |  All Task WaitWriterTime 0.000s |  All Task WaitReaderTime 0.000s | Percentage 50.00%
                T [job-0] ERROR Engine - 

                经DataX智能分析,该任务最可能的错误原因是:
                \(exception)


                """)
    }

    @Test func `too large a share of dirty rows fails with six places`() {
        let story = DataXStory(.dataX(badPercent: 2))
        story.hear([(0, Story.begun()), (0, Story.table(rows: 100))])
        story.hear(
            DataXStory.finished(
                Tally(read: 128, written: 124, rejected: 4), error: ApusError(.tooManyRejected, "4 of 128 rows"), status: .failed))
        #expect(story.text.contains(" - 脏数据百分比检查不通过，限制是[0.020000]，但实际上捕获到[0.031250].\n"))
    }

    @Test(arguments: [
        (ApusError.Code.unreachable, "DBUtilErrorCode-10"), (.refused, "DBUtilErrorCode-10"), (.statement, "DBUtilErrorCode-06"),
        (.configurationInvalid, "Framework-03"), (.usage, "Framework-03"), (.unknownConnector, "Framework-12"),
        (.columnCount, "DBUtilErrorCode-00"), (.internalFault, "Framework-02"), (.full, "Framework-02"), (.cancelled, "Framework-143"),
    ])
    func `every failure has the line that schedulers look for`(code: ApusError.Code, dataX: String) {
        let story = DataXStory(.dataX())
        story.log.fail(ApusError(code, "Job运行速度必须设置", hint: "…", context: "job.json", underlying: "PG 1"))
        #expect(story.text.hasPrefix("T [job-0] ERROR Engine - \n\n经DataX智能分析,该任务最可能的错误原因是:\ncom.alibaba"))
        #expect(story.text.contains("DataXException: Code:[\(dataX)], Description:["))
        #expect(story.text.hasSuffix("].  - job.json: Job运行速度必须设置 (PG 1)\n\n"))
    }

    @Test func `a job that was stopped is no success`() {
        let story = DataXStory(.dataX())
        story.hear([(0, Story.begun()), (0, Story.table(rows: 100))])
        story.hear(DataXStory.finished(Tally(), error: ApusError(.cancelled, "stopped"), status: .stopped))
        #expect(story.text.contains("该任务最可能的错误原因是:\n"))
        #expect(story.text.contains("Code:[Framework-143], Description:[Job 收到了 Kill 命令.].  - Job 收到了 Kill 命令."))
        #expect(!story.text.contains("任务结束时刻"))
    }

    @Test(arguments: [(10, 10), (3, 3), (0, 0), (-1, 25)])
    func `only the first dirty rows are printed`(most: Int, printed: Int) {
        let story = DataXStory(.dataX(), maxDirtyRecords: most)
        story.hear([
            (0, Story.begun()), (0, Story.table(rows: 100)),
            (1, .rowsRejected(table: 0, slice: 0, (0..<25).map { Self.bad(row: $0) })),
        ])
        #expect(story.text.components(separatedBy: "脏数据: \n").count - 1 == printed)
    }

    @Test func `a dirty row shows every type as DataX holds it`() throws {
        let types: [ColumnType] = [
            .uint64, .decimal(precision: 10, scale: 2), .float64, .boolean, .bytes, .text, .timestamp(precision: 0),
            .instant(precision: 6), .date, .timestamp(precision: 0), .int64, .json,
            .decimal(precision: 38, scale: 0),
        ]
        let names = types.indices.map { "c\($0)" }
        let schema = Schema(zip(names, types).map { Column($0, $1) })
        let row = RejectedRow(
            row: 0, column: nil, reason: "坏\n\"",
            values:
                #"{"c0":18446744073709551615,"c1":-12.50,"c2":"NaN","c3":true,"c4":"\\x00ff41","c5":"a\"\\\t😀","c6":"2024-01-22 10:00:12","c7":"2024-01-22 02:00:12.345678+00","c8":"2024-01-22","c9":"0000-00-00 00:00:00","c10":null,"c11":"[1, 2]","c12":-42}"#
        )
        let record = DataXRecord(row, [schema])
        let local = try Self.epoch("2024-01-22 10:00:12")
        let day = try Self.epoch("2024-01-22 00:00:00")
        #expect(
            record.json
                == [
                    #"{"exception":"坏\n\"","record":[{"byteSize":8,"index":0,"rawData":18446744073709551615,"type":"LONG"}"#,
                    #"{"byteSize":6,"index":1,"rawData":"-12.50","type":"DOUBLE"}"#,
                    #"{"byteSize":3,"index":2,"rawData":"NaN","type":"DOUBLE"}"#,
                    #"{"byteSize":1,"index":3,"rawData":true,"type":"BOOL"}"#,
                    #"{"byteSize":3,"index":4,"rawData":"AP9B","type":"BYTES"}"#,
                    #"{"byteSize":6,"index":5,"rawData":"a\"\\\t😀","type":"STRING"}"#,
                    #"{"byteSize":8,"index":6,"rawData":\#(local)000,"type":"DATE"}"#,
                    #"{"byteSize":8,"index":7,"rawData":1705888812345,"type":"DATE"}"#,
                    #"{"byteSize":8,"index":8,"rawData":\#(day)000,"type":"DATE"}"#,
                    #"{"byteSize":19,"index":9,"rawData":"0000-00-00 00:00:00","type":"STRING"}"#,
                    #"{"byteSize":0,"index":10,"type":"LONG"}"#,
                    #"{"byteSize":6,"index":11,"rawData":"[1, 2]","type":"STRING"}"#,
                    #"{"byteSize":3,"index":12,"rawData":-42,"type":"LONG"}],"type":"writer"}"#,
                ].joined(separator: ","))
        #expect(record.byteSize == 8 + 6 + 3 + 1 + 3 + 6 + 8 + 8 + 8 + 19 + 0 + 6 + 3)
    }

    @Test func `a row that never was one is the reader's, with its raw text`() {
        let bad = Self.bad(.read, values: "a;b")
        #expect(
            DataXRecord(bad, []).json
                == #"{"record":[{"byteSize":3,"index":0,"rawData":"a;b","type":"STRING"}],"type":"reader","message":"Data too long for column 'name'"}"#
        )
    }

    @Test(arguments: [
        (0, "0B"), (378, "378B"), (1023, "1023B"), (1024, "1.00KB"), (1260, "1.23KB"), (1 << 20, "1.00MB"), (3_331_719, "3.18MB"),
        (5 << 30, "5.00GB"), (3 << 40, "3.00TB"), (1152, "1.12KB"), (1_178_599_424, "1.10GB"),
    ])
    func `speeds are written as StrUtil writes them`(bytes: Int, text: String) {
        #expect(DataXNumber.bytes(bytes) == text)
    }

    @Test func `numbers round as Java rounds`() {
        #expect(DataXNumber.fixed(0.0078125, places: 6) == "0.007813")
        #expect(DataXNumber.fixed(1, places: 6) == "1.000000")
        #expect(DataXNumber.seconds(1_234_567.0004) == "1,234,567.000s")
        #expect(DataXNumber.seconds(0.0005) == "0.001s")
        #expect(DataXNumber.hundredths(33.333) == "33.33")
        #expect(DataXNumber.hundredths(0.125) == "0.12")
        #expect(DataXNumber.hundredths(0.375) == "0.38")
    }
}
