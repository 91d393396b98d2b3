import ApusCore
import Glibc
import Tabular

extension SQLLedger {
    /// Where the ledger is when nobody says: `APUS_LEDGER` (a path or a URL), else `apus/ledger.db` in
    /// `XDG_STATE_HOME`, else `~/.local/state/apus/ledger.db` (XDG Base Directory Specification).
    public static func defaultPath(environment: [String: String]? = nil) -> String {
        func variable(_ name: String) -> String? {
            let value = environment.map { $0[name] } ?? getenv(name).map { String(cString: $0) }
            return value?.isEmpty == false ? value : nil
        }
        if let named = variable("APUS_LEDGER") { return named }
        // The specification: a relative path is to be ignored.
        if let state = variable("XDG_STATE_HOME"), state.hasPrefix("/") { return state + "/apus/ledger.db" }
        return (variable("HOME") ?? home ?? ".") + "/.local/state/apus/ledger.db"
    }

    private static var home: String? { getpwuid(getuid()).flatMap { $0.pointee.pw_dir }.map { String(cString: $0) } }

    /// The ledger in a file, made with mode 0600 in folders made with mode 0700; what is there keeps its mode.
    /// `connector` is the embedded one.
    /// - throws: `object.permission`, `config.invalid`.
    public convenience init(file path: String, connector: any Connector) throws {
        try Self.prepare(file: path)
        let scheme = connector.schemes.first ?? connector.name
        let url = path.replacing("%", with: "%25").replacing("?", with: "%3F")
        try self.init(connector: connector, endpoint: Endpoint(ConnectionURL(parsing: "\(scheme):\(url)"), connector))
    }

    /// Makes the folders and an empty file, so that SQLite's own files beside it take the file's mode.
    static func prepare(file path: String) throws {
        func refuse(_ what: String) -> ApusError {
            ApusError(
                .permission, "the ledger's \(what) cannot be made: \(String(cString: strerror(errno)))",
                hint: "Choose another place with --ledger or APUS_LEDGER.")
        }
        var folder = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/").dropLast() {
            folder += folder.isEmpty || folder.hasSuffix("/") ? String(part) : "/" + part
            var found = stat()
            if stat(folder, &found) == 0 { continue }
            guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw refuse("folder \(folder)") }
        }
        guard !OwnFile.isForeignLink(path) else {
            throw ApusError(
                .permission, "the ledger's file \(path) is a symbolic link that another user made",
                hint: "Remove it, or choose another place with --ledger or APUS_LEDGER.")
        }
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw refuse("file \(path)") }
        Glibc.close(descriptor)
    }
}
