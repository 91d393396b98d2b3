import Synchronization

/// Where the columns of a shape stand, by name: found out at the first question, so that to look up every column of a wide
/// table takes time in proportion to its columns.
///
/// It says nothing that the columns do not say: all are equal.
final class ColumnPositions: Hashable, Sendable {
    private struct Known {
        var exact: [String: Int] = [:]
        var lowercased: [String: [Int]] = [:]
    }

    /// Tables of so few columns are searched one by one.
    private static let few = 8
    private let known = Mutex<Known?>(nil)

    func position(of name: String, in columns: [ColumnShape]) -> Int? {
        if columns.count <= Self.few { return columns.firstIndex { $0.name == name } }
        return with(columns) { $0.exact[name] }
    }

    /// Of the columns of that name in any case.
    func positions(like name: String, in columns: [ColumnShape]) -> [Int] {
        with(columns) { $0.lowercased[name.lowercased()] ?? [] }
    }

    private func with<Value>(_ columns: [ColumnShape], _ body: (borrowing Known) -> Value) -> Value {
        known.withLock { known in
            if let known { return body(known) }
            var made = Known()
            for (index, column) in columns.enumerated() {
                if made.exact[column.name] == nil { made.exact[column.name] = index }
                made.lowercased[column.name.lowercased(), default: []].append(index)
            }
            known = made
            return body(made)
        }
    }

    static func == (a: ColumnPositions, b: ColumnPositions) -> Bool { true }
    func hash(into hasher: inout Hasher) {}
}
