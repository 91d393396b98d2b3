import ApusCore
import Tabular

/// Writes slices by Stream Load: what fits into a few MiB as one request when the slice is committed, more as a transaction
/// whose body is sent while it is encoded.
final class StarRocksWriter: Writer {
    let session: StarRocksSession
    let load: Load
    let target: LoadTarget
    /// How rows are written; a slice keeps the form that it was begun with.
    private(set) var form: LoadForm
    private(set) var encoder: LoadEncoder
    /// How the rows are to be read, the same for all requests of a slice.
    private(set) var headers: [(name: String, value: String)]
    private var compressor: LoadCompressor
    let labels: LoadLabels
    private let forms: LoadForms
    /// The slice's rows can be read a second time.
    private var isRereadable = true
    /// For bodies, while ``labels`` asks.
    private let carrier: LoadClient
    /// Tells this writer's labels from those of another worker.
    let name: String

    /// Whether a slice that is not small is a transaction. Its interface takes names as headers, which FEs read as Latin-1: a
    /// table or database whose name is not ASCII gets plain requests instead, which have it in their path.
    private var isTransactional: Bool {
        session.profile.isDoris
            || (session.options.interface != .streamLoad && labels.database.utf8.allSatisfy { $0 < 0x80 }
                && load.destination.name.utf8.allSatisfy { $0 < 0x80 })
    }

    var slice = 0
    private(set) var isCareful = false
    var entry: JournalEntry?
    var attempt = 1
    /// Encoded rows that are not compressed yet.
    var rows = ByteBuffer(capacity: LoadBody.chunkSize + (64 << 10))
    private(set) var encoded = 0
    /// Compressed rows that are not being sent yet.
    var pending: [LoadChunk] = []
    private var pendingOctets = 0
    var upload: LoadUpload?
    var isTransaction = false
    /// The last piece of a request whose end is its commit.
    var held: LoadChunk?
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
        forms = try LoadForms(session, load, target)
        form = LoadForm(session.profile, session.options.compression, forms.current)
        encoder = LoadEncoder(target, form)
        compressor = LoadCompressor(form.method)
        carrier = LoadClient(session)
        var labels = try LoadLabels(session, LoadClient(session), load)
        if let prepared = try session.mark(StarRocksSession.Mark.prepared, load) { labels.generation = prepared.label }
        self.labels = labels
        name = StarRocksSession.process + " " + String(UInt32.random(in: .min ... .max), radix: 16)
        headers = try Self.headers(session, load, target, form)
    }

    /// The form for the next slice.
    private func take(_ choice: LoadForm.Choice) throws {
        guard choice != form.choice else { return }
        form = LoadForm(session.profile, session.options.compression, choice)
        encoder = LoadEncoder(target, form)
        compressor = LoadCompressor(form.method)
        headers = try Self.headers(session, load, target, form)
    }

    static func headers(
        _ session: StarRocksSession, _ load: Load, _ target: LoadTarget, _ form: LoadForm
    ) throws -> [(name: String, value: String)] {
        let options = session.options
        var headers = form.headers
        headers += target.columnsHeaders(form, operation: session.profile.isDoris ? "apus_op" : "`__op`")
        if target.deletes, session.profile.isDoris { headers += [("merge_type", "MERGE"), ("delete", "apus_op=1")] }
        headers += [("strict_mode", options.isStrict ? "true" : "false"), ("max_filter_ratio", "0")]
        let isPartial = options.isPartialUpdate || (load.mode == .upsert && !target.isWhole)
        if isPartial, !load.isStaged, target.isKeyed {
            headers.append((session.profile.isDoris ? "partial_columns" : "partial_update", "true"))
        }
        if let condition = options.mergeCondition {
            guard target.model == .primary else {
                throw ApusError(
                    .unsupported, "merge_condition needs a primary key table, and \(load.target) is not one",
                    context: session.endpoint.label)
            }
            headers.append(("merge_condition", condition))
        }
        return headers
    }

    var doing: String { "load rows into \(load.target)" }

    // MARK: Begin

    func willBegin(rereadable: Bool) { isRereadable = rereadable }

    @discardableResult func begin(_ slice: Slice, careful: Bool) throws -> SliceMark? {
        abort()
        // What another channel has met counts for all slices. Rows that come once go in a form that carries nearly everything.
        try take(isRereadable ? forms.current : forms.forRowsThatComeOnce(encoder))
        encoder.isFinal = !isRereadable
        self.slice = slice.id
        isCareful = careful
        (encoded, loaded, carried, attempt) = (0, 0, 0, 1)
        entry = nil
        let known = try session.entries(load, slice: slice.id).filter { $0.state != .mark }
        if let done = known.last(where: { $0.state == .done }) { return done.mark }
        return known.isEmpty ? nil : try settle(known)?.mark
    }

    /// Clears what earlier tries at the slice have left; returns the one that is loaded after all.
    private func settle(_ known: [JournalEntry]) throws -> JournalEntry? {
        attempt = known.map(\.attempt).max()! + 1
        let open = known.filter { $0.state != .dead }
        if open.isEmpty { return nil }
        // Written before the others are looked at: a writer that is still alive sees it before it commits, or is seen.
        var own = made(.open)
        try session.write(own, load)
        var reused: Int?
        var done: JournalEntry?
        var outcomes: [JournalEntry] = []
        for var other in open {
            switch try labels.settle(other) {
            case .loaded:
                other.state = .done
                done = other
            case .missing(let mayReuse):
                if mayReuse { reused = max(reused ?? 0, other.attempt) }
                other.state = .dead
            }
            outcomes.append(other)
        }
        let isOver = done != nil || reused != nil
        if isOver {
            own.state = .dead
            outcomes.append(own)
        }
        try session.write(outcomes, load)
        if !isOver { entry = own }
        if let reused { attempt = reused }
        return done
    }

    func made(_ state: JournalEntry.State) -> JournalEntry {
        JournalEntry(slice: slice, attempt: attempt, label: labels.label(slice, attempt), state: state, writer: name)
    }

    func journal(_ entry: JournalEntry) throws {
        self.entry = entry
        try session.write(entry, load)
        journaledAt = Clock.monotonic()
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
            if encoder.blocked >= 0 { try changeForm(batch) }
            encoded += row - first - (bad.count - count)
            if rows.count >= LoadBody.chunkSize { try turn() }
        }
        return bad
    }

    /// A value of the batch cannot be carried: the slice is given up, and begun again in a form that can.
    ///
    /// - throws: `target.form_changed`. Returns when no form can: such values are rejected rows from here on.
    func changeForm(_ batch: Batch) throws {
        let name = target.items[encoder.blocked].name
        if let choice = try forms.next(encoder.better(for: batch)) {
            throw ApusError(
                .formChanged,
                "values of `\(name)` cannot be loaded into \(load.target) as plain CSV: the slice is loaded as \(choice.title)",
                context: session.endpoint.label)
        }
        encoder.giveUpForms()
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
        carried += rows.count
        let isLast =
            isTransaction && !session.profile.isDoris
            && (carried >= (form.isJSON ? min(session.options.loadBytes, LoadForm.jsonBytes) : session.options.loadBytes)
                || Clock.monotonic() - upload!.begun >= session.options.loadAge)
        let chunk = try compressed(isLast: isLast)
        guard let upload else {
            pending.append(chunk)
            pendingOctets += chunk.buffer.count
            if pendingOctets > Self.smallLoad || isTransactional && session.options.interface == .transaction || session.profile.isDoris {
                try open()
            }
            return
        }
        guard upload.body.put(chunk) else { throw try ended() }
        if isLast {
            try closeUpload()
            try send([])
        }
        // A heartbeat, with which waiting entries are written, too.
        if let entry, Clock.monotonic() - journaledAt > 300 || session.book(load).age > 60 { try journal(entry) }
    }

    func compressed(isLast: Bool) throws -> LoadChunk {
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
        if !isTransactional {
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
