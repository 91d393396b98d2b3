import ApusTesting
import Foundation
import Testing

/// Someone who types the commands that the program prints, in the same folder and environment. Ledger, control database
/// and templates lie in a folder whose name has to be quoted.
final class Typist: Sendable {
    let user: User
    let folder: String
    let ledger: String

    init(_ extra: [String: String] = [:]) throws {
        user = try User(extra)
        folder = user.home.file("夜 'n'班")
        ledger = folder + "/led ger.db"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    /// A path in the odd folder.
    func odd(_ name: String) -> String { folder + "/" + name }

    func write(_ text: String, to name: String) throws -> String {
        try text.write(toFile: odd(name), atomically: true, encoding: .utf8)
        return odd(name)
    }

    /// SQL by sqlite3's own client, on a database in the odd folder.
    @discardableResult
    func sqlite(_ name: String, _ sql: String) throws -> String {
        let result = try runCommand("sqlite3", ["-bail", odd(name)], stdin: ".timeout 20000\n" + sql)
        guard result.status == 0 else { throw KitError("sqlite3: \(result.stderr)") }
        return result.stdout.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func url(_ name: String) -> String { "sqlite:" + odd(name) }

    func apus(_ arguments: String..., with extra: [String: String] = [:]) throws -> CommandResult {
        try user.run(arguments, with: extra)
    }

    func start(_ arguments: [String]) throws -> RunningCommand {
        try RunningCommand(apusBinary(), arguments, environment: user.environment, cleanEnvironment: true)
    }

    /// A copy of numbers that takes ten seconds, stopped when some of them are in the target.
    func stopped(_ signal: Int32 = SIGTERM, mode: String = "append") throws -> CommandResult {
        let running = try user.start(
            "copy", "generator:t?rows=20000", url("t.db"), "--rows-per-second", "4000", "--slices", "10", "--mode", mode, "--channels", "1",
            "--ledger", ledger)
        try wait("a slice to be loaded") { try loaded("t.db") > 0 }
        running.signal(signal)
        return running.wait()
    }

    /// The rows that are loaded; marks of slices, while the table is not there.
    func loaded(_ name: String, _ table: String = "t") throws -> Int {
        guard FileManager.default.fileExists(atPath: odd(name)),
            try sqlite(name, "SELECT count(*) FROM sqlite_master WHERE name = '\(table)'") == "1"
        else { return 0 }
        return Int(try sqlite(name, "SELECT count(*) FROM \(table)")) ?? 0
    }

    /// `bad.csv` with two rows of five that the target `bad` refuses.
    func bad() throws {
        _ = try write("id,v\n1,1\n2,1000\n3,3\n4,2000\n5,5\n", to: "bad.csv")
        try sqlite("t.db", "CREATE TABLE bad (id integer PRIMARY KEY, v integer CHECK (v < 100))")
    }

    func copyBad(_ more: String...) throws -> CommandResult {
        try user.run(["copy", "csv:" + odd("bad.csv"), url("t.db"), "--ledger", ledger] + more)
    }

    /// The printed command, as a shell would run it.
    func type(_ command: String, with extra: [String: String] = [:]) throws -> CommandResult { try user.shell(command, with: extra) }

    /// What command was printed that begins with these words: in backticks within a sentence, or on a line of its own.
    func printed(
        _ result: CommandResult, _ words: String, and more: String = "", sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> String {
        try printed(in: result.stdout + result.stderr, words, and: more, sourceLocation: sourceLocation)
    }

    func printed(
        in text: String, _ words: String, and more: String = "", sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> String {
        let all = Self.commands(text)
        return try #require(
            all.first { $0.hasPrefix("apus " + words) && (more.isEmpty || $0.contains(more)) }, "\(words) is not among \(all) of \(text)",
            sourceLocation: sourceLocation)
    }

    /// What is printed behind a run's table as the next step.
    func next(_ result: CommandResult, _ words: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
        let parts = result.stdout.components(separatedBy: "\nnext:\n")
        try #require(parts.count == 2, "\(result.stdout)", sourceLocation: sourceLocation)
        return try printed(in: parts[1], words, sourceLocation: sourceLocation)
    }

    /// Every command that a text tells to type.
    static func commands(_ text: String) -> [String] {
        text.split(separator: "\n").flatMap { line in
            let line = String(line)
            let quoted = line.matches(of: /`(apus [^`]+)`/).map { String($0.1) }
            if !quoted.isEmpty { return quoted }
            guard let found = line.firstMatch(of: /(?:^ *|: )(apus [a-z].*)$/) else { return [] }
            // In a table an explanation follows behind two blanks.
            return [String(found.1.split(separator: "  ", maxSplits: 1)[0])]
        }
    }
}
