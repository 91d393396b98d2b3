import ApusCore

/// The columns of a config row, `a, upper(b) AS c, '1,2' d`: SQL expressions with the names that they go by.
public struct SelectList: Sendable, Hashable {
    public struct Item: Sendable, Hashable {
        /// Without the name behind it.
        public var expression: String
        /// The alias, or the column's own name; nil where SQL gives none that is the same everywhere.
        public var name: String?
        /// A column alone, with what stands in front of it (`t.a`, `s.t.a`), each name without its quotes; empty for
        /// any other expression.
        public var path: [String]

        public init(expression: String, name: String?, path: [String] = []) {
            self.expression = expression
            self.name = name
            self.path = path
        }

        public var isColumn: Bool { !path.isEmpty }
    }

    public let items: [Item]

    /// Whether all columns are meant.
    public var isStar: Bool { items.count == 1 && items[0].expression == "*" }

    /// - throws: `config.invalid` for an open quote or parenthesis, or nothing between two commas.
    public init(_ text: String) throws {
        let scan = try SQLScan(text)
        items = try scan.parts(by: ",").map { part in
            let words = part.filter { !$0.isBlank }
            guard !words.isEmpty else {
                throw ApusError(
                    .configurationInvalid, "nothing stands between two commas of a column list",
                    hint: "Write e.g. id, upper(name) AS name, 'erp' AS src.")
            }
            return Self.item(words, part)
        }
    }

    private static func item(_ words: [SQLScan.Token], _ part: ArraySlice<SQLScan.Token>) -> Item {
        func text(_ tokens: some Sequence<SQLScan.Token>) -> String { tokens.map(\.text).joined().trimmed }
        if words.allSatisfy({ $0.isName || $0.text == "." }), isPath(words) {
            return Item(expression: text(part), name: words.last?.name, path: path(words))
        }
        if let last = words.last, last.isName, words.count > 1 {
            let before = words[words.count - 2]
            let head = part.prefix { $0.position < last.position }
            if before.isWord("as") {
                let expression = text(head.prefix { $0.position < before.position })
                return Item(expression: expression, name: last.name, path: path(words.dropLast(2)))
            }
            // `upper(b) c`, `'x' d`, `a b`: an alias without AS follows a value, never an operator or keyword.
            if before.text == ")" || before.isString || before.isNumber || (before.isName && !before.isKeyword),
                !last.isKeyword
            {
                return Item(expression: text(head), name: last.name, path: path(words.dropLast()))
            }
        }
        return Item(expression: text(part), name: nil)
    }

    private static func path(_ words: some Collection<SQLScan.Token>) -> [String] {
        isPath(words) ? words.compactMap { $0.isName ? $0.name : nil } : []
    }

    /// `a`, `t.a`, `s.t.a`.
    private static func isPath(_ words: some Collection<SQLScan.Token>) -> Bool {
        var expectsName = true
        for word in words {
            guard expectsName ? word.isName && !word.isKeyword : word.text == "." else { return false }
            expectsName.toggle()
        }
        return !words.isEmpty && !expectsName
    }
}

extension String {
    var trimmed: String {
        var text = self[...]
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
