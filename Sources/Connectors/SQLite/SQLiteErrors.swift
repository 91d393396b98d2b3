import ApusCore
import CSQLite
import Glibc

/// SQLite's result codes as ``ApusError`` ("Result and Error Codes" in SQLite's documentation).
enum SQLiteErrors {
    /// `sql`: the statement, where it holds no values of rows and may be shown.
    static func error(_ status: Int32, _ database: SQLiteDatabase, doing: String, _ sql: String? = nil) -> ApusError {
        let words = String(cString: sqlite3_errmsg(database.handle))
        let plain = "SQLite \(status): \(words)"
        let driver = sql.map { Masking.words(plain, on: $0, at: place(in: $0, database)) } ?? plain
        if status & 0xff == SQLITE_INTERRUPT || database.interrupt.isFired {
            return ApusError(.cancelled, "stopped while about to \(doing)", context: database.path)
        }
        let systemError = sqlite3_system_errno(database.handle)
        func made(_ code: ApusError.Code, _ why: String, _ hint: String? = nil) -> ApusError {
            ApusError(code, "could not \(doing): \(why)", hint: hint, context: database.path, underlying: driver)
        }
        switch status & 0xff {
        case SQLITE_BUSY, SQLITE_LOCKED:
            return made(
                .transient, "another process or connection holds the database's lock",
                "Find who holds it (fuser), wait longer with busy_timeout=5m, or let readers and a writer work side by"
                    + " side with journal=wal.")
        case SQLITE_FULL:
            return made(.full, "the disk is full", "Free space for the database and its journal, then resume.")
        case SQLITE_IOERR where systemError == ENOSPC || systemError == EDQUOT:
            return made(.full, "the disk is full", "Free space for the database and its journal, then resume.")
        case SQLITE_IOERR:
            let why = systemError == 0 ? "" : ": " + String(cString: strerror(systemError))
            return made(.statement, "reading or writing the file failed\(why)", "Check the disk and the file system.")
        case SQLITE_READONLY, SQLITE_PERM, SQLITE_AUTH:
            return made(
                .permission, "the database cannot be written to",
                "Check the permissions of the file and of its folder, and that mode=ro is not given.")
        case SQLITE_CANTOPEN:
            return made(
                .permission, "the file or its journal cannot be opened",
                "SQLite needs to read and write beside the file: check the permissions of its folder.")
        case SQLITE_NOTADB:
            return made(
                .malformedInput, "the file is not an SQLite database",
                "Check the path; an encrypted database cannot be read.")
        case SQLITE_CORRUPT:
            return made(
                .malformedInput, "the database is damaged", "Run `PRAGMA integrity_check` and restore a backup.")
        case SQLITE_NOMEM: return made(.statement, "out of memory")
        case SQLITE_CONSTRAINT, SQLITE_MISMATCH, SQLITE_TOOBIG:
            return made(.rowRejected, "a row breaks a rule of the table")
        case SQLITE_ERROR where words.hasPrefix("no such "):
            return made(.notFound, words)
        default: return made(.statement, words)
        }
    }

    /// Unicode scalars of a statement before the place of the last error, where SQLite (3.38 and later) tells it.
    private static func place(in sql: String, _ database: SQLiteDatabase) -> Int? {
        let bytes = Int(apus_sqlite3_error_offset(database.handle))
        guard bytes >= 0, bytes <= sql.utf8.count else { return nil }
        return String(decoding: sql.utf8.prefix(bytes), as: UTF8.self).unicodeScalars.count
    }

    /// - Parameter handle: what `sqlite3_open_v2` left, which may be nil.
    static func openError(_ status: Int32, _ handle: OpaquePointer?, path: String) -> ApusError {
        let systemError = handle.map { sqlite3_system_errno($0) } ?? 0
        let words = systemError != 0 ? String(cString: strerror(systemError)) : String(cString: sqlite3_errstr(status))
        let driver = "SQLite \(status): \(words)"
        if isFolder(path) {
            return ApusError(
                .refused, "could not open the database: this is a folder", hint: "Give the file's own path.",
                context: path,
                underlying: driver)
        }
        let code: ApusError.Code = systemError == EACCES || systemError == EROFS ? .permission : .refused
        return ApusError(
            code, "could not open the database file", hint: "Check the permissions of the file and of its folder.",
            context: path, underlying: driver)
    }

    static func noFile(_ path: String) -> ApusError {
        ApusError(
            .notFound, "there is no database file at this path", hint: nearestFile(path) ?? "Check the path.",
            context: path)
    }

    static func isFile(_ path: String) -> Bool { access(path, F_OK) == 0 }

    static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private static func nearestFile(_ path: String) -> String? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard let last = parts.last else { return nil }
        let folder = parts.count == 1 ? "." : parts.dropLast().joined(separator: "/") + "/"
        guard let listing = opendir(folder) else { return nil }
        defer { closedir(listing) }
        var names: [String] = []
        while let entry = readdir(listing), names.count < 1000 {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return Nearest.name(to: String(last), among: names).map { "Did you mean `\($0)`?" }
    }
}
