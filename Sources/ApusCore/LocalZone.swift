import Tabular

/// The process's time zone, in which DataX's dates are counted and written.
public enum LocalZone {
    /// The wall clock at an instant: both in microseconds since 1970-01-01 00:00, the instant's in UTC. Infinities and
    /// zero dates stay what they are.
    public static func wallClock(at instant: Int64) -> Int64 { Zone.process.wallClock(at: instant) ?? instant }

    /// The instant at which the wall clock shows that, as ``Zone/instant(ofWallClock:)``. Nil for what has no place on the
    /// calendar.
    public static func instant(ofWallClock shown: Int64) -> Int64? {
        isReal(shown) ? Zone.process.instant(ofWallClock: shown) : nil
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
        return moment.map { value in value / 1000 - (value % 1000 < 0 ? 1 : 0) }
    }

    private static func isReal(_ value: Int64) -> Bool { !Temporal.isInfinite(value) && !Temporal.isZero(value) }
}
