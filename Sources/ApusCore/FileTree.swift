import Glibc

/// The files that a pattern names. From `**` on, `*` and `?` also stand for `/`: files of the folders below, too.
public enum FileTree {
    /// A folder that cannot be listed, and the system's reason.
    public struct Unreadable: Error {
        public let path: String
        public let number: Int32
    }

    /// Files in no order; hidden ones and those of hidden folders are left out. A name without signs of a pattern is itself.
    public static func files(_ pattern: String) throws(Unreadable) -> [String] {
        guard let stars = pattern.firstRange(of: "**") else { return try matches(pattern).filter { !isFolder($0) } }
        let head = pattern[..<stars.lowerBound]
        let start = head.lastIndex(of: "/").map { head.index(after: $0) } ?? head.startIndex
        let isHere = start == head.startIndex
        let roots = isHere ? ["./"] : try matches(String(head[..<start]))
        let rest = String(pattern[start...])
        var found: [String] = []
        for root in roots where isFolder(root) {
            var seen: Set<[UInt64]> = []
            for relative in try walk(root.hasSuffix("/") ? root : root + "/", "", &seen) where fnmatch(rest, relative, 0) == 0 {
                found.append(isHere ? relative : (root.hasSuffix("/") ? root : root + "/") + relative)
            }
        }
        return found
    }

    /// What there is of a pattern's names, folders too.
    private static func matches(_ pattern: String) throws(Unreadable) -> [String] {
        var found = glob_t()
        defer { globfree(&found) }
        let status = glob(pattern, GLOB_NOSORT, nil, &found)
        guard status == 0 || status == GLOB_NOMATCH else { throw Unreadable(path: pattern, number: errno) }
        return (0..<Int(found.gl_pathc)).compactMap { found.gl_pathv[$0].map { String(cString: $0) } }
    }

    /// Files below a folder; one that links to a folder above it is not entered again.
    private static func walk(_ root: String, _ below: String, _ seen: inout Set<[UInt64]>) throws(Unreadable) -> [String] {
        var status = stat()
        guard stat(root + below, &status) == 0, seen.insert([UInt64(status.st_dev), UInt64(status.st_ino)]).inserted else { return [] }
        var found: [String] = []
        for entry in try entries(root + below) where !entry.hasPrefix(".") {
            if isFolder(root + below + entry) {
                found += try walk(root, below + entry + "/", &seen)
            } else {
                found.append(below + entry)
            }
        }
        return found
    }

    private static func entries(_ path: String) throws(Unreadable) -> [String] {
        guard let folder = opendir(path) else { throw Unreadable(path: path, number: errno) }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
