import Glibc
import Tabular

/// The process's time zone (`TZ`, else the machine's), in which DataX's dates are counted and written.
public enum LocalZone {
    /// The wall clock at an instant: both in microseconds since 1970-01-01 00:00, the instant's in UTC. Infinities and
    /// zero dates stay what they are.
    public static func wallClock(at instant: Int64) -> Int64 {
        guard isReal(instant) else { return instant }
        return instant &+ offset(at: floor(instant, 1_000_000)) &* 1_000_000
    }

    /// The instant at which the wall clock shows that; the first, if it shows it twice. Nil for what has no place on
    /// the calendar.
    public static func instant(ofWallClock shown: Int64) -> Int64? {
        guard isReal(shown) else { return nil }
        let seconds = floor(shown, 1_000_000)
        let day: Int64 = 86_400
        // The zone's offsets on both sides of any change near it.
        for offset in [offset(at: seconds - day), offset(at: seconds + day)] where self.offset(at: seconds - offset) == offset {
            return shown &- offset &* 1_000_000
        }
        return shown &- offset(at: seconds) &* 1_000_000
    }

    /// Milliseconds since 1970, UTC, as Java counts: what a value that is not NULL means in this zone. A time of day is
    /// one of 1970-01-01. Nil for infinities and zero dates.
    public static func milliseconds(_ value: Int64, _ type: ColumnType) -> Int64? {
        guard isReal(value) else { return nil }
        let moment: Int64? =
            switch type {
            case .instant: value
            case .date:
                value.magnitude < 100_000_000 ? instant(ofWallClock: value * Temporal.microsecondsPerDay) : nil
            default: instant(ofWallClock: value)
            }
        return moment.map { floor($0, 1000) }
    }

    private static func isReal(_ value: Int64) -> Bool { !Temporal.isInfinite(value) && !Temporal.isZero(value) }

    private static func floor(_ value: Int64, _ unit: Int64) -> Int64 {
        let quotient = value / unit
        return value % unit < 0 ? quotient - 1 : quotient
    }

    /// Seconds east of Greenwich.
    private static func offset(at seconds: Int64) -> Int64 {
        var time = time_t(seconds)
        var parts = tm()
        localtime_r(&time, &parts)
        return Int64(parts.tm_gmtoff)
    }
}
