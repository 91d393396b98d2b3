/// The calendar in text, ISO 8601 with a space between date and time, as PostgreSQL prints it.
extension Format {
    /// First and last day of the years 1 to 9999.
    static let firstDay: Int64 = -719_162
    static let lastDay: Int64 = 2_932_896

    /// `2024-01-31`; years before 1 as `0044-03-15 BC`, `infinity`, `-infinity`, zero dates `2024-00-00`.
    @inline(never) public static func date(_ days: Int64, to out: UnsafeMutablePointer<UInt8>) -> Int {
        if days >= firstDay, days <= lastDay {
            calendar(days, out)
            return 10
        }
        if Temporal.isInfinite(days) { return infinity(days, out) }
        let parts = Temporal.isZero(days) ? Temporal.zeroDateParts(days) : Temporal.date(ofDays: days)
        let isBeforeChrist = parts.year <= 0 && !Temporal.isZero(days)
        let length = farDate(isBeforeChrist ? 1 &- parts.year : parts.year, parts.month, parts.day, out)
        return isBeforeChrist ? length &+ text(" BC", out + length) : length
    }

    /// `2024-01-31 12:34:56.789012`, with as many fraction digits as are not trailing zeros; else as ``date(_:to:)``.
    @inline(never) public static func timestamp(_ microseconds: Int64, to out: UnsafeMutablePointer<UInt8>) -> Int {
        timestamp(microseconds, "", to: out)
    }

    /// As ``timestamp(_:to:)``, followed by `+00`.
    @inline(never) public static func instant(_ microseconds: Int64, to out: UnsafeMutablePointer<UInt8>) -> Int {
        timestamp(microseconds, "+00", to: out)
    }

    /// `[-]HH:MM:SS[.ffffff]`, of microseconds; more digits when the hours need them. Also for a time of day.
    @inline(never) public static func duration(_ microseconds: Int64, to out: UnsafeMutablePointer<UInt8>) -> Int {
        var length = 0
        if microseconds < 0 {
            out[0] = UInt8(ascii: "-")
            length = 1
        }
        let magnitude = microseconds.magnitude
        if magnitude < 360_000_000_000 { return length &+ clock(magnitude, out + length) }
        length &+= unsigned(magnitude / 3_600_000_000, to: out + length)
        // The clock of the rest, without its two hour digits.
        let hourDigits = (out[length &- 2], out[length &- 1])
        let clockLength = clock(magnitude % 3_600_000_000, out + (length &- 2))
        (out[length &- 2], out[length &- 1]) = hourDigits
        return length &- 2 &+ clockLength
    }

    @inline(__always)
    private static func timestamp(
        _ microseconds: Int64, _ zone: StaticString, to out: UnsafeMutablePointer<UInt8>
    ) -> Int {
        if microseconds >= firstDay * Temporal.microsecondsPerDay,
            microseconds < (lastDay + 1) * Temporal.microsecondsPerDay
        {
            // Shifted to be positive, so that the division need not round down.
            let shifted = UInt64(bitPattern: microseconds &- firstDay &* Temporal.microsecondsPerDay)
            let days = shifted / 86_400_000_000
            calendar(Int64(bitPattern: days) &+ firstDay, out)
            out[10] = UInt8(ascii: " ")
            let length = 11 &+ clock(shifted &- days &* 86_400_000_000, out + 11)
            return length &+ text(zone, out + length)
        }
        return farTimestamp(microseconds, zone, out)
    }

    @inline(never)
    private static func farTimestamp(
        _ microseconds: Int64, _ zone: StaticString, _ out: UnsafeMutablePointer<UInt8>
    ) -> Int {
        if Temporal.isInfinite(microseconds) { return infinity(microseconds, out) }
        var year: Int, month: Int, day: Int, rest: Int64
        let isZero = Temporal.isZero(microseconds)
        if isZero {
            (year, month, day, rest) = Temporal.zeroTimestampParts(microseconds)
        } else {
            let (days, microsecondsOfDay) = Temporal.split(microseconds)
            (year, month, day) = Temporal.date(ofDays: days)
            rest = microsecondsOfDay
        }
        let isBeforeChrist = year <= 0 && !isZero
        var length = farDate(isBeforeChrist ? 1 &- year : year, month, day, out)
        out[length] = UInt8(ascii: " ")
        length &+= 1
        length &+= clock(UInt64(rest), out + length)
        length &+= text(zone, out + length)
        return isBeforeChrist ? length &+ text(" BC", out + length) : length
    }

    private static func infinity(_ value: Int64, _ out: UnsafeMutablePointer<UInt8>) -> Int {
        value < 0 ? text("-infinity", out) : text("infinity", out)
    }

    private static func farDate(_ year: Int, _ month: Int, _ day: Int, _ out: UnsafeMutablePointer<UInt8>) -> Int {
        var length = 4
        if year < 10_000 {
            four(UInt32(year), out)
        } else {
            length = unsigned(UInt64(year), to: out)
        }
        out[length] = UInt8(ascii: "-")
        pair(UInt32(month), out + length + 1)
        out[length + 3] = UInt8(ascii: "-")
        pair(UInt32(day), out + length + 4)
        return length + 6
    }

    /// `HH:MM:SS[.ffffff]` of microseconds below 100 hours.
    @inline(__always)
    private static func clock(_ microseconds: UInt64, _ out: UnsafeMutablePointer<UInt8>) -> Int {
        let seconds = UInt32(truncatingIfNeeded: microseconds / 1_000_000)
        let fraction = UInt32(truncatingIfNeeded: microseconds &- UInt64(seconds) &* 1_000_000)
        let minutes = seconds / 60
        pair(minutes / 60, out)
        out[2] = UInt8(ascii: ":")
        pair(minutes % 60, out + 3)
        out[5] = UInt8(ascii: ":")
        pair(seconds &- minutes &* 60, out + 6)
        if fraction == 0 { return 8 }
        return 8 &+ self.fraction(fraction, out + 8)
    }

    /// Ten octets for a day of the years 1 to 9999 (Neri and Schneider, "Euclidean affine functions and their
    /// application to calendar algorithms", figure 12).
    @inline(__always)
    private static func calendar(_ days: Int64, _ out: UnsafeMutablePointer<UInt8>) {
        let n1 = 4 &* UInt32(truncatingIfNeeded: days &+ 719_468) &+ 3
        let century = n1 / 146_097
        let n2 = (n1 % 146_097) | 3
        let product = 2_939_745 &* UInt64(n2)
        let yearOfCentury = UInt32(truncatingIfNeeded: product &>> 32)
        let dayOfYear = UInt32(truncatingIfNeeded: product) / 2_939_745 / 4
        let n3 = 2_141 &* dayOfYear &+ 197_913
        let isNextYear: UInt32 = dayOfYear >= 306 ? 1 : 0
        let month = (n3 &>> 16) &- 12 &* isNextYear
        let year = 100 &* century &+ yearOfCentury &+ isNextYear
        four(year, out)
        out[4] = UInt8(ascii: "-")
        pair(month, out + 5)
        out[7] = UInt8(ascii: "-")
        pair((n3 & 0xffff) / 2_141 &+ 1, out + 8)
    }
}
