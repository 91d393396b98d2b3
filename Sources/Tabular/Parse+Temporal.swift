/// Dates and times. The date is `YYYY-MM-DD`, `YYYY/MM/DD` (month and day may have one digit) or `YYYYMMDD`; the time
/// `HH:MM[:SS[.fraction]]`, fraction of 1 to 9 digits, of which those after the sixth are zeros.
extension Parse {
    /// Days since 1970-01-01; also `infinity`, zero dates and years with ` BC`.
    public static func date(_ bytes: UnsafeBufferPointer<UInt8>) -> Int64? {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return nil }
        if base[0] &- 48 > 9 { return infinity(bytes) }
        var scan = Scan(base, bytes.count)
        scan.takeEra()
        guard scan.date(), scan.isAtEnd else { return nil }
        if scan.isZeroDate { return Temporal.zeroDate(year: scan.year, month: scan.month, day: scan.day) }
        return scan.days
    }

    /// Microseconds since 1970-01-01 00:00 of a date, or date and time after `T` or a space. A zone is refused,
    /// except zero (`Z`, `+00`), which is ignored.
    public static func timestamp(_ bytes: UnsafeBufferPointer<UInt8>) -> Int64? {
        guard let (value, offset, _) = moment(bytes), offset == 0 else { return nil }
        return value
    }

    /// Microseconds since the epoch, UTC, of a ``timestamp(_:)`` followed by `Z`, `+08`, `+08:00`, `+0800` or nothing,
    /// which means UTC.
    public static func instant(_ bytes: UnsafeBufferPointer<UInt8>) -> Int64? {
        guard let (value, offset, _) = moment(bytes) else { return nil }
        if offset == 0 { return value }
        if Temporal.isInfinite(value) || Temporal.isZero(value) { return nil }
        let (moved, overflow) = value.subtractingReportingOverflow(offset)
        return overflow || Temporal.isZero(moved) || Temporal.isInfinite(moved) ? nil : moved
    }

    /// Days since 1970-01-01 of a ``date(_:)``, or of a ``timestamp(_:)`` at midnight: a date in other systems' clothes.
    public static func day(_ bytes: UnsafeBufferPointer<UInt8>) -> Int64? { day(bytes, in: .utc) }

    /// The same; a text with an offset is what the clock of the zone shows then.
    public static func day(_ bytes: UnsafeBufferPointer<UInt8>, in zone: Zone) -> Int64? {
        if let date = date(bytes) { return date }
        guard let value = timestamp(bytes, in: zone), !Temporal.isInfinite(value) else { return nil }
        return Temporal.day(of: value, dropsTime: false)
    }

    /// As ``timestamp(_:)``, but a text with an offset is an instant, and gives what the clock of the zone shows then.
    public static func timestamp(_ bytes: UnsafeBufferPointer<UInt8>, in zone: Zone) -> Int64? {
        guard let moment = moment(bytes) else { return nil }
        if !moment.hasZone || moment.offset == 0 && zone.isUTC { return moment.value }
        return instant(bytes).flatMap { zone.wallClock(at: $0) }
    }

    /// As ``instant(_:)``, but a text without an offset is what the clock of the zone shows.
    public static func instant(_ bytes: UnsafeBufferPointer<UInt8>, in zone: Zone) -> Int64? {
        if zone.isUTC { return instant(bytes) }
        guard let moment = moment(bytes) else { return nil }
        return moment.hasZone ? instant(bytes) : zone.instant(ofWallClock: moment.value)
    }

    /// Microseconds of the day, `00:00:00` to `24:00:00`.
    public static func time(_ bytes: UnsafeBufferPointer<UInt8>) -> Int64? {
        guard let base = bytes.baseAddress else { return nil }
        var scan = Scan(base, bytes.count)
        guard scan.time(hourDigits: 2), scan.isAtEnd, scan.microseconds <= Temporal.microsecondsPerDay else {
            return nil
        }
        return scan.microseconds
    }

    /// Microseconds of a span `[-]H…:MM[:SS[.fraction]]`.
    public static func duration(_ bytes: UnsafeBufferPointer<UInt8>) -> Int64? {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return nil }
        let isNegative = base[0] == UInt8(ascii: "-")
        var scan = Scan(base, bytes.count)
        if isNegative || base[0] == UInt8(ascii: "+") { scan.position = 1 }
        guard scan.time(hourDigits: 9), scan.isAtEnd else { return nil }
        return isNegative ? -scan.microseconds : scan.microseconds
    }

    @inline(__always)
    private static func moment(_ bytes: UnsafeBufferPointer<UInt8>) -> (value: Int64, offset: Int64, hasZone: Bool)? {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return nil }
        if base[0] &- 48 > 9 { return infinity(bytes).map { ($0, 0, false) } }
        var scan = Scan(base, bytes.count)
        scan.takeEra()
        guard scan.date() else { return nil }
        var offset: Int64 = 0
        var hasZone = false
        if !scan.isAtEnd {
            guard scan.take(UInt8(ascii: " ")) || scan.take(UInt8(ascii: "T")) || scan.take(UInt8(ascii: "t")),
                scan.time(hourDigits: 2), scan.microseconds <= Temporal.microsecondsPerDay
            else { return nil }
            if !scan.isAtEnd {
                guard let zone = scan.zone() else { return nil }
                offset = zone
                hasZone = true
            }
        }
        if scan.isZeroDate {
            guard scan.microseconds < Temporal.microsecondsPerDay else { return nil }
            return (
                Temporal.zeroTimestamp(
                    year: scan.year, month: scan.month, day: scan.day, microsecondsOfDay: scan.microseconds), offset, hasZone
            )
        }
        guard let days = scan.days else { return nil }
        let (product, overflow) = days.multipliedReportingOverflow(by: Temporal.microsecondsPerDay)
        let (sum, carry) = product.addingReportingOverflow(scan.microseconds)
        if overflow || carry || Temporal.isZero(sum) || Temporal.isInfinite(sum) { return nil }
        return (sum, offset, hasZone)
    }

    private static func infinity(_ bytes: UnsafeBufferPointer<UInt8>) -> Int64? {
        if matches(bytes, "infinity") { return Temporal.infinity }
        guard bytes.count == 9, let base = bytes.baseAddress,
            matches(UnsafeBufferPointer(start: base + 1, count: 8), "infinity")
        else { return nil }
        if base[0] == UInt8(ascii: "+") { return Temporal.infinity }
        return base[0] == UInt8(ascii: "-") ? Temporal.negativeInfinity : nil
    }
}

/// A place in a text, and what was read before it.
private struct Scan {
    let base: UnsafePointer<UInt8>
    var count: Int
    var position = 0
    var year = 0
    var month = 0
    var day = 0
    var isBeforeChrist = false
    var microseconds: Int64 = 0

    @inline(__always) init(_ base: UnsafePointer<UInt8>, _ count: Int) {
        self.base = base
        self.count = count
    }

    @inline(__always) var isAtEnd: Bool { position == count }
    var isZeroDate: Bool { @inline(__always) get { month == 0 || day == 0 } }

    /// Days since 1970-01-01, if the date exists.
    var days: Int64? {
        @inline(__always) get {
            Temporal.isValid(year: year, month: month, day: day)
                ? Temporal.days(year: year, month: month, day: day) : nil
        }
    }

    /// Takes ` BC` from the end.
    @inline(__always) mutating func takeEra() {
        guard count > 3, base[count &- 1] == UInt8(ascii: "C") else { return }
        guard base[count &- 2] == UInt8(ascii: "B"), base[count &- 3] == UInt8(ascii: " ") else { return }
        isBeforeChrist = true
        count &-= 3
    }

    @inline(__always) mutating func take(_ byte: UInt8) -> Bool {
        guard position < count, base[position] == byte else { return false }
        position &+= 1
        return true
    }

    /// Two digits, or a number above 1,000,000.
    @inline(__always) static func pair(_ text: UnsafePointer<UInt8>) -> Int {
        let first = text[0] &- 48
        let second = text[1] &- 48
        return first <= 9 && second <= 9 ? Int(first) &* 10 &+ Int(second) : 10_000_000
    }

    /// One or two digits, or exactly two; -1 if there are none.
    @inline(__always) mutating func two(exactly: Bool) -> Int {
        guard position < count else { return -1 }
        let first = Int(base[position]) &- 48
        guard first >= 0, first <= 9 else { return -1 }
        if position &+ 1 < count {
            let second = Int(base[position &+ 1]) &- 48
            if second >= 0, second <= 9 {
                position &+= 2
                return first &* 10 &+ second
            }
        }
        if exactly { return -1 }
        position &+= 1
        return first
    }

    /// A date; zero for month or day passes, the rest is checked by ``days``.
    @inline(__always) mutating func date() -> Bool {
        if !isBeforeChrist, count &- position >= 10 {
            let text = base + position
            if text[4] == UInt8(ascii: "-"), text[7] == UInt8(ascii: "-") {
                year = Scan.pair(text) &* 100 &+ Scan.pair(text + 2)
                month = Scan.pair(text + 5)
                day = Scan.pair(text + 8)
                // A pair that is no number makes its sum huge: the slow way may know better.
                if year <= 9999, month <= 12, day <= 31 {
                    position &+= 10
                    return true
                }
            }
        }
        let start = position
        var number = 0
        while position < count, position &- start < 8 {
            let digit = Int(base[position]) &- 48
            guard digit >= 0, digit <= 9 else { break }
            number = number &* 10 &+ digit
            position &+= 1
        }
        let length = position &- start
        if length == 8 {
            (year, month, day) = (number / 10_000, number / 100 % 100, number % 100)
        } else {
            guard length >= 4, position < count else { return false }
            let separator = base[position]
            guard separator == UInt8(ascii: "-") || separator == UInt8(ascii: "/") else { return false }
            position &+= 1
            year = number
            month = two(exactly: false)
            guard month >= 0, take(separator) else { return false }
            day = two(exactly: false)
            guard day >= 0 else { return false }
        }
        if isBeforeChrist {
            guard year > 0, month > 0, day > 0 else { return false }
            year = 1 &- year
        }
        return month <= 12 && day <= 31 && (month != 0 && day != 0 || year <= 9999)
    }

    /// A time of up to `hourDigits` hour digits.
    @inline(__always) mutating func time(hourDigits: Int) -> Bool {
        if count &- position >= 8, base[position &+ 2] == UInt8(ascii: ":"), base[position &+ 5] == UInt8(ascii: ":") {
            let text = base + position
            let hours = Scan.pair(text)
            let minutes = Scan.pair(text + 3)
            let seconds = Scan.pair(text + 6)
            if hours <= 99, minutes <= 59, seconds <= 59 {
                position &+= 8
                microseconds = Int64(hours &* 3600 &+ minutes &* 60 &+ seconds) &* 1_000_000
                return take(UInt8(ascii: ".")) ? fraction() : true
            }
        }
        let start = position
        var hours: Int64 = 0
        while position < count, position &- start < hourDigits {
            let digit = Int64(base[position]) &- 48
            guard digit >= 0, digit <= 9 else { break }
            hours = hours &* 10 &+ digit
            position &+= 1
        }
        guard position > start, take(UInt8(ascii: ":")) else { return false }
        let minutes = two(exactly: true)
        guard minutes >= 0, minutes <= 59 else { return false }
        microseconds = (hours &* 3600 &+ Int64(minutes) &* 60) &* 1_000_000
        guard take(UInt8(ascii: ":")) else { return true }
        let seconds = two(exactly: true)
        guard seconds >= 0, seconds <= 59 else { return false }
        microseconds &+= Int64(seconds) &* 1_000_000
        return take(UInt8(ascii: ".")) ? fraction() : true
    }

    /// One to nine digits of a second; a batch holds six, so that the others must be zeros.
    @inline(__always) private mutating func fraction() -> Bool {
        var fraction: Int64 = 0
        let first = position
        while position < count, position &- first < 10 {
            let digit = Int64(base[position]) &- 48
            guard digit >= 0, digit <= 9 else { break }
            fraction = fraction &* 10 &+ digit
            position &+= 1
        }
        switch position &- first {
        case 1: fraction &*= 100_000
        case 2: fraction &*= 10_000
        case 3: fraction &*= 1_000
        case 4: fraction &*= 100
        case 5: fraction &*= 10
        case 6: break
        case 7, 8, 9:
            var unit: Int64 = 10
            for _ in 7..<(position &- first) { unit &*= 10 }
            guard fraction % unit == 0 else { return false }
            fraction /= unit
        default: return false
        }
        microseconds &+= fraction
        return true
    }

    /// Microseconds east of UTC; nil if the rest is no zone.
    mutating func zone() -> Int64? {
        _ = take(UInt8(ascii: " "))
        if take(UInt8(ascii: "Z")) || take(UInt8(ascii: "z")) { return isAtEnd ? 0 : nil }
        let isWest = take(UInt8(ascii: "-"))
        guard isWest || take(UInt8(ascii: "+")) else { return nil }
        let hours = two(exactly: true)
        guard hours >= 0, hours < 16 else { return nil }
        var seconds = hours * 3600
        if !isAtEnd {
            let hasColon = take(UInt8(ascii: ":"))
            let minutes = two(exactly: true)
            guard minutes >= 0, minutes <= 59 else { return nil }
            seconds += minutes * 60
            if hasColon, take(UInt8(ascii: ":")) {
                let rest = two(exactly: true)
                guard rest >= 0, rest <= 59 else { return nil }
                seconds += rest
            }
        }
        return isAtEnd ? Int64(isWest ? -seconds : seconds) * 1_000_000 : nil
    }
}
