import Tabular
import Testing

@Suite struct TemporalTextTests {
    static let edges: [Int64] = [
        0, 1, -1, -719_162, -719_163, 2_932_896, 2_932_897, Temporal.infinity, Temporal.negativeInfinity,
        Temporal.zeroDate(year: 0, month: 0, day: 0), Temporal.zeroDate(year: 2024, month: 0, day: 31),
        Temporal.zeroDate(year: 9999, month: 12, day: 0), Temporal.days(year: -4712, month: 1, day: 1),
        Temporal.days(year: 5_874_897, month: 12, day: 31), Temporal.days(year: 0, month: 2, day: 29),
    ]

    @Test func `dates are printed as people write them`() {
        let expected: [(Int64, String)] = [
            (0, "1970-01-01"), (-1, "1969-12-31"), (-719_162, "0001-01-01"), (-719_163, "0001-12-31 BC"),
            (2_932_897, "10000-01-01"), (Temporal.infinity, "infinity"), (Temporal.negativeInfinity, "-infinity"),
            (Temporal.zeroDate(year: 0, month: 0, day: 0), "0000-00-00"),
            (Temporal.zeroDate(year: 2024, month: 0, day: 7), "2024-00-07"), (19_753, "2024-01-31"),
        ]
        for (days, printed) in expected { #expect(text { $0.append(date: days) } == printed) }
    }

    @Test func `a date before the epoch prints with four digits`() {
        #expect(text { $0.append(date: Temporal.days(year: 44, month: 3, day: 15)) } == "0044-03-15")
    }

    @Test func `every day of four centuries prints as a calendar counts`() {
        let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        var days = Temporal.days(year: 1799, month: 1, day: 1)
        for year in 1799...2201 {
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            for month in 1...12 {
                for day in 1...(lengths[month - 1] + (isLeap && month == 2 ? 1 : 0)) {
                    let expected = "\(year)-\(month < 10 ? "0" : "")\(month)-\(day < 10 ? "0" : "")\(day)"
                    let printed = text { $0.append(date: days) }
                    if printed != expected { Issue.record("\(printed) is not \(expected)") }
                    if parse(printed, Parse.date) != days { Issue.record("\(printed) does not come back") }
                    days += 1
                }
            }
        }
    }

    @Test func `the fast calendar agrees with the slow one over its range`() {
        var buffer = ByteBuffer()
        var wrong = 0
        for days in stride(from: Int64(-719_162), through: 2_932_896, by: 11) {
            buffer.removeAll()
            buffer.append(date: days)
            let (year, month, day) = Temporal.date(ofDays: days)
            let text = buffer.bytes
            func number(_ range: Range<Int>) -> Int { range.reduce(0) { $0 * 10 + Int(text[$1]) - 48 } }
            if number(0..<4) != year || number(5..<7) != month || number(8..<10) != day { wrong += 1 }
        }
        #expect(wrong == 0)
    }

    @Test func `dates come back from their text`() {
        var random = Seeded(5)
        var values = Self.edges
        for _ in 0..<20_000 { values.append(Int64.random(in: -2_440_000...2_140_000_000, using: &random)) }
        for days in values { #expect(parse(text { $0.append(date: days) }, Parse.date) == days) }
    }

    @Test func `timestamps and instants come back from their text`() {
        var random = Seeded(6)
        var values: [Int64] = [
            0, 1, -1, 999_999, 86_399_999_999, -86_400_000_000, Temporal.infinity, Temporal.negativeInfinity,
            Temporal.zeroTimestamp(year: 0, month: 0, day: 0, microsecondsOfDay: 0),
            Temporal.zeroTimestamp(year: 2024, month: 2, day: 0, microsecondsOfDay: 45_296_000_001),
            Temporal.days(year: -4712, month: 1, day: 1) * Temporal.microsecondsPerDay,
            Temporal.days(year: 294_246, month: 12, day: 31) * Temporal.microsecondsPerDay + 86_399_999_999,
            -719_162 * Temporal.microsecondsPerDay, -719_162 * Temporal.microsecondsPerDay - 1,
            2_932_897 * Temporal.microsecondsPerDay, 2_932_897 * Temporal.microsecondsPerDay - 1,
        ]
        for _ in 0..<20_000 {
            values.append(Int64.random(in: -210_000_000_000_000_000...9_000_000_000_000_000_000, using: &random))
            values.append(Int64.random(in: -62_135_596_800_000_000...253_402_300_799_999_999, using: &random))
            values.append(Int64.random(in: -10_000_000_000...10_000_000_000, using: &random) * 1_000)
        }
        for value in values {
            #expect(parse(text { $0.append(timestamp: value) }, Parse.timestamp) == value)
            #expect(parse(text { $0.append(instant: value) }, Parse.instant) == value)
            #expect(parse(text { $0.append(instant: value) }, Parse.timestamp) == value)
        }
    }

    @Test func `timestamps print no more fraction than they have`() {
        let day = Temporal.days(year: 2024, month: 1, day: 31) * Temporal.microsecondsPerDay
        let expected: [(Int64, String)] = [
            (45_296_789_012, "12:34:56.789012"), (45_296_000_000, "12:34:56"), (45_296_500_000, "12:34:56.5"),
            (1, "00:00:00.000001"), (45_296_000_100, "12:34:56.0001"), (86_399_999_999, "23:59:59.999999"),
        ]
        for (rest, printed) in expected {
            #expect(text { $0.append(timestamp: day + rest) } == "2024-01-31 \(printed)")
            #expect(text { $0.append(instant: day + rest) } == "2024-01-31 \(printed)+00")
            #expect(text { $0.append(time: rest) } == printed)
        }
        let caesar = Temporal.days(year: -43, month: 3, day: 15) * Temporal.microsecondsPerDay
        #expect(text { $0.append(instant: caesar) } == "0044-03-15 00:00:00+00 BC")
    }

    @Test func `durations come back from their text`() {
        var random = Seeded(7)
        let edges: [Int64] = [0, -1, 359_999_999_999, 360_000_000_000, -3_020_399_000_000, 3_600_000_000 * 999_999_999]
        #expect(
            edges.prefix(5).map { value in text { $0.append(duration: value) } } == [
                "00:00:00", "-00:00:00.000001", "99:59:59.999999", "100:00:00", "-838:59:59",
            ])
        #expect(text { $0.append(duration: .min) } == "-2562047788:00:54.775808")
        for value in edges + (0..<20_000).map({ _ in random.integer() % 3_600_000_000_000_000 }) {
            #expect(parse(text { $0.append(duration: value) }, Parse.duration) == value)
        }
        for _ in 0..<5_000 {
            let value = Int64.random(in: 0...Temporal.microsecondsPerDay, using: &random)
            #expect(parse(text { $0.append(time: value) }, Parse.time) == value)
        }
    }

    @Test func `dates are read in other people's ways`() {
        let day = Temporal.days(year: 2024, month: 2, day: 5)
        for written in ["2024-02-05", "2024/02/05", "20240205", "2024-2-5", "2024-02-5", "02024-02-05"] {
            #expect(parse(written, Parse.date) == day, "\(written)")
        }
        #expect(parse("2024-02-5 12:00:00", Parse.timestamp) == day * 86_400_000_000 + 43_200_000_000)
        #expect(parse("2024-2-05 1:02", Parse.timestamp) == day * 86_400_000_000 + 3_720_000_000)
    }

    @Test(arguments: [
        "", "2024", "2024-02", "2024-02-30", "2023-02-29", "2024-13-01", "2024-00-32", "2024-02-05x", "2024-02/05",
        "24-02-05",
        "0000-00-00 BC", "infinity ", "--infinity", "2024-02-05 BCE", "10000-00-00", "99999999-01-01",
    ])
    func `what is no date is refused`(_ wrong: String) { #expect(parse(wrong, Parse.date) == nil) }

    @Test func `offsets move an instant to UTC`() {
        let noon = Temporal.days(year: 2024, month: 2, day: 5) * 86_400_000_000 + 43_200_000_000
        for written in [
            "2024-02-05T12:00:00Z", "2024-02-05 20:00:00+08", "2024-02-05 20:00+08:00", "2024-02-05T20:00:00.000+0800",
            "2024-02-05 06:30:00-05:30", "2024-02-05 12:00:00", "2024-02-05 12:00:00 +00:00",
            "2024-02-05 20:05:43+08:05:43",
        ] { #expect(parse(written, Parse.instant) == noon, "\(written)") }
        #expect(parse("2024-02-05T12:00:00Z", Parse.timestamp) == noon)
        #expect(parse("2024-02-05 12:00:00+08", Parse.timestamp) == nil)
        for wrong in [
            "2024-02-05 12:00:00+", "2024-02-05 12:00:00+8", "2024-02-05 12:00:00+17", "2024-02-05 12:00:00Zx",
            "2024-02-05 25:00:00", "2024-02-05 12:60:00", "2024-02-05 12:00:60", "2024-02-05T", "2024-02-05 12",
            "2024-02-05 12:00:0",
            "2024-02-05 12:00:00.", "2024-02-05 12:00:00.1234567890",
        ] {
            #expect(parse(wrong, Parse.instant) == nil, "\(wrong)")
        }
    }

    @Test func `digits after the microseconds must be zeros`() {
        let expected: [(String, Int64?)] = [
            ("00:00:00.0000004", nil), ("00:00:00.0000005", nil), ("00:00:00.123456789", nil), ("00:00:00.1234560", 123_456),
            ("00:00:00.123456000", 123_456), ("00:00:00.12345600", 123_456), ("00:00:00.1234560000", nil),
            ("23:59:59.999999999", nil), ("00:00:00.1", 100_000), ("00:00:00.12345", 123_450),
        ]
        for (written, value) in expected { #expect(parse(written, Parse.time) == value, "\(written)") }
        #expect(parse("-00:00:00.0000005", Parse.duration) == nil)
        #expect(parse("-00:00:00.0000050", Parse.duration) == -5)
        #expect(parse("24:00:00.000001", Parse.time) == nil)
        #expect(parse("24:00:00", Parse.time) == 86_400_000_000)
        #expect(parse("2024-01-31 00:00:00", Parse.day) == 19_753 && parse("2024-01-31 00:00:01", Parse.day) == nil)
    }
}
