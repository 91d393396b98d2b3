import ApusControl
import ApusCore
import SQLiteConnector

/// Where runs are remembered: what `--ledger` says, `APUS_LEDGER`, or a file of the user's.
struct LedgerPlace {
    let text: String

    init(_ given: String?) { text = given ?? SQLLedger.defaultPath() }

    /// - throws: `config.invalid`, `config.unknown_connector`, `connection.*`.
    func open() throws -> SQLLedger {
        let isURL = text.contains("://") || Registry.connectors.contains { $0.schemes.contains { text.hasPrefix($0 + ":") } }
        guard isURL else { return try SQLLedger(file: text, connector: SQLiteConnector()) }
        let url = try ConnectionURL(parsing: text)
        let connector = try Registry.connector(named: url.scheme)
        if connector.name == "sqlite" { return try SQLLedger(file: url.path, connector: connector) }
        return try SQLLedger(connector: connector, endpoint: Endpoint(url, connector))
    }
}
