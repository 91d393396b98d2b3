import ApusCore

/// A text with `${…}` and `{{ … }}` in it, taken apart. What stands for them is never looked at again, so that a value
/// may hold anything.
struct Template {
    enum Piece: Hashable {
        case literal(String)
        case variable(Variable)
        case parameter(ParameterExpression)
    }

    struct Variable: Hashable {
        enum Source: Hashable {
            case environment(name: String, fallback: String?)
            case file(String)
        }
        var source: Source
        /// As it was written: `${HOME}`.
        var text: String
    }

    /// A mistake, and the part of the text that it is about.
    struct Fault: Error {
        var error: ApusError
        var token: String
    }

    var pieces: [Piece] = []

    var hasVariables: Bool { pieces.contains { if case .variable = $0 { true } else { false } } }

    var parameterNames: [String] {
        pieces.compactMap { if case .parameter(let parameter) = $0 { parameter.name } else { nil } }
    }

    init(_ text: String) throws(Fault) {
        var literal = ""
        var rest = text[...]
        func flush(_ pieces: inout [Piece]) {
            if !literal.isEmpty { pieces.append(.literal(literal)) }
            literal = ""
        }
        while let special = rest.firstIndex(where: { $0 == "$" || $0 == "{" }) {
            literal += rest[..<special]
            rest = rest[special...]
            if rest.hasPrefix("$${") {
                literal += "${"
                rest = rest.dropFirst(3)
            } else if rest.hasPrefix("${") {
                guard let close = rest.firstIndex(of: "}") else {
                    throw Fault(
                        error: ApusError(
                            .configurationInvalid, "a `${` is not closed by `}`", hint: "Write $${ where ${ itself is meant."),
                        token: "${")
                }
                flush(&pieces)
                pieces.append(.variable(try Self.variable(rest[...close])))
                rest = rest[rest.index(after: close)...]
            } else if rest.hasPrefix("{{"), let parameter = try Self.parameter(rest) {
                flush(&pieces)
                pieces.append(.parameter(parameter))
                rest = rest.dropFirst(parameter.text.count)
            } else {
                literal.append(rest.removeFirst())
            }
        }
        literal += rest
        flush(&pieces)
    }

    private static func variable(_ text: Substring) throws(Fault) -> Variable {
        let inside = text.dropFirst(2).dropLast()
        if inside.hasPrefix("file:"), inside.count > 5 {
            return Variable(source: .file(String(inside.dropFirst(5))), text: String(text))
        }
        let name = inside.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        let rest = inside.dropFirst(name.count)
        guard let first = name.first, !first.isNumber, rest.isEmpty || rest.hasPrefix(":-") else {
            throw Fault(
                error: ApusError(
                    .configurationInvalid, "a `${…}` here is no variable",
                    hint: "Write ${NAME}, ${NAME:-default} or ${file:/path}; $${ where ${ itself is meant."),
                token: "${")
        }
        let fallback = rest.isEmpty ? nil : String(rest.dropFirst(2))
        return Variable(source: .environment(name: String(name), fallback: fallback), text: String(text))
    }

    /// Nil where `{{` begins something else, such as PostgreSQL's `'{{1,2},{3,4}}'`.
    private static func parameter(_ text: Substring) throws(Fault) -> ParameterExpression? {
        let inside = text.dropFirst(2)
        let start = inside.drop { $0 == " " }
        let name = start.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        guard let first = name.first, first.isLetter || first == "_" else { return nil }
        let after = start[name.endIndex...].drop { $0 == " " }
        guard after.isEmpty || "}+-|".contains(after.first ?? "}") || name.endIndex != after.startIndex else { return nil }
        guard let close = inside.firstRange(of: "}}") else {
            throw Fault(
                error: ApusError(.configurationInvalid, "a `{{` is not closed by `}}`", hint: "Write e.g. {{ day }} or {{ day - 1 }}."),
                token: "{{")
        }
        let whole = String(text[..<close.upperBound])
        if after.first == "}", after.startIndex != close.lowerBound { return nil }
        guard let expression = ParameterExpression(whole) else {
            throw Fault(
                error: ApusError(
                    .configurationInvalid, "`\(whole)` is not understood",
                    hint: "Write {{ name }}, {{ day - 1 }} or {{ day + 2 | yyyyMMdd }}."),
                token: whole)
        }
        return expression
    }
}

extension Substring {
    fileprivate func firstRange(of text: String) -> Range<Index>? {
        var index = startIndex
        while index < endIndex {
            if self[index...].hasPrefix(text) { return index..<self.index(index, offsetBy: text.count) }
            formIndex(after: &index)
        }
        return nil
    }
}

/// What stands between `{{` and `}}`: a name, days to add, a date format.
struct ParameterExpression: Hashable {
    var name: String
    var days = 0
    var format: String?
    /// As it was written.
    var text: String

    init?(_ text: String) {
        self.text = text
        var rest = text.dropFirst(2).dropLast(2)[...]
        func skipSpaces() { rest = rest.drop { $0 == " " } }
        skipSpaces()
        let word = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        guard !word.isEmpty else { return nil }
        name = String(word)
        rest = rest[word.endIndex...]
        skipSpaces()
        if let sign = rest.first, sign == "+" || sign == "-" {
            rest = rest.dropFirst()
            skipSpaces()
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            guard let number = Int(digits), digits.count <= 6 else { return nil }
            days = sign == "-" ? -number : number
            rest = rest[digits.endIndex...]
            skipSpaces()
        }
        if rest.first == "|" {
            rest = rest.dropFirst()
            skipSpaces()
            while rest.last == " " { rest.removeLast() }
            guard !rest.isEmpty else { return nil }
            format = String(rest)
            rest = ""
        }
        guard rest.isEmpty else { return nil }
    }
}
