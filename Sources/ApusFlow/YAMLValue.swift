import Yams

/// A value of a YAML file with its place. Anchors and merge keys are resolved; scalars are the text as written, so
/// that `no` and `0755` stay what they are.
struct YAMLValue {
    enum Kind {
        case null
        /// `isPlain`: without quotes.
        case scalar(String, isPlain: Bool)
        case list([YAMLValue])
        case map([Entry])
    }

    struct Entry {
        var key: String
        var place: Place
        var value: YAMLValue
    }

    var kind: Kind
    var place: Place

    var isNull: Bool { if case .null = kind { true } else { false } }

    var map: [Entry]? { if case .map(let entries) = kind { entries } else { nil } }
    var list: [YAMLValue]? { if case .list(let items) = kind { items } else { nil } }
    var scalar: String? { if case .scalar(let text, _) = kind { text } else { nil } }

    /// For messages: what stands here.
    var what: String {
        switch kind {
        case .null: "nothing"
        case .scalar: "a text"
        case .list: "a list"
        case .map: "a mapping"
        }
    }
}

/// Turns Yams' nodes into values, with a limit on how much aliases may grow them.
struct YAMLConverter {
    /// Values that one file may hold after its aliases are put in.
    static let limit = 500_000
    /// Nested levels; a flow file has six.
    static let depth = 64

    var faults: ConfigurationFaults
    private var count = 0
    private var gaveUp = false

    init(_ faults: ConfigurationFaults) { self.faults = faults }

    mutating func convert(_ node: Node, level: Int = 0) -> YAMLValue {
        let place = node.mark.map { Place(line: $0.line, column: $0.column) } ?? .start
        count += 1
        if count > Self.limit || level > Self.depth {
            if !gaveUp {
                faults.add(
                    .configurationInvalid, at: place,
                    level > Self.depth
                        ? "this is nested deeper than \(Self.depth) levels" : "aliases make this file larger than \(Self.limit) values")
            }
            gaveUp = true
            return YAMLValue(kind: .null, place: place)
        }
        if gaveUp { return YAMLValue(kind: .null, place: place) }
        switch node {
        case .scalar(let scalar):
            let isPlain = scalar.style == .plain || scalar.style == .any
            if isPlain, ["", "~", "null", "Null", "NULL"].contains(scalar.string), node.tag != .init(.str) || scalar.string.isEmpty {
                return YAMLValue(kind: .null, place: place)
            }
            return YAMLValue(kind: .scalar(scalar.string, isPlain: isPlain), place: place)
        case .sequence(let sequence):
            return YAMLValue(kind: .list(sequence.map { convert($0, level: level + 1) }), place: place)
        case .mapping(let mapping):
            return YAMLValue(kind: .map(entries(mapping, level)), place: place)
        case .alias:
            return YAMLValue(kind: .null, place: place)
        }
    }

    private mutating func entries(_ mapping: Node.Mapping, _ level: Int) -> [YAMLValue.Entry] {
        var entries: [YAMLValue.Entry] = []
        var inherited: [YAMLValue.Entry] = []
        for (key, node) in mapping {
            let place = key.mark.map { Place(line: $0.line, column: $0.column) } ?? .start
            guard case .scalar(let scalar) = key else {
                faults.add(
                    .configurationInvalid, at: place, "a list or mapping cannot be a key",
                    hint: "A value that begins with `{{`, `[` or `*` must stand in quotes: \"{{ day }}\".")
                continue
            }
            if scalar.string.unicodeScalars.first.map({ YAMLText.placeholders.contains($0) }) ?? false { continue }
            let value = convert(node, level: level + 1)
            if scalar.string == "<<", scalar.style == .plain {
                inherited += merged(value)
            } else {
                entries.append(YAMLValue.Entry(key: scalar.string, place: place, value: value))
            }
        }
        var known = Set(entries.map(\.key))
        // Of several merged mappings the earlier wins (YAML merge key draft, "<<").
        for entry in inherited where known.insert(entry.key).inserted { entries.append(entry) }
        return entries
    }

    private mutating func merged(_ value: YAMLValue) -> [YAMLValue.Entry] {
        switch value.kind {
        case .map(let entries): return entries
        case .list(let items): return items.flatMap { merged($0) }
        default:
            if !gaveUp {
                faults.add(
                    .configurationInvalid, at: value.place, "`<<` takes a mapping or a list of mappings, not \(value.what)",
                    hint: "Write <<: *name, where &name marks a mapping above.")
            }
            return []
        }
    }
}
