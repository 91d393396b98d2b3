import ApusCore

/// What all runs of a process have together: how much may be done at once, in all and on each end, and how fast.
///
/// Sendable, unchecked: all state is guarded by the monitor.
public final class Budget: @unchecked Sendable {
    let limit: RateLimit
    private let most: Int
    private let mostPerEnd: Int?
    private let monitor = Monitor()
    private var busy = 0
    private var busyEnds: [Endpoint: Int] = [:]

    /// `channels` is how many slices are loaded at a time; `perEnd` how many of them at most on one source or target.
    public init(channels: Int, perEnd: Int? = nil, rowsPerSecond: Int? = nil, bytesPerSecond: Int? = nil) {
        most = max(1, channels)
        mostPerEnd = perEnd.map { max(1, $0) }
        limit = RateLimit(rowsPerSecond: rowsPerSecond, bytesPerSecond: bytesPerSecond)
    }

    /// Waits until there is room, and takes it. False when the interrupt fired in that time; nothing is taken then.
    func enter(_ ends: [Connections], _ interrupt: Interrupt) -> Bool {
        monitor.locked {
            while !hasRoom(ends) {
                if interrupt.isFired { return false }
                // An interrupt wakes nobody: look again after a tenth of a second.
                monitor.wait(seconds: 0.1)
            }
            busy += 1
            for end in ends { busyEnds[end.endpoint, default: 0] += 1 }
            return true
        }
    }

    func leave(_ ends: [Connections]) {
        monitor.locked {
            busy -= 1
            for end in ends { busyEnds[end.endpoint, default: 0] -= 1 }
            monitor.broadcast()
        }
    }

    private func hasRoom(_ ends: [Connections]) -> Bool {
        guard busy < most else { return false }
        return ends.allSatisfy { end in
            busyEnds[end.endpoint, default: 0] < min(mostPerEnd ?? .max, end.connector.abilities.writers)
        }
    }
}
