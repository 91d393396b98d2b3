import ApusCore

/// The other direction of ``Quantity``: what people read.
extension Quantity {
    /// `1,234,567`.
    public static func text(count: Int) -> String {
        let digits = String(count.magnitude)
        var text = count < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return text
    }

    /// `1,234,567 rows`, `1 row`.
    public static func text(_ count: Int, _ noun: String) -> String {
        text(count: count) + " " + noun + (count == 1 ? "" : "s")
    }

    /// `812 B`, `1.2 GB`: powers of 1000, as networks and disks count.
    public static func text(bytes: Int) -> String {
        guard bytes.magnitude >= 1000 else { return "\(bytes) B" }
        var value = Double(bytes)
        for unit in ["kB", "MB", "GB", "TB", "PB"] {
            value /= 1000
            if abs(value) < 999.95 || unit == "PB" { return decimal(value, 1) + " " + unit }
        }
        return "\(bytes) B"
    }

    /// `41.2 MB/s`.
    public static func text(bytesPerSecond: Double) -> String { decimal(max(0, bytesPerSecond) / 1e6, 1) + " MB/s" }

    /// `0.05s`, `2.1s`, `3m 21s`, `2h 05m`, `3d 04h`.
    public static func text(seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e10 else { return "?" }
        let seconds = max(0, seconds)
        if seconds < 0.995 { return decimal(seconds, 2) + "s" }
        if seconds < 59.95 { return decimal(seconds, 1) + "s" }
        let whole = Int(seconds.rounded())
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        if whole < 3600 { return "\(whole / 60)m \(two(whole % 60))s" }
        let minutes = whole / 60
        if minutes < 48 * 60 { return "\(minutes / 60)h \(two(minutes % 60))m" }
        return "\(minutes / 1440)d \(two(minutes / 60 % 24))h"
    }

    /// A rest of time without fractions: `12s`, `3m 21s`.
    public static func text(rest seconds: Double) -> String {
        seconds < 59.5 ? "\(Int(max(0, seconds).rounded(.up)))s" : text(seconds: seconds)
    }

    /// `45 %`; 100 only when all is done.
    public static func text(fraction: Double) -> String {
        fraction >= 1 ? "100 %" : "\(min(99, max(0, Int(fraction * 100)))) %"
    }

    /// `2026-11-21 08:00:10Z`, or with `T` and milliseconds (RFC 3339).
    public static func text(time: Double, milliseconds: Bool = false) -> String {
        Timestamp(time).text(milliseconds: milliseconds)
    }

    /// A number with fixed places, without an exponent.
    static func decimal(_ value: Double, _ places: Int) -> String {
        var scale = 1
        for _ in 0..<places { scale *= 10 }
        guard abs(value) < 1e15 else { return "\(value)" }
        let whole = Int((abs(value) * Double(scale)).rounded())
        let digits = String(whole % scale)
        let fraction = places == 0 ? "" : "." + String(repeating: "0", count: places - digits.count) + digits
        return (value < 0 && whole > 0 ? "-" : "") + "\(whole / scale)" + fraction
    }
}
