import Tabular

/// A table's name or a pattern of names, as a user writes it: `orders`, `sales.*`, `customer_?`, `log_[a-f]`,
/// `orders_[00-31]`, `"my.schema".t*`.
///
/// - `*` is any run of characters, `?` is one, `[a-z_]` one of a set, `[!a-z]` one outside it.
/// - `[00-31]` is a number of that range: with as many digits as its ends when both have equally many, else without
///   leading zeros (`[8-12]`).
/// - The first dot outside quotes parts schema and name. Between `"…"` or `` `…` `` everything is itself, and a doubled
///   quote is one.
///
/// Names are compared as they are written, character by character; ``TableSelection`` falls back to ignoring case
/// where that finds nothing.
public struct TablePattern: Hashable, Sendable {
    /// One character or more of a name.
    enum Element: Hashable, Sendable {
        case literal(Unicode.Scalar)
        case one
        case run
        case set([ClosedRange<Unicode.Scalar>], negated: Bool)
        /// A whole number; `digits` fixes how many it has.
        case number(ClosedRange<Int>, digits: Int?)
    }

    /// As it was written.
    public let text: String
    let schemaPart: [Element]?
    let namePart: [Element]
    /// The whole text as one name, for names that hold a dot (files): nil where that says nothing new.
    let wholePart: [Element]?

    /// - throws: `config.invalid` for an empty name, an open quote or bracket, or an empty set.
    public init(_ text: String) throws {
        self.text = text
        var scanner = PatternScanner(text)
        let first = try scanner.part(stopsAtDot: true)
        if scanner.atDot {
            scanner.skipDot()
            schemaPart = first
            namePart = try scanner.part(stopsAtDot: false)
            if first.isEmpty || namePart.isEmpty { throw scanner.fault("a part beside the dot is empty") }
            var whole = PatternScanner(text)
            wholePart = scanner.sawQuote ? nil : try whole.part(stopsAtDot: false)
        } else {
            schemaPart = nil
            namePart = first
            wholePart = nil
            if first.isEmpty { throw scanner.fault("it is empty") }
        }
    }

    /// Whether it is a plain name that can mean one table only.
    public var isExact: Bool {
        Self.literal(namePart) != nil && (schemaPart == nil || schemaPart.flatMap(Self.literal) != nil)
    }

    /// The name, when ``isExact``.
    public var exactName: TableName? {
        guard isExact, let name = Self.literal(namePart) else { return nil }
        return TableName(schema: schemaPart.flatMap(Self.literal), name)
    }

    /// The schema it asks for by plain name: one that a planner has to list beside the connection's own.
    public var schema: String? { schemaPart.flatMap(Self.literal) }

    /// Whether the schema is a pattern itself, as in `*.orders`.
    public var hasSchemaPattern: Bool { schemaPart != nil && schema == nil }

    /// Whether it may mean tables of a schema that it does not name plainly.
    public func matches(schema: String) -> Bool { hasSchemaPattern && schemaPart.map { Self.match($0, schema, false) } == true }

    /// Whether it means a table.
    ///
    /// - parameter own: the connection's own schema. A table without a schema lies there, and a pattern without one
    ///   means only tables there; nil = not known, and such a pattern means tables of every schema.
    public func matches(_ table: TableName, own: String? = nil, ignoringCase: Bool = false) -> Bool {
        let match = { (elements: [Element], text: String) in Self.match(elements, text, ignoringCase) }
        let schema = table.schema ?? own
        if let schemaPart {
            if let schema, match(schemaPart, schema), match(namePart, table.name) { return true }
            guard let wholePart, table.schema == nil else { return false }
            return match(wholePart, table.name)
        }
        if let own, let schema, schema != own { return false }
        return match(namePart, table.name)
    }

    private static func literal(_ elements: [Element]) -> String? {
        var text = String.UnicodeScalarView()
        for element in elements {
            guard case .literal(let scalar) = element else { return nil }
            text.append(scalar)
        }
        return String(text)
    }

    /// Keeps the set of positions that can be reached, so that no pattern takes more than elements × characters.
    private static func match(_ elements: [Element], _ text: String, _ ignoringCase: Bool) -> Bool {
        let scalars = Array((ignoringCase ? text.lowercased() : text).unicodeScalars)
        var reached = [Bool](repeating: false, count: scalars.count + 1)
        reached[0] = true
        for element in elements {
            var next = [Bool](repeating: false, count: scalars.count + 1)
            for position in 0...scalars.count where reached[position] {
                switch element {
                case .run:
                    for later in position...scalars.count { next[later] = true }
                case .number(let range, let digits):
                    var value = 0
                    var end = position
                    while end < scalars.count, let digit = digit(scalars[end]), end - position < 18 {
                        value = value * 10 + digit
                        end += 1
                        let length = end - position
                        let isPlain = length == 1 || scalars[position] != "0"
                        if range.contains(value), digits == length || (digits == nil && isPlain) { next[end] = true }
                    }
                default:
                    if position < scalars.count, element.takes(scalars[position], ignoringCase) { next[position + 1] = true }
                }
                if case .run = element { break }
            }
            reached = next
        }
        return reached[scalars.count]
    }

    static func digit(_ scalar: Unicode.Scalar) -> Int? {
        scalar.value >= 48 && scalar.value <= 57 ? Int(scalar.value) - 48 : nil
    }
}

extension TablePattern.Element {
    fileprivate func takes(_ scalar: Unicode.Scalar, _ ignoringCase: Bool) -> Bool {
        switch self {
        case .one: return true
        case .literal(let own):
            if own == scalar { return true }
            return ignoringCase && own.properties.lowercaseMapping.unicodeScalars.elementsEqual([scalar])
        case .set(let ranges, let negated):
            let upper = ignoringCase ? scalar.properties.uppercaseMapping.unicodeScalars.first : nil
            let isIn = ranges.contains { range in range.contains(scalar) || (upper.map(range.contains) ?? false) }
            return isIn != negated
        case .run, .number: return false
        }
    }
}

extension TablePattern: CustomStringConvertible {
    public var description: String { text }
}

/// Reads the parts of a pattern.
struct PatternScanner {
    private let text: String
    private let scalars: [Unicode.Scalar]
    private var position = 0
    private(set) var sawQuote = false

    init(_ text: String) {
        self.text = text
        scalars = Array(text.unicodeScalars)
    }

    var atDot: Bool { position < scalars.count && scalars[position] == "." }
    mutating func skipDot() { position += 1 }

    func fault(_ what: String) -> ApusError {
        ApusError(
            .configurationInvalid, "`\(text)` is no table name or pattern: \(what)",
            hint: "Write e.g. orders, sales.*, customer_?, orders_[00-31] or \"name.with.dot\".")
    }

    mutating func part(stopsAtDot: Bool) throws -> [TablePattern.Element] {
        var elements: [TablePattern.Element] = []
        while position < scalars.count {
            let scalar = scalars[position]
            switch scalar {
            case "." where stopsAtDot: return elements
            case "\"", "`": elements += try quoted(scalar)
            case "*": elements.append(.run)
            case "?": elements.append(.one)
            case "[": elements.append(try bracket())
            default: elements.append(.literal(scalar))
            }
            position += 1
        }
        return elements
    }

    /// Leaves the position on the closing quote.
    private mutating func quoted(_ quote: Unicode.Scalar) throws -> [TablePattern.Element] {
        sawQuote = true
        var elements: [TablePattern.Element] = []
        position += 1
        while position < scalars.count {
            if scalars[position] == quote {
                guard position + 1 < scalars.count, scalars[position + 1] == quote else { return elements }
                position += 1
            }
            elements.append(.literal(scalars[position]))
            position += 1
        }
        throw fault("a quote is not closed")
    }

    /// Leaves the position on the closing bracket.
    private mutating func bracket() throws -> TablePattern.Element {
        guard let close = scalars[position...].firstIndex(of: "]") else { throw fault("a `[` is not closed") }
        var inside = scalars[(position + 1)..<close]
        position = close
        if let number = try number(inside) { return number }
        let negated = inside.first == "!" || inside.first == "^"
        if negated { inside = inside.dropFirst() }
        if inside.isEmpty { throw fault("the set in `[]` is empty") }
        var ranges: [ClosedRange<Unicode.Scalar>] = []
        while let low = inside.popFirst() {
            if inside.first == "-", inside.count > 1 {
                inside = inside.dropFirst()
                let high = inside.removeFirst()
                if high < low { throw fault("the range `\(low)-\(high)` runs backwards") }
                ranges.append(low...high)
            } else {
                ranges.append(low...low)
            }
        }
        return .set(ranges, negated: negated)
    }

    /// `00-31` and `8-12`, but not `0-9`, which is a set.
    private func number(_ inside: ArraySlice<Unicode.Scalar>) throws -> TablePattern.Element? {
        let ends = inside.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, ends.allSatisfy({ !$0.isEmpty && $0.allSatisfy { TablePattern.digit($0) != nil } }),
            ends[0].count + ends[1].count > 2
        else { return nil }
        guard ends.allSatisfy({ $0.count <= 18 }) else { throw fault("the numbers in `[]` are too long") }
        let values = ends.map { $0.reduce(0) { $0 * 10 + (TablePattern.digit($1) ?? 0) } }
        if values[1] < values[0] { throw fault("the range in `[]` runs backwards") }
        return .number(values[0]...values[1], digits: ends[0].count == ends[1].count ? ends[0].count : nil)
    }
}
