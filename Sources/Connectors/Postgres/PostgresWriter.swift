import ApusCore
import CPostgres
import Glibc
import Tabular

/// Writes slices by COPY FROM STDIN, each in one transaction with its mark.
final class PostgresWriter: Writer {
    let session: PostgresSession
    let load: Load
    let layout: PostgresLayout
    /// The table that COPY fills: the destination, or the temporary table of an upsert.
    private let copySQL: String
    let upsert: PostgresUpsert?
    /// nil for a load that may keep none.
    private let marks: String?
    private let markKey: String
    private let encode: (Batch, Range<Int>, inout ByteBuffer, (Int, Int, PostgresFault) -> Void) -> Int
    private var buffer = ByteBuffer(capacity: PostgresWriter.chunk * 2)
    private var isCopying = false
    /// Rows may have come that deferred constraints have a say in.
    private var hasCopied = false
    private var isCareful = false
    /// Rows that the server has counted in this slice.
    private var written = 0

    /// Octets handed to libpq at once.
    static let chunk = 512 << 10

    init(_ session: PostgresSession, _ load: Load) throws {
        self.session = session
        self.load = load
        layout = try session.layout(load)
        let strips = session.endpoint.settings["nul"] == "strip"
        if let codecs = layout.codecs {
            let encoder = PostgresEncoder(codecs: codecs, stripsNUL: strips)
            encode = { encoder.encode($0, $1, to: &$2, reject: $3) }
        } else {
            let encoder = PostgresTextEncoder(layout.schema, layout.types, stripsNUL: strips)
            encode = { encoder.encode($0, $1, to: &$2, reject: $3) }
        }
        upsert = load.mode == .upsert ? try PostgresUpsert(session, load) : nil
        let table = upsert?.temporary ?? session.dialect.quote(load.destination)
        let format = layout.codecs == nil ? "" : " (FORMAT binary)"
        copySQL = "COPY \(table) (\(session.dialect.list(layout.names))) FROM STDIN\(format)"
        marks = try load.isShared != true || session.hasMarksTable(load) ? session.marksTable(load) : nil
        markKey = try session.markKey(load)
    }

    private var doing: String { "loading \(load.target)" }

    @discardableResult func begin(_ slice: Slice, careful: Bool) throws -> SliceMark? {
        isCareful = careful
        written = 0
        isCopying = false
        hasCopied = false
        buffer.removeAll()
        if let mark = try session.beginSlice(slice.id, load, isMarked: marks != nil) { return mark }
        if careful { try session.run("SET CONSTRAINTS ALL IMMEDIATE", doing: doing) }
        if let upsert { try upsert.create() }
        return nil
    }

    func write(_ batch: Batch) throws -> [RejectedRow] {
        guard batch.rowCount > 0 else { return [] }
        if isCareful { return try writeCarefully(batch) }
        try startCopy()
        if batch.wire != nil {
            try send()
            let tuples = batch.columns[0]
            try put(UnsafeBufferPointer(start: tuples.arena, count: tuples.arenaCount))
            try lookForError()
            return []
        }
        var rejected: [RejectedRow] = []
        var row = 0
        while row < batch.rowCount {
            // In parts, so that the buffer stays small whatever the batch.
            let end = min(row + 1024, batch.rowCount)
            _ = encode(batch, row..<end, &buffer) { rejected.append(self.rejection(batch, $0, $1, $2)) }
            row = end
            if buffer.count >= PostgresWriter.chunk { try send() }
        }
        return rejected
    }

    func flush() throws -> Int {
        try endCopy()
        if !isCareful, let upsert { try upsert.merge() }
        return written
    }

    func commit(_ mark: SliceMark) throws {
        try endCopy()
        // Deferred constraints speak up here, while the rows can still be taken back.
        if hasCopied {
            let constraints = PostgresResult(PQexec(session.connection, "SET CONSTRAINTS ALL IMMEDIATE"))
            guard constraints.isGood else { throw session.failure(constraints, doing, rows: true) }
        }
        guard let marks else {
            do { try session.run("COMMIT", doing: "committing slice \(mark.slice) of \(load.target)") } catch let error as ApusError {
                throw load.commitFailed(error)
            }
            return
        }
        // Where the mark is there already, the server does not get to the COMMIT.
        let sql = """
            INSERT INTO \(marks) (run_id, target, slice, rows_read, rows_written, rows_rejected)
            VALUES (\(session.dialect.literal(load.runID)), \(markKey), \(mark.slice), \(mark.read), \(mark.written), \(mark.rejected));
            COMMIT
            """
        do {
            try session.run(sql, doing: "committing slice \(mark.slice) of \(load.target)")
        } catch let error as ApusError where error.underlying?.hasPrefix("PG 23505") == true {
            throw ApusError(
                .exists, "slice \(mark.slice) of \(load.target) is loaded already; its rows were not added again",
                context: session.endpoint.label)
        }
    }

    func abort() {
        if session.isAlive {
            if PQtransactionStatus(session.connection) == PQTRANS_ACTIVE {
                if isCopying { PQputCopyEnd(session.connection, "taken back") }
                session.drain()
            }
            session.rollBack()
        }
        isCopying = false
        buffer.removeAll()
    }

    func close() {
        if session.isAlive, isCopying || PQtransactionStatus(session.connection) != PQTRANS_IDLE { abort() }
    }

    // MARK: COPY

    private func startCopy() throws {
        guard !isCopying else { return }
        let result = try session.run(copySQL, doing: doing)
        guard result.status == PGRES_COPY_IN else { throw session.failure(result, doing) }
        isCopying = true
        hasCopied = true
        if layout.codecs != nil { PostgresEncoder.appendHeader(to: &buffer) }
    }

    private func send() throws {
        guard buffer.count > 0 else { return }
        try put(buffer.bytes)
        buffer.removeAll()
        try lookForError()
    }

    private func put(_ bytes: UnsafeBufferPointer<UInt8>) throws {
        var position = 0
        while position < bytes.count {
            let count = min(bytes.count - position, PostgresWriter.chunk * 2)
            let status = UnsafeRawPointer(bytes.baseAddress! + position).withMemoryRebound(to: CChar.self, capacity: count) {
                PQputCopyData(session.connection, $0, Int32(count))
            }
            guard status == 1 else { throw brokenOff() }
            position += count
        }
    }

    /// The server says nothing during COPY unless something is wrong (or a trigger raises a notice): when it has
    /// spoken, this COPY is ended, so that the rest of a long slice is not sent in vain.
    private func lookForError() throws {
        var waiting = pollfd(fd: PQsocket(session.connection), events: Int16(POLLIN), revents: 0)
        if poll(&waiting, 1, 0) > 0 {
            try endCopy()
            try startCopy()
        }
    }

    /// Ends the COPY under way and adds the server's count.
    private func endCopy() throws {
        guard isCopying else { return }
        if layout.codecs != nil { PostgresEncoder.appendTrailer(to: &buffer) }
        if buffer.count > 0 {
            let bytes = buffer.bytes
            try put(bytes)
            buffer.removeAll()
        }
        guard PQputCopyEnd(session.connection, nil) == 1 else { throw brokenOff() }
        isCopying = false
        let result = session.drain()
        guard let result, result.status == PGRES_COMMAND_OK else { throw session.failure(result, doing, rows: true) }
        written += result.affected
    }

    /// libpq could not send: what the server said before it went, if anything, is the reason.
    private func brokenOff() -> ApusError {
        isCopying = false
        let text = PostgresSession.tidy(String(cString: PQerrorMessage(session.connection)))
        let result = session.drain()
        let error = session.failure(result?.isGood == false ? result : nil, doing, rows: true)
        return error.underlying?.isEmpty == false
            ? error : ApusError(error.code, error.message, hint: error.hint, context: error.context, underlying: text)
    }

    private func rejection(_ batch: Batch, _ row: Int, _ column: Int, _ fault: PostgresFault) -> RejectedRow {
        RejectedRow(
            row: batch.firstRow + row, column: layout.names[column], reason: fault.reason(layout.schema[column].type),
            values: batch.json(row: row))
    }

    // MARK: Careful

    private func writeCarefully(_ batch: Batch) throws -> [RejectedRow] {
        guard batch.wire == nil else {
            throw ApusError(.internalFault, "encoded tuples cannot be searched for a bad row", context: load.target.description)
        }
        var rejected: [RejectedRow] = []
        var pending = [0..<batch.rowCount]
        // Halves until the bad rows stand alone; the first half is always tried before the second.
        while let range = pending.popLast() {
            guard let refusal = try attempt(batch, range, &rejected) else { continue }
            if range.count == 1 {
                rejected.append(
                    RejectedRow(
                        row: batch.firstRow + range.lowerBound, column: refusal.column, reason: refusal.reason,
                        values: batch.json(row: range.lowerBound)))
            } else {
                let middle = range.lowerBound + range.count / 2
                // What the attempt had found unencodable is found again by its halves.
                pending.append(middle..<range.upperBound)
                pending.append(range.lowerBound..<middle)
            }
        }
        return rejected.sorted { ($0.row ?? 0) < ($1.row ?? 0) }
    }

    /// Loads some rows in a savepoint; gives the server's refusal if a row was bad.
    private func attempt(
        _ batch: Batch, _ range: Range<Int>, _ rejected: inout [RejectedRow]
    ) throws -> (column: String?, reason: String)? {
        let before = written
        let rejectedBefore = rejected.count
        try session.run("SAVEPOINT apus_batch", doing: doing)
        try startCopy()
        var found: [RejectedRow] = []
        let count = encode(batch, range, &buffer) { found.append(self.rejection(batch, $0, $1, $2)) }
        rejected += found
        if layout.codecs != nil { PostgresEncoder.appendTrailer(to: &buffer) }
        try put(buffer.bytes)
        buffer.removeAll()
        guard PQputCopyEnd(session.connection, nil) == 1 else { throw brokenOff() }
        isCopying = false
        var result = session.drain()
        if result?.isGood == true, count > 0, let upsert {
            written += result?.affected ?? 0
            result = upsert.tryMerge()
        } else if result?.isGood == true {
            written += result?.affected ?? 0
        }
        guard let result, result.isGood else {
            let error = session.failure(result, doing, rows: true)
            guard error.code == .rowRejected else { throw error }
            written = before
            rejected.removeSubrange(rejectedBefore...)
            try session.run("ROLLBACK TO SAVEPOINT apus_batch", doing: doing)
            let reason = upsert?.isLoose == true ? PostgresSession.upsertReason(result, load) : PostgresSession.reason(result)
            return (result?.error(.column), reason)
        }
        try session.run("RELEASE SAVEPOINT apus_batch", doing: doing)
        return nil
    }
}
