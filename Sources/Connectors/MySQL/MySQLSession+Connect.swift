import ApusCore
import CMariaDB
import Glibc
import Synchronization

extension MySQLSession {
    /// Connects on a thread of its own, since libmariadb cannot be stopped while it does, and gives up at once when
    /// the interrupt fires.
    static func connect(
        _ endpoint: Endpoint, _ options: MySQLOptions, _ infile: InfileHost, _ interrupt: Interrupt
    ) throws -> UnsafeMutablePointer<MYSQL> {
        try interrupt.check()
        let attempt = ConnectAttempt(endpoint, options, infile)
        let call = BackgroundCall { attempt.run() }
        while !call.wait(milliseconds: 100) {
            if interrupt.isFired {
                attempt.abandon()
                throw ApusError(.cancelled, "stopped while it tried to connect", context: endpoint.label)
            }
        }
        let handle = try attempt.result(endpoint, options)
        try requireTLS(handle, endpoint, options)
        return handle
    }

    private static func requireTLS(
        _ handle: UnsafeMutablePointer<MYSQL>, _ endpoint: Endpoint, _ options: MySQLOptions
    ) throws {
        guard ![.off, .prefer].contains(options.tls), mysql_get_ssl_cipher(handle) == nil else { return }
        mysql_close(handle)
        throw ApusError(
            .tls, "TLS was asked for (tls=\(options.tls.rawValue)), and the server has none",
            hint: "Set up TLS on the server, or connect with tls=prefer or tls=off on a trusted network.", context: endpoint.label)
    }
}

/// One attempt to connect, shared by the thread that makes it and the one that waits.
///
/// Sendable, unchecked: `handle` is used by the connecting thread alone until `state` says that it has ended.
private final class ConnectAttempt: @unchecked Sendable {
    private enum State { case connecting, connected, failed(MySQLFault), abandoned }
    private let state = Mutex(State.connecting)
    private let handle: UnsafeMutablePointer<MYSQL>
    private let endpoint: Endpoint
    private let options: MySQLOptions
    private let infile: InfileHost

    init(_ endpoint: Endpoint, _ options: MySQLOptions, _ infile: InfileHost) {
        self.endpoint = endpoint
        self.options = options
        self.infile = infile
        handle = mysql_init(nil)
    }

    func run() {
        setOptions()
        let flags = options.compresses ? UInt(CLIENT_COMPRESS) : 0
        let host = options.socket == nil ? endpoint.host ?? "localhost" : nil
        let connected = mysql_real_connect(
            handle, host, endpoint.user, endpoint.password?.reveal(), endpoint.path.isEmpty ? nil : endpoint.path,
            UInt32(endpoint.port ?? 3306), options.socket, flags)
        let outcome: State = connected == nil ? .failed(MySQLFault(handle)) : .connected
        let isAbandoned = state.withLock { state in
            if case .abandoned = state { return true }
            state = outcome
            return false
        }
        if isAbandoned { mysql_close(handle) }
    }

    func abandon() {
        let wasConnected = state.withLock { state in
            defer { state = .abandoned }
            if case .connecting = state { return false }
            return true
        }
        if wasConnected { mysql_close(handle) }
    }

    func result(_ endpoint: Endpoint, _ options: MySQLOptions) throws -> UnsafeMutablePointer<MYSQL> {
        guard case .failed(let fault) = state.withLock({ $0 }) else { return handle }
        mysql_close(handle)
        throw Self.error(fault, endpoint, options)
    }

    private func setOptions() {
        var seconds = UInt32(options.connectTimeout)
        mysql_options(handle, MYSQL_OPT_CONNECT_TIMEOUT, &seconds)
        if options.readTimeout > 0 {
            seconds = UInt32(options.readTimeout)
            mysql_options(handle, MYSQL_OPT_READ_TIMEOUT, &seconds)
        }
        mysql_options(handle, MYSQL_SET_CHARSET_NAME, "utf8mb4")
        var transport = (options.socket == nil ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET).rawValue
        mysql_options(handle, MYSQL_OPT_PROTOCOL, &transport)
        // The capability must be there for LOAD DATA; what may be sent is up to the handler below alone.
        var on: UInt32 = 1
        mysql_options(handle, MYSQL_OPT_LOCAL_INFILE, &on)
        infile.install(on: handle)
        var packet = 1 << 30
        mysql_options(handle, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet)
        // Rows of LOAD DATA go out in packets of 4 KiB; this many octets of them make one system call.
        var buffer: UInt = 64 << 10
        mysql_options(handle, MYSQL_OPT_NET_BUFFER_LENGTH, &buffer)
        var reconnect: CChar = 0
        mysql_options(handle, MYSQL_OPT_RECONNECT, &reconnect)
        if options.compresses { mysql_options(handle, MYSQL_OPT_COMPRESS, nil) }
        if options.tls != .off { setTLS() }
    }

    private func setTLS() {
        var authorities = options.ca
        if authorities == nil, options.tls == .authority || options.tls == .identity {
            authorities = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"].first {
                access($0, R_OK) == 0
            }
        }
        let verifiesAuthority = options.tls == .authority || options.tls == .identity
        mysql_ssl_set(handle, options.key, options.certificate, verifiesAuthority ? authorities : nil, nil, nil)
        // This only asks for TLS: where the server has none, libmariadb goes on without, and the caller looks.
        var ask: CChar = 1
        mysql_options(handle, MYSQL_OPT_SSL_ENFORCE, &ask)
        var verify: CChar = options.tls == .identity ? 1 : 0
        mysql_options(handle, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify)
    }

    /// A failed connection in words that name the part at fault.
    private static func error(_ fault: MySQLFault, _ endpoint: Endpoint, _ options: MySQLOptions) -> ApusError {
        let place = options.socket ?? "\(endpoint.host ?? "localhost"):\(endpoint.port ?? 3306)"
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
            hint = "Create it, or name another one behind the host: mysql://host/database."
        case 2005:
            (code, message) = (.unreachable, "the host `\(endpoint.host ?? "localhost")` is not known")
            hint = "Check the name's spelling and DNS."
        case 2002, 2003:
            (code, message) = (.unreachable, "nothing answers at \(place)")
            hint = "Check host and port, that the server runs, and firewalls in between."
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
