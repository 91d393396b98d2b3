import ApusControl
import ApusCore
import Testing

@testable import ApusExtract

@Suite struct AgendaTests {
    private static let today = Days.day(iso: "2026-11-22")!

    private static func job(_ id: Int = 1) -> ControlJob {
        var job = ControlJob(source: "erp", target: "dw")
        job.id = id
        return job
    }

    private static func row(_ id: Int, _ table: String, order: Double = 0, etlType: Int = 0, column: String = "") -> ControlRow {
        var row = ControlRow(table, to: "ods.\(table)")
        row.id = id
        row.jobID = 1
        row.order = order
        row.etlType = etlType
        row.etlColumn = column
        return row
    }

    private static func log(_ id: Int, of config: Int, _ table: String, _ from: String, _ upTo: String) -> ControlLogRow {
        ControlLogRow(id: id, table: table, configID: config, day: upTo, from: from, upTo: upTo)
    }

    private func windows(_ agenda: Agenda, _ index: Int = 0) -> [String] {
        agenda.tasks[index].windows.map { "\(Days.iso($0.from))…\(Days.iso($0.upTo)) \($0.log ?? 0) \($0.covered)" }
    }

    private func agenda(_ wish: ExtractWish, _ rows: [ControlRow], open: [ControlLogRow] = []) throws -> Agenda {
        try Agenda(wish, rows: rows, jobs: [Self.job()], unfinished: open, today: Self.today)
    }

    @Test func `active rows of the wanted type and machine are taken`() throws {
        var disabled = Self.row(1, "a"), other = Self.row(2, "b"), far = Self.row(3, "c")
        disabled.status = 1
        other.type = "2"
        far.serverType = 7
        let rows = [disabled, other, far, Self.row(4, "d"), Self.row(5, "dbo.e")]
        var wish = ExtractWish()
        #expect(try agenda(wish, rows).tasks.map(\.name) == ["c", "d", "dbo.e"])
        wish.serverType = 0
        #expect(try agenda(wish, rows).tasks.map(\.name) == ["d", "dbo.e"])
        wish.type = nil
        #expect(try agenda(wish, rows).tasks.map(\.name) == ["b", "d", "dbo.e"])
        wish.tables = [try TablePattern("ods.d"), try TablePattern("e")]
        #expect(try agenda(wish, rows).tasks.map(\.name) == ["d", "dbo.e"])
        wish.tables = [try TablePattern("nothing")]
        #expect(throws: ApusError.self) { try agenda(wish, rows) }
    }

    @Test func `yesterday is loaded, and what was left unfinished before it, under the first unfinished row`() throws {
        let daily = Self.row(1, "a", etlType: 1, column: "day")
        #expect(windows(try agenda(ExtractWish(), [daily])) == ["2026-11-21…2026-11-22 0 []"])
        let open = [Self.log(7, of: 1, "a", "2026-11-18", "2026-11-19"), Self.log(9, of: 1, "a", "2026-11-20", "2026-11-21")]
        #expect(windows(try agenda(ExtractWish(), [daily], open: open)) == ["2026-11-18…2026-11-22 7 [9]"])
        // Another row's log is its own matter.
        #expect(
            windows(try agenda(ExtractWish(), [daily], open: [Self.log(7, of: 2, "a", "2026-11-18", "2026-11-19")])) == [
                "2026-11-21…2026-11-22 0 []"
            ])
    }

    @Test func `a day, a range by days or at once, days behind, and what failed`() throws {
        let daily = Self.row(1, "a", etlType: 1, column: "day"), full = Self.row(2, "b")
        var wish = ExtractWish()
        wish.day = Days.day(iso: "2024-02-28")
        wish.lookback = 2
        #expect(windows(try agenda(wish, [daily, full])) == ["2024-02-26…2024-02-29 0 []"])
        #expect(windows(try agenda(wish, [daily, full]), 1) == ["2024-02-28…2024-02-29 0 []"])
        wish = ExtractWish()
        wish.from = Days.day(iso: "2024-02-28")
        wish.to = Days.day(iso: "2024-03-01")
        #expect(
            windows(try agenda(wish, [daily])) == [
                "2024-02-28…2024-02-29 0 []", "2024-02-29…2024-03-01 0 []", "2024-03-01…2024-03-02 0 []",
            ])
        #expect(windows(try agenda(wish, [full])).count == 1)
        wish.isWhole = true
        #expect(windows(try agenda(wish, [daily])) == ["2024-02-28…2024-03-02 0 []"])
        wish.to = Days.day(iso: "2024-02-01")
        #expect(throws: ApusError.self) { try agenda(wish, [daily]) }
        wish = ExtractWish()
        wish.retriesFailed = true
        let open = [Self.log(7, of: 1, "a", "2026-11-18", "2026-11-19"), Self.log(9, of: 2, "b", "2026-11-20", "2026-11-21")]
        let failed = try agenda(wish, [daily, full, Self.row(3, "c")], open: open)
        #expect(failed.tasks.map(\.name) == ["a", "b"])
        #expect(windows(failed) == ["2026-11-18…2026-11-19 7 []"])
    }

    @Test func `faulty rows are told with what to do, and harm no other`() throws {
        var orphan = Self.row(4, "d")
        orphan.jobID = 99
        let rows = [
            Self.row(1, "a", etlType: 1), Self.row(2, "b", etlType: 9), Self.row(3, "c", etlType: 2, column: " "), orphan, Self.row(5, "e"),
        ]
        let tasks = try agenda(ExtractWish(), rows).tasks
        #expect(tasks.map { $0.fault == nil } == [false, false, false, false, true])
        #expect(tasks[0].fault?.description.contains("etl_column") == true)
        #expect(tasks.compactMap(\.fault).allSatisfy { $0.hint != nil })
    }

    @Test func `two rows for one target are refused where one would erase the other`() throws {
        var twin = Self.row(2, "b")
        twin.targetTable = "ods.A"
        let tasks = try agenda(ExtractWish(), [Self.row(1, "a"), twin]).tasks
        // The first would take away what the second had loaded before.
        #expect(tasks.allSatisfy { $0.fault?.message.contains("a (row 1) and b (row 2)") == true })
        twin.etlType = 1
        twin.etlColumn = "day"
        var first = Self.row(1, "a", etlType: 1, column: "day")
        first.targetTable = "ods.a"
        // Days are replaced whole, the other row's among them, unless rows change by key.
        let daily = try agenda(ExtractWish(), [first, twin])
        #expect(daily.tasks.allSatisfy { $0.fault?.message.contains("days are replaced there whole") == true })
        var byKey = ExtractWish()
        byKey.increment = .upsert
        let merged = try agenda(byKey, [first, twin])
        #expect(merged.tasks.allSatisfy { $0.fault == nil } && merged.warnings.count == 1)
    }

    @Test func `days begin in their zone, also where clocks change`() throws {
        let now = 1_795_305_600  // 2026-11-22 00:00 UTC
        let shanghai = try DayZone("Asia/Shanghai", now: now - 1, offset: 0)
        #expect(Days.iso(shanghai.today) == "2026-11-22")
        #expect(try DayZone(nil, now: now - 1, offset: 0).today == shanghai.today - 1)
        #expect(shanghai.start(ofDay: Self.today) == now - 8 * 3600)
        let berlin = try DayZone("Europe/Berlin", now: now, offset: 0)
        let change = Days.day(iso: "2026-03-29")!
        #expect(berlin.start(ofDay: change + 1) - berlin.start(ofDay: change) == 23 * 3600)
    }
}
