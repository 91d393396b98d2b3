import ApusCore

/// The columns of a DataX reader: elements of a list, each of which may itself be a list in SQL, since DataX joins
/// them with commas: `["id", "upper(name) AS n, 'erp'", "*"]`.
public struct DataXColumns: Hashable, Sendable {
    public struct Item: Hashable, Sendable {
        /// SQL of the source, without an alias; `*` stands for all columns.
        public var sql: String
        public var alias: String?
    }

    public let items: [Item]

    public init(_ elements: [String]) {
        items = elements.flatMap { Self.split($0) }.map(Self.item)
    }

    /// As it was written, for a SELECT of its own.
    public var sql: String { items.map { item in item.sql + (item.alias.map { " AS \($0)" } ?? "") }.joined(separator: ", ") }

    public var isStar: Bool { items == [Item(sql: "*")] }

    /// Parts between commas that stand in no parentheses, brackets, braces or quotes, without spaces around them and
    /// without empty ones.
    static func split(_ text: String) -> [String] {
        var parts = [""]
        var depth = 0
        var quote: Character?
        for character in text {
            if let open = quote {
                if character == open { quote = nil }
            } else if "'\"`".contains(character) {
                quote = character
            } else if "([{".contains(character) {
                depth += 1
            } else if ")]}".contains(character) {
                depth -= 1
            } else if character == ",", depth <= 0 {
                parts.append("")
                continue
            }
            parts[parts.count - 1].append(character)
        }
        return parts.map { $0.trimmingSpaces() }.filter { !$0.isEmpty }
    }

    /// A name without its quotes; nil when it is no plain name.
    static func name(_ text: String) -> String? {
        guard let first = text.first else { return nil }
        if "`\"[".contains(first) {
            let close: Character = first == "[" ? "]" : first
            guard text.count > 2, text.last == close else { return nil }
            let inside = text.dropFirst().dropLast()
            guard !inside.replacing(String([close, close]), with: "").contains(close) else { return nil }
            return String(inside).replacing(String([close, close]), with: String(close))
        }
        let isName = !first.isNumber && text.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "$" || $0 == "#" }
        return isName ? text : nil
    }

    /// Parts alias and expression: `count(*) AS n`, `count(*) n`, `name n`.
    private static func item(_ text: String) -> Item {
        let words = topWords(text)
        guard words.count >= 2, let last = words.last, let alias = name(String(last)), !ends.contains(last.uppercased())
        else { return Item(sql: text) }
        let before = String(text[..<last.startIndex]).trimmingSpaces()
        if words[words.count - 2].uppercased() == "AS", words.count >= 3 {
            return Item(sql: String(before.dropLast(2)).trimmingSpaces(), alias: alias)
        }
        // Two values side by side: the second can only be the name of the first.
        let previous = words[words.count - 2]
        let endsValue = previous.last.map { $0.isLetter || $0.isNumber || "_$)]'\"`".contains($0) } ?? false
        if endsValue, !operators.contains(previous.uppercased()) { return Item(sql: before, alias: alias) }
        return Item(sql: text)
    }

    /// Words that end an expression instead of naming it.
    private static let ends: Set<String> = [
        "END", "NULL", "TRUE", "FALSE", "UNKNOWN", "DAY", "HOUR", "MINUTE", "SECOND", "MONTH", "YEAR", "WEEK", "QUARTER",
        "MICROSECOND",
    ]

    /// Words that a value follows.
    private static let operators: Set<String> = [
        "AND", "OR", "NOT", "XOR", "IS", "IN", "LIKE", "ILIKE", "RLIKE", "REGEXP", "SIMILAR", "TO", "BETWEEN", "ESCAPE", "DIV", "MOD",
        "CASE", "WHEN", "THEN", "ELSE", "COLLATE", "AT", "ZONE", "OVER", "INTERVAL", "DISTINCT", "ALL", "ANY", "SOME", "BINARY", "DATE",
        "TIME", "TIMESTAMP", "PRIOR", "ISNULL", "FROM",
    ]

    /// Runs between spaces that stand in no parentheses and quotes.
    private static func topWords(_ text: String) -> [Substring] {
        var words: [Substring] = []
        var start: String.Index?
        var depth = 0
        var quote: Character?
        for index in text.indices {
            let character = text[index]
            if quote == nil, depth == 0, character.isWhitespace {
                if let begin = start { words.append(text[begin..<index]) }
                start = nil
                continue
            }
            if start == nil { start = index }
            if let open = quote {
                if character == open { quote = nil }
            } else if "'\"`".contains(character) {
                quote = character
            } else if "([".contains(character) {
                depth += 1
            } else if ")]".contains(character) {
                depth = max(0, depth - 1)
            }
        }
        if let start { words.append(text[start...]) }
        return words
    }
}
