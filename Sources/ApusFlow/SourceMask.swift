import ApusCore

/// Hides what may be a password in text that is shown: lines of a configuration file under a caret, and messages.
///
/// It works on text alone, because a line has to be shown safely also when nothing of it was understood; it hides
/// rather too much.
enum SourceMask {
    static let mark = Masking.mark
    private static let words = ["password", "passwd", "pwd", "secret", "token", "passphrase", "pass"]

    /// A line of a file; `parent` is the last line before it that is indented less, `column` a position in it from 0,
    /// which moves along.
    static func mask(line: String, parent: String?, column: Int) -> (text: String, column: Int) {
        var scalars = Array(line.unicodeScalars)
        var column = column
        // The content of a block or of an indented value below `password:`.
        if let parent, let colon = secretColon(Array(parent.unicodeScalars)), indent(line) > indent(parent) {
            let rest = parent.unicodeScalars.dropFirst(colon + 1).filter { $0 != " " }
            if rest.isEmpty || "|>\"'&!".unicodeScalars.contains(rest[rest.startIndex]) {
                let start = indent(line)
                return (String(line.unicodeScalars.prefix(start)) + mark, min(column, start))
            }
        }
        for _ in 0..<2 {
            guard let range = secret(in: scalars), !scalars[range].elementsEqual(mark.unicodeScalars) else { break }
            scalars.replaceSubrange(range, with: mark.unicodeScalars)
            if column >= range.upperBound {
                column -= range.count - 3
            } else if column > range.lowerBound {
                column = range.lowerBound
            }
        }
        return (text(scalars), column)
    }

    /// A message, line by line.
    static func mask(_ message: String) -> String {
        guard message.contains("@") else { return message }
        return message.split(separator: "\n", omittingEmptySubsequences: false)
            .map { mask(line: String($0), parent: nil, column: 0).text }.joined(separator: "\n")
    }

    private static func text(_ scalars: [Unicode.Scalar]) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    static func indent(_ line: String) -> Int {
        line.unicodeScalars.prefix { $0 == " " || $0 == "\t" }.count
    }

    private static func secret(in scalars: [Unicode.Scalar]) -> Range<Int>? {
        if let colon = secretColon(scalars) {
            let start = scalars[(colon + 1)...].firstIndex { $0 != " " } ?? scalars.count
            let value = scalars[start...]
            if !value.isEmpty, !isReference(value) { return start..<scalars.count }
        }
        guard let at = scalars.lastIndex(of: "@") else { return nil }
        var start = 0
        if let slashes = firstIndex(of: "://", in: scalars), slashes < at {
            start = slashes + 3
        } else if let free = scalars.indices.first(where: {
            scalars[$0] == ":" && $0 + 1 < scalars.count && ![" ", "/"].contains(scalars[$0 + 1])
        }), free < at {
            start = free
        } else {
            return nil
        }
        guard let colon = scalars[start..<at].firstIndex(of: ":"), colon + 1 < at else { return nil }
        return isReference(scalars[(colon + 1)..<at]) ? nil : (colon + 1)..<at
    }

    /// Whether the value is one `${…}` without a default, and nothing else but what ends a value.
    private static func isReference(_ value: ArraySlice<Unicode.Scalar>) -> Bool {
        var text = Self.text(Array(value))[...]
        while let last = text.last, " \t\"'},".contains(last) { text.removeLast() }
        while let first = text.first, "\"'".contains(first) { text.removeFirst() }
        return text.hasPrefix("${") && !text.contains("}") && !text.contains(":-")
    }

    /// The first `:` or `=` behind a word that names a secret: `password`, `db_password`, `access-token`.
    private static func secretColon(_ scalars: [Unicode.Scalar]) -> Int? {
        for (index, scalar) in scalars.enumerated() where scalar == ":" || scalar == "=" {
            var end = index
            while end > 0, [" ", "\"", "'"].contains(scalars[end - 1]) { end -= 1 }
            var start = end
            while start > 0, isName(scalars[start - 1]) { start -= 1 }
            let name = text(Array(scalars[start..<end])).lowercased()
            if words.contains(where: { name == $0 || name.hasSuffix("_" + $0) || name.hasSuffix("-" + $0) })
                || (name.hasSuffix("password") && !name.contains("."))
            {
                return index
            }
        }
        return nil
    }

    private static func isName(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "_" || scalar == "-" || scalar == "." || scalar.properties.isAlphabetic || scalar.properties.numericType != nil
    }

    private static func firstIndex(of word: String, in scalars: [Unicode.Scalar], from: Int = 0) -> Int? {
        let wanted = Array(word.unicodeScalars)
        guard wanted.count <= scalars.count else { return nil }
        return (from...max(from, scalars.count - wanted.count)).first {
            $0 + wanted.count <= scalars.count && scalars[$0..<($0 + wanted.count)].elementsEqual(wanted)
        }
    }
}
