import ApusCore
import ApusListen
import Testing

@Suite struct QuantityTextTests {
    @Test(arguments: [(0, "0"), (7, "7"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (-1000, "-1,000")])
    func `counts have commas`(_ count: Int, _ text: String) {
        #expect(Quantity.text(count: count) == text)
    }

    @Test func `one row is no rows`() {
        #expect(Quantity.text(1, "row") == "1 row")
        #expect(Quantity.text(1_234_567, "row") == "1,234,567 rows")
    }

    @Test(arguments: [
        (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_250_000, "1.3 MB"), (1_200_000_000, "1.2 GB"),
        (999_960, "1.0 MB"),
        (Int.max, "9223.4 PB"),
    ])
    func `sizes have units`(_ bytes: Int, _ text: String) {
        #expect(Quantity.text(bytes: bytes) == text)
    }

    @Test(arguments: [
        (0.0, "0.00s"), (0.05, "0.05s"), (0.999, "1.0s"), (12.34, "12.3s"), (59.96, "1m 00s"), (201, "3m 21s"),
        (3600, "1h 00m"),
        (7500, "2h 05m"), (187_200, "2d 04h"), (.infinity, "?"),
    ])
    func `times have units`(_ seconds: Double, _ text: String) {
        #expect(Quantity.text(seconds: seconds) == text)
    }

    @Test func `only the whole is a hundred percent`() {
        #expect(Quantity.text(fraction: 0.9999) == "99 %")
        #expect(Quantity.text(fraction: 1) == "100 %")
        #expect(Quantity.text(fraction: -1) == "0 %")
    }

    @Test func `instants are UTC`() {
        #expect(Quantity.text(time: 1_795_248_010.1239, milliseconds: true) == "2026-11-21T08:00:10.124Z")
        #expect(Quantity.text(time: 1_795_248_010) == "2026-11-21 08:00:10Z")
        #expect(Quantity.text(time: -1, milliseconds: true) == "1969-12-31T23:59:59.000Z")
        #expect(Quantity.text(time: .nan) == "1970-01-01 00:00:00Z")
    }
}
