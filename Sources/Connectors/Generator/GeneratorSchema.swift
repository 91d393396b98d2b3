import ApusCore
import Tabular

/// One generated column: its type and how its values are spread.
struct GeneratorColumn: Hashable, Sendable {
    enum Spread: Hashable, Sendable {
        /// 1, 2, 3 … by row.
        case sequence
        /// Whole numbers from the first to the second, both included.
        case uniform(Int64, Int64)
        /// The whole range of the type, or what is usual for it.
        case usual
        /// Text with characters of two, three and four octets, tabs, newlines and quotes.
        case multibyte
        /// Every row has this value.
        case constant(String)
        /// Of a float, both ends included.
        case range(Double, Double)
        /// ASCII text of so many characters.
        case length(Int, Int)
    }
    var name: String
    var type: ColumnType
    var nullable = false
    var spread = Spread.usual
}

/// The schema language of the generator: `name:type[?][=spread]`, comma-separated.
enum GeneratorSchema {
    /// The mixed schema of a bench: a key, whole and exact numbers, text of both kinds, times, NULLs.
    static func builtIn(_ count: Int) -> [GeneratorColumn] {
        let cycle: [GeneratorColumn] = [
            GeneratorColumn(name: "id", type: .int64, spread: .sequence),
            GeneratorColumn(name: "quantity", type: .int32),
            GeneratorColumn(name: "name", type: .text(length: 24)),
            GeneratorColumn(name: "price", type: .decimal(precision: 12, scale: 2)),
            GeneratorColumn(name: "score", type: .float64, nullable: true),
            GeneratorColumn(name: "note", type: .text(length: 30), nullable: true, spread: .multibyte),
            GeneratorColumn(name: "created_at", type: .timestamp(precision: 6)),
            GeneratorColumn(name: "born", type: .date),
            GeneratorColumn(name: "status", type: .integer(bits: 8, unsigned: false), spread: .uniform(0, 9)),
            GeneratorColumn(name: "payload", type: .text(length: 60)),
        ]
        return (0..<count).map { index in
            var column = cycle[index % cycle.count]
            if index >= cycle.count {
                column.name += "_\(index / cycle.count + 1)"
                if column.spread == .sequence { column.spread = .usual }
            }
            return column
        }
    }

    /// - throws: `config.invalid` that names the column.
    static func parse(_ text: String) throws -> [GeneratorColumn] {
        var columns: [GeneratorColumn] = []
        var names: Set<String> = []
        for part in split(text, ",") {
            let column = try parseColumn(part.trimmingSpaces())
            if !names.insert(column.name).inserted {
                throw ApusError(.configurationInvalid, "schema: there are two columns `\(column.name)`")
            }
            columns.append(column)
        }
        guard !columns.isEmpty else { throw ApusError(.configurationInvalid, "schema: there are no columns") }
        return columns
    }

    private static func parseColumn(_ part: Substring) throws -> GeneratorColumn {
        func fault(_ why: String) -> ApusError {
            ApusError(
                .configurationInvalid, "schema: `\(part)`: \(why)",
                hint:
                    "Write name:type, e.g. id:int64=sequence,name:text(20)?,price:decimal(10,2),n:int32=uniform(1,100)."
            )
        }
        guard let colon = part.firstIndex(of: ":"), colon > part.startIndex else {
            throw fault("a column is name:type")
        }
        var rest = part[part.index(after: colon)...]
        var spread: Substring?
        if let equals = rest.firstIndex(of: "=") {
            spread = rest[rest.index(after: equals)...].trimmingSpaces()
            rest = rest[..<equals]
        }
        rest = rest.trimmingSpaces()
        let nullable = rest.hasSuffix("?")
        if nullable { rest = rest.dropLast().trimmingSpaces() }
        let (word, arguments) = try call(rest) ?? { throw fault("the parentheses are not closed") }()
        let sizes = arguments.compactMap { Int($0) }
        guard sizes.count == arguments.count else { throw fault("the parentheses hold no numbers") }
        guard let type = type(word, sizes) else {
            throw fault(
                Nearest.name(to: word, among: typeNames).map { "unknown type `\(word)`; did you mean `\($0)`?" }
                    ?? "unknown type `\(rest)`, or its size is out of range")
        }
        var column = GeneratorColumn(name: String(part[..<colon].trimmingSpaces()), type: type, nullable: nullable)
        if let spread {
            column.spread = try self.spread(spread, type) ?? { throw fault("unknown spread `\(spread)` for \(type)") }()
        } else if column.name.lowercased() == "id", case .integer = type, !nullable {
            column.spread = .sequence
        }
        return column
    }

    private static func spread(_ text: Substring, _ type: ColumnType) throws -> GeneratorColumn.Spread? {
        guard let (word, texts) = call(text) else { return nil }
        if word == "constant" {
            guard texts.count == 1 else { return nil }
            return constant(texts[0], type)
        }
        if word == "range", case .float = type {
            guard texts.count == 2, let low = Double(texts[0]), let high = Double(texts[1]), low.isFinite, high.isFinite, low <= high
            else { return nil }
            return .range(low, high)
        }
        if word == "between" { return between(texts, type) }
        let arguments = texts.compactMap { Int64($0) }
        guard arguments.count == texts.count else { return nil }
        switch (word, type) {
        case ("length", .text):
            guard arguments.count == 2, arguments[0] >= 0, arguments[0] <= arguments[1], arguments[1] <= 10_000_000 else { return nil }
            return .length(Int(arguments[0]), Int(arguments[1]))
        case ("sequence", .integer): return .sequence
        case ("random", _): return .usual
        case ("multibyte", .text): return .multibyte
        case ("uniform", .integer(let bits, let unsigned)):
            guard arguments.count == 2, arguments[0] <= arguments[1] else { return nil }
            let low = unsigned ? 0 : bits == 64 ? Int64.min : -(1 << Int64(bits - 1))
            let high = bits == 64 ? Int64.max : 1 << Int64(unsigned ? bits : bits - 1) - 1
            guard arguments[0] >= low, arguments[1] <= high else { return nil }
            return .uniform(arguments[0], arguments[1])
        default: return nil
        }
    }

    private static let typeNames = [
        "boolean", "int8", "int16", "int24", "int32", "int64", "uint8", "uint16", "uint24", "uint32", "uint64",
        "float32",
        "float64", "decimal", "text", "bytes", "date", "time", "duration", "timestamp", "instant", "json", "uuid",
        "bits",
    ]

    private static func type(_ word: String, _ sizes: [Int]) -> ColumnType? {
        func length(_ limit: Int = 100_000_000) -> Int?? {
            sizes.isEmpty ? .some(nil) : sizes.count == 1 && (1...limit).contains(sizes[0]) ? sizes[0] : nil
        }
        func precision() -> Int? {
            sizes.isEmpty ? 6 : sizes.count == 1 && (0...6).contains(sizes[0]) ? sizes[0] : nil
        }
        switch word {
        case "text": return length().map { .text(length: $0) }
        case "bytes": return length().map { .bytes(length: $0) }
        case "bits": return length().map { .bits(length: $0) }
        case "decimal":
            guard sizes.count <= 2 else { return nil }
            let digits = sizes.first ?? 18
            let scale = sizes.count == 2 ? sizes[1] : sizes.isEmpty ? 2 : 0
            return (1...1000).contains(digits) && (0...digits).contains(scale)
                ? .decimal(precision: digits, scale: scale) : nil
        case "time": return precision().map { .time(precision: $0) }
        case "duration": return precision().map { .duration(precision: $0) }
        case "timestamp", "datetime": return precision().map { .timestamp(precision: $0) }
        case "instant", "timestamptz": return precision().map { .instant(precision: $0) }
        default: break
        }
        guard sizes.isEmpty else { return nil }
        switch word {
        case "boolean", "bool": return .boolean
        case "int8", "int16", "int24", "int32", "int64": return .integer(bits: Int(word.dropFirst(3))!, unsigned: false)
        case "uint8", "uint16", "uint24", "uint32", "uint64":
            return .integer(bits: Int(word.dropFirst(4))!, unsigned: true)
        case "float32": return .float(bits: 32)
        case "float64", "double": return .float64
        case "date": return .date
        case "json": return .json
        case "uuid": return .uuid
        default: return nil
        }
    }

    /// A value that the type holds.
    private static func constant(_ text: String, _ type: ColumnType) -> GeneratorColumn.Spread? {
        var text = text
        let isValue = text.withUTF8 { bytes in
            switch type {
            case .text, .json: true
            case .boolean: Parse.boolean(bytes) != nil
            case .integer(_, unsigned: true): Parse.unsigned(bytes) != nil
            case .integer: Parse.integer(bytes) != nil
            case .float: Parse.double(bytes) != nil
            case .decimal: Parse.isDecimal(bytes)
            case .date: Parse.date(bytes) != nil
            case .timestamp: Parse.timestamp(bytes) != nil
            default: false
            }
        }
        return isValue ? .constant(text) : nil
    }

    /// Points in time from the first to the second.
    private static func between(_ texts: [String], _ type: ColumnType) -> GeneratorColumn.Spread? {
        let values = texts.compactMap { text -> Int64? in
            var text = text
            return text.withUTF8 { type == .date ? Parse.date($0) : Parse.timestamp($0) }
        }
        guard values.count == 2, texts.count == 2, values[0] <= values[1] else { return nil }
        switch type {
        case .date, .timestamp: return .uniform(values[0], values[1])
        default: return nil
        }
    }

    /// `word(1,'two')` taken apart; a quote within quotes is doubled.
    private static func call(_ text: Substring) -> (word: String, arguments: [String])? {
        guard let open = text.firstIndex(of: "(") else { return (text.lowercased(), []) }
        guard text.hasSuffix(")") else { return nil }
        let inside = split(String(text[text.index(after: open)...].dropLast()), ",").map { $0.trimmingSpaces() }
        let arguments = inside.map { argument -> String in
            guard argument.count >= 2, argument.first == "'", argument.last == "'" else { return String(argument) }
            return String(argument.dropFirst().dropLast()).replacing("''", with: "'")
        }
        return (text[..<open].trimmingSpaces().lowercased(), arguments)
    }

    /// Parts between separators that stand in no parentheses and quotes.
    private static func split(_ text: String, _ separator: Character) -> [Substring] {
        var parts: [Substring] = []
        var depth = 0
        var isQuoted = false
        var start = text.startIndex
        for index in text.indices {
            switch text[index] {
            case "'": isQuoted.toggle()
            case _ where isQuoted: continue
            case "(": depth += 1
            case ")": depth -= 1
            case separator where depth == 0:
                parts.append(text[start..<index])
                start = text.index(after: index)
            default: break
            }
        }
        parts.append(text[start...])
        return parts.filter { !$0.allSatisfy(\.isWhitespace) }
    }
}

extension Substring {
    fileprivate func trimmingSpaces() -> Substring {
        var text = self
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
