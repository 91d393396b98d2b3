import ApusCore

/// Turns what a user writes for a connection into one: a URL, or a name from the flow file, from the environment
/// (`APUS_CONNECTION_<NAME>`) or from `connections.yaml`, looked up in this order.
public struct ConnectionResolver: Sendable {
    public struct Resolved: Sendable {
        public var connection: Flow.Connection
        public var connector: any Connector
        /// For the user to read: a password in clear, a file that others can read, driver parameters left out.
        public var notices: [String]
    }

    public let connectors: [any Connector]
    public let variables: Variables
    /// The flow file's own connections: name → text with `${…}`.
    public var named: [String: String] = [:]
    /// The time zone that sessions are set to, see ``Endpoint/zone``.
    public var zone: String?
    private let file: ConnectionsFile?
    private let askPassword: (@Sendable (_ label: String) throws -> Secret?)?
    /// Asks for a password in whose place `•••` stands, as in commands that the program has printed; nil = refuse those.
    public var askMasked: (@Sendable (_ label: String) throws -> Secret?)?

    /// - parameter file: named connections of this user; nil = none.
    /// - parameter askPassword: asks at a terminal for the password of a connection that has a user and none; called
    ///   only for those, with what the user may see of the connection.
    public init(
        _ connectors: [any Connector], variables: Variables = .process, file: ConnectionsFile? = nil,
        askPassword: (@Sendable (_ label: String) throws -> Secret?)? = nil
    ) {
        self.connectors = connectors
        self.variables = variables
        self.file = file
        self.askPassword = askPassword
    }

    /// - throws: `config.invalid`, `config.unset_variable`, `config.unknown_connector`, `config.unknown_key`. No
    ///   message shows a password.
    public func resolve(_ text: String) throws -> Resolved {
        let resolved = try unwrapping { try resolve(Template(text)) }
        Advice.know(resolved.connection.reference, as: resolved.connection.endpoint.label)
        return resolved
    }

    /// ``resolve(_:)-(String)`` for a text that was taken apart; throws ``ApusError`` only.
    func resolve(filled template: Template) throws -> Resolved {
        let resolved = try unwrapping { try resolve(template) }
        Advice.know(resolved.connection.reference, as: resolved.connection.endpoint.label)
        return resolved
    }

    private func unwrapping(_ body: () throws -> Resolved) throws -> Resolved {
        do { return try body() } catch let fault as Template.Fault { throw fault.error }
    }

    func resolve(_ template: Template) throws -> Resolved {
        if !template.hasVariables, let name = Self.name(template) { return try resolveName(name) }
        // A password may hold the mark; a reference that was written with it has lost its own.
        let wasMasked = template.pieces.contains { piece in
            switch piece {
            case .literal(let text): return text.contains(SourceMask.mark)
            case .variable(let variable):
                guard case .environment(_, let fallback?) = variable.source, fallback.contains(SourceMask.mark) else { return false }
                return (try? variables.value(variable)) == fallback
            case .parameter: return false
            }
        }
        if wasMasked {
            if let resolved = try asking(template) { return resolved }
            throw ApusError(
                .configurationInvalid, "the password of \(ConnectionText(template).reference) was not kept: ••• stands in its place",
                hint: "Write the password as ${VARIABLE} or ${file:…}, or name the connection in connections.yaml; both work for plans too."
            )
        }
        let text = ConnectionText(template)
        if let variable = text.only {
            let value = try variables.value(variable)
            var resolved: Resolved
            if let name = Self.name(Template(literal: value)) {
                resolved = try redacting(template) { try resolveName(name) }
            } else {
                resolved = try redacting(template) { try open(url: value) }
            }
            resolved.connection.reference = text.reference
            return resolved
        }
        let url = try text.expanded(variables.value)
        var resolved = try redacting(template) { try open(url: url) }
        // Without variables the reference that the parsed URL gives is the surest.
        if template.hasVariables { resolved.connection.reference = text.reference }
        if resolved.connection.reference.contains(SourceMask.mark) { resolved.notices.append(Self.notice(resolved)) }
        return resolved
    }

    /// A URL whose password is `•••`, with what is typed in its place; nil where nobody can be asked.
    private func asking(_ template: Template) throws -> Resolved? {
        guard let askMasked, !template.hasVariables else { return nil }
        let text = template.pieces.map { if case .literal(let text) = $0 { text } else { "" } }.joined()
        guard let url = try? ConnectionURL(parsing: text), url.password?.reveal() == SourceMask.mark,
            let connector = try? connector(url.scheme)
        else { return nil }
        var endpoint = try Endpoint(url, connector)
        endpoint.zone = zone
        guard let secret = try askMasked(endpoint.label) else { return nil }
        endpoint.password = secret
        return Resolved(connection: Flow.Connection(endpoint, reference: text), connector: connector, notices: [])
    }

    /// The names that could be meant.
    public var names: [String] {
        (Array(named.keys) + ((try? file?.entries(connectors).map(\.name)) ?? [])).sorted()
    }

    /// Whether a text is the name of a connection.
    public func knows(_ text: String) -> Bool {
        if let set = variables[Self.variable(text)], !set.isEmpty { return true }
        return names.contains(text)
    }

    // MARK: - Names

    private static func variable(_ name: String) -> String {
        "APUS_CONNECTION_" + name.uppercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" }
    }

    private static func name(_ template: Template) -> String? {
        let text = template.pieces.map { if case .literal(let text) = $0 { text } else { "{{" } }.joined()
        let isName = !text.isEmpty && text.allSatisfy { $0.isLetter || $0.isNumber || "_-.".contains($0) }
        return isName && !text.hasPrefix(".") ? text : nil
    }

    private func resolveName(_ name: String) throws -> Resolved {
        if let text = named[name] {
            do { return try entry(text) } catch let error as ApusError { throw error.about("connection `\(name)`") }
        }
        let variable = Self.variable(name)
        if let text = variables[variable], !text.isEmpty {
            do {
                var resolved = try entry(text)
                resolved.connection.reference = name
                resolved.notices = []
                return resolved
            } catch let error as ApusError { throw error.about("connection `\(name)` (\(variable))") }
        }
        let entries = try file?.entries(connectors) ?? []
        if let found = entries.first(where: { $0.name == name }), let file {
            guard found.members == nil else {
                throw ApusError(
                    .configurationInvalid, "`\(name)` is a group of connections, and one connection is needed here",
                    hint: "Groups are sources of \(Advice.name("extract")); name one of its members.")
            }
            do {
                var resolved = try entry(found.text)
                let isClear = resolved.connection.reference.contains(SourceMask.mark)
                resolved.notices = isClear && file.isReadableByOthers ? [file.notice] : []
                resolved.connection.reference = name
                return resolved
            } catch let error as ApusError { throw error.about("connection `\(name)` (\(file.name):\(found.place))") }
        }
        var hint = Nearest.name(to: name, among: Array(named.keys) + entries.map(\.name)).map { "Did you mean `\($0)`?" }
        let ending = name.split(separator: ".").last.map { $0.lowercased() } ?? ""
        if hint == nil, name.contains("."),
            let scheme = connectors.flatMap(\.schemes).first(where: { $0 == ending })
                ?? (["db", "sqlite3"].contains(ending) ? "sqlite" : nil)
        {
            hint = "For the file, write \(scheme):\(name)."
        }
        throw ApusError(
            .configurationInvalid, "there is no connection named `\(name)`",
            hint: hint
                ?? "Write a URL such as mysql://user:password@host/db, or name the connection in the flow file, in \(file?.name ?? "connections.yaml") or in \(variable)."
        )
    }

    /// The members of a group of connections.yaml; nil when the text is something else.
    func groupEntries(_ text: String) throws -> [ConnectionGroup.Entry]? {
        guard let file, !text.contains(":"), !text.contains("$"), named[text] == nil else { return nil }
        return try file.entries(connectors).first { $0.name == text }?.members
    }

    /// An entry's text is a URL or one variable that holds one, never a further name.
    private func entry(_ text: String) throws -> Resolved {
        try unwrapping {
            let template = try Template(text)
            if Self.name(template) != nil, !template.hasVariables {
                throw ApusError(.configurationInvalid, "a named connection must be a URL or a mapping with `type`, not another name")
            }
            return try resolve(template)
        }
    }

    // MARK: - URLs

    private func open(url text: String) throws -> Resolved {
        let url = try ConnectionURL(parsing: text)
        let connector = try connector(url.scheme)
        var endpoint = try Endpoint(url, connector)
        endpoint.zone = zone
        if endpoint.password == nil, endpoint.user != nil, let askPassword { endpoint.password = try askPassword(endpoint.label) }
        var notices: [String] = []
        if !endpoint.ignored.isEmpty {
            notices.append("\(endpoint.label): parameters of the JDBC driver left out: \(endpoint.ignored.joined(separator: ", "))")
        }
        let reference = (url.isJDBC ? "jdbc:" : "") + url.text(password: url.password.map { $0.isEmpty ? "" : SourceMask.mark })
        return Resolved(
            connection: Flow.Connection(endpoint, reference: reference), connector: connector, notices: notices)
    }

    private static func notice(_ resolved: Resolved) -> String {
        "\(resolved.connection.endpoint.label): the password is written out; ${VARIABLE}, ${file:…} or a named connection keeps it secret"
    }

    private func connector(_ scheme: String) throws -> any Connector {
        if let found = connectors.first(where: { $0.schemes.contains(scheme) }) { return found }
        throw ApusError(
            .unknownConnector, "there is no connector for `\(scheme):`",
            hint: Nearest.hint(for: scheme, among: connectors.flatMap(\.schemes)))
    }

    /// Puts a variable's text for its value into messages.
    private func redacting(_ template: Template, _ body: () throws -> Resolved) throws -> Resolved {
        do { return try body() } catch var error as ApusError {
            for case .variable(let variable) in template.pieces {
                guard let value = try? variables.value(variable), !value.isEmpty else { continue }
                // A short value would be found within other words; as a value it stands in backticks.
                let isShort = value.count < 4
                for shown in [value, ConnectionText.encode(value)] {
                    let (shown, text) = isShort ? ("`\(shown)`", "`\(variable.text)`") : (shown, variable.text)
                    error.message = error.message.replacing(shown, with: text)
                    error.context = error.context?.replacing(shown, with: text)
                    error.hint = error.hint?.replacing(shown, with: text)
                }
            }
            throw error
        }
    }
}
