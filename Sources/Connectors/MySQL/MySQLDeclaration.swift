import ApusCore
import Tabular

/// What `SHOW CREATE TABLE` says beside columns and keys: checks, table options, partitions, versioning.
struct MySQLDeclaration {
    private let body: [Substring]
    private let options: Substring
    private let tail: String

    init(_ statement: String) {
        let lines = statement.split(separator: "\n")
        let end = lines.lastIndex { $0.hasPrefix(") ") || $0 == ")" } ?? lines.count
        body = Array(lines.prefix(end).dropFirst())
        options = end < lines.count ? lines[end].dropFirst() : ""
        tail = end < lines.count ? lines[(end + 1)...].joined(separator: "\n") : ""
    }

    // MARK: Checks

    /// The columns of which MariaDB's checks say `json_valid(`column`)`.
    static func jsonColumns(_ statement: String) -> Set<String> {
        Set(statement.split(separator: "json_valid(").dropFirst().compactMap { name($0)?.0 })
    }

    /// - parameter columns: the table's, for what a check means.
    func checks(_ columns: [ColumnShape]) -> [CheckShape] {
        let json = Set(columns.filter { $0.native == "json" }.map(\.name))
        let exact = Set(
            columns.filter { $0.collation?.hasSuffix("_bin") == true || $0.collation?.hasSuffix("_cs") == true }.map(\.name))
        let folded = Set(columns.filter(\.type.isCharacters).map(\.name)).subtracting(exact)
        return body.compactMap { line in
            var text = line.drop { $0 == " " }
            if text.hasSuffix(",") { text = text.dropLast() }
            if text.hasPrefix("CONSTRAINT `") {
                guard let (name, rest) = Self.name(text.dropFirst("CONSTRAINT ".count)), rest.hasPrefix(" CHECK (") else { return nil }
                guard let (condition, behind) = Self.parenthesized(rest.dropFirst(" CHECK ".count)) else { return nil }
                return check(name, condition, folded, isEnforced: !behind.contains("NOT ENFORCED"))
            }
            guard text.hasPrefix("`"), let (name, rest) = Self.name(text), let place = Self.plain(" CHECK (", in: rest),
                let (condition, _) = Self.parenthesized(rest[place...].dropFirst(" CHECK ".count))
            else { return nil }
            // MariaDB's JSON brings it along.
            if json.contains(name), condition.hasPrefix("json_valid(") { return nil }
            var found = check(name, condition, folded, isEnforced: true)
            found.column = name
            return found
        }
    }

    static let style = ConditionParser.Style(
        quote: "`", hasEscapes: true, functions: ["char_length": "char_length", "character_length": "char_length"])

    /// A comparison of texts without regard to case, which those of some columns are, means something else in other systems.
    private func check(_ name: String, _ condition: String, _ folded: Set<String>, isEnforced: Bool) -> CheckShape {
        var meaning = ConditionParser.parse(condition, Self.style)
        if meaning?.comparesText({ folded.contains($0) }) == true { meaning = nil }
        return CheckShape(name: name, condition: condition, meaning: meaning, isEnforced: isEnforced)
    }

    // MARK: Traits

    /// The number that AUTO_INCREMENT gives next.
    var nextIdentity: String? {
        Self.plain(" AUTO_INCREMENT=", in: options).map {
            String(options[$0...].dropFirst(" AUTO_INCREMENT=".count).prefix { $0.isNumber })
        }
    }

    var traits: [TableTrait] {
        var traits: [TableTrait] = []
        for line in body {
            let text = line.drop { $0 == " " }
            guard text.hasPrefix("PERIOD FOR "), !text.hasPrefix("PERIOD FOR SYSTEM_TIME") else { continue }
            traits.append(TableTrait("the period \(text.dropFirst("PERIOD FOR ".count).prefix { $0 != " " && $0 != "(" })"))
        }
        if Self.plain(" WITH SYSTEM VERSIONING", in: options) != nil {
            traits.append(TableTrait("system versioning (WITH SYSTEM VERSIONING; the rows as they are now are copied, not their history)"))
        }
        if let partitioning { traits.append(partitioning) }
        return traits + optionTraits
    }

    private var partitioning: TableTrait? {
        guard let start = tail.firstRange(of: "PARTITION BY ") else { return nil }
        var clause = String(tail[start.lowerBound...])
        if clause.hasSuffix(" */") { clause.removeLast(3) }
        let count = clause.split(separator: "\n").count { $0.drop { $0 == " " || $0 == "(" }.hasPrefix("PARTITION ") }
        let head = clause.split(separator: "\n")[0].dropFirst("PARTITION ".count)
        let title = "partitioning (\(head)\(count > 1 ? ", partitions: \(count - 1)" : ""))"
        // Partitions by the time of history belong to system versioning.
        guard !clause.hasPrefix("PARTITION BY SYSTEM_TIME") else { return TableTrait(title) }
        let portable = clause.replacing(/ENGINE = [A-Za-z]+/, with: "ENGINE = InnoDB").replacing(
            /\ (DATA|INDEX) DIRECTORY = '[^']*'/, with: "")
        return TableTrait(title, statement: "ALTER TABLE \(TableTrait.place) \(portable)")
    }

    /// Options that mean the same on every server; others are told.
    private static let portable: Set<String> = [
        "ROW_FORMAT", "KEY_BLOCK_SIZE", "STATS_PERSISTENT", "STATS_AUTO_RECALC", "STATS_SAMPLE_PAGES",
    ]
    private static let unsaid: Set<String> = ["AUTO_INCREMENT", "CHARSET", "COMMENT", "PACK_KEYS", "CHECKSUM", "DELAY_KEY_WRITE"]

    private var optionTraits: [TableTrait] {
        var traits: [TableTrait] = []
        for (name, value) in pairs where !Self.unsaid.contains(name) {
            let title = "the table option \(name)=\(value)"
            switch name {
            case "ENGINE":
                if value.lowercased() != "innodb" { traits.append(TableTrait("\(title) (InnoDB is used)", isStorage: true)) }
            case "ROW_FORMAT" where value == "DYNAMIC": continue
            case "COLLATE":
                if MySQLSession.defaultCollations.contains(value) { continue }
                let set = value.prefix { $0 != "_" }
                var trait = TableTrait(
                    title, statement: "ALTER TABLE \(TableTrait.place) DEFAULT CHARACTER SET \(set) COLLATE \(value)", isStorage: true)
                // What columns have of it is theirs.
                trait.isLocal = true
                traits.append(trait)
            case _ where Self.portable.contains(name):
                traits.append(TableTrait(title, statement: "ALTER TABLE \(TableTrait.place) \(name)=\(value)", isStorage: true))
            default: traits.append(TableTrait(title, isStorage: true))
            }
        }
        return traits
    }

    /// `NAME=value` of the options' line.
    private var pairs: [(name: String, value: String)] {
        var pairs: [(String, String)] = []
        var isQuoted: Character?
        var word = ""
        func end() {
            if let sign = word.firstIndex(of: "=") {
                pairs.append((word[..<sign].filter { $0 != "`" }.uppercased(), String(word[word.index(after: sign)...])))
            }
            word = ""
        }
        for character in options.dropFirst() {
            if let quote = isQuoted {
                word.append(character)
                if character == quote { isQuoted = nil }
            } else if character == " " {
                end()
            } else {
                if character == "'" || character == "`" { isQuoted = character }
                word.append(character)
            }
        }
        end()
        return pairs
    }

    // MARK: Scanning

    /// A quoted name at the beginning, and what follows.
    private static func name(_ text: Substring) -> (name: String, rest: Substring)? {
        guard text.first == "`" else { return nil }
        var name = ""
        var index = text.index(after: text.startIndex)
        while index < text.endIndex {
            let next = text.index(after: index)
            if text[index] == "`" {
                guard next < text.endIndex, text[next] == "`" else { return (name, text[next...]) }
                name.append("`")
                index = text.index(after: next)
            } else {
                name.append(text[index])
                index = next
            }
        }
        return nil
    }

    /// Where a text stands outside of strings, names and parentheses.
    private static func plain(_ wanted: String, in text: Substring) -> Substring.Index? {
        var found: Substring.Index?
        scan(text) { index, depth in
            guard depth == 0, text[index...].hasPrefix(wanted) else { return true }
            found = index
            return false
        }
        return found
    }

    /// What is in the parentheses at the beginning, and what follows them.
    private static func parenthesized(_ text: Substring) -> (inside: String, rest: Substring)? {
        guard text.first == "(" else { return nil }
        var end: Substring.Index?
        scan(text) { index, depth in
            guard depth == 1, text[index] == ")" else { return true }
            end = index
            return false
        }
        return end.map { (String(text[text.index(after: text.startIndex)..<$0]), text[text.index(after: $0)...]) }
    }

    /// Every character outside of strings and names, with the parentheses around it.
    private static func scan(_ text: Substring, _ body: (Substring.Index, Int) -> Bool) {
        var depth = 0
        var quote: Character?
        var isEscaped = false
        for index in text.indices {
            let character = text[index]
            if let open = quote {
                if isEscaped {
                    isEscaped = false
                } else if character == "\\", open == "'" {
                    isEscaped = true
                } else if character == open {
                    quote = nil
                }
                continue
            }
            if !body(index, depth) { return }
            switch character {
            case "'", "`": quote = character
            case "(": depth += 1
            case ")": depth -= 1
            default: break
            }
        }
    }
}
