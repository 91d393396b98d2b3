import ApusCore
import CMariaDB

/// A session over MySQL's protocol: how statements are sent, and their faults told.
public protocol ClientSession: SQLSession {
    var endpoint: Endpoint { get }
    var handle: UnsafeMutablePointer<MYSQL> { get }
    /// The name of the database that unqualified tables are in.
    var database: String? { get }
    /// Makes the connection ready for a statement: ends a read that is still open, and opens a broken one again.
    func makeReady() throws
    /// Looks at a fault before it is told.
    func noticed(_ fault: MySQLFault) -> MySQLFault
    /// A fault as an error, or `run.cancelled` when the interrupt caused it.
    func error(_ fault: MySQLFault, doing: String, hint: String?) -> ApusError
}

extension ApusError {
    /// The same error of a statement that holds no values of rows: with the statement around the place of the fault.
    public func showing(_ sql: String, _ fault: MySQLFault) -> ApusError {
        guard code != .cancelled, code != .unreachable, let underlying else { return self }
        var copy = self
        copy.underlying = Masking.words(fault.isSyntax ? fault.syntaxWords ?? underlying : underlying, on: sql, at: fault.place(in: sql))
        return copy
    }
}

extension ClientSession {
    public func noticed(_ fault: MySQLFault) -> MySQLFault { fault }

    public func error(_ fault: MySQLFault, doing: String) -> ApusError { error(fault, doing: doing, hint: nil) }

    /// Runs a statement, drops rows that it may give, and returns the rows affected. `shows`: an error may show the statement,
    /// which holds no values of rows.
    @discardableResult
    public func run(_ sql: String, doing: @autoclosure () -> String, hint: String? = nil, shows: Bool = false) throws -> Int {
        do {
            return try attempt(sql)
        } catch let fault as MySQLFault {
            let error = error(fault, doing: doing(), hint: hint)
            throw shows ? error.showing(sql, fault) : error
        }
    }

    /// As ``run(_:doing:hint:)``, with the server's own fault.
    @discardableResult
    public func attempt(_ sql: String) throws -> Int {
        try makeReady()
        do {
            try ClientResult.send(sql, on: handle)
            return try ClientResult.affectedRows(handle)
        } catch {
            throw noticed(error)
        }
    }

    /// Names and rows of a small result.
    public func table(_ sql: String, doing: @autoclosure () -> String) throws -> (names: [String], rows: [[String?]]) {
        do {
            try makeReady()
            do {
                try ClientResult.send(sql, on: handle)
                return try ClientResult.table(handle)
            } catch {
                throw noticed(error)
            }
        } catch let fault as MySQLFault {
            throw error(fault, doing: doing(), hint: nil)
        }
    }

    public func rows(_ sql: String, doing: @autoclosure () -> String) throws -> [[String?]] {
        try table(sql, doing: doing()).rows
    }

    public func execute(_ sql: String) throws -> Int { try run(sql, doing: "run the statement", shows: true) }

    public func query(_ sql: String, _ parameters: [String?]) throws -> [[String?]] {
        let filled = try ClientParameters.fill(sql, with: parameters)
        return try rows(filled, doing: "run `\(ClientResult.excerpt(sql))`")
    }

    // MARK: What is not there

    /// The database that a table without one is looked for in.
    public func requiredDatabase(_ schema: String?) throws -> String {
        if let name = schema ?? database { return name }
        throw ApusError(
            .configurationInvalid, "this connection names no database",
            hint: "Name one behind the host, \(endpoint.connector)://host/database, or write tables as database.table.",
            context: endpoint.label)
    }

    public func notFound(_ table: TableName) throws -> ApusError {
        let schema = try requiredDatabase(table.schema)
        let known = try tables(schema: schema).map(\.name.name)
        if known.isEmpty {
            let databases = try rows("SHOW DATABASES", doing: "list the databases").compactMap(\.first!)
            if !databases.contains(schema) {
                return ApusError(
                    .notFound, "there is no database `\(schema)`, or this user may not see it",
                    hint: Nearest.hint(for: schema, among: databases), context: endpoint.label)
            }
        }
        return ApusError(
            .notFound, "there is no table `\(table.name)` in `\(schema)`, or this user may not see it",
            hint: Nearest.hint(for: table.name, among: known), context: endpoint.label)
    }
}
