import Tabular

/// An instant in UTC as logs write it.
struct Timestamp {
    /// Milliseconds since 1970.
    private let milliseconds: Int64

    /// `seconds` since 1970, UTC.
    init(_ seconds: Double) {
        milliseconds = seconds.isFinite && abs(seconds) < 1e13 ? Int64((seconds * 1000).rounded()) : 0
    }

    /// `2026-11-21T08:00:10.123Z` (RFC 3339) with milliseconds, `2026-11-21 08:00:10Z` without.
    func text(milliseconds shown: Bool) -> String {
        let (days, rest) = Temporal.split(milliseconds * 1000)
        let (year, month, day) = Temporal.date(ofDays: days)
        let ofDay = Int(rest / 1000)
        func digits(_ number: Int, _ count: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        let date = "\(digits(year, 4))-\(digits(month, 2))-\(digits(day, 2))"
        let time = "\(digits(ofDay / 3_600_000, 2)):\(digits(ofDay / 60_000 % 60, 2)):\(digits(ofDay / 1000 % 60, 2))"
        return shown ? "\(date)T\(time).\(digits(ofDay % 1000, 3))Z" : "\(date) \(time)Z"
    }
}
