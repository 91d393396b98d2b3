import ApusCore
import ApusFlow
import Tabular

/// The time zone of a night: days are cut in it, and instants become wall clocks in it.
public struct DayZone: Sendable {
    public let zone: Zone
    /// It was stated, so that every session is set to it; else each has its server's.
    public let isStated: Bool
    /// The present instant, by the control database's clock. Seconds since 1970, UTC.
    private let now: Int

    /// - parameter name: an IANA name or an offset; nil = the control database's own zone, `own`, which is `offset` seconds
    ///   east of UTC now.
    /// - throws: `config.invalid` for an unknown zone.
    public init(_ name: String?, now: Int, offset: Int, own: Zone? = nil) throws {
        self.now = now
        isStated = name != nil
        let fixed = Zone(name: Zone.name(ofOffset: Int64(offset)), offset: Int64(offset))
        zone = try name.map { try Zone.named($0) } ?? own ?? fixed
    }

    /// Seconds east of UTC now.
    public var offset: Int { Int(zone.offset(at: Int64(now))) }

    public var today: Int {
        let seconds = now + offset
        return seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
    }

    /// When a day begins: seconds since 1970, UTC.
    public func start(ofDay day: Int) -> Int {
        Int((zone.instant(ofWallClock: Int64(day) * Temporal.microsecondsPerDay) ?? 0) / 1_000_000)
    }

    public func days(_ column: String, from: Int, upTo: Int) -> Days {
        Days(column, from: from, upTo: upTo, fromInstant: start(ofDay: from), upToInstant: start(ofDay: upTo))
    }

    public var description: String { zone.name }

    /// Makes it the zone of a flow.
    func set(in flow: inout Flow) {
        if isStated { flow.state(zone: zone) }
        flow.zone = RunZone(zone.name, isStated ? .stated : .control, writesOffset: false)
    }
}
