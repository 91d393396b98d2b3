import Tabular
import Testing

/// Between instants and wall clocks, by rules that are written out here.
@Suite struct ZoneTests {
    /// New York in 2024: -05:00, from 10 March 07:00 UTC -04:00, from 3 November 06:00 UTC -05:00.
    static let newYork = Zone(name: "America/New_York") { seconds in
        seconds >= 1_710_054_000 && seconds < 1_730_613_600 ? -14_400 : -18_000
    }
    static let shanghai = Zone(name: "+08:00", offset: 28_800)

    private func moment(_ text: String) -> Int64 { parse(text) { Parse.instant($0) }! }

    @Test func `a clock that goes back or forward reads as in PostgreSQL and Java, and an instant shows one time`() {
        let zone = Self.newYork
        // Shown twice: the later, standard time. Shown never: counted from before the change.
        for (shown, instant) in [
            ("2024-11-03 01:30:00", "2024-11-03 06:30:00"), ("2024-11-03 00:59:59", "2024-11-03 04:59:59"),
            ("2024-11-03 02:00:00", "2024-11-03 07:00:00"), ("2024-03-10 02:30:00", "2024-03-10 07:30:00"),
            ("2024-03-10 01:59:59", "2024-03-10 06:59:59"), ("2024-03-10 03:00:00", "2024-03-10 07:00:00"),
            ("2024-07-01 12:00:00.000001", "2024-07-01 16:00:00.000001"), ("1960-01-01 00:00:00", "1960-01-01 05:00:00"),
        ] {
            #expect(zone.instant(ofWallClock: moment(shown)) == moment(instant), "\(shown)")
        }
        for (instant, shown) in [
            ("2024-11-03 05:30:00", "2024-11-03 01:30:00"), ("2024-11-03 06:30:00", "2024-11-03 01:30:00"),
            ("2024-03-10 06:59:59.999999", "2024-03-10 01:59:59.999999"), ("2024-03-10 07:00:00", "2024-03-10 03:00:00"),
        ] {
            #expect(zone.wallClock(at: moment(instant)) == moment(shown), "\(instant)")
        }
        for special in [
            Temporal.infinity, Temporal.negativeInfinity, Temporal.zeroTimestamp(year: 0, month: 0, day: 0, microsecondsOfDay: 0),
        ] {
            #expect(zone.wallClock(at: special) == special && zone.instant(ofWallClock: special) == special)
        }
        #expect(zone.fixedOffset == nil && Self.shanghai.fixedOffset == 28_800)
        #expect(zone.settledOffset(since: 1_800_000_000) == -18_000 && zone.settledOffset(since: 1_700_000_000) == nil)
    }

    @Test func `casts between instants and wall clocks use the zone, and between two instants none`() {
        func converted(_ text: String, _ from: ColumnType, _ to: ColumnType, _ zone: Zone) -> String? {
            let cast = Cast(from: from, to: to, rounds: true, zone: zone)!
            let value: Value
            switch from {
            case .instant, .timestamp: value = .fixed(moment(text))
            case .date: value = .fixed(parse(text) { Parse.date($0) }!)
            default: value = .text(text)
            }
            let batch = Batch([Column("a", from)], [[value]])
            let out = Batch(schema: Schema([Column("a", to)]), rowCapacity: 1)
            var isRejected = false
            cast.apply(from: batch.columns.baseAddress!, to: out.columns.baseAddress!, rows: 1) { _, _ in isRejected = true }
            if isRejected { return nil }
            switch to {
            case .instant: return TabularTests.text { $0.append(instant: out.columns[0].int(0)) }
            case .timestamp: return TabularTests.text { $0.append(timestamp: out.columns[0].int(0)) }
            case .date: return TabularTests.text { $0.append(date: out.columns[0].int(0)) }
            case .time: return TabularTests.text { $0.append(duration: out.columns[0].int(0)) }
            default: return out.columns[0].string(0)
            }
        }
        let zone = Self.shanghai, instant = ColumnType.instant(precision: 6), wall = ColumnType.timestamp(precision: 6)
        #expect(converted("2024-06-01 00:00:00.5", instant, wall, zone) == "2024-06-01 08:00:00.5")
        #expect(converted("2024-06-01 08:00:00", wall, instant, zone) == "2024-06-01 00:00:00+00")
        #expect(converted("2024-05-31 16:00:00", instant, .date, zone) == "2024-06-01")
        #expect(converted("2024-06-01", .date, instant, zone) == "2024-05-31 16:00:00+00")
        #expect(converted("2024-05-31 16:00:00", instant, .time(precision: 0), zone) == "00:00:00")
        #expect(converted("2024-06-01 00:00:00.6", instant, .timestamp(precision: 0), zone) == "2024-06-01 08:00:01")
        #expect(converted("2024-06-01 00:00:00", instant, .text, zone) == "2024-06-01 08:00:00+08")
        #expect(converted("2024-11-03 05:30:00", instant, .text, Self.newYork) == "2024-11-03 01:30:00-04")
        #expect(converted("2024-11-03 06:30:00", instant, .text, Self.newYork) == "2024-11-03 01:30:00-05")
        #expect(converted("2024-06-01 00:00:00", instant, .text, Zone(name: "a", offset: 20_700)) == "2024-06-01 05:45:00+05:45")
        #expect(converted("2024-06-01 00:00:00", instant, .instant(precision: 0), zone) == "2024-06-01 00:00:00+00")
        // Text says itself what it is, or is what the clock shows.
        #expect(converted("2024-06-01 08:00:00", .text, instant, zone) == "2024-06-01 00:00:00+00")
        #expect(converted("2024-06-01T08:00:00Z", .text, instant, zone) == "2024-06-01 08:00:00+00")
        #expect(converted("2024-06-01 08:00:00+08:00", .text, wall, zone) == "2024-06-01 08:00:00")
        #expect(converted("2024-06-01 00:00:00Z", .text, wall, zone) == "2024-06-01 08:00:00")
        #expect(converted("2024-06-01 08:00:00", .text, wall, zone) == "2024-06-01 08:00:00")
        var plain = zone
        plain.writesOffset = false
        #expect(converted("2024-06-01 00:00:00", instant, .text, plain) == "2024-06-01 08:00:00")
        // Without a zone everything is UTC, as before.
        #expect(converted("2024-06-01 00:00:00", instant, .text, .utc) == "2024-06-01 00:00:00+00")
        #expect(Cast(from: wall, to: instant)!.isIdentity && Cast(from: instant, to: wall)!.isIdentity)
    }

    @Test func `an offset is read as it is written`() {
        for (text, seconds) in [("+08:00", 28_800), ("+8", 28_800), ("-0930", -34_200), ("+00:00", 0), ("+05:45", 20_700)] {
            #expect(Zone.offset(of: text) == Int64(seconds), "\(text)")
        }
        for text in ["08:00", "+", "+8:0", "+25:00", "+08:60", "UTC", ""] { #expect(Zone.offset(of: text) == nil, "\(text)") }
        #expect(Zone.offsetText(-34_200) == "-09:30" && Zone.name(ofOffset: 0) == "UTC")
    }
}
