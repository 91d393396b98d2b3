import Synchronization

/// A command of this program that an output tells the user to type.
///
/// Every one is made here, none is written as text elsewhere: so it is quoted for a shell, and it names the ledger, the
/// control database and the options that the command which prints it was given (``Place``). A test enumerates who makes
/// one, has each printed, and runs what was printed.
public struct Advice: Hashable, Sendable, CustomStringConvertible {
    /// What follows `apus`.
    public let words: [String]
    /// The file that takes what it prints.
    public private(set) var output: String?

    private init(_ words: [String?]) { self.words = words.compactMap { $0 } }

    /// As it is typed.
    public var line: String {
        (["apus"] + words.map(Self.shellWord)).joined(separator: " ") + (output.map { " > " + Self.shellWord($0) } ?? "")
    }

    /// As it stands in a sentence.
    public var description: String { "`\(line)`" }

    /// A text as one word of a POSIX shell.
    public static func shellWord(_ text: String) -> String {
        let isPlain = !text.isEmpty && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-./:=+,@%".contains($0)) }
        return isPlain ? text : "'" + text.replacing("'", with: "'\\''") + "'"
    }

    // MARK: Where it is printed

    /// The command that prints: what the printed ones must be given too, so that they find the same things.
    public struct Place: Sendable {
        /// Its words after `apus`, with `•••` for passwords.
        public var words: [String] = []
        /// As `--ledger` names it; nil = the default one, or that of `APUS_LEDGER`.
        public var ledger: String?
        public var control: String?
        public init() {}

        var isExtract: Bool { words.first == "extract" }

        /// An option with its value, if it was given.
        public func option(_ name: String) -> [String] {
            for (index, word) in words.enumerated() {
                if word == name { return Array(words[index...].prefix(2)) }
                if word.hasPrefix(name + "=") { return [name, String(word.dropFirst(name.count + 1))] }
            }
            return []
        }
    }

    private static let place = Mutex(Place())
    private static let references = Mutex<[String: String]>([:])

    /// Said once, before anything is printed.
    public static func stand(at new: Place) { place.withLock { $0 = new } }

    /// What a user writes for a connection that errors call by its label.
    public static func know(_ reference: String, as label: String) { references.withLock { $0[label] = reference } }

    private static var here: Place { place.withLock { $0 } }
    private static func reference(_ label: String?) -> String? { label.flatMap { label in references.withLock { $0[label] } } }
    private static var ledger: [String] { here.ledger.map { ["--ledger", $0] } ?? [] }

    // MARK: Runs

    public static func history() -> Advice { Advice(["history"] + ledger) }

    public static func show(_ run: String) -> Advice { Advice(["show", run] + ledger) }

    public static func showRejected(_ run: String) -> Advice { Advice(["show", run, "--rejected"] + ledger) }

    /// What goes on with a run; within a night's work that is the night's own command.
    /// - parameter run: nil = the latest that is not done.
    public static func resume(_ run: String? = nil, badRows: Int? = nil) -> Advice {
        let limit = badRows.map { ["--bad-rows", String($0)] } ?? []
        if here.isExtract { return again(limit + ["--retry-failed"], without: badRows == nil ? days : days + ["--bad-rows"]) }
        return Advice(["resume", run] + limit + ledger)
    }

    public static func discard(_ run: String) -> Advice { Advice(["resume", run, "--discard"] + ledger) }

    /// - parameter to: the target, where its password was not kept.
    public static func retryRejected(_ run: String, to: String? = nil) -> Advice {
        Advice(["retry-rejected", run] + (to.map { ["--to", $0] } ?? []) + ledger)
    }

    // MARK: Connections

    /// nil where the label is not known as a connection of this command.
    public static func connTest(_ label: String?) -> Advice? { reference(label).map { Advice(["conn", "test", $0]) } }

    public static func connTables(_ label: String?) -> Advice? { reference(label).map { Advice(["conn", "tables", $0]) } }

    // MARK: Flows

    /// A flow file to begin with.
    public static func initFlow(_ path: String) -> Advice {
        var advice = Advice(["init", "mysql", "postgres"])
        advice.output = path
        return advice
    }

    /// The whole plan of what this command would do; nil where the command shows it itself, or runs one that was made before.
    public static func plan() -> Advice? {
        switch here.words.first {
        case "copy": return here.words.contains("--dry-run") ? nil : again(["--dry-run"])
        case "run" where here.option("--plan").isEmpty:
            return Advice(["plan"] + again([], without: ["--summary-file", "--lease"]).words.dropFirst())
        default: return nil
        }
    }

    public static func importDataX(_ job: String) -> Advice {
        var advice = Advice(["import", "datax", job])
        advice.output = "flow.yaml"
        return advice
    }

    // MARK: Control tables

    /// nil outside of a command that works with a control database.
    public static func controlInit() -> Advice? { here.control.map { Advice(["control", "init", $0]) } }

    public static func controlCheck() -> Advice? {
        here.control.map { control in
            let table = here.words.contains("--repair") ? ["--config-table", "datax_config_repair"] : here.option("--config-table")
            return Advice(["control", "check", control] + table + here.option("--json-dir"))
        }
    }

    /// New columns of a source for the rows of a control database.
    public static func generateUpdate(from: String, job: Int, like: [String]) -> Advice? {
        here.control.map { control in
            Advice(
                ["generate", "--from", from, "--json-id", String(job)] + like.flatMap { ["--like", $0] } + ["--into", control]
                    + here.option("--config-table") + ["--update"])
        }
    }

    /// What is unfinished in the control tables.
    public static func retryFailed() -> Advice { again(["--retry-failed"], without: days) }

    /// Options that choose days, and what belongs to one night.
    private static let days = ["--day", "--from", "--to", "--whole", "--lookback", "--retry-failed", "--dry-run", "--summary-file"]
    private static let flags: Set<String> = ["--whole", "--retry-failed", "--dry-run"]

    // MARK: This command

    /// The same command line with more words.
    /// - parameter without: options that are left out, with their values.
    public static func again(_ added: [String], without: [String] = []) -> Advice {
        var words: [String] = []
        var skips = false
        for word in here.words {
            if skips {
                skips = false
            } else if without.contains(word) {
                skips = !flags.contains(word)
            } else if !without.contains(where: { word.hasPrefix($0 + "=") }) {
                words.append(word)
            }
        }
        return Advice(words + added)
    }

    public static func help(_ command: [String]) -> Advice { Advice(command + ["--help"]) }

    /// A command that is only spoken of.
    public static func name(_ command: String...) -> Advice { Advice(command) }
}
