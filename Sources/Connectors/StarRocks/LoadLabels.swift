import ApusCore

/// Asks about labels and ends transactions: the one place where an unclear outcome becomes a clear one.
struct LoadLabels {
    let session: StarRocksSession
    let client: LoadClient
    let load: Load
    let database: String
    /// Tells the labels of a target that was given up and made ready again from those before: the server still knows them.
    var generation = "0"

    init(_ session: StarRocksSession, _ client: LoadClient, _ load: Load) throws {
        self.session = session
        self.client = client
        self.load = load
        database = try session.requiredDatabase(load.target.schema)
    }

    /// What became of a label.
    enum Outcome {
        case loaded
        /// Not in the table; `mayReuse`: the server does not know the label, so that it is kept.
        case missing(mayReuse: Bool)
    }

    /// `apus_<run>_<target>_<generation>_<slice>_<attempt>`, within `^[-\w]{1,128}$`.
    func label(_ slice: Int, _ attempt: Int) -> String {
        let run = load.runID.suffix(12).filter { $0.isASCII && ($0.isLetter || $0.isNumber) }
        return "apus_\(run)_\(StarRocksSession.hash(load.destination.description).prefix(10))_\(generation)_\(slice)_\(attempt)"
    }

    // MARK: Asking

    /// Seconds that an unclear outcome is waited for.
    private static let patience = 90.0

    func state(_ label: String) throws -> LabelState {
        let call = LoadCall(
            method: "GET", path: "/api/\(LoadClient.escaped(database))/get_load_state?label=\(label)",
            doing: "ask what became of a load of \(load.target)")
        var failure: ApusError?
        for attempt in 0..<6 {
            if attempt > 0 { try session.wait(0.2 * Double(1 << attempt)) }
            do {
                let answer = try client.run(call)
                // Doris: {"code": 0, "data": "VISIBLE"}.
                let text = answer["state"] ?? answer["data"] ?? ""
                if let state = LabelState(text, reason: answer["reason"] ?? "") { return state }
                failure = ApusError(
                    .transient, "could not \(call.doing)", context: session.endpoint.label, underlying: "HTTP \(answer.status)")
            } catch let fault as LoadFault where fault.kind == .unreached || fault.kind == .broken {
                failure = session.error(fault, doing: call.doing)
            } catch let fault as LoadFault {
                throw session.error(fault, doing: call.doing)
            }
        }
        throw failure!
    }

    /// Finds out whether a label's rows are in the table, and ends a transaction that is still open.
    ///
    /// - parameters:
    ///   - commits: a prepared transaction is committed; without, it is rolled back.
    ///   - isRefused: the server has said that the load failed, so that a label that it does not know was never used.
    /// - throws: `target.interrupted` when nobody can tell; a transient error when the cluster does not answer.
    func settle(_ entry: JournalEntry, commits: Bool = false, isRefused: Bool = false) throws -> Outcome {
        let end = Clock.monotonic() + Self.patience
        var unknown = 0, round = 0
        while true {
            try session.interrupt.check()
            switch try state(entry.label) {
            case .visible: return .loaded
            // Seen after a while: a swap must not come before.
            case .committed: if Clock.monotonic() > end - 20 { return .loaded }
            case .aborted: return .missing(mayReuse: false)
            case .prepared: _ = try? finish(entry.label, commits ? .commit : .rollback)
            case .running:
                // A request without an answer may still commit by itself; it is given some time.
                if entry.state == .open || entry.state == .commit { _ = try? finish(entry.label, .rollback) }
                if round > 8 { cancel(entry.label) }
            case .unknown:
                unknown += 1
                if unknown >= 3 {
                    if entry.state == .open || isRefused { return .missing(mayReuse: true) }
                    return try readBack(entry)
                }
            }
            guard Clock.monotonic() < end else {
                throw ApusError(
                    .transient, "the load \(entry.label) of \(load.target) is neither committed nor aborted after \(Int(Self.patience)) s",
                    hint: "See `SHOW TRANSACTION WHERE label = '\(entry.label)'` and `SHOW PROC '/transactions'`.",
                    context: session.endpoint.label)
            }
            round += 1
            try session.wait(min(1, 0.1 * Double(round)))
        }
    }

    /// Waits a while until committed rows can be seen.
    func awaitVisible(_ label: String, seconds: Double = 60) throws {
        let end = Clock.monotonic() + seconds
        var pause = 0.1
        while Clock.monotonic() < end {
            if try state(label) != .committed { return }
            try session.wait(pause)
            pause = min(2, pause * 1.5)
        }
    }

    private func cancel(_ label: String) {
        let path = "/api/\(LoadClient.escaped(database))/\(label)/_cancel"
        _ = try? client.run(LoadCall(method: "POST", path: path, doing: "cancel a load of \(load.target)"))
    }

    // MARK: Counting

    /// The server has forgotten the label: whether its rows are there is told by how many rows the table has.
    private func readBack(_ entry: JournalEntry) throws -> Outcome {
        let model = try session.declaration(load.destination).model
        // Rows of the same keys are there once, however often they are loaded.
        if model == "PRIMARY KEY" || model == "UNIQUE KEY" { return .missing(mayReuse: true) }
        guard model == "DUPLICATE KEY", let prepared = try session.mark(StarRocksSession.Mark.prepared, load), prepared.read >= 0 else {
            throw unclear(entry, "a table of the model \(model) does not tell by its rows")
        }
        var pause = 0.2
        for _ in 0..<12 {
            let before = try session.entries(load)
            var known = prepared.read + before.filter { $0.state == .done }.reduce(0) { $0 + $1.written }
            // That a slice is done may not be written yet; its label says so. Asked before the rows are counted.
            var others: [JournalEntry] = []
            for other in before where other.isSent && !other.isSameRow(as: entry) {
                switch try state(other.label) {
                case .visible: known += other.written
                case .aborted: break
                default: others.append(other)
                }
            }
            let count = try rowCount()
            if before == (try session.entries(load)) {
                if count == known { return .missing(mayReuse: true) }
                if others.isEmpty {
                    if count == known + entry.written { return .loaded }
                    throw unclear(entry, "it has \(count) rows, neither \(known) nor \(known + entry.written)")
                }
                if count == known + entry.written + others.reduce(0, { $0 + $1.written }) { return .loaded }
            }
            try session.wait(pause)
            pause = min(5, pause * 2)
        }
        throw unclear(entry, "other loads of it are under way")
    }

    func rowCount() throws -> Int {
        let rows = try session.rows(
            "SELECT count(*) FROM \(session.dialect.quote(load.destination))", doing: "count the rows of \(load.destination)")
        return Int(rows.first?.first.flatMap { $0 } ?? "") ?? -1
    }

    private func unclear(_ entry: JournalEntry, _ why: String) -> ApusError {
        let kept = session.labelsKept().map { ", which is \($0) here," } ?? ""
        let memory =
            "A database's labels are forgotten when label_keep_max_num of them\(kept) have come after it: a larger one on the FEs keeps them longer."
        return ApusError(
            .interrupted,
            "the server has forgotten the label \(entry.label), and whether its \(entry.written) rows are in \(load.target) cannot be told: \(why)",
            hint: load.isStaged
                ? "Only the staging table is concerned. \(Advice.resume(load.runID)) makes it anew and loads this table again. \(memory)"
                : "Compare the table with its source. Then \(Advice.resume(load.runID)) goes on, or \(Advice.discard(load.runID)) gives the run up. \(memory)",
            context: session.endpoint.label)
    }
}

extension StarRocksSession {
    /// How many labels of a database the FEs keep, where the user may know.
    func labelsKept() -> Int? {
        guard
            let found = try? table("ADMIN SHOW FRONTEND CONFIG LIKE 'label_keep_max_num'", doing: "ask how many labels the FEs keep"),
            let at = found.names.firstIndex(of: "Value")
        else { return nil }
        return found.rows.first?[at].flatMap { Int($0) }
    }
}

extension StarRocksSession {
    /// A request without an answer, in words that name the part at fault.
    func error(_ fault: LoadFault, doing: String) -> ApusError {
        let port = options.https ? "https" : "http"
        switch fault.kind {
        case _ where interrupt.isFired, .stopped: return ApusError(.cancelled, "stopped while it tried to \(doing)")
        case .noLibrary:
            return ApusError(
                .unsupported, "could not \(doing): the library libcurl is not there",
                hint: "apt-get install libcurl4 (7.68 or newer), or libcurl3-gnutls.", context: endpoint.label)
        case .refused:
            return ApusError(
                .refused, "could not \(doing): \(fault.place) refused user \(endpoint.user ?? "root")",
                hint: fault.isRedirected
                    ? "The FE has sent the load there; all servers of a cluster take the same user and password, unless a proxy in between wants its own."
                    : "Check user, password, and the right to INSERT.",
                context: endpoint.label, underlying: fault.words.isEmpty ? nil : fault.words)
        case .tls:
            return ApusError(
                .tls, "could not \(doing): no TLS connection to \(fault.place)", hint: "Check `https` and `ca`.", context: endpoint.label,
                underlying: fault.words)
        case .unreached where fault.isRedirected:
            return ApusError(
                .unreachable, "could not \(doing): the FE sends it to \(fault.place), which cannot be reached from here",
                hint: "Where BEs have other addresses here (NAT, containers), say which: be_map=\(fault.place)=reachable-host:port. "
                    + "Otherwise see that the server runs and that nothing in between is in the way.",
                context: endpoint.label, underlying: fault.words)
        case .unreached:
            return ApusError(
                .unreachable, "could not \(doing): no FE answers at \(fault.place)",
                hint: "Check `http`, the FEs' HTTP port (8030 by default), that the FEs run, and firewalls in between.",
                context: endpoint.label, underlying: fault.words)
        case .broken, .body:
            return ApusError(
                .unreachable, "could not \(doing): the connection to \(fault.place) broke, or nothing came in time (\(port))",
                context: endpoint.label, underlying: fault.words)
        }
    }
}
