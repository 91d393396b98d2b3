import ApusCore
import Synchronization

/// Messages by level, for people: what `-v` and `-q` turn up and down.
///
/// Beside a display it also says what a table's line cannot: retries, failures, cuts.
public final class MessageLog: Listener {
    private let console: Console
    private let threshold: Event.Level
    private let narrates: Bool
    private let colors: Bool
    private let board = Mutex(Board())

    /// The level that `-v` and `-q` mean: warnings and errors are always printed.
    public static func threshold(verbose: Int, quiet: Bool) -> Event.Level {
        quiet ? .warning : verbose > 0 ? .debug : .info
    }

    /// With `narrates`, warnings and errors of tables and slices are printed too; leave that to ``PlainProgress`` where
    /// there is one.
    public init(
        console: Console = .standardError, threshold: Event.Level = .info, narrates: Bool = true, colors: Bool = false
    ) {
        self.console = console
        self.threshold = threshold
        self.narrates = narrates
        self.colors = colors
    }

    public func hear(_ event: Event) {
        if case .message(let level, let text) = event.kind {
            print(level, text)
            return
        }
        guard narrates else { return }
        let said = board.withLock { board in
            board.hear(event)
            return Narration(event, board)
        }
        if let said, said.level >= .warning { print(said.level, said.text) }
    }

    /// For what happens before a run and after it.
    public func print(_ level: Event.Level, _ text: String) {
        if level >= threshold { console.print(Self.line(level, text, colors: colors), .init(level)) }
    }

    /// An error that ended the program.
    public func print(_ error: ApusError) { print(.error, error.description) }

    /// `warning: …`; information stands alone.
    static func line(_ level: Event.Level, _ text: String, colors: Bool) -> String {
        let text = DisplayWidth.plain(text, lines: true)
        switch level {
        case .info: return text
        case .debug: return Style.faint.paint("debug: " + text, colors)
        case .warning: return Style.yellow.paint("warning:", colors) + " " + text
        case .error: return Style.red.paint("error:", colors) + " " + text
        }
    }
}
