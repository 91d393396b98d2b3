import ApusCore
import Tabular

/// The ledger on any connector that runs SQL: an embedded SQLite file by default, MySQL or PostgreSQL for teams.
///
/// It has one connection, opened again when it is lost; what cannot be written in `patience` seconds throws, so that
/// no result is lost in silence.
public final class SQLLedger: BatchLedger {
    let link: DatabaseLink

    /// `label` names the ledger in errors, without secrets; `open` makes one connection.
    public init(
        connector: any Connector, label: String, patience: Double = 30,
        open: @escaping @Sendable (Interrupt) throws -> any SQLSession
    ) {
        link = DatabaseLink(
            connector: connector, label: label, title: "the ledger",
            hint:
                "See that the ledger can be reached and written (--ledger, APUS_LEDGER); \(Advice.resume()) goes on from what the target holds.",
            patience: patience, ready: { try LedgerSchema.ready($0, connector: connector) }, open: open)
    }

    /// See ``ControlDatabase/watch(_:)``; for a ledger in the control database.
    public func watch(_ seconds: Double) {
        if connector.name != "sqlite" { link.watch(seconds) }
    }

    /// - throws: `config.invalid` when the connector runs no SQL.
    public convenience init(connector: any Connector, endpoint: Endpoint, patience: Double = 30) throws {
        guard connector.abilities.sql, connector.abilities.writes, connector.dialect != nil else {
            throw ApusError(
                .configurationInvalid, "\(connector.title) cannot hold a ledger",
                hint: "Give --ledger a SQLite file, or a MySQL or PostgreSQL database.")
        }
        self.init(connector: connector, label: endpoint.label, patience: patience) { interrupt in
            let session = try connector.open(endpoint, interrupt: interrupt)
            guard let session = session as? any SQLSession else {
                session.close()
                throw ApusError(.configurationInvalid, "\(connector.title) cannot hold a ledger")
            }
            return session
        }
    }

    var connector: any Connector { link.connector }

    /// Closes the connection; the next call opens one.
    public func close() { link.close() }

    func perform<Result: Sendable>(_ what: String, _ body: (any SQLSession) throws -> Result) throws -> Result {
        try link.perform(what, body)
    }

    func transaction<Result: Sendable>(_ what: String, _ body: (any SQLSession) throws -> Result) throws -> Result {
        try link.transaction(what, body)
    }
}
