import ApusCore
import ApusTesting
import Foundation
import Synchronization
import Tabular
import Testing

@testable import ApusControl

@Suite struct SQLLedgerTests {
    @Test(arguments: LedgerHome.tested) func `a run comes back as it was begun, and as it ended`(_ home: LedgerHome)
        throws
    {
        let place = try LedgerPlace(home)
        let ledger = try place.ledger()
        #expect(try ledger.run("run-1") == nil)
        var run = RunRecord.sample(plan: #"{"表":"a\\nb'?\"\u0001"}"#)
        try ledger.begin(run)
        #expect(try ledger.run("run-1") == run)
        try ledger.beat(run: "run-1")
        let beaten = try #require(try ledger.run("run-1"))
        #expect(abs(beaten.beatAt - Clock.wall()) < 60)
        try ledger.finish(run: "run-1", status: .failed, error: "broke: 'x'\n  hint: 再试")
        let ended = try #require(try ledger.run("run-1"))
        #expect(ended.status == .failed)
        #expect(ended.error == "broke: 'x'\n  hint: 再试")
        #expect(abs((ended.finishedAt ?? 0) - Clock.wall()) < 60)
        // Resumed: the same id again.
        run.status = .running
        try ledger.begin(run)
        #expect(try place.ledger().run("run-1") == run)
    }

    @Test(arguments: LedgerHome.tested) func `a plan of many megabytes is kept whole`(_ home: LedgerHome) throws {
        let ledger = try LedgerPlace(home).ledger()
        let plan = String(repeating: "一张表 orders 👍 ", count: 150_000)
        try ledger.begin(.sample(plan: plan))
        #expect(try ledger.run("run-1")?.plan == plan)
    }

    @Test(arguments: LedgerHome.tested) func `the history is latest first, without plans`(_ home: LedgerHome) throws {
        let ledger = try LedgerPlace(home).ledger()
        for number in 1...5 {
            try ledger.begin(.sample("run-\(number)", startedAt: 1000 + Double(number % 3), plan: "{}"))
        }
        #expect(try ledger.runs(limit: 4).map(\.id) == ["run-5", "run-2", "run-4", "run-1"])
        #expect(try ledger.runs(limit: 1).map(\.plan) == [""])
        #expect(try ledger.runs(limit: 0).isEmpty)
    }

    @Test(arguments: LedgerHome.tested) func `tables and slices are replaced by what is recorded last`(
        _ home: LedgerHome
    ) throws {
        let ledger = try LedgerPlace(home).ledger()
        try ledger.begin(.sample())
        let tally = Tally(read: Int.max, written: 4_000_000_000, rejected: 2, filtered: 1, bytes: 9)
        var table = TableRecord(table: 3, name: "订单", target: "ods.订单", status: .running)
        try ledger.record(table, run: "run-1")
        table.status = .done
        table.tally = tally
        table.data = 12.345678
        table.error = "e"
        try ledger.record(table, run: "run-1")
        try ledger.record(TableRecord(table: 0, name: "a", target: "b", status: .waiting), run: "run-1")
        try ledger.record(TableRecord(table: 0, name: "a", target: "b", status: .waiting), run: "run-2")
        #expect(try ledger.tables(run: "run-1").map(\.table) == [0, 3])
        #expect(try ledger.tables(run: "run-1").last == table)
        // What is written late brings no table back that is done.
        let done = TableRecord(table: 0, name: "a", target: "b", status: .done, tally: tally)
        try ledger.record(done, run: "run-1")
        for late in [TableRecord.Status.running, .waiting, .failed] {
            try ledger.record(TableRecord(table: 0, name: "a", target: "b", status: late), run: "run-1")
        }
        #expect(try ledger.tables(run: "run-1").first == done)

        try ledger.record(slices: Slice.samples, table: 3, run: "run-1", replacing: nil)
        #expect(try ledger.slices(run: "run-1", table: 3).map(\.slice) == Slice.samples)
        let doneSlice = SliceRecord(slice: Slice.samples[1], status: .done, attempts: 2, tally: tally, seconds: 1.5)
        try ledger.record(doneSlice, table: 3, run: "run-1")
        let parts = [
            Slice(id: 5, bounds: .range(from: ["1"], upTo: ["2"])),
            Slice(id: 6, bounds: .range(from: ["2"], upTo: nil)),
        ]
        try ledger.record(slices: parts, table: 3, run: "run-1", replacing: 0)
        let slices = try ledger.slices(run: "run-1", table: 3)
        #expect(slices.map(\.status) == [.replaced, .done, .waiting, .waiting, .waiting, .waiting, .waiting])
        #expect(slices[1] == doneSlice)
        #expect(slices[5].slice == parts[0])
        #expect(try ledger.slices(run: "run-1", table: 0).isEmpty)
    }

    @Test(arguments: LedgerHome.tested) func `rejected rows do not double when a slice is tried again`(
        _ home: LedgerHome
    ) throws {
        let ledger = try LedgerPlace(home).ledger()
        func rows(_ range: Range<Int>, _ word: String = "bad") -> [RejectedRow] {
            range.map {
                RejectedRow(
                    row: $0, column: $0 % 2 == 0 ? "名" : nil, reason: "\(word) \($0)\0",
                    values: #"{"id":"\#($0)\u0000"}"#)
            }
        }
        try ledger.reject(rows(0..<120, "first try"), slice: 1, table: 0, run: "r", restart: true)
        try ledger.reject(rows(0..<1, "other slice"), slice: 2, table: 0, run: "r", restart: true)
        try ledger.reject(rows(0..<3), slice: 1, table: 0, run: "r", restart: true)
        try ledger.reject(rows(3..<5), slice: 1, table: 0, run: "r", restart: false)
        let found = try ledger.rejected(run: "r")
        #expect(found.map(\.slice) == [1, 1, 1, 1, 1, 2])
        #expect(found.prefix(5).map(\.row.row) == [0, 1, 2, 3, 4])
        #expect(found[4].row == RejectedRow(row: 4, column: "名", reason: "bad 4\u{FFFD}", values: #"{"id":"4\u0000"}"#))
        try ledger.removeRejected(run: "r", table: 0, slice: 1, sequences: [1, 3, 99])
        #expect(try ledger.rejected(run: "r").map(\.row.row) == [0, 2, 4, 0])
        try ledger.reject([], slice: 1, table: 0, run: "r", restart: true)
        #expect(try ledger.rejected(run: "r").map(\.slice) == [2])
    }

    @Test(arguments: LedgerHome.tested) func `watermarks are kept by exact name`(_ home: LedgerHome) throws {
        let ledger = try LedgerPlace(home).ledger()
        let long = String(repeating: "postgres://host/db?table=很长 ", count: 50)
        #expect(try ledger.watermark(flow: "T") == nil)
        try ledger.setWatermark(flow: "T", to: "1")
        try ledger.setWatermark(flow: "t", to: "2")
        try ledger.setWatermark(flow: "t ", to: "3")
        try ledger.setWatermark(flow: long, to: "2026-11-21 08:00:10.123456+08")
        try ledger.setWatermark(flow: "T", to: "4")
        #expect(
            try ["T", "t", "t ", long].map { try ledger.watermark(flow: $0) } == [
                "4", "2", "3", "2026-11-21 08:00:10.123456+08",
            ])
    }

    @Test(arguments: LedgerHome.tested) func `several threads and two processes' connections share a ledger`(
        _ home: LedgerHome
    ) throws {
        let place = try LedgerPlace(home)
        let ledgers = try [place.ledger(), place.ledger(), place.ledger()]
        let failures = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 12) { number in
            do {
                let ledger = ledgers[number % 3]
                for step in 0..<5 {
                    try ledger.record(
                        SliceRecord(
                            slice: Slice(id: step, bounds: .all), status: .done, attempts: 1, tally: Tally(), seconds: 0
                        ), table: number,
                        run: "r")
                    try ledger.setWatermark(flow: "shared", to: "\(number)")
                }
            } catch {
                failures.withLock { $0.append("\(error)") }
            }
        }
        #expect(failures.withLock { $0 } == [])
        for number in 0..<12 { #expect(try ledgers[0].slices(run: "r", table: number).count == 5) }
    }

    @Test func `a ledger of a later version is refused`() throws {
        let place = try LedgerPlace(.sqlite)
        try place.ledger().begin(.sample())
        let result = try runCommand(
            "sqlite3", [place.folder.file("ledger.db"), "UPDATE apus_meta SET meta_value = '99'"])
        #expect(result.status == 0)
        let error = #expect(throws: ApusError.self) { try place.ledger().runs(limit: 1) }
        #expect(error?.code == .configurationInvalid)
        #expect(error?.message.contains("later Apus (layout 99") == true)
    }

    @Test func `a ledger that was half made is completed`() throws {
        let place = try LedgerPlace(.sqlite)
        try place.ledger().begin(.sample())
        let result = try runCommand(
            "sqlite3", [place.folder.file("ledger.db"), "DROP TABLE apus_watermark; DELETE FROM apus_meta"])
        #expect(result.status == 0)
        let ledger = try place.ledger()
        try ledger.setWatermark(flow: "f", to: "1")
        #expect(try ledger.run("run-1") != nil)
        #expect(
            try runCommand("sqlite3", [place.folder.file("ledger.db"), "SELECT * FROM apus_meta"]).stdout
                == "schema_version|2\n")
    }

    @Test func `parts of a plan are cut between characters`() {
        #expect(SQLLedger.parts("", octets: 4) == [""])
        #expect(SQLLedger.parts("雨燕ab", octets: 4) == ["雨燕", "ab"])
        let text = "e\u{301}👨‍👩‍👧雨\r\n"
        #expect(SQLLedger.parts(text, octets: 1).joined() == text)
    }

    @Test func `watermark keys are FNV-1a of 128 bits`() {
        // Published test vectors of the hash: the offset basis for nothing, and "a".
        #expect(FlowKey.text("") == "6c62272e07bb014262b821756295c58d")
        #expect(FlowKey.text("a") == "d228cb696f1a8caf78912b704e4a8964")
    }
}
