/// The calendar of a batch: days and microseconds since 1970-01-01, proleptic Gregorian, and the values
/// that have no place on it: PostgreSQL's infinities and MySQL's zero dates (`0000-00-00`, `2024-00-00`).
public enum Temporal {
    public static let microsecondsPerDay: Int64 = 86_400_000_000

    /// PostgreSQL's `infinity` and `-infinity`, for dates, timestamps and instants.
    public static let infinity = Int64.max
    public static let negativeInfinity = Int64.min

    /// Everything below this (but ``negativeInfinity``) is a zero date; no real day or microsecond comes near it.
    @usableFromInline static let zeroLimit: Int64 = -500_000_000_000_000_000
    @usableFromInline static let zeroBase: Int64 = Int64.min + 1

    /// A date whose month or day is zero, e.g. `zeroDate(0, 0, 0)`.
    @inlinable public static func zeroDate(year: Int, month: Int, day: Int) -> Int64 {
        zeroBase + Int64(year * 10_000 + month * 100 + day)
    }

    /// A timestamp on such a date.
    @inlinable public static func zeroTimestamp(year: Int, month: Int, day: Int, microsecondsOfDay: Int64) -> Int64 {
        zeroBase + Int64(year * 10_000 + month * 100 + day) * microsecondsPerDay + microsecondsOfDay
    }

    @inlinable public static func isZero(_ value: Int64) -> Bool { value < zeroLimit && value != negativeInfinity }
    @inlinable public static func isInfinite(_ value: Int64) -> Bool { value == infinity || value == negativeInfinity }

    /// The parts of a zero date made by ``zeroDate(year:month:day:)``.
    @inlinable public static func zeroDateParts(_ value: Int64) -> (year: Int, month: Int, day: Int) {
        let packed = Int(value - zeroBase)
        return (packed / 10_000, packed / 100 % 100, packed % 100)
    }

    /// The parts of a zero timestamp: its date as ``zeroDateParts(_:)`` and the microseconds of the day.
    @inlinable public static func zeroTimestampParts(_ value: Int64) -> (
        year: Int, month: Int, day: Int, microsecondsOfDay: Int64
    ) {
        let packed = value - zeroBase
        let date = Int(packed / microsecondsPerDay)
        return (date / 10_000, date / 100 % 100, date % 100, packed % microsecondsPerDay)
    }

    /// Days since 1970-01-01 of a calendar date (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    @inlinable public static func days(year: Int, month: Int, day: Int) -> Int64 {
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return Int64(era * 146_097 + dayOfEra - 719_468)
    }

    /// The calendar date of a day number; the inverse of ``days(year:month:day:)``.
    @inlinable public static func date(ofDays days: Int64) -> (year: Int, month: Int, day: Int) {
        let z = Int(days) + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let dayOfEra = z - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthIndex + 2) / 5 + 1)
    }

    /// Days and microseconds of the day of a timestamp.
    @inlinable public static func split(_ microseconds: Int64) -> (days: Int64, microsecondsOfDay: Int64) {
        var days = microseconds / microsecondsPerDay
        var rest = microseconds % microsecondsPerDay
        if rest < 0 {
            rest += microsecondsPerDay
            days -= 1
        }
        return (days, rest)
    }

    /// The day of a timestamp; nil when it has a time of day that may not be dropped. Infinities stay.
    @inlinable public static func day(of microseconds: Int64, dropsTime: Bool) -> Int64? {
        if isInfinite(microseconds) { return microseconds }
        if isZero(microseconds) {
            let (year, month, day, rest) = zeroTimestampParts(microseconds)
            return rest == 0 || dropsTime ? zeroDate(year: year, month: month, day: day) : nil
        }
        let (days, rest) = split(microseconds)
        return rest == 0 || dropsTime ? days : nil
    }

    /// Whether a day exists: month 1…12 and day within the month.
    @inlinable public static func isValid(year: Int, month: Int, day: Int) -> Bool {
        guard month >= 1, month <= 12, day >= 1 else { return false }
        if day <= 28 { return true }
        switch month {
        case 2: return day == 29 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        case 4, 6, 9, 11: return day <= 30
        default: return day <= 31
        }
    }
}
