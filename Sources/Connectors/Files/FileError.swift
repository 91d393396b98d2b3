import ApusCore
import Glibc

/// Errors of system calls on files, told apart by what the user can do about them.
enum FileError {
    /// - parameter doing: a gerund with its object, e.g. `reading in/orders.csv`.
    static func of(_ number: Int32, _ doing: String) -> ApusError {
        let words = String(cString: strerror(number))
        switch number {
        case ENOSPC, EDQUOT, EFBIG:
            return ApusError(
                .full, "no space left while \(doing)", hint: "Free space there, then run \(Advice.resume()).",
                underlying: words)
        case ELOOP:
            return ApusError(
                .permission, "a symbolic link stands in the way of \(doing)", hint: "Remove it: Apus follows no link there.",
                underlying: words)
        case EACCES, EPERM, EROFS:
            return ApusError(
                .permission, "no permission for \(doing)", hint: "Check the owner and mode of the file and its folder.",
                underlying: words)
        case ENOENT, ENOTDIR:
            return ApusError(
                .notFound, "nothing there for \(doing)", hint: "Check the path; its folder must exist.",
                underlying: words)
        case EISDIR:
            return ApusError(
                .configurationInvalid, "a folder stands in the way of \(doing)",
                hint: "End the path with `/` to mean a folder of files.", underlying: words)
        case EMFILE, ENFILE, EAGAIN:
            return ApusError(.transient, "\(doing) failed for want of resources", underlying: words)
        case EPIPE:
            return ApusError(.failed, "the reader of the pipe is gone while \(doing)", underlying: words)
        default:
            return ApusError(.failed, "\(doing) failed", underlying: words)
        }
    }

    static func last(_ doing: String) -> ApusError { of(errno, doing) }
}

/// An open file descriptor that closes itself.
final class Descriptor {
    let number: Int32
    private let isOwned: Bool

    init(_ number: Int32, owned: Bool = true) {
        self.number = number
        isOwned = owned
    }

    convenience init(opening path: String, _ flags: Int32, mode: mode_t = 0o666, _ doing: String) throws {
        // What is made has a name that others can foresee: it is never made through a link of theirs.
        let number = open(path, flags | O_CLOEXEC | (flags & O_CREAT != 0 ? O_NOFOLLOW : 0), mode)
        guard number >= 0 else { throw FileError.last(doing) }
        self.init(number)
    }

    deinit { if isOwned { close(number) } }

    var isRegular: Bool {
        var status = stat()
        return fstat(number, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }
}

/// What `stat` says of a path; nil when there is nothing.
func fileStatus(_ path: String) -> stat? {
    var status = stat()
    return stat(path, &status) == 0 ? status : nil
}

/// The same of a link itself.
func linkStatus(_ path: String) -> stat? {
    var status = stat()
    return lstat(path, &status) == 0 ? status : nil
}

func isFolder(_ path: String) -> Bool { fileStatus(path).map { $0.st_mode & S_IFMT == S_IFDIR } ?? false }

/// Names in a folder, `.` and `..` left out, in octet order.
func folderEntries(_ path: String) throws -> [String] {
    guard let folder = opendir(path) else { throw FileError.last("listing \(path)") }
    defer { closedir(folder) }
    var names: [String] = []
    errno = 0
    while let entry = readdir(folder) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { names.append(name) }
        errno = 0
    }
    if errno != 0 { throw FileError.last("listing \(path)") }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
}
