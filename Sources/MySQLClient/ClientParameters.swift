import ApusCore

/// The `?` marks of SQL text.
public enum ClientParameters {
    /// The SQL with each `?` outside of quotes and comments replaced by a literal.
    public static func fill(_ sql: String, with parameters: [String?]) throws -> String {
        if parameters.isEmpty { return sql }
        var filled: [UInt8] = []
        var next = 0
        let text = Array(sql.utf8)
        var index = 0
        while index < text.count {
            let byte = text[index]
            let end: Int
            switch byte {
            case UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "`"): end = endOfQuote(text, from: index)
            case UInt8(ascii: "#"): end = endOfLine(text, from: index)
            case UInt8(ascii: "-") where text[index...].starts(with: "-- ".utf8): end = endOfLine(text, from: index)
            case UInt8(ascii: "/") where text[index...].starts(with: "/*".utf8): end = endOfComment(text, from: index)
            case UInt8(ascii: "?"):
                guard next < parameters.count else { throw wrongCount(parameters.count) }
                filled += Array((parameters[next].map(ClientText.literal) ?? "NULL").utf8)
                next += 1
                index += 1
                continue
            default: end = index + 1
            }
            filled += text[index..<end]
            index = end
        }
        guard next == parameters.count else { throw wrongCount(parameters.count) }
        return String(decoding: filled, as: UTF8.self)
    }

    private static func wrongCount(_ given: Int) -> ApusError {
        ApusError(.internalFault, "a statement has another number of `?` than the \(given) values given")
    }

    private static func endOfQuote(_ text: [UInt8], from start: Int) -> Int {
        var index = start + 1
        while index < text.count {
            if text[index] == text[start] { return index + 1 }
            index += text[index] == UInt8(ascii: "\\") && text[start] != UInt8(ascii: "`") ? 2 : 1
        }
        return text.count
    }

    private static func endOfLine(_ text: [UInt8], from start: Int) -> Int {
        text[start...].firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? text.count
    }

    private static func endOfComment(_ text: [UInt8], from start: Int) -> Int {
        var index = start + 2
        while index + 1 < text.count {
            if text[index] == UInt8(ascii: "*"), text[index + 1] == UInt8(ascii: "/") { return index + 2 }
            index += 1
        }
        return text.count
    }
}
