import ApusCore

/// A JSON value whose keys keep their order, for logs and reports.
enum JSON: Sendable, Hashable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    /// JSON already.
    case raw(String)
    case array([JSON])
    case object([Member])

    struct Member: Sendable, Hashable {
        var key: String
        var value: JSON

        init(_ key: String, _ value: JSON) {
            self.key = key
            self.value = value
        }
    }

    /// Members whose value is nil are left out.
    static func object(_ members: KeyValuePairs<String, JSON?>) -> JSON {
        .object(members.compactMap { key, value in value.map { Member(key, $0) } })
    }

    /// On one line.
    var line: String {
        var out = ""
        write(to: &out, indent: nil)
        return out
    }

    /// Indented by two spaces, with a line's end.
    var pretty: String {
        var out = ""
        write(to: &out, indent: 0)
        return out + "\n"
    }

    /// Within another value.
    func pretty(indent: Int) -> String {
        var out = ""
        write(to: &out, indent: indent)
        return out
    }

    private func write(to out: inout String, indent: Int?) {
        switch self {
        case .null: out += "null"
        case .bool(let value): out += value ? "true" : "false"
        case .integer(let value): out += String(value)
        // JSON has neither infinity nor NaN.
        case .number(let value): out += value.isFinite ? Self.text(value) : "null"
        case .string(let text): Self.write(Masking.mask(text), to: &out)
        case .raw(let json): out += json
        case .array(let items):
            Self.write(items, "[", "]", to: &out, indent) { $0.write(to: &$1, indent: $2) }
        case .object(let members):
            Self.write(members, "{", "}", to: &out, indent) { member, out, indent in
                Self.write(member.key, to: &out)
                out += indent == nil ? ":" : ": "
                member.value.write(to: &out, indent: indent)
            }
        }
    }

    private static func write<Item>(
        _ items: [Item], _ open: String, _ close: String, to out: inout String, _ indent: Int?,
        item: (Item, inout String, Int?) -> Void
    ) {
        out += open
        for (index, value) in items.enumerated() {
            if index > 0 { out += "," }
            if let indent { out += "\n" + String(repeating: " ", count: indent + 2) }
            item(value, &out, indent.map { $0 + 2 })
        }
        if let indent, !items.isEmpty { out += "\n" + String(repeating: " ", count: indent) }
        out += close
    }

    /// Milliseconds and rates need no more than three places; whole numbers lose theirs.
    private static func text(_ value: Double) -> String {
        if abs(value) >= 1e15 { return "\(value)" }
        let rounded = (value * 1000).rounded() / 1000
        return rounded == rounded.rounded() ? String(Int(rounded)) : "\(rounded)"
    }

    /// RFC 8259 §7; DEL, the C1 controls and the two Unicode line ends are escaped too, so that a line stays a line and
    /// harmless on a terminal. A Swift string has no lone surrogates: whoever decoded it has replaced them by U+FFFD.
    private static func write(_ text: String, to out: inout String) {
        out += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            default:
                if scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) || scalar.value == 0x2028
                    || scalar.value == 0x2029
                {
                    let hex = String(scalar.value, radix: 16)
                    out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
                } else {
                    out.unicodeScalars.append(scalar)
                }
            }
        }
        out += "\""
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
    init(stringLiteral value: String) { self = .string(value) }
    init(integerLiteral value: Int) { self = .integer(value) }
    init(booleanLiteral value: Bool) { self = .bool(value) }
}
