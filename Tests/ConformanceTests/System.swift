import ApusCore
import ApusTesting
import FilesConnector
import MySQLConnector
import PostgresConnector
import SQLiteConnector
import StarRocksConnector
import Testing

/// The systems that the suite copies between.
enum System: String, Sendable, CaseIterable, CustomTestStringConvertible {
    case mysql, postgres, sqlite, csv, json, starrocks

    var connector: any Connector {
        switch self {
        case .mysql: MySQLConnector()
        case .postgres: PostgresConnector()
        case .sqlite: SQLiteConnector()
        case .csv: CSVConnector()
        case .json: JSONLinesConnector()
        case .starrocks: StarRocksConnector()
        }
    }

    var isInstalled: Bool {
        switch self {
        case .mysql: MariaDBServer.isInstalled
        case .postgres: PostgresServer.isInstalled
        case .sqlite, .csv, .json: true
        case .starrocks: StarRocksDouble.isInstalled
        }
    }

    /// Those that run statements, know keys and hold tables, and whose loads are transactions. StarRocks (a double of it, 3.3)
    /// is a target of all questions for which every system is one; for the others it is named where they make sense.
    static let engines: [System] = [.mysql, .postgres, .sqlite]
    static let servers: [System] = [.mysql, .postgres]
    var isFile: Bool { self == .csv || self == .json }
    var testDescription: String { rawValue }

    /// A name in quotes, as the sessions of ``Place`` take it.
    func quote(_ name: String) -> String {
        let mark = self == .starrocks ? "`" : "\""
        return mark + name.replacing(mark, with: mark + mark) + mark
    }
}

/// A source and a target.
struct Pair: Sendable, Hashable, CustomTestStringConvertible {
    let from: System
    let to: System
    var testDescription: String { "\(from.rawValue) → \(to.rawValue)" }
}

extension System {
    /// Every engine as the source of every system; of StarRocks one, since a double takes its time.
    static let pairs = engines.flatMap { from in allCases.filter { $0 != .starrocks }.map { Pair(from: from, to: $0) } } + [intoStarRocks]
    static let intoStarRocks = Pair(from: .sqlite, to: .starrocks)
    static let outOfStarRocks = [System.sqlite, .starrocks].map { Pair(from: .starrocks, to: $0) }
    static let enginePairs = engines.flatMap { from in engines.map { Pair(from: from, to: $0) } }

    /// What lets a recursive query give so many rows.
    func recursionLimit(_ count: Int) -> String {
        guard self == .mysql else { return "" }
        return MariaDBServer.isReplaced ? "SET cte_max_recursion_depth = \(count);" : "SET max_recursive_iterations = \(count);"
    }
}

extension Place {
    /// Tables of the database, by name.
    func tables() throws -> [String] {
        switch system {
        case .postgres:
            try ask("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r','p') ORDER BY 1").map {
                $0[0]
            }
        case .sqlite: try ask("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1").map { $0[0] }
        case .mysql:
            try ask(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = database() AND table_type = 'BASE TABLE' ORDER BY 1"
            ).map { $0[0] }
        case .starrocks: try ask("SHOW TABLES").map { $0[0] }.sorted()
        case .csv, .json: []
        }
    }
}
