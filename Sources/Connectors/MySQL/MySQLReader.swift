import ApusCore
import CMariaDB
import MySQLClient
import Tabular

/// A reader whose rows are still on the wire.
protocol MySQLRowStream: AnyObject {
    func close()
}

/// Reads a slice by a prepared statement: rows of the binary protocol, decoded out of libmariadb's network buffer.
///
/// The layout is the manual's "Binary Protocol Resultset Row": 0x00, a bitmap of NULLs that begins at bit 2, then the
/// values one behind the other. libmariadb's own fetch is not called, since it would walk every row once more; the
/// packets come from `mysql_net_read_packet`.
final class MySQLReader: Reader, MySQLRowStream {
    let wire: WireFormat? = nil
    private(set) var rowsRead = 0
    private let session: MySQLSession
    private let doing: String
    private let statement: UnsafeMutablePointer<MYSQL_STMT>
    private let steps: UnsafeMutableBufferPointer<MySQLDecodeStep>
    /// Columns of instants that come as what the session's clock shows; see ``MySQLDecodeStep/isWallClock``.
    private var wallClocks: [Int] = []
    private var zone = Zone.utc
    private var isAtEnd = false
    private var isClosed = false

    init(_ session: MySQLSession, _ sql: String, _ schema: Schema, doing: String) throws {
        self.session = session
        self.doing = doing
        let statement = mysql_stmt_init(session.handle)!
        self.statement = statement
        steps = .allocate(capacity: schema.count)
        guard mysql_stmt_prepare(statement, sql, UInt(sql.utf8.count)) == 0, mysql_stmt_execute(statement) == 0 else {
            // The statement has no rows to give up; deinit closes it.
            isAtEnd = true
            throw MySQLFault(statement: statement)
        }
        let fields = statement.pointee.fields!
        let count = Int(statement.pointee.field_count)
        for (index, column) in schema.columns.enumerated() {
            let step = index < count ? MySQLDecodeStep(column, fields[index], session.options, session.knownClock) : nil
            guard count == schema.count, let step else {
                throw MySQLFault(
                    number: 1222, words: "column `\(column.name)` has another type than when the plan was made; plan again")
            }
            (steps.baseAddress! + index).initialize(to: step)
            if step.isWallClock { wallClocks.append(index) }
        }
        zone = wallClocks.isEmpty ? .utc : session.knownClock?.zone ?? .utc
    }

    deinit {
        close()
        steps.deallocate()
    }

    func read(into batch: Batch) throws -> Bool {
        if isAtEnd || isClosed { return false }
        defer { for index in wallClocks { MySQLReader.makeInstants(&batch.columns[index], batch.rowCount, zone) } }
        let handle = session.handle
        let columns = batch.columns.baseAddress!
        let steps = UnsafeBufferPointer(self.steps)
        var start: UnsafePointer<UInt8>!
        while !batch.isFull {
            let length = apus_next_packet(handle, &start)
            if length <= 0 { throw failed() }
            if start[0] == 0xFE {
                isAtEnd = true
                apus_end_rows(statement)
                if mysql_errno(handle) != 0 { throw session.error(MySQLFault(handle), doing: doing) }
                return false
            }
            rowsRead &+= 1
            switch MySQLRow(start, length).decode(steps, into: columns) {
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

    static func makeInstants(_ column: inout ColumnBuffer, _ rows: Int, _ zone: Zone) {
        for row in 0..<rows where !column.isNull(row) {
            column.values[row] = zone.instant(ofWallClock: column.values[row]) ?? column.values[row]
        }
    }

    /// Only a tinyint(1) read as boolean can be bad.
    private func reject(_ column: Int, _ batch: Batch) {
        batch.dropUnfinishedRow()
        let name = batch.schema[column].name
        batch.rejected.append(
            RejectedRow(
                row: rowsRead - 1, column: name, reason: "the value of `\(name)` is neither 0 nor 1 (tinyint1=boolean)", values: "{}"))
    }

    private func failed() -> ApusError {
        let fault = MySQLFault(session.handle)
        let error = session.error(
            fault.number == 0 ? MySQLFault(number: 2013, words: "the result ended before its end") : fault,
            doing: "\(doing), after \(rowsRead) rows")
        if fault.isConnectionLost || fault.number == 0 {
            breakOff()
        } else {
            // The server has ended the statement: the connection is of use.
            isAtEnd = true
            apus_end_rows(statement)
        }
        return error
    }

    /// Gives up the rest of the rows, and the connection with it: there may be millions of them. One that holds a snapshot
    /// is needed again: the server ends the statement, and what it has sent by then is passed over.
    private func breakOff() {
        isAtEnd = true
        if session.endStatement() {
            var start: UnsafePointer<UInt8>!
            var length = 1
            repeat { length = Int(apus_next_packet(session.handle, &start)) } while length > 0 && start[0] != 0xFE
            if length <= 0, MySQLFault(session.handle).isConnectionLost { session.breakConnection() }
        } else {
            session.breakConnection()
        }
        apus_end_rows(statement)
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        if !isAtEnd { breakOff() }
        mysql_stmt_close(statement)
        if session.openReader === self { session.openReader = nil }
    }
}
