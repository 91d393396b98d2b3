import ApusCore
import CPostgres
import Tabular

/// A connection behind a pooler that gives every transaction whichever server connection is free (PgBouncer: pool_mode =
/// transaction).
///
/// Nothing of ours may outlive a transaction there: each one begins with the settings, statements that stand alone get a
/// transaction of their own, nothing stays prepared, and a lock that lasts longer is held by the open transaction of a second
/// connection.
extension PostgresSession {
    /// Begins a transaction.
    func begin(_ statement: String = "BEGIN", doing: String) throws {
        if poolsTransactions { try enter(statement, doing) } else { try run(statement, doing: doing) }
    }

    /// The body of `run` on such a connection.
    func runPooled(
        _ sql: String, _ parameters: [String?], begin: String?, doing: String, rows: Bool, shows: Bool
    ) throws -> PostgresResult {
        // A read was left half-way.
        if isAlone { rollBack() }
        if begin != nil || PQtransactionStatus(connection) == PQTRANS_IDLE {
            try enter(begin ?? "BEGIN", doing)
            isAlone = begin == nil
        }
        var result = try send(sql, parameters, doing)
        if isAlone, result.error(.state) == "25001" {
            // VACUUM and its like: without the settings.
            rollBack()
            result = try send(sql, parameters, doing)
        }
        guard result.isGood else {
            let error = failure(result, doing, rows: rows, sql: shows ? sql : nil)
            if isAlone { rollBack() }
            throw error
        }
        if result.status != PGRES_COPY_OUT, result.status != PGRES_COPY_IN { try endAlone(doing) }
        if PQtransactionStatus(connection) == PQTRANS_IDLE { isServed(by: nil) }
        return result
    }

    /// Runs a body whose calls need the same server connection, in a transaction if there is none yet.
    func together<Value>(_ doing: String, _ body: () throws -> Value) throws -> Value {
        if isAlone { rollBack() }
        return poolsTransactions && PQtransactionStatus(connection) == PQTRANS_IDLE ? try transaction(doing, body) : try body()
    }

    private func enter(_ begin: String, _ doing: String) throws {
        // What the role or the database makes of a plain BEGIN is not known.
        let statement = begin == "BEGIN" ? "BEGIN ISOLATION LEVEL READ COMMITTED" : begin
        let result = try send("\(statement); \(localSettings); SELECT pg_backend_pid()", [], doing)
        guard result.isGood, let pid = result.value.flatMap({ Int32($0) }) else {
            let error = failure(result, doing)
            rollBack()
            throw error
        }
        isServed(by: pid)
    }

    /// Ends the transaction of a statement that stands alone.
    func endAlone(_ doing: String) throws {
        guard isAlone else { return }
        isAlone = false
        let result = PostgresResult(PQexec(connection, "COMMIT"))
        isServed(by: nil)
        guard result.isGood else { throw failure(result, doing) }
    }

    // MARK: Settings

    /// Sets what each transaction begins with.
    func keepSettings(_ settings: [String]) throws {
        guard endpoint.settings["init_sql"]?.isEmpty != false else {
            throw ApusError(
                .unsupported,
                "the pooler before the server pools transactions (PgBouncer: pool_mode = transaction): what `init_sql` sets would stay in connections of others",
                hint: "Leave `init_sql` out, or connect to the server itself or through a pool with pool_mode = session.",
                context: endpoint.label)
        }
        localSettings = settings.map { "SET LOCAL " + $0 }.joined(separator: "; ")
        try run("SELECT 1", doing: "setting up the connection")
    }

    /// Runs a body whose statements have no limit of time.
    func withoutStatementTimeout<Value>(_ body: () throws -> Value) throws -> Value {
        if poolsTransactions {
            let settings = localSettings
            localSettings += "; SET LOCAL statement_timeout = 0"
            defer { localSettings = settings }
            if !holdsSnapshot { return try body() }
        }
        let limit = try run("SHOW statement_timeout", doing: "looking up the limit of a statement").value ?? "0"
        try run("SET statement_timeout = 0", doing: "lifting the limit of a statement")
        defer { _ = try? run("SET statement_timeout = \(dialect.literal(limit))", doing: "setting the limit of a statement") }
        return try body()
    }

    // MARK: Locks

    /// A connection whose open transaction holds locks; closing it releases them.
    private func holder(_ doing: String) throws -> PostgresSession {
        let holder = try PostgresSession(endpoint, interrupt: interrupt)
        do { try holder.begin(doing: doing) } catch {
            holder.close()
            throw error
        }
        return holder
    }

    /// Another run's name if it holds the lock.
    /// - parameters:
    ///   - gate: statements that keep other runs from looking meanwhile.
    ///   - sql: gives the other's name, and whether the lock was taken.
    func lockPooled(_ key: Int64, _ load: Load, gate: String, _ sql: String, _ doing: String) throws -> [String?] {
        try transaction(doing) {
            try run(gate, doing: doing)
            let holder = try holder(doing)
            do {
                let row = try holder.run("SET LOCAL application_name = \(runName(load)); \(sql)", doing: doing).rows.first ?? []
                if row.last == "t" { lockHolders[key] = holder } else { holder.close() }
                return row
            } catch {
                holder.close()
                throw error
            }
        }
    }

    func holdStepsPooled(_ sql: String, _ doing: String) throws {
        let holder = try holder(doing)
        stepsHolder?.close()
        stepsHolder = holder
        try holder.run(sql, doing: doing)
    }
}
