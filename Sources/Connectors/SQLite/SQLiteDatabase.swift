import ApusCore
import CSQLite
import Glibc

/// An open database handle. It waits for locks and runs statements in a way that ``Interrupt`` can end.
final class SQLiteDatabase {
    let handle: OpaquePointer
    let path: String
    let interrupt: Interrupt
    private let watch: Unmanaged<Watch>

    /// Virtual machine steps of SQLite between two looks at the interrupt: well under a millisecond.
    private static let stepsBetweenChecks: Int32 = 10_000

    /// - Parameter flags: `SQLITE_OPEN_…`.
    init(path: String, flags: Int32, busyTimeout: Double, interrupt: Interrupt) throws {
        self.path = path
        self.interrupt = interrupt
        var opened: OpaquePointer?
        let status = sqlite3_open_v2(path, &opened, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard status == SQLITE_OK, let opened else {
            let error = SQLiteErrors.openError(status, opened, path: path)
            sqlite3_close_v2(opened)
            throw error
        }
        handle = opened
        watch = .passRetained(Watch(interrupt: interrupt, timeout: busyTimeout))
        sqlite3_busy_handler(
            opened, { context, tries in Unmanaged<Watch>.fromOpaque(context!).takeUnretainedValue().wait(tries) },
            watch.toOpaque())
        sqlite3_progress_handler(
            opened, Self.stepsBetweenChecks,
            { Unmanaged<Watch>.fromOpaque($0!).takeUnretainedValue().interrupt.isFired ? 1 : 0 }, watch.toOpaque())
    }

    deinit {
        // Statements that are still open keep the handle alive until they are finalized, but not the handlers.
        sqlite3_busy_handler(handle, nil, nil)
        sqlite3_progress_handler(handle, 0, nil, nil)
        sqlite3_close_v2(handle)
        watch.release()
    }

    /// What the handlers of a handle look at.
    private final class Watch {
        let interrupt: Interrupt
        let timeout: Double
        var began = 0.0

        init(interrupt: Interrupt, timeout: Double) {
            self.interrupt = interrupt
            self.timeout = timeout
        }

        /// Sleeps before another try for a lock; 0 = give up.
        func wait(_ tries: Int32) -> Int32 {
            if interrupt.isFired { return 0 }
            let now = Clock.monotonic()
            if tries == 0 { began = now }
            let left = timeout - (now - began)
            guard left > 0 else { return 0 }
            let pause = min(0.001 * Double(1 << min(tries, 6)), 0.05, left)
            usleep(UInt32(pause * 1_000_000))
            return 1
        }
    }

    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    /// The error of the last call.
    func error(_ status: Int32, doing: String, _ sql: String? = nil) -> ApusError {
        SQLiteErrors.error(status, self, doing: doing, sql)
    }

    /// - parameter shows: an error may show the statement, which holds no values of rows.
    func prepare(_ sql: String, doing: String, persistent: Bool = false, shows: Bool = false) throws -> SQLiteStatement {
        var pointer: OpaquePointer?
        let flags = persistent ? UInt32(SQLITE_PREPARE_PERSISTENT) : 0
        let status = sqlite3_prepare_v3(handle, sql, -1, flags, &pointer, nil)
        guard status == SQLITE_OK else { throw error(status, doing: doing, shows ? sql : nil) }
        guard let pointer else {
            throw ApusError(.statement, "could not \(doing): the statement is empty", context: path)
        }
        return SQLiteStatement(pointer, self)
    }

    /// Runs every statement of the text. Returns the rows that the last change touched.
    /// - parameter shows: an error may show the text, which holds no values of rows.
    @discardableResult
    func run(_ sql: String, doing: String, shows: Bool = false) throws -> Int {
        var changed = 0
        try sql.withCString { start in
            var next: UnsafePointer<CChar>? = start
            while let text = next, text.pointee != 0 {
                var pointer: OpaquePointer?
                let status = sqlite3_prepare_v2(handle, text, -1, &pointer, &next)
                guard status == SQLITE_OK else { throw error(status, doing: doing, shows ? String(cString: text) : nil) }
                guard let pointer else { continue }
                let statement = SQLiteStatement(pointer, self)
                let before = sqlite3_total_changes64(handle)
                while try statement.step(doing: doing) {}
                if sqlite3_total_changes64(handle) != before { changed = Int(sqlite3_changes64(handle)) }
            }
        }
        return changed
    }

    /// All rows of one statement, as text.
    func rows(_ sql: String, _ parameters: [String?] = [], doing: String) throws -> [[String?]] {
        let statement = try prepare(sql, doing: doing)
        try statement.bind(parameters, doing: doing)
        var rows: [[String?]] = []
        while try statement.step(doing: doing) {
            rows.append((0..<statement.columnCount).map { statement.text($0) })
        }
        return rows
    }

    /// Runs `body` in a transaction that has the write lock from its start.
    func transaction<Result>(doing: String, _ body: () throws -> Result) throws -> Result {
        try run("BEGIN IMMEDIATE", doing: doing)
        do {
            let result = try body()
            try run("COMMIT", doing: doing)
            return result
        } catch {
            rollBack()
            throw error
        }
    }

    /// Takes back the transaction, if there is one. It must work when the interrupt has fired, too.
    func rollBack() {
        guard isInTransaction else { return }
        sqlite3_progress_handler(handle, 0, nil, nil)
        sqlite3_exec(handle, "ROLLBACK", nil, nil, nil)
        sqlite3_progress_handler(
            handle, Self.stepsBetweenChecks,
            { Unmanaged<Watch>.fromOpaque($0!).takeUnretainedValue().interrupt.isFired ? 1 : 0 }, watch.toOpaque())
    }
}
