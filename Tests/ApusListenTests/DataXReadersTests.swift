import ApusCore
import Foundation
import Tabular
import Testing

@testable import ApusListen

/// What pydatax takes from the standard output of a job: its own expressions and its own order, nothing of ours.
struct PydataxLog {
    var hasFailed: Bool
    /// Rows that were refused where the limit is none.
    var dirty: Int?
    var total: String?
    var fields: [String: String] = [:]

    init(_ output: String) throws {
        func first(_ pattern: String) throws -> String? {
            let expression = try NSRegularExpression(pattern: pattern)
            let whole = NSRange(output.startIndex..., in: output)
            guard let match = expression.firstMatch(in: output, range: whole) else { return nil }
            let range = match.range(at: match.numberOfRanges - 1)
            return Range(range, in: output).map { String(output[$0]) }
        }
        hasFailed = try first("该任务最可能的错误原因是") != nil
        dirty = try first(#"脏数据条数检查不通过，限制是\[0\]条，但实际上捕获了\[(\d*)\]条"#).flatMap { Int($0) }
        total = try first(#"Total([\s\d]*)records"#)?.trimmingCharacters(in: .whitespaces)
        for label in ["任务启动时刻", "任务结束时刻", "读出记录总数", "任务平均流量", "读写失败总数"] {
            fields[label] = try first(label + #"\s*:\s*(.*)"#)
        }
        for label in ["任务总计耗时", "记录写入速度"] { fields[label] = try first(label + #"\s*:\s*([\d.]*)"#) }
    }
}

/// What datax-web takes: of each line with a label the text behind the first colon.
struct DataXWebLog {
    var fields: [String: String] = [:]

    init(_ output: String) {
        let labels = ["任务启动时刻", "任务结束时刻", "任务总计耗时", "任务平均流量", "记录写入速度", "读出记录总数", "读写失败总数"]
        for line in output.components(separatedBy: "\n") {
            for label in labels where line.contains(label) {
                let parts = line.split(separator: ":", maxSplits: 1)
                if parts.count == 2 { fields[label] = parts[1].trimmingCharacters(in: .whitespaces) }
            }
        }
    }
}

@Suite struct DataXReadersTests {
    func output(rows: Int, dirty: Int, limit: Int?) -> String {
        let story = DataXStory(.dataX(badRows: limit))
        story.log.banner()
        let bad = (0..<dirty).map { DataXOutputTests.bad(row: $0) }
        let tally = Tally(read: rows, written: rows - dirty, rejected: dirty, bytes: rows * 50)
        story.hear([(0, Story.begun()), (0, Story.table(rows: rows)), (1, .rowsRejected(table: 0, slice: 0, bad))])
        story.hear(2, .progress(table: 0, slice: 0, rows: rows, bytes: rows * 50))
        guard let limit, dirty > limit else {
            story.hear(12, .sliceFinished(table: 0, slice: 0, tally))
            story.hear(DataXStory.finished(tally))
            return story.recorder.text
        }
        story.hear(DataXStory.finished(Tally(), error: ApusError(.tooManyRejected, "…"), status: .failed))
        return story.recorder.text
    }

    @Test func `pydatax finds the counts of a job that went well`() throws {
        let log = try PydataxLog(output(rows: 91, dirty: 0, limit: 0))
        #expect(!log.hasFailed)
        #expect(log.dirty == nil)
        #expect(log.total == "91")
        #expect(log.fields["读出记录总数"] == "91")
        #expect(log.fields["读写失败总数"] == "0")
        #expect(log.fields["任务总计耗时"] == "12")
        #expect(log.fields["记录写入速度"] == "7")
        #expect(log.fields["任务平均流量"] == "379B/s")
        for label in ["任务启动时刻", "任务结束时刻"] {
            #expect(try #require(log.fields[label]).wholeMatch(of: #/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/#) != nil)
        }
    }

    @Test func `pydatax finds the number of dirty rows where none is allowed`() throws {
        let log = try PydataxLog(output(rows: 91, dirty: 13, limit: 0))
        #expect(log.hasFailed)
        #expect(log.dirty == 13)
        #expect(log.total == "91")
        #expect(log.fields.isEmpty)
    }

    @Test func `pydatax does not take another limit for none`() throws {
        let log = try PydataxLog(output(rows: 91, dirty: 13, limit: 5))
        #expect(log.hasFailed)
        #expect(log.dirty == nil)
    }

    @Test func `datax-web finds all seven labels`() throws {
        let log = DataXWebLog(output(rows: 4_500_000_000, dirty: 2, limit: nil))
        #expect(log.fields.count == 7)
        #expect(log.fields["读出记录总数"] == "4500000000")
        #expect(log.fields["读写失败总数"] == "2")
        #expect(log.fields["任务总计耗时"] == "12s")
        #expect(log.fields["记录写入速度"] == "375000000rec/s")
        #expect(log.fields["任务平均流量"] == "17.46GB/s")
        #expect(try #require(log.fields["任务启动时刻"]).count == 19)
    }
}
