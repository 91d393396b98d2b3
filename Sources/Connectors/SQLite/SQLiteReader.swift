import ApusCore
import CSQLite
import Tabular

/// What numbers in date and time columns mean.
enum SQLiteDates: String {
    case text, unix, unixMilliseconds = "unix_ms", julian

    /// Microseconds since 1970-01-01 of a stored number; nil when numbers mean nothing or it is out of range.
    func microseconds(_ number: Double) -> Int64? {
        let value: Double
        switch self {
        case .text: return nil
        case .unix: value = number * 1_000_000
        case .unixMilliseconds: value = number * 1000
        // Julian day 2440587.5 is 1970-01-01 00:00; a double's day number is good for milliseconds.
        case .julian: value = ((number - 2_440_587.5) * 86_400_000).rounded() * 1000
        }
        let rounded = value.rounded()
        return rounded.magnitude < 4e17 ? Int64(rounded) : nil
    }

    /// The same for a whole number, exactly.
    func microseconds(_ number: Int64) -> Int64? {
        let factor: Int64
        switch self {
        case .text: return nil
        case .unix: factor = 1_000_000
        case .unixMilliseconds: factor = 1000
        case .julian: return microseconds(Double(number))
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow || product.magnitude >= 400_000_000_000_000_000 ? nil : product
    }
}

/// Steps a SELECT and converts each value by what it is; a value that its column's type cannot hold makes its row a
/// rejected one.
final class SQLiteReader: Reader {
    let wire: WireFormat? = nil
    private(set) var rowsRead = 0
    private var statement: SQLiteStatement?
    private let schema: Schema
    private let columns: [SQLiteReadColumn]
    private let doing: String
    private var isAtEnd = false

    init(_ statement: SQLiteStatement, _ schema: Schema, dates: SQLiteDates, doing: String) {
        self.statement = statement
        self.schema = schema
        self.doing = doing
        columns = schema.types.map { SQLiteReadColumn($0, dates) }
    }

    func read(into batch: Batch) throws -> Bool {
        guard let statement, !isAtEnd else { return false }
        batch.firstRow = rowsRead
        let pointer = statement.pointer
        let count = columns.count
        var rejectedBytes = 0
        return try columns.withUnsafeBufferPointer { kinds in
            while !batch.isFull, batch.rejected.count < batch.rowCapacity, rejectedBytes < batch.byteLimit {
                let status = sqlite3_step(pointer)
                guard status == SQLITE_ROW else {
                    isAtEnd = true
                    if status == SQLITE_DONE { return false }
                    throw statement.database.error(status, doing: doing)
                }
                rowsRead &+= 1
                var bytes = 0
                var bad = -1
                for index in 0..<count {
                    let length = kinds[index].append(
                        pointer, Int32(truncatingIfNeeded: index), to: &batch.columns[index])
                    if length < 0 {
                        bad = index
                        break
                    }
                    bytes &+= length
                }
                if bad < 0 {
                    batch.endRow(bytes: bytes)
                } else {
                    batch.dropUnfinishedRow()
                    let values = json(statement)
                    rejectedBytes += values.utf8.count
                    batch.rejected.append(
                        RejectedRow(
                            row: rowsRead - 1, column: schema[bad].name,
                            reason: kinds[bad].reason(pointer, Int32(bad), schema[bad]), values: values))
                }
            }
            return true
        }
    }

    func close() { statement = nil }

    /// The row as SQLite has it.
    private func json(_ statement: SQLiteStatement) -> String {
        let pointer = statement.pointer
        let types = schema.columns.indices.map { index -> Column in
            let type: ColumnType =
                switch sqlite3_column_type(pointer, Int32(index)) {
                case SQLITE_INTEGER: .int64
                case SQLITE_FLOAT: .float64
                case SQLITE_BLOB: .bytes
                default: .text
                }
            return Column(schema[index].name, type)
        }
        let row = Batch(schema: Schema(types), rowCapacity: 1)
        for (index, column) in types.enumerated() {
            if sqlite3_column_type(pointer, Int32(index)) == SQLITE_NULL {
                row.columns[index].appendNull()
                continue
            }
            switch column.type {
            case .integer: row.columns[index].append(sqlite3_column_int64(pointer, Int32(index)))
            case .float: row.columns[index].append(sqlite3_column_double(pointer, Int32(index)))
            case .bytes:
                let octets = statement.bytes(Int32(index))
                let room = row.columns[index].reserve(octets.count)
                if let base = octets.baseAddress { room.update(from: base, count: octets.count) }
                row.columns[index].commit(octets.count)
            default: row.columns[index].append(statement.text(index) ?? "")
            }
        }
        row.endRow(bytes: 0)
        return row.json(row: 0)
    }
}
