import Tabular

/// A type that has others in it, `array<map<int,varchar(20)>>`, as a table declares it.
indirect enum NestedType: Hashable, Sendable {
    case scalar(Scalar)
    case array(NestedType)
    case map(Scalar, NestedType)
    case structure([Field])

    struct Field: Hashable, Sendable {
        var name: String
        var type: NestedType
    }

    struct Scalar: Hashable, Sendable {
        enum Kind: Hashable, Sendable {
            case boolean
            case integer(bits: Int)
            case wide, float32, float64
            case decimal(precision: Int, scale: Int)
            case date, datetime, text, json
        }
        var kind: Kind
        /// The most bytes of a text.
        var limit = Int.max
    }

    /// Nil for a type that has no others in it, and for one that is not understood. Names of fields keep their case.
    init?(_ native: String) {
        var rest = native[...]
        guard ["array", "map", "struct"].contains(where: { native.lowercased().hasPrefix($0) }), let type = Self.parse(&rest),
            rest.allSatisfy(\.isWhitespace)
        else { return nil }
        self = type
    }

    var hasMap: Bool {
        switch self {
        case .scalar: false
        case .array(let element): element.hasMap
        case .map, .structure: true
        }
    }

    private static func skip(_ text: inout Substring) { text = text.drop { $0 == " " } }

    private static func take(_ text: inout Substring, _ character: Character) -> Bool {
        skip(&text)
        guard text.first == character else { return false }
        text = text.dropFirst()
        return true
    }

    private static func parse(_ text: inout Substring) -> NestedType? {
        skip(&text)
        let word = text.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        text = text[word.endIndex...]
        switch word.lowercased() {
        case "array":
            guard take(&text, "<"), let element = parse(&text), take(&text, ">") else { return nil }
            return .array(element)
        case "map":
            guard take(&text, "<"), case .scalar(let key)? = parse(&text), take(&text, ","), let value = parse(&text), take(&text, ">")
            else { return nil }
            return .map(key, value)
        case "struct":
            guard take(&text, "<") else { return nil }
            var fields: [Field] = []
            repeat {
                skip(&text)
                let quoted = text.first == "`"
                if quoted { text = text.dropFirst() }
                let name = text.prefix { quoted ? $0 != "`" : !($0 == " " || $0 == ":") }
                text = text[name.endIndex...]
                if quoted { text = text.dropFirst() }
                // Doris writes a colon.
                _ = take(&text, ":")
                guard !name.isEmpty, let type = parse(&text) else { return nil }
                fields.append(Field(name: String(name), type: type))
            } while take(&text, ",")
            return take(&text, ">") ? .structure(fields) : nil
        default:
            var numbers: [Int] = []
            if text.first == "(" {
                let inside = text.dropFirst().prefix { $0 != ")" }
                numbers = inside.split { !$0.isNumber }.compactMap { Int($0) }
                text = text[inside.endIndex...].dropFirst()
            }
            return scalar(word.lowercased(), numbers).map { .scalar($0) }
        }
    }

    private static func scalar(_ word: String, _ numbers: [Int]) -> Scalar? {
        switch word {
        case "boolean", "bool": Scalar(kind: .boolean)
        case "tinyint": Scalar(kind: numbers == [1] ? .boolean : .integer(bits: 8))
        case "smallint": Scalar(kind: .integer(bits: 16))
        case "int", "integer": Scalar(kind: .integer(bits: 32))
        case "bigint": Scalar(kind: .integer(bits: 64))
        case "largeint": Scalar(kind: .wide)
        case "float": Scalar(kind: .float32)
        case "double": Scalar(kind: .float64)
        case "decimal", "decimalv2", "decimalv3", "decimal32", "decimal64", "decimal128", "decimal256":
            Scalar(kind: .decimal(precision: numbers.first ?? 38, scale: numbers.count > 1 ? numbers[1] : numbers.isEmpty ? 9 : 0))
        case "date", "datev2": Scalar(kind: .date)
        case "datetime", "datetimev2": Scalar(kind: .datetime)
        case "char", "varchar", "string", "text": Scalar(kind: .text, limit: numbers.first ?? .max)
        case "json", "jsonb": Scalar(kind: .json)
        default: nil
        }
    }
}
