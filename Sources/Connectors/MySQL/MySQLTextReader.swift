import ApusCore
import CMariaDB
import MySQLClient
import Tabular

/// Reads a slice over the text protocol, for servers that cannot prepare statements and for `protocol=text`.
final class MySQLTextReader: Reader, MySQLRowStream {
    let wire: WireFormat? = nil
    private(set) var rowsRead = 0
    private let session: MySQLSession
    private let doing: String
    private let result: UnsafeMutablePointer<MYSQL_RES>
    private let kinds: [Kind]
    private let zeroIsNull: Bool
    private let clock: MySQLClock?
    private var isAtEnd = false
    private var isClosed = false

    private enum Kind {
        case integer, unsigned, boolean, float, decimal, octets, date, timestamp, instant, duration
        case bits(Int)
    }

    init(_ session: MySQLSession, _ sql: String, _ schema: Schema, doing: String) throws {
        self.session = session
        self.doing = doing
        zeroIsNull = session.options.zeroDatesAreNull
        clock = session.knownClock
        kinds = schema.columns.map { column in
            switch column.type {
            case .boolean: .boolean
            case .integer(64, true): .unsigned
            case .integer: .integer
            case .float: .float
            case .date: .date
            case .timestamp: .timestamp
            case .instant: .instant
            case .duration, .time: .duration
            case .bits(let length): .bits(length ?? 64)
            case .decimal: .decimal
            case .text, .bytes, .json, .uuid, .array, .other: .octets
            }
        }
        guard mysql_real_query(session.handle, sql, UInt(sql.utf8.count)) == 0, let result = mysql_use_result(session.handle) else {
            throw MySQLFault(session.handle)
        }
        self.result = result
        if Int(mysql_num_fields(result)) != kinds.count {
            throw MySQLFault(number: 1222, words: "another number of columns than when the plan was made; plan again")
        }
    }

    deinit { close() }

    /// How a column is selected so that its text is exact: FLOAT prints six digits, DOUBLE all it needs.
    static func cast(_ column: Column, _ sql: String) -> String {
        column.type == .float(bits: 32) ? "(\(sql)) + 0e0" : sql
    }

    func read(into batch: Batch) throws -> Bool {
        if isAtEnd || isClosed { return false }
        while !batch.isFull {
            guard let row = mysql_fetch_row(result) else {
                isAtEnd = true
                guard mysql_errno(session.handle) == 0 else {
                    let fault = MySQLFault(session.handle)
                    if fault.isConnectionLost { session.breakConnection() }
                    throw session.error(fault, doing: "\(doing), after \(rowsRead) rows")
                }
                return false
            }
            let lengths = mysql_fetch_lengths(result)!
            rowsRead += 1
            var bytes = 4
            var bad: Int?
            for index in kinds.indices {
                let length = Int(lengths[index])
                bytes += length + 1
                guard let text = row[index] else {
                    batch.columns[index].appendNull()
                    continue
                }
                let value = UnsafeBufferPointer(start: UnsafeRawPointer(text).assumingMemoryBound(to: UInt8.self), count: length)
                if !append(value, kinds[index], to: &batch.columns[index]) {
                    bad = bad ?? index
                    batch.columns[index].appendNull()
                }
            }
            if let bad {
                batch.dropUnfinishedRow()
                let name = batch.schema[bad].name
                batch.rejected.append(
                    RejectedRow(
                        row: rowsRead - 1, column: name, reason: "the value of `\(name)` is no \(batch.schema[bad].type)", values: "{}"))
            } else {
                batch.endRow(bytes: bytes)
            }
        }
        return true
    }

    private func append(_ text: UnsafeBufferPointer<UInt8>, _ kind: Kind, to column: inout ColumnBuffer) -> Bool {
        var number: Int64?
        switch kind {
        case .octets:
            let out = column.reserve(text.count)
            if let base = text.baseAddress { out.update(from: base, count: text.count) }
            column.commit(text.count)
            return true
        case .bits(let bits):
            withUnsafeMutablePointer(to: &column) { MySQLBits.append(text, bits: bits, to: $0) }
            return true
        // Also one with leading zeros, as ZEROFILL has it.
        case .decimal: return Parse.decimal(text, into: &column)
        case .integer: number = Parse.integer(text)
        case .unsigned: number = Parse.unsigned(text).map { Int64(bitPattern: $0) }
        case .boolean: number = Parse.integer(text).flatMap { $0 == 0 || $0 == 1 ? $0 : nil }
        case .float: number = Parse.double(text).map { Int64(bitPattern: $0.bitPattern) }
        case .date: number = Parse.date(text)
        case .timestamp, .instant:
            number = Parse.timestamp(text)
            guard case .instant = kind else { break }
            if let shown = number, let clock {
                let isReal = !Temporal.isZero(shown)
                number = isReal ? clock.offset.map { shown - $0 } ?? clock.zone.instant(ofWallClock: shown) : shown
            } else {
                number = MySQLEpoch.instant(text)
            }
        case .duration: number = Parse.duration(text)
        }
        guard let number else { return false }
        switch kind {
        case .date, .timestamp, .instant:
            if zeroIsNull, Temporal.isZero(number) {
                column.appendNull()
                return true
            }
        default: break
        }
        column.append(number)
        return true
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        // Freeing an unfinished result would read it to its end.
        if !isAtEnd, !session.endStatement() { session.breakConnection() }
        mysql_free_result(result)
        if session.openReader === self { session.openReader = nil }
    }
}
