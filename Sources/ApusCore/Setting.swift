/// One option of a connector, declared once: the declaration drives URL parameters, unknown-key checks, defaults,
/// `apus init` templates and `apus connectors`.
public struct Setting: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        case text
        case integer
        case boolean
        /// Octets, with units: `8MiB`.
        case bytes
        /// Seconds, with units: `30s`, `10m`.
        case duration
        case choice([String])
    }

    /// snake_case, as in a URL parameter or a flow file.
    public var name: String
    public var kind: Kind
    /// As the user would write it; nil = unset.
    public var initial: String?
    public var help: String
    /// Other spellings that are understood, e.g. libpq's and JDBC's.
    public var aliases: [String]

    public init(_ name: String, _ kind: Kind, default initial: String? = nil, aliases: [String] = [], _ help: String) {
        self.name = name
        self.kind = kind
        self.initial = initial
        self.help = help
        self.aliases = aliases
    }

    /// What is wrong with a value, or nil.
    public func fault(in value: String) -> String? {
        switch kind {
        case .text: nil
        case .integer: Int(value) == nil ? "`\(value)` is not a whole number" : nil
        case .boolean: Quantity.boolean(value) == nil ? "`\(value)` is neither true nor false" : nil
        case .bytes: Quantity.bytes(value) == nil ? "`\(value)` is not a size such as 8MiB" : nil
        case .duration: Quantity.seconds(value) == nil ? "`\(value)` is not a time such as 30s or 10m" : nil
        case .choice(let choices):
            choices.contains(value) ? nil : "`\(value)` is not one of \(choices.joined(separator: ", "))"
        }
    }
}

/// Values for declared settings; reading one that was not declared is a programmer's error.
public struct Settings: Sendable, Hashable {
    public let declared: [Setting]
    /// Given by the user, by canonical name.
    public private(set) var given: [String: String] = [:]

    public init(_ declared: [Setting]) { self.declared = declared }

    public func setting(named name: String) -> Setting? {
        declared.first { $0.name == name || $0.aliases.contains(name) }
    }

    /// - throws: `config.unknown_key`, `config.invalid`.
    public mutating func set(_ name: String, _ value: String) throws {
        guard let setting = setting(named: name) else {
            throw ApusError(
                .unknownKey, "unknown option `\(name)`",
                hint: Nearest.hint(for: name, among: declared.map(\.name)))
        }
        if let fault = setting.fault(in: value) {
            throw ApusError(.configurationInvalid, "option `\(setting.name)`: \(fault)")
        }
        given[setting.name] = value
    }

    public subscript(name: String) -> String? { text(name) }

    public func text(_ name: String) -> String? {
        guard let setting = declared.first(where: { $0.name == name }) else {
            preconditionFailure("setting `\(name)` is not declared")
        }
        return given[name] ?? setting.initial
    }

    public func integer(_ name: String) -> Int? { text(name).flatMap { Int($0) } }
    public func boolean(_ name: String) -> Bool { text(name).flatMap(Quantity.boolean) ?? false }
    public func bytes(_ name: String) -> Int? { text(name).flatMap(Quantity.bytes) }
    public func seconds(_ name: String) -> Double? { text(name).flatMap(Quantity.seconds) }
}
