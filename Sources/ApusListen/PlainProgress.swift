import ApusCore
import Synchronization

/// Progress where no terminal is: a line at each change of a table's state, and one every ten seconds between.
public final class PlainProgress: Listener {
    private struct State {
        var board: Board
        var saidAt = 0.0
    }

    private let state: Mutex<State>
    private let console: Console
    private let interval: Double
    private let pace = Pace()

    /// `interval` is seconds.
    public init(console: Console = .standardError, plan: Plan? = nil, interval: Double = 10) {
        self.console = console
        self.interval = interval
        state = Mutex(State(board: Board(plan: plan)))
    }

    deinit { end() }

    public func hear(_ event: Event) {
        let said: Narration? = state.withLock { state in
            state.board.hear(event)
            if case .runStarted = event.kind { state.saidAt = event.time }
            if case .message = event.kind { return nil }
            return Narration(event, state.board)
        }
        if let said { console.print(Self.line(event.time, said.level, said.text), .init(said.level)) }
        switch event.kind {
        case .runStarted:
            pace.start(every: min(1, interval)) { [weak self] in self?.tick(now: Clock.wall()) }
        case .runFinished: end()
        default: break
        }
    }

    public func end() { pace.stop() }

    /// Prints the state of this moment when its time has come.
    func tick(now: Double) {
        let line: String? = state.withLock { state in
            guard now - state.saidAt >= interval, state.board.result == nil else { return nil }
            // Lines keep their distance also when a tick comes late.
            state.saidAt += ((now - state.saidAt) / interval).rounded(.down) * interval
            return Self.line(now, .info, Self.text(state.board, now: now))
        }
        if let line { console.print(line, .progress) }
    }

    private static func line(_ time: Double, _ level: Event.Level, _ text: String) -> String {
        Quantity.text(time: time) + " " + MessageLog.line(level, text, colors: false)
    }

    /// `3/12 tables, 45 %, 1,234,567 rows, 210,000 rows/s, 41.2 MB/s, ETA 12s; running: shop.orders 45 %, …`.
    static func text(_ board: Board, now: Double) -> String {
        let rate = board.rate(at: now)
        var parts = ["\(board.finished)/\(Quantity.text(board.tableCount, "table"))"]
        if let fraction = board.fraction { parts.append(Quantity.text(fraction: fraction)) }
        parts.append(Quantity.text(board.rows, "row"))
        parts.append(Quantity.text(count: Int(rate.rows)) + " rows/s")
        parts.append(Quantity.text(bytesPerSecond: rate.bytes))
        if let rest = board.rest(at: now) { parts.append("ETA " + Quantity.text(rest: rest)) }
        if board.rejected > 0 { parts.append(Quantity.text(count: board.rejected) + " rejected") }
        if board.failed > 0 { parts.append("\(board.failed) failed") }
        let running = board.running
        guard !running.isEmpty else { return parts.joined(separator: ", ") }
        var names = running.prefix(5).map { table in
            table.name
                + (table.fraction.map { " " + Quantity.text(fraction: $0) } ?? " \(Quantity.text(table.rows, "row"))")
        }
        if running.count > 5 { names.append("and \(running.count - 5) more") }
        return parts.joined(separator: ", ") + "; running: " + names.joined(separator: ", ")
    }
}
