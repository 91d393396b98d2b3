import ApusControl
import ApusCore
import ApusFlow
import ArgumentParser

/// The control database that a command works with.
struct ControlPlace {
    let resolved: ConnectionResolver.Resolved

    /// - parameter text: a URL or a connection's name.
    /// - parameter zone: see ``ConnectionResolver/zone``.
    init(_ text: String, zone: String? = nil) throws { resolved = try Resolver.make(zone: zone).resolve(text) }

    func open(patience: Double = 30) throws -> ControlDatabase {
        try ControlDatabase(connector: resolved.connector, endpoint: resolved.connection.endpoint, patience: patience)
    }

    /// The ledger in the same database, which every worker reaches.
    func ledger() throws -> SQLLedger {
        try SQLLedger(connector: resolved.connector, endpoint: resolved.connection.endpoint, patience: 2)
    }
}
