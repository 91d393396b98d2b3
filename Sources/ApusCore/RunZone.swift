import Tabular

/// The time zone of a run: the clock by which instants become wall clocks and wall clocks instants. It stands in the plan,
/// so that every worker and every later process has the same.
public struct RunZone: Sendable, Hashable, Codable {
    public enum Origin: String, Sendable, Codable {
        /// `zone:` or `--zone`: sessions of both ends are set to it.
        case stated
        /// What a plain client of the source sees.
        case source
        /// What a plain client of the target sees; the source has no zone.
        case target
        /// The process's, as in DataX's JVM.
        case process
        /// The control database's.
        case control
        /// Neither end has one.
        case none
    }

    /// `Asia/Shanghai`, `+08:00`, `UTC`: see ``Zone/named(_:)``.
    public var name: String
    public var origin: Origin
    /// See ``Zone/writesOffset``: false in loads that take DataX's place.
    public var writesOffset: Bool

    public init(_ name: String, _ origin: Origin, writesOffset: Bool = true) {
        self.name = name
        self.origin = origin
        self.writesOffset = writesOffset
    }

    /// - throws: `config.invalid` on a machine that does not know the zone.
    public func rules() throws -> Zone {
        var zone = try Zone.named(name)
        zone.writesOffset = writesOffset
        return zone
    }
}

extension RunZone: CustomStringConvertible {
    /// `Asia/Shanghai (the source's sessions)`.
    public var description: String {
        switch origin {
        case .stated: name
        case .source: "\(name) (the source's sessions)"
        case .target: "\(name) (the target's sessions)"
        case .process: "\(name) (this process's, as in DataX's JVM)"
        case .control: "\(name) (the control database's)"
        case .none: "\(name) (neither end has one)"
        }
    }
}

/// The zone of a session: what user SQL sees there.
public struct SessionZone: Sendable {
    public var zone: Zone
    /// Queries that are sent as they were written give instants as what the session's clock shows.
    public var readsWallClocks: Bool
    /// What the user should know of it; nil = nothing.
    public var note: String?

    public init(_ zone: Zone, readsWallClocks: Bool = false, note: String? = nil) {
        self.zone = zone
        self.readsWallClocks = readsWallClocks
        self.note = note
    }
}

extension Plan {
    /// Another zone for the plan and all its sessions.
    public mutating func state(zone: Zone) {
        self.zone = RunZone(zone.name, .stated)
        from.zone = zone.name
        to.zone = zone.name
        for index in others.indices { others[index].zone = zone.name }
    }
}

extension Flow {
    /// Makes a zone that of the run, and of all its sessions.
    public mutating func state(zone: Zone) {
        self.zone = RunZone(zone.name, .stated)
        from.endpoint.zone = zone.name
        to.endpoint.zone = zone.name
        for index in others.indices { others[index].endpoint.zone = zone.name }
    }
}
