import ApusCore
import ApusFlow

/// The time zone that days are cut in, and what day it is there.
public struct DayZone: Sendable {
    /// An IANA name or an offset; nil = a fixed offset.
    private let name: String?
    private let fixed: Int
    /// The present instant, by the control database's clock. Seconds since 1970, UTC.
    private let now: Int

    /// - parameter name: nil = the control database's own zone, which is `offset` seconds east of UTC.
    /// - throws: `config.invalid` for an unknown zone.
    public init(_ name: String?, now: Int, offset: Int) throws {
        self.name = name
        self.now = now
        fixed = name == nil ? offset : try Parameters.offset(name!, at: Double(now))
    }

    /// Seconds east of UTC now.
    public var offset: Int { fixed }

    public var today: Int {
        let seconds = now + fixed
        return seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
    }

    /// When a day begins: seconds since 1970, UTC.
    public func start(ofDay day: Int) -> Int {
        guard let name else { return day * 86_400 - fixed }
        // The offset at midnight is that of the instant sought, which differs from the first guess where clocks change.
        var instant = day * 86_400 - fixed
        for _ in 0..<2 {
            guard let offset = try? Parameters.offset(name, at: Double(instant)) else { break }
            instant = day * 86_400 - offset
        }
        return instant
    }

    public func days(_ column: String, from: Int, upTo: Int) -> Days {
        Days(column, from: from, upTo: upTo, fromInstant: start(ofDay: from), upToInstant: start(ofDay: upTo))
    }

    public var description: String { name ?? (fixed == 0 ? "UTC" : "the control database's zone") }
}
