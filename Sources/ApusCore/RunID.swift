import Glibc

/// The id of a run: a UUID of version 7 (RFC 9562 §5.7), so that ids sort by the time they were made.
public enum RunID {
    /// `now` is seconds since 1970, UTC. The twelve bits behind the milliseconds hold their fraction (RFC 9562 §6.2,
    /// method 3), so that ids of one process sort within a millisecond too; the last 62 bits are random.
    public static func make(now: Double, random: inout some RandomNumberGenerator) -> String {
        let milliseconds = max(0, now) * 1000
        let whole = UInt64(milliseconds) & 0xFFFF_FFFF_FFFF
        let fraction = min(UInt64((milliseconds - milliseconds.rounded(.down)) * 4096), 4095)
        let high = whole << 16 | 0x7000 | fraction
        let low = 0x8000_0000_0000_0000 | (random.next() as UInt64) >> 2
        let digits = hex(high) + hex(low)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if [8, 12, 16, 20].contains(index) { text.append("-") }
            text.append(digit)
        }
        return text
    }

    public static func make() -> String {
        var random = SystemRandomNumberGenerator()
        return make(now: Clock.wall(), random: &random)
    }

    private static func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
