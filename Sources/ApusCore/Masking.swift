import Synchronization

/// The one place through which text passes before it is shown or kept: log lines, products on standard output, summary
/// files, the ledger, the control log.
///
/// It knows two things. Every ``Secret`` of the process is noted with the forms that it takes in URLs, JSON, SQL and the
/// shell; where one of them stands, `•••` is shown. A password that is a common word, or a single letter, cannot be found so
/// without hiding half of a text; it is found by where it stands: in a URL, as an option, behind a word of SQL that a
/// password follows.
public enum Masking {
    public static let mark = "•••"

    private static let known = Mutex<[String]>([])

    // MARK: Values

    /// From now on this value is not shown.
    public static func note(_ secret: String) {
        guard isDistinct(secret), secret != mark else { return }
        let forms = forms(of: secret)
        known.withLock { known in
            guard !known.contains(where: { $0.utf8.elementsEqual(forms[0].utf8) }) else { return }
            // The longest first: a form may be a part of another.
            known = Array(Set(known + forms)).sorted { $0.utf8.count > $1.utf8.count }
        }
    }

    /// Whether a value stands out from ordinary text: long, or of letters and digits mixed, or with signs that words lack.
    static func isDistinct(_ secret: String) -> Bool {
        let scalars = secret.unicodeScalars
        if scalars.count >= 12 { return true }
        if scalars.count >= 4, scalars.contains(where: { !isWord($0) && !"-. ".unicodeScalars.contains($0) }) { return true }
        let letters = scalars.contains { $0.properties.isAlphabetic }, digits = scalars.contains { ("0"..."9").contains($0) }
        return scalars.count >= 6 && letters && digits
    }

    private static func forms(of secret: String) -> [String] {
        let encoded = ConnectionURL.encode(secret)
        var forms = [
            secret, encoded, encoded.lowercasedEscapes,
            // Only what a URL cannot hold, as people write it by hand.
            secret.unicodeScalars.map { "@:/?#%[] \"".unicodeScalars.contains($0) ? ConnectionURL.encode(String($0)) : String($0) }
                .joined(),
            secret.replacing("'", with: "''"), secret.replacing("\\", with: "\\\\").replacing("'", with: "\\'"),
            secret.replacing("\\", with: "\\\\").replacing("'", with: "''"), secret.replacing("'", with: "'\\''"),
        ]
        forms += forms.map { $0.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") }
        forms += forms.map { $0.replacing("/", with: "\\/") }
        var seen: Set<[UInt8]> = []
        return forms.filter { seen.insert(Array($0.utf8)).inserted }
    }

    /// Only what was noted, in a text that holds nothing that a user wrote.
    public static func values(_ text: String) -> String {
        let known = known.withLock { $0 }
        guard !known.isEmpty else { return text }
        var text = text
        for form in known where text.utf8.count >= form.utf8.count && text.contains(form) {
            let first = form.unicodeScalars.first!, last = form.unicodeScalars.last!
            guard isWord(first) || isWord(last) else {
                text = text.replacing(form, with: mark)
                continue
            }
            // Within a longer word it is that word.
            var out = "", rest = text[...]
            while let found = rest.firstRange(of: form) {
                let before = rest[..<found.lowerBound].unicodeScalars.last ?? out.unicodeScalars.last
                let after = rest[found.upperBound...].unicodeScalars.first
                let isPart = isWord(first) && before.map(isWord) == true || isWord(last) && after.map(isWord) == true
                out += rest[..<found.lowerBound] + (isPart ? form : mark)
                rest = rest[found.upperBound...]
            }
            text = out + rest
        }
        return text
    }

    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "_" || scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
    }

    // MARK: All of it

    /// A text that is going to be shown or kept.
    public static func mask(_ text: String) -> String { mask(text, isQuoted: false) }

    /// JSON, or another text whose structure must stay whole: nothing beyond a quotation mark is hidden.
    public static func mask(structured text: String) -> String { mask(text, isQuoted: true) }

    private static func mask(_ text: String, isQuoted: Bool) -> String {
        var text = values(text)
        if text.contains("://") || text.contains(#":\/\/"#) { text = MaskedURL.mask(text, isQuoted: isQuoted) }
        if MaskedWords.mayHold(text) { text = MaskedWords.mask(text, isQuoted: isQuoted) }
        return text
    }

    /// A user's statement, to be shown: where it speaks of users, passwords or keys, none of its literals is shown.
    public static func mask(statement sql: String) -> String {
        let masked = mask(sql)
        return MaskedWords.speaksOfSecrets(sql) ? MaskedWords.withoutLiterals(masked) : masked
    }

    /// A driver's words about such a statement, which may quote any part of it.
    public static func mask(_ words: String, about sql: String) -> String {
        let masked = mask(words)
        guard MaskedWords.speaksOfSecrets(sql), let quote = masked.firstIndex(where: { "'\"`".contains($0) }) else { return masked }
        return masked[..<quote] + mark
    }

    /// A statement to be kept and run again: the same text, unless a password stands in it.
    public static func mask(kept sql: String) -> String { MaskedWords.mask(statement: mask(sql)) }

    /// Whether a statement is what ``mask(kept:)`` left of one with a password: it must not be run, since `•••` would become
    /// the password.
    public static func isStripped(_ sql: String) -> Bool {
        sql.contains(mark) && (MaskedWords.mayHold(sql) || sql.contains("://") || MaskedUserStatement.speaksOfUsers(sql))
            && mask(kept: sql) == sql
    }
}

extension Masking {
    /// Notes the literals of a statement that are passwords, so that they are not shown anywhere else either.
    public static func note(statement sql: String) {
        guard MaskedWords.mayHold(sql) || MaskedUserStatement.speaksOfUsers(sql) else { return }
        for literal in MaskedWords.literals(in: sql) { note(literal) }
    }
}

extension String {
    /// `%2F` as `%2f`.
    fileprivate var lowercasedEscapes: String {
        var out = "", left = 0
        for scalar in unicodeScalars {
            if scalar == "%" { left = 3 }
            out += left > 0 ? String(scalar).lowercased() : String(scalar)
            left = max(0, left - 1)
        }
        return out
    }
}
