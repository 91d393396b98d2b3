import Tabular

/// A change to one column, or a test on it, that every row passes between reading and loading: DataX's transformers.
///
/// Only DataX jobs have them; a flow file has SQL expressions of the source instead. Lengths and positions count
/// UTF-16 code units, as Java does. What a change makes is text; a row that it fails on is rejected, a row that a
/// filter matches is dropped. The meaning of each is DataX's (its `core/transport/transformer` package).
public struct Transform: Sendable, Hashable, Codable {
    /// Position among the columns that are read, 0-based.
    public var column: Int
    public var change: Change

    public init(column: Int, _ change: Change) {
        self.column = column
        self.change = change
    }

    public enum Change: Sendable, Hashable, Codable {
        /// `dx_substr`: `length` units from `start` on, fewer at the end of the text. NULL stays NULL; a start behind
        /// the end is a fault of the row.
        case substring(start: Int, length: Int)
        /// `dx_pad`: exactly `length` units, cut at the end or filled up with `filler`, again and again. NULL counts as
        /// the empty text.
        case pad(Side, length: Int, filler: String)
        /// `dx_replace`: `length` units from `start` on become `text`. NULL stays NULL; a start behind the end is a
        /// fault of the row.
        case replace(start: Int, length: Int, text: String)
        /// `dx_filter`: drops the rows that compare so with `value`.
        case filter(Comparison, value: String)
        /// `dx_digest`: the value's digest in hexadecimal digits. NULL counts as the empty text.
        case digest(Algorithm, uppercase: Bool)
    }

    public enum Side: String, Sendable, Codable { case left = "l", right = "r" }

    public enum Algorithm: String, Sendable, Codable { case md5, sha1 }

    /// Numbers compare as numbers, dates and times as milliseconds since 1970, everything else as text, unit by unit.
    /// `like` is a regular expression that the whole text must match.
    public enum Comparison: String, Sendable, Codable {
        case like
        case notLike = "not like"
        case greater = ">"
        case less = "<"
        case equal = "="
        case notEqual = "!="
        case atLeast = ">="
        case atMost = "<="
    }

    /// The longest text that ``Change/pad(_:length:filler:)`` makes, in UTF-16 code units.
    public static let longestPad = 1 << 24

    /// DataX's name: `dx_substr`.
    public var name: String { change.name }

    /// Whether the column is text afterwards.
    public var makesText: Bool { change.makesText }

    /// The columns after the transforms.
    /// - throws: `config.invalid` for a column that is not there.
    public static func applied(_ transforms: [Transform], to schema: Schema) throws(ApusError) -> Schema {
        var changed = schema
        for transform in transforms {
            guard schema.columns.indices.contains(transform.column) else {
                throw ApusError(
                    .configurationInvalid,
                    "columnIndex[\(transform.column)] out of bound[\(schema.count)]. name=\(transform.name)",
                    hint: "Columns are counted from 0.")
            }
            changed.columns[transform.column].type = transform.type(after: changed[transform.column].type)
        }
        return changed
    }

    /// What a column of that type is afterwards: text, with a length where one can be told.
    public func type(after type: ColumnType) -> ColumnType {
        let before: Int? = if case .text(let length) = type { length } else { nil }
        let length: Int? =
            switch change {
            case .filter: nil
            case .substring(_, let length): min(length, before ?? length)
            case .pad(_, let length, _): length
            // Two more, because a character cut in half becomes two question marks.
            case .replace(_, let length, let text): before.map { $0 + text.unicodeScalars.count + 2 + max(0, -length) }
            case .digest(let algorithm, _): algorithm == .md5 ? 32 : 40
            }
        guard makesText else { return type }
        return .text(length: length.flatMap { $0 > 4000 ? nil : max(1, $0) })
    }
}

extension Transform: CustomStringConvertible {
    /// `dx_substr(0, 10)`.
    public var description: String {
        switch change {
        case .substring(let start, let length): "\(name)(\(start), \(length))"
        case .pad(let side, let length, let filler): "\(name)(\(side.rawValue), \(length), '\(filler)')"
        case .replace(let start, let length, let text): "\(name)(\(start), \(length), '\(text)')"
        case .filter(let comparison, let value): "\(name)(\(comparison.rawValue), '\(value)')"
        case .digest(let algorithm, let uppercase):
            "\(name)(\(algorithm.rawValue), \(uppercase ? "toUpperCase" : "toLowerCase"))"
        }
    }
}

extension Transform.Change {
    public var makesText: Bool { if case .filter = self { false } else { true } }

    public var name: String {
        switch self {
        case .substring: "dx_substr"
        case .pad: "dx_pad"
        case .replace: "dx_replace"
        case .filter: "dx_filter"
        case .digest: "dx_digest"
        }
    }
}

/// A transformer as a DataX job spells it.
extension Transform {
    /// - parameter name: `dx_substr`, `dx_pad`, `dx_replace`, `dx_filter` or `dx_digest`.
    /// - parameter column: `parameter.columnIndex`.
    /// - parameter parameters: `parameter.paras`.
    /// - throws: `config.invalid` or `unsupported`, for what DataX would refuse and for what would make every row dirty.
    public init(named name: String, column: Int?, parameters: [String]) throws(ApusError) {
        let change = try Change(named: name, parameters)
        guard let column else {
            throw Self.invalid(name, "it needs a `columnIndex`", "Give the position of the column, counted from 0.")
        }
        guard column >= 0 else {
            throw Self.invalid(name, "columnIndex \(column) is no position", "Columns are counted from 0.")
        }
        self.init(column: column, change)
    }

    /// The names that ``init(named:column:parameters:)`` knows.
    public static let names = ["dx_substr", "dx_pad", "dx_replace", "dx_filter", "dx_digest"]

    fileprivate static func invalid(_ name: String, _ what: String, _ hint: String? = nil) -> ApusError {
        ApusError(.configurationInvalid, "transformer \(name): \(what)", hint: hint)
    }
}

extension Transform.Change {
    init(named name: String, _ parameters: [String]) throws(ApusError) {
        let words = Words(name, parameters)
        switch name {
        case "dx_substr":
            try words.expect(["start", "length"])
            self = .substring(start: try words.number(0, atLeast: 0), length: try words.number(1, atLeast: 0))
        case "dx_pad":
            try words.expect(["l or r", "length", "filler"])
            let side = try words.choice(0, Transform.Side.left, .right)
            let length = try words.number(1, atLeast: 0)
            guard length <= Transform.longestPad else {
                throw words.invalid("length \(length) is more than \(Transform.longestPad)")
            }
            guard !parameters[2].isEmpty else {
                throw words.invalid("the text to fill up with is empty", "Give at least one character, e.g. a space.")
            }
            self = .pad(side, length: length, filler: parameters[2])
        case "dx_replace":
            try words.expect(["start", "length", "text"])
            let start = try words.number(0, atLeast: 0)
            // A negative length keeps units in front of the start: Java lets it pass as far as the text begins.
            self = .replace(start: start, length: try words.number(1, atLeast: -start), text: parameters[2])
        case "dx_filter":
            try words.expect(["operator", "value"])
            let spelled = parameters[0].lowercased()
            guard let comparison = Transform.Comparison(rawValue: spelled == "==" ? "=" : spelled) else {
                throw words.invalid(
                    "there is no operator `\(parameters[0])`", "It is one of like, not like, >, <, =, !=, >=, <=.")
            }
            guard !parameters[1].isEmpty else { throw words.invalid("the value to compare with is empty") }
            self = .filter(comparison, value: parameters[1])
        case "dx_digest":
            try words.expect(["md5 or sha1", "toUpperCase or toLowerCase"])
            let algorithm = try words.choice(0, Transform.Algorithm.md5, .sha1)
            self = .digest(algorithm, uppercase: try words.choice(1, Letters.upper, .lower) == .upper)
        case "dx_groovy":
            throw ApusError(
                .unsupported, "transformer dx_groovy: Apus runs no Groovy code",
                hint:
                    "Say the same as SQL of the source: an expression in the reader's `column`, or a `querySql`; a condition on rows is a `where`."
            )
        default:
            let near = Nearest.name(to: name, among: Transform.names)
            throw ApusError(
                .unsupported, "there is no transformer `\(name)`",
                hint: (near.map { "Did you mean `\($0)`? " } ?? "") + "There are \(Transform.names.joined(separator: ", ")).")
        }
    }

    private enum Letters: String {
        case upper = "toUpperCase"
        case lower = "toLowerCase"
    }

    /// The parameters of one transformer, for reading and for complaints.
    private struct Words {
        let name: String
        let texts: [String]

        init(_ name: String, _ texts: [String]) {
            self.name = name
            self.texts = texts
        }

        func invalid(_ what: String, _ hint: String? = nil) -> ApusError { Transform.invalid(name, what, hint) }

        func expect(_ titles: [String]) throws(ApusError) {
            guard texts.count == titles.count else {
                throw invalid(
                    "`paras` has \(texts.count) entries, it takes \(titles.count): \(titles.joined(separator: ", "))")
            }
        }

        func number(_ index: Int, atLeast least: Int) throws(ApusError) -> Int {
            guard let number = Int32(texts[index]) else { throw invalid("`\(texts[index])` is no whole number") }
            guard number >= least else { throw invalid("\(number) is less than \(least)") }
            return Int(number)
        }

        func choice<Choice: RawRepresentable<String>>(_ index: Int, _ choices: Choice...) throws(ApusError) -> Choice {
            let spelled = texts[index].lowercased()
            if let choice = choices.first(where: { $0.rawValue.lowercased() == spelled }) { return choice }
            throw invalid(
                "`\(texts[index])` is not \(choices.map { "`\($0.rawValue)`" }.joined(separator: " or "))")
        }
    }
}

// Plans that were written without transforms have none, and plans without transforms do not speak of them.
extension KeyedDecodingContainer {
    public func decode(_ type: [Transform].Type, forKey key: Key) throws -> [Transform] {
        try decodeIfPresent(type, forKey: key) ?? []
    }
}

extension KeyedEncodingContainer {
    public mutating func encode(_ transforms: [Transform], forKey key: Key) throws {
        if !transforms.isEmpty { try encodeIfPresent(transforms, forKey: key) }
    }
}
