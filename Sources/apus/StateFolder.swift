import ApusCore
import Glibc

/// `$XDG_STATE_HOME/apus` or `~/.local/state/apus`, mode 0700: what Apus keeps about its runs.
enum StateFolder {
    static var path: String {
        if let state = variable("XDG_STATE_HOME"), state.hasPrefix("/") { return state + "/apus" }
        return (variable("HOME") ?? "/tmp") + "/.local/state/apus"
    }

    /// Makes it and a folder in it.
    static func make(_ name: String) throws {
        var path = ""
        for part in (Self.path + "/" + name).split(separator: "/") {
            path += "/" + part
            guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
                throw ApusError(.permission, "the folder \(path) could not be made: \(String(cString: strerror(errno)))")
            }
        }
    }

    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
}
