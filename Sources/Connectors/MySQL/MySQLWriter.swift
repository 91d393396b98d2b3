import ApusCore
import CMariaDB
import MySQLClient
import Tabular

/// Writes slices by `LOAD DATA LOCAL INFILE`, streamed from memory: one statement for a slice, or, with care, one for
/// a batch.
///
/// LOCAL makes the server pass over bad rows with a warning instead of failing; so every warning and every skipped
/// row counts as a failure here, and what was loaded is taken back.
final class MySQLWriter: MySQLSliceWriter, Writer {
    private let encoder: MySQLEncoder
    private let literals: MySQLEncoder
    private let statement: String
    /// Rows go here first in `upsert`, and from there into the target by one INSERT … ON DUPLICATE KEY UPDATE.
    private let shelf: TableName?
    private var running: Running?
    private var chunk: Chunk?
    private var encoded = 0

    private struct Running {
        var feed: LoadFeed
        var call: BackgroundCall
        var outcome: LoadOutcome
    }

    init(_ session: MySQLSession, _ load: Load, _ target: MySQLTarget, _ duplicates: Duplicates, zoneOffset: Int64) {
        encoder = MySQLEncoder(target.items, zoneOffset: zoneOffset, form: .file)
        literals = MySQLEncoder(target.items, zoneOffset: zoneOffset, form: .values)
        shelf = duplicates == .update ? TableName(schema: load.target.schema, "apus_shelf_\(load.table)") : nil
        statement = target.loadSQL(into: shelf, shelf == nil ? duplicates : .fail, run: load.runID, session.dialect)
        super.init(session, load, target, duplicates)
    }

    @discardableResult override func begin(_ slice: Slice, careful: Bool) throws -> SliceMark? {
        encoded = 0
        if let shelf {
            // Without keys, so that no row is lost among its equals; outside of the transaction, since it is DDL.
            try session.run("DROP TEMPORARY TABLE IF EXISTS \(dialect.quote(shelf))", doing: doing)
            try session.run(
                "CREATE TEMPORARY TABLE \(dialect.quote(shelf)) ENGINE=InnoDB AS SELECT \(target.columnList(dialect)) FROM \(dialect.quote(target.table)) WHERE 0",
                doing: "make a temporary table for \(load.target)", hint: "Grant CREATE TEMPORARY TABLES to the user.")
        }
        return try super.begin(slice, careful: careful)
    }

    func write(_ batch: Batch) throws -> [RejectedRow] {
        try session.interrupt.check()
        return isCareful ? try writeCarefully(batch) : try stream(batch)
    }

    // MARK: Fast

    private func stream(_ batch: Batch) throws -> [RejectedRow] {
        if running == nil { start() }
        let running = running!
        let columns = batch.columns.baseAddress!
        var bad: [RejectedRow] = []
        for row in 0..<batch.rowCount {
            if chunk == nil {
                guard let taken = running.feed.take() else {
                    try finishLoad()
                    throw ApusError(
                        .statement, "the server ended LOAD DATA into \(load.target) before its rows did", context: session.endpoint.label)
                }
                chunk = taken
            }
            let chunk = chunk!
            let column = encoder.append(row: row, of: columns, to: &chunk.buffer)
            if column >= 0 {
                bad.append(unencodable(batch, row, column))
                continue
            }
            encoded += 1
            if chunk.buffer.count >= LoadFeed.chunkSize {
                running.feed.put(chunk)
                self.chunk = nil
            }
        }
        return bad
    }

    private func start() {
        let feed = LoadFeed()
        let outcome = LoadOutcome()
        let job = LoadJob(session.handle, statement, feed, session.infile, outcome)
        running = Running(feed: feed, call: BackgroundCall { job.run() }, outcome: outcome)
    }

    /// Waits for the server's answer to all rows.
    private func finishLoad() throws {
        guard let running else { return }
        self.running = nil
        if let chunk, chunk.buffer.count > 0 { running.feed.put(chunk) }
        chunk = nil
        running.feed.end()
        running.call.wait()
        session.infile.feed = nil
        do {
            try check(running.outcome, expecting: encoded)
        } catch let fault as MySQLFault {
            throw failure(fault)
        }
    }

    private func failure(_ fault: MySQLFault) -> ApusError {
        guard fault.isInfileRefused else { return session.error(fault, doing: doing) }
        session.isInfileRefused = true
        if session.options.loading == .infile {
            return session.error(
                fault, doing: doing,
                hint: "The server does not allow LOAD DATA LOCAL: set local_infile=ON there, or load=auto or load=insert here.")
        }
        // The next try goes by INSERT.
        var error = session.error(fault, doing: doing)
        if error.code != .cancelled { error.code = .transient }
        return error
    }

    /// - throws: ``MySQLFault`` of the statement, or of the first row that it skipped or changed.
    private func check(_ outcome: LoadOutcome, expecting rows: Int) throws {
        if let fault = outcome.fault { throw fault }
        let counts = LoadCounts(outcome.info)
        if counts.skipped > 0 || counts.warnings > 0 {
            let seen = try session.refuseChanges(ignoring: duplicates == .ignore, force: true)
            // More warnings than the server keeps, of which not all are of rows that were passed over.
            if counts.warnings > max(seen, counts.skipped) {
                throw MySQLFault(number: 1366, words: "\(counts.warnings) warnings, of which the server keeps \(seen)")
            }
            if counts.skipped > 0, duplicates == .fail || shelf != nil {
                throw MySQLFault(number: 1062, words: "\(counts.skipped) rows were skipped")
            }
        }
        guard counts.records == rows else {
            throw ApusError(
                .countMismatch, "LOAD DATA into \(load.target) took \(counts.records) rows of \(rows)", context: session.endpoint.label)
        }
    }

    /// Moves rows of the shelf into the target.
    private func unload() throws {
        guard let shelf else { return }
        let sql =
            "INSERT INTO \(dialect.quote(target.table)) (\(target.columnList(dialect))) SELECT \(target.columnList(dialect)) FROM \(dialect.quote(shelf))"
        try session.attempt(sql + target.insertTail(.update, key: load.key, dialect))
    }

    func flush() throws -> Int {
        if isCareful { return written }
        guard running != nil else { return 0 }
        try finishLoad()
        do { try unload() } catch let fault as MySQLFault { throw rejection(fault) }
        written = encoded
        return written
    }

    // MARK: With care

    private func writeCarefully(_ batch: Batch) throws -> [RejectedRow] {
        let columns = batch.columns.baseAddress!
        let lines = Chunk(capacity: LoadFeed.chunkSize)
        var ends = [0]
        var rows: [Int] = []
        var bad: [RejectedRow] = []
        for row in 0..<batch.rowCount {
            let column = encoder.append(row: row, of: columns, to: &lines.buffer)
            if column >= 0 {
                bad.append(unencodable(batch, row, column))
            } else {
                rows.append(row)
                ends.append(lines.buffer.count)
            }
        }
        let good = rows
        let bounds = ends
        func text(_ range: Range<Int>) -> UnsafeBufferPointer<UInt8> {
            UnsafeBufferPointer(rebasing: lines.buffer.bytes[bounds[range.lowerBound]..<bounds[range.upperBound]])
        }
        return try bad
            + bisect(
                0..<good.count,
                put: { range in
                    try put(text(range), range.count)
                    written += range.count
                },
                single: { index in
                    let literal = Chunk()
                    _ = literals.append(row: good[index], of: columns, to: &literal.buffer)
                    if literal.buffer.count + 4096 < (try session.packetLimit()) { return try insertSingle(batch, good[index], literal) }
                    return try loadSingle(batch, good[index], text(index..<index + 1))
                })
    }

    /// A row too large for a statement.
    private func loadSingle(_ batch: Batch, _ row: Int, _ line: UnsafeBufferPointer<UInt8>) throws -> RejectedRow? {
        do {
            try session.attempt("SAVEPOINT apus")
            do {
                try put(line, 1)
                written += 1
                return nil
            } catch let fault as MySQLFault where fault.isRowFault {
                try session.attempt("ROLLBACK TO SAVEPOINT apus")
                return rejected(batch, row, column: nil, reason: reason(fault))
            }
        } catch let fault as MySQLFault {
            throw failure(fault)
        }
    }

    /// Loads some lines at once.
    private func put(_ lines: UnsafeBufferPointer<UInt8>, _ rows: Int) throws {
        if let shelf { try session.attempt("DELETE FROM \(dialect.quote(shelf))") }
        try session.makeReady()
        let chunk = Chunk(capacity: lines.count)
        chunk.buffer.append(lines)
        let outcome = LoadOutcome()
        LoadJob(session.handle, statement, LoadFeed(complete: chunk), session.infile, outcome).run()
        session.infile.feed = nil
        try check(outcome, expecting: rows)
        try unload()
    }

    // MARK: The end

    override func abort() {
        if let running {
            self.running = nil
            chunk = nil
            running.feed.end(failed: true)
            // A server that waits for a lock does not answer; the end of the connection rolls back as well.
            if !running.call.wait(milliseconds: 3000) { session.breakConnection() }
            running.call.wait()
            session.infile.feed = nil
        }
        chunk = nil
        super.abort()
    }

    override func close() {
        abort()
        if let shelf { _ = try? session.attempt("DROP TEMPORARY TABLE IF EXISTS \(dialect.quote(shelf))") }
        session.endWriting()
    }
}

/// What came of a LOAD DATA. Sendable, unchecked: written by the thread that runs it, read after that has ended.
final class LoadOutcome: @unchecked Sendable {
    var fault: MySQLFault?
    var info = ""
}

/// A LOAD DATA statement with its rows. Sendable, unchecked: while it runs, nobody else uses the connection.
final class LoadJob: @unchecked Sendable {
    private let handle: UnsafeMutablePointer<MYSQL>
    private let statement: String
    private let feed: LoadFeed
    private let outcome: LoadOutcome

    init(
        _ handle: UnsafeMutablePointer<MYSQL>, _ statement: String, _ feed: LoadFeed, _ infile: InfileHost, _ outcome: LoadOutcome
    ) {
        self.handle = handle
        self.statement = statement
        self.feed = feed
        self.outcome = outcome
        infile.feed = feed
    }

    func run() {
        if mysql_real_query(handle, statement, UInt(statement.utf8.count)) != 0 {
            outcome.fault = MySQLFault(handle)
        } else {
            outcome.info = mysql_info(handle).map { String(cString: $0) } ?? ""
        }
        feed.finish()
    }
}

/// `Records: 3  Deleted: 0  Skipped: 0  Warnings: 0`.
struct LoadCounts {
    var records = 0
    var skipped = 0
    var warnings = 0

    init(_ info: String) {
        let words = info.split(separator: " ")
        for (name, value) in zip(words, words.dropFirst()) {
            switch name {
            case "Records:": records = Int(value) ?? -1
            case "Skipped:": skipped = Int(value) ?? -1
            case "Warnings:": warnings = Int(value) ?? -1
            default: continue
            }
        }
    }
}
