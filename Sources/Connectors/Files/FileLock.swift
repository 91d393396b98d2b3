import ApusCore
import Glibc

/// Keeps a second run off a target: a hidden file beside it, locked with `flock` as long as the run lives.
final class FileLock {
    let path: String
    let runID: String
    private let descriptor: Descriptor

    /// - throws: `target.locked` with the other run's id.
    init(_ path: String, runID: String, label: String) throws {
        self.path = path
        self.runID = runID
        while true {
            let opened = OwnFile.open(shared: path)
            guard opened >= 0 else { throw FileError.last("locking \(label) by \(path)") }
            let descriptor = Descriptor(opened)
            guard flock(descriptor.number, LOCK_EX | LOCK_NB) == 0 else {
                guard errno == EWOULDBLOCK else { throw FileError.last("locking \(label)") }
                let owner = FileLock.owner(descriptor)
                throw ApusError(
                    .locked, "\(label) is being loaded by \(owner.isEmpty ? "another run" : "run " + owner)",
                    hint: "Wait until it has ended, or stop it.")
            }
            // The run that held the lock before may have removed the file meanwhile.
            var own = stat()
            guard fstat(descriptor.number, &own) == 0, let named = linkStatus(path), named.st_ino == own.st_ino else {
                continue
            }
            ftruncate(descriptor.number, 0)
            let text = Array("\(runID)\n".utf8)
            _ = pwrite(descriptor.number, text, text.count, 0)
            self.descriptor = descriptor
            return
        }
    }

    private static func owner(_ descriptor: Descriptor) -> String {
        var text = [UInt8](repeating: 0, count: 128)
        let count = pread(descriptor.number, &text, text.count, 0)
        return String(decoding: text.prefix(max(0, count)).prefix { $0 != 10 }, as: UTF8.self)
    }

    /// Removes the file while it is still locked, so that nobody ever locks a file that is gone.
    func release() {
        unlink(path)
        flock(descriptor.number, LOCK_UN)
    }
}
