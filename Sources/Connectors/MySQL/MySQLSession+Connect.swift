import ApusCore
import CMariaDB
import MySQLClient

extension MySQLSession {
    /// - throws: `connection.unreachable`, `connection.refused`, `connection.tls`, `run.cancelled`.
    static func connect(
        _ endpoint: Endpoint, _ options: MySQLOptions, _ infile: InfileHost, _ interrupt: Interrupt
    ) throws -> (handle: UnsafeMutablePointer<MYSQL>, lacksDatabase: Bool) {
        var client = options.client(endpoint)
        var lacksDatabase = false
        func open() throws -> UnsafeMutablePointer<MYSQL> {
            try ClientConnection.open(client, interrupt) { handle in
                // The capability must be there for LOAD DATA; what may be sent is up to the handler below alone.
                var on: UInt32 = 1
                mysql_options(handle, MYSQL_OPT_LOCAL_INFILE, &on)
                infile.install(on: handle)
            }
        }
        let handle: UnsafeMutablePointer<MYSQL>
        do {
            do { handle = try open() } catch let fault as MySQLFault where fault.number == 1049 && endpoint.createsSchemas {
                client.database = nil
                lacksDatabase = true
                handle = try open()
            }
        } catch let fault as MySQLFault {
            throw error(fault, endpoint, client)
        } catch let error as ApusError where error.code == .cancelled {
            throw ApusError(.cancelled, error.message, context: endpoint.label)
        }
        try ClientConnection.requireTLS(handle, client, label: endpoint.label)
        return (handle, lacksDatabase)
    }

    /// A failed connection in words that name the part at fault.
    private static func error(_ fault: MySQLFault, _ endpoint: Endpoint, _ options: ClientOptions) -> ApusError {
        let place = options.place
        let who = endpoint.user.map { "user \($0)" } ?? "the user"
        let message: String
        var code = fault.error(doing: "").code
        var hint: String?
        switch fault.number {
        case 1045, 1698:
            message = "\(place) refused \(who): wrong user name or password, or no access from this machine"
        case 1044:
            (code, message) = (.refused, "\(who) may not use database `\(endpoint.path)` on \(place)")
            hint = "GRANT SELECT, INSERT, … ON `\(endpoint.path)`.* TO the user."
        case 1049:
            (code, message) = (.refused, "\(place) has no database `\(endpoint.path)`")
            hint =
                "Create it, have Apus make that of a target with `--create-schema`, or name another one behind the host: mysql://host/database."
        case 2005:
            (code, message) = (.unreachable, "the host `\(endpoint.host ?? "localhost")` is not known")
            hint = "Check the name's spelling and DNS."
        case 2002, 2003:
            (code, message) = (.unreachable, "nothing answers at \(place)")
            hint = "Check host and port, that the server runs, and firewalls in between."
        case 5010:
            let refusal = ClientPlugins.refusal(options)
            (code, message) = (.refused, refusal.message)
            hint = refusal.hint
        case 2026, 3159:
            (code, message) = (.tls, "no TLS connection to \(place) (tls=\(options.tls.rawValue))")
            hint = "Check `ca`, and that the certificate names the host as it is written here."
        case 2013, 2055, 2012:
            (code, message) = (.unreachable, "the connection to \(place) broke while it was being made")
        default: message = "could not connect to \(place)"
        }
        return ApusError(code, message, hint: hint, context: endpoint.label, underlying: fault.underlying)
    }
}
