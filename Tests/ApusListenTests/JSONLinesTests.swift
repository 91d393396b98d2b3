import ApusCore
import Foundation
import Tabular
import Testing

@testable import ApusListen

@Suite struct JSONLinesTests {
    func parse(_ line: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }

    /// One of every kind of event, and reports of progress.
    func story(_ threshold: Event.Level = .debug) -> Recorder {
        let recorder = Recorder()
        let log = JSONLines(console: recorder.console, threshold: threshold)
        var story = Story()
        log.print(.warning, "a password on the command line can be seen by others", now: Story.start - 1)
        log.hear(story.event(0, Story.begun(tables: 2)))
        log.end()
        for (seconds, kind) in Self.events { log.hear(story.event(seconds, kind)) }
        log.tick(now: Story.start + 11)
        log.hear(story.event(12, Story.ended(rows: 999, rejected: 1)))
        log.hear(story.event(12, Story.ended(1, "lines", rows: 0, error: Story.lost)))
        log.hear(
            story.event(
                12.5,
                .runFinished(
                    RunResult(
                        status: .failed,
                        tables: [
                            Story.result(rows: 999, rejected: 1), Story.result("lines", rows: 0, error: Story.lost),
                        ],
                        seconds: 12.5, error: nil))))
        return recorder
    }

    static let events: [(Double, Event.Kind)] = [
        (0.001, .message(.info, "said \"so\"\n")), (0.002, Story.table(slices: 2, rows: 1000)),
        (0.003, .sliceStarted(table: 0, slice: 1, attempt: 1)),
        (9, .progress(table: 0, slice: 1, rows: 250, bytes: 30_000)),
        (
            9,
            .rowsRejected(
                table: 0, slice: 1,
                [RejectedRow(row: 3, column: "name", reason: "too long: 'Ann'", values: #"{"name":"Ann"}"#)])
        ),
        (10, .sliceRetried(table: 0, slice: 1, attempt: 2, movedRows: 250, movedBytes: 30_000, Story.lost, delay: 0.5)),
        (10, .sliceStarted(table: 0, slice: 1, attempt: 2)), (10.5, .sliceSplit(table: 0, slice: 1, into: [2, 3])),
        (10.6, .sliceFinished(table: 0, slice: 2, Tally(read: 250, written: 249, rejected: 1, bytes: 30_000))),
    ]

    @Test func `every line is an object with the fields of the contract`() throws {
        let lines = story().lines
        let names = try lines.map { try parse($0)["event"] as? String }
        #expect(
            names == [
                "message", "run_started", "message", "table_started", "slice_started", "rows_rejected", "slice_retried",
                "slice_started",
                "slice_split", "slice_finished", "progress", "progress", "table_finished", "table_finished",
                "run_finished",
            ])
        for (index, line) in lines.enumerated() {
            let object = try parse(line)
            #expect(object["schema_version"] as? Int == 1)
            #expect(object["seq"] as? Int == index + 1)
            #expect(index == 0 ? object["run_id"] is NSNull : object["run_id"] as? String == "run-1")
            #expect(["debug", "info", "warning", "error"].contains(object["level"] as? String))
            #expect(["before", "data", "after", "run"].contains(object["phase"] as? String))
            #expect(["running", "retrying", "done", "failed", "stopped"].contains(object["status"] as? String))
            #expect((object["ts"] as? String)?.hasPrefix("2001-09-09T01:46:") == true)
        }
    }

    @Test func `slices are told only when debugging`() throws {
        let names = try story(.info).lines.map { try parse($0)["event"] as? String }
        #expect(!names.contains("slice_started") && !names.contains("slice_finished"))
        #expect(
            try story(.warning).lines.allSatisfy { ["warning", "error"].contains(try parse($0)["level"] as? String) })
    }

    @Test func `a retry says what was taken back and why`() throws {
        let line = try #require(story().lines.first { $0.contains("slice_retried") })
        #expect(
            line
                == #"{"schema_version":1,"run_id":"run-1","seq":7,"ts":"2001-09-09T01:46:50.000Z","level":"warning","event":"slice_retried","phase":"data","status":"retrying","table":"orders","slice":1,"attempt":2,"rows_taken_back":250,"bytes_taken_back":30000,"delay_ms":500,"error":{"code":"connection.unreachable","message":"the connection to the target broke","hint":"See that the server runs.","retryable":true,"context":"ods.orders","underlying":"server closed the connection"}}"#
        )
    }

    @Test func `no value of a rejected row is ever logged`() {
        #expect(!story().text.contains("Ann"))
    }

    @Test func `the end counts rows that are in the target`() throws {
        let end = try parse(try #require(story().lines.last))
        #expect(end["rows"] as? Int == 999)
        #expect(end["rejected"] as? Int == 1)
        #expect(end["rows_read"] as? Int == 1000)
        #expect(end["tables_failed"] as? Int == 1)
        #expect(end["status"] as? String == "failed")
        #expect(end["duration_ms"] as? Int == 12_500)
    }

    @Test func `a fatal error before any run is a line too`() throws {
        let error = ApusError(.unknownKey, "unknown key `objct`", hint: "Did you mean `object`?")
        #expect(
            JSONLines.line(for: error, now: Story.start)
                == #"{"schema_version":1,"run_id":null,"seq":1,"ts":"2001-09-09T01:46:40.000Z","level":"error","event":"error","phase":"run","status":"failed","error":{"code":"config.unknown_key","message":"unknown key `objct`","hint":"Did you mean `object`?","retryable":false}}"#
        )
        let stopped = try parse(JSONLines.line(for: ApusError(.cancelled, "stopped"), now: 0))
        #expect(stopped["status"] as? String == "stopped")
    }

    @Test func `any text comes back as it was, and a line stays a line`() throws {
        var text = ""
        for value in (0...0x2FF).map(UInt32.init) + [0x2028, 0x2029, 0xFFFD, 0xFFFF, 0x1F600] {
            text.unicodeScalars.append(Unicode.Scalar(value)!)
        }
        let line = JSON.object([.init("k\n\"", .string(text))]).line
        #expect(line.utf8.allSatisfy { $0 >= 0x20 })
        #expect(try parse(line)["k\n\""] as? String == text)
        // Octets that are no UTF-8, lone surrogates among them, were replaced when they became text.
        let repaired = String(decoding: [0x61, 0xED, 0xA0, 0x80, 0xFF, 0x62], as: UTF8.self)
        #expect(try parse(JSON.object([.init("k", .string(repaired))]).line)["k"] as? String == repaired)
    }

    @Test func `numbers are JSON whatever they are`() {
        #expect(
            JSON.array([.number(.nan), .number(.infinity), .number(1.0 / 3), .number(2), .number(1e300), .number(-0.0)])
                .line == "[null,null,0.333,2,1e+300,0]")
        #expect(
            JSON.object([.init("a", .array([])), .init("b", .array([1]))]).pretty
                == "{\n  \"a\": [],\n  \"b\": [\n    1\n  ]\n}\n")
    }

    @Test func `the documentation's sample and field table are what is written`() throws {
        var root = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { root.deleteLastPathComponent() }
        let page = root.appendingPathComponent("docs/json-log.md")
        var document = try String(contentsOf: page, encoding: .utf8)
        if ProcessInfo.processInfo.environment["APUS_WRITE_DOCS"] != nil, let fence = document.range(of: "```json\n") {
            document = document[..<fence.upperBound] + story().text + "```\n"
            try document.write(to: page, atomically: false, encoding: .utf8)
        }
        let sample = document.components(separatedBy: "```json\n").dropFirst().first?.components(separatedBy: "```")
            .first
        #expect(sample == story().text)
        // Every field that is written stands in the table.
        for line in story().lines {
            let object = try parse(line)
            let inner = (object["error"] as? [String: Any])?.keys.map { "error.\($0)" } ?? []
            for key in object.keys + inner { #expect(document.contains("| `\(key)` |"), "\(key)") }
            #expect(document.contains("| `\(object["event"] as? String ?? "")` |"))
        }
    }
}
