import Testing

/// A declared type of a source with values that are hard to move, and what each must be in every target.
struct Hard: Sendable, CustomTestStringConvertible {
    /// What a value must be after the copy.
    enum Value: Sendable, Hashable, ExpressibleByStringLiteral, ExpressibleByNilLiteral {
        case text(String)
        case null
        /// The row is refused, with a reason, and kept.
        case rejected
        init(stringLiteral text: String) { self = .text(text) }
        init(nilLiteral: ()) { self = .null }
    }

    /// What texts are the same value.
    enum Likeness: Sendable { case text, float, single, decimal, moment, json, flag }

    let name: String
    let type: String
    let likeness: Likeness
    /// SQL of the source (a field for files), and the value's canonical text.
    let values: [(sql: String, text: Value)]
    /// Where a target differs, by position.
    var unlike: [System: [Int: Value]] = [:]
    /// URL options of the source.
    var options = ""

    init(_ name: String, _ type: String, _ likeness: Likeness = .text, _ values: [(String, Value)]) {
        self.name = name
        self.type = type
        self.likeness = likeness
        self.values = values.map { (sql: $0.0, text: $0.1) }
    }

    func but(_ system: System, _ values: [Int: Value]) -> Hard {
        var copy = self
        copy.unlike[system, default: [:]].merge(values) { $1 }
        return copy
    }

    func but(_ systems: [System], _ values: [Int: Value]) -> Hard {
        systems.reduce(self) { $0.but($1, values) }
    }

    func with(_ options: String) -> Hard {
        var copy = self
        copy.options = options
        return copy
    }

    var testDescription: String { name }

    func expected(in target: System) -> [Value] {
        values.enumerated().map { unlike[target]?[$0] ?? $1.text }
    }

    /// One text for all texts of a value.
    func canonical(_ text: String) -> String {
        switch likeness {
        case .text: return text
        case .float: return Double(text).map { $0.isNaN ? "NaN" : "\($0)" } ?? text
        case .single: return Float(text).map { $0.isNaN ? "NaN" : "\($0)" } ?? text
        case .decimal:
            guard text.contains("."), !text.contains("e") else { return text }
            var digits = Substring(text)
            while digits.hasSuffix("0") { digits.removeLast() }
            if digits.hasSuffix(".") { digits.removeLast() }
            return String(digits)
        case .moment:
            var moment = text.replacing("T", with: " ")[...]
            for zone in ["Z", "+00", "+00:00"] where moment.hasSuffix(zone) { moment = moment.dropLast(zone.count) }
            if moment.contains(".") {
                while moment.hasSuffix("0") { moment.removeLast() }
                if moment.hasSuffix(".") { moment.removeLast() }
            }
            return String(moment)
        case .json: return Self.compact(text)
        case .flag: return ["t": "true", "1": "true", "f": "false", "0": "false"][text] ?? text
        }
    }

    func canonical(_ value: Value) -> Value {
        if case .text(let text) = value { .text(canonical(text)) } else { value }
    }

    /// JSON without white space outside of strings.
    private static func compact(_ text: String) -> String {
        var out = ""
        var isInside = false, isEscaped = false
        for character in text {
            if isInside {
                isInside = isEscaped || character != "\""
                isEscaped = !isEscaped && character == "\\"
            } else if character.isWhitespace {
                continue
            } else if character == "\"" {
                isInside = true
            }
            out.append(character)
        }
        return out
    }
}
