import ApusCore
import CSQLite
import Tabular

/// A prepared statement; it keeps its database open.
final class SQLiteStatement {
    let pointer: OpaquePointer
    let database: SQLiteDatabase

    init(_ pointer: OpaquePointer, _ database: SQLiteDatabase) {
        self.pointer = pointer
        self.database = database
    }

    deinit { sqlite3_finalize(pointer) }

    var columnCount: Int { Int(sqlite3_column_count(pointer)) }

    func bind(_ parameters: [String?], doing: String) throws {
        let expected = Int(sqlite3_bind_parameter_count(pointer))
        guard expected == parameters.count else {
            throw ApusError(
                .internalFault, "could not \(doing): \(parameters.count) values for \(expected) parameters")
        }
        for (index, parameter) in parameters.enumerated() {
            let status: Int32
            if var text = parameter {
                status = text.withUTF8 { utf8 in
                    utf8.withMemoryRebound(to: CChar.self) { characters in
                        // An empty text has no address, and SQLite takes none for NULL.
                        guard let base = characters.baseAddress, characters.count > 0 else {
                            return apus_sqlite3_bind_text_copy(pointer, Int32(index + 1), "", 0)
                        }
                        return apus_sqlite3_bind_text_copy(pointer, Int32(index + 1), base, Int32(characters.count))
                    }
                }
            } else {
                status = sqlite3_bind_null(pointer, Int32(index + 1))
            }
            guard status == SQLITE_OK else { throw database.error(status, doing: doing) }
        }
    }

    /// Whether there is a row.
    func step(doing: String) throws -> Bool {
        switch sqlite3_step(pointer) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let status: throw database.error(status, doing: doing)
        }
    }

    func reset() { sqlite3_reset(pointer) }

    func name(_ column: Int) -> String { String(cString: sqlite3_column_name(pointer, Int32(column))) }

    /// The type that the column of a table was declared with; nil for an expression.
    func declaredType(_ column: Int) -> String? {
        sqlite3_column_decltype(pointer, Int32(column)).map { String(cString: $0) }
    }

    /// The value as text: floating point in the shortest form that reads back, octets as hexadecimal digits after `\x`.
    func text(_ column: Int) -> String? {
        let column = Int32(column)
        switch sqlite3_column_type(pointer, column) {
        case SQLITE_NULL: return nil
        case SQLITE_FLOAT:
            var buffer = ByteBuffer(capacity: 64)
            buffer.append(double: sqlite3_column_double(pointer, column))
            return buffer.string
        case SQLITE_BLOB:
            var buffer = ByteBuffer()
            buffer.append("\\x" as StaticString)
            buffer.append(hex: bytes(column))
            return buffer.string
        default:
            let text = sqlite3_column_text(pointer, column)
            let count = Int(sqlite3_column_bytes(pointer, column))
            return String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self)
        }
    }

    /// The octets of a BLOB.
    func bytes(_ column: Int32) -> UnsafeBufferPointer<UInt8> {
        let start = sqlite3_column_blob(pointer, column)
        let count = Int(sqlite3_column_bytes(pointer, column))
        return UnsafeBufferPointer(start: start?.assumingMemoryBound(to: UInt8.self), count: start == nil ? 0 : count)
    }
}
