import Tabular

/// A condition on the columns of one row, as far as it means the same in every system.
public indirect enum Condition: Hashable, Sendable, Codable {
    case column(String)
    /// Digits as they were written.
    case number(String)
    case text(String)
    case boolean(Bool)
    case null
    case negative(Condition)
    /// `+ - * = <> < <= > >=`.
    case binary(Condition, String, Condition)
    case all([Condition])
    case any([Condition])
    case not(Condition)
    case isNull(Condition)
    case among(Condition, [Condition])
    case between(Condition, Condition, Condition)
    /// One of ``functions``.
    case call(String, [Condition])

    /// Functions that all systems have; `char_length` goes by several names.
    public static let functions: Set<String> = ["abs", "coalesce", "char_length", "lower", "upper"]

    /// The columns in it.
    public var columns: Set<String> {
        switch self {
        case .column(let name): [name]
        case .number, .text, .boolean, .null: []
        case .negative(let one), .not(let one), .isNull(let one): one.columns
        case .binary(let one, _, let other): one.columns.union(other.columns)
        case .all(let each), .any(let each), .call(_, let each): each.reduce(into: []) { $0.formUnion($1.columns) }
        case .among(let one, let others): others.reduce(into: one.columns) { $0.formUnion($1.columns) }
        case .between(let one, let low, let high): one.columns.union(low.columns).union(high.columns)
        }
    }

    /// Whether the result depends on how texts compare: with or without regard to case. All compare with the empty text alike.
    public func comparesText(_ isText: (String) -> Bool) -> Bool {
        switch self {
        case .column, .number, .text, .boolean, .null: return false
        case .negative(let one), .not(let one), .isNull(let one): return one.comparesText(isText)
        case .binary(let one, let sign, let other):
            if Self.comparisons.contains(sign), Self.areTexts([one, other], isText) { return true }
            return one.comparesText(isText) || other.comparesText(isText)
        case .all(let each), .any(let each), .call(_, let each): return each.contains { $0.comparesText(isText) }
        case .among(let one, let others): return Self.areTexts([one] + others, isText)
        case .between(let one, let low, let high): return Self.areTexts([one, low, high], isText)
        }
    }

    static let comparisons: Set<String> = ["=", "<>", "<", "<=", ">", ">="]

    private static func areTexts(_ each: [Condition], _ isText: (String) -> Bool) -> Bool {
        let constants = each.filter { if case .text = $0 { true } else { false } }
        if !constants.isEmpty, constants.allSatisfy({ $0 == .text("") }) { return false }
        return each.contains { one in
            switch one {
            case .column(let name): isText(name)
            case .call("lower", _), .call("upper", _): true
            default: false
            }
        }
    }

    /// As SQL.
    /// - parameter column: the column's SQL; true = its text is compared.
    public func sql(
        _ dialect: any Dialect, isText: (String) -> Bool, lengthName: String = "char_length", column: (String, _ isCompared: Bool) -> String
    ) -> String {
        func write(_ one: Condition, _ isCompared: Bool = false) -> String {
            switch one {
            case .column(let name): return column(name, isCompared && isText(name))
            case .number(let digits): return digits
            case .text(let text): return dialect.literal(text)
            case .boolean(let value): return value ? "TRUE" : "FALSE"
            case .null: return "NULL"
            case .negative(let one): return "(- \(write(one)))"
            case .binary(let one, let sign, let other):
                let isCompared = Self.comparisons.contains(sign) && Self.areTexts([one, other], isText)
                return "(\(write(one, isCompared)) \(sign) \(write(other, isCompared)))"
            case .all(let each): return "(" + each.map { write($0) }.joined(separator: " AND ") + ")"
            case .any(let each): return "(" + each.map { write($0) }.joined(separator: " OR ") + ")"
            case .not(let one): return "(NOT \(write(one)))"
            case .isNull(let one): return "(\(write(one)) IS NULL)"
            case .among(let one, let others):
                let isCompared = Self.areTexts([one] + others, isText)
                return "(\(write(one, isCompared)) IN (\(others.map { write($0) }.joined(separator: ", "))))"
            case .between(let one, let low, let high):
                return "(\(write(one, Self.areTexts([one, low, high], isText))) BETWEEN \(write(low)) AND \(write(high)))"
            case .call(let name, let arguments):
                return (name == "char_length" ? lengthName : name) + "(" + arguments.map { write($0) }.joined(separator: ", ") + ")"
            }
        }
        return write(self)
    }

    /// The same condition on columns of other names.
    public func renamed(_ name: (String) -> String) -> Condition {
        switch self {
        case .column(let own): .column(name(own))
        case .number, .text, .boolean, .null: self
        case .negative(let one): .negative(one.renamed(name))
        case .not(let one): .not(one.renamed(name))
        case .isNull(let one): .isNull(one.renamed(name))
        case .binary(let one, let sign, let other): .binary(one.renamed(name), sign, other.renamed(name))
        case .all(let each): .all(each.map { $0.renamed(name) })
        case .any(let each): .any(each.map { $0.renamed(name) })
        case .call(let function, let each): .call(function, each.map { $0.renamed(name) })
        case .among(let one, let others): .among(one.renamed(name), others.map { $0.renamed(name) })
        case .between(let one, let low, let high): .between(one.renamed(name), low.renamed(name), high.renamed(name))
        }
    }
}
