import Foundation

/// A throw-away PgBouncer on 127.0.0.1 before a PostgreSQL server of this kit.
public final class PgBouncer: Sendable {
    public enum Mode: String, Sendable { case session, transaction, statement }

    public static var isInstalled: Bool { findProgram("pgbouncer") != nil }

    /// Pools the transactions of the shared server's connections; the same for all tests of the process.
    public static func shared() throws -> PgBouncer { try sharedPooler.get() }
    private static let sharedPooler = Result { try PgBouncer(.transaction, before: .shared()) }

    public let port: UInt16
    private let server: PostgresServer
    private let process: ServerProcess

    public init(_ mode: Mode, before server: PostgresServer) throws {
        guard let program = findProgram("pgbouncer") else { throw KitError("PgBouncer is not installed (pgbouncer)") }
        self.server = server
        port = try freePort()
        let folder = try TemporaryFolder(prefix: "apus-pool")
        let users = try folder.write("\"\(server.options.user)\" \"\(server.options.password)\"\n", to: "users.txt")
        let settings = try folder.write(
            """
            [databases]
            * = host=127.0.0.1 port=\(server.port)
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = \(port)
            unix_socket_dir =
            auth_type = scram-sha-256
            auth_file = \(users)
            pool_mode = \(mode.rawValue)
            ignore_startup_parameters = options
            max_client_conn = 1000
            default_pool_size = 12
            server_idle_timeout = 1

            """, to: "pgbouncer.ini")
        // It refuses to run as root.
        let command = try PostgresServer.becomePostgres(owning: folder.path) + [program, settings]
        process = try ServerProcess(
            folder: folder, program: command[0], arguments: Array(command.dropFirst()), killSignal: SIGKILL)
        try process.start()
        let port = port
        try process.waitUntilReady("PgBouncer") { acceptsConnections(port: port) }
    }

    /// The URL of a database through the pooler.
    public func url(database: String) -> String { server.url(database: database, port: port) }
}
