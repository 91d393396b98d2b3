import ApusCore

/// One end of a run: how to open connections to it.
public struct Connections: Sendable {
    public let connector: any Connector
    public let endpoint: Endpoint

    public init(_ connector: any Connector, _ endpoint: Endpoint) {
        self.connector = connector
        self.endpoint = endpoint
    }

    public func session(_ interrupt: Interrupt) throws -> any Session {
        try connector.open(endpoint, interrupt: interrupt)
    }

    /// - throws: `unsupported` for a connector that only writes.
    public func source(_ interrupt: Interrupt) throws -> any Source {
        try role(session(interrupt), "read from")
    }

    public func sink(_ interrupt: Interrupt) throws -> any Sink {
        try role(session(interrupt), "written to")
    }

    public func sql(_ interrupt: Interrupt) throws -> any SQLSession {
        try role(session(interrupt), "given SQL")
    }

    private func role<Role>(_ session: any Session, _ verb: String) throws -> Role {
        if let role = session as? Role { return role }
        session.close()
        throw ApusError(.unsupported, "\(connector.title) cannot be \(verb)", context: endpoint.label)
    }
}
