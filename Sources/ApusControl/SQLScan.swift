import ApusCore

/// SQL cut into tokens, as far as all dialects agree: names, numbers, strings, comments, signs.
///
/// It finds commas and semicolons that part something; it does not understand SQL.
public struct SQLScan: Sendable {
    public struct Token: Sendable, Hashable {
        enum Kind: Sendable { case blank, comment, name, quotedName, number, string, sign }
        public var text: String
        var kind: Kind
        /// Number of the token.
        var position: Int
        /// Parentheses around it.
        var depth: Int

        var isBlank: Bool { kind == .blank || kind == .comment }
        var isName: Bool { kind == .name || kind == .quotedName }
        var isString: Bool { kind == .string }
        var isNumber: Bool { kind == .number }
        /// A name without its quotes.
        var name: String {
            guard kind == .quotedName, let first = text.first else { return text }
            let close: Character = first == "[" ? "]" : first
            return String(text.dropFirst().dropLast()).replacing(String([close, close]), with: String(close))
        }

        func isWord(_ word: String) -> Bool { kind == .name && text.lowercased() == word }
        /// Words that end no expression and name no column.
        var isKeyword: Bool { kind == .name && Self.keywords.contains(text.lowercased()) }

        private static let keywords: Set<String> = [
            "as", "and", "or", "not", "null", "is", "in", "like", "between", "case", "when", "then", "else", "end", "from", "where",
            "select", "on", "join", "left", "right", "inner", "outer", "full", "cross", "using", "group", "order", "by", "limit",
            "having", "union", "distinct", "interval", "collate", "div", "mod", "true", "false",
        ]
    }

    public let tokens: [Token]
    public let source: String

    /// - throws: `config.invalid` for an open quote, comment or parenthesis.
    public init(_ text: String) throws {
        source = text
        do {
            var scanner = Scanner(text)
            tokens = try scanner.scan()
        } catch {
            // A text that is broken where backslashes escape may be whole where they are characters as any other.
            var scanner = Scanner(text)
            scanner.hasEscapes = false
            guard text.contains("\\"), let found = try? scanner.scan() else { throw error }
            tokens = found
        }
    }

    /// Cut at a sign that stands in no parentheses, quotes or comments.
    func parts(by separator: String) -> [ArraySlice<Token>] {
        tokens.split(omittingEmptySubsequences: false) { $0.depth == 0 && $0.kind == .sign && $0.text == separator }
    }

    /// The statements of a script, without the semicolons and blanks around them.
    public var statements: [String] { located.map(\.text) }

    /// The statements with the lines that they begin on, from 1.
    public var located: [(text: String, line: Int)] {
        var line = 1
        var found: [(String, Int)] = []
        for part in parts(by: ";") {
            var start = line
            for token in part {
                if token.isBlank, found.isEmpty || start == line, token.text.contains(where: \.isNewline),
                    part.first?.position == token.position
                {
                    start += token.text.count(where: \.isNewline)
                }
                line += token.text.count(where: \.isNewline)
            }
            if part.contains(where: { !$0.isBlank }) { found.append((part.map(\.text).joined().trimmed, start)) }
        }
        return found
    }

    /// The words that are no strings and no quoted names, in small letters.
    public var words: [String] { tokens.filter { $0.kind == .name }.map { $0.text.lowercased() } }

    /// Whether it is one expression or none, and no statement is ended in it.
    public var isOne: Bool { !tokens.contains { $0.kind == .sign && $0.text == ";" } }

    /// Whether nothing stands in it but blanks and comments.
    public var isBlank: Bool { tokens.allSatisfy(\.isBlank) }

    /// `1=1`.
    public var isAlwaysTrue: Bool { tokens.filter { !$0.isBlank }.map(\.text) == ["1", "=", "1"] }

    /// The name, when it is one alone, perhaps behind AS.
    public var asAlias: String? {
        var words = tokens.filter { !$0.isBlank }[...]
        if words.first?.isWord("as") == true { words = words.dropFirst() }
        guard words.count == 1, let word = words.first, word.isName, !word.isKeyword else { return nil }
        return word.text
    }

    private struct Scanner {
        let characters: [Character]
        var position = 0
        var tokens: [Token] = []
        var depth = 0
        /// Backslashes escape where they can, as MySQL has it; else in PostgreSQL's `E'…'` only.
        var hasEscapes = true

        init(_ text: String) { characters = Array(text) }

        mutating func scan() throws -> [Token] {
            while position < characters.count {
                let start = position
                let kind = try next()
                if kind == .sign, characters[start] == ")" { depth -= 1 }
                guard depth >= 0 else { throw Self.fault("a `)` closes nothing") }
                tokens.append(Token(text: String(characters[start..<position]), kind: kind, position: tokens.count, depth: depth))
                if kind == .sign, characters[start] == "(" { depth += 1 }
            }
            guard depth == 0 else { throw Self.fault("a `)` is missing") }
            return tokens
        }

        private func at(_ offset: Int) -> Character? {
            position + offset < characters.count ? characters[position + offset] : nil
        }

        private mutating func next() throws -> Token.Kind {
            let first = characters[position]
            if first.isWhitespace {
                skip { $0.isWhitespace }
                return .blank
            }
            if first == "-", at(1) == "-" {
                skip { !$0.isNewline }
                return .comment
            }
            // MySQL's comment, where it cannot be an operator: alone at the beginning of a line.
            if first == "#", at(1)?.isWhitespace ?? true, position == 0 || characters[position - 1].isNewline {
                skip { !$0.isNewline }
                return .comment
            }
            if first == "/", at(1) == "*" {
                position += 2
                while position < characters.count, !(characters[position] == "*" && at(1) == "/") { position += 1 }
                guard position < characters.count else { throw Self.fault("a comment is not closed") }
                position += 2
                return .comment
            }
            if first == "e" || first == "E", at(1) == "'" {
                position += 1
                try quoted("'", escapes: true)
                return .string
            }
            switch first {
            case "'":
                try quoted("'")
                return .string
            case "\"", "`":
                try quoted(first)
                return .quotedName
            default: break
            }
            if first == "$", let tag = dollarTag() {
                try dollarQuoted(tag)
                return .string
            }
            if first.isNumber {
                skip { $0.isNumber || $0 == "." || $0.isLetter }
                return .number
            }
            if first.isLetter || first == "_" || first == "@" || first == "#" || !first.isASCII {
                skip { $0.isLetter || $0.isNumber || "_$@#".contains($0) || !$0.isASCII }
                return .name
            }
            position += 1
            return .sign
        }

        private mutating func skip(while holds: (Character) -> Bool) {
            while position < characters.count, holds(characters[position]) { position += 1 }
        }

        /// A doubled quote is one; a backslash before a single quote keeps it, as MySQL has it.
        private mutating func quoted(_ quote: Character, escapes: Bool = false) throws {
            position += 1
            while position < characters.count {
                let character = characters[position]
                if character == "\\", quote == "'", at(1) == "'" || at(1) == "\\", escapes || isEscape { position += 2; continue }
                if character == quote {
                    if at(1) == quote { position += 2; continue }
                    position += 1
                    return
                }
                position += 1
            }
            throw Self.fault("a \(quote) is not closed")
        }

        /// `'\'` is a whole string in standard SQL: the backslash escapes only when another quote follows later.
        private var isEscape: Bool {
            guard hasEscapes else { return false }
            guard at(1) == "'" else { return true }
            return characters[(position + 2)...].contains("'")
        }

        /// PostgreSQL's `$tag$`.
        private func dollarTag() -> [Character]? {
            var end = position + 1
            while end < characters.count, characters[end].isLetter || characters[end].isNumber || characters[end] == "_" { end += 1 }
            guard end < characters.count, characters[end] == "$" else { return nil }
            return Array(characters[position...end])
        }

        private mutating func dollarQuoted(_ tag: [Character]) throws {
            position += tag.count
            while position + tag.count <= characters.count {
                if characters[position] == "$", Array(characters[position..<position + tag.count]) == tag {
                    position += tag.count
                    return
                }
                position += 1
            }
            throw Self.fault("a \(String(tag)) is not closed")
        }

        private static func fault(_ what: String) -> ApusError {
            ApusError(.configurationInvalid, what)
        }
    }
}
