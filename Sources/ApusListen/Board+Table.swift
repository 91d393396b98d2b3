import ApusCore

extension Board {
    /// One table's line.
    public struct Table: Sendable {
        /// Position in the plan.
        public let number: Int
        public internal(set) var name: String
        public internal(set) var target: String
        public internal(set) var status = Status.waiting
        public internal(set) var slices = 0
        public internal(set) var doneSlices = 0
        /// Slices that move rows at this moment.
        public var channels: Int { moving.count { $0.value.isRunning } }
        public internal(set) var retries = 0
        public internal(set) var startedAt: Double?
        public internal(set) var result: TableResult?
        /// Rows that all slices are expected to hold; nil = unknown.
        var expected: Int?
        var expectedOfSlice: [Int: Int] = [:]
        /// Of a slice that has no estimate of its own.
        private var evenShare = 0
        private var moving: [Int: Moving] = [:]
        private var finished = Moving()
        /// Rows expected of the slices that are finished, so that what they really held can take their place.
        private var expectedOfFinished = 0
        private var window = RateWindow()
        private var shown = 0.0

        private struct Moving: Sendable {
            var rows = 0
            var bytes = 0
            var rejected = 0
            var isRunning = false
        }

        init(number: Int, name: String, target: String) {
            self.number = number
            self.name = name
            self.target = target
        }

        public var rows: Int { result?.tally.read ?? moving.values.reduce(finished.rows) { $0 + $1.rows } }
        public var bytes: Int { result?.tally.bytes ?? moving.values.reduce(finished.bytes) { $0 + $1.bytes } }
        public var rejected: Int {
            result?.tally.rejected ?? moving.values.reduce(finished.rejected) { $0 + $1.rejected }
        }

        public func rate(at now: Double) -> (rows: Double, bytes: Double) { window.rate(at: now) }

        /// Seconds until the last slice is done, at the pace of the last quarter minute.
        public func rest(at now: Double) -> Double? {
            guard status == .running, let estimate else { return nil }
            return Board.rest(moved: rows, share: estimate, pace: window.rate(at: now, window: RateWindow.long).rows)
        }

        /// The share that is done, 0…1; nil when nobody knows. It never falls, and is 1 only when the table is done.
        public var fraction: Double? {
            if status == .done { return 1 }
            return estimate.map { min(max($0, shown), 0.999) }
        }

        var isOpen: Bool { result == nil }

        /// Rows of finished slices as they were, and of the others as they were expected.
        var expectation: Int? {
            expected.map { max(0, $0 - expectedOfFinished) + finished.rows }
        }

        var estimate: Double? {
            if let expectation, expectation > 0 {
                let moved = moving.reduce(finished.rows) { sum, entry -> Int in
                    // A slice that holds more than expected takes nothing from what is left of the others.
                    let share = share(of: entry.key)
                    return sum + (share > 0 ? min(entry.value.rows, share) : entry.value.rows)
                }
                return min(1, Double(moved) / Double(expectation))
            }
            if expected != nil, doneSlices < slices { return 0 }
            return slices > 1 ? Double(doneSlices) / Double(slices) : nil
        }

        // MARK: Events

        mutating func begin(_ name: String, _ target: String, slices: Int, done: Int, rows: Int?, at time: Double) {
            self.name = name
            self.target = target
            self.slices = slices
            doneSlices = done
            if let rows { expected = rows }
            evenShare = slices > 0 ? (expected ?? 0) / slices : 0
            status = .running
            startedAt = time
            window.start(at: time)
            // Slices of an earlier run: their share stands for what they held.
            if done > 0, slices > 0, let expected {
                finished.rows = expected * done / slices
                expectedOfFinished = finished.rows
            }
            note()
        }

        mutating func start(slice: Int, attempt: Int, at time: Double) {
            if status == .waiting { status = .running }
            moving[slice] = Moving(isRunning: true)
            note()
        }

        mutating func move(_ slice: Int, rows: Int, bytes: Int, at time: Double) {
            window.add(rows: rows, bytes: bytes, at: time)
            moving[slice, default: Moving(isRunning: true)].rows += rows
            moving[slice, default: Moving(isRunning: true)].bytes += bytes
            note()
        }

        mutating func reject(_ slice: Int, _ count: Int) {
            moving[slice, default: Moving(isRunning: true)].rejected += count
        }

        mutating func finish(_ slice: Int, _ tally: Tally) {
            moving[slice] = nil
            expectedOfFinished += share(of: slice)
            finished.rows += tally.read
            finished.bytes += tally.bytes
            finished.rejected += tally.rejected
            doneSlices += 1
            note()
        }

        mutating func retry(_ slice: Int) {
            moving[slice] = Moving()
            retries += 1
        }

        mutating func split(_ slice: Int, into parts: [Int]) {
            let share = share(of: slice)
            moving[slice] = nil
            expectedOfSlice[slice] = nil
            slices += parts.count - 1
            for (index, part) in parts.enumerated() {
                // The parts together are expected to hold what the whole was.
                expectedOfSlice[part] = share * (index + 1) / parts.count - share * index / parts.count
            }
            note()
        }

        mutating func end(_ result: TableResult, at time: Double) {
            name = result.name
            target = result.target
            self.result = result
            moving = [:]
            status = result.status == .done ? .done : result.status == .failed ? .failed : .stopped
        }

        private func share(of slice: Int) -> Int {
            expectedOfSlice[slice] ?? evenShare
        }

        private mutating func note() { shown = max(shown, estimate ?? 0) }
    }
}
