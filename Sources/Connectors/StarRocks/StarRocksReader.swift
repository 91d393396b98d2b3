import ApusCore
import CMariaDB
import MySQLClient
import Tabular

/// Reads a slice over the text protocol, whose rows are decoded out of libmariadb's network buffer.
///
/// A row is the manual's "Text Resultset Row": one length-encoded string a column, 0xFB for NULL. libmariadb's own fetch is
/// not called, since it would walk every row once more; the packets come from `mysql_net_read_packet`.
final class StarRocksReader: Reader {
    let wire: WireFormat? = nil
    var remark: String?
    private(set) var rowsRead = 0
    private let session: StarRocksSession
    private let doing: String
    private let kinds: UnsafeMutableBufferPointer<Kind>
    /// Looks, when the rows have ended, whether they are what was there when they began.
    private let onEnd: () throws -> Void
    private var isAtEnd = false
    private var isClosed = false

    private enum Kind: UInt8 { case integer, unsigned, boolean, float, double, octets, date, timestamp }

    init(
        _ session: StarRocksSession, _ sql: String, _ schema: Schema, doing: String, onEnd: @escaping () throws -> Void = {}
    ) throws {
        self.session = session
        self.doing = doing
        self.onEnd = onEnd
        kinds = .allocate(capacity: schema.count)
        _ = kinds.initialize(from: schema.columns.map { Self.kind($0.type) })
        do {
            try ClientResult.send(sql, on: session.handle)
            let count = Int(mysql_field_count(session.handle))
            guard count == schema.count else {
                throw MySQLFault(number: 1222, words: "another number of columns than when the plan was made; plan again")
            }
        } catch let fault as MySQLFault {
            // Rows that may be on their way are given up with the connection.
            isAtEnd = fault.number != 1222
            throw session.noticed(fault)
        }
    }

    deinit {
        close()
        kinds.deallocate()
    }

    private static func kind(_ type: ColumnType) -> Kind {
        switch type {
        case .boolean: .boolean
        case .integer(64, true): .unsigned
        case .integer: .integer
        case .float(32): .float
        case .float: .double
        case .date: .date
        case .timestamp, .instant: .timestamp
        default: .octets
        }
    }

    func read(into batch: Batch) throws -> Bool {
        if isAtEnd || isClosed { return false }
        let handle = session.handle
        let columns = batch.columns.baseAddress!
        var start: UnsafePointer<UInt8>!
        while !batch.isFull {
            let length = apus_next_packet(handle, &start)
            if length <= 0 { throw failed() }
            if start[0] == 0xFE, length < 9 {
                isAtEnd = true
                apus_end_text(handle)
                try onEnd()
                return false
            }
            rowsRead &+= 1
            switch decode(start, length, into: columns) {
            case .decoded: batch.endRow(bytes: length &+ 4)
            case .rejected(let column): reject(column, batch)
            case .malformed:
                breakOff()
                throw ApusError(
                    .internalFault, "could not \(doing): row \(rowsRead) does not follow the protocol", context: session.endpoint.label)
            }
        }
        return true
    }

    private enum Outcome { case decoded, rejected(column: Int), malformed }

    /// Appends one value to each column. Every length that the server states is held against the packet's end.
    @inline(__always)
    private func decode(_ start: UnsafePointer<UInt8>, _ length: Int, into columns: UnsafeMutablePointer<ColumnBuffer>) -> Outcome {
        let end = start + length
        var p = start
        var rejected = -1
        let kinds = UnsafeBufferPointer(kinds)
        for index in 0..<kinds.count {
            let column = columns + index
            let left = end - p
            if left < 1 { return .malformed }
            var size = Int(p[0])
            p += 1
            if size == 0xFB {
                column.pointee.appendNull()
                continue
            }
            if size > 251 {
                guard let long = Self.longSize(size, &p, end) else { return .malformed }
                size = long
            }
            if size > end - p { return .malformed }
            let kind = kinds.baseAddress![index]
            if kind == .octets {
                column.pointee.append(p, count: size)
            } else if let number = Self.number(UnsafeBufferPointer(start: p, count: size), kind) {
                column.pointee.append(number)
            } else {
                rejected = index
                column.pointee.appendNull()
            }
            p += size
        }
        if p != end { return .malformed }
        return rejected < 0 ? .decoded : .rejected(column: rejected)
    }

    @inline(__always)
    private static func number(_ text: UnsafeBufferPointer<UInt8>, _ kind: Kind) -> Int64? {
        switch kind {
        case .integer: Parse.integer(text)
        case .unsigned: Parse.unsigned(text).map { Int64(bitPattern: $0) }
        case .boolean: Parse.integer(text).flatMap { $0 == 0 || $0 == 1 ? $0 : nil }
        // A FLOAT's text is as short as it may be: only the nearest 32-bit value is meant.
        case .float: Parse.double(text).map { Int64(bitPattern: Double(Float($0)).bitPattern) }
        case .double: Parse.double(text).map { Int64(bitPattern: $0.bitPattern) }
        case .date: Parse.date(text)
        case .timestamp: Parse.timestamp(text)
        case .octets: nil
        }
    }

    /// The rest of a length-encoded integer that begins with 252, 253 or 254.
    @inline(never)
    private static func longSize(_ first: Int, _ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> Int? {
        let octets = first == 252 ? 2 : first == 253 ? 3 : first == 254 ? 8 : 0
        guard octets > 0, end - p >= octets else { return nil }
        var size: UInt64 = 0
        for index in 0..<octets { size |= UInt64(p[index]) << UInt64(8 * index) }
        p += octets
        return size > UInt64(end - p) ? nil : Int(size)
    }

    private func reject(_ column: Int, _ batch: Batch) {
        batch.dropUnfinishedRow()
        let name = batch.schema[column].name
        batch.rejected.append(
            RejectedRow(
                row: rowsRead - 1, column: name, reason: "the value of `\(name)` is no \(batch.schema[column].type)", values: "{}"))
    }

    private func failed() -> ApusError {
        let found = MySQLFault(session.handle)
        let fault = found.number == 0 ? MySQLFault(number: 2013, words: "the result ended before its end") : found
        let error = session.error(fault, doing: "\(doing), after \(rowsRead) rows")
        if fault.isConnectionLost {
            breakOff()
        } else {
            // The server has ended the statement: the connection is of use.
            isAtEnd = true
            apus_end_text(session.handle)
        }
        return error
    }

    /// Gives up the rest of the rows, and the connection with it: there may be millions of them.
    private func breakOff() {
        isAtEnd = true
        session.breakConnection()
        apus_end_text(session.handle)
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        if !isAtEnd { breakOff() }
        if session.openReader === self { session.openReader = nil }
    }
}
