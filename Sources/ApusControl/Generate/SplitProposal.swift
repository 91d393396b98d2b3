import ApusCore
import Tabular

/// The column that a table can be cut by, and why.
public struct SplitProposal: Sendable, Hashable {
    /// nil = the table is read in one piece.
    public var column: String?
    public var reason: String

    /// A single integer key is the best, then any single key, then the first column of a longer one.
    init(_ shape: TableShape) {
        let unique = shape.indexes.filter { index in
            index.unique && index.definition == nil && index.columns.allSatisfy { shape.column($0)?.nullable == false }
        }
        let keys =
            (shape.primaryKey.isEmpty ? [] : [(shape.primaryKey, "primary key")]) + unique.map { ($0.columns, "unique key \($0.name)") }
        func rank(_ columns: [String]) -> Int {
            guard columns.count == 1 else { return 2 }
            if case .integer = shape.column(columns[0])?.type { return 0 }
            return 1
        }
        let best = keys.enumerated().min { (rank($0.element.0), $0.offset) < (rank($1.element.0), $1.offset) }?.element
        guard let (columns, what) = best, let first = columns.first else {
            column = nil
            reason = "no primary or unique key: one slice"
            return
        }
        column = first
        let type = shape.column(first).map { $0.type.description } ?? ""
        reason = columns.count == 1 ? "\(first) (\(what), \(type))" : "\(first) (first of \(columns.count) columns of the \(what))"
    }
}
