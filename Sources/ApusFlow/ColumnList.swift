import ApusCore

/// Columns as one text: `id, name=upper(name), source='erp', *`. Commas within parentheses, brackets and quotes part
/// nothing; the first `=` outside them parts a column from its SQL.
public struct ColumnList: Hashable, Sendable {
    public let columns: [ColumnWish]

    /// - throws: `config.invalid` for an empty or doubled name, an open quote or parenthesis.
    public init(_ text: String) throws {
        var columns: [ColumnWish] = []
        for part in try Self.parts(text, separator: ",") {
            let sides = try Self.parts(part, separator: "=", limit: 1)
            let name = Self.unquoted(sides[0].trimmingSpaces())
            let expression = sides.count == 2 ? sides[1].trimmingSpaces() : nil
            guard !name.isEmpty, expression != "" else {
                throw Self.fault(text, expression == "" ? "`\(name)=` has nothing behind it" : "a name is empty")
            }
            guard !columns.contains(where: { $0.name == name }) else { throw Self.fault(text, "`\(name)` stands twice") }
            columns.append(ColumnWish(name, expression: expression))
        }
        self.columns = columns
    }

    /// Names parted by commas outside quotes; a broken text is one name.
    static func split(_ text: String) -> [String] {
        (try? parts(text, separator: ","))?.map { $0.trimmingSpaces() } ?? [text]
    }

    private static func unquoted(_ name: String) -> String {
        guard name.count >= 2, let first = name.first, first == "\"" || first == "`", name.last == first else { return name }
        let inside = String(name.dropFirst().dropLast())
        return inside.replacing(String([first, first]), with: String(first))
    }

    private static func parts(_ text: String, separator: Character, limit: Int = .max) throws -> [String] {
        var parts = [""]
        var closers: [Character] = []
        var quote: Character?
        for character in text {
            if let open = quote {
                if character == open { quote = nil }
            } else {
                switch character {
                case "'", "\"", "`": quote = character
                case "(": closers.append(")")
                case "[": closers.append("]")
                case ")", "]":
                    guard closers.popLast() == character else { throw fault(text, "a `\(character)` closes nothing") }
                case separator where closers.isEmpty && parts.count <= limit:
                    parts.append("")
                    continue
                default: break
                }
            }
            parts[parts.count - 1].append(character)
        }
        if let quote { throw fault(text, "a \(quote) is not closed") }
        if let open = closers.last { throw fault(text, "a `\(open)` is missing") }
        return parts
    }

    private static func fault(_ text: String, _ what: String) -> ApusError {
        ApusError(
            .configurationInvalid, "the columns `\(text)` are not understood: \(what)",
            hint: "Write e.g. id, name=upper(name), source='erp'.")
    }
}

extension String {
    func trimmingSpaces() -> String {
        var text = self[...]
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text)
    }
}
