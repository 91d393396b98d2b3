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
            let step = index < count ? MySQLDecodeStep(column, fields[index], session.options) : nil
            guard count == schema.count, let step else {
                throw MySQLFault(
                    number: 1222, words: "column `\(column.name)` has another type than when the plan was made; plan again")
            }
            (steps.baseAddress! + index).initialize(to: step)
        }
    }

    deinit {
        close()
        steps.deallocate()
    }

    func read(into batch: Batch) throws -> Bool {
        if isAtEnd || isClosed { return false }
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

    /// Gives up the rest of the rows, and the connection with it: there may be millions of them.
    private func breakOff() {
        isAtEnd = true
        session.breakConnection()
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
