import ApusCore
import MySQLClient
import Tabular

/// DATETIME has no zone here; what FROM_UNIXTIME, curdate() and the like give in user SQL depends on `time_zone`.
extension StarRocksSession {
    func setZone(_ name: String) throws {
        let zone = try Zone.named(name)
        let text = zone.fixedOffset.map(Zone.offsetText) ?? zone.name
        try run("SET time_zone = \(dialect.literal(text))", doing: "set the session's time zone")
    }

    func sessionZone() throws -> SessionZone? {
        // Not every server of this protocol knows the variable.
        guard let name = try? rows("SELECT @@time_zone", doing: "ask for the session's time zone").first?.first.flatMap({ $0 }) else {
            return nil
        }
        return (try? Zone.named(name)).map { SessionZone($0) }
    }
}
