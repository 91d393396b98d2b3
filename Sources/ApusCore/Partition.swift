/// A partition of a source's table, and what tells whether it was written to: the watermark `partitions()` reads those alone
/// that have changed since the last run.
public struct Partition: Hashable, Sendable {
    public enum Bounds: Hashable, Sendable {
        /// All rows of the table.
        case whole
        /// `from <= columns < upTo`, compared column by column; nil = open.
        case range(from: [String]?, upTo: [String]?)
        /// These values of the columns; nil is NULL.
        case list([[String?]])
    }

    public var name: String
    /// Another one after every write to the partition.
    public var mark: String
    /// The columns that decide which rows are in it.
    public var columns: [String]
    /// Nil where the server says it in a way that is not understood.
    public var bounds: Bounds?
    /// It holds the rows whose columns are NULL, too.
    public var holdsNull = false

    public init(name: String, mark: String, columns: [String], bounds: Bounds?) {
        self.name = name
        self.mark = mark
        self.columns = columns
        self.bounds = bounds
    }

    /// The condition for a partition's rows, in the SQL of another system.
    ///
    /// - parameter named: what the columns are called there, and their types.
    public func condition(_ dialect: any Dialect, named: (String) -> ColumnShape?) -> String? {
        guard let bounds else { return nil }
        let shapes = columns.compactMap(named)
        guard shapes.count == columns.count else { return nil }
        let names = shapes.map { dialect.quote($0.name) }
        func equal(_ index: Int, _ value: String?) -> String {
            value.map { "\(names[index]) = \(dialect.literal($0, type: shapes[index].type))" } ?? "\(names[index]) IS NULL"
        }
        switch bounds {
        case .whole: return "1 = 1"
        case .list(let rows):
            return rows.map { row in row.indices.map { equal($0, row[$0]) }.joined(separator: " AND ") }.map { "(\($0))" }
                .joined(separator: " OR ")
        case .range(let from, let upTo):
            func compare(_ values: [String], _ last: String) -> String {
                let strict = String(last.prefix(1))
                let alternatives = values.indices.map { place in
                    let before = (0..<place).map { equal($0, values[$0]) }
                    let sign = place == values.count - 1 ? last : strict
                    return (before + ["\(names[place]) \(sign) \(dialect.literal(values[place], type: shapes[place].type))"])
                        .joined(separator: " AND ")
                }
                return values.count == 1 ? alternatives[0] : "(\(alternatives.joined(separator: " OR ")))"
            }
            var parts: [String] = []
            if let from { parts.append(compare(from, ">=")) }
            if let upTo { parts.append(compare(upTo, "<")) }
            let inside = parts.isEmpty ? "1 = 1" : parts.joined(separator: " AND ")
            let nullable = shapes.first?.nullable == true
            return holdsNull && nullable ? "(\(inside)) OR \(names[0]) IS NULL" : inside
        }
    }
}

/// What the ledger remembers of a table's partitions: name and mark of each.
public struct PartitionMarks: Hashable, Sendable {
    public private(set) var marks: [String: String]

    public init(_ partitions: [Partition]) {
        marks = Dictionary(partitions.map { ($0.name, $0.mark) }, uniquingKeysWith: { first, _ in first })
    }

    /// One line a partition: its mark, a tab and its name; the reverse of ``text``.
    public init(text: String) {
        marks = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: "\t", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { marks[String(parts[1])] = String(parts[0]) }
        }
    }

    public var text: String { marks.sorted { $0.key < $1.key }.map { "\($0.value)\t\($0.key)" }.joined(separator: "\n") }

    /// The names of partitions that are new or were written to since.
    public func changed(since other: PartitionMarks) -> [String] { marks.keys.filter { marks[$0] != other.marks[$0] }.sorted() }
    /// The names of partitions that are not there any more.
    public func gone(since other: PartitionMarks) -> [String] { other.marks.keys.filter { marks[$0] == nil }.sorted() }
}

extension PlannedTable.Watermark {
    /// How a flow asks for loads of those partitions alone that have changed.
    public static let partitions = "partitions()"
}
