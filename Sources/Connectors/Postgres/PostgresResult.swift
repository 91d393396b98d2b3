import CPostgres

/// The outcome of one statement; frees libpq's memory with itself.
final class PostgresResult {
    let pointer: OpaquePointer?

    init(_ pointer: OpaquePointer?) { self.pointer = pointer }
    deinit { PQclear(pointer) }

    var status: ExecStatusType { PQresultStatus(pointer) }

    /// The statement did what it should.
    var isGood: Bool {
        switch status {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_EMPTY_QUERY: true
        default: false
        }
    }

    var rowCount: Int { Int(PQntuples(pointer)) }
    var columnCount: Int { Int(PQnfields(pointer)) }

    func text(_ row: Int, _ column: Int) -> String? {
        guard PQgetisnull(pointer, Int32(row), Int32(column)) == 0 else { return nil }
        return String(cString: PQgetvalue(pointer, Int32(row), Int32(column)))
    }

    var rows: [[String?]] {
        let columns = columnCount
        return (0..<rowCount).map { row in (0..<columns).map { text(row, $0) } }
    }

    /// The first value of the first row.
    var value: String? { rowCount > 0 && columnCount > 0 ? text(0, 0) : nil }

    /// The number in the command tag: `INSERT 0 5`, `COPY 5`.
    var affected: Int { Int(String(cString: PQcmdTuples(pointer))) ?? 0 }

    /// The parts of an error report (PostgreSQL manual, "Error and Notice Message Fields").
    enum ErrorField: UInt8 {
        case state = 67  // C
        case position = 80  // P
        case message = 77  // M
        case detail = 68  // D
        case hint = 72  // H
        case schema = 115  // s
        case table = 116  // t
        case column = 99  // c
        case constraint = 110  // n
    }

    func error(_ field: ErrorField) -> String? {
        PQresultErrorField(pointer, Int32(field.rawValue)).map { String(cString: $0) }
    }
}
