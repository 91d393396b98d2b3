import ApusCore
import Glibc
import Tabular

/// One process that extracts: the owner of leases.
public struct ControlWorker: Sendable, Hashable {
    public let id: String
    /// What it runs, as a key; see ``ControlDatabase/enroll(_:task:leaseSeconds:)``.
    public let task: String
    /// Machine and process namespace: only there does a process id mean anything.
    public let place: String
    public let process: Int
    /// When the night began that this worker takes part in, by the control database's clock: its own start, or that of
    /// the first live worker with the same task. Microseconds since 1970, UTC.
    public let since: Int
}

/// The right to run one config row until it is done, or until its worker gives no sign of life.
public struct ControlLease: Sendable, Hashable {
    public let key: String
    public let worker: String
    /// The run under way.
    public var run: String
    /// What the run takes: the first day, and the one behind the last, `2026-11-21`.
    public var from: String
    public var upTo: String
    /// The run is another worker's, which died: it goes on from its last slice.
    public let isTakenOver: Bool
    /// When the dead worker's night began, if it ran the same task. Microseconds since 1970, UTC.
    public var since: Int?
}

public enum ControlClaim: Sendable {
    case taken(ControlLease)
    /// Another worker is at it.
    case held(by: String)
    /// Another worker of this night has done it already, well or not.
    case done(isFailed: Bool)
}

extension ControlDatabase {
    /// Seconds without a sign of life after which a lease is free.
    public static let leaseSeconds = 30

    static var place: String {
        var buffer = [CChar](repeating: 0, count: 64)
        let count = readlink("/proc/self/ns/pid", &buffer, buffer.count - 1)
        let space = count > 0 ? String(decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self) : ""
        return RunRecord.hostName + " " + space
    }

    // MARK: Clock

    /// The control database's clock: microseconds since 1970, UTC, and the seconds that its own zone is east of UTC.
    public func now() throws -> (micros: Int, offset: Int) {
        try link.perform("tell the time") { session in
            let row = try session.query("SELECT \(clock.micros), \(clock.offset)").first ?? []
            let numbers = row.map { $0.flatMap { Double($0) } ?? 0 }
            return (Int(numbers.first ?? 0), Int(numbers.last ?? 0))
        }
    }

    /// Its own zone; that of this process for a file.
    public func zone() throws -> Zone {
        try link.perform("tell the time zone") { try $0.sessionZone()?.zone ?? .process }
    }

    func micros(_ session: any SQLSession) throws -> Int {
        guard let text = try session.query("SELECT \(clock.micros)").first?.first ?? nil, let now = Double(text) else {
            throw Self.noTime
        }
        return Int(now)
    }

    private static let noTime = ApusError(.statement, "the control database does not tell the time")

    // MARK: Workers

    /// Enters a worker for a task, which is any text that says what is to be run; workers of one task share a night.
    public func enroll(_ id: String, task: String, leaseSeconds: Int = leaseSeconds) throws -> ControlWorker {
        let task = FlowKey.text(task)
        return try link.transaction("enter this worker") { session in
            let now = try micros(session)
            _ = try session.query(
                "DELETE FROM apus_worker WHERE beat_us < ?", [String(now - 30 * 86_400_000_000)])
            let others = try session.query(
                "SELECT since_us, host_name, process_id FROM apus_worker WHERE task_key = ? AND beat_us >= ? AND worker_id <> ?",
                [task, String(now - leaseSeconds * 1_000_000), id])
            let live = others.filter { !Self.isGone(place: $0[1], process: $0[2]) }.compactMap { $0[0].flatMap { Int($0) } }
            let since = min(now, live.min() ?? now)
            let process = Int(getpid())
            _ = try session.query("DELETE FROM apus_worker WHERE worker_id = ?", [id])
            try session.insert(
                into: "apus_worker", "worker_id, task_key, host_name, process_id, since_us, beat_us",
                [[id, task, Self.place, String(process), String(since), String(now)]])
            return ControlWorker(id: id, task: task, place: Self.place, process: process, since: since)
        }
    }

    public func leave(_ worker: ControlWorker) throws {
        _ = try link.perform("let this worker go", patience: 1) { try $0.query("DELETE FROM apus_worker WHERE worker_id = ?", [worker.id]) }
    }

    /// A sign of life for the worker and its leases. Returns the keys of those that it still holds.
    /// - parameter patience: seconds to try for.
    public func beat(_ worker: ControlWorker, patience: Double) throws -> Set<String> {
        try link.perform("give a sign of life", patience: patience) { session in
            let now = try micros(session)
            _ = try session.query("UPDATE apus_worker SET beat_us = ? WHERE worker_id = ?", [String(now), worker.id])
            _ = try session.query(
                "UPDATE apus_lease SET beat_us = ? WHERE worker_id = ? AND state = 'running'", [String(now), worker.id])
            let rows = try session.query("SELECT lease_key FROM apus_lease WHERE worker_id = ? AND state = 'running'", [worker.id])
            return Set(rows.compactMap { $0.first ?? nil })
        }
    }

    // MARK: Leases

    /// What a lease stands under.
    public static func leaseKey(_ table: String, _ row: ControlRow) -> String {
        // A table without ids is told apart by names.
        "\(FlowKey.text(table).prefix(12)):\(row.id.map(String.init) ?? FlowKey.text("\(row.sourceTable)|\(row.targetTable)"))"
    }

    /// The runs of rows whose last run failed, by the lease's key.
    public func failedRuns() throws -> [String: String] {
        try link.perform("read the leases") { session in
            let rows = try session.query("SELECT lease_key, run_id FROM apus_lease WHERE state = 'failed'")
            return Dictionary(rows.compactMap { row in row[0].flatMap { key in row[1].map { (key, $0) } } }, uniquingKeysWith: { $1 })
        }
    }

    /// Takes the lease of a row, if nobody holds it. Called within a transaction.
    /// - parameter resuming: a run that failed and is to be gone on with.
    /// - parameter ended: the run that this worker has ended under its lease. Another one that it holds is what an earlier
    ///   try has taken whose answer was lost.
    /// - parameter isDone: whether the log says that the window was done since a time, microseconds since 1970.
    func claim(
        _ key: String, _ worker: ControlWorker, from: String, upTo: String, run: String, resuming: String?, ended: String?,
        leaseSeconds: Int, _ session: any SQLSession, isDone: (_ since: Int) throws -> Bool
    ) throws -> ControlClaim {
        let row = try session.query(
            """
            SELECT l.state, l.worker_id, l.run_id, l.host_name, l.process_id, l.day_from, l.day_upto, l.beat_us, l.done_us, \(clock.micros) \
            FROM (SELECT 1 AS one) o LEFT JOIN apus_lease l ON l.lease_key = ?
            """, [key]
        ).first
        guard let row, let now = row[9].flatMap({ Double($0) }).map({ Int($0) }) else { throw Self.noTime }
        let found = row[0] == nil ? nil : row
        func own(_ run: String, _ from: String, _ upTo: String, isTakenOver: Bool) -> ControlClaim {
            .taken(ControlLease(key: key, worker: worker.id, run: run, from: from, upTo: upTo, isTakenOver: isTakenOver))
        }
        guard let found else {
            try session.insert(
                into: "apus_lease", "lease_key, state, worker_id, run_id, host_name, process_id, day_from, day_upto, beat_us, done_us",
                [[key, "running", worker.id, run, worker.place, String(worker.process), from, upTo, String(now), "0"]])
            return own(run, from, upTo, isTakenOver: false)
        }
        let state = found[0] ?? "", holder = found[1] ?? "", beat = found[7] ?? "0"
        let isRunning = state == "running"
        let oldRun = found[2] ?? "", oldFrom = found[5] ?? "", oldUpTo = found[6] ?? ""
        if isRunning, holder != worker.id {
            // A beat far ahead of the clock is no sign of life either: the clock was set back.
            let isSilent = abs(now - (Int(beat) ?? 0)) > leaseSeconds * 1_000_000
            guard isSilent || Self.isGone(place: found[3], process: found[4]) else { return .held(by: found[3] ?? "another machine") }
        }
        if !isRunning, (Int(found[8] ?? "") ?? 0) >= worker.since, holder != worker.id {
            if oldFrom == from, oldUpTo == upTo { return .done(isFailed: state != "done") }
            if try isDone(worker.since) { return .done(isFailed: false) }
        }
        let isOther = holder != worker.id || (oldRun != run && oldRun != ended)
        let isTakenOver = !oldRun.isEmpty && (isRunning ? isOther : state == "failed" && oldRun == resuming)
        let (nextRun, nextFrom, nextUpTo) = isTakenOver ? (oldRun, oldFrom, oldUpTo) : (run, from, upTo)
        // Whoever changes the row as it was read wins; the other finds another holder in it.
        _ = try session.query(
            """
            UPDATE apus_lease SET state = 'running', worker_id = ?, run_id = ?, host_name = ?, process_id = ?, day_from = ?, day_upto = ?, \
            beat_us = ? WHERE lease_key = ? AND worker_id = ? AND state = ? AND beat_us = ?
            """,
            [worker.id, nextRun, worker.place, String(worker.process), nextFrom, nextUpTo, String(now), key, holder, state, beat])
        let holds = try session.query("SELECT worker_id, beat_us FROM apus_lease WHERE lease_key = ?", [key]).first
        guard holds?[0] == worker.id, holds?[1] == String(now) else { return .held(by: "another worker") }
        guard isTakenOver, isRunning, case .taken(var lease) = own(nextRun, nextFrom, nextUpTo, isTakenOver: true) else {
            return own(nextRun, nextFrom, nextUpTo, isTakenOver: isTakenOver)
        }
        lease.since = try session.query(
            "SELECT since_us FROM apus_worker WHERE worker_id = ? AND task_key = ?", [holder, worker.task]
        ).first?.first?.flatMap { Int($0) }
        return .taken(lease)
    }

    /// The time, where the lease is still its worker's.
    func holds(_ lease: ControlLease, _ session: any SQLSession) throws -> Int? {
        // Locked first: an earlier try whose answer was lost may be on its way yet, and only then is its end seen.
        _ = try session.query(
            "UPDATE apus_lease SET state = state WHERE lease_key = ? AND worker_id = ? AND state = 'running'", [lease.key, lease.worker])
        return try session.query(
            "SELECT \(clock.micros) FROM apus_lease WHERE lease_key = ? AND worker_id = ? AND state = 'running'", [lease.key, lease.worker]
        ).first?[0].flatMap { Double($0) }.map { Int($0) }
    }

    func end(_ lease: ControlLease, _ state: String, at now: Int, _ session: any SQLSession) throws {
        _ = try session.query(
            "UPDATE apus_lease SET state = ?, done_us = ?, beat_us = ? WHERE lease_key = ? AND worker_id = ?",
            [state, String(now), String(now), lease.key, lease.worker])
    }

    /// Gives a lease back as if it had never been taken, so that the next worker goes on with its run.
    public func release(_ lease: ControlLease) throws {
        _ = try link.perform("give a lease back", patience: 1) { session in
            try session.query(
                "UPDATE apus_lease SET beat_us = 0 WHERE lease_key = ? AND worker_id = ? AND state = 'running'", [lease.key, lease.worker])
        }
    }

    /// A process of this machine that is no more.
    private static func isGone(place: String?, process: String?) -> Bool {
        guard place == Self.place, let process = process.flatMap({ Int32($0) }), process > 0 else { return false }
        return kill(process, 0) != 0 && errno == ESRCH
    }
}
