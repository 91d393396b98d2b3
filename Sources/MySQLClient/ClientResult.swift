import ApusCore
import CMariaDB

/// Statements and small results of the text protocol.
public enum ClientResult {
    public static func send(_ sql: String, on handle: UnsafeMutablePointer<MYSQL>) throws(MySQLFault) {
        var sql = sql
        let failed = sql.withUTF8 { utf8 in
            utf8.withMemoryRebound(to: CChar.self) { mysql_real_query(handle, $0.baseAddress, UInt($0.count)) }
        }
        if failed != 0 { throw MySQLFault(handle) }
    }

    /// Drops rows that the statement may give, and returns the rows affected.
    public static func affectedRows(_ handle: UnsafeMutablePointer<MYSQL>) throws(MySQLFault) -> Int {
        let affected = mysql_affected_rows(handle)
        if mysql_field_count(handle) > 0 {
            guard let result = mysql_use_result(handle) else { throw MySQLFault(handle) }
            while mysql_fetch_row(result) != nil {}
            mysql_free_result(result)
            if mysql_errno(handle) != 0 { throw MySQLFault(handle) }
            return 0
        }
        return affected == .max ? 0 : Int(affected)
    }

    /// Names and rows of the statement just sent, all of them held in memory.
    public static func table(_ handle: UnsafeMutablePointer<MYSQL>) throws(MySQLFault) -> (names: [String], rows: [[String?]]) {
        guard let result = mysql_store_result(handle) else {
            if mysql_errno(handle) != 0 { throw MySQLFault(handle) }
            return ([], [])
        }
        defer { mysql_free_result(result) }
        let count = Int(mysql_num_fields(result))
        let fields = mysql_fetch_fields(result)!
        let names = (0..<count).map { String(cString: fields[$0].name) }
        var rows: [[String?]] = []
        while let row = mysql_fetch_row(result) {
            let lengths = mysql_fetch_lengths(result)!
            rows.append(
                (0..<count).map { index in
                    row[index].map { text in
                        text.withMemoryRebound(to: UInt8.self, capacity: Int(lengths[index])) {
                            String(decoding: UnsafeBufferPointer(start: $0, count: Int(lengths[index])), as: UTF8.self)
                        }
                    }
                })
        }
        return (names, rows)
    }

    /// A statement on one line, cut short, for messages.
    public static func excerpt(_ sql: String) -> String {
        let line = Masking.mask(statement: sql).split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return line.count > 80 ? line.prefix(80) + "…" : line
    }
}
