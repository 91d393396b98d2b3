/// A connection that a connector can open: the URL's parts, its parameters checked against the connector's settings.
public struct Endpoint: Sendable, Hashable {
    /// The connector's ``Connector/name``.
    public var connector: String
    public var user: String?
    public var password: Secret?
    public var host: String?
    public var port: Int?
    /// Further hosts of the same system, to be tried when the first does not answer.
    public var otherHosts: [ConnectionURL.Host] = []
    /// Database or path.
    public var path: String
    public var settings: Settings
    /// What it was made of, with all that is secret.
    public let url: ConnectionURL
    /// The time zone that sessions are set to; nil = the one that the settings or the server have.
    public var zone: String?
    /// The database that it names may be missing: the run makes it, see ``Plan/schemas``.
    public var createsSchemas = false
    /// Safe to show: no password.
    public let label: String
    /// Parameters that were understood by nobody and left out (only in `jdbc:` URLs).
    public var ignored: [String] = []

    /// - throws: `config.unknown_key` with the nearest valid key, `config.invalid`.
    public init(_ url: ConnectionURL, _ connector: any Connector) throws {
        self.connector = connector.name
        user = url.user
        password = url.password
        host = url.host
        port = url.port
        if connector.abilities.hostLists {
            otherHosts = url.otherHosts
        } else if !url.otherHosts.isEmpty {
            // libpq and others take several names as one; a port behind the last stands for all of them.
            guard url.port == nil, url.otherHosts.dropLast().allSatisfy({ $0.port == nil }) else {
                throw ApusError(
                    .configurationInvalid, "\(connector.title) takes one host and port, and this connection names several",
                    hint: "Name one of them.", context: url.description)
            }
            host = ([url.host ?? ""] + url.otherHosts.map(\.name)).joined(separator: ",")
            port = url.otherHosts.last?.port
        }
        path = url.path
        self.url = url
        label = url.description
        settings = Settings(connector.settings)
        for parameter in url.parameters {
            do {
                try settings.set(parameter.name, parameter.value)
            } catch let error as ApusError where url.isJDBC && error.code == .unknownKey {
                ignored.append(parameter.name)
            } catch let error as ApusError {
                throw error.about(label)
            }
        }
    }
}

extension Endpoint: CustomStringConvertible {
    public var description: String { label }
}
