/// A line of `SHOW CREATE TABLE` that declares an index.
struct MySQLKeyLine {
    var name: String
    /// `UNIQUE KEY `k` (`a`(10))`, fit to stand behind `ADD`.
    var text: String
    var isUnique: Bool

    static func all(in statement: String) -> [MySQLKeyLine] {
        statement.split(separator: "\n").compactMap { line in
            var text = line.drop { $0 == " " }
            if text.hasSuffix(",") { text = text.dropLast() }
            let kinds = ["UNIQUE KEY `", "KEY `", "FULLTEXT KEY `", "SPATIAL KEY `", "VECTOR KEY `"]
            guard let kind = kinds.first(where: { text.hasPrefix($0) }) else { return nil }
            let rest = text.dropFirst(kind.count)
            var name = ""
            var index = rest.startIndex
            while index < rest.endIndex {
                let next = rest.index(after: index)
                if rest[index] == "`" {
                    guard next < rest.endIndex, rest[next] == "`" else { break }
                    name.append("`")
                    index = rest.index(after: next)
                } else {
                    name.append(rest[index])
                    index = next
                }
            }
            return MySQLKeyLine(name: name, text: String(text), isUnique: kind.hasPrefix("UNIQUE"))
        }
    }
}
