import ApusCore
import ApusTesting
import FilesConnector
import PostgresConnector
import SQLiteConnector
import Testing

/// The systems that the suite copies between.
enum System: String, Sendable, CaseIterable, CustomTestStringConvertible {
    case postgres, sqlite, csv

    var connector: any Connector {
        switch self {
        case .postgres: PostgresConnector()
        case .sqlite: SQLiteConnector()
        case .csv: CSVConnector()
        }
    }

    var isInstalled: Bool {
        switch self {
        case .postgres: PostgresServer.isInstalled
        case .sqlite, .csv: true
        }
    }

    /// Those that run statements, know keys and hold tables.
    static let engines: [System] = [.postgres, .sqlite]
    static let servers: [System] = [.postgres]
    var isFile: Bool { self == .csv }
    var testDescription: String { rawValue }

    /// A name in quotes.
    func quote(_ name: String) -> String { "\"" + name.replacing("\"", with: "\"\"") + "\"" }
}

/// A source and a target.
struct Pair: Sendable, Hashable, CustomTestStringConvertible {
    let from: System
    let to: System
    var testDescription: String { "\(from.rawValue) → \(to.rawValue)" }
}

extension System {
    /// Every engine as the source of every system.
    static let pairs = engines.flatMap { from in allCases.map { Pair(from: from, to: $0) } }
    static let enginePairs = engines.flatMap { from in engines.map { Pair(from: from, to: $0) } }

    /// SQL that joins texts.
    func concat(_ a: String, _ b: String) -> String { "\(a) || \(b)" }

    /// What lets a recursive query give so many rows.
    func recursionLimit(_ count: Int) -> String { "" }

    /// SQL of the row's number as a text of octets, the same in all systems.
    func md5(_ sql: String) -> String { self == .sqlite ? "printf('%032d', \(sql))" : "md5((\(sql))::text)" }
}

extension Place {
    /// Tables of the database, by name.
    func tables() throws -> [String] {
        switch system {
        case .postgres: try ask("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r','p') ORDER BY 1").map { $0[0] }
        case .sqlite: try ask("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1").map { $0[0] }
        case .csv: []
        }
    }
}
