import Tabular

extension TableWish {
    /// This wish where it says something, `base` where it does not, key by key. Lists replace each other as a whole;
    /// `rename` and `types` are joined, this wish's entries winning. ``skip`` and ``subject`` are this wish's own.
    public func merged(over base: TableWish) -> TableWish {
        var merged = self
        merged.to = to ?? base.to
        merged.mode = mode ?? base.mode
        merged.create = create ?? base.create
        merged.filter = filter ?? base.filter
        merged.columns = columns ?? base.columns
        if exclude.isEmpty { merged.exclude = base.exclude }
        merged.rename = base.rename.merging(rename) { $1 }
        merged.types = base.types.merging(types) { $1 }
        merged.key = key ?? base.key
        merged.watermark = watermark ?? base.watermark
        merged.gonePartitions = gonePartitions ?? base.gonePartitions
        merged.slices = slices ?? base.slices
        merged.sliceBy = sliceBy ?? base.sliceBy
        merged.withIndexes = withIndexes ?? base.withIndexes
        merged.withForeignKeys = withForeignKeys ?? base.withForeignKeys
        if transforms.isEmpty { merged.transforms = base.transforms }
        if before.isEmpty { merged.before = base.before }
        if after.isEmpty { merged.after = base.after }
        if members.isEmpty { merged.members = base.members }
        merged.positional = positional || base.positional
        merged.targets = targets ?? base.targets
        merged.alias = alias ?? base.alias
        merged.window = window ?? base.window
        merged.isIncrement = isIncrement || base.isIncrement
        merged.days = days ?? base.days
        merged.duplicates = duplicates ?? base.duplicates
        merged.emptyIsNull = emptyIsNull || base.emptyIsNull
        merged.isShared = isShared || base.isShared
        merged.rounds = rounds || base.rounds
        merged.place = place ?? base.place
        return merged
    }
}

/// The tables and queries that a flow means, each with one wish.
///
/// Every entry whose pattern means a table counts for it: first ``Flow/defaults``, then patterns in the order in which
/// they are written, then exact names in theirs; what a later one says replaces what an earlier one said. A table is
/// left out when an exact entry says `skip`, or a pattern does and no exact entry names the table.
public struct TableSelection: Sendable, Hashable {
    public enum Subject: Sendable, Hashable {
        case table(TableName)
        /// A SELECT and the name that it goes by.
        case query(String, as: String)
    }

    public struct Match: Sendable, Hashable {
        public var subject: Subject
        /// Merged; its ``TableWish/subject`` is that of the most exact entry.
        public var wish: TableWish

        /// The target's name: ``TableWish/to`` filled in, or the table's own name without its schema.
        /// - throws: `config.invalid`.
        public func target(own: String? = nil) throws -> TableName {
            switch subject {
            case .table(let table):
                guard let to = wish.to else { return TableName(table.name) }
                return try TargetName(to).fill(table, own: own)
            case .query(_, as: let name):
                let named = try TargetName(name).fill(TableName(name))
                guard let to = wish.to else { return named }
                return try TargetName(to).fill(named, own: own)
            }
        }
    }

    /// In the order of the catalogue; then queries, in the order of the flow.
    public var matches: [Match] = []
    /// Named tables that the source does not have, where there are others.
    public var missing: [Missing] = []
    /// Patterns that mean nothing, to be told to the user.
    public var warnings: [String] = []

    public struct Missing: Sendable, Hashable {
        public var table: TableName
        /// Merged, as of a match.
        public var wish: TableWish
        public var error: ApusError
    }

    /// Pure: nothing is opened.
    ///
    /// - parameter tables: every table and view that can be meant, as the source lists them.
    /// - parameter own: the source connection's own schema; see ``TablePattern/matches(_:own:ignoringCase:)``.
    /// - throws: `object.not_found` with the nearest name for an exact name that is not there, when nothing else is meant or
    ///   when it may be the misspelt exception from a pattern; also when nothing at all is meant; `config.invalid` for a
    ///   broken pattern.
    public init(_ wishes: [TableWish], defaults: TableWish? = nil, over tables: [TableName], own: String? = nil) throws {
        var wishes = wishes
        // Without a word on what to take, everything is meant.
        if wishes.allSatisfy(\.skip) { wishes.insert(TableWish(.pattern("*")), at: 0) }
        var fromPatterns = [TableWish?](repeating: nil, count: tables.count)
        var fromNames = fromPatterns
        var queries: [Match] = []
        for wish in wishes {
            switch wish.subject {
            case .query(let sql, as: let name):
                let merged = defaults.map { wish.merged(over: $0) } ?? wish
                if !wish.skip { queries.append(Match(subject: .query(sql, as: name), wish: merged)) }
            case .pattern(let text):
                let pattern: TablePattern
                do { pattern = try TablePattern(text) } catch let error as ApusError { throw Self.placed(error, wish) }
                let hits: [Int]
                do { hits = try Self.hits(pattern, wish, tables, own, &warnings) } catch let error as ApusError {
                    guard let name = pattern.exactName, !Self.isMisspeltException(name, wishes, tables, own) else { throw error }
                    let merged = defaults.map { wish.merged(over: $0) } ?? wish
                    missing.append(Missing(table: name, wish: merged, error: error))
                    continue
                }
                for index in hits where pattern.isExact {
                    fromNames[index] = fromNames[index].map { wish.merged(over: $0) } ?? wish
                }
                for index in hits where !pattern.isExact {
                    var merged = fromPatterns[index].map { wish.merged(over: $0) } ?? wish
                    merged.skip = wish.skip || fromPatterns[index]?.skip ?? false
                    fromPatterns[index] = merged
                }
            }
        }
        for (index, table) in tables.enumerated() {
            let general = fromPatterns[index]
            guard var wish = fromNames[index].map({ exact in general.map { exact.merged(over: $0) } ?? exact }) ?? general,
                !wish.skip
            else { continue }
            if let defaults { wish = wish.merged(over: defaults) }
            matches.append(Match(subject: .table(table), wish: wish))
        }
        matches += queries
        if matches.isEmpty {
            if let missing = missing.first { throw missing.error }
            let asked = wishes.filter { !$0.skip }.map(\.subject.text).joined(separator: ", ")
            throw ApusError(
                .notFound, "no table of the source is meant by `\(asked)`",
                hint: tables.isEmpty ? "The source shows this user no table at all." : "It has \(Self.some(of: tables)).")
        }
    }

    /// A pattern would load the table that was meant as if nothing had been said of it.
    private static func isMisspeltException(_ name: TableName, _ wishes: [TableWish], _ tables: [TableName], _ own: String?) -> Bool {
        let isCaught = wishes.contains { wish in
            guard case .pattern(let text) = wish.subject, let pattern = try? TablePattern(text) else { return false }
            return !pattern.isExact && pattern.matches(name, own: own, ignoringCase: true)
        }
        return isCaught && Nearest.name(to: name.name, among: tables.map(\.name)) != nil
    }

    private static func hits(
        _ pattern: TablePattern, _ wish: TableWish, _ tables: [TableName], _ own: String?, _ warnings: inout [String]
    ) throws -> [Int] {
        var hits = tables.indices.filter { pattern.matches(tables[$0], own: own) }
        if hits.isEmpty {
            hits = tables.indices.filter { pattern.matches(tables[$0], own: own, ignoringCase: true) }
            if pattern.isExact, hits.count > 1 {
                throw placed(
                    ApusError(
                        .notFound, "table `\(pattern)` is not in the source, and several differ from it only in case",
                        hint: "Write one of \(some(of: hits.map { tables[$0] }))."), wish)
            }
        }
        guard hits.isEmpty else { return hits }
        guard pattern.isExact, !wish.skip else {
            warnings.append(
                (wish.place.map { "\($0): " } ?? "") + "`\(pattern)` means no table of the source")
            return []
        }
        let isQualified = pattern.schema != nil
        let names = tables.map { isQualified ? TableName(schema: $0.schema ?? own, $0.name).description : $0.name }
        let near = Nearest.name(to: pattern.exactName?.description ?? pattern.text, among: names)
        throw placed(
            ApusError(
                .notFound, "table `\(pattern)` is not in the source",
                hint: near.map { "Did you mean `\($0)`?" }
                    ?? (tables.isEmpty ? "The source shows this user no table at all." : "It has \(some(of: tables)).")),
            wish)
    }

    private static func placed(_ error: ApusError, _ wish: TableWish) -> ApusError {
        wish.place.map(error.about) ?? error
    }

    private static func some(of tables: [TableName]) -> String {
        let shown = tables.prefix(8).map(\.description).joined(separator: ", ")
        return tables.count > 8 ? "\(shown) and \(tables.count - 8) more" : shown
    }
}

extension TableWish.Subject {
    /// The pattern, or the name of the query.
    public var text: String {
        switch self {
        case .pattern(let text): text
        case .query(_, as: let name): name
        }
    }
}

extension Flow {
    /// ``TableSelection`` over this flow's own entries.
    public func select(from tables: [TableName], own: String? = nil) throws -> TableSelection {
        try TableSelection(self.tables, defaults: defaults, over: tables, own: own)
    }
}
