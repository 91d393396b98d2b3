/// Passwords behind a word that says so: `password=…`, `"password": "…"`, `IDENTIFIED BY '…'`.
enum MaskedWords {
    private static let names = [
        "password", "passwd", "passphrase", "pwd", "secret", "token", "access_key", "secret_key", "accesskey", "access.key", "secret.key",
    ]

    static func mayHold(_ text: String) -> Bool {
        let text = text.lowercased()
        return names.contains(where: text.contains) || text.contains("identified")
    }

    /// Whether a statement is about users, passwords or keys.
    static func speaksOfSecrets(_ sql: String) -> Bool {
        let words = sql.lowercased().split { !($0.isLetter || $0 == "_") }
        if words.contains(where: { word in names.contains(where: word.contains) || word.hasPrefix("identif") || word.contains("credential")
        }) {
            return true
        }
        guard let verb = words.first, ["create", "alter", "grant", "set", "change"].contains(verb) else { return false }
        return words.dropFirst().prefix(4).contains { ["user", "role", "server", "mapping", "subscription", "master"].contains($0) }
    }

    static func mask(_ text: String, isQuoted: Bool) -> String {
        let scalars = Array(text.unicodeScalars)
        return hide(ranges(scalars, isQuoted), in: scalars)
    }

    /// A statement, in which words may be misspelled.
    static func mask(statement sql: String) -> String {
        let scalars = Array(sql.unicodeScalars)
        return hide(MaskedUserStatement.literals(sql, scalars).filter { !isShown(scalars, $0) }, in: scalars)
    }

    private static func hide(_ ranges: [Range<Int>], in scalars: [Unicode.Scalar]) -> String {
        var out = String.UnicodeScalarView(), index = 0
        for range in ranges {
            out.append(contentsOf: scalars[index..<range.lowerBound])
            out.append(contentsOf: Masking.mark.unicodeScalars)
            index = range.upperBound
        }
        out.append(contentsOf: scalars[index...])
        return String(out)
    }

    /// The passwords among a statement's literals, as they are meant.
    static func literals(in sql: String) -> [String] {
        let scalars = Array(sql.unicodeScalars)
        return (ranges(scalars, false) + MaskedUserStatement.literals(sql, scalars)).map { range in
            let text = String(String.UnicodeScalarView(scalars[range]))
            return range.lowerBound > 0 && scalars[range.lowerBound - 1] == "'"
                ? text.replacing("''", with: "'").replacing("\\'", with: "'").replacing("\\\\", with: "\\") : text
        }
    }

    /// Every literal hidden.
    static func withoutLiterals(_ sql: String) -> String {
        let scalars = Array(sql.unicodeScalars)
        var out = String.UnicodeScalarView(), index = 0
        while index < scalars.count {
            guard let literal = literal(scalars, at: index) else {
                out.append(scalars[index])
                index += 1
                continue
            }
            out.append(contentsOf: scalars[index..<literal.content.lowerBound])
            if !literal.content.isEmpty { out.append(contentsOf: Masking.mark.unicodeScalars) }
            out.append(contentsOf: scalars[literal.content.upperBound..<literal.end])
            index = literal.end
        }
        return String(out)
    }

    /// The literal that begins here, and where it ends.
    static func literal(_ scalars: [Unicode.Scalar], at index: Int) -> (content: Range<Int>, end: Int)? {
        guard scalars[index] == "'" || scalars[index] == "\"" || dollar(scalars, at: index) != nil else { return nil }
        let content = content(scalars, at: index)
        // As many signs end it as begin it.
        return (content, min(scalars.count, content.upperBound + content.lowerBound - index))
    }

    // MARK: Finding

    private static func ranges(_ scalars: [Unicode.Scalar], _ isQuoted: Bool) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var index = 0
        let speaksOfUsers = String(String.UnicodeScalarView(scalars)).lowercased().contains("identified")
        while index < scalars.count {
            guard isName(scalars[index]), index == 0 || !isName(scalars[index - 1]) else {
                index += 1
                continue
            }
            let end = (index..<scalars.count).first { !isName(scalars[$0]) } ?? scalars.count
            let word = String(String.UnicodeScalarView(scalars[index..<end])).lowercased()
            let isSecret = names.contains {
                word == $0 || word.hasSuffix("_" + $0) || word.hasSuffix("-" + $0) || word.hasSuffix("." + $0)
                    || word.hasSuffix($0) && $0 == "password"
            }
            let whole =
                isSecret
                ? value(scalars, word: index, end, isQuoted)
                : speaksOfUsers && ["by", "as", "using", "identified"].contains(word) ? literal(scalars, after: end) : nil
            let range = whole.map { isQuoted ? within(scalars, $0) : $0 }
            if let range, !isShown(scalars, range) { found.append(range) }
            index = max(end, range?.upperBound ?? end)
        }
        return found
    }

    /// Up to the quotation mark that ends the string of JSON in which this stands.
    private static func within(_ scalars: [Unicode.Scalar], _ range: Range<Int>) -> Range<Int> {
        var end = range.lowerBound
        while end < range.upperBound, scalars[end] != "\"" { end += scalars[end] == "\\" ? 2 : 1 }
        return range.lowerBound..<min(end, range.upperBound)
    }

    static func isName(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "_" || scalar == "-" || scalar == "." || scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
    }

    /// A reference, or hidden already, or no password at all.
    private static func isShown(_ scalars: [Unicode.Scalar], _ value: Range<Int>) -> Bool {
        let text = String(String.UnicodeScalarView(scalars[value]))
        if text.isEmpty || text == Masking.mark || text.hasPrefix("{{ ") && text.hasSuffix(" }}") { return true }
        // Statements are shown when variables are filled in: there `${` is what it is.
        if value.lowerBound > 0, scalars[value.lowerBound - 1] == "'" { return false }
        let name = text.dropFirst(2).dropLast()
        return text.hasPrefix("${") && text.hasSuffix("}") && name.first?.isLetter == true && name.allSatisfy { !"{}\"".contains($0) }
    }

    /// The value behind `name=`, `"name":`, `name: ` at the start of a line, `name 'literal'` and `name('literal')`.
    private static func value(_ scalars: [Unicode.Scalar], word start: Int, _ end: Int, _ isQuoted: Bool) -> Range<Int>? {
        var next = end
        let isKey =
            start > 0 && next < scalars.count && (scalars[start - 1] == "\"" || scalars[start - 1] == "'")
            && scalars[next] == scalars[start - 1]
        let isEscapedKey = next + 1 < scalars.count && scalars[next] == "\\" && scalars[next + 1] == "\""
        if isKey { next += 1 }
        if isEscapedKey { next += 2 }
        next = skip(scalars, next)
        guard next < scalars.count else { return nil }
        if scalars[next] == "=" || scalars[next] == ":" && (isKey || isEscapedKey || isLineStart(scalars, start)) {
            let isEquals = scalars[next] == "="
            next = skip(scalars, next + 1)
            guard next < scalars.count else { return nil }
            if scalars[next] == "\\", next + 1 < scalars.count, scalars[next + 1] == "\"" {
                let close = (next + 2..<scalars.count).first { scalars[$0] == "\\" && $0 + 1 < scalars.count && scalars[$0 + 1] == "\"" }
                return next + 2..<(close ?? scalars.count)
            }
            if scalars[next] == "'" || scalars[next] == "\"" {
                return isQuoted && scalars[next] == "\"" && isEquals ? nil : content(scalars, at: next)
            }
            if !isEquals, !isKey {
                return next..<((next..<scalars.count).first { "\n\r".unicodeScalars.contains(scalars[$0]) } ?? scalars.count)
            }
            if !isEquals { return nil }
            if let argument = argument(scalars, ofCallAt: next) { return argument }
            return next..<((next..<scalars.count).first { "& \t\n\r\"'`;,)|".unicodeScalars.contains(scalars[$0]) } ?? scalars.count)
        }
        // SET PASSWORD FOR user = '…'
        if next + 3 < scalars.count, String(String.UnicodeScalarView(scalars[next..<(next + 3)])).lowercased() == "for",
            let equals = scalars[next...].firstIndex(of: "=")
        {
            return literal(scalars, after: equals)
        }
        // OPTIONS ("password" '…')
        if isKey { return next < scalars.count && scalars[next] == "'" && next > end + 1 ? content(scalars, at: next) : nil }
        return literal(scalars, after: end)
    }

    /// The literal in `= PASSWORD('…')`.
    private static func argument(_ scalars: [Unicode.Scalar], ofCallAt start: Int) -> Range<Int>? {
        let end = (start..<scalars.count).first { !isName(scalars[$0]) } ?? scalars.count
        guard end > start, end < scalars.count, scalars[end] == "(" else { return nil }
        let quote = skip(scalars, end + 1)
        guard quote < scalars.count, scalars[quote] == "'" else { return nil }
        let isPassword = String(String.UnicodeScalarView(scalars[start..<end])).lowercased().hasSuffix("password")
        let literal = content(scalars, at: quote)
        if isPassword { return literal }
        // Another name before `('` may be how a password begins.
        let isWhole = literal.upperBound < scalars.count && !scalars[literal].contains("\n")
        return isWhole ? start..<literal.upperBound : nil
    }

    private static func isLineStart(_ scalars: [Unicode.Scalar], _ start: Int) -> Bool {
        var index = start
        while index > 0, scalars[index - 1] == " " || scalars[index - 1] == "-" { index -= 1 }
        return index == 0 || scalars[index - 1] == "\n"
    }

    private static func skip(_ scalars: [Unicode.Scalar], _ from: Int) -> Int {
        (from..<max(from, scalars.count)).first { scalars[$0] != " " && scalars[$0] != "\t" } ?? scalars.count
    }

    /// The literal that stands there, with nothing before it but blanks, `(` and `=`.
    private static func literal(_ scalars: [Unicode.Scalar], after end: Int) -> Range<Int>? {
        guard end < scalars.count, let start = (end..<scalars.count).first(where: { !" \t\n(=".unicodeScalars.contains(scalars[$0]) }),
            start > end, scalars[start] == "'" || scalars[start] == "\"" || dollar(scalars, at: start) != nil
        else { return nil }
        return content(scalars, at: start)
    }

    /// Between the quotation mark that stands here and its end; a text that was cut off ends with it.
    private static func content(_ scalars: [Unicode.Scalar], at start: Int) -> Range<Int> {
        if let tag = dollar(scalars, at: start) {
            let from = start + tag.count
            let end = (from..<scalars.count).first { $0 + tag.count <= scalars.count && scalars[$0..<($0 + tag.count)].elementsEqual(tag) }
            return from..<(end ?? scalars.count)
        }
        let quote = scalars[start]
        var index = start + 1
        while index < scalars.count {
            if scalars[index] == "\\" {
                index += 2
            } else if scalars[index] != quote {
                index += 1
            } else if index + 1 < scalars.count, scalars[index + 1] == quote {
                index += 2
            } else {
                break
            }
        }
        return min(start + 1, scalars.count)..<min(max(index, start + 1), scalars.count)
    }

    /// PostgreSQL's `$tag$`.
    private static func dollar(_ scalars: [Unicode.Scalar], at start: Int) -> ArraySlice<Unicode.Scalar>? {
        guard scalars[start] == "$", start == 0 || !isName(scalars[start - 1]) else { return nil }
        var index = start + 1
        while index < scalars.count, scalars[index] == "_" || scalars[index].properties.isAlphabetic { index += 1 }
        return index < scalars.count && scalars[index] == "$" ? scalars[start...index] : nil
    }
}
