import ApusTesting
import Foundation
import Testing

/// Someone at a shell: a home of their own, an own ledger, and the built program.
final class User: Sendable {
    let home: TemporaryFolder
    let environment: [String: String]
    private let program: String

    init(_ extra: [String: String] = [:]) throws {
        program = try apusBinary()
        home = try TemporaryFolder(prefix: "apus-user")
        environment = [
            "HOME": home.path, "XDG_STATE_HOME": home.file("state"), "XDG_CONFIG_HOME": home.file("config"), "NO_COLOR": "1",
            "TZ": "UTC", "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin",
        ].merging(extra) { $1 }
    }

    /// Runs `apus` to its end.
    @discardableResult
    func apus(_ arguments: String..., input: String = "", with extra: [String: String] = [:]) throws -> CommandResult {
        try run(arguments, input: input, with: extra)
    }

    func run(_ arguments: [String], input: String = "", with extra: [String: String] = [:]) throws -> CommandResult {
        try runCommand(
            program, arguments, environment: environment.merging(extra) { $1 }, cleanEnvironment: true, stdin: input,
            timeout: .seconds(60))
    }

    /// Begins `apus` and returns at once.
    func start(_ arguments: String..., with extra: [String: String] = [:]) throws -> RunningCommand {
        try RunningCommand(program, arguments, environment: environment.merging(extra) { $1 }, cleanEnvironment: true)
    }

    /// A shell line in which `apus` is the program and the folder is the user's home.
    func shell(_ line: String, with extra: [String: String] = [:]) throws -> CommandResult {
        try runCommand(
            "/bin/bash", ["-c", "apus() { \"\(program)\" \"$@\"; }; cd \"$HOME\"; set -o pipefail; \(line)"],
            environment: environment.merging(extra) { $1 }, cleanEnvironment: true, timeout: .seconds(60))
    }

    /// The latest run's id.
    func latestRun(_ ledger: String? = nil) throws -> String {
        let result = try run(["history", "--output", "json", "--limit", "1"] + (ledger.map { ["--ledger", $0] } ?? []))
        guard let id = result.stdout.firstMatch(of: /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/) else {
            throw KitError("no run in the history: \(result.stdout)\(result.stderr)")
        }
        return String(id.0)
    }

    /// Every byte of every file under the user's home.
    func everything() throws -> [UInt8] {
        var bytes: [UInt8] = []
        for path in files() { bytes += [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }
        return bytes
    }

    /// All plain files under the user's home.
    func files() -> [String] {
        let found = FileManager.default.enumerator(atPath: home.path)?.compactMap { $0 as? String } ?? []
        return found.map { home.file($0) }.filter {
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: $0, isDirectory: &isFolder) && !isFolder.boolValue
        }
    }
}

/// Asks again and again until it is so.
func wait(_ what: String, upTo seconds: Double = 20, until isSo: () throws -> Bool) throws {
    let deadline = Date(timeIntervalSinceNow: seconds)
    while try !isSo() {
        guard Date() < deadline else { throw KitError("waited \(seconds) s in vain: \(what)") }
        usleep(10_000)
    }
}

/// No staging table, mark or lock of Apus stays behind.
func expectNothingLeft(_ store: Store, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let left = try store.leftovers()
    #expect(left.isEmpty, "\(left.joined(separator: "\n"))", sourceLocation: sourceLocation)
}

/// The mode of a file, such as 0o600.
func mode(of path: String) -> Int {
    (try? FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int) ?? -1
}

/// The command ended with this code and its error output holds all of these.
func expect(
    _ result: CommandResult, _ status: Int32, _ says: String..., sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(result.status == status, "\(result.stdout)\(result.stderr)", sourceLocation: sourceLocation)
    let text = result.stderr + result.stdout
    for part in says { #expect(text.contains(part), "\(text)", sourceLocation: sourceLocation) }
}
