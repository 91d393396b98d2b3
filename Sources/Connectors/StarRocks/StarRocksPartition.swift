import ApusCore
import Tabular

/// A partition of a table, as `SHOW PARTITIONS` lists it.
struct StarRocksPartition: Hashable, Sendable {
    var name: String
    /// Raised by every load into the partition.
    var version: String
    var versionTime: String
    /// The values that it holds: `[types: [DATE]; keys: [2019-01-01]; ..types: [DATE]; keys: [2020-01-01]; )`, `(('a'))`.
    var range: String
    /// By the BEs' last reports.
    var rows: Int?

    /// What changes when anything is written to the partition.
    var mark: String { "\(version) \(versionTime)" }
    /// Nothing was ever loaded.
    var isEmpty: Bool { version == "1" && rows ?? 0 == 0 }
}

extension StarRocksSession {
    /// The partitions of a table, in the server's order; empty for a view.
    func partitions(of table: TableName) throws -> [StarRocksPartition] {
        let found: (names: [String], rows: [[String?]])
        do {
            found = try self.table("SHOW PARTITIONS FROM \(dialect.quote(table))", doing: "list the partitions of \(table)")
        } catch let error as ApusError where error.code == .statement || error.code == .notFound || error.code == .unsupported {
            return []
        }
        func place(_ names: String...) -> Int? { found.names.firstIndex { names.contains($0) } }
        guard let name = place("PartitionName"), let version = place("VisibleVersion") else { return [] }
        let time = place("VisibleVersionTime"), range = place("Range", "List"), rows = place("RowCount")
        return found.rows.compactMap { row in
            guard let own = row[name] else { return nil }
            return StarRocksPartition(
                name: own, version: row[version] ?? "", versionTime: time.flatMap { row[$0] } ?? "", range: range.flatMap { row[$0] } ?? "",
                rows: rows.flatMap { row[$0] }.flatMap { Int($0) })
        }
    }
}

/// The part of a table that a slice is: some partitions, and within a single one a range of the key.
struct StarRocksPart: Hashable {
    /// Nil = all.
    var partitions: [String]?
    var from: [String]?
    var upTo: [String]?
    /// Rows whose first key column is NULL.
    var isNull: Bool?

    init(partitions: [String]?) { self.partitions = partitions }

    /// The key's range, in all partitions.
    init(bounds range: Slice.Bounds) { self.init(partitions: nil, within: range) }

    /// - throws: `config.invalid` for a plan that another connector made.
    init(_ bounds: Slice.Bounds) throws {
        switch bounds {
        case .all, .null, .range: self.init(bounds: bounds)
        case .part(let text):
            guard let part = Self.read(text) else {
                throw ApusError(.configurationInvalid, "a slice of the plan is no part of a StarRocks table", hint: "Plan again.")
            }
            self = part
        }
    }

    init(partitions: [String]?, within range: Slice.Bounds) {
        self.partitions = partitions
        switch range {
        case .null: isNull = true
        case .range(let low, let high):
            (from, upTo) = (low, high)
            if low == nil, high == nil { isOpen = true }
        case .all, .part: break
        }
    }

    /// The range of the key.
    var range: Slice.Bounds {
        if isNull == true { return .null }
        return isRange ? .range(from: from, upTo: upTo) : .all
    }

    /// An open range on both sides leaves NULL keys out, which the whole does not.
    private var isRange: Bool { from != nil || upTo != nil || isOpen == true }
    /// A range of a cut partition that has no bounds, for it is cut into one and the NULL slice.
    private var isOpen: Bool?

    var bounds: Slice.Bounds {
        guard let partitions else { return range }
        var text = partitions.map(Self.encoded).joined(separator: ",")
        if isNull == true { return .part(text + " null") }
        if isRange {
            text += " from=" + (from ?? []).map(Self.encoded).joined(separator: ",")
            text += " upto=" + (upTo ?? []).map(Self.encoded).joined(separator: ",")
        }
        return .part(text)
    }

    /// Percent-encoded where it would not be one word of the list; readable otherwise.
    private static func encoded(_ text: String) -> String {
        var out = "'"
        for scalar in text.unicodeScalars {
            if scalar == "'" || scalar == "%" || scalar == "," || scalar == " " || scalar == "=" || scalar.value < 32 {
                out += "%" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            } else {
                out.unicodeScalars.append(scalar)
            }
        }
        return out + "'"
    }

    private static func decoded(_ text: Substring) -> String? {
        guard text.count >= 2, text.hasPrefix("'"), text.hasSuffix("'") else { return nil }
        var out = ""
        var rest = text.dropFirst().dropLast().unicodeScalars
        while let scalar = rest.popFirst() {
            guard scalar == "%" else {
                out.unicodeScalars.append(scalar)
                continue
            }
            guard let code = UInt8(String(String.UnicodeScalarView(rest.prefix(2))), radix: 16) else { return nil }
            rest = rest.dropFirst(2)
            out.unicodeScalars.append(Unicode.Scalar(code))
        }
        return out
    }

    private static func list(_ text: Substring) -> [String]? {
        let parts = text.split(separator: ",").map(decoded)
        return parts.contains(nil) ? nil : parts.compactMap { $0 }
    }

    private static func read(_ text: String) -> StarRocksPart? {
        let words = text.split(separator: " ")
        guard let first = words.first, let names = list(first) else { return nil }
        var part = StarRocksPart(partitions: names)
        for word in words.dropFirst() {
            if word == "null" {
                part.isNull = true
            } else if word.hasPrefix("from="), let values = list(word.dropFirst(5)) {
                part.from = values.isEmpty ? nil : values
                part.isOpen = true
            } else if word.hasPrefix("upto="), let values = list(word.dropFirst(5)) {
                part.upTo = values.isEmpty ? nil : values
                part.isOpen = true
            } else {
                return nil
            }
        }
        if part.from != nil || part.upTo != nil { part.isOpen = nil }
        return part
    }
}
