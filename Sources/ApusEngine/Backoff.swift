/// How long to wait before a slice is tried again: 0.5 s doubled each time, up to a minute, ± a quarter by chance.
public struct Backoff: Sendable {
    public var first: Double = 0.5
    public var longest: Double = 60

    public init() {}

    /// Seconds before try number `attempt` (2 = the second).
    public func delay(before attempt: Int, chance: Double = .random(in: -1...1)) -> Double {
        let exponent = Double(max(0, min(attempt - 2, 20)))
        var delay = first
        for _ in 0..<Int(exponent) { delay = min(delay * 2, longest) }
        return delay * (1 + 0.25 * chance)
    }
}
