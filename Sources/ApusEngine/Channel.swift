import ApusCore
import Tabular

/// One source connection and one sink connection with a bounded queue of batches between them.
///
/// A channel loads one slice at a time: a thread of its own reads, the calling thread writes. After an error both
/// connections are given up, since a read that broke off in the middle cannot be used again.
final class Channel {
    private let from: [Connections]
    private let to: Connections
    private let whole: Interrupt
    private let limit: RateLimit
    private let batchBytes: Int
    /// Between instants and wall clocks.
    private let zone: Zone
    /// The source that the last slice came from.
    private var source: (number: Int, session: any Source, interrupt: Interrupt)?
    private var sink: (session: any Sink, interrupt: Interrupt)?
    /// Connections that share a snapshot with other channels', by source; they cannot be opened anew.
    private var snapshot: [any Source]
    private let isSnapshot: Bool
    /// The snapshot is lost with its connection: this channel can read no more.
    var isSpent: Bool { isSnapshot && snapshot.isEmpty }
    /// The writer of the last table, kept while slices of the same table follow.
    private var writer: (table: Int, writer: any Writer, accepts: Schema, wires: [WireFormat])?
    private var pool: (schema: Schema, wire: WireFormat?, batches: [Batch])?
    private var transforming: TransformPass?
    private var converted: (projection: Projection, output: Batch)?

    /// Batches in flight: enough to keep both sides busy, few enough for the cache.
    static let depth = 4

    init(
        from: [Connections], to: Connections, interrupt: Interrupt, limit: RateLimit, batchBytes: Int, zone: Zone,
        snapshot: [any Source], open: (any Source)? = nil
    ) {
        self.from = from
        self.to = to
        whole = interrupt
        self.limit = limit
        self.batchBytes = batchBytes
        self.zone = zone
        self.snapshot = snapshot
        isSnapshot = !snapshot.isEmpty
        if let open { source = (0, open, open.interrupt) }
    }

    /// What a slice tells while it runs.
    struct Hooks {
        /// The slice is begun, and nothing of it is in the target.
        var begun: () throws -> Void
        /// Rows and octets moved since the last call.
        var progress: (Progress) -> Void
        /// - throws: `row.too_many_rejected`, which ends the slice.
        var rejected: ([RejectedRow]) throws -> Void
        /// All rows are written; their mark is committed next.
        var committing: () throws -> Void
        /// See ``Reader/remark``.
        var remark: (String) -> Void
    }

    /// What a slice has moved.
    struct Progress {
        var rows = 0
        var bytes = 0
        var filtered = 0
        var effort = Effort()

        static func + (a: Progress, b: Progress) -> Progress {
            Progress(
                rows: a.rows + b.rows, bytes: a.bytes + b.bytes, filtered: a.filtered + b.filtered,
                effort: a.effort + b.effort)
        }
    }

    /// Which side an error came from: a read that timed out is cut, a write is not.
    struct Failure: Error {
        var isSource: Bool
        var error: ApusError
    }

    /// Loads a slice, all of it or nothing. `isNew`: it was not in the target before.
    /// - throws: ``Failure``.
    func load(
        _ slice: Slice, of table: PlannedTable, load: Load, careful: Bool, hooks: Hooks
    ) throws -> (tally: Tally, isNew: Bool) {
        let read = table.reads[slice.read]
        let source: any Source
        let writer: (table: Int, writer: any Writer, accepts: Schema, wires: [WireFormat])
        do { source = try openSource(read.source) } catch { throw Failure(isSource: true, error: ApusError(wrapping: error)) }
        do {
            writer = try openWriter(load)
        } catch {
            giveUp(afterSource: false)
            throw Failure(isSource: false, error: ApusError(wrapping: error))
        }
        let pass: TransformPass?
        do {
            pass = try self.pass(table.transforms, read.schema)
            writer.writer.willBegin(rereadable: source.rereadable)
            if let mark = try writer.writer.begin(slice, careful: careful) { return (mark.tally, false) }
            try hooks.begun()
        } catch {
            giveUp(afterSource: false)
            throw Failure(isSource: false, error: ApusError(wrapping: error))
        }
        let nulls = NullGuard(writer.accepts, load)
        let isColumnar =
            careful || pass != nil || self.writerNeedsColumns(read, writer.accepts) || !nulls.allows(wireFrom: read.schema, load)
        let wires = isColumnar ? [] : writer.wires
        let reader: any Reader
        do { reader = try source.reader(read, slice, wire: wires) } catch {
            giveUp()
            throw Failure(isSource: true, error: ApusError(wrapping: error))
        }
        if let remark = reader.remark { hooks.remark(remark) }
        let batches = self.batches(read.schema, reader.wire)
        let queue = BatchQueue(batches)
        let lane = Lane { [limit, whole] in Self.read(reader, into: queue, limit, whole) }
        do {
            let tally = try write(queue, slice, table, writer, pass, load.emptyIsNull ?? false, nulls, hooks)
            lane.join()
            return (tally, true)
        } catch {
            queue.close()
            let isSource = (error as? Failure)?.isSource ?? false
            // Ends a read that blocks; the connection is of no use afterwards. One that holds a snapshot is needed again:
            // its reader ends by itself.
            if isSource || !isSnapshot { self.source?.interrupt.fire() }
            lane.join()
            writer.writer.abort()
            giveUp(afterSource: isSource)
            throw error
        }
    }

    /// After an error nobody knows what state the connections are in. A snapshot outlives an error of the target.
    private func giveUp(afterSource isSource: Bool) {
        if isSource || !isSnapshot { giveUp() } else { giveUpSink(isSound: false) }
    }

    private static func read(_ reader: any Reader, into queue: BatchQueue, _ limit: RateLimit, _ whole: Interrupt) {
        do {
            var row = 0
            while let batch = queue.takeFree() {
                batch.reset()
                batch.firstRow = row
                let goesOn = try reader.read(into: batch)
                let rows = batch.rowCount + batch.rejected.count
                row += rows
                let bytes = batch.byteCount
                if rows > 0 { queue.put(batch) } else if goesOn { queue.giveBack(batch) }
                if limit.isLimited { try Pause.wait(limit.take(rows: rows, bytes: bytes), whole, unless: { queue.isOver }) }
                if !goesOn { break }
            }
            let rows = reader.rowsRead
            reader.close()
            queue.finish(.success(rows))
        } catch {
            reader.close()
            queue.finish(.failure(Failure(isSource: true, error: ApusError(wrapping: error))))
        }
    }

    private func write(
        _ queue: BatchQueue, _ slice: Slice, _ table: PlannedTable,
        _ target: (table: Int, writer: any Writer, accepts: Schema, wires: [WireFormat]), _ pass: TransformPass?,
        _ emptyIsNull: Bool, _ nulls: NullGuard, _ hooks: Hooks
    ) throws -> Tally {
        func onSink<T>(_ body: () throws -> T) throws -> T {
            do { return try body() } catch let failure as Failure { throw failure } catch {
                throw Failure(isSource: false, error: ApusError(wrapping: error))
            }
        }
        var tally = Tally()
        var told = Effort()
        while let batch = try queue.take() {
            let rows = batch.rowCount + batch.rejected.count
            let bytes = batch.byteCount
            for index in batch.rejected.indices { batch.rejected[index].stage = .read }
            let passed = pass?.apply(batch) ?? batch
            let filtered = pass?.filtered ?? 0
            tally.filtered += filtered
            let bad = try onSink {
                let ready = try self.convert(passed, to: target.accepts, emptyIsNull, table.load.rounds ?? false)
                if ready.wire == nil { nulls.apply(ready) }
                return try ready.rejected + (ready.rowCount > 0 ? target.writer.write(ready) : [])
            }
            queue.giveBack(batch)
            tally.bytes += bytes
            tally.rejected += bad.count
            let effort = queue.effort + (pass?.effort ?? Effort())
            hooks.progress(Progress(rows: rows, bytes: bytes, filtered: filtered, effort: effort - told))
            told = effort
            // Last, since it may end the slice: what was read by then is told.
            if !bad.isEmpty { try onSink { try hooks.rejected(bad) } }
        }
        tally.read = queue.rowsRead
        tally.written = try onSink { try target.writer.flush() }
        try onSink {
            guard tally.balances else {
                throw ApusError(
                    .countMismatch,
                    "the source gave \(tally.read) rows, but the target has \(tally.written), \(tally.rejected) were rejected and \(tally.filtered) filtered; nothing of this slice was kept",
                    hint: "Please report this with the table's definition: no row may be lost in silence.",
                    context: table.name)
            }
            try hooks.committing()
            try target.writer.commit(
                SliceMark(slice: slice.id, read: tally.read, written: tally.written, rejected: tally.rejected))
        }
        return tally
    }

    private func convert(_ batch: Batch, to accepts: Schema, _ emptyIsNull: Bool, _ rounds: Bool) throws -> Batch {
        if batch.wire != nil { return batch }
        if emptyIsNull { batch.nullEmptyText(where: accepts) }
        if converted == nil || converted!.output.schema != accepts || converted!.output.rowCapacity != batch.rowCapacity
            || converted!.projection.from != batch.schema || converted!.projection.rounds != rounds
        {
            guard batch.schema.count == accepts.count else {
                throw ApusError(.internalFault, "the source gives \(batch.schema.count) columns and the target takes \(accepts.count)")
            }
            let projection = try Projection(
                from: batch.schema, to: accepts, sources: Array(batch.schema.columns.indices), rounds: rounds, zone: zone)
            converted = (projection, Batch(schema: accepts, rowCapacity: batch.rowCapacity, byteLimit: batchBytes))
        }
        if converted!.projection.isPassthrough { return batch }
        converted!.output.reset()
        converted!.projection.apply(batch, into: converted!.output)
        return converted!.output
    }

    private func pass(_ transforms: [Transform], _ schema: Schema) throws -> TransformPass? {
        if transforms.isEmpty { return nil }
        if let transforming, transforming.transforms == transforms, transforming.from == schema {
            transforming.restart()
            return transforming
        }
        let made = try TransformPass(transforms, from: schema)
        transforming = made
        return made
    }

    private func writerNeedsColumns(_ read: Read, _ accepts: Schema) -> Bool {
        read.schema.types != accepts.types
    }

    // MARK: Connections

    private func openSource(_ number: Int) throws -> any Source {
        if isSnapshot, number < snapshot.count {
            source = (number, snapshot[number], snapshot[number].interrupt)
            return snapshot[number]
        }
        if let source, source.number == number { return source.session }
        guard !isSnapshot else {
            throw ApusError(
                .statement, "the connection that held the consistent snapshot is lost",
                hint: "Run again: a new snapshot is needed for all tables.")
        }
        closeSource(isSound: true)
        let interrupt = whole.child()
        let session = try from[number].source(interrupt)
        source = (number, session, session.interrupt)
        if session.interrupt !== interrupt { whole.release(interrupt) }
        return session
    }

    private func openWriter(_ load: Load) throws -> (table: Int, writer: any Writer, accepts: Schema, wires: [WireFormat]) {
        if let writer {
            if writer.table == load.table { return writer }
            writer.writer.close()
            self.writer = nil
        }
        if sink == nil {
            let interrupt = whole.child()
            let session = try to.sink(interrupt)
            sink = (session, session.interrupt)
            if session.interrupt !== interrupt { whole.release(interrupt) }
        }
        let session = sink!.session
        let made = (load.table, try session.writer(load), try session.accepts(load), try session.wireFormats(load))
        writer = made
        return made
    }

    /// For questions to the source between slices.
    func withSource<T>(_ number: Int, _ body: (any Source) throws -> T) throws -> T { try body(openSource(number)) }

    /// Whether a slice of this source can be read again after a failure.
    func canReread(_ number: Int) -> Bool { (try? withSource(number) { $0.rereadable }) ?? true }

    private func closeSource(isSound: Bool) {
        guard let source else { return }
        if isSnapshot { source.session.close() } else { from[source.number].release(source: source.session, isSound: isSound) }
        whole.release(source.interrupt)
        self.source = nil
    }

    private func batches(_ schema: Schema, _ wire: WireFormat?) -> [Batch] {
        if let pool, pool.schema == schema, pool.wire == wire { return pool.batches }
        pool = nil
        let batches = (0..<Self.depth).map { _ in Batch(schema: schema, wire: wire, byteLimit: batchBytes) }
        pool = (schema, wire, batches)
        return batches
    }

    /// Ends the use of both connections; the next slice opens new ones. `isSound`: the last slice ended well.
    func giveUp(isSound: Bool = false) {
        giveUpSink(isSound: isSound)
        for session in snapshot where session !== source?.session { session.close() }
        snapshot = []
        closeSource(isSound: isSound)
        pool = nil
    }

    private func giveUpSink(isSound: Bool) {
        writer?.writer.close()
        writer = nil
        if let sink {
            to.release(sink: sink.session, isSound: isSound)
            whole.release(sink.interrupt)
        }
        sink = nil
    }
}

extension ApusError {
    /// Any error as one of ours.
    public init(wrapping error: any Error) {
        if let failure = error as? Channel.Failure {
            self = failure.error
        } else {
            self = error as? ApusError ?? ApusError(.internalFault, "unexpected: \(error)")
        }
    }
}
