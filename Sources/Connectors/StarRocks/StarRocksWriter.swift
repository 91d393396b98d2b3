import ApusCore
import Tabular

/// Writes slices by Stream Load: what fits into a few MiB as one request when the slice is committed, more as a transaction
/// whose body is sent while it is encoded.
final class StarRocksWriter: Writer {
    let session: StarRocksSession
    let load: Load
    let target: LoadTarget
    let form: LoadForm
    let encoder: LoadEncoder
    let labels: LoadLabels
    /// How the rows are to be read, the same for all loads.
    let headers: [(name: String, value: String)]
    private let compressor: LoadCompressor
    /// For bodies, while ``labels`` asks.
    private let carrier: LoadClient
    /// Tells this writer's labels from those of another worker.
    let name: String

    private var slice = 0
    private(set) var isCareful = false
    /// The slice was loaded before: its rows are counted, not loaded twice.
    private(set) var done: JournalEntry?
    var entry: JournalEntry?
    private var attempt = 1
    /// Encoded rows that are not compressed yet.
    var rows = ByteBuffer(capacity: LoadBody.chunkSize + (64 << 10))
    private(set) var encoded = 0
    /// Compressed rows that are not being sent yet.
    private var pending: [LoadChunk] = []
    private var pendingOctets = 0
    private var upload: LoadUpload?
    private var isTransaction = false
    /// The last piece of a request whose end is its commit.
    private var held: LoadChunk?
    /// Octets of rows in the request under way.
    private var carried = 0
    private var loaded = 0
    private var journaledAt = 0.0

    /// Compressed octets of a slice that are kept to be sent as one request.
    static let smallLoad = 8 << 20

    init(_ session: StarRocksSession, _ load: Load, _ target: LoadTarget) throws {
        self.session = session
        self.load = load
        self.target = target
        form = LoadForm(session.profile, session.options.compression)
        encoder = LoadEncoder(target, form)
        compressor = LoadCompressor(form.method)
        carrier = LoadClient(session)
        labels = try LoadLabels(session, LoadClient(session), load)
        name = StarRocksSession.process + " " + String(UInt32.random(in: .min ... .max), radix: 16)
        headers = try Self.headers(session, load, target, form)
    }

    private static func headers(
        _ session: StarRocksSession, _ load: Load, _ target: LoadTarget, _ form: LoadForm
    ) throws -> [(name: String, value: String)] {
        let options = session.options
        var headers = form.headers
        headers.append(("columns", target.columnsHeader(form, operation: nil)))
        headers += [("strict_mode", options.isStrict ? "true" : "false"), ("max_filter_ratio", "0")]
        let isPartial = options.isPartialUpdate || (load.mode == .upsert && !target.isWhole)
        if isPartial, !load.isStaged, target.isKeyed {
            headers.append((session.profile.isDoris ? "partial_columns" : "partial_update", "true"))
        }
        if let condition = options.mergeCondition {
            guard target.model == .primary else {
                throw ApusError(
                    .unsupported, "merge_condition needs a primary key table, and \(load.target) is none", context: session.endpoint.label)
            }
            headers.append(("merge_condition", condition))
        }
        return headers
    }

    var doing: String { "load rows into \(load.target)" }

    // MARK: Begin

    func begin(_ slice: Slice, careful: Bool) throws {
        abort()
        self.slice = slice.id
        isCareful = careful
        (encoded, loaded, carried, attempt) = (0, 0, 0, 1)
        (done, entry) = (nil, nil)
        let known = try session.entries(load, slice: slice.id)
        done = known.last { $0.state == .done }
        if done == nil, !known.isEmpty { try settle(known) }
    }

    /// Clears what earlier tries at the slice have left.
    private func settle(_ known: [JournalEntry]) throws {
        attempt = known.map(\.attempt).max()! + 1
        let open = known.filter { $0.state != .dead && $0.state != .mark }
        if open.isEmpty { return }
        // Written before the others are looked at: a writer that is still alive sees it before it commits, or is seen.
        var own = made(.open)
        try session.write(own, load)
        var reused: Int?
        for var other in open {
            switch try labels.settle(other) {
            case .loaded:
                other.state = .done
                done = other
            case .missing(let mayReuse):
                if mayReuse { reused = max(reused ?? 0, other.attempt) }
                other.state = .dead
            }
            try session.write(other, load)
        }
        if done == nil, reused == nil { return entry = own }
        own.state = .dead
        try session.write(own, load)
        if let reused { attempt = reused }
    }

    private func made(_ state: JournalEntry.State) -> JournalEntry {
        JournalEntry(slice: slice, attempt: attempt, label: labels.label(slice, attempt), state: state, writer: name)
    }

    func journal(_ entry: JournalEntry) throws {
        self.entry = entry
        try session.write(entry, load)
        journaledAt = Monotonic.now
    }

    // MARK: Rows

    func write(_ batch: Batch) throws -> [RejectedRow] {
        try session.interrupt.check()
        encoder.begin(batch)
        if isCareful { return try writeCarefully(batch) }
        var bad: [RejectedRow] = []
        var row = 0
        while row < batch.rowCount {
            let first = row
            let count = bad.count
            row = encoder.append(batch, from: row, to: &rows, until: LoadBody.chunkSize) { bad.append(rejected(batch, $0, $1)) }
            encoded += row - first - (bad.count - count)
            if rows.count >= LoadBody.chunkSize { try turn() }
        }
        return bad
    }

    /// Takes encoded rows that are known to be good.
    func take(_ octets: UnsafeBufferPointer<UInt8>, rows count: Int) throws {
        rows.append(octets)
        encoded += count
        if rows.count >= LoadBody.chunkSize { try turn() }
    }

    func rejected(_ batch: Batch, _ row: Int, _ column: Int) -> RejectedRow {
        RejectedRow(
            row: batch.firstRow + row, column: target.items[column].name, reason: encoder.reason(batch, row, column),
            values: batch.json(row: row))
    }

    /// Compresses what is encoded and hands it on.
    private func turn() throws {
        guard done == nil else { return rows.removeAll() }
        carried += rows.count
        let isLast =
            isTransaction && !session.profile.isDoris
            && (carried >= session.options.loadBytes || Monotonic.now - upload!.begun >= session.options.loadAge)
        let chunk = try compressed(isLast: isLast)
        guard let upload else {
            pending.append(chunk)
            pendingOctets += chunk.buffer.count
            if pendingOctets > Self.smallLoad || session.options.interface == .transaction || session.profile.isDoris { try open() }
            return
        }
        guard upload.body.put(chunk) else { throw try ended() }
        if isLast {
            try closeUpload()
            try send([])
        }
        // A sign of life.
        if Monotonic.now - journaledAt > 120, let entry { try journal(entry) }
    }

    private func compressed(isLast: Bool) throws -> LoadChunk {
        let chunk = upload?.body.recycled() ?? LoadChunk(capacity: form.method == .none ? rows.count : rows.count / 2)
        try compressor.append(rows.bytes, to: chunk, isLast: isLast)
        rows.removeAll()
        return chunk
    }

    // MARK: Sending

    /// More than one request's worth: sends what there is, and the rest as it comes.
    private func open() throws {
        if entry == nil { entry = made(.open) }
        try journal(entry!)
        if session.options.interface == .streamLoad, !session.profile.isDoris {
            upload = LoadUpload(labels.streamLoad(entry!.label, headers, LoadBody(beginning: pending)), carrier)
        } else {
            if !session.profile.isDoris { try beginTransaction() }
            isTransaction = true
            try send(pending)
        }
        (pending, pendingOctets) = ([], 0)
    }

    private func send(_ chunks: [LoadChunk]) throws {
        carried = 0
        upload = LoadUpload(labels.transactionLoad(entry!.label, headers, LoadBody(beginning: chunks)), carrier)
    }

    /// A label is begun again as long as the server says that it has not been; after it was aborted, with another one.
    private func beginTransaction() throws {
        var pause = 0.2
        while true {
            var failure: ApusError
            do {
                let answer = try labels.begin(entry!.label)
                switch answer.verdict {
                case .done: return
                case .failed(let code, let words) where code != .transient: throw refusal(code, words)
                case .failed(_, let words): failure = refusal(.transient, words)
                case .labelUsed, .unclear, .busy, .rows, .empty:
                    failure = refusal(.transient, answer.message)
                    switch try labels.settle(entry!) {
                    case .loaded: throw refusal(.internalFault, "the label \(entry!.label) was loaded before its commit")
                    case .missing(mayReuse: true): break
                    case .missing(mayReuse: false):
                        entry!.state = .dead
                        try journal(entry!)
                        attempt += 1
                        try journal(made(.open))
                    }
                }
            } catch let fault as LoadFault {
                failure = session.error(fault, doing: doing)
                guard fault.kind == .unreached || fault.kind == .broken else { throw failure }
            }
            guard pause < 7 else { throw failure }
            try session.wait(pause)
            pause *= 2
        }
    }

    /// Ends the request under way and looks at the server's answer.
    private func closeUpload() throws {
        upload!.body.end()
        let answer = try answered()
        switch answer.verdict {
        case .done: loaded = answer.number("NumberLoadedRows") ?? loaded
        case .empty: loaded = 0
        default: throw failure(answer)
        }
    }

    private func answered() throws -> LoadAnswer {
        let upload = self.upload!
        self.upload = nil
        do { return try upload.answer() } catch let fault as LoadFault { throw session.error(fault, doing: doing) }
    }

    /// The request ended before its body did.
    private func ended() throws -> ApusError { failure(try answered()) }

    // MARK: Flush

    func flush() throws -> Int {
        if let done {
            rows.removeAll()
            // What the server refused the last time is found with care.
            guard encoded == done.written || isCareful else { throw refusedRows(encoded - done.written, []) }
            return done.written
        }
        if isTransaction {
            guard upload!.body.put(try compressed(isLast: true)) else { throw try ended() }
            try closeUpload()
            if !session.profile.isDoris { try prepareTransaction() }
            return loaded
        }
        if upload != nil { held = try compressed(isLast: true) }
        return encoded
    }

    private func prepareTransaction() throws {
        var pause = 0.2
        while true {
            do {
                let answer = try labels.finish(entry!.label, .prepare)
                guard case .done = answer.verdict else { throw failure(answer) }
                loaded = answer.number("NumberLoadedRows") ?? -1
                return
            } catch let fault as LoadFault {
                // Preparing what is prepared changes nothing.
                guard fault.kind == .unreached || fault.kind == .broken, pause < 3 else { throw session.error(fault, doing: doing) }
            }
            try session.wait(pause)
            pause *= 2
        }
    }

    // MARK: Commit

    func commit(_ mark: SliceMark) throws {
        guard done == nil else { return }
        if encoded == 0, !isTransaction, upload == nil {
            var empty = entry ?? made(.done)
            empty.state = .done
            try journal(counted(empty, mark))
            return
        }
        if isTransaction {
            try commitTransaction(mark)
        } else if upload != nil {
            try commitRequest(mark)
        } else {
            try sendSmall(mark)
        }
        entry!.state = .done
        try journal(entry!)
        pending = []
    }

    private func counted(_ entry: JournalEntry, _ mark: SliceMark) -> JournalEntry {
        var entry = entry
        (entry.read, entry.written, entry.rejected) = (mark.read, mark.written, mark.rejected)
        return entry
    }

    /// Another worker that took this one for dead has a label of its own, or has taken this one over.
    private func checkOwn() throws {
        let known = try session.entries(load, slice: slice)
        guard let entry, known.allSatisfy({ $0.attempt <= entry.attempt && ($0.attempt < entry.attempt || $0.writer == name) }),
            !known.contains(where: { $0.state == .done })
        else {
            throw ApusError(.transient, "another worker has taken over slice \(slice) of \(load.target)", context: session.endpoint.label)
        }
    }

    private func commitTransaction(_ mark: SliceMark) throws {
        try checkOwn()
        var counted = counted(entry!, mark)
        counted.state = .commit
        try journal(counted)
        let answer: LoadAnswer?
        do { answer = try labels.finish(counted.label, .commit) } catch let fault as LoadFault where fault.kind != .stopped {
            answer = nil
        } catch let fault as LoadFault { throw session.error(fault, doing: doing) }
        if let answer, case .done = answer.verdict {
            if answer.state != "OK", answer.state != "Success" { try labels.awaitVisible(counted.label) }
        } else {
            try require(labels.settle(counted, commits: true), counted, answer?.message)
        }
        isTransaction = false
    }

    /// The rest of one large request; its end commits it.
    private func commitRequest(_ mark: SliceMark) throws {
        try checkOwn()
        var counted = counted(entry!, mark)
        counted.state = .sending
        try journal(counted)
        let upload = self.upload!
        if upload.body.put(held!) { upload.body.end() }
        let answer: LoadAnswer?
        do { answer = try upload.answer() } catch let fault as LoadFault where fault.kind != .stopped { answer = nil } catch let fault
            as LoadFault
        {
            throw session.error(fault, doing: doing)
        }
        self.upload = nil
        if let answer, case .done = answer.verdict { return try check(answer, counted) }
        if let answer, case .rows = answer.verdict { throw failure(answer) }
        try require(labels.settle(counted, isRefused: Self.isRefusal(answer)), counted, answer?.message)
    }

    /// All rows in one request, which is made again until it is clear that they are there.
    private func sendSmall(_ mark: SliceMark) throws {
        pending.append(try compressed(isLast: true))
        if entry == nil { entry = made(.sending) }
        var pause = 0.2
        while true {
            var counted = counted(entry!, mark)
            counted.state = .sending
            try journal(counted)
            var failure: ApusError
            let outcome: LoadLabels.Outcome
            do {
                let body = LoadBody(complete: pending)
                let answer = try labels.client.run(labels.streamLoad(counted.label, headers, body, length: body.length))
                failure = self.failure(answer)
                switch answer.verdict {
                case .done: return try check(answer, counted)
                case .rows: throw failure
                case .failed(let code, _) where code != .transient: throw failure
                default: outcome = try labels.settle(counted, isRefused: Self.isRefusal(answer))
                }
            } catch let fault as LoadFault {
                failure = session.error(fault, doing: doing)
                switch fault.kind {
                case .unreached: outcome = .missing(mayReuse: true)
                case .broken, .body: outcome = try labels.settle(counted)
                default: throw failure
                }
            }
            guard case .missing(let mayReuse) = outcome else { return }
            if !mayReuse {
                counted.state = .dead
                try journal(counted)
                attempt += 1
                entry = made(.sending)
            }
            guard pause < 10 else { throw failure }
            try session.wait(pause)
            pause *= 2
        }
    }

    private static func isRefusal(_ answer: LoadAnswer?) -> Bool {
        if case .failed = answer?.verdict { true } else { false }
    }

    private func require(_ outcome: LoadLabels.Outcome, _ entry: JournalEntry, _ words: String?) throws {
        guard case .missing = outcome else { return }
        throw refusal(.transient, words ?? "the connection broke before the commit of \(entry.label)")
    }

    /// What is committed must be what was sent.
    private func check(_ answer: LoadAnswer, _ entry: JournalEntry) throws {
        if let count = answer.number("NumberLoadedRows"), count != entry.written {
            throw ApusError(
                .countMismatch, "\(entry.written) rows were sent to \(load.target), and the server says that it loaded \(count)",
                hint: "They are committed (label \(entry.label)). Compare the table with its source.", context: session.endpoint.label)
        }
        if answer.state == "Publish Timeout" { try labels.awaitVisible(entry.label) }
    }

    // MARK: Failures

    /// An answer that is not what was hoped for.
    func failure(_ answer: LoadAnswer) -> ApusError {
        switch answer.verdict {
        case .rows: return refusedRows(answer.number("NumberFilteredRows"), labels.reasons(answer), answer.message)
        case .failed(let code, let words): return refusal(code, words)
        case .unclear(let words): return refusal(.transient, words)
        default: return refusal(.transient, answer.message.isEmpty ? "HTTP \(answer.status)" : answer.message)
        }
    }

    func refusal(_ code: ApusError.Code, _ words: String) -> ApusError {
        var hint: String?
        if words.contains("too many versions") {
            hint = "The table's tablets have too many versions: fewer and larger loads (slices), or let compaction catch up."
        } else if words.contains("running txns") {
            hint = "Fewer channels, or a larger max_running_txn_num_per_db on the FEs."
        } else if words.contains("exceed limit:") {
            hint = "Smaller slices, or a larger streaming_load_max_mb on the BEs."
        } else if words.contains("Memory") {
            hint = "Fewer channels, or a smaller load_bytes."
        }
        return ApusError(code, "could not \(doing)", hint: hint, context: session.endpoint.label, underlying: words)
    }

    private func refusedRows(_ count: Int?, _ reasons: [String], _ words: String = "") -> ApusError {
        let first = reasons.first.map { RejectedRow(row: nil, column: nil, reason: $0, values: "").safeReason }
        return ApusError(
            .rowRejected, "\(count.map { "\($0) \($0 == 1 ? "row was" : "rows were")" } ?? "rows were") refused by \(load.target)",
            context: session.endpoint.label, underlying: first ?? (words.isEmpty ? nil : words))
    }

    // MARK: The end

    func abort() {
        upload?.abandon()
        upload = nil
        if isTransaction, let entry, !session.interrupt.isFired { _ = try? labels.client.run(labels.rollback(entry.label)) }
        isTransaction = false
        compressor.restart()
        rows.removeAll()
        (pending, pendingOctets, held) = ([], 0, nil)
    }

    func close() { abort() }
}
