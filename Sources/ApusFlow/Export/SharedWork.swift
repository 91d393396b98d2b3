import ApusCore

/// What the exporters know of a plan: how many slices there are, and how they are shared out over a scheduler's tasks.
public struct SharedWork: Sendable {
    /// The plan's file, as the workers see it.
    public var planPath: String
    /// Slices of all tables, numbered from 0.
    public var slices: Int
    /// Tasks that the scheduler knows; task k loads the slices k, k + tasks, k + 2 × tasks …
    public var tasks: Int
    /// Tasks at a time.
    public var parallel: Int
    /// The scheduler's name of the whole.
    public var name: String
    /// The variables of the environment that the plan's connections need.
    public var variables: [String]
    /// The program, as the workers call it.
    public var program = "apus"
    /// Tries of a task, the first included.
    public var attempts = 5
    /// Seconds of silence after which a worker's slice is taken over; nil = the program's own.
    public var lease: Int?

    /// - parameters:
    ///   - slices: `Runner.Share.count(of:)`.
    ///   - tasks: nil = one a slice, at most ``mostTasks``.
    public init(_ plan: Plan, path: String, slices: Int, tasks: Int? = nil, parallel: Int? = nil, name: String? = nil) {
        planPath = path
        self.slices = slices
        self.tasks = max(1, min(slices, tasks ?? Self.mostTasks))
        self.parallel = max(1, min(self.tasks, parallel ?? plan.limits.channels))
        self.name = Self.identifier(name ?? plan.name ?? "apus-load")
        let references = (plan.sources + [plan.to]).map(\.reference)
        variables = Set(references.flatMap(Self.variables)).sorted()
    }

    /// Slurm's MaxArraySize is 1,001 and Airflow's max_map_length 1,024 unless changed ("slurm.conf", "Configuration Reference").
    public static let mostTasks = 1000

    /// Letters, digits and hyphens: what every scheduler takes for a name.
    private static func identifier(_ text: String) -> String {
        var name = ""
        for character in text.lowercased() {
            let isPlain = character.isASCII && (character.isLetter || character.isNumber)
            if isPlain { name.append(character) } else if name.last != "-", !name.isEmpty { name.append("-") }
        }
        while name.last == "-" { name.removeLast() }
        return name.isEmpty ? "apus-load" : String(name.prefix(50))
    }

    private static func variables(_ reference: String) -> [String] {
        guard let template = try? Template(reference) else { return [] }
        return template.pieces.compactMap { piece in
            guard case .variable(let variable) = piece, case .environment(let name, nil) = variable.source else { return nil }
            return name
        }
    }

    /// Options of `apus run` beside plan, slice and job.
    var options: [String] { ["--progress", "never"] + (lease.map { ["--lease", String($0)] } ?? []) }

    /// What must be set in a worker's environment, for a comment.
    var needs: String { (["APUS_LEDGER"] + variables).joined(separator: ", ") }

    /// A word of a POSIX shell.
    static func shell(_ text: String) -> String {
        let isPlain = !text.isEmpty && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-./:@%+=,".contains($0)) }
        return isPlain ? text : "'\(text.replacing("'", with: "'\\''"))'"
    }
}
