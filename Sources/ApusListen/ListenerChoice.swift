import ApusCore
import Tabular

/// The listeners that `--log`, `--progress`, `--color`, `-v` and `-q` mean together, and the way to say something
/// outside a run.
public struct ListenerChoice: Sendable {
    public enum Format: String, Sendable, CaseIterable { case text, json }

    public var format = Format.text
    public var progress = When.auto
    public var color = When.auto
    public var verbose = 0
    public var quiet = false
    public var console = Console.standardError
    public var terminal = Terminal.standardError

    public init() {}

    /// Makes the log that also speaks before and after a run. Make it once.
    public func log(plan: Plan? = nil) -> Log {
        let threshold = MessageLog.threshold(verbose: verbose, quiet: quiet)
        if format == .json {
            let lines = JSONLines(console: console, plan: plan, threshold: threshold)
            return Log(listeners: [lines], say: { lines.print($0, $1) }, fail: { lines.print($0) })
        }
        let colors = color.colors(terminal)
        let shows = progress != .never && !quiet
        let draws = shows && progress.draws(on: terminal)
        let messages = MessageLog(console: console, threshold: threshold, narrates: draws || !shows, colors: colors)
        var listeners: [any Listener] = [messages]
        let terminal = terminal
        if draws {
            listeners.append(TerminalProgress(console: console, plan: plan, colors: colors, size: { terminal.size }))
        } else if shows {
            listeners.append(PlainProgress(console: console, plan: plan))
        }
        return Log(listeners: listeners, say: { messages.print($0, $1) }, fail: { messages.print($0) })
    }

    public struct Log: Sendable {
        /// For the engine.
        public let listeners: [any Listener]
        public let say: @Sendable (Event.Level, String) -> Void
        /// Prints the error that ends the program.
        public let fail: @Sendable (ApusError) -> Void
    }
}
