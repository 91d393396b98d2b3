/// A time zone's rules: between an instant and what a clock on the wall shows there.
///
/// A wall clock that is shown twice (clocks go back) or never (clocks go forward) has no one instant. Both are decided as
/// PostgreSQL and Java do: of two instants the later one, which is that of standard time; a time that is skipped is
/// counted with the offset from before the change, so that 02:30 becomes 03:30.
public struct Zone: Sendable {
    /// `Asia/Shanghai`, `+08:00`, `UTC`.
    public let name: String
    /// An instant's text has its offset, `2024-06-01 08:00:00+08`; without it, it is what the clock shows.
    public var writesOffset = true
    /// When the offset changes: seconds since 1970, UTC, ascending.
    private let changes: [Int64]
    /// Seconds east of UTC: before the first change, and from each one on.
    private let offsets: [Int64]

    public static let utc = Zone(name: "UTC", offset: 0)

    /// A clock that never changes.
    public init(name: String, offset seconds: Int64) {
        self.name = name
        changes = []
        offsets = [seconds]
    }

    /// The rules that a function knows, seconds east of UTC at a time, found out for the years 1900 to 2100.
    public init(name: String, offset: (_ seconds: Int64) -> Int64) {
        let step: Int64 = 5 * 86_400
        var changes: [Int64] = []
        var at = Zone.first
        var offsets = [offset(at)]
        while at < Zone.last {
            let next = at + step
            let new = offset(next)
            if new != offsets[offsets.count - 1] {
                // Where within these days: between two seconds.
                var (low, high) = (at, next)
                while high - low > 1 {
                    let middle = low + (high - low) / 2
                    if offset(middle) == offsets[offsets.count - 1] { low = middle } else { high = middle }
                }
                changes.append(high)
                offsets.append(offset(high))
                at = high
                continue
            }
            at = next
        }
        self.name = name
        self.changes = changes
        self.offsets = offsets
    }

    private static let first: Int64 = -2_208_988_800
    private static let last: Int64 = 4_102_444_800

    /// Seconds east of UTC, where that never changes.
    public var fixedOffset: Int64? { changes.isEmpty ? offsets[0] : nil }

    public var isUTC: Bool { fixedOffset == 0 }

    /// Seconds east of UTC, where that does not change from a time on.
    public func settledOffset(since seconds: Int64) -> Int64? { (changes.last ?? .min) <= seconds ? offsets[offsets.count - 1] : nil }

    /// Seconds east of UTC at an instant.
    public func offset(at seconds: Int64) -> Int64 {
        if changes.isEmpty { return offsets[0] }
        var (low, high) = (0, changes.count)
        while low < high {
            let middle = (low + high) / 2
            if changes[middle] <= seconds { low = middle + 1 } else { high = middle }
        }
        return offsets[low]
    }

    /// What the clock shows at an instant: both in microseconds since 1970-01-01 00:00, the instant's in UTC. Infinities
    /// and zero dates stay what they are; nil beyond the ends of the calendar.
    public func wallClock(at instant: Int64) -> Int64? {
        guard !Temporal.isInfinite(instant), !Temporal.isZero(instant) else { return instant }
        return Zone.real(instant.addingReportingOverflow(offset(at: Zone.seconds(instant)) &* 1_000_000))
    }

    /// The instant at which the clock shows that.
    public func instant(ofWallClock shown: Int64) -> Int64? {
        guard !Temporal.isInfinite(shown), !Temporal.isZero(shown) else { return shown }
        let seconds = Zone.seconds(shown)
        var offset = offsets[0]
        if !changes.isEmpty {
            // The offsets on both sides of any change near it.
            let before = self.offset(at: seconds - 86_400), after = self.offset(at: seconds + 86_400)
            let isBefore = self.offset(at: seconds - before) == before
            let isAfter = self.offset(at: seconds - after) == after
            // Shown twice: the later. Shown never: as if the clock had not been changed yet.
            offset = isAfter ? after : isBefore ? before : min(before, after)
        }
        return Zone.real(shown.subtractingReportingOverflow(offset &* 1_000_000))
    }

    /// Whole seconds, rounded down.
    private static func seconds(_ microseconds: Int64) -> Int64 {
        let quotient = microseconds / 1_000_000
        return microseconds % 1_000_000 < 0 ? quotient - 1 : quotient
    }

    private static func real(_ result: (partialValue: Int64, overflow: Bool)) -> Int64? {
        let value = result.partialValue
        return result.overflow || Temporal.isInfinite(value) || Temporal.isZero(value) ? nil : value
    }

    /// Seconds of `+08`, `+0800`, `+08:00` and, with its sign, `+8`; nil for anything else.
    public static func offset(of text: some StringProtocol) -> Int64? {
        guard let sign = text.utf8.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else { return nil }
        let rest = String(text.dropFirst())
        let parts: [String]
        if rest.contains(":") {
            parts = rest.split(separator: Character(":"), omittingEmptySubsequences: false).map { String($0) }
            guard parts.count == 2, parts[1].utf8.count == 2 else { return nil }
        } else {
            parts = rest.utf8.count == 4 ? [String(rest.prefix(2)), String(rest.suffix(2))] : [String(rest), "00"]
        }
        guard (1...2).contains(parts[0].utf8.count), parts.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } }),
            let hours = Int64(parts[0]), let minutes = Int64(parts[1]), hours <= 15, minutes < 60
        else { return nil }
        return (hours * 3600 + minutes * 60) * (sign == UInt8(ascii: "-") ? -1 : 1)
    }

    /// `+08:00`, `UTC`.
    public static func name(ofOffset seconds: Int64) -> String { seconds == 0 ? "UTC" : offsetText(seconds) }

    /// `+08:00`, `+00:00`; the seconds of zones of old are cut.
    public static func offsetText(_ seconds: Int64) -> String {
        func two(_ number: UInt64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let minutes = seconds.magnitude / 60
        return (seconds < 0 ? "-" : "+") + two(minutes / 60) + ":" + two(minutes % 60)
    }
}

extension Zone: Hashable {
    /// The same rules, whatever they are called.
    public func hasSameRules(as other: Zone) -> Bool { changes == other.changes && offsets == other.offsets }

    public static func == (a: Zone, b: Zone) -> Bool { a.name == b.name }
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}
