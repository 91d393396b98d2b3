import ApusCore
import Glibc
import Synchronization

/// Rows and octets per second, over the whole process: every channel takes from the same budget.
///
/// A batch is paid for after it was read; the debt makes the next ones wait. A tenth of a second of unused budget is
/// kept, so that a short pause does not turn into a burst.
public final class RateLimit: Sendable {
    private struct Bucket {
        var perSecond: Double
        /// May be negative: debt.
        var tokens: Double
        var filledAt: Double

        mutating func take(_ amount: Double, now: Double) -> Double {
            tokens = min(perSecond / 10, tokens + (now - filledAt) * perSecond)
            filledAt = now
            tokens -= amount
            return tokens >= 0 ? 0 : -tokens / perSecond
        }
    }

    private let rows: Mutex<Bucket>?
    private let bytes: Mutex<Bucket>?

    public init(rowsPerSecond: Int?, bytesPerSecond: Int?, now: Double = Clock.monotonic()) {
        rows = rowsPerSecond.map { Mutex(Bucket(perSecond: Double(max($0, 1)), tokens: 0, filledAt: now)) }
        bytes = bytesPerSecond.map { Mutex(Bucket(perSecond: Double(max($0, 1)), tokens: 0, filledAt: now)) }
    }

    /// Whether anything is limited.
    public var isLimited: Bool { rows != nil || bytes != nil }

    /// Books what a channel has moved; returns the seconds that it must wait before it moves more.
    public func take(rows rowCount: Int, bytes byteCount: Int, now: Double = Clock.monotonic()) -> Double {
        max(
            rows?.withLock { $0.take(Double(rowCount), now: now) } ?? 0,
            bytes?.withLock { $0.take(Double(byteCount), now: now) } ?? 0)
    }
}

/// A wait that an interrupt ends.
public enum Pause {
    /// Ends early when there is nothing left to wait for.
    /// - throws: `run.cancelled`.
    public static func wait(_ seconds: Double, _ interrupt: Interrupt, unless isOver: () -> Bool = { false }) throws {
        let end = Clock.monotonic() + seconds
        while true {
            try interrupt.check()
            if isOver() { return }
            let rest = end - Clock.monotonic()
            if rest <= 0 { return }
            usleep(useconds_t(min(rest, 0.05) * 1e6))
        }
    }
}
