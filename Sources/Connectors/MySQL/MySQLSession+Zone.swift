import ApusCore
import CMariaDB
import MySQLClient
import Synchronization
import Tabular

/// What a session's clock shows: the zone of its `time_zone`.
struct MySQLClock {
    var zone: Zone
    /// What it is ahead of UTC in all the years of TIMESTAMP, in microseconds; nil where that changes.
    var offset: Int64?
    var note: String?
}

/// User SQL sees the server's own zone, or the one that was asked for; TIMESTAMP values are exact instants with any:
/// where the offset changes, they are read as seconds since 1970 instead of wall clocks, of which one hour comes twice.
extension MySQLSession {
    /// ER_UNKNOWN_TIME_ZONE
    private static let unknownZone = 1298

    /// Sets the session's zone.
    ///
    /// A server without time zone tables knows offsets only. Its own zone may be the one that is asked for; else the
    /// offset stands for a zone that has had no other for thirty years.
    /// - throws: `config.invalid` for a zone that the server does not know.
    func setZone(_ name: String) throws {
        let zone = try Zone.named(name)
        knownClock = nil
        zoneNote = nil
        if let offset = zone.fixedOffset { return try setZone(offset: offset) }
        do {
            try attempt("SET time_zone = \(dialect.literal(zone.name))")
            return
        } catch let fault as MySQLFault where fault.number == Self.unknownZone {
        } catch let fault as MySQLFault {
            throw error(fault, doing: "set the session's time zone")
        }
        try run("SET time_zone = @@global.time_zone", doing: "set the session's time zone")
        let own = try clock().zone
        if Zone.probes.allSatisfy({ own.offset(at: $0) == zone.offset(at: $0) }) { return }
        knownClock = nil
        guard let offset = zone.settledOffset(since: Int64(Clock.wall()) - 30 * 365 * 86_400) else {
            throw ApusError(
                .configurationInvalid,
                "the server has no time zone tables, so that a session cannot be set to \(zone.name), whose clock changes in the year",
                hint:
                    "Load them on the server, `mysql_tzinfo_to_sql /usr/share/zoneinfo | mysql -u root mysql` (MariaDB: mariadb-tzinfo-to-sql), or state an offset.",
                context: endpoint.label)
        }
        try setZone(offset: offset)
        // In all the years of TIMESTAMP it had no other.
        if zone.settledOffset(since: 0) != nil { return }
        zoneNote =
            "\(endpoint.label) has no time zone tables: its sessions run at \(Zone.offsetText(offset)), which is \(zone.name) now and has been for thirty years; SQL that is about times before the zone's last change sees another clock there"
    }

    private func setZone(offset: Int64) throws {
        try run("SET time_zone = \(dialect.literal(Zone.offsetText(offset)))", doing: "set the session's time zone")
    }

    /// The clock as it is now, asked for once.
    func clock() throws -> MySQLClock {
        if let knownClock { return knownClock }
        let row = try rows("SELECT @@session.time_zone, @@system_time_zone", doing: "ask for the session's time zone").first ?? []
        let name = row.first.flatMap { $0 } ?? "SYSTEM"
        var clock: MySQLClock
        if let offset = Zone.offset(of: name) {
            clock = MySQLClock(zone: Zone(name: Zone.name(ofOffset: offset), offset: offset), offset: offset * 1_000_000)
        } else {
            clock = try probe(
                name, "\(endpoint.host ?? "")|\(endpoint.port ?? 0)|\(options.socket ?? "")|\(name)|\(row.last.flatMap { $0 } ?? "")")
        }
        if let zoneNote { clock.note = zoneNote }
        knownClock = clock
        dialect.hasFixedClock = clock.offset != nil
        return clock
    }

    private static let probed = Mutex<[String: [Int64]]>([:])

    /// A named zone, or the machine's: what its clock shows at many instants says which it is, and whether it changes.
    private func probe(_ name: String, _ key: String) throws -> MySQLClock {
        var offsets = Self.probed.withLock { $0[key] } ?? []
        if offsets.isEmpty {
            let list = Zone.probes.map { "TIMESTAMPDIFF(SECOND, '1970-01-01 00:00:00', FROM_UNIXTIME(\($0))) - \($0)" }
            let row = try rows("SELECT " + list.joined(separator: ", "), doing: "ask for the rules of the time zone \(name)").first ?? []
            offsets = row.compactMap { $0.flatMap { Int64($0) } }
            let found = offsets
            if found.count == Zone.probes.count { Self.probed.withLock { $0[key] = found } }
        }
        let first = offsets.first ?? 0
        let offset = offsets.count == Zone.probes.count && offsets.allSatisfy { $0 == first } ? first * 1_000_000 : nil
        if name != "SYSTEM", let named = try? Zone.named(name), zip(Zone.probes, offsets).allSatisfy({ named.offset(at: $0) == $1 }) {
            return MySQLClock(zone: named, offset: offset)
        }
        if let zone = Zone.matching(offsets, first: [Zone.process.name]) { return MySQLClock(zone: zone, offset: offset) }
        let now = try rows("SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), NOW())", doing: "ask for the session's clock").first?.first
        let present = now.flatMap { $0.flatMap { Int64($0) } } ?? 0
        return MySQLClock(
            zone: Zone(name: Zone.name(ofOffset: present), offset: present), offset: offset,
            note:
                "\(endpoint.label): the server's time zone is none that is known here; wall clocks are counted with its present offset, \(Zone.offsetText(present))"
        )
    }

    func sessionZone() throws -> SessionZone? {
        let clock = try clock()
        // As JDBC's driver has it: what the user says of the connection, while the session keeps the server's zone.
        if endpoint.zone == nil, let told = options.connectionZone, try Zone.named(told).name != clock.zone.name {
            let zone = try Zone.named(told)
            return SessionZone(
                zone, readsWallClocks: true,
                note:
                    "\(endpoint.label): SQL sees the server's zone, \(clock.zone.name); serverTimezone=\(zone.name) says by which clock instants become wall clocks, as with the JDBC driver. forceConnectionTimeZoneToSession=true or time_zone=\(zone.name) sets the session too"
            )
        }
        return SessionZone(clock.zone, readsWallClocks: true, note: clock.note)
    }

    // MARK: Reading

    /// How an instant is selected: as it is where the clock's offset never changes, else as seconds since 1970.
    func instantSQL(_ item: Read.Item, _ column: Column, _ sql: String, isTable: Bool) -> String {
        guard case .instant = column.type, !dialect.hasFixedClock else { return sql }
        // Not of a column itself, a zero date is NULL to some servers.
        return isTable && item.expression == nil
            ? "UNIX_TIMESTAMP(\(sql))" : "IF((\(sql)) IS NULL, NULL, COALESCE(UNIX_TIMESTAMP(\(sql)), 0))"
    }

    /// Learns the clock, where instants are read or written.
    func learnClock(for schema: Schema) throws {
        if knownClock == nil, schema.columns.contains(where: { if case .instant = $0.type { true } else { false } }) { _ = try clock() }
    }

    // MARK: Writing

    /// Microseconds that are added to an instant to make it what the session's clock shows. While a writer of instants is
    /// open on a clock that changes, the session keeps the present offset: an hour that comes twice could not be written.
    func beginWriting(_ schema: Schema) throws -> Int64 {
        guard schema.columns.contains(where: { if case .instant = $0.type { true } else { false } }) else { return 0 }
        if let writingOffset { return writingOffset * 1_000_000 }
        let clock = try clock()
        if let offset = clock.offset { return offset }
        let present = clock.zone.offset(at: Int64(Clock.wall()))
        let name = try rows("SELECT @@session.time_zone", doing: "ask for the session's time zone").first?.first.flatMap { $0 }
        try setZone(offset: present)
        writingOffset = present
        usualZone = name
        return present * 1_000_000
    }

    /// The session's own zone again.
    func endWriting() {
        guard writingOffset != nil else { return }
        writingOffset = nil
        // A connection that is lost gets its zone when it is opened again.
        if let usualZone { _ = try? attempt("SET time_zone = \(dialect.literal(usualZone))") }
    }

    /// After the connection was opened again.
    func renewWritingZone() throws {
        if let writingOffset { try setZone(offset: writingOffset) }
    }
}

/// Seconds since 1970 as a server writes them.
enum MySQLEpoch {
    /// Microseconds of `1717200000.500000`; a zero date for 0, which no TIMESTAMP is.
    static func instant(_ text: UnsafeBufferPointer<UInt8>) -> Int64? {
        var seconds: Int64 = 0, fraction: Int64 = 0, unit: Int64 = 1_000_000
        var isFraction = false
        for byte in text {
            if byte == UInt8(ascii: "."), !isFraction {
                isFraction = true
                continue
            }
            let digit = Int64(byte) - 48
            guard digit >= 0, digit <= 9 else { return nil }
            if isFraction {
                guard unit > 1 else { return nil }
                unit /= 10
                fraction += digit * unit
            } else {
                seconds = seconds &* 10 &+ digit
            }
        }
        guard !text.isEmpty, seconds < 1 << 40 else { return nil }
        return seconds == 0 && fraction == 0 ? zero : seconds * 1_000_000 + fraction
    }

    /// Microseconds of whole seconds.
    @inline(__always) static func instant(seconds: Int64) -> Int64 { seconds == 0 ? zero : seconds &* 1_000_000 }

    private static let zero = Temporal.zeroTimestamp(year: 0, month: 0, day: 0, microsecondsOfDay: 0)
}
