/// What was moved lately, per second.
///
/// Counts only grow: rows that a retry takes back have been moved all the same.
struct RateWindow: Sendable {
    private struct Sample {
        var time: Double
        var rows: Int
        var bytes: Int
    }

    /// Seconds looked back for a rate, and for an estimate of the rest, which should not jump.
    static let short = 3.0
    static let long = 15.0
    /// Seconds between samples, at least.
    private static let step = 0.1

    private var samples: [Sample] = []
    private var rows = 0
    private var bytes = 0

    /// Nothing has been moved before this moment.
    mutating func start(at time: Double) {
        if samples.isEmpty { samples = [Sample(time: time, rows: 0, bytes: 0)] }
    }

    mutating func add(rows: Int, bytes: Int, at time: Double) {
        start(at: time)
        self.rows += max(0, rows)
        self.bytes += max(0, bytes)
        if let last = samples.last, samples.count > 1, time - last.time < Self.step {
            samples[samples.count - 1].rows = self.rows
            samples[samples.count - 1].bytes = self.bytes
            return
        }
        samples.append(Sample(time: time, rows: self.rows, bytes: self.bytes))
        // One sample from before the window is kept: it is where the window begins.
        while samples.count > 2, samples[1].time < time - Self.long { samples.removeFirst() }
    }

    /// Per second over the last `window` seconds, or since the start if that is shorter.
    func rate(at now: Double, window: Double = RateWindow.short) -> (rows: Double, bytes: Double) {
        guard let first = samples.first else { return (0, 0) }
        let from = max(first.time, now - window)
        let base = samples.last { $0.time <= from } ?? first
        let span = now - from
        guard span > 0.2 else { return (0, 0) }
        return (Double(rows - base.rows) / span, Double(bytes - base.bytes) / span)
    }
}
