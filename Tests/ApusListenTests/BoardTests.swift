import ApusCore
import ApusListen
import Tabular
import Testing

@Suite struct BoardTests {
    func near(_ a: Double?, _ b: Double, _ by: Double = 0.0001) -> Bool { a.map { abs($0 - b) < by } ?? false }

    @Test func `a table's share is what its slices have moved of what is expected`() {
        let board = Board([
            (0, Story.begun()), (0, Story.table(slices: 4, rows: 400)),
            (0, .sliceStarted(table: 0, slice: 0, attempt: 1)),
            (1, .progress(table: 0, slice: 0, rows: 40, bytes: 4000)),
        ])
        #expect(near(board.table(0)?.fraction, 0.1))
        #expect(near(board.fraction, 0.1))
        #expect(board.rows == 40)
        #expect(board.bytes == 4000)
        #expect(board.channels == 1)
        #expect(board.running.count == 1)
    }

    @Test func `a finished slice counts what it held instead of what was expected`() {
        let board = Board([
            (0, Story.begun()), (0, Story.table(slices: 4, rows: 400)),
            (1, .progress(table: 0, slice: 0, rows: 20, bytes: 2000)),
            (1, .sliceFinished(table: 0, slice: 0, Tally(read: 20, written: 20, bytes: 2000))),
        ])
        // 20 rows of 20 + 3 × 100.
        #expect(near(board.table(0)?.fraction, 20.0 / 320))
        #expect(board.rows == 20)
        #expect(board.channels == 0)
    }

    @Test func `a slice that holds more than expected is not more than done`() {
        let board = Board([
            (0, Story.begun()), (0, Story.table(slices: 2, rows: 200)),
            (1, .progress(table: 0, slice: 0, rows: 1000, bytes: 0)),
        ])
        #expect(near(board.table(0)?.fraction, 0.5))
        let one = Board([
            (0, Story.begun()), (0, Story.table(rows: 10)), (1, .progress(table: 0, slice: 0, rows: 50, bytes: 0)),
        ])
        #expect(near(one.fraction, 0.999))
    }

    @Test func `a retry takes its rows back, but not the percent`() {
        let events: [(Double, Event.Kind)] = [
            (0, Story.begun()), (0, Story.table(slices: 1, rows: 100)),
            (0, .sliceStarted(table: 0, slice: 0, attempt: 1)),
            (1, .progress(table: 0, slice: 0, rows: 60, bytes: 600)),
            (1, .rowsRejected(table: 0, slice: 0, [RejectedRow(row: 1, column: nil, reason: "r", values: "{}")])),
            (2, .sliceRetried(table: 0, slice: 0, attempt: 2, movedRows: 60, movedBytes: 600, Story.lost, delay: 1)),
        ]
        var board = Board(events)
        #expect(board.rows == 0)
        #expect(board.bytes == 0)
        #expect(board.rejected == 0)
        #expect(board.channels == 0)
        #expect(board.retries == 1)
        #expect(near(board.fraction, 0.6))
        board = Board(
            events + [
                (3, .sliceStarted(table: 0, slice: 0, attempt: 2)),
                (4, .progress(table: 0, slice: 0, rows: 30, bytes: 300)),
            ])
        #expect(board.rows == 30)
        #expect(near(board.table(0)?.fraction, 0.6))
        #expect(near(board.fraction, 0.6))
    }

    @Test func `the parts of a split slice share its rows`() {
        let board = Board([
            (0, Story.begun()), (0, Story.table(slices: 2, rows: 200)),
            (0, .progress(table: 0, slice: 1, rows: 80, bytes: 0)),
            (1, .sliceSplit(table: 0, slice: 1, into: [2, 3])),
            (2, .sliceFinished(table: 0, slice: 2, Tally(read: 50, written: 50))),
            (3, .sliceFinished(table: 0, slice: 0, Tally(read: 100, written: 100))),
        ])
        let table = board.table(0)
        #expect(table?.slices == 3)
        #expect(table?.doneSlices == 2)
        #expect(table?.rows == 150)
        #expect(near(table?.fraction, 0.75))
    }

    @Test func `without estimates a table's share is that of its finished slices`() {
        let board = Board([
            (0, Story.begun()), (0, Story.table(slices: 4)),
            (1, .sliceFinished(table: 0, slice: 2, Tally(read: 9, written: 9))),
        ])
        #expect(near(board.table(0)?.fraction, 0.25))
        let single = Board([
            (0, Story.begun()), (0, Story.table()), (1, .progress(table: 0, slice: 0, rows: 9, bytes: 9)),
        ])
        #expect(single.fraction == nil)
        #expect(single.rest(at: Story.start + 9) == nil)
    }

    @Test func `a resumed table starts with the share of its done slices`() {
        let board = Board([(0, Story.begun()), (0, Story.table(slices: 4, done: 2, rows: 400))])
        #expect(near(board.fraction, 0.5))
    }

    @Test func `tables of a plan that wait weigh in the whole`() {
        let plan = Plan.sample([.sample("orders", slices: [50, 50]), .sample("lines", slices: [300])])
        var board = Board(
            [
                (0, Story.begun(tables: 2)), (0, Story.table(slices: 2, rows: 100)),
                (1, .progress(table: 0, slice: 0, rows: 50, bytes: 0)),
            ], plan: plan)
        #expect(near(board.fraction, 50.0 / 400))
        #expect(board.tables.map(\.name) == ["orders", "lines"])
        var story = Story()
        board.hear(story.event(2, Story.ended(rows: 100)))
        #expect(near(board.fraction, 0.25))
        #expect(board.finished == 1)
    }

    @Test func `without a plan every table weighs the same, whatever comes first`() {
        let board = Board([
            (0, Story.begun(tables: 4)), (0, Story.table(2, "c", rows: 100)),
            (0, .progress(table: 2, slice: 0, rows: 100, bytes: 0)),
            (1, Story.ended(2, "c", rows: 100)), (1, Story.table(0, "a", rows: 10)),
            (2, .progress(table: 0, slice: 0, rows: 5, bytes: 0)),
        ])
        #expect(near(board.fraction, 0.375))
        #expect(board.tables.map(\.name) == ["a", "c"])
    }

    @Test func `the rate is that of the last three seconds`() {
        var events: [(Double, Event.Kind)] = [(0, Story.begun()), (0, Story.table(rows: 10_000))]
        for second in 1...10 {
            events.append(
                (Double(second), .progress(table: 0, slice: 0, rows: second <= 5 ? 10 : 100, bytes: 1_000_000)))
        }
        let board = Board(events)
        #expect(near(board.rate(at: Story.start + 10).rows, 100, 1))
        #expect(near(board.rate(at: Story.start + 10).bytes, 1_000_000, 1))
        // Nothing has come since.
        #expect(board.rate(at: Story.start + 20).rows == 0)
        #expect(near(board.table(0)?.rate(at: Story.start + 10).rows, 100, 1))
        #expect(Board().rate(at: 5).rows == 0)
    }

    @Test func `the rest follows from the pace of the last quarter minute`() {
        var events: [(Double, Event.Kind)] = [(0, Story.begun()), (0, Story.table(rows: 1000))]
        for second in 1...10 { events.append((Double(second), .progress(table: 0, slice: 0, rows: 10, bytes: 1))) }
        let board = Board(events)
        #expect(near(board.rest(at: Story.start + 10), 90, 1))
        #expect(near(board.table(0)?.rest(at: Story.start + 10), 90, 1))
    }

    @Test func `a clock that jumps back does no harm`() {
        let board = Board([
            (0, Story.begun()), (0, Story.table(rows: 100)), (-50, .progress(table: 0, slice: 0, rows: 5, bytes: 5)),
        ])
        #expect(board.rate(at: Story.start - 60).rows == 0)
        #expect(board.elapsed(at: Story.start - 60) == 0)
    }

    @Test func `results replace what was counted on the way`() {
        let board = Board([
            (0, Story.begun(tables: 2)), (0, Story.table(rows: 10)),
            (1, .progress(table: 0, slice: 0, rows: 7, bytes: 70)),
            (2, Story.ended(rows: 9, rejected: 1)), (2, Story.ended(1, "lines", rows: 0, error: Story.lost)),
            (3, .runFinished(RunResult(status: .failed, tables: [], seconds: 3))),
        ])
        #expect(board.table(0)?.status == .done)
        #expect(board.rows == 10)
        #expect(board.rejected == 1)
        #expect(board.table(1)?.status == .failed)
        #expect(board.failed == 1)
        #expect(board.finished == 2)
        #expect(board.elapsed(at: Story.start + 99) == 3)
    }

    @Test func `percent never falls and never passes a hundred, whatever happens`() {
        var random = Numbers(state: 7)
        for _ in 0..<200 {
            var board = Board()
            var story = Story()
            var last = 0.0
            func hear(_ kind: Event.Kind, _ at: Double) {
                board.hear(story.event(at, kind))
                let now = board.fraction ?? last
                #expect(now >= last && now <= 1)
                last = max(last, now)
            }
            hear(Story.begun(tables: 2), 0)
            for step in 0..<60 {
                let table = random.below(2), slice = random.below(4), at = Double(step)
                let kind: Event.Kind =
                    switch random.below(8) {
                    case 0: Story.table(table, "t\(table)", slices: 4, rows: 400)
                    case 1: .sliceStarted(table: table, slice: slice, attempt: 1)
                    case 2: .sliceFinished(table: table, slice: slice, Tally(read: random.below(300), written: 1))
                    case 3:
                        .sliceRetried(
                            table: table, slice: slice, attempt: 2, movedRows: 1, movedBytes: 1, Story.lost, delay: 1)
                    case 4: .sliceSplit(table: table, slice: slice, into: [slice + 10, slice + 20])
                    default: .progress(table: table, slice: slice, rows: random.below(120), bytes: 10)
                    }
                hear(kind, at)
            }
        }
    }
}

/// A small generator with a seed.
struct Numbers {
    var state: UInt64
    mutating func below(_ limit: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % limit
    }
}
