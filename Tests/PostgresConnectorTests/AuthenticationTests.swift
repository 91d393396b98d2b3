import ApusCore
import ApusTesting
import PostgresConnector
import Testing

/// The password goes out in clear to nobody who cannot show who they are.
@Suite(.requires(.program("python3", package: "python3"), .openssl))
struct AuthenticationTests {
    static let password = "hunter2 and more"
    /// Its folder goes with it.
    static let authority = Result { try CertificateAuthority() }

    private func failure(_ server: AskingServer, _ parameters: String) -> ApusError? {
        let url = "postgres://u:hunter2%20and%20more@localhost:\(server.port)/d?connect_timeout=2s&\(parameters)"
        do {
            try PostgresConnector().open(Endpoint(ConnectionURL(parsing: url), PostgresConnector()), interrupt: Interrupt()).close()
            return nil
        } catch { return error as? ApusError }
    }

    @Test(arguments: ["cleartext", "slowly", "md5-then-cleartext"], [false, true])
    func `a server that asks for the password in clear does not get it`(_ asks: String, hasTLS: Bool) throws {
        let server = try AskingServer("postgres", asks, tls: hasTLS ? try Self.authority.get().issue() : nil)
        let modes = hasTLS ? ["tls=prefer", "tls=require"] : ["tls=off", "tls=prefer"]
        for mode in modes {
            let error = failure(server, mode)
            #expect(error?.code == .refused, "\(mode): \(error?.description ?? "")")
            #expect(error?.hint?.contains("tls=verify") == true)
        }
        for connection in try server.connections(2) where !connection.received.isEmpty {
            #expect(connection.tls == hasTLS)
            #expect(!connection.holds(Self.password))
        }
    }

    @Test func `over verified TLS it is sent`() throws {
        let authority = try Self.authority.get(), other = try CertificateAuthority()
        let server = try AskingServer("postgres", "cleartext", tls: try authority.issue())
        #expect(failure(server, "tls=verify&ca=\(other.certificate)")?.code == .tls)
        // The server says nothing after that.
        #expect(failure(server, "tls=verify&ca=\(authority.certificate)")?.code == .unreachable)
        let connections = try server.connections(2)
        #expect(connections.map { $0.holds(Self.password) }.sorted { !$0 && $1 } == [false, true])
    }

    @Test func `require_auth leaves only what it lists`() throws {
        let server = try AskingServer("postgres", "md5")
        #expect(failure(server, "require_auth=scram-sha-256")?.code == .refused)
        #expect(failure(server, "require_auth=password")?.code == .configurationInvalid)
        #expect(failure(server, "require_auth=passwort")?.code == .configurationInvalid)
        #expect(failure(server, "require_auth=md5")?.code == .unreachable)
        let connections = try server.connections(2)
        #expect(connections.map { $0.holds("md5") }.sorted { !$0 && $1 } == [false, true])
        // A server that asks for nothing at all may be anybody's.
        let real = try PostgresServer.shared()
        let url = real.url() + "?require_auth=gss"
        let error = #expect(throws: ApusError.self) {
            try PostgresConnector().open(Endpoint(ConnectionURL(parsing: url), PostgresConnector()), interrupt: Interrupt()).close()
        }
        #expect(error?.code == .refused)
    }
}
