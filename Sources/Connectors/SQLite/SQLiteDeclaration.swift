import ApusCore

/// What the text of a `CREATE TABLE` says that no PRAGMA does: checks, collations, AUTOINCREMENT, STRICT, WITHOUT ROWID.
struct SQLiteDeclaration {
    private(set) var checks: [CheckShape] = []
    /// A column counts by AUTOINCREMENT, which never gives a number twice.
    private(set) var counts = false
    private var collations: [String: String] = [:]
    private let options: [String]

    static let style = ConditionParser.Style(quote: "\"", functions: ["length": "char_length"])

    init(_ sql: String) {
        options = SQLiteText.tableOptions(sql)
        let tokens = SQLiteText.tokens(sql)
        let bytes = Array(sql.utf8)
        guard var index = tokens.firstIndex(where: { $0.text == "(" && !$0.isQuoted }) else { return }
        var column: String?
        var constraint: String?
        var isStart = true
        index += 1
        while index < tokens.count, tokens[index].depth > 0 {
            let token = tokens[index]
            defer { index += 1 }
            if token.depth > 1 { continue }
            if isStart {
                let isConstraint =
                    !token.isQuoted && ["CONSTRAINT", "CHECK", "PRIMARY", "UNIQUE", "FOREIGN"].contains(token.text.uppercased())
                column = isConstraint ? nil : token.text
                constraint = nil
                isStart = false
                if !isConstraint { continue }
            }
            if token.text == ",", !token.isQuoted {
                isStart = true
            } else if token.isWord("CONSTRAINT"), index + 1 < tokens.count {
                constraint = tokens[index + 1].text
            } else if token.isWord("AUTOINCREMENT") {
                counts = true
            } else if token.isWord("COLLATE"), let column, index + 1 < tokens.count, tokens[index + 1].text.uppercased() != "BINARY" {
                collations[column.lowercased()] = tokens[index + 1].text.uppercased()
            } else if token.isWord("CHECK"), index + 1 < tokens.count, tokens[index + 1].text == "(",
                let close = tokens[(index + 2)...].first(where: { $0.text == ")" && !$0.isQuoted && $0.depth == 1 })
            {
                let text = String(decoding: bytes[tokens[index + 1].range.upperBound..<close.range.lowerBound], as: UTF8.self)
                checks.append(
                    CheckShape(
                        name: constraint ?? "check_\(checks.count + 1)", condition: text,
                        meaning: ConditionParser.parse(text, Self.style), column: constraint == nil ? column : nil))
                constraint = nil
            }
        }
        for index in checks.indices where checks[index].meaning?.columns.isEmpty == false {
            // Without regard to case, texts compare otherwise elsewhere.
            let folded = collations
            if checks[index].meaning!.comparesText({ folded[$0.lowercased()] != nil }) { checks[index].meaning = nil }
        }
    }

    func collation(of column: String) -> String? { collations[column.lowercased()] }

    var traits: [TableTrait] {
        var traits: [TableTrait] = []
        if options.contains("STRICT") { traits.append(TableTrait("STRICT", statement: "STRICT", isStorage: true)) }
        if options.contains("ROWID") { traits.append(TableTrait("WITHOUT ROWID", statement: "WITHOUT ROWID", isStorage: true)) }
        return traits
    }
}
