import ApusCore

/// A pattern of SQL's LIKE: `%` is any run of characters, `_` is one, `\` takes the next one as it is.
public struct LikePattern: Sendable, Hashable {
    private enum Element: Sendable, Hashable { case run, one, literal(Unicode.Scalar) }

    public let text: String
    private let elements: [Element]

    /// - throws: `config.invalid` for an empty pattern.
    public init(_ text: String) throws {
        guard !text.isEmpty else {
            throw ApusError(.configurationInvalid, "an empty pattern means no table", hint: "Write e.g. --like 'bo_ods_%'.")
        }
        self.text = text
        var elements: [Element] = []
        var isEscaped = false
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\" where !isEscaped:
                isEscaped = true
                continue
            case "%" where !isEscaped: elements.append(.run)
            case "_" where !isEscaped: elements.append(.one)
            default: elements.append(.literal(scalar))
            }
            isEscaped = false
        }
        if isEscaped { elements.append(.literal("\\")) }
        self.elements = elements
    }

    /// Keeps the set of positions that can be reached, so that no pattern takes more than elements × characters.
    public func matches(_ name: String, ignoringCase: Bool = false) -> Bool {
        func folded(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
            ignoringCase ? scalar.properties.lowercaseMapping.unicodeScalars.first ?? scalar : scalar
        }
        let scalars = name.unicodeScalars.map(folded)
        var reached = [Bool](repeating: false, count: scalars.count + 1)
        reached[0] = true
        for element in elements {
            var next = [Bool](repeating: false, count: scalars.count + 1)
            for position in 0...scalars.count where reached[position] {
                switch element {
                case .run:
                    for later in position...scalars.count { next[later] = true }
                case .one: if position < scalars.count { next[position + 1] = true }
                case .literal(let own): if position < scalars.count, scalars[position] == folded(own) { next[position + 1] = true }
                }
                if case .run = element { break }
            }
            reached = next
        }
        return reached[scalars.count]
    }
}

/// The tables of a catalogue that `--like` and `--exclude` leave.
public struct TableChoice: Sendable {
    let wanted: [LikePattern]
    let excluded: [LikePattern]
    /// Views are taken too.
    let views: Bool

    /// No wanted pattern = every table.
    public init(like wanted: [LikePattern], exclude excluded: [LikePattern], views: Bool = false) {
        self.wanted = wanted
        self.excluded = excluded
        self.views = views
    }

    /// As the patterns are written; without regard to case only where that finds nothing.
    public func choose(_ tables: [TableSummary]) -> [TableSummary] {
        let known = tables.filter { views || $0.kind != .view }
        func choose(ignoringCase: Bool) -> [TableSummary] {
            known.filter { table in
                let matches = { (pattern: LikePattern) in pattern.matches(table.name.name, ignoringCase: ignoringCase) }
                return (wanted.isEmpty || wanted.contains(where: matches)) && !excluded.contains(where: matches)
            }
        }
        let exact = choose(ignoringCase: false)
        return exact.isEmpty ? choose(ignoringCase: true) : exact
    }
}
