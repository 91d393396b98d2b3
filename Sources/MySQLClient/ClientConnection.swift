import ApusCore
import CMariaDB
import Glibc
import Synchronization

/// Makes connections that speak the MySQL protocol.
public enum ClientConnection {
    /// Connects on a thread of its own, since libmariadb cannot be stopped while it does, and gives up at once when
    /// the interrupt fires.
    ///
    /// With `prefer` the password is proved by a challenge first. Where the account's plugin would hand the password over,
    /// a second connection is made that has TLS or ends before it says who is there.
    ///
    /// - parameter configure: sets further options of the handle before it connects.
    /// - throws: ``MySQLFault`` as libmariadb reported it, `run.cancelled`.
    public static func open(
        _ options: ClientOptions, _ interrupt: Interrupt, configure: @escaping @Sendable (UnsafeMutablePointer<MYSQL>) -> Void = { _ in }
    ) throws -> UnsafeMutablePointer<MYSQL> {
        do {
            return try attempt(options, interrupt, configure)
        } catch let fault as MySQLFault where fault.number == CR_PLUGIN_NOT_ALLOWED && options.tls == .prefer && options.socket == nil {
            var encrypted = options
            encrypted.tls = .require
            do {
                return try attempt(encrypted, interrupt, configure)
            } catch let second as MySQLFault {
                // The first refusal names the plugin.
                throw second.number == CR_SSL_CONNECTION_ERROR ? fault : second
            }
        }
    }

    private static func attempt(
        _ options: ClientOptions, _ interrupt: Interrupt, _ configure: @escaping @Sendable (UnsafeMutablePointer<MYSQL>) -> Void
    ) throws -> UnsafeMutablePointer<MYSQL> {
        try interrupt.check()
        let attempt = ConnectAttempt(options, configure)
        let call = BackgroundCall { attempt.run() }
        while !call.wait(milliseconds: 100) {
            if interrupt.isFired {
                attempt.abandon()
                throw ApusError(.cancelled, "stopped while it tried to connect", context: options.place)
            }
        }
        return try attempt.result()
    }

    /// Ends a connection for which TLS was asked and that has none. ``ConnectAttempt`` makes libmariadb refuse such a server
    /// before anything is sent; this is for versions of the library that go on without.
    /// - throws: `connection.tls`.
    public static func requireTLS(_ handle: UnsafeMutablePointer<MYSQL>, _ options: ClientOptions, label: String) throws {
        guard ![.off, .prefer].contains(options.tls), mysql_get_ssl_cipher(handle) == nil else { return }
        mysql_close(handle)
        throw ApusError(
            .tls, "TLS was asked for (tls=\(options.tls.rawValue)), and the server has none",
            hint: "Set up TLS on the server, or connect with tls=prefer or tls=off on a trusted network.", context: label)
    }
}

/// One attempt to connect, shared by the thread that makes it and the one that waits.
///
/// Sendable, unchecked: `handle` is used by the connecting thread alone until `state` says that it has ended.
private final class ConnectAttempt: @unchecked Sendable {
    private enum State { case connecting, connected, failed(MySQLFault), abandoned }
    private let state = Mutex(State.connecting)
    private let handle: UnsafeMutablePointer<MYSQL>
    private let options: ClientOptions
    private let configure: @Sendable (UnsafeMutablePointer<MYSQL>) -> Void

    init(_ options: ClientOptions, _ configure: @escaping @Sendable (UnsafeMutablePointer<MYSQL>) -> Void) {
        self.options = options
        self.configure = configure
        handle = mysql_init(nil)
    }

    func run() {
        guard setOptions() else {
            let refused = MySQLFault(
                number: Int(CR_PLUGIN_NOT_ALLOWED), words: "this libmariadb cannot restrict authentication plugins (3.2.4 can)")
            let isAbandoned = state.withLock { state in
                if case .abandoned = state { return true }
                state = .failed(refused)
                return false
            }
            if isAbandoned { mysql_close(handle) }
            return
        }
        configure(handle)
        let flags = options.compresses ? UInt(CLIENT_COMPRESS) : 0
        let connected = mysql_real_connect(
            handle, options.socket == nil ? options.host : nil, options.user, options.password?.reveal(), options.database,
            UInt32(options.port), options.socket, flags)
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

    func result() throws -> UnsafeMutablePointer<MYSQL> {
        guard case .failed(let fault) = state.withLock({ $0 }) else { return handle }
        mysql_close(handle)
        throw fault
    }

    /// Returns whether the library can do what safety needs.
    private func setOptions() -> Bool {
        var seconds = UInt32(options.connectTimeout)
        mysql_options(handle, MYSQL_OPT_CONNECT_TIMEOUT, &seconds)
        if options.readTimeout > 0 {
            seconds = UInt32(options.readTimeout)
            mysql_options(handle, MYSQL_OPT_READ_TIMEOUT, &seconds)
        }
        mysql_options(handle, MYSQL_SET_CHARSET_NAME, "utf8mb4")
        var transport = (options.socket == nil ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET).rawValue
        mysql_options(handle, MYSQL_OPT_PROTOCOL, &transport)
        var packet = 1 << 30
        mysql_options(handle, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet)
        // Rows of LOAD DATA go out in packets of 4 KiB; this many octets of them make one system call.
        var buffer: UInt = 64 << 10
        mysql_options(handle, MYSQL_OPT_NET_BUFFER_LENGTH, &buffer)
        var reconnect: CChar = 0
        mysql_options(handle, MYSQL_OPT_RECONNECT, &reconnect)
        if options.compresses { mysql_options(handle, MYSQL_OPT_COMPRESS, nil) }
        if options.tls != .off { setTLS() }
        // No file of the user's settles how the password is shown: `my.cnf` is not read, and the server chooses from this list only.
        mysql_options(handle, MYSQL_DEFAULT_AUTH, "mysql_native_password")
        return apus_mysql_optionsv_ptr(handle, MARIADB_OPT_RESTRICTED_AUTH, ClientPlugins.allowed(options)) == 0
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
        // This only asks for TLS: where the server has none, libmariadb goes on without.
        var ask: CChar = 1
        mysql_options(handle, MYSQL_OPT_SSL_ENFORCE, &ask)
        var verify: CChar = options.tls == .identity ? 1 : 0
        mysql_options(handle, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify)
        // A fingerprint that is empty compares with nothing, but its being there makes libmariadb refuse a server without TLS
        // when it has read the greeting, before user and password are sent.
        if options.tls != .prefer { mysql_options(handle, MARIADB_OPT_TLS_PEER_FP, "") }
    }
}
