import ApusCore
import CMariaDB
import MySQLClient
import Tabular

/// What both ways of writing share: the transaction around a slice, and its mark.
class MySQLSliceWriter {
    let session: MySQLSession
    let load: Load
    let target: MySQLTarget
    let duplicates: Duplicates
    var isCareful = false
    /// Rows of the slice that the target has taken.
    var written = 0
    private var isOpen = false
    /// See ``MySQLSession/keepsMarks(_:)``.
    private lazy var isMarked = Result { try session.keepsMarks(load) }

    init(_ session: MySQLSession, _ load: Load, _ target: MySQLTarget, _ duplicates: Duplicates) {
        self.session = session
        self.load = load
        self.target = target
        self.duplicates = duplicates
    }

    var dialect: MySQLDialect { session.dialect }
    var doing: String { "load rows into \(load.target)" }

    @discardableResult func begin(_ slice: Slice, careful: Bool) throws -> SliceMark? {
        isCareful = careful
        written = 0
        if isOpen { abort() }
        if try isMarked.get(), let mark = try session.readMarks(load, slice: slice.id).first { return mark }
        try session.run("START TRANSACTION", doing: "begin a transaction for \(load.target)")
        isOpen = true
        return nil
    }

    func commit(_ mark: SliceMark) throws {
        let isMarked = try isMarked.get()
        do {
            if isMarked { try session.attempt(session.markInsert(mark, load)) }
            try session.attempt("COMMIT")
            isOpen = false
        } catch let fault as MySQLFault {
            let error = session.error(fault, doing: "commit rows of \(load.target)")
            throw isMarked ? error : load.commitFailed(error)
        }
    }

    func abort() {
        guard isOpen else { return }
        isOpen = false
        if !session.isBroken { _ = try? session.attempt("ROLLBACK") }
    }

    func close() {
        abort()
        session.endWriting()
    }

    /// A row fault as `row.rejected`, without the row's values.
    func rejection(_ fault: MySQLFault) -> ApusError { session.error(fault, doing: doing) }

    /// A row as it is reported.
    func rejected(_ batch: Batch, _ row: Int, column: String?, reason: String) -> RejectedRow {
        RejectedRow(row: batch.firstRow + row, column: column, reason: reason, values: batch.json(row: row))
    }

    func unencodable(_ batch: Batch, _ row: Int, _ column: Int) -> RejectedRow {
        let item = target.items[column]
        return rejected(
            batch, row, column: item.name,
            reason: item.check.flatMap { $0.holds(batch.columns.baseAddress! + column, row) ? nil : $0.reason(item.name) }
                ?? "the value of `\(item.name)` has no place in a MySQL \(item.type): NaN, an infinity, or a year outside of 0 to 9999")
    }

    /// Writes a range of rows and, where the target refuses it, halves of it, until the bad rows are alone.
    /// `put` writes a range as one; `single` one row, with the true reason.
    func bisect(
        _ rows: Range<Int>, put: (Range<Int>) throws -> Void, single: (Int) throws -> RejectedRow?
    ) throws -> [RejectedRow] {
        if rows.isEmpty { return [] }
        if rows.count == 1 { return try single(rows.lowerBound).map { [$0] } ?? [] }
        do {
            try session.attempt("SAVEPOINT apus")
            do {
                try put(rows)
                return []
            } catch let error as MySQLFault where error.isRowFault {
                try session.attempt("ROLLBACK TO SAVEPOINT apus")
            }
        } catch let fault as MySQLFault {
            throw session.error(fault, doing: doing)
        }
        let middle = rows.lowerBound + rows.count / 2
        return try bisect(rows.lowerBound..<middle, put: put, single: single)
            + bisect(middle..<rows.upperBound, put: put, single: single)
    }

    /// One row by a strict INSERT; nil when it went in.
    func insertSingle(_ batch: Batch, _ row: Int, _ literal: Chunk) throws -> RejectedRow? {
        let limit = try session.packetLimit()
        let head = target.insertHead(duplicates, dialect)
        let tail = target.insertTail(duplicates, key: load.key, dialect)
        guard literal.buffer.count + head.utf8.count + tail.utf8.count + 64 < limit else {
            return rejected(
                batch, row, column: nil,
                reason:
                    "the row needs \(literal.buffer.count) octets in a statement, more than the server's max_allowed_packet of \(limit); raise it there"
            )
        }
        do {
            try session.attempt("SAVEPOINT apus")
            do {
                try session.send(head, literal, tail)
                try session.refuseChanges(ignoring: duplicates == .ignore)
                written += 1
                return nil
            } catch let fault as MySQLFault where fault.isRowFault {
                try session.attempt("ROLLBACK TO SAVEPOINT apus")
                return rejected(batch, row, column: column(in: fault.words), reason: reason(fault))
            }
        } catch let fault as MySQLFault {
            throw session.error(fault, doing: doing)
        }
    }

    /// Why a row was refused.
    func reason(_ fault: MySQLFault) -> String {
        let number = target.runsSubqueriesEarly ? MySQLFault.otherKeyOutOfRange : MySQLFault.otherKey
        guard target.guardsKey, fault.number == number else { return fault.words }
        let key = load.key.joined(separator: ", ")
        return
            "the target has a row that it takes for this one, but whose key (\(key)) is not the same: it differs in case, accents or blanks, which the column's collation ignores, or another unique key is equal"
    }

    /// The column that the server's words name: `… for column 'a' at row 1`.
    private func column(in words: String) -> String? {
        target.items.map(\.name).first { name in
            ["column '\(name)'", "column `\(name)`", ".`\(name)` at row", "Column '\(name)'", "Field '\(name)'"].contains {
                words.contains($0)
            }
        }
    }
}

extension MySQLSession {
    /// The server's max_allowed_packet.
    func packetLimit() throws -> Int {
        if let known = knownPacketLimit { return known }
        let limit = try rows("SELECT @@max_allowed_packet", doing: "ask for max_allowed_packet").first?[0].flatMap { Int($0) } ?? 1 << 20
        knownPacketLimit = limit
        return limit
    }

    /// Runs a statement made of three parts.
    func send(_ head: String, _ body: Chunk, _ tail: String) throws {
        try makeReady()
        var sql = ByteBuffer(capacity: head.utf8.count + body.buffer.count + tail.utf8.count)
        sql.append(head)
        sql.append(body.buffer.bytes)
        sql.append(tail)
        let failed = sql.start.withMemoryRebound(to: CChar.self, capacity: sql.count) { mysql_real_query(handle, $0, UInt(sql.count)) }
        if failed != 0 { throw MySQLFault(handle) }
    }
}
