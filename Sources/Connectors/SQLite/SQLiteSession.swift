import ApusCore
import CSQLite
import Glibc
import Tabular

/// One connection to a database file: source and sink.
///
/// A file that is not there is made by the first call that writes (`mode=create`); until then calls that read throw
/// `object.not_found`.
public final class SQLiteSession: SQLSession, Source, Sink {
    public let interrupt: Interrupt
    let path: String
    let settings: Settings
    let dialect = SQLiteDialect()
    private var database: SQLiteDatabase?
    private var isClosed = false
    /// Held while a load is locked, by target table.
    var locks: [String: SQLiteLock] = [:]

    init(_ endpoint: Endpoint, interrupt: Interrupt) throws {
        self.interrupt = interrupt
        settings = endpoint.settings
        path = endpoint.host.map { $0 + (endpoint.path.isEmpty ? "" : "/" + endpoint.path) } ?? endpoint.path
        try interrupt.check()
        guard !path.isEmpty, path != ":memory:" else {
            throw ApusError(
                .configurationInvalid,
                path.isEmpty
                    ? "this connection names no database file"
                    : "a database in memory is gone with its connection, and a copy uses several",
                hint: "Write a file's path, e.g. sqlite:shop.db, or sqlite:/dev/shm/shop.db to keep it in memory.",
                context: endpoint.label)
        }
        if access(path, F_OK) == 0 {
            _ = try opened(create: false)
        } else if settings["mode"] != "create" {
            throw SQLiteErrors.noFile(path)
        } else {
            let folder = path.contains("/") ? String(path[..<path.lastIndex(of: "/")!]) : "."
            guard folder.isEmpty || SQLiteErrors.isFolder(folder) else {
                throw ApusError(
                    .notFound, "the folder for the database file does not exist", hint: "Make it: mkdir -p \(folder)",
                    context: path)
            }
        }
    }

    public var banner: String { "SQLite \(String(cString: sqlite3_libversion()))" }

    /// The database, which must be there.
    func reading() throws -> SQLiteDatabase {
        if let database { return database }
        guard access(path, F_OK) == 0 else { throw SQLiteErrors.noFile(path) }
        return try opened(create: false)
    }

    /// The database, made if need be.
    func writing() throws -> SQLiteDatabase {
        guard settings["mode"] != "ro" else {
            throw ApusError(
                .permission, "the connection is opened with mode=ro", hint: "Leave mode out to write.", context: path)
        }
        return try database ?? opened(create: settings["mode"] == "create")
    }

    private func opened(create: Bool) throws -> SQLiteDatabase {
        guard !isClosed else { throw ApusError(.internalFault, "the connection is closed", context: path) }
        let access = settings["mode"] == "ro" ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE
        let database = try SQLiteDatabase(
            path: path, flags: access | (create ? SQLITE_OPEN_CREATE : 0),
            busyTimeout: settings.seconds("busy_timeout") ?? 30, interrupt: interrupt)
        // The first read of the file tells whether it is a database at all.
        let isNew = try database.rows("PRAGMA page_count", doing: "open the database").first?.first == "0"
        let journal = settings["journal"] ?? "keep"
        if journal != "keep" {
            try database.run("PRAGMA journal_mode=\(journal)", doing: "set the journal mode")
        } else if isNew && create {
            try database.run("PRAGMA journal_mode=wal", doing: "set the journal mode")
        }
        try database.run(
            """
            PRAGMA synchronous=\(settings["synchronous"] ?? "full");
            PRAGMA foreign_keys=\(settings.boolean("foreign_keys") ? "on" : "off");
            PRAGMA cache_size=-16384;
            """, doing: "set up the connection")
        if let sql = settings["init_sql"] { try database.run(sql, doing: "run init_sql", shows: true) }
        self.database = database
        return database
    }

    public func close() {
        isClosed = true
        for lock in locks.values { lock.release() }
        locks = [:]
        database?.rollBack()
        database = nil
    }

    // MARK: Statements

    @discardableResult
    public func execute(_ sql: String) throws -> Int {
        try writing().run(sql, doing: "run the statement", shows: true)
    }

    public func query(_ sql: String, _ parameters: [String?]) throws -> [[String?]] {
        try reading().rows(sql, parameters, doing: "run the query `\(Self.brief(sql))`")
    }

    /// The statement's first words, up to its first literal, which might be row data.
    private static func brief(_ sql: String) -> String {
        let line = sql.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        let head = line.prefix { $0 != "'" }.prefix(60)
        return head.count < line.count ? head + "…" : String(head)
    }
}
