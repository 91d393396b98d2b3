import ApusCore
import Tabular

/// PostgreSQL and servers that speak its protocol, through libpq.
public struct PostgresConnector: Connector {
    public init() {}

    public let name = "postgres"
    public let title = "PostgreSQL"
    public let schemes = ["postgres", "postgresql", "pgsql", "greenplum"]
    public let abilities: Abilities = {
        var abilities = Abilities()
        abilities.driverSetsZone = true
        return abilities
    }()
    public let example = "postgres://user:password@host:5432/database?tls=verify&ca=/etc/ssl/ca.pem"
    public var dialect: (any Dialect)? { PostgresDialect() }

    public let settings: [Setting] = [
        Setting(
            "tls", .choice(["off", "prefer", "require", "verify-ca", "verify", "disable", "allow", "verify-full"]),
            aliases: ["sslmode"],
            "encryption: verify checks certificate and host name; default prefer, or verify when `ca` is given"),
        Setting("ssl", .boolean, "JDBC's word for tls=verify"),
        Setting("ca", .text, aliases: ["sslrootcert"], "file of the authorities (PEM) that may sign the server's certificate"),
        Setting("cert", .text, aliases: ["sslcert"], "file of the client's certificate (PEM)"),
        Setting("key", .text, aliases: ["sslkey"], "file of the client certificate's key (PEM)"),
        Setting(
            "require_auth", .text,
            "how the server may ask for the password: some of password, md5, scram-sha-256, gss, none; default all, password only over verified TLS or a unix socket"
        ),
        Setting("socket", .text, aliases: ["host"], "folder of a unix socket, or a host, in place of the URL's"),
        Setting(
            "connect_timeout", .duration, default: "15s", aliases: ["connectTimeout", "loginTimeout"],
            "how long to wait for a connection"),
        Setting("statement_timeout", .duration, default: "0", "limit of one statement, set on the server; 0 = none"),
        Setting("lock_timeout", .duration, default: "30s", "how long a statement waits for a lock; 0 = for ever"),
        Setting(
            "application_name", .text, default: "apus", aliases: ["ApplicationName"], "shown in pg_stat_activity"),
        Setting("options", .text, "command-line options for the server session, as libpq's"),
        Setting(
            "target_session_attrs", .choice(["any", "read-write", "read-only", "primary", "standby", "prefer-standby"]),
            "which kind of server to accept"),
        Setting(
            "schema", .text, aliases: ["currentSchema", "search_path"],
            "schemas for tables without one, separated by commas"),
        Setting(
            "row_security", .choice(["off", "on"]), default: "off",
            "tables whose policies hide rows from this user: off refuses them, as pg_dump does; on takes the visible rows"),
        Setting(
            "nul", .choice(["reject", "strip"]), default: "reject",
            "NUL characters in text, which PostgreSQL cannot hold: reject the row or leave them out"),
        Setting(
            "synchronous_commit", .choice(["on", "off", "local", "remote_write", "remote_apply"]),
            "durability of commits; default as the server is configured"),
        Setting("analyze", .boolean, default: "true", "ANALYZE a table after it was loaded"),
        Setting(
            "time_zone", .text, aliases: ["TimeZone", "timezone"],
            "the session's zone, for user SQL: Asia/Shanghai, +08:00, UTC; default: the role's or database's"),
        Setting("init_sql", .text, "SQL to run when a connection has been opened"),
    ]

    public func open(_ endpoint: Endpoint, interrupt: Interrupt) throws -> any Session {
        try PostgresSession(endpoint, interrupt: interrupt)
    }

    /// The first connection exports its snapshot and the others take it over; each then keeps it for itself, so the
    /// connections may be closed in any order.
    public func openSnapshot(_ endpoint: Endpoint, count: Int, interrupt: Interrupt) throws -> [any Source] {
        var sessions: [PostgresSession] = []
        do {
            var snapshot: String?
            for _ in 0..<max(count, 1) {
                let session = try PostgresSession(endpoint, interrupt: interrupt.child())
                sessions.append(session)
                snapshot = try session.beginSnapshot(snapshot)
            }
            return sessions
        } catch {
            for session in sessions { session.close() }
            throw error
        }
    }
}
