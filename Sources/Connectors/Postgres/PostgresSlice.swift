import ApusCore
import Tabular

/// Beginning a slice whose last attempt may still be committing.
extension PostgresSession {
    /// Seconds that a new attempt waits for the one before to end by itself.
    private static let patience = 5

    /// Begins the transaction of a slice.
    ///
    /// Each attempt holds an advisory lock of its slice to the end of its transaction, so that this one finds out what
    /// became of an attempt whose connection broke: it is committed, and its mark is seen, or it will never be. A server
    /// process that still waits for a client that has gone is ended.
    /// - returns: the slice's mark when it is in the target already; there is no open transaction then.
    func beginSlice(_ slice: Int, _ load: Load, isMarked: Bool) throws -> SliceMark? {
        let doing = "loading \(load.target)"
        let name = "application_name = \(runName(load))"
        let begin = poolsTransactions ? "BEGIN" : "SET \(name); BEGIN"
        var first = poolsTransactions ? "SET LOCAL \(name); " : ""
        if try defersForeignKeys(load) { first += "SET LOCAL session_replication_role = replica; " }
        guard isMarked else {
            try self.begin(begin, doing: doing)
            if !first.isEmpty { try run(first, doing: doing) }
            return nil
        }
        let key = try sliceKey(slice, load)
        let limits =
            version >= 90300 ? ("SET LOCAL lock_timeout = '\(Self.patience)s'; ", "SET LOCAL lock_timeout = \(lockTimeout); ") : ("", "")
        let sql = """
            \(first)\(limits.0)SELECT pg_advisory_xact_lock(\(key)); \(limits.1)\
            SELECT rows_read, rows_written, rows_rejected FROM \(try marksTable(load)) WHERE \(try markCondition(load)) AND slice = \(slice)
            """
        var attempt = 1
        while true {
            let found: [String?]?
            do { found = try run(sql, begin: begin, doing: doing).rows.first } catch let error as ApusError
                where error.isLockTimeout && attempt < 4
            {
                attempt += 1
                rollBack()
                try endHolder(of: key, doing)
                continue
            }
            guard let found else { return nil }
            rollBack()
            let numbers = found.map { Int($0 ?? "") ?? 0 }
            return SliceMark(slice: slice, read: numbers[0], written: numbers[1], rejected: numbers[2])
        }
    }

    /// Ends the server process whose transaction holds an advisory lock.
    private func endHolder(of key: Int64, _ doing: String) throws {
        let bits = UInt64(bitPattern: key)
        try run(
            """
            SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_locks
            WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND pid <> pg_backend_pid()
              AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
              AND classid = \(bits >> 32) AND objid = \(bits & 0xffff_ffff)
            """, doing: doing)
    }

    private func sliceKey(_ slice: Int, _ load: Load) throws -> Int64 {
        try lockKey(load, "\(load.target.name)\u{0}\(load.runID)\u{0}\(load.table)\u{0}\(slice)")
    }
}

extension ApusError {
    /// SQLSTATE 55P03, lock_not_available.
    fileprivate var isLockTimeout: Bool { underlying?.hasPrefix("PG 55P03") == true }
}
