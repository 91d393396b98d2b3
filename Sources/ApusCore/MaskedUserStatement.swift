/// Passwords in statements about users when no word that is spelled right says so: `ALTER USER u IDENTIFED BY 'x'`.
///
/// A literal of such a statement is taken for a password, unless the word before it names something else.
enum MaskedUserStatement {
    private static let verbs = ["create", "alter", "grant", "set"]
    private static let objects = ["user", "role"]
    /// What a literal behind one of these is, is no password: a name, a date, a remark.
    private static let harmless: Set = [
        "user", "role", "exists", "to", "for", "from", "on", "in", "grant", "until", "comment", "attribute", "subject", "issuer", "cipher",
        "zone", "database", "schema", "table", "default",
    ]

    static func speaksOfUsers(_ sql: String) -> Bool {
        let words = sql.lowercased().split { !($0.isLetter || $0 == "_") }
        guard let verb = words.first, verbs.contains(String(verb)) else { return false }
        return verb == "grant" || words.dropFirst().prefix(4).contains { objects.contains(String($0)) }
    }

    /// The contents of its literals that may be passwords.
    static func literals(_ sql: String, _ scalars: [Unicode.Scalar]) -> [Range<Int>] {
        guard speaksOfUsers(sql) else { return [] }
        var found: [Range<Int>] = []
        // The word that stands directly before, if one does.
        var word = "", isDirect = false, index = 0
        while index < scalars.count {
            let scalar = scalars[index]
            if let literal = MaskedWords.literal(scalars, at: index) {
                let isName = scalar == "\"" && word != "by" || literal.end < scalars.count && scalars[literal.end] == "@"
                if isDirect, !isName, !harmless.contains(word), !literal.content.isEmpty { found.append(literal.content) }
                (word, isDirect, index) = ("", false, literal.end)
            } else if MaskedWords.isName(scalar) {
                let end = (index..<scalars.count).first { !MaskedWords.isName(scalars[$0]) } ?? scalars.count
                word = String(String.UnicodeScalarView(scalars[index..<end])).lowercased()
                (isDirect, index) = (true, end)
            } else {
                if !" \t\r\n(".unicodeScalars.contains(scalar) { (word, isDirect) = ("", false) }
                index += 1
            }
        }
        return found
    }
}
