import ApusCore

/// A connection as it is written, with the places of its parts, so that `${…}` can be put in part by part and a
/// password be left out of what is kept.
///
/// A variable that begins the text stands for its whole beginning and is put in as it is; elsewhere its value is taken
/// literally: a password in a variable needs no percent-encoding.
struct ConnectionText {
    private enum Token {
        case scalar(Unicode.Scalar)
        case variable(Template.Variable)
    }

    private let tokens: [Token]
    private let template: Template

    init(_ template: Template) {
        self.template = template
        tokens = template.pieces.flatMap { piece -> [Token] in
            switch piece {
            case .literal(let text): text.unicodeScalars.map { .scalar($0) }
            case .variable(let variable): [.variable(variable)]
            case .parameter(let parameter): parameter.text.unicodeScalars.map { .scalar($0) }
            }
        }
    }

    /// The variable that is the whole text.
    var only: Template.Variable? {
        if tokens.count == 1, case .variable(let variable) = tokens[0] { variable } else { nil }
    }

    private var beginsWithVariable: Bool {
        if case .variable = tokens.first { true } else { false }
    }

    /// The URL with the values of variables.
    func expanded(_ value: (Template.Variable) throws -> String) throws -> String {
        let parts = Parts(tokens.map { if case .scalar(let scalar) = $0 { scalar } else { nil } })
        var text = ""
        for (index, token) in tokens.enumerated() {
            switch token {
            case .scalar(let scalar): text.unicodeScalars.append(scalar)
            case .variable(let variable):
                let value = try value(variable)
                let isAddress = parts.host.contains(index) && value.utf8.allSatisfy { Self.isPlain($0) || ":[]_,".utf8.contains($0) }
                text += beginsWithVariable && index == 0 || isAddress ? value : Self.encode(value)
            }
        }
        return text
    }

    /// The text as written, with `•••` for passwords that were written out.
    var reference: String {
        let parts = Parts(tokens.map { if case .scalar(let scalar) = $0 { scalar } else { nil } })
        var text = ""
        var masked: Range<Int>?
        for (index, token) in tokens.enumerated() {
            if let range = parts.secrets.first(where: { $0.contains(index) }) {
                let isClear = range.contains { if case .scalar = tokens[$0] { true } else { false } }
                if isClear {
                    if masked != range { text += SourceMask.mark }
                    masked = range
                    continue
                }
                if case .variable(let variable) = token {
                    text += Self.withoutFallback(variable)
                    continue
                }
            }
            switch token {
            case .scalar(let scalar):
                // `$${` was taken apart to `${`.
                if scalar == "$", case .scalar("{")? = tokens.indices.contains(index + 1) ? tokens[index + 1] : nil {
                    text += "$"
                }
                text.unicodeScalars.append(scalar)
            case .variable(let variable): text += Self.maskedFallback(variable)
            }
        }
        return text
    }

    /// A default for a password is a password that was written out.
    private static func withoutFallback(_ variable: Template.Variable) -> String {
        guard case .environment(let name, let fallback?) = variable.source, !fallback.isEmpty else { return variable.text }
        return "${\(name):-\(SourceMask.mark)}"
    }

    private static func maskedFallback(_ variable: Template.Variable) -> String {
        guard case .environment(let name, let fallback?) = variable.source, fallback.contains(":") else { return variable.text }
        let template = Template(literal: fallback)
        return "${\(name):-\(ConnectionText(template).reference)}"
    }

    static func encode(_ text: String, keeping kept: String = "") -> String {
        var out = ""
        for byte in text.utf8 {
            if isPlain(byte) || kept.utf8.contains(byte) {
                out.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let hex = String(byte, radix: 16, uppercase: true)
                out += "%" + (hex.count == 1 ? "0" : "") + hex
            }
        }
        return out
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) || "-._~".utf8.contains(byte)
    }

    /// The places of the parts, found as `ConnectionURL` finds them; nil scalars are variables.
    private struct Parts {
        var host = 0..<0
        var secrets: [Range<Int>] = []

        /// Whether a parameter is SQL that sets a password. Names were put into lower case.
        private static func setsSecret(_ name: String, _ value: String) -> Bool {
            guard ["init_sql", "sessionvariables", "connectioninitsql"].contains(name),
                let sql = (try? ConnectionURL(parsing: "x:y?sql=\(value)"))?.parameters.first?.value
            else { return false }
            return Masking.mask(kept: sql) != sql
        }

        init(_ scalars: [Unicode.Scalar?]) {
            let count = scalars.count
            func first(_ wanted: Unicode.Scalar, in range: Range<Int>) -> Int? { range.first { scalars[$0] == wanted } }
            func last(_ wanted: Unicode.Scalar, in range: Range<Int>) -> Int? { range.last { scalars[$0] == wanted } }
            var start = 0
            if count > 5, scalars[..<5].compactMap({ $0?.properties.lowercaseMapping }).joined() == "jdbc:" { start = 5 }
            let scheme = first(":", in: start..<count).map { $0 + 1 } ?? 0
            let end = first("?", in: scheme..<count) ?? count
            if scheme + 1 < end, scalars[scheme] == "/", scalars[scheme + 1] == "/" {
                let begin = scheme + 2
                var authority = begin..<(first("/", in: begin..<end) ?? end)
                if first("@", in: authority) == nil, let at = last("@", in: begin..<end), first(":", in: authority) != nil {
                    authority = begin..<(first("/", in: at..<end) ?? end)
                }
                host = authority
                if let at = last("@", in: authority) {
                    host = (at + 1)..<authority.upperBound
                    if let colon = first(":", in: begin..<at), colon + 1 < at { secrets.append((colon + 1)..<at) }
                }
            }
            var from = min(end + 1, count)
            while from < count {
                let until = first("&", in: from..<count) ?? count
                if let equals = first("=", in: from..<until), equals + 1 < until {
                    let name = scalars[from..<equals].compactMap { $0?.properties.lowercaseMapping }.joined()
                    let value = String(String.UnicodeScalarView(scalars[(equals + 1)..<until].map { $0 ?? "$" }))
                    if name.contains("%") || ConnectionURL.isSecret(name, value) || Self.setsSecret(name, value) {
                        secrets.append((equals + 1)..<until)
                    }
                }
                from = until + 1
            }
        }
    }
}

extension Template {
    init(literal: String) { pieces = literal.isEmpty ? [] : [.literal(literal)] }
}
