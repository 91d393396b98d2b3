import Glibc

/// The machine's clocks, in seconds.
public enum Clock {
    /// Since 1970, UTC; may jump.
    public static func wall() -> Double { read(CLOCK_REALTIME) }
    /// Since some start; never goes back.
    public static func monotonic() -> Double { read(CLOCK_MONOTONIC) }

    private static func read(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
