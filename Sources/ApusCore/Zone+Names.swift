import Foundation
import Glibc
import Synchronization
import Tabular

/// Zones by their names, from the rules that this program brings along (ICU's).
extension Zone {
    private static let known = Mutex<[String: Zone]>([:])

    /// The zone of an IANA name (`Asia/Shanghai`), an offset (`+08:00`, `+8`, `GMT+8`) or `UTC`.
    /// - throws: `config.invalid` with the nearest name.
    public static func named(_ text: String) throws -> Zone {
        let text = String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        if ["UTC", "Z", "GMT", "ETC/UTC", "UCT", "ZULU"].contains(text.uppercased()) { return .utc }
        var offset = Zone.offset(of: text)
        if offset == nil, let prefix = ["GMT", "UTC"].first(where: { text.uppercased().hasPrefix($0) }) {
            offset = Zone.offset(of: text.dropFirst(prefix.count))
        }
        if let offset { return Zone(name: Zone.name(ofOffset: offset), offset: offset) }
        if let zone = known.withLock({ $0[text] }) { return zone }
        guard isName(text), let found = TimeZone(identifier: text) else {
            let near = Nearest.name(to: text, among: TimeZone.knownTimeZoneIdentifiers)
            throw ApusError(
                .configurationInvalid, "`\(text)` is not a time zone",
                hint: near.map { "Did you mean `\($0)`?" } ?? "Write an IANA name such as Asia/Shanghai, an offset such as +08:00, or UTC.")
        }
        let zone = Zone(name: text) { Int64(found.secondsFromGMT(for: Date(timeIntervalSince1970: Double($0)))) }
        known.withLock { $0[text] = zone }
        return zone
    }

    /// What a connection's option says: JDBC's `LOCAL` is the process's zone; nil for the server's own (`SERVER`, nothing).
    /// - throws: `config.invalid`.
    public static func name(ofSetting text: String?) throws -> String? {
        guard let text, !text.isEmpty, !["SERVER", "SYSTEM"].contains(text.uppercased()) else { return nil }
        if text.uppercased() == "LOCAL" { return Zone.process.name }
        // In a URL, `+` may have become a space.
        return try Zone.named(text.hasPrefix(" ") ? "+" + text.dropFirst() : text).name
    }

    /// Abbreviations such as CST mean several zones.
    private static func isName(_ text: String) -> Bool {
        text.contains("/") || text.utf8.count > 4
            || ["PRC", "ROC", "ROK", "CET", "EET", "MET", "WET", "Cuba", "Eire", "Iran"].contains(text)
    }

    // MARK: Zones without a name

    /// Instants whose offsets tell zones apart: four a year from 1970 to 2037, the years of MySQL's TIMESTAMP. Seconds since
    /// 1970, UTC.
    public static let probes: [Int64] = (1970...2037).flatMap { year in
        [1, 4, 7, 10].map { Temporal.days(year: year, month: $0, day: 15) * 86_400 }
    }

    /// The zone that has these offsets, in seconds, at the ``probes``; nil if there is none. `first` is tried before others.
    public static func matching(_ offsets: [Int64], first: [String] = []) -> Zone? {
        guard offsets.count == probes.count, let offset = offsets.first else { return nil }
        if offsets.allSatisfy({ $0 == offset }) { return Zone(name: Zone.name(ofOffset: offset), offset: offset) }
        let name = (first + ["Asia/Shanghai"] + TimeZone.knownTimeZoneIdentifiers.sorted()).first { name in
            guard isName(name), let zone = TimeZone(identifier: name) else { return false }
            return zip(probes, offsets).allSatisfy { Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double($0)))) == $1 }
        }
        return name.flatMap { try? Zone.named($0) }
    }

    // MARK: This process

    /// The process's time zone: `TZ`, else the machine's.
    public static let process: Zone = {
        tzset()
        var names: [String] = []
        if let text = getenv("TZ").map({ String(cString: $0) }) {
            names.append(text.isEmpty ? "UTC" : text.hasPrefix(":") ? String(text.dropFirst()) : text)
            // `CST-8`, as POSIX writes it, is no offset: its sign is the other way round.
            if let first = names.first, Zone.offset(of: first) != nil { names = [] }
        } else if let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/etc/localtime"),
            let range = link.range(of: "zoneinfo/")
        {
            names.append(String(link[range.upperBound...]))
        }
        let offsets = probes.map(localOffset)
        func fits(_ zone: Zone) -> Bool { zip(probes, offsets).allSatisfy { zone.offset(at: $0) == $1 } }
        if let zone = names.lazy.compactMap({ try? Zone.named($0) }).first(where: fits) { return zone }
        if let zone = matching(offsets) { return zone }
        let now = localOffset(at: Int64(Clock.wall()))
        return Zone(name: Zone.name(ofOffset: now), offset: now)
    }()

    private static func localOffset(at seconds: Int64) -> Int64 {
        var time = time_t(seconds)
        var parts = tm()
        localtime_r(&time, &parts)
        return Int64(parts.tm_gmtoff)
    }
}
