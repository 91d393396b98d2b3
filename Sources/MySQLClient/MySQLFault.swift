import CMariaDB

/// What a server or libmariadb reported: the number, and the words.
public struct MySQLFault: Error, Sendable {
    public let number: Int
    /// As the server wrote it; may hold values of rows.
    public let words: String

    public init(number: Int, words: String) {
        self.number = number
        self.words = words
    }

    public init(_ handle: UnsafeMutablePointer<MYSQL>) {
        let number = Int(mysql_errno(handle))
        if number == CR_PLUGIN_NOT_ALLOWED {
            // libmariadb's text names the plugin from memory that is free by then.
            self.init(number: number, words: "the server asks for an authentication plugin that is not allowed")
            return
        }
        var text: UnsafePointer<CChar>?
        if number == 2027, case let hidden = Int(apus_hidden_error(handle, &text)), hidden > 0, let text {
            self.init(number: hidden, words: String(cString: text))
        } else {
            self.init(number: number, words: String(cString: mysql_error(handle)))
        }
    }

    public init(statement: UnsafeMutablePointer<MYSQL_STMT>) {
        self.init(
            number: Int(mysql_stmt_errno(statement)), words: String(cString: mysql_stmt_error(statement)))
    }

    public var isConnectionLost: Bool { Self.connectionFaults.contains(number) }

    /// The server does not understand the statement (ER_PARSE_ERROR).
    public var isSyntax: Bool { number == 1064 }

    /// What stands before the rest of the statement that the server quotes, and that rest: `… near 'frm t' at line 1`.
    private var quoted: (words: Substring, rest: Substring)? {
        guard isSyntax, let near = words.firstRange(of: " near '"), let end = words.ranges(of: "' at line ").last,
            near.upperBound <= end.lowerBound
        else { return nil }
        return (words[..<near.lowerBound], words[near.upperBound..<end.lowerBound])
    }

    /// Without the quotation and the advice to read the manual.
    var syntaxWords: String? {
        quoted.map { "MySQL \(number): \($0.words.prefix { $0 != ";" })" }
    }

    /// Unicode scalars of the statement before the place that the server names.
    func place(in sql: String) -> Int? {
        guard let rest = quoted?.rest else { return nil }
        if rest.isEmpty { return sql.unicodeScalars.count }
        // A long rest may be cut short.
        let whole = sql.ranges(of: rest).last ?? (rest.hasSuffix("...") ? sql.ranges(of: rest.dropLast(3)).last : nil)
        guard let found = whole else { return nil }
        return sql.unicodeScalars.distance(from: sql.startIndex, to: found.lowerBound)
    }

    private static let connectionFaults: Set<Int> = [
        2002, 2003, 2005, 2006, 2012, 2013, 2027, 2055, 5013, 5014, 1053, 1077, 1079, 1080, 1081, 1152, 1158, 1159, 1160,
        1161, 1184, 1927, 4031, 3169,
    ]
}
