import ApusCore
import CPostgres
import Glibc
import Tabular

extension PostgresSession {
    /// Runs SQL, several statements at once if there are no parameters; `$1` marks parameters. `shows`: an error may show the
    /// statement, which holds no values of rows.
    /// - parameter begin: a statement that begins a transaction, sent together with the SQL.
    @discardableResult
    func run(
        _ sql: String, _ parameters: [String?] = [], begin: String? = nil, doing: @autoclosure () -> String, rows: Bool = false,
        shows: Bool = false
    ) throws -> PostgresResult {
        try interrupt.check()
        guard !isClosed else { throw ApusError(.unreachable, "the connection is closed", context: endpoint.label) }
        if poolsTransactions { return try runPooled(sql, parameters, begin: begin, doing: doing(), rows: rows, shows: shows) }
        let result = try send(begin.map { "\($0); \(sql)" } ?? sql, parameters, doing())
        guard result.isGood else { throw failure(result, doing(), rows: rows, sql: shows ? sql : nil) }
        return result
    }

    func send(_ sql: String, _ parameters: [String?], _ doing: @autoclosure () -> String) throws -> PostgresResult {
        if parameters.isEmpty {
            return PostgresResult(PQexec(connection, sql))
        } else {
            guard !parameters.contains(where: { $0?.utf8.contains(0) == true }) else {
                throw ApusError(.statement, "\(doing()): a parameter holds a NUL character, which PostgreSQL cannot hold")
            }
            let values = parameters.map { $0.map { UnsafePointer<CChar>(strdup($0)!) } }
            defer { for value in values { free(UnsafeMutablePointer(mutating: value)) } }
            return PostgresResult(
                PQexecParams(connection, sql, Int32(values.count), nil, values, nil, nil, 0))
        }
    }

    @discardableResult func execute(_ sql: String) throws -> Int {
        // The user's own, which may be DISCARD ALL.
        preparedTarget = nil
        let result = try run(sql, doing: "running a statement", shows: true)
        switch result.status {
        case PGRES_COPY_IN:
            PQputCopyEnd(connection, "COPY is not a statement for this place")
            drain()
            throw ApusError(.unsupported, "COPY … FROM STDIN cannot be run as a statement", context: endpoint.label)
        case PGRES_COPY_OUT:
            cancelStatement()
            throw ApusError(.unsupported, "COPY … TO STDOUT cannot be run as a statement", context: endpoint.label)
        default:
            return result.affected
        }
    }

    func query(_ sql: String, _ parameters: [String?]) throws -> [[String?]] {
        let numbered = parameters.isEmpty ? sql : PostgresSession.numberParameters(sql)
        return try run(numbered, parameters, doing: "running a query").rows
    }

    /// Runs a body in a transaction; whatever it throws takes everything back.
    func transaction<Value>(_ doing: String, _ body: () throws -> Value) throws -> Value {
        try begin(doing: doing)
        do {
            let value = try body()
            try run("COMMIT", doing: doing)
            return value
        } catch {
            rollBack()
            throw error
        }
    }

    /// Neither closed here nor known to be lost.
    var isAlive: Bool { !isClosed && PQstatus(connection) == CONNECTION_OK }

    /// Ends the open transaction, if the connection still lives; never throws.
    func rollBack() {
        isAlone = false
        guard isAlive, PQtransactionStatus(connection) != PQTRANS_IDLE else { return }
        PQclear(PQexec(connection, "ROLLBACK"))
    }

    /// Asks the server to end the statement under way and reads what it had sent.
    func cancelStatement() {
        guard isAlive, PQtransactionStatus(connection) == PQTRANS_ACTIVE else { return }
        if let handle = PQgetCancel(connection) {
            var reason = [CChar](repeating: 0, count: 256)
            PQcancel(handle, &reason, 256)
            PQfreeCancel(handle)
        }
        var row: UnsafeMutablePointer<CChar>?
        while PQgetCopyData(connection, &row, 0) > 0 { PQfreemem(row) }
        drain()
    }

    /// Reads all results of the statement under way; the first bad one, else the last.
    @discardableResult
    func drain() -> PostgresResult? {
        var last: PostgresResult?
        while let pointer = PQgetResult(connection) {
            let result = PostgresResult(pointer)
            if last?.isGood ?? true { last = result }
            // A COPY that is still open would give itself again and again.
            if result.status == PGRES_COPY_IN { PQputCopyEnd(connection, "ended") }
            if result.status == PGRES_COPY_OUT {
                var row: UnsafeMutablePointer<CChar>?
                while PQgetCopyData(connection, &row, 0) > 0 { PQfreemem(row) }
            }
        }
        return last
    }

    /// Turns `?` into `$1`, `$2` … outside of quotes and comments.
    static func numberParameters(_ sql: String) -> String {
        var scan = SQLScan(Array(sql.utf8))
        var number = 0
        return scan.rewrite { byte in
            guard byte == UInt8(ascii: "?") else { return nil }
            number += 1
            return "$\(number)"
        }
    }
}

/// Walks over SQL and tells code from quotes and comments (PostgreSQL manual, "Lexical Structure").
struct SQLScan {
    private let text: [UInt8]
    private var position = 0
    private var out: [UInt8] = []

    init(_ text: [UInt8]) { self.text = text }

    /// The text with single characters of code replaced.
    mutating func rewrite(_ replacement: (UInt8) -> String?) -> String {
        while position < text.count {
            let byte = text[position]
            let next = position + 1 < text.count ? text[position + 1] : 0
            switch byte {
            case UInt8(ascii: "'"):
                let before = position > 0 ? text[position - 1] | 0x20 : 0
                let isWord = position > 1 && SQLScan.isWord(text[position - 2])
                copyQuoted(byte, escapes: before == UInt8(ascii: "e") && !isWord)
            case UInt8(ascii: "\""): copyQuoted(byte, escapes: false)
            case UInt8(ascii: "-") where next == byte: copy { $0 == UInt8(ascii: "\n") }
            case UInt8(ascii: "/") where next == UInt8(ascii: "*"): copyComment()
            case UInt8(ascii: "$") where !(position > 0 && SQLScan.isWord(text[position - 1])): copyDollarQuoted()
            default:
                if let new = replacement(byte) { out += Array(new.utf8) } else { out.append(byte) }
                position += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        byte >= 128 || byte == 95 || (byte >= 48 && byte <= 57) || ((byte | 0x20) >= 97 && (byte | 0x20) <= 122)
    }

    private mutating func copy(upTo isEnd: (UInt8) -> Bool) {
        while position < text.count, !isEnd(text[position]) { take() }
    }

    private mutating func take() {
        out.append(text[position])
        position += 1
    }

    private mutating func copyQuoted(_ quote: UInt8, escapes: Bool) {
        take()
        while position < text.count {
            let byte = text[position]
            take()
            if byte == quote { return }
            if escapes, byte == UInt8(ascii: "\\"), position < text.count { take() }
        }
    }

    private mutating func copyComment() {
        var depth = 0
        repeat {
            let next = position + 1 < text.count ? text[position + 1] : 0
            if text[position] == UInt8(ascii: "/"), next == UInt8(ascii: "*") {
                depth += 1
                take()
            } else if text[position] == UInt8(ascii: "*"), next == UInt8(ascii: "/") {
                depth -= 1
                take()
            }
            take()
        } while depth > 0 && position < text.count
    }

    private mutating func copyDollarQuoted() {
        var end = position + 1
        while end < text.count, SQLScan.isWord(text[end]) { end += 1 }
        guard end < text.count, text[end] == UInt8(ascii: "$") else { return take() }
        let tag = Array(text[position...end])
        for _ in tag { take() }
        while position < text.count {
            if text[position] == UInt8(ascii: "$"), text[position...].starts(with: tag) {
                for _ in tag { take() }
                return
            }
            take()
        }
    }
}
