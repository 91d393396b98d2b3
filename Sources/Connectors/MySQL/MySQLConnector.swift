import ApusCore
import CMariaDB

/// MySQL 5.7 and later, MariaDB 10.5 and later, and what speaks their protocol.
public struct MySQLConnector: Connector {
    public let name = "mysql"
    public let title = "MySQL and MariaDB"
    public let schemes = ["mysql", "mariadb"]
    public let settings = MySQLOptions.declared
    public var abilities: Abilities {
        var abilities = Abilities()
        abilities.schemaWord = "database"
        return abilities
    }
    public let example = "mysql://user:password@host:3306/shop?tls=verify"
    public var dialect: (any Dialect)? { MySQLDialect() }

    public init() {}

    public func open(_ endpoint: Endpoint, interrupt: Interrupt) throws -> any Session {
        try MySQLSession(endpoint, interrupt: interrupt)
    }

    /// All connections begin their transaction while a global read lock stands still every writer.
    /// - throws: `object.permission` without the RELOAD privilege.
    public func openSnapshot(_ endpoint: Endpoint, count: Int, interrupt: Interrupt) throws -> [any Source] {
        let control = try MySQLSession(endpoint, interrupt: interrupt)
        defer { control.close() }
        var sessions: [MySQLSession] = []
        do {
            for _ in 0..<count { sessions.append(try MySQLSession(endpoint, interrupt: interrupt.child())) }
            try control.run("SET SESSION lock_wait_timeout = 30", doing: "limit the wait for the read lock")
            try control.run(
                "FLUSH TABLES WITH READ LOCK", doing: "take the global read lock that a consistent snapshot begins with",
                hint: "Grant RELOAD (or FLUSH_TABLES) to the user, end statements that run for long, or read without a snapshot.")
            for session in sessions { try session.beginSnapshot() }
            try control.run("UNLOCK TABLES", doing: "release the global read lock")
        } catch {
            sessions.forEach { $0.close() }
            throw error
        }
        return sessions
    }
}
