import ApusCore

/// The runs that the ledger knows: `apus history`.
public struct HistoryTable: Sendable {
    /// Latest first, as given. `isInterrupted` tells a run that is no longer running, though it says so.
    public static func text(
        _ runs: [RunRecord], now: Double = Clock.wall(), isInterrupted: (RunRecord) -> Bool = { $0.isInterrupted() }
    ) -> String {
        guard !runs.isEmpty else { return "no runs yet\n" }
        var table = TextTable([
            ("run", .left), ("started", .left), ("took", .right), ("status", .left), ("name", .left), ("from", .left),
            ("to", .left),
        ])
        var stale: [RunRecord] = []
        for run in runs {
            let interrupted = isInterrupted(run)
            if interrupted { stale.append(run) }
            table.add([
                run.id, Quantity.text(time: run.startedAt), Quantity.text(seconds: seconds(run, interrupted, now)),
                status(run, interrupted), run.name ?? "", run.from, run.to,
            ])
        }
        let hint =
            stale.isEmpty ? "" : "\ninterrupted runs go on with:\n" + stale.prefix(5).map { "  \(Advice.resume($0.id).line)\n" }.joined()
        return table.text + hint
    }

    /// A JSON array, one object a run.
    public static func json(
        _ runs: [RunRecord], now: Double = Clock.wall(), isInterrupted: (RunRecord) -> Bool = { $0.isInterrupted() }
    ) -> String {
        JSON.array(runs.map { .object(members($0, isInterrupted($0), now)) }).pretty
    }

    static func status(_ run: RunRecord, _ interrupted: Bool) -> String {
        interrupted ? "interrupted" : run.status.rawValue
    }

    /// A run that broke off lasted until its last sign of life.
    static func seconds(_ run: RunRecord, _ interrupted: Bool, _ now: Double) -> Double {
        max(0, (run.finishedAt ?? (interrupted ? run.beatAt : now)) - run.startedAt)
    }

    static func members(_ run: RunRecord, _ interrupted: Bool, _ now: Double) -> [JSON.Member] {
        func time(_ seconds: Double?) -> JSON {
            seconds.map { .string(Quantity.text(time: $0, milliseconds: true)) } ?? .null
        }
        return [
            .init("run_id", .string(run.id)), .init("name", run.name.map(JSON.string) ?? .null),
            .init("from", .string(run.from)), .init("to", .string(run.to)),
            .init("status", .string(status(run, interrupted))),
            .init("started_at", time(run.startedAt)), .init("finished_at", time(run.finishedAt)),
            .init("beat_at", time(run.beatAt)),
            .init("duration_ms", LogEntry.milliseconds(seconds(run, interrupted, now))),
            .init("host", .string(run.host)), .init("pid", .integer(run.pid)),
            .init("error", run.error.map(JSON.string) ?? .null),
        ]
    }
}
