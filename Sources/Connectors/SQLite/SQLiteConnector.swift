import ApusCore
import Glibc

/// SQLite database files, through the system's libsqlite3.
public struct SQLiteConnector: Connector {
    public init() {}

    public var name: String { "sqlite" }
    public var title: String { "SQLite" }
    public var schemes: [String] { ["sqlite", "sqlite3"] }
    public var example: String { "sqlite:shop.db" }
    public var dialect: (any Dialect)? { SQLiteDialect() }

    public var abilities: Abilities {
        var abilities = Abilities()
        abilities.writers = 1
        return abilities
    }

    public var settings: [Setting] {
        [
            Setting(
                "mode", .choice(["create", "rw", "ro"]), default: "create",
                "create: make the file when something is written; rw: the file must exist; ro: never write to it"),
            Setting(
                "busy_timeout", .duration, default: "30s", aliases: ["timeout", "busytimeout"],
                "how long to wait for another process that holds the file's lock"),
            Setting(
                "journal", .choice(["keep", "wal", "delete", "truncate", "persist"]), default: "keep",
                aliases: ["journal_mode"], "journal mode to set; keep: as the file has it, and wal for a new file"),
            Setting(
                "synchronous", .choice(["full", "normal", "off"]), default: "full",
                "full survives a power cut at once; normal too, but may forget the last commits; off only a killed process"
            ),
            Setting(
                "types", .choice(["declared", "text"]), default: "declared",
                "declared: values must be what their column declares, others are rejected rows; text: every column as text"
            ),
            Setting(
                "dates", .choice(["text", "unix", "unix_ms", "julian"]), default: "text",
                "what numbers in date and time columns mean; text: such numbers are rejected rows"),
            Setting(
                "foreign_keys", .boolean, default: "false",
                "check foreign keys while rows are written, which SQLite itself does not unless asked"),
            Setting("init_sql", .text, "statements to run on every new connection"),
        ]
    }

    public func open(_ endpoint: Endpoint, interrupt: Interrupt) throws -> any Session {
        try SQLiteSession(endpoint, interrupt: interrupt)
    }

    /// A guard transaction keeps writers out for the instant in which all the others begin.
    public func openSnapshot(_ endpoint: Endpoint, count: Int, interrupt: Interrupt) throws -> [any Source] {
        let gate = try SQLiteSession(endpoint, interrupt: interrupt)
        defer { gate.close() }
        do {
            try gate.reading().run("BEGIN IMMEDIATE", doing: "hold writers back for a snapshot")
        } catch let error as ApusError where error.code == .permission {
            throw ApusError(
                .unsupported, "a snapshot that several connections share needs a database that can be locked",
                hint: "Read with one channel, or give write permission to the file.", context: endpoint.label,
                underlying: error.underlying)
        }
        return try (0..<count).map { _ in
            let session = try SQLiteSession(endpoint, interrupt: interrupt.child())
            let database = try session.reading()
            try database.run("BEGIN", doing: "begin a snapshot")
            // A transaction begins to see its state with its first read.
            _ = try database.rows("SELECT count(*) FROM sqlite_master", doing: "begin a snapshot")
            return session
        }
    }
}
