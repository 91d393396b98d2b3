import ApusCore
import ApusTesting
import Foundation
import MySQLConnector
import Testing

/// Nobody is handed the password who only asks for it.
@Suite(.requires(.program("python3", package: "python3"), .openssl))
struct AuthenticationTests {
    static let password = "hunter2 and more"
    /// Its folder goes with it.
    static let authority = Result { try CertificateAuthority() }

    private func open(_ server: AskingServer, _ parameters: String) throws {
        let url = "mysql://u:hunter2%20and%20more@localhost:\(server.port)/d?\(parameters)"
        try MySQLConnector().open(Endpoint(ConnectionURL(parsing: url), MySQLConnector()), interrupt: Interrupt()).close()
    }

    @Test(arguments: ["mysql_clear_password", "dialog", "mysql_old_password", "caching_sha2_password", "sha256_password"])
    func `a server without TLS gets no password in clear, nor one for a key of its own`(_ plugin: String) throws {
        let server = try AskingServer("mysql", plugin)
        for mode in ["tls=off", "tls=prefer", "tls=require", "tls=verify-ca", "tls=verify"] {
            let error = apusError { try open(server, mode) }
            #expect(error?.code == (["tls=off", "tls=prefer"].contains(mode) ? .refused : .tls), "\(mode): \(error?.description ?? "")")
            #expect(error?.description.contains("hunter2") == false)
        }
        for connection in try server.connections(5) {
            #expect(!connection.holds(Self.password))
            // 0x02 asks for the server's public key.
            #expect(connection.received.last != 0x02)
        }
    }

    @Test func `where TLS is asked for, a server without it is told not even the user`() throws {
        let server = try AskingServer("mysql", "mysql_clear_password")
        for mode in ["tls=require", "tls=verify-ca", "tls=verify"] { #expect(apusError { try open(server, mode) }?.code == .tls) }
        for connection in try server.connections(3) { #expect(connection.received.isEmpty) }
    }

    @Test func `in clear it goes over verified TLS only`() throws {
        let authority = try Self.authority.get(), other = try CertificateAuthority()
        let server = try AskingServer("mysql", "mysql_clear_password", tls: try authority.issue())
        for mode in ["tls=prefer", "tls=require", "tls=verify&ca=\(other.certificate)", "tls=verify-ca&ca=\(other.certificate)"] {
            #expect(apusError { try open(server, mode) } != nil, "\(mode)")
        }
        #expect(try server.connections(5).allSatisfy { !$0.holds(Self.password) })
        for (number, mode) in ["tls=verify", "tls=verify-ca"].enumerated() {
            try open(server, "\(mode)&ca=\(authority.certificate)")
            let last = try server.connections(6 + number).last
            #expect(last?.tls == true && last?.holds(Self.password) == true)
        }
        let dialog = try AskingServer("mysql", "dialog", tls: try authority.issue())
        #expect(apusError { try open(dialog, "tls=verify&ca=\(authority.certificate)") }?.code == .refused)
        #expect(try dialog.connections().allSatisfy { !$0.holds(Self.password) })
    }

    @Test func `an account of MySQL 8 is let in over TLS, and without it where the key is trusted`() throws {
        let server = try AskingServer("mysql", "caching_sha2_password", tls: try Self.authority.get().issue())
        try open(server, "tls=prefer")
        try open(server, "tls=require")
        #expect(try server.connections(3).filter { $0.holds(Self.password) }.allSatisfy(\.tls))
        let plain = try AskingServer("mysql", "caching_sha2_password")
        // This server has no key to give; it has been asked for one.
        #expect(apusError { try open(plain, "tls=off&allowPublicKeyRetrieval=true") } != nil)
        #expect(try plain.connections()[0].received.last == 0x02)
    }

    @Test func `a server that asks for a file gets none`() throws {
        let server = try AskingServer("mysql", "infile")
        let error = apusError { try open(server, "tls=off") }
        #expect(error?.underlying?.contains("files are never sent") == true)
        let name = try String(contentsOfFile: "/etc/hostname", encoding: .utf8).split(separator: "\n")[0]
        #expect(try server.connections()[0].holds(String(name)) == false)
    }
}
