import ApusCore
import Synchronization

/// The live display on a terminal: redrawn in place by a thread of its own, so that the clock moves when nothing else
/// does, and gone when the run ends.
public final class TerminalProgress: Listener {
    private let board: Mutex<Board>
    private let console: Console
    private let colors: Bool
    private let size: @Sendable () -> Terminal.Size
    private let pace = Pace()

    /// Seconds between two pictures.
    public static let interval = 0.1

    public init(
        console: Console = .standardError, plan: Plan? = nil, colors: Bool = true,
        size: @escaping @Sendable () -> Terminal.Size = { Terminal.standardError.size }
    ) {
        self.console = console
        self.colors = colors
        self.size = size
        board = Mutex(Board(plan: plan))
    }

    deinit { end() }

    public func hear(_ event: Event) {
        board.withLock { $0.hear(event) }
        switch event.kind {
        case .runStarted:
            pace.start(every: Self.interval) { [weak self] in self?.draw(now: Clock.wall()) }
        case .runFinished: end()
        default: break
        }
    }

    /// Takes the display away; for a program that ends without the run's last event.
    public func end() {
        pace.stop()
        console.show([], columns: size().columns)
    }

    /// Draws the state of this moment.
    func draw(now: Double) {
        let size = size()
        let lines = board.withLock { ProgressBlock(size: size, colors: colors).lines($0, now: now) }
        console.show(lines, columns: size.columns)
    }
}
