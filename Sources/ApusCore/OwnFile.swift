import Glibc

/// Files and folders that Apus makes under names that others can foresee: locks, files written beside their place, what is
/// kept of a run. In a folder that others may write to, another user can have put a link there to a file of this user's;
/// nothing here follows one.
public enum OwnFile {
    /// Opens a small file that several processes share, such as a lock, and makes it where it is missing.
    /// Returns -1 with `errno`: ELOOP for a symbolic link, EPERM for what is not a file of its own.
    public static func open(shared path: String) -> Int32 {
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0o600)
        guard descriptor >= 0 else { return -1 }
        var status = stat()
        // A second name of the file is a hard link, perhaps to somebody's data; none at all: its last holder removed it.
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_nlink <= 1 else {
            close(descriptor)
            errno = EPERM
            return -1
        }
        return descriptor
    }

    /// Makes a file that nobody else has open. What an earlier attempt of this user left under the name goes first.
    /// Returns -1 with `errno`.
    public static func make(_ path: String, mode: mode_t = 0o600) -> Int32 {
        unlink(path)
        return Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
    }

    /// Makes a folder of mode 0700, or finds one that this user made. Returns whether it is there; `errno` is EPERM where
    /// something of another user stands in its place.
    public static func makeFolder(_ path: String) -> Bool {
        if mkdir(path, 0o700) == 0 { return true }
        guard errno == EEXIST else { return false }
        if isOwnFolder(path) { return true }
        errno = EPERM
        return false
    }

    /// Whether a folder of this user's stands there, and not a link to one.
    public static func isOwnFolder(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR && status.st_uid == geteuid()
    }

    /// Whether a path that a user gave is a symbolic link which another user may have put there. The superuser's are
    /// trusted, and so are those in folders that only their owner writes to.
    public static func isForeignLink(_ path: String) -> Bool {
        var link = stat()
        guard lstat(path, &link) == 0, link.st_mode & S_IFMT == S_IFLNK else { return false }
        guard link.st_uid != geteuid(), link.st_uid != 0 else { return false }
        var folder = stat()
        let slash = path.lastIndex(of: "/")
        let name = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        guard stat(name, &folder) == 0 else { return true }
        return folder.st_mode & 0o022 != 0
    }
}
