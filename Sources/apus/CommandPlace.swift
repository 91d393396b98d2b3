import ApusControl
import ApusCore
import ArgumentParser

extension Advice.Place {
    /// Where the commands stand that this one prints.
    init(_ command: any ParsableCommand, _ arguments: [String] = CommandLine.arguments) {
        self.init()
        words = arguments.dropFirst().map(Self.shown)
        ledger = option("--ledger").last
        switch command {
        case let command as Extract:
            control = Self.shown(command.control)
            // The runs of a night are remembered in the control database.
            if ledger == nil { ledger = control }
        case let command as DriftCommand: control = Self.shown(command.control)
        case let command as Generate: control = command.into.map(Self.shown)
        case let command as Control.Make: control = Self.shown(command.control)
        case let command as Control.Import: control = Self.shown(command.control)
        case let command as Control.Export: control = Self.shown(command.control)
        case let command as Control.Look: control = Self.shown(command.control)
        default: break
        }
    }

    /// A word of the command line, with `•••` for the password of a connection.
    static func shown(_ word: String) -> String {
        guard word.contains("://") || word.hasPrefix("jdbc:"), !word.contains(Masking.mark) else { return word }
        if word.hasPrefix("--"), let equals = word.firstIndex(of: "=") {
            return word[...equals] + shown(String(word[word.index(after: equals)...]))
        }
        return (try? Resolver.make().resolve(word).connection.reference) ?? Masking.mask(word)
    }
}
