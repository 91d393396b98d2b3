import ApusCore
import Glibc

/// The file that a `txtfilewriter` writes, and those that it finds there.
extension DataXJob.TextWriter {
    /// `folder/fileName__…suffix`: DataX gives every file it writes a name of its own.
    func target() -> String { join("\(prefix)__\(RunID.make().replacing("-", with: "_"))\(suffix)") }

    private func join(_ name: String) -> String { folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)" }

    /// Files of the folder whose names begin with ``prefix``.
    public var existing: [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
            }
            if name.hasPrefix(prefix), !isFolder(join(name)) { names.append(name) }
        }
        return names.sorted().map(join)
    }

    /// Makes the folder where it is missing, and refuses what `nonConflict` forbids.
    /// - throws: `object.exists`, `object.permission`.
    public func prepare() throws {
        if mode == .nonConflict, let first = existing.first {
            throw ApusError(
                .exists, "txtfilewriter: \(first) is there already, and writeMode is nonConflict",
                hint: "Move it away, or use truncate or append.")
        }
        var path = folder.hasPrefix("/") ? "" : "."
        for part in folder.split(separator: "/") {
            path += "/" + part
            guard mkdir(path, 0o777) == 0 || errno == EEXIST else {
                throw ApusError(.permission, "the folder \(path) could not be made: \(String(cString: strerror(errno)))")
            }
        }
        guard isFolder(folder) else { throw ApusError(.exists, "txtfilewriter: \(folder) is no folder") }
    }
}

func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}
