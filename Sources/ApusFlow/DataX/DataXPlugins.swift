import ApusCore

/// The DataX plugins that there are, and what to do about those that there are not.
public enum DataXPlugins {
    enum Family: Hashable {
        /// The schemes that its `jdbcUrl` may have; nil = any that has a connector.
        case relational([String]?)
        /// StarRocks or Doris, whose `jdbcUrl` is one of MySQL and whose rows go by Stream Load.
        case warehouse(String)
        case text, stream
    }

    /// Without `reader` or `writer` at the end.
    private static let families: [String: Family] = [
        "mysql": .relational(["mysql"]),
        "postgresql": .relational(["postgresql"]),
        "gpdb": .relational(["postgresql"]),
        "greenplum": .relational(["postgresql"]),
        "sqlite": .relational(["sqlite"]),
        "rdbms": .relational(nil),
        "starrocks": .warehouse("starrocks"),
        "doris": .warehouse("doris"),
        "txtfile": .text,
        "stream": .stream,
    ]

    public static let readers = names("reader")
    public static let writers = names("writer")

    private static func names(_ role: String) -> [String] { families.keys.sorted().map { $0 + role } }

    /// Plugins of DataX whose system another one's connector can reach.
    private static let substitutes: [String: String] = [
        "mariadb": "mysql", "drds": "mysql", "adbmysql": "mysql", "oceanbasev10": "mysql", "tidb": "mysql", "polardb": "mysql",
        "selectdb": "doris", "adbpg": "postgresql", "gaussdb": "postgresql", "opengauss": "postgresql",
        "hologresjdbc": "postgresql", "kingbasees": "postgresql", "sqlite3": "sqlite", "csv": "txtfile", "file": "txtfile",
        "localfile": "txtfile", "text": "txtfile",
    ]

    /// - parameter role: `reader` or `writer`.
    /// - throws: `config.unknown_connector` that lists those that there are.
    static func family(_ name: String, _ role: String) throws -> Family {
        let plain = name.lowercased()
        let known = role == "reader" ? readers : writers
        if plain.hasSuffix(role), let family = families[String(plain.dropLast(role.count))] { return family }
        let system = plain.hasSuffix("reader") || plain.hasSuffix("writer") ? String(plain.dropLast(6)) : plain
        var hint = "There are \(known.joined(separator: ", "))."
        if let other = substitutes[system] {
            let protocols = ["mysql": "MySQL's", "postgresql": "PostgreSQL's", "doris": "Doris'"]
            let why = protocols[other].map { "reaches a server that speaks \($0) protocol" } ?? "does the same"
            hint += " `\(other)\(role)` would do instead: it \(why)."
        } else if families[system] != nil {
            hint += " Did you mean `\(system)\(role)`?"
        } else if let near = Nearest.name(to: plain, among: known) {
            hint += " Did you mean `\(near)`?"
        }
        return try { throw ApusError(.unknownConnector, "there is no \(role) plugin `\(name)`", hint: hint) }()
    }
}
