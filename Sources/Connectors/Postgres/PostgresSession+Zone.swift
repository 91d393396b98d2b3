import ApusCore
import Tabular

/// User SQL sees what a plain client of this role and database sees, unless a zone was asked for. Instants pass in binary
/// form, in which they are the same with any zone, and their text bears its offset.
extension PostgresSession {
    /// What follows SET; with `TimeZone =`, `+08:00` would mean eight hours west.
    static func zoneSetting(_ name: String) throws -> String {
        let zone = try Zone.named(name)
        guard let offset = zone.fixedOffset, offset != 0 else { return "TimeZone = '\(zone.name)'" }
        return "TIME ZONE INTERVAL '\(Zone.offsetText(offset))' HOUR TO MINUTE"
    }

    func sessionZone() throws -> SessionZone? {
        let name = try run("SHOW TimeZone", doing: "asking for the session's time zone").value ?? "UTC"
        if let zone = try? Zone.named(name) { return SessionZone(zone) }
        // Of an offset: `<+08>-08`.
        let offsets = try run(
            "SELECT extract(timezone FROM to_timestamp(t))::bigint FROM unnest(ARRAY[\(Zone.probes.map(String.init).joined(separator: ","))]::bigint[]) t",
            doing: "asking for the rules of the time zone \(name)"
        ).rows.compactMap { $0.first.flatMap { $0.flatMap { Int64($0) } } }
        if let zone = Zone.matching(offsets, first: [Zone.process.name]) { return SessionZone(zone) }
        let present = try run("SELECT extract(timezone FROM now())::bigint", doing: "asking for the session's clock").value
        let offset = present.flatMap { Int64($0) } ?? 0
        return SessionZone(
            Zone(name: Zone.name(ofOffset: offset), offset: offset),
            note:
                "\(endpoint.label): the session's time zone \(name) is none that is known here; wall clocks are counted with its present offset, \(Zone.offsetText(offset))"
        )
    }
}
