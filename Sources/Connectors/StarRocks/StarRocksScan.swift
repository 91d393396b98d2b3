/// A declaration cut into tokens: names in backticks, strings, words, signs.
struct StarRocksScan {
    struct Token {
        enum Kind { case name, string, word, sign }
        var kind: Kind
        /// Without quotes.
        var text: String
        var range: Range<Int>
    }

    private let bytes: [UInt8]
    private let tokens: [Token]
    private var position = 0

    init(_ sql: String) {
        bytes = Array(sql.utf8)
        tokens = Self.tokens(bytes)
    }

    private static func tokens(_ bytes: [UInt8]) -> [Token] {
        var found: [Token] = []
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte == 32 || (byte >= 9 && byte <= 13) {
                index += 1
            } else if byte == UInt8(ascii: "`") || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                let start = index
                var text: [UInt8] = []
                index += 1
                while index < bytes.count {
                    if bytes[index] == byte {
                        // Doubled, it stands for itself.
                        guard index + 1 < bytes.count, bytes[index + 1] == byte else { break }
                        index += 1
                    } else if bytes[index] == UInt8(ascii: "\\"), byte != UInt8(ascii: "`"), index + 1 < bytes.count {
                        index += 1
                        text.append(escaped(bytes[index]))
                        index += 1
                        continue
                    }
                    text.append(bytes[index])
                    index += 1
                }
                index += 1
                let kind: Token.Kind = byte == UInt8(ascii: "`") ? .name : .string
                found.append(Token(kind: kind, text: String(decoding: text, as: UTF8.self), range: start..<min(index, bytes.count)))
            } else if isWord(byte) {
                let start = index
                while index < bytes.count, isWord(bytes[index]) { index += 1 }
                found.append(Token(kind: .word, text: String(decoding: bytes[start..<index], as: UTF8.self), range: start..<index))
            } else {
                found.append(Token(kind: .sign, text: String(UnicodeScalar(byte)), range: index..<index + 1))
                index += 1
            }
        }
        return found
    }

    private static func escaped(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "n"): 10
        case UInt8(ascii: "t"): 9
        case UInt8(ascii: "r"): 13
        case UInt8(ascii: "0"): 0
        default: byte
        }
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        (byte >= 48 && byte <= 57) || (byte | 32 >= 97 && byte | 32 <= 122) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
            || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "+") || byte >= 128
    }

    private func peek(_ ahead: Int = 0) -> Token? { position + ahead < tokens.count ? tokens[position + ahead] : nil }

    mutating func next() -> Token? {
        guard let token = peek() else { return nil }
        position += 1
        return token
    }

    func `is`(_ sign: String) -> Bool { peek().map { $0.kind == .sign && $0.text == sign } ?? false }
    func isWord(_ word: String) -> Bool { peek().map { $0.kind == .word && $0.text.uppercased() == word } ?? false }
    func isName(_ ahead: Int) -> Bool { peek(ahead)?.kind == .name }

    /// Takes a sign or a word.
    mutating func take(_ text: String) -> Bool {
        guard `is`(text) || isWord(text) else { return false }
        position += 1
        return true
    }

    mutating func skip(past word: String) -> Bool {
        while let token = next() {
            if token.kind == .word, token.text.uppercased() == word { return true }
        }
        return false
    }

    mutating func skip(to sign: String) -> Bool {
        while peek() != nil, !`is`(sign) { position += 1 }
        return peek() != nil
    }

    /// Steps over an item of a list, its comma included.
    mutating func skipItem() {
        while peek() != nil, !`is`(","), !`is`(")") {
            if `is`("(") { _ = balanced() } else { position += 1 }
        }
        _ = take(",")
    }

    mutating func name() -> String? {
        guard let token = peek(), token.kind == .name || token.kind == .word else { return nil }
        position += 1
        return token.text
    }

    mutating func string() -> String? {
        guard let token = peek(), token.kind == .string else { return nil }
        position += 1
        return token.text
    }

    /// ``(`a`, `b`)``
    mutating func names() -> [String] {
        var found: [String] = []
        guard take("(") else { return [] }
        while let token = next(), !(token.kind == .sign && token.text == ")") {
            if token.kind != .sign { found.append(token.text) }
        }
        return found
    }

    /// A type with what stands in its parentheses and angle brackets, in lower case.
    mutating func type() -> String? {
        guard let first = next(), first.kind == .word else { return nil }
        var end = first.range.upperBound
        var depth = 0
        while let token = peek() {
            let opens = token.text == "(" || token.text == "<"
            if depth == 0, !(token.kind == .sign && opens) {
                guard token.kind == .word, ["UNSIGNED", "PRECISION"].contains(token.text.uppercased()) else { break }
            }
            if token.kind == .sign { depth += opens ? 1 : token.text == ")" || token.text == ">" ? -1 : 0 }
            end = token.range.upperBound
            position += 1
        }
        return String(decoding: bytes[first.range.lowerBound..<end], as: UTF8.self).lowercased()
    }

    /// What stands in the parentheses that follow.
    mutating func balanced() -> String {
        guard let open = peek(), `is`("(") else { return "" }
        var depth = 0
        while let token = next() {
            if token.kind == .sign { depth += token.text == "(" ? 1 : token.text == ")" ? -1 : 0 }
            if depth == 0 {
                return String(decoding: bytes[open.range.upperBound..<token.range.lowerBound], as: UTF8.self)
            }
        }
        return ""
    }

    /// A computed column's expression, up to its comment or the end of the column. Doris puts parentheses around it and NULL
    /// behind it; StarRocks prints it as it is, `a * 2`.
    mutating func expression() -> String {
        guard let first = peek() else { return "" }
        if `is`("(") {
            let inside = balanced()
            if `is`(",") || `is`(")") || ["COMMENT", "NULL", "NOT"].contains(where: isWord) { return inside }
        }
        while peek() != nil, !`is`(","), !`is`(")"), !isWord("COMMENT") {
            if `is`("(") { _ = balanced() } else { position += 1 }
        }
        return String(decoding: bytes[first.range.lowerBound..<tokens[position - 1].range.upperBound], as: UTF8.self)
    }

    /// The text up to one of these words outside of parentheses.
    mutating func text(upTo words: Set<String>) -> String {
        guard let first = peek() else { return "" }
        var end = first.range.lowerBound
        while let token = peek(), !(token.kind == .word && words.contains(token.text.uppercased())), !`is`(";") {
            if `is`("(") { _ = balanced() } else { position += 1 }
            end = tokens[position - 1].range.upperBound
        }
        return String(decoding: bytes[first.range.lowerBound..<end], as: UTF8.self)
    }

    /// What follows PARTITION BY, and the columns that it names.
    mutating func partitioning() -> (text: String, columns: [String]) {
        let start = position
        let text = text(upTo: ["DISTRIBUTED", "ORDER", "PROPERTIES", "ROLLUP"])
        let own = tokens[start..<position]
        // The partitions' list follows a first pair of parentheses, if there is one.
        var columns: [String] = []
        var depth = 0
        for (index, token) in own.enumerated() {
            if token.kind == .sign {
                depth += token.text == "(" ? 1 : token.text == ")" ? -1 : 0
                if depth == 0, token.text == ")", !columns.isEmpty {
                    let following = own.dropFirst(index + 1).first
                    if following.map({ $0.text != "," }) ?? true { break }
                }
            } else if token.kind == .name {
                columns.append(token.text)
            } else if token.kind == .word, depth > 0 || own.count == 1 {
                let call = own.dropFirst(index + 1).first.map { $0.kind == .sign && $0.text == "(" } ?? false
                if !call, Int(token.text) == nil, !["INTERVAL", "DAY", "MONTH", "YEAR", "HOUR", "WEEK"].contains(token.text.uppercased()) {
                    columns.append(token.text)
                }
            }
        }
        return (text, columns)
    }

    /// The clauses of a list of partitions, each with its name: `PARTITION p1 VALUES [("1"), ("2"))`.
    func partitionClauses() -> [(name: String, text: String)] {
        let starts = tokens.indices.filter { index in
            tokens[index].kind == .word && tokens[index].text.uppercased() == "PARTITION" && index + 2 < tokens.count
                && tokens[index + 2].text.uppercased() == "VALUES"
        }
        return starts.enumerated().map { number, start in
            // The comma before the next one, or the parenthesis that ends the list.
            let end = number + 1 < starts.count ? starts[number + 1] - 1 : tokens.count - 1
            let range = tokens[start].range.lowerBound..<tokens[end - 1].range.upperBound
            return (tokens[start + 1].text, String(decoding: bytes[range], as: UTF8.self))
        }
    }
}
