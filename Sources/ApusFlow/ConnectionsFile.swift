import ApusCore
import FoundationEssentials
import Glibc

/// This user's named connections, `~/.config/apus/connections.yaml`: each name with a URL, or with a mapping of
/// `type`, `host`, `port`, `user`, `password`, `database` and the connector's options.
public struct ConnectionsFile: Sendable {
    struct Entry: Sendable, Hashable {
        var name: String
        /// A URL with `${…}`.
        var text: String
        var place: Place
        /// Set for a group: several connections under one name.
        var members: [ConnectionGroup.Entry]?
    }

    public let path: String

    public init(path: String) { self.path = path }

    /// `$APUS_CONNECTIONS`, else `apus/connections.yaml` in `$XDG_CONFIG_HOME` or `~/.config`; nil without a home.
    public static func standard(_ variables: Variables = .process) -> ConnectionsFile? {
        if let path = variables["APUS_CONNECTIONS"], !path.isEmpty { return ConnectionsFile(path: path) }
        // A relative XDG_CONFIG_HOME is to be ignored (XDG Base Directory Specification).
        if let folder = variables["XDG_CONFIG_HOME"], folder.hasPrefix("/") {
            return ConnectionsFile(path: folder + "/apus/connections.yaml")
        }
        return variables["HOME"].map { ConnectionsFile(path: $0 + "/.config/apus/connections.yaml") }
    }

    /// The path, with `~` for the home folder.
    public var name: String {
        let home = ProcessInfo.processInfo.environment["HOME"] ?? ""
        return !home.isEmpty && path.hasPrefix(home + "/") ? "~" + path.dropFirst(home.count) : path
    }

    /// Whether its group or anyone may read it.
    public var isReadableByOthers: Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & 0o077 != 0
    }

    var notice: String { "\(name) holds passwords and can be read by others: run chmod 600 \(name)" }

    /// Names and what can be shown of each, for `apus conn list`; a file that is not there has none.
    /// - throws: `config.invalid`, `config.unknown_key`, with every mistake of the file.
    public func list(_ connectors: [any Connector]) throws -> [(name: String, reference: String)] {
        try entries(connectors).map { entry in
            if let members = entry.members { return (entry.name, "group of " + members.map(\.text).joined(separator: ", ")) }
            return (entry.name, (try? Template(entry.text)).map { ConnectionText($0).reference } ?? "")
        }
    }

    func entries(_ connectors: [any Connector]) throws -> [Entry] {
        guard access(path, F_OK) == 0 else { return [] }
        let bytes: [UInt8]
        do { bytes = try Variables.read(path) } catch {
            throw ApusError(.configurationInvalid, "\(name) cannot be read", hint: "It must be readable by this user.")
        }
        let (value, faults) = YAMLText.value(bytes, file: name)
        let reading = ConnectionReading(connectors: connectors, faults: faults)
        let entries = value.map(reading.entries) ?? []
        if !reading.faults.isEmpty { throw reading.faults.error }
        return entries
    }
}

/// Reads connections out of YAML, for connections.yaml and for flow files.
final class ConnectionReading {
    let connectors: [any Connector]
    var faults: ConfigurationFaults

    init(connectors: [any Connector], faults: ConfigurationFaults) {
        self.connectors = connectors
        self.faults = faults
    }

    func entries(_ value: YAMLValue) -> [ConnectionsFile.Entry] {
        if value.isNull { return [] }
        guard let map = value.map else {
            faults.add(
                .configurationInvalid, at: value.place, "connections are names with URLs, not \(value.what)",
                hint: "Write e.g. warehouse: postgres://user:${DW_PASSWORD}@host/dw.")
            return []
        }
        return map.compactMap { entry in
            guard !entry.key.isEmpty, entry.key.allSatisfy({ $0.isLetter || $0.isNumber || "_-.".contains($0) }) else {
                faults.add(
                    .configurationInvalid, at: entry.place, "a connection's name has letters, digits, `_`, `-` and `.` only")
                return nil
            }
            if let items = entry.value.list {
                return members(items, of: entry.key, at: entry.value.place).map {
                    ConnectionsFile.Entry(name: entry.key, text: "", place: entry.place, members: $0)
                }
            }
            return text(entry.value, of: "the connection `\(entry.key)`").map {
                ConnectionsFile.Entry(name: entry.key, text: $0, place: entry.place)
            }
        }
    }

    /// The URL of a text or mapping, its variables still in it.
    func text(_ value: YAMLValue, of what: String) -> String? {
        switch value.kind {
        case .scalar(let text, _): return text
        case .map(let entries): return url(entries, value.place, what)
        default:
            faults.add(
                .configurationInvalid, at: value.place, "\(what) is a URL, a name or a mapping, not \(value.what)",
                hint: "Write e.g. mysql://user:${PASSWORD}@host/db.")
            return nil
        }
    }

    private static let keys = ["type", "url", "host", "port", "user", "password", "database", "path", "file", "options"]

    private func url(_ entries: [YAMLValue.Entry], _ place: Place, _ what: String) -> String? {
        let before = faults.faults.count
        var fields: [String: String] = [:]
        let type = entries.first { $0.key == "type" }?.value.scalar
        let connector = type.flatMap { type in connectors.first { $0.name == type || $0.schemes.contains(type) } }
        if let type, connector == nil {
            let at = entries.first { $0.key == "type" }?.value.place ?? place
            faults.add(
                .unknownConnector, at: at, "there is no connector `\(type)`",
                hint: Nearest.hint(for: type, among: connectors.flatMap { [$0.name] + $0.schemes }))
        }
        let settings = connector.map { Settings($0.settings) }
        var options: [(name: String, value: String)] = []
        func option(_ entry: YAMLValue.Entry) {
            if let settings, settings.setting(named: entry.key) == nil {
                return faults.add(
                    .unknownKey, at: entry.place, "unknown key `\(entry.key)` in \(what)",
                    hint: Nearest.hint(for: entry.key, among: Self.keys + settings.declared.map(\.name)))
            }
            if let text = scalar(entry) { options.append((entry.key, text)) }
        }
        for entry in entries {
            if entry.key == "options" {
                if let map = entry.value.map {
                    map.forEach(option)
                } else if !entry.value.isNull {
                    faults.add(.configurationInvalid, at: entry.value.place, "`options` is a mapping, not \(entry.value.what)")
                }
            } else if Self.keys.contains(entry.key) {
                if let text = scalar(entry) { fields[entry.key] = text }
            } else {
                option(entry)
            }
        }
        if let url = fields["url"] {
            if entries.count > 1 {
                faults.add(
                    .configurationInvalid, at: place, "`url` in \(what) stands beside other keys",
                    hint: "A URL says everything; take the others out.")
            }
            return url
        }
        guard let scheme = connector?.schemes.first else {
            if type == nil {
                faults.add(
                    .configurationInvalid, at: place, "`type` is missing in \(what)",
                    hint: "Write one of \(connectors.map(\.name).joined(separator: ", ")).")
            }
            return nil
        }
        if let port = fields["port"], !port.contains("${"), Int(port).map({ !(1...65535).contains($0) }) ?? true {
            let at = entries.first { $0.key == "port" }?.value.place ?? place
            faults.add(.configurationInvalid, at: at, "`port` is a number between 1 and 65535")
        }
        if fields["password"] != nil, fields["user"] == nil {
            faults.add(.configurationInvalid, at: place, "\(what) has a password and no user")
        }
        guard faults.faults.count == before else { return nil }
        return Self.compose(scheme, fields, options)
    }

    private func scalar(_ entry: YAMLValue.Entry) -> String? {
        if let text = entry.value.scalar { return text }
        if !entry.value.isNull {
            faults.add(.configurationInvalid, at: entry.value.place, "`\(entry.key)` is a text, not \(entry.value.what)")
        }
        return nil
    }

    private static func compose(_ scheme: String, _ fields: [String: String], _ options: [(name: String, value: String)]) -> String {
        var text = scheme + ":"
        let path = fields["database"] ?? fields["path"] ?? fields["file"] ?? ""
        if fields["host"] != nil || fields["user"] != nil || fields["port"] != nil {
            text += "//"
            if let user = fields["user"] {
                text += encode(user) + (fields["password"].map { ":" + encode($0) } ?? "") + "@"
            }
            if let host = fields["host"] { text += host.contains(":") && !host.contains("${") ? "[\(host)]" : encode(host) }
            if let port = fields["port"] { text += ":" + encode(port) }
            text += "/"
        }
        text += encode(path, keeping: "/")
        let list = options.map { "\($0.name)=\(encode($0.value, keeping: "/:,"))" }
        return list.isEmpty ? text : text + "?" + list.joined(separator: "&")
    }

    /// Percent-encodes what is written out and leaves `${…}` and `{{ … }}` in.
    private static func encode(_ text: String, keeping kept: String = "") -> String {
        guard let template = try? Template(text) else { return ConnectionText.encode(text, keeping: kept) }
        return template.pieces.map { piece in
            switch piece {
            case .literal(let text): ConnectionText.encode(text, keeping: kept)
            case .variable(let variable): variable.text
            case .parameter(let parameter): parameter.text
            }
        }.joined()
    }
}
