import ApusCore
import Synchronization
import Tabular

/// `--log json`: every line one JSON object, by a contract with a version (docs/json-log.md).
///
/// Messages and errors from before or after a run go through ``print(_:_:)`` and ``print(_:)``, so that nothing but
/// JSON is ever written.
public final class JSONLines: Listener {
    /// Raised when a field changes its meaning or goes; new fields and events may come without.
    public static let schemaVersion = 1

    private struct State {
        var board: Board
        var sequence = 0
        var saidAt = 0.0
    }

    private let state: Mutex<State>
    private let console: Console
    private let threshold: Event.Level
    private let interval: Double
    private let pace = Pace()

    /// `interval` is the seconds between two reports of progress. Slices are told at level debug.
    public init(
        console: Console = .standardError, plan: Plan? = nil, threshold: Event.Level = .info, interval: Double = 10
    ) {
        console.becomeMachineRead()
        self.console = console
        self.threshold = threshold
        self.interval = interval
        state = Mutex(State(board: Board(plan: plan)))
    }

    deinit { end() }

    public func hear(_ event: Event) {
        state.withLock { state in
            state.board.hear(event)
            if case .runStarted = event.kind { state.saidAt = event.time }
            if let entry = LogEntry(event, state.board) { write(entry, event.time, &state) }
        }
        switch event.kind {
        case .runStarted:
            pace.start(every: min(1, interval)) { [weak self] in self?.tick(now: Clock.wall()) }
        case .runFinished: end()
        default: break
        }
    }

    public func end() { pace.stop() }

    /// Reports progress when its time has come: a line for the whole and one for each running table.
    func tick(now: Double) {
        state.withLock { state in
            guard now - state.saidAt >= interval, state.board.startedAt != nil, state.board.result == nil else {
                return
            }
            state.saidAt += ((now - state.saidAt) / interval).rounded(.down) * interval
            write(LogEntry(progressOf: state.board, now: now), now, &state)
            for table in state.board.running { write(LogEntry(progressOf: table, now: now), now, &state) }
        }
    }

    /// A message from outside a run.
    public func print(_ level: Event.Level, _ text: String, now: Double = Clock.wall()) {
        state.withLock { write(LogEntry(level, text), now, &$0) }
    }

    /// The error that ended the program.
    public func print(_ error: ApusError, now: Double = Clock.wall()) {
        state.withLock { write(LogEntry(error), now, &$0) }
    }

    private func write(_ entry: LogEntry, _ time: Double, _ state: inout State) {
        guard entry.level >= threshold else { return }
        state.sequence += 1
        console.print(
            entry.json(run: state.board.runID, sequence: state.sequence, time: time).line,
            entry.event == "progress" ? .progress : .init(entry.level), isMasked: true)
    }

    /// The line for an error that ended the program before there was a log, e.g. on a wrong command line.
    public static func line(for error: ApusError, runID: String? = nil, now: Double = Clock.wall()) -> String {
        LogEntry(error).json(run: runID, sequence: 1, time: now).line
    }
}
