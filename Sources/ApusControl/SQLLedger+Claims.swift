import ApusCore

/// Claims of workers that share a run, in `apus_claim`: run and piece of work → worker, state, last sign of life.
extension SQLLedger: SharedLedger {
    public func join(run id: String) throws -> Bool {
        let now = micros(Clock.wall())
        return try transaction("join run \(id)") { session in
            let isKnown = try !session.query("SELECT run_id FROM apus_run WHERE run_id = ?", [id]).isEmpty
            _ = try session.query(
                "UPDATE apus_run SET state = 'running', finished_us = NULL, error_text = NULL, beat_us = ? WHERE run_id = ?", [now, id])
            return isKnown
        }
    }

    public func claim(_ work: String, run id: String, worker: String, lease: Double) throws -> Claim {
        let clock = try clock()
        return try transaction("claim \(work) of run \(id)") { session in
            func now() throws -> Int {
                guard let text = try session.query("SELECT \(clock.micros)").first?.first ?? nil, let now = Int(text) else {
                    throw ApusError(.malformedInput, "the ledger's clock tells no time")
                }
                return now
            }
            let rows = try session.query(
                "SELECT state, worker_id, beat_us FROM apus_claim WHERE run_id = ? AND work_name = ?", [id, work])
            let instant = try now()
            guard let row = rows.first, row.count == 3, let state = row[0], let other = row[1], let beat = row[2].flatMap({ Int($0) })
            else {
                _ = try session.query(
                    "INSERT INTO apus_claim (run_id, work_name, state, worker_id, beat_us) VALUES (?, ?, 'held', ?, ?)",
                    [id, work, worker, String(instant)])
                return .taken
            }
            if state == "done" { return .done }
            let silent = Double(instant - beat) / 1e6
            // A clock that was set back makes a sign of life lie in the future: nobody knows how old it is.
            guard other == worker || state == "free" || silent >= lease || silent < -lease else {
                return .held(by: other, silent: max(0, silent))
            }
            // Of two workers that find the same claim void, the second one finds it changed.
            _ = try session.query(
                """
                UPDATE apus_claim SET state = 'held', worker_id = ?, beat_us = ?
                WHERE run_id = ? AND work_name = ? AND state = ? AND worker_id = ? AND beat_us = ?
                """, [worker, String(instant), id, work, state, other, String(beat)])
            let holder = try session.query("SELECT worker_id FROM apus_claim WHERE run_id = ? AND work_name = ?", [id, work])
            return holder.first?.first == worker ? .taken : .held(by: other, silent: max(0, silent))
        }
    }

    public func renewClaims(run id: String, worker: String) throws -> Set<String> {
        let clock = try clock()
        return try transaction("give a sign of life for run \(id)") { session in
            _ = try session.query(
                "UPDATE apus_claim SET beat_us = \(clock.micros) WHERE run_id = ? AND worker_id = ? AND state = 'held'", [id, worker])
            let held = try session.query(
                "SELECT work_name FROM apus_claim WHERE run_id = ? AND worker_id = ? AND state = 'held'", [id, worker])
            return Set(held.compactMap { $0.first ?? nil })
        }
    }

    public func settle(_ work: String, run id: String, worker: String) throws {
        try change(work, run: id, worker: worker, to: "done")
    }

    public func release(_ work: String, run id: String, worker: String) throws {
        try change(work, run: id, worker: worker, to: "free")
    }

    private func change(_ work: String, run id: String, worker: String, to state: String) throws {
        try transaction("say that \(work) of run \(id) is \(state)") { session in
            _ = try session.query(
                "UPDATE apus_claim SET state = ? WHERE run_id = ? AND work_name = ? AND worker_id = ?", [state, id, work, worker])
        }
    }

    private func clock() throws -> ControlClock {
        guard let clock = ControlClock(link.connector.name) else {
            throw ApusError(.unsupported, "\(link.connector.title) has no clock that workers could share")
        }
        return clock
    }
}
