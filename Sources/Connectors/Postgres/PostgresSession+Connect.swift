import ApusCore
import CPostgres
import Glibc

extension PostgresSession {
    /// Opens a connection without blocking, so that an interrupt and the deadline end the wait.
    static func connect(_ endpoint: Endpoint, _ interrupt: Interrupt) throws -> OpaquePointer {
        try interrupt.check()
        var parameters = parameters(of: endpoint)
        let isProtected = isSocket(endpoint) || tlsMode(of: endpoint).hasPrefix("verify")
        let allowed = try AuthenticationMethod.allowed(endpoint, isProtected: isProtected)
        let isRestricted = allowed != Set(AuthenticationMethod.allCases)
        if isRestricted, AuthenticationMethod.isKnownToLibrary {
            parameters.append(("require_auth", allowed.map(\.rawValue).sorted().joined(separator: ",")))
        }
        var keys = parameters.map { UnsafePointer<CChar>(strdup($0.0)) }
        var values = parameters.map { UnsafePointer<CChar>(strdup($0.1)) }
        defer { for text in keys + values { free(UnsafeMutablePointer(mutating: text)) } }
        keys.append(nil)
        values.append(nil)
        guard let connection = PQconnectStartParams(keys, values, 0) else {
            throw ApusError(.internalFault, "libpq has no memory for a connection", context: endpoint.label)
        }
        // The SQLSTATE of a refusal is only in the verbose text.
        PQsetErrorVerbosity(connection, PQERRORS_VERBOSE)
        PQsetNoticeProcessor(connection, { _, _ in }, nil)
        let gate =
            isRestricted && !AuthenticationMethod.isKnownToLibrary
            ? AuthenticationGate(connection, allowed, label: endpoint.label) : nil
        do {
            try wait(for: connection, gate, endpoint, interrupt)
        } catch {
            PQfinish(connection)
            throw error
        }
        PQsetErrorVerbosity(connection, PQERRORS_DEFAULT)
        return connection
    }

    private static func wait(
        for connection: OpaquePointer, _ gate: AuthenticationGate?, _ endpoint: Endpoint, _ interrupt: Interrupt
    ) throws {
        let limit = endpoint.settings.seconds("connect_timeout") ?? 15
        let deadline = limit > 0 ? ContinuousClock.now + .milliseconds(Int(limit * 1000)) : nil
        var state = PGRES_POLLING_WRITING
        while state != PGRES_POLLING_OK {
            guard PQstatus(connection) != CONNECTION_BAD, state != PGRES_POLLING_FAILED else {
                throw connectFailure(String(cString: PQerrorMessage(connection)), endpoint)
            }
            let events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT
            var waiting = pollfd(fd: PQsocket(connection), events: Int16(events), revents: 0)
            let ready = poll(&waiting, 1, 100)
            try interrupt.check()
            if ready != 0 {
                let isAsking = PQstatus(connection) == CONNECTION_AWAITING_RESPONSE
                state = isAsking ? try gate?.step() ?? PQconnectPoll(connection) : PQconnectPoll(connection)
            }
            if let deadline, ContinuousClock.now > deadline, state != PGRES_POLLING_OK {
                throw ApusError(
                    .unreachable, "no answer from the server within \(Int(limit)) s",
                    hint: "Check host, port and firewall; `connect_timeout` sets the limit.", context: endpoint.label)
            }
        }
    }

    private static func parameters(of endpoint: Endpoint) -> [(String, String)] {
        let settings = endpoint.settings
        var parameters = [
            ("client_encoding", "UTF8"), ("gssencmode", "disable"), ("keepalives_idle", "60"),
            ("keepalives_interval", "10"), ("keepalives_count", "6"),
        ]
        func add(_ key: String, _ value: String?) {
            if let value, !value.isEmpty { parameters.append((key, value)) }
        }
        add("host", settings["socket"] ?? endpoint.host)
        add("port", endpoint.port.map(String.init))
        add("user", endpoint.user)
        add("password", endpoint.password?.reveal())
        // `postgres:///shop` leaves a slash before the database.
        add("dbname", String(endpoint.path.drop { $0 == "/" }))
        add("fallback_application_name", "apus")
        for key in ["application_name", "options", "target_session_attrs"] { add(key, settings[key]) }
        let mode = tlsMode(of: endpoint)
        add("sslmode", mode)
        add("sslcert", settings["cert"])
        add("sslkey", settings["key"])
        // libpq itself looks only for ~/.postgresql/root.crt.
        let system = "/etc/ssl/certs/ca-certificates.crt"
        let home = getenv("HOME").map { String(cString: $0) + "/.postgresql/root.crt" } ?? ""
        if let ca = settings["ca"] {
            add("sslrootcert", ca)
        } else if mode.hasPrefix("verify"), access(home, R_OK) != 0, access(system, R_OK) == 0 {
            add("sslrootcert", system)
        }
        return parameters
    }

    /// Whether nothing but unix sockets can be connected to, also by libpq's own environment variables.
    private static func isSocket(_ endpoint: Endpoint) -> Bool {
        func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 } }
        guard variable("PGHOSTADDR") == nil, variable("PGSERVICE") == nil else { return false }
        let hosts = endpoint.settings["socket"] ?? endpoint.host ?? variable("PGHOST") ?? "/"
        return hosts.split(separator: ",").allSatisfy { $0.hasPrefix("/") }
    }

    /// libpq's sslmode.
    static func tlsMode(of endpoint: Endpoint) -> String {
        switch endpoint.settings["tls"] {
        case "off": "disable"
        case "verify": "verify-full"
        case let mode?: mode
        case nil: endpoint.settings["ca"] != nil || endpoint.settings.boolean("ssl") ? "verify-full" : "prefer"
        }
    }
}
