import ApusCore
import Glibc

/// One run's claim on one target table: an exclusive flock(2) on a small file beside the database, which the kernel
/// gives up when the process dies. The file holds the run's id and goes away with the lock.
final class SQLiteLock {
    private var descriptor: Int32
    private let path: String

    /// - throws: `target.locked` with the other run's id.
    init(database: String, table: String, run: String) throws {
        path = "\(database)-apus-\(Self.hash(table)).lock"
        while true {
            descriptor = OwnFile.open(shared: path)
            guard descriptor >= 0 else {
                throw ApusError(
                    errno == ENOSPC ? .full : .permission,
                    "could not make the lock file of table \(table): \(String(cString: strerror(errno)))",
                    hint: errno == ELOOP || errno == EPERM
                        ? "\(path) is a link or is not a lock of this user's: remove it."
                        : "Apus needs to write beside the database file.", context: database)
            }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                let owner = Self.content(descriptor)
                Glibc.close(descriptor)
                // A throwing initializer runs `deinit`, which must not remove the owner's file.
                descriptor = -1
                throw ApusError(
                    .locked, "table \(table) is being loaded by another run\(owner.map { ", \($0)" } ?? "")",
                    hint: "Wait until it ends; \(Advice.history()) shows it.", context: database)
            }
            // The holder before may have removed the file between our open and our lock.
            var ours = stat()
            var there = stat()
            if fstat(descriptor, &ours) == 0, lstat(path, &there) == 0, ours.st_ino == there.st_ino { break }
            Glibc.close(descriptor)
        }
        ftruncate(descriptor, 0)
        let text = "\(run), process \(getpid()) on \(RunRecord.hostName)\n"
        _ = text.withCString { write(descriptor, $0, strlen($0)) }
    }

    deinit { release() }

    func release() {
        guard descriptor >= 0 else { return }
        unlink(path)
        Glibc.close(descriptor)
        descriptor = -1
    }

    private static func content(_ descriptor: Int32) -> String? {
        var buffer = [UInt8](repeating: 0, count: 512)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return nil }
        return String(decoding: buffer[..<count], as: UTF8.self).split(separator: "\n").first.map(String.init)
    }

    /// FNV-1a of the lower-case name: a table's name may hold what a file's may not.
    private static func hash(_ table: String) -> String {
        var value: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in table.lowercased().utf8 { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return String(value, radix: 36)
    }
}
