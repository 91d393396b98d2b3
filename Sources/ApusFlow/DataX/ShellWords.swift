import ApusCore

/// A text taken apart into words by the rules of a POSIX shell (XCU 2.2 Quoting, 2.6.5 Field Splitting), which never
/// sees it: `;`, `$( )`, `&` and `|` are characters like any others.
public struct ShellWords: Hashable, Sendable {
    public struct Word: Hashable, Sendable {
        public var text: String
        /// Text without quotes stands between quoted parts: quotes that were meant as part of the value may be gone.
        public var hasQuotedParts = false
    }

    public let words: [Word]

    /// - throws: `config.usage` for a quote that is not closed.
    public init(_ text: String) throws {
        var words: [Word] = []
        var word = ""
        var isWord = false
        /// Parts of the word at hand: true = quoted.
        var parts: [Bool] = []
        func add(_ quoted: Bool) { if parts.last != quoted { parts.append(quoted) } }
        func end() {
            if isWord { words.append(Word(text: word, hasQuotedParts: parts.count { $0 } > 1)) }
            (word, isWord, parts) = ("", false, [])
        }
        var rest = Substring(text).unicodeScalars
        var scalars = String.UnicodeScalarView()
        func take() {
            word = String(scalars)
        }
        while let scalar = rest.popFirst() {
            switch scalar {
            case " ", "\t", "\n", "\r":
                take()
                end()
                scalars = String.UnicodeScalarView()
            case "\\":
                isWord = true
                add(false)
                if let next = rest.popFirst(), next != "\n" { scalars.append(next) }
            case "'":
                isWord = true
                add(true)
                while true {
                    guard let inside = rest.popFirst() else { throw Self.fault("'") }
                    if inside == "'" { break }
                    scalars.append(inside)
                }
            case "\"":
                isWord = true
                add(true)
                while true {
                    guard let inside = rest.popFirst() else { throw Self.fault("\"") }
                    if inside == "\"" { break }
                    guard inside == "\\" else {
                        scalars.append(inside)
                        continue
                    }
                    guard let next = rest.popFirst() else { throw Self.fault("\"") }
                    if next == "\n" { continue }
                    if !["$", "`", "\"", "\\"].contains(next) { scalars.append("\\") }
                    scalars.append(next)
                }
            default:
                isWord = true
                add(false)
                scalars.append(scalar)
            }
        }
        take()
        end()
        self.words = words
    }

    private static func fault(_ quote: String) -> ApusError {
        ApusError(
            .usage, "a \(quote) in the parameters is not closed",
            hint: "Write e.g. -p \"-Dday='2026-11-21' -Dregion=eu\".")
    }
}
