import ApusCore
import Tabular
import Testing

@testable import ApusListen

@Suite struct DisplayTests {
    func board(tables: Int) -> Board {
        var events: [(Double, Event.Kind)] = [(0, Story.begun(tables: tables))]
        for table in 0..<tables {
            events.append((0, Story.table(table, table == 0 ? "订单" : "table\(table)", rows: 1000)))
            events.append((0, .sliceStarted(table: table, slice: 0, attempt: 1)))
        }
        for second in 1...10 {
            for table in 0..<tables {
                events.append((Double(second), .progress(table: table, slice: 0, rows: 45, bytes: 1_000_000)))
            }
        }
        return Board(events)
    }

    func lines(_ board: Board, _ columns: Int, _ rows: Int = 24, colors: Bool = false) -> [String] {
        ProgressBlock(size: .init(columns: columns, lines: rows), colors: colors).lines(board, now: Story.start + 10)
    }

    @Test func `a line a table and one for the whole`() {
        #expect(
            lines(board(tables: 2), 120) == [
                "订单              [=========>              ]   45 %      450 rows       45 rows/s    1.0 MB/s  ETA 13s  1 ch",
                "table1            [=========>              ]   45 %      450 rows       45 rows/s    1.0 MB/s  ETA 13s  1 ch",
                "total 0/2 tables  [=========>              ]   45 %      900 rows       90 rows/s    2.0 MB/s  ETA 13s  2 ch   10s",
            ])
    }

    @Test(arguments: 1...140) func `no line is as wide as the screen`(_ columns: Int) {
        for line in lines(board(tables: 3), columns) { #expect(DisplayWidth.of(line) < max(columns, 2)) }
        for line in lines(board(tables: 3), columns, colors: true) {
            #expect(DisplayWidth.of(Console.unstyled(line)) < max(columns, 2))
        }
    }

    @Test func `a narrow screen keeps name, percent and rows`() {
        #expect(lines(board(tables: 1), 34) == ["订单          45 %  450 rows", "total 0/1 t…  45 %  450 rows"])
    }

    @Test func `more tables than lines are counted`() {
        let shown = lines(board(tables: 20), 100, 10)
        #expect(shown.count == 8)
        #expect(shown[6] == "… and 14 more")
        #expect(lines(board(tables: 7), 100, 10).count == 8)
        #expect(lines(board(tables: 9), 100, 3).count == 1)
        #expect(lines(board(tables: 9), 100, 1).count == 1)
    }

    @Test func `a bar without an estimate shows that it moves`() {
        #expect(ProgressBlock.bar(nil, 4) == "[~~~~]")
        #expect(ProgressBlock.bar(0, 4) == "[    ]")
        #expect(ProgressBlock.bar(0.5, 4) == "[=>  ]")
        #expect(ProgressBlock.bar(1, 4) == "[====]")
    }

    @Test func `colours are added only when asked for`() {
        #expect(!lines(board(tables: 1), 100).joined().contains("\u{1B}"))
        #expect(lines(board(tables: 1), 100, colors: true).joined().contains("\u{1B}[36m[==="))
        #expect(!When.never.colors(.standardError))
        #expect(When.always.colors(.standardError))
        #expect(!When.auto.colors(Terminal(descriptor: -1)))
        #expect(!When.auto.draws(on: Terminal(descriptor: -1)))
    }

    @Test func `messages stand above the block, which is drawn again below`() {
        let recorder = Recorder()
        let console = recorder.console
        console.show(["a", "b"], columns: 80)
        console.show(["a", "b"], columns: 80)
        console.print("hello")
        console.show([], columns: 80)
        #expect(recorder.text == "a\nb\n" + "\u{1B}[2F\u{1B}[0J" + "hello\na\nb\n" + "\u{1B}[2F\u{1B}[0J")
    }

    @Test func `a block that a narrower screen has wrapped is erased in full`() {
        let recorder = Recorder()
        let console = recorder.console
        console.show([String(repeating: "x", count: 30), "雨燕"], columns: 80)
        console.show(["y"], columns: 10)
        #expect(recorder.text.hasSuffix("雨燕\n\u{1B}[4F\u{1B}[0Jy\n"))
    }

    @Test func `the live display draws while the run lasts and leaves nothing behind`() throws {
        let recorder = Recorder()
        let display = TerminalProgress(console: recorder.console, colors: false) { .init(columns: 80, lines: 24) }
        var story = Story()
        display.hear(story.event(0, Story.begun()))
        display.hear(story.event(0, Story.table(rows: 100)))
        display.draw(now: Story.start + 1)
        #expect(recorder.text.contains("orders"))
        display.hear(story.event(2, .runFinished(RunResult(status: .done, tables: [], seconds: 2))))
        #expect(recorder.text.hasSuffix("F\u{1B}[0J"))
    }

    @Test func `the clock moves by itself`() {
        let recorder = Recorder()
        let display = TerminalProgress(console: recorder.console, colors: false) { .init(columns: 80, lines: 24) }
        display.hear(Event(runID: "r", sequence: 1, time: Clock.wall() - 100, kind: Story.begun()))
        let end = Clock.wall() + 5
        while recorder.text.isEmpty, Clock.wall() < end {}
        #expect(recorder.text.contains("1m 40s"))
        display.end()
    }

    @Test func `off a terminal there is a line for each change and one in ten seconds`() {
        let recorder = Recorder()
        let progress = PlainProgress(console: recorder.console)
        var story = Story()
        progress.hear(story.event(0, Story.begun()))
        progress.end()
        progress.hear(story.event(0, Story.table(slices: 2, rows: 1000)))
        progress.tick(now: Story.start + 9)
        progress.hear(story.event(9, .progress(table: 0, slice: 0, rows: 250, bytes: 3_000_000)))
        progress.tick(now: Story.start + 10.5)
        progress.tick(now: Story.start + 19)
        progress.hear(
            story.event(
                19, .sliceRetried(table: 0, slice: 0, attempt: 2, movedRows: 250, movedBytes: 1, Story.lost, delay: 0.5)
            ))
        progress.tick(now: Story.start + 20)
        progress.hear(story.event(21, Story.ended(rows: 1000, rejected: 2)))
        progress.hear(story.event(21, Story.ended(1, "lines", rows: 5, error: Story.lost)))
        progress.hear(story.event(21, .runFinished(RunResult(status: .failed, tables: [], seconds: 21))))
        #expect(
            recorder.lines == [
                "2001-09-09 01:46:40Z run run-1: mysql://h/shop → postgres://h/dw, 1 table, 4 channels",
                "2001-09-09 01:46:40Z orders → ods.orders: started, about 1,000 rows, 2 slices",
                "2001-09-09 01:46:50Z 0/1 table, 25 %, 250 rows, 83 rows/s, 1.0 MB/s, ETA 32s; running: orders 25 %",
                "2001-09-09 01:46:59Z warning: orders: slice 0 is tried again in 0.50s (try 2): ods.orders: the connection to the target broke (server closed the connection)",
                "  hint: See that the server runs.",
                "2001-09-09 01:47:00Z 0/1 table, 25 %, 0 rows, 0 rows/s, 0.0 MB/s; running: orders 25 %",
                "2001-09-09 01:47:01Z warning: orders → ods.orders: finished, 1,000 rows, 2 rejected, 100.0 kB in 2.8s, 500 rows/s",
                "2001-09-09 01:47:01Z error: lines → ods.lines: failed after 5 rows: ods.orders: the connection to the target broke (server closed the connection)",
                "  hint: See that the server runs.",
            ])
    }

    @Test func `messages are printed by level`() {
        let recorder = Recorder()
        let log = MessageLog(
            console: recorder.console, threshold: MessageLog.threshold(verbose: 0, quiet: false), narrates: true)
        var story = Story()
        log.hear(story.event(0, .message(.debug, "unseen")))
        log.hear(story.event(0, .message(.info, "opened")))
        log.hear(story.event(0, Story.table(rows: 5)))
        log.hear(story.event(0, .message(.warning, "slow\u{1B}[31m")))
        log.hear(story.event(0, Story.ended(rows: 5, error: ApusError(.full, "no room"))))
        log.print(ApusError(.refused, "wrong password"))
        #expect(
            recorder.lines == [
                "opened", "warning: slow\\u{1b}[31m", "error: orders → ods.orders: failed after 5 rows: no room",
                "error: wrong password",
            ])
        #expect(MessageLog.threshold(verbose: 1, quiet: false) == .debug)
        #expect(MessageLog.threshold(verbose: 1, quiet: true) == .warning)
    }

    @Test func `the choice of listeners follows the options`() {
        var choice = ListenerChoice()
        choice.terminal = Terminal(descriptor: -1)
        func kinds() -> [String] { choice.log().listeners.map { "\(type(of: $0))" } }
        #expect(kinds() == ["MessageLog", "PlainProgress"])
        choice.progress = .always
        #expect(kinds() == ["MessageLog", "TerminalProgress"])
        choice.quiet = true
        #expect(kinds() == ["MessageLog"])
        choice.format = .json
        #expect(kinds() == ["JSONLines"])
    }
}
