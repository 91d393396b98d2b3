import ApusCore
import FoundationEssentials

/// Where `${…}` comes from: `${NAME}` and `${NAME:-default}` from the environment, `${file:/path}` from a file, without
/// the line break at its end. `$${` stands for `${` itself.
///
/// Texts are expanded after YAML is parsed, so that a value may hold colons, quotes and line breaks; and once, so that
/// a value may hold `${`.
public struct Variables: Sendable {
    private let environment: @Sendable (String) -> String?
    private let contents: @Sendable (String) throws -> [UInt8]

    /// - parameter environment: a variable's value; nil = unset.
    /// - parameter contents: a file's bytes.
    public init(
        environment: @escaping @Sendable (String) -> String?,
        contents: @escaping @Sendable (String) throws -> [UInt8] = Variables.read
    ) {
        self.environment = environment
        self.contents = contents
    }

    public init(_ values: [String: String]) { self.init(environment: { values[$0] }) }

    /// The process's own environment and files.
    public static let process = Variables(environment: { ProcessInfo.processInfo.environment[$0] })

    @Sendable public static func read(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: path)))
    }

    public subscript(name: String) -> String? { environment(name) }

    /// - throws: `config.unset_variable`, `config.invalid`. No message shows a value.
    public func expand(_ text: String) throws -> String {
        do throws(Template.Fault) { return try self.text(Template(text)) } catch { throw error.error }
    }

    func text(_ template: Template) throws(Template.Fault) -> String {
        var text = ""
        for piece in template.pieces {
            switch piece {
            case .literal(let literal): text += literal
            case .variable(let variable): text += try value(variable)
            case .parameter(let parameter): text += parameter.text
            }
        }
        return text
    }

    func value(_ variable: Template.Variable) throws(Template.Fault) -> String {
        switch variable.source {
        case .environment(let name, let fallback):
            let value = environment(name)
            if let fallback, value?.isEmpty ?? true { return fallback }
            if let value { return value }
            throw Template.Fault(
                error: ApusError(
                    .unsetVariable, "the environment variable `\(name)` is not set",
                    hint: "Set it, or write ${\(name):-default}."),
                token: variable.text)
        case .file(let path):
            guard let bytes = try? contents(path) else {
                throw Template.Fault(
                    error: ApusError(
                        .unsetVariable, "the file `\(path)` of `\(variable.text)` cannot be read",
                        hint: "It must exist and be readable by this user."),
                    token: variable.text)
            }
            var body = bytes[...]
            if body.last == 10 { body.removeLast() }
            if body.last == 13 { body.removeLast() }
            guard let text = String(validating: body, as: UTF8.self) else {
                throw Template.Fault(
                    error: ApusError(.configurationInvalid, "the file `\(path)` is not UTF-8"), token: variable.text)
            }
            return text
        }
    }
}
