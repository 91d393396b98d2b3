import ApusCore
import Tabular

/// Whether and by which column a table can be loaded day by day, and why.
public struct WatermarkProposal: Sendable, Hashable {
    /// What a time column says of its row.
    public enum Kind: Sendable, Hashable {
        /// When it was changed last.
        case change
        /// When it was added.
        case creation
    }

    /// The column to load by; nil = load the whole table.
    public var column: String?
    public var kind: Kind?
    public var reason: String

    /// A candidate among a table's columns, without what the whole table has to say about it.
    struct Candidate {
        var column: ColumnShape
        var kind: Kind
        /// Why it is one: `by its name`.
        var grounds: String
        var isIndexed: Bool
    }

    /// The best column of a table that tells when its rows change or, where none does, when they were added.
    static func candidate(_ shape: TableShape) -> Candidate? {
        let found = shape.columns.compactMap { column -> Candidate? in
            guard !column.generated, isTime(column.type), let (kind, grounds) = kind(of: column) else { return nil }
            let isIndexed = shape.primaryKey.first == column.name || shape.indexes.contains { $0.columns.first == column.name }
            return Candidate(column: column, kind: kind, grounds: grounds, isIndexed: isIndexed)
        }
        func rank(_ candidate: Candidate) -> Int {
            (candidate.kind == .change ? 8 : 0) + (candidate.column.nullable ? 0 : 4) + (candidate.isIndexed ? 2 : 0)
        }
        // The first of equals: columns stand in ordinal order.
        return found.reduce(nil as Candidate?) { best, next in best.map { rank(next) > rank($0) ? next : $0 } ?? next }
    }

    /// - parameters:
    ///   - fullBelow: a table of fewer rows is loaded whole.
    ///   - holdsNull: asks whether a nullable column holds a NULL now; nil = nobody has looked.
    ///   - replaced: columns, in small letters, that are loaded with another value than their own.
    init(_ shape: TableShape, fullBelow: Int, replaced: Set<String> = [], holdsNull: (String) throws -> Bool?) rethrows {
        func whole(_ reason: String) -> WatermarkProposal { WatermarkProposal(column: nil, kind: nil, reason: reason) }
        if shape.kind == .view {
            self = whole("a view")
            return
        }
        if let rows = shape.rows, rows < fullBelow {
            self = whole("small: about \(rows) rows")
            return
        }
        guard let candidate = Self.candidate(shape) else {
            self = whole("no time column whose name tells of changes or additions")
            return
        }
        let name = candidate.column.name
        if replaced.contains(name.lowercased()) {
            self = whole("\(name) is loaded with another value, by which days would not be found in the target")
            return
        }
        if candidate.kind == .change, shape.primaryKey.isEmpty {
            self = whole("\(name) tells of changes, but without a primary key old versions of a row cannot be replaced")
            return
        }
        var nulls = ""
        if candidate.column.nullable {
            switch try holdsNull(name) {
            case nil:
                self = whole("\(name) may be NULL, and such rows would never be taken")
                return
            case true?:
                self = whole("\(name) is NULL in some rows, which would never be taken")
                return
            case false?: nulls = ", nullable but without NULL now"
            }
        }
        let meaning = candidate.kind == .change ? "changes, upsert by \(shape.primaryKey.joined(separator: "+"))" : "additions only"
        let index = candidate.isIndexed ? "indexed" : "NO INDEX: every day reads the whole table"
        self.init(column: name, kind: candidate.kind, reason: "\(name) (\(candidate.grounds), \(meaning), \(index)\(nulls))")
    }

    private init(column: String?, kind: Kind?, reason: String) {
        self.column = column
        self.kind = kind
        self.reason = reason
    }

    private static func isTime(_ type: ColumnType) -> Bool {
        switch type {
        case .timestamp, .instant, .date: true
        default: false
        }
    }

    private static func kind(of column: ColumnShape) -> (Kind, String)? {
        if column.native.contains(" ON UPDATE ") { return (.change, "ON UPDATE") }
        let word = column.name.lowercased().filter { $0 != "_" && $0 != "-" && $0 != " " }
        if changes.contains(where: word.hasSuffix) { return (.change, "by name") }
        if creations.contains(where: word.hasSuffix) { return (.creation, "by name") }
        return nil
    }

    /// Ends of names, without underscores.
    private static let changes = [
        "updatetime", "updatedtime", "updatedate", "updateddate", "updatedat", "updatedon", "updatets", "lastupdate", "lastupdated",
        "modifytime", "modifiedtime", "modifydate", "modifieddate", "modifiedat", "modifiedon", "lastmodified", "gmtmodified", "gmtmodify",
        "changetime", "changedat", "changedate", "mtime", "updtime", "upddate", "更新时间", "修改时间", "变更时间", "更新日期", "修改日期",
    ]
    private static let creations = [
        "createtime", "createdtime", "createdate", "createddate", "createdat", "createdon", "createts", "creationtime", "creationdate",
        "gmtcreate", "gmtcreated", "inserttime", "insertedat", "insertdate", "addtime", "adddate", "ctime", "创建时间", "新增时间",
        "插入时间", "创建日期",
    ]
}
