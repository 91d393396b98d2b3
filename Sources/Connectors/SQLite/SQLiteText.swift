/// The few things that must be known of a statement's text: SQLite keeps definitions only as text.
enum SQLiteText {
    /// A token and where it stands; names come without their quotes.
    struct Token {
        var text: String
        var range: Range<Int>
        var isQuoted = false
        /// Parentheses around it.
        var depth: Int
        func isWord(_ word: String) -> Bool { !isQuoted && text.uppercased() == word }
    }

    /// Words, quoted names, strings and single characters; comments are left out ("SQL Comment Syntax").
    static func tokens(_ sql: String) -> [Token] {
        let bytes = Array(sql.utf8)
        var tokens: [Token] = []
        var depth = 0
        var position = 0
        func byte(_ index: Int) -> UInt8 { index < bytes.count ? bytes[index] : 0 }
        func isWord(_ byte: UInt8) -> Bool {
            byte >= 128 || byte == 95 || byte == 36 || (byte >= 48 && byte <= 57)
                || (byte | 0x20 >= 97 && byte | 0x20 <= 122)
        }
        while position < bytes.count {
            let start = position
            let first = bytes[position]
            switch first {
            case 9, 10, 12, 13, 32: position += 1
            case UInt8(ascii: "-") where byte(position + 1) == first:
                while position < bytes.count, bytes[position] != 10 { position += 1 }
            case UInt8(ascii: "/") where byte(position + 1) == UInt8(ascii: "*"):
                position += 2
                while position < bytes.count,
                    !(bytes[position] == UInt8(ascii: "*") && byte(position + 1) == UInt8(ascii: "/"))
                {
                    position += 1
                }
                position = min(position + 2, bytes.count)
            case UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "`"), UInt8(ascii: "["):
                let end = first == UInt8(ascii: "[") ? UInt8(ascii: "]") : first
                var text: [UInt8] = []
                position += 1
                while position < bytes.count {
                    if bytes[position] == end {
                        if end != UInt8(ascii: "]"), byte(position + 1) == end { position += 1 } else { break }
                    }
                    text.append(bytes[position])
                    position += 1
                }
                position = min(position + 1, bytes.count)
                tokens.append(
                    Token(
                        text: String(decoding: text, as: UTF8.self), range: start..<position, isQuoted: true,
                        depth: depth))
            case _ where isWord(first):
                while position < bytes.count, isWord(bytes[position]) { position += 1 }
                tokens.append(
                    Token(
                        text: String(decoding: bytes[start..<position], as: UTF8.self), range: start..<position,
                        depth: depth))
            default:
                position += 1
                if first == UInt8(ascii: ")") { depth -= 1 }
                tokens.append(
                    Token(text: String(decoding: [first], as: UTF8.self), range: start..<position, depth: depth))
                if first == UInt8(ascii: "(") { depth += 1 }
            }
        }
        return tokens
    }

    /// `CREATE TABLE a (…)` as a statement for another table.
    static func renamedTable(_ sql: String, to quoted: String) -> String? {
        let tokens = tokens(sql)
        guard let word = tokens.firstIndex(where: { $0.isWord("TABLE") }), word + 1 < tokens.count else { return nil }
        var name = word + 1
        if tokens[name].isWord("IF") { name += 3 }
        if name + 2 < tokens.count, tokens[name + 1].text == "." { name += 2 }
        return name < tokens.count ? replacing(tokens[name].range, of: sql, with: quoted) : nil
    }

    /// `CREATE INDEX i ON a (…)` as a statement for another table.
    static func renamedIndex(_ sql: String, table quoted: String) -> String? {
        let tokens = tokens(sql)
        guard let on = tokens.firstIndex(where: { $0.isWord("ON") }), on + 1 < tokens.count else { return nil }
        return replacing(tokens[on + 1].range, of: sql, with: quoted)
    }

    /// The same index under another name.
    static func renamedIndex(_ sql: String, to quoted: String) -> String? {
        guard let token = indexNameToken(sql) else { return nil }
        return replacing(token.range, of: sql, with: quoted)
    }

    static func indexName(_ sql: String) -> String? { indexNameToken(sql)?.text }

    private static func indexNameToken(_ sql: String) -> Token? {
        let tokens = tokens(sql)
        guard let on = tokens.firstIndex(where: { $0.isWord("ON") }), on > 0 else { return nil }
        return tokens[on - 1]
    }

    /// `(a + b) STORED` for a column `GENERATED ALWAYS AS (a + b) STORED` of a `CREATE TABLE`.
    static func generation(of column: String, in sql: String) -> String? {
        let tokens = tokens(sql)
        var index = tokens.firstIndex { $0.text == "(" && !$0.isQuoted } ?? tokens.count
        var isStart = true
        var found = false
        index += 1
        while index < tokens.count {
            let token = tokens[index]
            if token.depth == 0 { return nil }
            if isStart {
                found = token.text.lowercased() == column.lowercased()
                isStart = false
            } else if token.depth == 1, token.text == ",", !token.isQuoted {
                isStart = true
            } else if found, token.isWord("AS"), token.depth == 1, index + 1 < tokens.count,
                tokens[index + 1].text == "("
            {
                guard
                    let close = tokens[(index + 2)...].first(where: { $0.text == ")" && !$0.isQuoted && $0.depth == 1 })
                else { return nil }
                let after = tokens.first { $0.range.lowerBound >= close.range.upperBound }
                let text = Array(sql.utf8)[tokens[index + 1].range.lowerBound..<close.range.upperBound]
                return String(decoding: text, as: UTF8.self)
                    + (after?.isWord("STORED") == true ? " STORED" : " VIRTUAL")
            }
            index += 1
        }
        return nil
    }

    /// The words behind the closing parenthesis of a `CREATE TABLE`: `STRICT`, `WITHOUT ROWID`.
    static func tableOptions(_ sql: String) -> [String] {
        let tokens = tokens(sql)
        guard let close = tokens.lastIndex(where: { $0.text == ")" && $0.depth == 0 && !$0.isQuoted }) else {
            return []
        }
        return tokens[(close + 1)...].map { $0.text.uppercased() }
    }

    private static func replacing(_ range: Range<Int>, of sql: String, with text: String) -> String {
        let bytes = Array(sql.utf8)
        return String(decoding: bytes[..<range.lowerBound], as: UTF8.self) + text
            + String(decoding: bytes[range.upperBound...], as: UTF8.self)
    }
}
