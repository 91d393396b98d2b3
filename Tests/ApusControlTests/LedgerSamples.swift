import ApusControl
import ApusCore
import ApusTesting
import Glibc
import MySQLConnector
import PostgresConnector
import SQLiteConnector
import Tabular

/// The systems that a ledger is tested on.
enum LedgerHome: String, CaseIterable, Sendable {
    case sqlite, mariadb, postgres

    /// In continuous integration all of them: a missing server fails there.
    static var tested: [LedgerHome] {
        allCases.filter { home in
            if getenv("CI") != nil { return true }
            return switch home {
            case .sqlite: true
            case .mariadb: MariaDBServer.isInstalled
            case .postgres: PostgresServer.isInstalled
            }
        }
    }
}

/// A place for one test's ledger, gone with it.
final class LedgerPlace: Sendable {
    let connector: any Connector
    let url: String
    let folder: TemporaryFolder

    /// A database that is there already.
    init(_ home: LedgerHome, url: String) throws {
        folder = try TemporaryFolder()
        connector = home == .mariadb ? MySQLConnector() : PostgresConnector()
        self.url = url
    }

    init(_ home: LedgerHome) throws {
        folder = try TemporaryFolder()
        switch home {
        case .sqlite:
            connector = SQLiteConnector()
            url = "sqlite:" + folder.file("ledger.db")
        case .mariadb:
            connector = MySQLConnector()
            // The ledger's text is Unicode whatever the database's default says.
            let server = try MariaDBServer.shared()
            url = server.url(database: try server.makeDatabase("CHARACTER SET latin1"))
        case .postgres:
            connector = PostgresConnector()
            let server = try PostgresServer.shared()
            url = server.url(database: try server.makeDatabase())
        }
    }

    /// A ledger that keeps its place.
    func ledger() throws -> SQLLedger {
        SQLLedger(connector: connector, label: "the ledger") { [self] _ in try session() }
    }

    func session() throws -> any SQLSession {
        let session = try connector.open(try Endpoint(ConnectionURL(parsing: url), connector), interrupt: Interrupt())
        guard let session = session as? any SQLSession else { throw KitError("\(connector.title) runs no SQL") }
        return session
    }
}

extension RunRecord {
    static func sample(_ id: String = "run-1", startedAt: Double = 1_700_000_000.123456, plan: String = "{}")
        -> RunRecord
    {
        RunRecord(
            id: id, name: "夜 'quoted' \\ \"x\"", from: "mysql://u:${PW}@h/shop", to: "postgres://h/dw?x=1", plan: plan,
            status: .running,
            startedAt: startedAt, beatAt: startedAt, host: "h", pid: 4711)
    }
}

extension Slice {
    static let samples = [
        Slice(id: 0, bounds: .range(from: nil, upTo: ["5", "x'\"\\\n雨"]), rows: 10),
        Slice(id: 1, bounds: .range(from: ["5", "x"], upTo: nil)), Slice(id: 2, bounds: .null),
        Slice(id: 3, bounds: .part("a.csv")),
        Slice(id: 4, bounds: .all),
    ]
}
