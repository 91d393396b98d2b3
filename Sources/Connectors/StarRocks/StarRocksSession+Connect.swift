import ApusCore
import CMariaDB
import MySQLClient
import Synchronization

extension StarRocksSession {
    /// A connection to the first FE that answers, beginning with the one that answered last time.
    ///
    /// - throws: `connection.refused` at once, since all FEs know the same users; `connection.unreachable` when none answers.
    static func connect(
        _ endpoint: Endpoint, _ options: StarRocksOptions, _ interrupt: Interrupt
    ) throws -> (handle: UnsafeMutablePointer<MYSQL>, host: ConnectionURL.Host) {
        let count = options.sql.count
        let first = FrontEnds.last(endpoint.label) % count
        var failures: [ApusError] = []
        for step in 0..<count {
            let index = (first + step) % count
            let client = options.client(options.sql[index], endpoint)
            do {
                let handle = try ClientConnection.open(client, interrupt) { handle in
                    // No file of this machine is ever sent.
                    var off: UInt32 = 0
                    mysql_options(handle, MYSQL_OPT_LOCAL_INFILE, &off)
                }
                try ClientConnection.requireTLS(handle, client, label: endpoint.label)
                FrontEnds.remember(index, of: endpoint.label)
                return (handle, options.sql[index])
            } catch let fault as MySQLFault {
                let error = error(fault, endpoint, client)
                guard error.isTransient else { throw error }
                failures.append(error)
            } catch let error as ApusError where error.code == .cancelled {
                throw error.about(endpoint.label)
            }
        }
        if failures.count == 1 { throw failures[0] }
        throw ApusError(
            .unreachable, "none of the \(count) FEs answers: \(failures.map(\.message).joined(separator: "; "))",
            hint: "Check hosts and ports (the SQL port is 9030 by default), that the FEs run, and firewalls in between.",
            context: endpoint.label, underlying: failures.last?.underlying)
    }

    /// A failed connection in words that name the part at fault.
    private static func error(_ fault: MySQLFault, _ endpoint: Endpoint, _ client: ClientOptions) -> ApusError {
        let who = endpoint.user.map { "user \($0)" } ?? "the user"
        let message: String
        var code = ApusError.Code.unreachable
        var hint: String?
        switch fault.number {
        case 1045, 1698:
            (code, message) = (.refused, "\(client.place) refused \(who): wrong user name or password, or no access from this machine")
        case 1044:
            (code, message) = (.refused, "\(who) may not use database `\(endpoint.path)` on \(client.place)")
            hint = "GRANT SELECT, INSERT ON ALL TABLES IN DATABASE `\(endpoint.path)` TO the user."
        case 1049, 5501:
            (code, message) = (.refused, "\(client.place) has no database `\(endpoint.path)`")
            hint = "Create it, or name another one behind the hosts: starrocks://fe:9030/database."
        case 2005:
            message = "the host `\(client.host)` is not known"
            hint = "Check the name's spelling and DNS."
        case 2002, 2003:
            message = "nothing answers at \(client.place)"
            hint = "Check host and port (the SQL port is 9030 by default), that the FE runs, and firewalls in between."
        case 5010:
            let refusal = ClientPlugins.refusal(client)
            (code, message) = (.refused, refusal.message)
            hint = refusal.hint
        case 2026, 3159:
            (code, message) = (.tls, "no TLS connection to \(client.place) (tls=\(client.tls.rawValue))")
            hint = "Check `ca`, and that the certificate names the host as it is written here."
        case 2012, 2013, 2055: message = "the connection to \(client.place) broke while it was being made"
        default:
            code = fault.isConnectionLost ? .unreachable : fault.starRocksError(doing: "").code
            message = "could not connect to \(client.place)"
        }
        return ApusError(code, message, hint: hint, context: endpoint.label, underlying: "SR \(fault.number): \(fault.words)")
    }
}

/// Which FE of a list answered last, so that not every connection waits for one that is down.
private enum FrontEnds {
    private static let known = Mutex<[String: Int]>([:])

    static func last(_ label: String) -> Int { known.withLock { $0[label] ?? 0 } }
    static func remember(_ index: Int, of label: String) { known.withLock { $0[label] = index } }
}
