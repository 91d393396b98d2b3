import ApusCore
import Synchronization

/// One end of a run: how to open connections to it.
public struct Connections: Sendable {
    public let connector: any Connector
    public let endpoint: Endpoint
    /// Where connections come from and go back to, when several runs share them.
    public let pool: SessionPool?
    /// What is known of tables that will be planned, when several runs share an end.
    public let shapes: ShapeCache?

    public init(_ connector: any Connector, _ endpoint: Endpoint, pool: SessionPool? = nil, shapes: ShapeCache? = nil) {
        self.connector = connector
        self.endpoint = endpoint
        self.pool = pool
        self.shapes = shapes
    }

    /// - throws: `object.not_found`.
    func describe(_ table: TableName, _ session: any Session) throws -> TableShape {
        try shapes?.take(table, at: endpoint, session) ?? session.describe(table)
    }

    /// nil = there is no such table.
    func find(_ table: TableName, _ session: any Session) throws -> TableShape? {
        try shapes?.take(table, at: endpoint, session) ?? session.find(table)
    }

    public func session(_ interrupt: Interrupt) throws -> any Session {
        try connector.open(endpoint, interrupt: interrupt)
    }

    /// - throws: `unsupported` for a connector that only writes.
    public func source(_ interrupt: Interrupt) throws -> any Source {
        if let source = pool?.take(endpoint, .source) as? any Source { return source }
        return try role(session(pool?.child() ?? interrupt), "read from")
    }

    public func sink(_ interrupt: Interrupt) throws -> any Sink {
        if let sink = pool?.take(endpoint, .sink) as? any Sink { return sink }
        return try role(session(pool?.child() ?? interrupt), "written to")
    }

    /// Ends the use of a connection: closes it, or gives it back to the pool. `isSound`: no error may have left it in an
    /// unknown state.
    public func release(source: any Source, isSound: Bool) { release(source, .source, isSound) }
    public func release(sink: any Sink, isSound: Bool) { release(sink, .sink, isSound) }

    private func release(_ session: any Session, _ role: SessionPool.Role, _ isSound: Bool) {
        if let pool { pool.give(session, endpoint, role, isSound: isSound) } else { session.close() }
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

/// Two connections that are open already: a planner's, taken over by the runner, so that a small job does not connect
/// twice.
///
/// Sendable, unchecked: whoever takes one out owns it; the planner does not touch them any more.
public final class OpenConnections: @unchecked Sendable {
    private let mutex = Mutex(())
    private var source: (any Source)?
    private var sink: (any Sink)?

    init(source: any Source, sink: any Sink) {
        self.source = source
        self.sink = sink
    }

    func takeSource() -> (any Source)? {
        mutex.withLock { _ in
            defer { source = nil }
            return source
        }
    }

    func takeSink() -> (any Sink)? {
        mutex.withLock { _ in
            defer { sink = nil }
            return sink
        }
    }

    /// Closes what nobody took.
    public func close() {
        takeSource()?.close()
        takeSink()?.close()
    }
}
