import ApusEngine
import Testing

@Suite struct RateLimitTests {
    @Test func `what was moved beyond the rate is waited for`() {
        let limit = RateLimit(rowsPerSecond: 1_000, bytesPerSecond: nil, now: 0)
        #expect(limit.take(rows: 500, bytes: 0, now: 0) == 0.5)
        #expect(limit.take(rows: 500, bytes: 0, now: 0.5) == 0.5)
    }

    @Test func `a pause saves a tenth of a second at most`() {
        let limit = RateLimit(rowsPerSecond: 1_000, bytesPerSecond: nil, now: 0)
        #expect(limit.take(rows: 100, bytes: 0, now: 60) == 0)
        #expect(limit.take(rows: 100, bytes: 0, now: 60) == 0.1)
    }

    @Test func `the stricter of rows and octets counts`() {
        let limit = RateLimit(rowsPerSecond: 1_000, bytesPerSecond: 1_000, now: 0)
        #expect(limit.take(rows: 1, bytes: 2_000, now: 0) == 2)
    }

    @Test func `no limit never waits`() {
        let limit = RateLimit(rowsPerSecond: nil, bytesPerSecond: nil, now: 0)
        #expect(!limit.isLimited)
        #expect(limit.take(rows: .max, bytes: .max, now: 0) == 0)
    }

    @Test func `waits before retries double up to a minute`() {
        let backoff = Backoff()
        #expect([2, 3, 4, 5].map { backoff.delay(before: $0, chance: 0) } == [0.5, 1, 2, 4])
        #expect(backoff.delay(before: 50, chance: 0) == 60)
        #expect(backoff.delay(before: 2, chance: 1) == 0.625)
    }
}
