import ApusControl
import ApusCore
import ApusFlow
import Glibc
import SQLiteConnector

/// Where runs are remembered: what `--ledger` says, `APUS_LEDGER`, or a file of the user's.
struct LedgerPlace {
    let text: String

    init(_ given: String?) { text = given ?? SQLLedger.defaultPath() }

    /// A connection's name is known as such; any other text without a scheme is a file.
    /// - throws: `config.*`, `connection.*`.
    func open() throws -> SQLLedger {
        let isURL = text.contains("://") || Registry.connectors.contains { $0.schemes.contains { text.hasPrefix($0 + ":") } }
        let resolver = Resolver.make()
        let isFile = !isURL && !text.contains("${") && (access(text, F_OK) == 0 || !resolver.knows(text))
        if isFile { return try SQLLedger(file: text, connector: SQLiteConnector()) }
        let resolved = try resolver.resolve(text)
        let endpoint = resolved.connection.endpoint
        if resolved.connector.name == "sqlite" { return try SQLLedger(file: endpoint.path, connector: resolved.connector) }
        return try SQLLedger(connector: resolved.connector, endpoint: endpoint)
    }
}
