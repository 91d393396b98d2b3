import Tabular

/// Reads a ``Condition`` from SQL; what does not mean the same in every system is not read at all.
public struct ConditionParser {
    /// How a system writes what the others write differently.
    public struct Style: Sendable {
        /// Around names.
        public var quote: Character
        /// A backslash in a string begins an escape.
        public var hasEscapes: Bool
        /// Its functions for ``Condition/functions`` that have other names.
        public var functions: [String: String]

        public init(quote: Character, hasEscapes: Bool = false, functions: [String: String] = [:]) {
            self.quote = quote
            self.hasEscapes = hasEscapes
            self.functions = functions
        }
    }

    private enum Token: Equatable {
        case word(String), name(String), number(String), string(String), sign(String)
    }

    private var tokens: [Token] = []
    private var position = 0
    private let style: Style

    /// nil where it is not understood whole.
    public static func parse(_ sql: String, _ style: Style) -> Condition? {
        guard var parser = ConditionParser(sql, style), let condition = parser.either(), parser.position == parser.tokens.count else {
            return nil
        }
        return condition
    }

    private init?(_ sql: String, _ style: Style) {
        self.style = style
        let text = Array(sql)
        var at = 0
        func next(_ step: Int = 1) -> Character { at + step < text.count ? text[at + step] : "\0" }
        func isWord(_ character: Character) -> Bool { character.isLetter || character.isNumber || character == "_" || character == "$" }
        while at < text.count {
            let first = text[at]
            if first.isWhitespace {
                at += 1
            } else if first == "'" || first == style.quote {
                var value = ""
                at += 1
                while true {
                    guard at < text.count else { return nil }
                    if text[at] == first {
                        guard next() == first else { break }
                        at += 1
                    } else if text[at] == "\\", first == "'", style.hasEscapes {
                        // Only what stands for itself.
                        guard next() == "\\" || next() == "'" || next() == "\"" else { return nil }
                        at += 1
                    }
                    value.append(text[at])
                    at += 1
                }
                at += 1
                tokens.append(first == "'" ? .string(value) : .name(value))
            } else if first.isNumber || (first == "." && next().isNumber) {
                var digits = ""
                while at < text.count, text[at].isNumber || text[at] == "." || text[at] == "e" || text[at] == "E" {
                    digits.append(text[at])
                    at += 1
                }
                tokens.append(.number(digits))
            } else if isWord(first) {
                var word = ""
                while at < text.count, isWord(text[at]) {
                    word.append(text[at])
                    at += 1
                }
                // `_utf8mb4'text'`, `E'text'`: what stands before a string.
                if at < text.count, text[at] == "'" {
                    guard word.hasPrefix("_utf8") else { return nil }
                } else {
                    tokens.append(.word(word))
                }
            } else {
                let two = String([first, next()])
                if two == "--" { return nil }
                let sign = ["<=", ">=", "<>", "!=", "::"].contains(two) ? two : String(first)
                guard "+-*=<>(),[]".contains(first) || sign == "::" || sign == "!=" else { return nil }
                at += sign.count
                tokens.append(.sign(sign == "!=" ? "<>" : sign))
            }
        }
    }

    // MARK: Tokens

    private mutating func take(_ sign: String) -> Bool {
        guard position < tokens.count, tokens[position] == .sign(sign) else { return false }
        position += 1
        return true
    }

    private func isNext(_ word: String, ahead: Int = 0) -> Bool {
        guard position + ahead < tokens.count, case .word(let next) = tokens[position + ahead] else { return false }
        return next.uppercased() == word
    }

    private mutating func take(word: String) -> Bool {
        guard isNext(word) else { return false }
        position += 1
        return true
    }

    // MARK: Grammar

    private mutating func either() -> Condition? {
        guard let first = both() else { return nil }
        var each = [first]
        while take(word: "OR") {
            guard let next = both() else { return nil }
            each.append(next)
        }
        return each.count == 1 ? first : .any(each)
    }

    private mutating func both() -> Condition? {
        guard let first = negation() else { return nil }
        var each = [first]
        while take(word: "AND") {
            guard let next = negation() else { return nil }
            each.append(next)
        }
        return each.count == 1 ? first : .all(each)
    }

    private mutating func negation() -> Condition? {
        guard take(word: "NOT") else { return comparison() }
        return negation().map { .not($0) }
    }

    private mutating func comparison() -> Condition? {
        guard let first = sum() else { return nil }
        for sign in Condition.comparisons.sorted() where take(sign) {
            if sign == "=", take(word: "ANY") { return members().map { .among(first, $0) } }
            return sum().map { .binary(first, sign, $0) }
        }
        if take(word: "IS") {
            let isNot = take(word: "NOT")
            guard take(word: "NULL") else { return nil }
            return isNot ? .not(.isNull(first)) : .isNull(first)
        }
        let isNot = isNext("NOT") && (isNext("IN", ahead: 1) || isNext("BETWEEN", ahead: 1)) && take(word: "NOT")
        if take(word: "IN") {
            guard take("("), let others = list(")") else { return nil }
            return isNot ? .not(.among(first, others)) : .among(first, others)
        }
        if take(word: "BETWEEN") {
            guard let low = sum(), take(word: "AND"), let high = sum() else { return nil }
            return isNot ? .not(.between(first, low, high)) : .between(first, low, high)
        }
        return first
    }

    /// `(ARRAY['a'::text, 'b'::text])`, as PostgreSQL prints IN.
    private mutating func members() -> [Condition]? {
        guard take("(") else { return nil }
        let isNested = take("(")
        guard take(word: "ARRAY"), take("["), let each = list("]") else { return nil }
        if isNested, !take(")") { return nil }
        guard casts(of: .text("")), take(")") else { return nil }
        return each
    }

    private mutating func list(_ end: String) -> [Condition]? {
        var each: [Condition] = []
        repeat {
            guard let next = either() else { return nil }
            each.append(next)
        } while take(",")
        return take(end) ? each : nil
    }

    private mutating func sum() -> Condition? {
        guard var result = product() else { return nil }
        while let sign = ["+", "-"].first(where: { take($0) }) {
            guard let next = product() else { return nil }
            result = .binary(result, sign, next)
        }
        return result
    }

    private mutating func product() -> Condition? {
        guard var result = factor() else { return nil }
        while take("*") {
            guard let next = factor() else { return nil }
            result = .binary(result, "*", next)
        }
        return result
    }

    private mutating func factor() -> Condition? {
        if take("-") { return factor().map { .negative($0) } }
        guard let one = primary(), casts(of: one) else { return nil }
        return one
    }

    private mutating func primary() -> Condition? {
        guard position < tokens.count else { return nil }
        let token = tokens[position]
        position += 1
        switch token {
        case .number(let digits): return .number(digits)
        case .string(let text): return .text(text)
        case .name(let name): return .column(name)
        case .sign("("):
            guard let inner = either(), take(")") else { return nil }
            return inner
        case .sign: return nil
        case .word(let word):
            switch word.uppercased() {
            case "NULL": return .null
            case "TRUE": return .boolean(true)
            case "FALSE": return .boolean(false)
            default: break
            }
            guard take("(") else { return Self.reserved.contains(word.uppercased()) ? nil : .column(word) }
            let name = style.functions[word.lowercased()] ?? word.lowercased()
            guard Condition.functions.contains(name), let arguments = list(")") else { return nil }
            return .call(name, arguments)
        }
    }

    private static let reserved: Set<String> = [
        "CURRENT_DATE", "CURRENT_TIMESTAMP", "CURRENT_TIME", "CURRENT_USER", "CASE", "SELECT", "EXISTS", "INTERVAL", "LIKE", "ARRAY",
        "CAST",
        "DATE", "TIMESTAMP", "TIME", "ROW", "AND", "OR", "IN", "IS", "BETWEEN",
    ]

    /// Steps over casts that change nothing: of constants to what they are, of texts to texts.
    private mutating func casts(of one: Condition) -> Bool {
        while take("::") {
            guard position < tokens.count, case .word(let word) = tokens[position] else { return false }
            position += 1
            var type = word.lowercased()
            while ["varying", "precision", "without", "with", "time", "zone"].contains(where: { isNext($0.uppercased()) }),
                case .word(let more) = tokens[position]
            {
                type += " " + more.lowercased()
                position += 1
            }
            if take("(") {
                while position < tokens.count, case .number = tokens[position] {
                    position += 1
                    _ = take(",")
                }
                guard take(")") else { return false }
            }
            if take("["), !take("]") { return false }
            let texts: Set<String> = ["text", "varchar", "character varying", "bpchar", "character"]
            let others: Set<String> = [
                "integer", "bigint", "smallint", "numeric", "double precision", "real", "date", "boolean", "timestamp without time zone",
            ]
            switch one {
            case .column: guard texts.contains(type) || type == "numeric" else { return false }
            case .text, .number, .negative: guard texts.contains(type) || others.contains(type) else { return false }
            default: guard texts.contains(type) else { return false }
            }
        }
        return true
    }
}
