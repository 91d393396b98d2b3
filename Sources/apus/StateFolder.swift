import ApusCore
import Glibc

/// `$XDG_STATE_HOME/apus` or `~/.local/state/apus`, mode 0700: what Apus keeps about its runs.
enum StateFolder {
    static var path: String {
        if let state = variable("XDG_STATE_HOME"), state.hasPrefix("/") { return state + "/apus" }
        // Never in /tmp, where others could have made it.
        let home = variable("HOME") ?? getpwuid(getuid()).flatMap { $0.pointee.pw_dir }.map { String(cString: $0) } ?? "."
        return home + "/.local/state/apus"
    }

    /// Makes it and a folder in it.
    static func make(_ name: String) throws {
        var path = ""
        let isAbsolute = Self.path.hasPrefix("/")
        for part in (Self.path + "/" + name).split(separator: "/") {
            path += (path.isEmpty && !isAbsolute ? "" : "/") + part
            guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
                throw ApusError(.permission, "the folder \(path) could not be made: \(String(cString: strerror(errno)))")
            }
        }
        guard OwnFile.isOwnFolder(path) else {
            throw ApusError(
                .permission, "the folder \(path) is another user's, and passwords are not kept there",
                hint: "Set XDG_STATE_HOME to a folder of yours, or write ${VARIABLE} for the password.")
        }
    }

    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
}
