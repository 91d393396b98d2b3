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

    private static let connectionFaults: Set<Int> = [
        2002, 2003, 2005, 2006, 2012, 2013, 2027, 2055, 5013, 5014, 1053, 1077, 1079, 1080, 1081, 1152, 1158, 1159, 1160,
        1161, 1184, 1927, 4031, 3169,
    ]
}
