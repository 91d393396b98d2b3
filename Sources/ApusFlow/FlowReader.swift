import ApusCore
import Tabular

/// Reads flow files: the YAML that `docs/flow-file.md` describes. Nothing is opened but the file itself, what
/// `${file:…}` names, and this user's connections.
///
/// ```swift
/// let reader = FlowReader(resolver: ConnectionResolver(connectors, file: .standard()))
/// let file = try reader.read(path: "flow.yaml")
/// ```
public struct FlowReader: Sendable {
    public let resolver: ConnectionResolver
    /// `--set name=value`.
    public var given: [String: String]
    /// Seconds since 1970, UTC: the present, for `{{ day }}`.
    public var now: Double?
    /// `--zone`: goes before the file's own.
    public var zone: String?

    /// `--create-schema`, beside what the file says.
    public var createsSchemas = false

    public init(resolver: ConnectionResolver, given: [String: String] = [:], now: Double? = nil) {
        self.resolver = resolver
        self.given = given
        self.now = now
    }

    /// - throws: every mistake of the file in one `config.…` error, each with file, line, column and a caret.
    public func read(path: String) throws -> FlowFile {
        let bytes: [UInt8]
        do { bytes = try Variables.read(path) } catch {
            throw ApusError(
                .configurationInvalid, "the flow file `\(path)` cannot be read",
                hint: "It must exist and be readable; \(Advice.initFlow(path)) writes one.")
        }
        return try read(bytes, name: path)
    }

    public func read(_ text: String, name: String = "flow.yaml") throws -> FlowFile { try read(Array(text.utf8), name: name) }

    public func read(_ bytes: [UInt8], name: String) throws -> FlowFile {
        let (file, faults) = parse(bytes, name: name)
        guard let file, faults.isEmpty else { throw faults.error }
        return file
    }

    /// The file and its mistakes; a file only when there is none.
    public func parse(_ bytes: [UInt8], name: String) -> (file: FlowFile?, faults: ConfigurationFaults) {
        var (value, faults) = YAMLText.value(bytes, file: name)
        guard let value else { return (nil, faults) }
        guard let root = value.map, !root.isEmpty else {
            let what = value.isNull || value.map != nil ? "this file is empty" : "a flow file is a mapping, not \(value.what)"
            faults.add(.configurationInvalid, at: value.place, what, hint: "Write at least `from:` and `to:`.")
            return (nil, faults)
        }
        let reading = FlowReading(self, faults, file: name)
        let file = reading.flow(root)
        return (reading.faults.isEmpty ? file : nil, reading.faults)
    }
}

/// What a flow file says.
public struct FlowFile: Sendable, Hashable {
    public var flow: Flow
    /// For the user to read, e.g. that a password is written out.
    public var notices: [String]
    /// The parameters and time zone that were used, for `plan -v`: name → value.
    public var parameters: [String: String]
}

/// The keys of one mapping: every key is asked for by name, and what nobody asked for is unknown.
struct Fields {
    let entries: [YAMLValue.Entry]
    subscript(name: String) -> YAMLValue? { entries.first { $0.key == name }?.value }
    func place(of name: String) -> Place? { entries.first { $0.key == name }?.place }
}

/// One reading of one file.
final class FlowReading {
    let reader: FlowReader
    let file: String
    var faults: ConfigurationFaults
    var parameters: Parameters?
    var used: Set<String> = []
    /// `zone:` or `--zone`.
    private var zone: String?

    init(_ reader: FlowReader, _ faults: ConfigurationFaults, file: String) {
        self.reader = reader
        self.faults = faults
        self.file = file
    }

    static let keys = [
        "version", "name", "from", "to", "connections", "defaults", "tables", "exclude", "limits", "before", "after",
        "parameters", "zone", "snapshot", "strict", "with", "create_schema",
    ]

    /// What `zone` was called when it was that of `{{ day }}` only.
    private static let olderZoneKey = "timezone"

    func flow(_ root: [YAMLValue.Entry]) -> FlowFile? {
        checkKeys(root, Self.keys + [Self.olderZoneKey], in: "the flow")
        let fields = Fields(entries: root)
        readParameters(fields)
        if let version = fields["version"], count(version, "version", 1...1) == nil { return nil }

        var resolver = reader.resolver
        if let connections = fields["connections"] {
            let reading = ConnectionReading(connectors: resolver.connectors, faults: faults)
            for entry in reading.entries(connections) { resolver.named[entry.name] = entry.text }
            faults = reading.faults
        }
        var notices: [String] = []
        let ends = ["from", "to"].map { connection($0, fields, resolver, &notices) }

        var defaults = fields["defaults"].flatMap { value -> TableWish? in
            mapping(value, "defaults", example: "{ mode: replace }").map {
                tableWish(.pattern("*"), $0, in: "`defaults`", FlowReading.defaultKeys)
            }
        }
        if let with = fields["with"] {
            var base = TableWish(.pattern("*"))
            readWith(with, &base)
            defaults = defaults.map { $0.merged(over: base) } ?? base
        }
        defaults?.place = nil
        var tables = fields["tables"].map(tableWishes) ?? []
        if let exclude = fields["exclude"] { tables += excluded(exclude) }
        let limits = fields["limits"].map(readLimits) ?? Flow.Limits()
        let name = fields["name"].flatMap { text($0, "name") }
        let before = fields["before"].map { texts($0, "before") } ?? []
        let after = fields["after"].map { texts($0, "after") } ?? []
        let strict = fields["strict"].flatMap { boolean($0, "strict") } ?? false
        let snapshot = fields["snapshot"].map(readSnapshot) ?? false
        let createsSchemas = fields["create_schema"].flatMap { boolean($0, "create_schema") } ?? false
        checkGiven()
        guard let from = ends[0], let to = ends[1] else { return nil }
        var flow = Flow(from: from, to: to)
        flow.name = name
        flow.tables = tables
        flow.defaults = defaults
        flow.limits = limits
        flow.before = before
        flow.after = after
        flow.consistentSnapshot = snapshot
        flow.strict = strict
        flow.createsSchemas = createsSchemas || reader.createsSchemas
        if let zone, let known = try? Zone.named(zone) { flow.state(zone: known) }
        return FlowFile(flow: flow, notices: notices, parameters: parameters?.shown ?? [:])
    }

    // MARK: - Sections

    private func connection(
        _ key: String, _ fields: Fields, _ resolver: ConnectionResolver, _ notices: inout [String]
    ) -> Flow.Connection? {
        guard let value = fields[key], !value.isNull else {
            let place = fields.place(of: key) ?? .start
            faults.add(
                .configurationInvalid, at: place, "`\(key)` is missing",
                hint: "Write e.g. \(key): mysql://user:${PASSWORD}@host/db, or the name of a connection.")
            return nil
        }
        let reading = ConnectionReading(connectors: resolver.connectors, faults: faults)
        let raw = reading.text(value, of: "`\(key)`")
        faults = reading.faults
        guard let raw, let template = template(raw, at: value.place) else { return nil }
        do {
            let resolved = try resolver.resolve(template)
            for notice in resolved.notices where !notices.contains(notice) { notices.append(notice) }
            return resolved.connection
        } catch let fault as Template.Fault {
            add(fault, at: value.place)
        } catch let error as ApusError {
            add(error, at: value.place)
        } catch {
            faults.add(.configurationInvalid, at: value.place, "`\(key)` cannot be understood")
        }
        return nil
    }

    private func readParameters(_ fields: Fields) {
        var declared: [String: String?] = [:]
        if let value = fields["parameters"], let map = mapping(value, "parameters", example: "{ region: eu }") {
            for entry in map {
                let isName = entry.key.first?.isNumber == false && entry.key.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" }
                guard isName, entry.key != "now" else {
                    faults.add(
                        .configurationInvalid, at: entry.place, "`\(entry.key)` cannot be a parameter's name",
                        hint: "A name has letters, digits and `_`; `now` is taken.")
                    continue
                }
                declared[entry.key] = .some(entry.value.isNull ? nil : text(entry.value, entry.key))
                used.insert(entry.key)
                if entry.value.isNull, reader.given[entry.key] == nil, entry.key != "day" {
                    faults.add(
                        .configurationInvalid, at: entry.place, "the parameter `\(entry.key)` has no default and must be given",
                        hint: "Run with --set \(entry.key)=….")
                }
            }
        }
        let zoneKey = fields["zone"] == nil ? Self.olderZoneKey : "zone"
        if fields["zone"] != nil, let other = fields.place(of: Self.olderZoneKey) {
            faults.add(.configurationInvalid, at: other, "`timezone` is an older name of `zone`, and both are given", hint: "Leave it out.")
        }
        let zone = reader.zone ?? fields[zoneKey].flatMap { text($0, zoneKey) }
        self.zone = zone
        func make(_ zone: String?) throws -> Parameters {
            if let now = reader.now { return try Parameters(declared: declared, given: reader.given, timeZone: zone, now: now) }
            return try Parameters(declared: declared, given: reader.given, timeZone: zone)
        }
        do { parameters = try make(zone) } catch let error as ApusError {
            let isZone = zone != nil && (try? make(nil)) != nil
            let key = isZone ? zoneKey : "parameters"
            add(error, at: fields[key]?.place ?? .start)
            parameters = try? Parameters(declared: declared.filter { $0.key != "day" })
        } catch {}
    }

    /// A `--set` that nothing uses is a typing error.
    private func checkGiven() {
        for name in reader.given.keys.sorted() where name != "day" && !used.contains(name) {
            faults.add(
                .configurationInvalid, at: .start, "nothing here uses the parameter `\(name)` that --set gives",
                hint: Nearest.hint(for: name, among: used.union(["day"]).sorted()))
        }
    }

    private func readLimits(_ value: YAMLValue) -> Flow.Limits {
        var limits = Flow.Limits()
        guard let map = mapping(value, "limits", example: "{ channels: 4 }") else { return limits }
        checkKeys(map, ["bad_rows", "rows_per_second", "bytes_per_second", "channels", "memory", "attempts"], in: "`limits`")
        let fields = Fields(entries: map)
        if let value = fields["bad_rows"] {
            if value.scalar == "unlimited" {
                limits.badRows = nil
            } else if value.scalar?.hasSuffix("%") ?? false {
                faults.add(
                    .configurationInvalid, at: value.place, "`bad_rows` counts rows of the whole run; a share in % is not known",
                    hint: "Write a number such as 100, or unlimited.")
            } else if let number = count(value, "bad_rows", 0...Int.max, or: "unlimited") {
                limits.badRows = number
            }
        }
        if let value = fields["rows_per_second"] { limits.rowsPerSecond = count(value, "rows_per_second", 1...Int.max) }
        if let value = fields["bytes_per_second"] { limits.bytesPerSecond = bytes(value, "bytes_per_second") }
        if let value = fields["channels"], let number = count(value, "channels", 1...256) { limits.channels = number }
        if let value = fields["memory"] { limits.memory = bytes(value, "memory") }
        if let value = fields["attempts"], let number = count(value, "attempts", 1...1000) { limits.attempts = number }
        return limits
    }

    private func readSnapshot(_ value: YAMLValue) -> Bool {
        if let map = value.map {
            checkKeys(map, ["consistent"], in: "`snapshot`")
            return Fields(entries: map)["consistent"].flatMap { boolean($0, "consistent") } ?? false
        }
        return value.scalar == "consistent" || boolean(value, "snapshot") ?? false
    }
}

extension Parameters {
    /// Values by name, with the time zone.
    var shown: [String: String] {
        var shown = ["timezone": timeZone]
        for name in names where name != "now" { shown[name] = try? expand("{{ \(name) }}") }
        return shown
    }
}
