import FoundationEssentials

/// A partition of a source's table, and what tells whether it was written to: the watermark `partitions()` reads those alone
/// that have changed since the last run.
public struct Partition: Hashable, Sendable {
    public enum Bounds: Hashable, Sendable, Codable {
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

/// What becomes of the target's rows of a partition that is gone from the source.
public enum GonePartitions: String, Sendable, Hashable, Codable, CaseIterable {
    case keep, drop
    /// The table is not loaded.
    case stop
}

/// What the ledger remembers of a table's partitions: name, mark and values of each.
public struct PartitionMarks: Hashable, Sendable {
    public private(set) var marks: [String: String]
    /// What the partitions hold, as far as it is known.
    private var places: [String: String] = [:]

    /// The mark of one whose rows the target keeps though the source has it no more.
    private static let gone = "gone"

    public init(_ partitions: [Partition]) {
        marks = Dictionary(partitions.map { ($0.name, $0.mark) }, uniquingKeysWith: { first, _ in first })
        for partition in partitions { places[partition.name] = Self.text(of: partition) }
    }

    /// One line a partition: its mark, its name and what it holds, with tabs between; the reverse of ``text``.
    public init(text: String) {
        marks = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: "\t", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            guard parts.count >= 2 else { continue }
            marks[parts[1]] = parts[0]
            if parts.count == 3 { places[parts[1]] = parts[2] }
        }
    }

    public var text: String {
        marks.sorted { $0.key < $1.key }.map { "\($0.value)\t\($0.key)\(places[$0.key].map { "\t" + $0 } ?? "")" }.joined(separator: "\n")
    }

    /// The names of partitions that are new or were written to since.
    public func changed(since other: PartitionMarks) -> [String] { marks.keys.filter { marks[$0] != other.marks[$0] }.sorted() }
    /// The names of partitions that are not there any more, also of those that were gone before and are kept.
    public func gone(since other: PartitionMarks) -> [String] { other.marks.keys.filter { marks[$0] == nil }.sorted() }

    /// Gone from the source, and kept in the target.
    public var kept: Set<String> { Set(marks.filter { $0.value == Self.gone }.keys) }

    /// Remembers what another one knows of partitions that are gone.
    public mutating func keep(_ names: [String], of other: PartitionMarks) {
        for name in names {
            marks[name] = Self.gone
            places[name] = other.places[name]
        }
    }

    /// What a partition held; nil where marks of an older version do not say so.
    public func partition(_ name: String) -> Partition? {
        guard let text = places[name], let place = try? JSONDecoder().decode(Place.self, from: Data(text.utf8)) else { return nil }
        var partition = Partition(name: name, mark: marks[name] ?? "", columns: place.columns, bounds: place.bounds)
        partition.holdsNull = place.holdsNull
        return partition
    }

    private struct Place: Codable {
        var columns: [String]
        var bounds: Partition.Bounds
        var holdsNull: Bool
    }

    private static func text(of partition: Partition) -> String? {
        guard let bounds = partition.bounds else { return nil }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let place = Place(columns: partition.columns, bounds: bounds, holdsNull: partition.holdsNull)
        return (try? encoder.encode(place)).map { String(decoding: $0, as: UTF8.self) }
    }
}

extension PlannedTable.Watermark {
    /// How a flow asks for loads of those partitions alone that have changed.
    public static let partitions = "partitions()"
}
