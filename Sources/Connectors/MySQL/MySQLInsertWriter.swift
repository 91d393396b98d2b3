import ApusCore
import MySQLClient
import Tabular

/// Writes slices by multi-row INSERT, where the server does not take LOAD DATA LOCAL.
final class MySQLInsertWriter: MySQLSliceWriter, Writer {
    private let encoder: MySQLEncoder
    private let head: String
    private let tail: String
    /// Rows of one statement, in octets.
    private static let statementSize = 1 << 20
    private let values = Chunk(capacity: 1 << 16)

    init(_ session: MySQLSession, _ load: Load, _ target: MySQLTarget, _ duplicates: Duplicates, zoneOffset: Int64) {
        encoder = MySQLEncoder(target.items, zoneOffset: zoneOffset, form: .values)
        head = target.insertHead(duplicates, session.dialect)
        tail = target.insertTail(duplicates, key: load.key, session.dialect)
        super.init(session, load, target, duplicates)
    }

    func write(_ batch: Batch) throws -> [RejectedRow] {
        try session.interrupt.check()
        let columns = batch.columns.baseAddress!
        let limit = try session.packetLimit() - head.utf8.count - tail.utf8.count - 64
        let most = min(Self.statementSize, limit)
        var bad: [RejectedRow] = []
        var pending: [Int] = []
        var pendingSize = 0
        let row = Chunk()
        for index in 0..<batch.rowCount {
            row.buffer.removeAll()
            let column = encoder.append(row: index, of: columns, to: &row.buffer)
            if column >= 0 {
                bad.append(unencodable(batch, index, column))
                continue
            }
            if row.buffer.count > limit {
                bad += try insertSingle(batch, index, row).map { [$0] } ?? []
                continue
            }
            if pendingSize + row.buffer.count > most {
                bad += try put(pending, of: batch)
                pending.removeAll(keepingCapacity: true)
                pendingSize = 0
            }
            pending.append(index)
            pendingSize += row.buffer.count + 1
        }
        return bad + (try put(pending, of: batch))
    }

    private func put(_ rows: [Int], of batch: Batch) throws -> [RejectedRow] {
        if rows.isEmpty { return [] }
        if isCareful {
            return try bisect(
                rows.indices,
                put: { range in
                    try insert(rows[range], of: batch)
                    written += range.count
                },
                single: { index in
                    let literal = Chunk()
                    _ = encoder.append(row: rows[index], of: batch.columns.baseAddress!, to: &literal.buffer)
                    return try insertSingle(batch, rows[index], literal)
                })
        }
        do { try insert(rows[...], of: batch) } catch let fault as MySQLFault { throw rejection(fault) }
        written += rows.count
        return []
    }

    private func insert(_ rows: ArraySlice<Int>, of batch: Batch) throws {
        values.buffer.removeAll()
        for row in rows {
            if values.buffer.count > 0 { values.buffer.append(UInt8(ascii: ",")) }
            _ = encoder.append(row: row, of: batch.columns.baseAddress!, to: &values.buffer)
        }
        try session.send(head, values, tail)
        try session.refuseChanges(ignoring: duplicates == .ignore)
    }

    func flush() throws -> Int { written }
}
