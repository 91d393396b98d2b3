import ApusCore
import ApusListen
import ArgumentParser
import Glibc

/// How the program speaks: products to standard output, everything else to standard error.
struct Output: ParsableArguments {
    @Option(help: "Log as text or as JSON, one object a line, on standard error.")
    var log: ListenerChoice.Format = .text

    @Option(help: "Show progress: auto (on a terminal), always or never.")
    var progress: When = .auto

    @Option(help: "Use colours: auto, always or never. NO_COLOR is honoured.")
    var color: When = .auto

    @Flag(name: .shortAndLong, help: "Say more; twice: say everything.")
    var verbose: Int

    @Flag(name: .shortAndLong, help: "Say only what went wrong.")
    var quiet = false

    /// The one log of the process; plain text until the command line is known.
    nonisolated(unsafe) private static var chosen: ListenerChoice.Log?  // written once, before threads are made

    static var log: ListenerChoice.Log {
        if let chosen { return chosen }
        var choice = ListenerChoice()
        choice.format = wantsJSON ? .json : .text
        return choice.log()
    }

    /// The command line may be wrong before `--log json` is understood: every line of the log is JSON all the same.
    static var wantsJSON: Bool {
        let arguments = CommandLine.arguments
        return arguments.contains("--log=json") || zip(arguments, arguments.dropFirst()).contains { $0 == "--log" && $1 == "json" }
    }

    /// The log that these options ask for; `plan` lets it know what will come.
    func open(plan: Plan? = nil) -> ListenerChoice.Log {
        var choice = ListenerChoice()
        choice.format = log
        choice.progress = progress
        choice.color = color
        choice.verbose = verbose
        choice.quiet = quiet
        let made = choice.log(plan: plan)
        Self.chosen = made
        return made
    }

    /// Writes a product. A reader that has gone away (`| head`) ends the program quietly.
    ///
    /// - parameter isMasked: it is not a text of the user's, or has passed ``Masking``.
    /// - parameter isJSON: it is JSON, or whole lines of it; nil = its beginning tells.
    static func product(_ text: String, isMasked: Bool = false, isJSON: Bool? = nil) {
        Console.standardOutput.flush()
        Console.standardError.flush()
        let isJSON = isJSON ?? (text.hasPrefix("{") || text.hasPrefix("["))
        let text = isMasked ? text : isJSON ? Masking.mask(structured: text) : Masking.mask(text)
        let bytes = Array((text.hasSuffix("\n") ? text : text + "\n").utf8)
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress! + done, bytes.count - done) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { Glibc.exit(errno == EPIPE ? 0 : ExitCode.failed) }
            done += count
        }
    }
}

extension ListenerChoice.Format: ExpressibleByArgument {}
extension When: ExpressibleByArgument {}
extension LoadMode: ExpressibleByArgument {}
extension CreatePolicy: ExpressibleByArgument {}
