/// Between instants and wall clocks, in the zone of the cast.
extension Cast.Run {
    func zoned(_ step: Cast.Step) {
        switch step {
        case .wallToInstant(let zone, let isDate, let unit, let rounds):
            fixed { value in
                guard let shown = isDate ? Cast.midnight(value) : Cast.roundMoment(value, unit, rounds: rounds) else { return nil }
                return zone.instant(ofWallClock: shown)
            }
        case .instantToWall(let zone, let unit, let rounds):
            fixed { value in zone.wallClock(at: value).flatMap { Cast.roundMoment($0, unit, rounds: rounds) } }
        case .instantToDate(let zone, let rounds):
            fixed { value in zone.wallClock(at: value).flatMap { Temporal.day(of: $0, dropsTime: rounds) } }
        case .instantToTime(let zone, let unit):
            fixed { value in zone.wallClock(at: value).flatMap(Cast.clock).flatMap { Cast.roundSpan($0, unit, rounds: true) } }
        case .formatInstant(let zone, let length):
            write { row in
                let room = to.pointee.reserve(Format.longest)
                let count = Format.instant(from.pointee.values[row], in: zone, to: room)
                if count > length { return false }
                to.pointee.commit(count)
                return true
            }
        default: break
        }
    }
}

extension Cast {
    /// Midnight of a day; nil beyond the calendar.
    @inline(__always) static func midnight(_ days: Int64) -> Int64? {
        if Temporal.isInfinite(days) { return days }
        if Temporal.isZero(days) {
            let (year, month, day) = Temporal.zeroDateParts(days)
            return Temporal.zeroTimestamp(year: year, month: month, day: day, microsecondsOfDay: 0)
        }
        let (value, overflow) = days.multipliedReportingOverflow(by: Temporal.microsecondsPerDay)
        return overflow || Temporal.isZero(value) ? nil : value
    }

    /// The time of day of a timestamp; nil for an infinity.
    @inline(__always) static func clock(_ value: Int64) -> Int64? {
        if Temporal.isInfinite(value) { return nil }
        return Temporal.isZero(value) ? Temporal.zeroTimestampParts(value).microsecondsOfDay : Temporal.split(value).microsecondsOfDay
    }
}

extension Format {
    /// `2024-01-31 12:34:56+08`: an instant as the clock of a zone shows it, see ``Zone/writesOffset``.
    public static func instant(_ microseconds: Int64, in zone: Zone, to out: UnsafeMutablePointer<UInt8>) -> Int {
        let shown = zone.wallClock(at: microseconds)
        if !zone.writesOffset { return timestamp(shown ?? microseconds, to: out) }
        guard let shown, shown != microseconds else { return instant(microseconds, to: out) }
        var length = timestamp(shown, to: out)
        // The era stands behind the offset.
        let isBeforeChrist = out[length - 1] == UInt8(ascii: "C")
        if isBeforeChrist { length -= 3 }
        let offset = (shown - microseconds) / 1_000_000
        out[length] = offset < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+")
        length += 1
        let parts = [offset.magnitude / 3600, offset.magnitude / 60 % 60, offset.magnitude % 60]
        for index in 0..<(parts[2] != 0 ? 3 : parts[1] != 0 ? 2 : 1) {
            if index > 0 {
                out[length] = UInt8(ascii: ":")
                length += 1
            }
            out[length] = 48 + UInt8(parts[index] / 10)
            out[length + 1] = 48 + UInt8(parts[index] % 10)
            length += 2
        }
        if isBeforeChrist {
            for byte in [UInt8(ascii: " "), UInt8(ascii: "B"), UInt8(ascii: "C")] {
                out[length] = byte
                length += 1
            }
        }
        return length
    }
}
