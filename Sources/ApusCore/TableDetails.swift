import Tabular

/// A CHECK constraint.
public struct CheckShape: Hashable, Sendable, Codable {
    public var name: String
    /// In the origin's SQL, without the word CHECK and the parentheses around it.
    public var condition: String
    /// The same, where it means the same everywhere; nil = only the origin understands it.
    public var meaning: Condition?
    /// The column that it is declared with; nil = the table's own.
    public var column: String?
    /// False when rows may break it: NOT VALID, NOT ENFORCED.
    public var isEnforced = true

    public init(name: String, condition: String, meaning: Condition? = nil, column: String? = nil, isEnforced: Bool = true) {
        self.name = name
        self.condition = condition
        self.meaning = meaning
        self.column = column
        self.isEnforced = isEnforced
    }
}

/// How the counter behind a column counts; nil = as the system does by itself.
public struct CounterShape: Hashable, Sendable, Codable {
    /// GENERATED ALWAYS: a statement may not give the value.
    public var isAlways = false
    /// `INCREMENT BY 5 MINVALUE 1 …`: what differs from the system's own way, in the origin's SQL.
    public var options: String?
    /// The number that the next row gets; nil = unknown, or the first.
    public var next: String?
    /// A sequence that belongs to no column and may serve several.
    public var shared: String?

    public init(isAlways: Bool = false, options: String? = nil, next: String? = nil, shared: String? = nil) {
        self.isAlways = isAlways
        self.options = options
        self.next = next
        self.shared = shared
    }

    var isEmpty: Bool { self == CounterShape() }
}

/// A type that a user has made, as far as it can be made again.
public struct UserType: Hashable, Sendable, Codable {
    /// As columns name it.
    public var name: String
    /// The origin's statement that makes it; nil = it has to be there.
    public var statement: String?

    public init(name: String, statement: String?) {
        self.name = name
        self.statement = statement
    }
}

/// Something of a table that its columns, keys and indexes do not say: partitions, triggers, policies, storage.
public struct TableTrait: Hashable, Sendable, Codable {
    /// For people: `the trigger film_insert`.
    public var title: String
    /// The origin's statement that gives it to a new table that is still empty; ``place`` stands for the quoted name.
    /// nil = it cannot be carried over.
    public var statement: String?
    /// It says how rows are kept, not what they mean.
    public var isStorage: Bool
    /// No other system has a use for it, so that nothing is said where it is left out.
    public var isLocal: Bool?

    public static let place = "{table}"

    public init(_ title: String, statement: String? = nil, isStorage: Bool = false) {
        self.title = title
        self.statement = statement
        self.isStorage = isStorage
    }

    public func statement(for quoted: String) -> String? { statement?.replacing(Self.place, with: quoted) }
}

extension TableShape {
    /// Statements that give a table of the same system its traits.
    public func traitStatements(for quoted: String) -> [String] { (traits ?? []).compactMap { $0.statement(for: quoted) } }

    /// Gives up what only the origin understands.
    mutating func leaveOrigin() {
        traits = nil
        primaryKeyDefinition = nil
        for index in columns.indices {
            columns[index].collation = nil
            columns[index].onUpdate = nil
            columns[index].userType = nil
            columns[index].labels = nil
            columns[index].invisible = false
            columns[index].counter = columns[index].counter.map { CounterShape(next: $0.next) }
        }
        for index in foreignKeys.indices { foreignKeys[index].timing = nil }
        indexes = indexes.compactMap { index in
            guard !index.columns.isEmpty else { return nil }
            var plain = index
            plain.definition = nil
            plain.constraint = nil
            return plain
        }
    }
}

extension ColumnType {
    /// Characters, of whatever length.
    public var isCharacters: Bool { if case .text = self { true } else { false } }
}
