import ApusCore

/// The command line of `datax.py`, by the rules of Python's optparse: options may follow the job, a short one may hold
/// its value (`-p"-Da=b"`), a long one may be cut short (`--job`), and a value may begin with a dash.
public struct DataXArguments: Hashable, Sendable {
    /// The job file's path or http(s) address; nil with ``reader`` and ``writer``.
    public var job: String?
    /// `-j`, `--jvm`: accepted; `-D` words in it are parameters.
    public var jvm: String?
    /// `-p`, `--params`.
    public var params: String?
    public var jobID = -1
    /// `-m`, `--mode`: accepted.
    public var mode = "standalone"
    /// `-r` and `-w`: print a template.
    public var reader: String?
    public var writer: String?
    /// `-d`: accepted.
    public var debugs = false
    public var logLevel = "info"
    /// Apus's own: where the honest counts go.
    public var summaryFile: String?
    public var showsHelp = false

    private static let long = [
        "help", "jvm", "jobid", "mode", "params", "reader", "writer", "debug", "loglevel", "summary-file",
    ]
    private static let short: [Character: String] = [
        "h": "help", "j": "jvm", "m": "mode", "p": "params", "r": "reader", "w": "writer", "d": "debug",
    ]
    private static let flags: Set<String> = ["help", "debug"]

    /// - throws: `config.usage`.
    public init(_ words: [String]) throws {
        var jobs: [String] = []
        var rest = words[...]
        var isOver = false
        while let word = rest.popFirst() {
            if isOver || word == "-" || !word.hasPrefix("-") {
                jobs.append(word)
            } else if word == "--" {
                isOver = true
            } else if word.hasPrefix("--") {
                let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                let name = try Self.full(String(parts[0]))
                if Self.flags.contains(name) {
                    if parts.count == 2 { throw Self.fault("--\(name) takes no value") }
                    try set(name, "")
                } else {
                    try set(name, parts.count == 2 ? String(parts[1]) : Self.value(&rest, "--\(name)"))
                }
            } else {
                var letters = word.dropFirst()
                while let letter = letters.popFirst() {
                    guard let name = Self.short[letter] else { throw Self.fault("there is no option -\(letter)") }
                    if Self.flags.contains(name) {
                        try set(name, "")
                    } else {
                        try set(name, letters.isEmpty ? Self.value(&rest, "-\(letter)") : String(letters))
                        break
                    }
                }
            }
        }
        if showsHelp || (reader != nil && writer != nil) { return }
        guard jobs.count == 1 else {
            throw Self.fault(jobs.isEmpty ? "no job file is named" : "\(jobs.count) job files are named, and one can be run")
        }
        job = jobs[0]
    }

    private mutating func set(_ name: String, _ value: String) throws {
        switch name {
        case "help": showsHelp = true
        case "jvm": jvm = value
        case "params": params = value
        case "mode": mode = value
        case "reader": reader = value
        case "writer": writer = value
        case "debug": debugs = true
        case "loglevel": logLevel = value
        case "summary-file": summaryFile = value
        default:
            guard let number = Int(value) else { throw Self.fault("--jobid is a number, and `\(value.prefix(40))` is none") }
            jobID = number
        }
    }

    private static func full(_ name: String) throws -> String {
        if long.contains(name) { return name }
        let meant = long.filter { !name.isEmpty && $0.hasPrefix(name) }
        guard meant.count == 1 else {
            throw fault(
                meant.isEmpty
                    ? "there is no option --\(name.prefix(40))" : "--\(name) may mean \(meant.map { "--\($0)" }.joined(separator: " or "))")
        }
        return meant[0]
    }

    private static func value(_ rest: inout ArraySlice<String>, _ option: String) throws -> String {
        guard let value = rest.popFirst() else { throw fault("\(option) needs a value") }
        return value
    }

    private static func fault(_ message: String) -> ApusError { ApusError(.usage, message, hint: "\(Advice.help(["datax"])) says how.") }

    public static let usage = """
        Usage: datax.py [options] job-url-or-path

          -j, --jvm=JVM           accepted; its -D words are parameters
          --jobid=ID              shown in the log
          -m, --mode=MODE         accepted
          -p, --params=PARAMS     values for $x and ${x} in the job: -p "-Dday='2026-11-21' -Dregion=eu"
          -r, --reader=PLUGIN     with -w: prints a template of a job and ends
          -w, --writer=PLUGIN     with -r
          -d, --debug             accepted
          --loglevel=LEVEL        debug, info, warn or error
          --summary-file=FILE     rows read, written, rejected and filtered, as JSON (Apus's own)
          -h, --help              this

        Exit codes: 0 the job is done, 1 it failed, 143 it was stopped, 255 this command line is wrong.
        """
}
