import ApusCore
import FilesConnector
import GeneratorConnector
import MySQLConnector
import PostgresConnector
import SQLiteConnector
import StarRocksConnector

/// The one list of connectors.
enum Registry {
    static let connectors: [any Connector] = [
        MySQLConnector(), PostgresConnector(), SQLiteConnector(), StarRocksConnector(), DorisConnector(),
        CSVConnector(), JSONLinesConnector(), GeneratorConnector(), NullConnector(),
    ]

    /// - throws: `config.unknown_connector` with the nearest name.
    static func connector(named name: String) throws -> any Connector {
        let name = name.lowercased()
        if let found = connectors.first(where: { $0.name == name || $0.schemes.contains(name) }) { return found }
        throw ApusError(
            .unknownConnector, "there is no connector `\(name)`",
            hint: Nearest.hint(for: name, among: connectors.flatMap(\.schemes)))
    }
}
