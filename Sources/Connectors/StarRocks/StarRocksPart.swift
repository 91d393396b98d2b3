import ApusCore

/// The part of a table that a slice is: some partitions; of a single one some tablets; of either a range of the key.
struct StarRocksPart: Hashable {
    /// Nil = all.
    var partitions: [String]?
    /// Tablets of the one partition, by their ids; nil = all.
    var tablets: [String]?
    var from: [String]?
    var upTo: [String]?
    /// Rows whose first key column is NULL.
    var isNull: Bool?

    init(partitions: [String]?, tablets: [String]? = nil) {
        self.partitions = partitions
        self.tablets = tablets
    }

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

    init(partitions: [String]?, tablets: [String]? = nil, within range: Slice.Bounds) {
        self.init(partitions: partitions, tablets: tablets)
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
        if let tablets { text += " tablets=" + tablets.joined(separator: ",") }
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
            } else if word.hasPrefix("tablets=") {
                let tablets = word.dropFirst(8).split(separator: ",").map(String.init)
                guard !tablets.isEmpty, names.count == 1, tablets.allSatisfy({ UInt64($0) != nil }) else { return nil }
                part.tablets = tablets
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
