import ApusCore
import ApusFlow
import ArgumentParser

/// Options of every command that reads a flow.
struct FlowOptions: ParsableArguments {
    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("Give a parameter its value, e.g. day=2026-11-21. Repeatable.", valueName: "name=value"))
    var parameters: [String] = []

    @Option(help: ArgumentHelp("Take only these tables: names or patterns, comma-separated.", valueName: "patterns"))
    var only: String?

    @Option(
        help: ArgumentHelp(
            "The run's time zone, e.g. Asia/Shanghai or +08:00; without it, that of the source's sessions.", valueName: "zone"))
    var zone: String?

    @Flag(help: "Make the target's schema (MySQL: database) where it is missing.") var createSchema = false

    @Flag(help: "Ask for passwords that connections leave out.")
    var askPassword = false

    /// - throws: `config.invalid` for a `--set` without `=`.
    func given() throws -> [String: String] {
        try Given.values(parameters)
    }

    func read(_ path: String) throws -> FlowFile {
        var reader = FlowReader(resolver: Resolver.make(askPassword: askPassword), given: try given())
        reader.zone = zone
        reader.createsSchemas = createSchema
        return try reader.read(path: path)
    }

    func patterns() throws -> [TablePattern]? {
        try only.map { try $0.split(separator: ",").map { try TablePattern($0.trimmed) } }
    }
}

extension Substring {
    /// Without spaces around it.
    var trimmed: String {
        var text = self
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
