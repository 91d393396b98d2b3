import ApusCore
import CMariaDB
import MySQLClient
import Synchronization
import Tabular

/// What loads need beside this connection, looked at before it is needed.
extension StarRocksSession {
    /// Clusters whose HTTP port has answered this process.
    private static let reached = Mutex<Set<String>>([])

    /// One request in a process: a wrong `http` would otherwise be found by every table's first load, after its retries.
    func checkReach() throws {
        let key = options.http.map(LoadClient.place).joined(separator: ",")
        if Self.reached.withLock({ $0.contains(key) }) { return }
        do { _ = try LoadClient(self).run(health) } catch let fault as LoadFault {
            // Who answers at all is there; what it thinks of the request is a matter of the load.
            guard fault.kind != .refused else { return }
            throw error(fault, doing: "reach the HTTP port that loads go to")
        }
        Self.reached.withLock { _ = $0.insert(key) }
    }

    private var health: LoadCall { LoadCall(method: "GET", path: "/api/health", patience: 5, doing: "ask whether the FE is well") }

    func checks() -> [SessionCheck] {
        var all = options.sql.map(sqlPort)
        all += options.http.map(httpPort)
        all += nodes()
        all.append(clock())
        guard let database else {
            all.append(SessionCheck("loads", "not tried: the URL names no database"))
            return all
        }
        // A load that cannot arrive would only be waited for.
        if all.contains(where: { $0.error?.code == .unreachable || $0.error?.code == .refused }) {
            all.append(SessionCheck("loads", "not tried before the ports answer"))
            return all
        }
        guard options.probes else {
            all.append(SessionCheck("loads", "not tried: probe=off"))
            return all
        }
        return all + trials(in: database)
    }

    private func checked(_ name: String, _ body: () throws -> String) -> SessionCheck {
        do { return SessionCheck(name, try body()) } catch {
            return SessionCheck(name, error: (error as? ApusError) ?? ApusError(.internalFault, "unexpected: \(error)"))
        }
    }

    // MARK: Ports

    private func sqlPort(_ host: ConnectionURL.Host) -> SessionCheck {
        checked("SQL port \(LoadClient.place(host))") {
            var other = options
            other.sql = [host]
            other.connectTimeout = min(2, options.connectTimeout)
            let handle = try Self.connect(endpoint, other, interrupt).handle
            mysql_close(handle)
            return "answers"
        }
    }

    private func httpPort(_ host: ConnectionURL.Host) -> SessionCheck {
        checked("HTTP port \(LoadClient.place(host))") {
            let client = LoadClient(self, trying: [host])
            let doing = "reach the FE's HTTP port"
            do {
                let answer = try client.run(health)
                guard answer.text.contains("backend_num") else {
                    throw ApusError(
                        .unreachable, "what answers at \(LoadClient.place(host)) is not an FE",
                        hint: "`http` is the FEs' HTTP port, 8030 by default; 8040 is that of BEs.", underlying: "HTTP \(answer.status)")
                }
                guard let database else { return "answers" }
                // The same with user and password.
                let path = "/api/\(LoadClient.escaped(database))/get_load_state?label=apus_check"
                _ = try client.run(LoadCall(method: "GET", path: path, patience: 5, doing: doing))
                return "answers, takes the password"
            } catch let fault as LoadFault { throw error(fault, doing: doing) }
        }
    }

    /// FEs and BEs as the cluster lists them, and whether BEs can be reached from here.
    private func nodes() -> [SessionCheck] {
        var all: [SessionCheck] = []
        func list(_ sql: String, _ doing: String) -> [[String: String]]? {
            guard let found = try? table(sql, doing: doing) else { return nil }
            return found.rows.map { row in
                Dictionary(zip(found.names, row).map { ($0, $1 ?? "") }, uniquingKeysWith: { first, _ in first })
            }
        }
        if let fronts = list("SHOW FRONTENDS", "list the FEs") {
            let versions = Set(fronts.compactMap { $0["Version"] }).sorted().joined(separator: ", ")
            let dead = fronts.filter { $0["Alive"] == "false" }.compactMap { $0["IP"] ?? $0["Host"] }
            all.append(
                SessionCheck(
                    "FEs", "\(fronts.count), version \(versions)" + (dead.isEmpty ? "" : "; not alive: \(dead.joined(separator: ", "))")))
        }
        guard let backs = list("SHOW BACKENDS", "list the BEs") else {
            all.append(SessionCheck("BEs", "not listed for this user (a right of administrators): tried by a load alone"))
            return all
        }
        let computing = profile.isDoris ? [] : list("SHOW COMPUTE NODES", "list the compute nodes") ?? []
        for node in backs + computing {
            guard let host = node["IP"] ?? node["Host"], let port = node["HttpPort"] else { continue }
            let place = LoadClient.place(ConnectionURL.Host(host, port: Int(port)))
            all.append(
                checked("BE \(place)") {
                    guard node["Alive"] != "false" else {
                        throw ApusError(.transient, "the cluster says that it is not alive", hint: "See SHOW BACKENDS.")
                    }
                    do {
                        let client = LoadClient(self, trying: options.http)
                        let answer = try client.fetch("\(options.https ? "https" : "http")://\(place)/api/health")
                        let other = answer.place == place ? "" : ", at \(answer.place)"
                        return "answers\(other), version \(node["Version"] ?? "unknown")"
                    } catch let fault as LoadFault { throw error(fault, doing: "reach the BE") }
                })
        }
        return all
    }

    private func clock() -> SessionCheck {
        checked("clock") {
            let before = Clock.wall()
            let rows = try rows("SELECT unix_timestamp()", doing: "ask for the server's clock")
            guard let text = rows.first?.first.flatMap({ $0 }), let theirs = Double(text) else { return "not told" }
            let after = Clock.wall()
            // Whole seconds are told.
            let off = theirs > after ? theirs - after : theirs + 1 < before ? theirs + 1 - before : 0
            guard abs(off) < 60 else {
                throw ApusError(
                    .failed, "the server's clock is \(Int(abs(off).rounded())) s \(off > 0 ? "ahead of" : "behind") this machine's",
                    hint: "Set the clocks by NTP: days and labels are told by them.")
            }
            return abs(off) < 1 ? "as this machine's" : "\(Int(abs(off).rounded())) s \(off > 0 ? "ahead" : "behind")"
        }
    }

    // MARK: Loads

    /// Rights and forms: a table is made, loaded by each interface in each form, read back and dropped.
    private func trials(in database: String) -> [SessionCheck] {
        let interface = LoadProof.Interface(self)
        let table = TableName(schema: database, "apus_check")
        var all: [SessionCheck] = []
        for part in interface.parts {
            var hasOther = false
            for kind in LoadForm.Kind.allCases where kind != .cast {
                let check = checked("load by \(part.rawValue), \(kind)") {
                    let proof = try LoadProbe(self, kind, part, beside: table, isThorough: kind == .plain).run()
                    let usual = proof.differences.filter { kind == .plain || $0.key == "text" }
                    guard let first = usual.sorted(by: { $0.key < $1.key }).first else {
                        if kind != .plain { hasOther = true }
                        let without = proof.differences.keys.sorted().joined(separator: ", ")
                        return "values come back as they were sent" + (without.isEmpty ? "" : ", but not \(without)")
                    }
                    guard kind == .plain || (kind == .json && !hasOther) else { return "not used: \(first.value)" }
                    throw ApusError(.unproven, "values do not come back as they were sent", underlying: first.value)
                }
                all.append(check)
                if check.error?.code == .permission { return all }
            }
        }
        return all
    }
}
