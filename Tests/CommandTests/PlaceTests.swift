import ApusTesting
import Foundation
import Testing

/// Every way to name a connection, from the command line.
@Suite(.requires(.mariadb, .postgres)) struct PlaceTests {
    let user: User
    init() throws { user = try User() }

    @Test(arguments: Kind.servers)
    func `unix sockets, jdbc URLs, aliases and names open the same database`(_ kind: Kind) throws {
        let store = try Store(kind)
        try store.fill()
        let account = kind == .mariadb ? "root:pw" : "postgres:pw"
        let place = "127.0.0.1:\(store.port)/\(store.database)"
        let urls =
            switch kind {
            case .mariadb:
                [
                    "mysql://\(account)@localhost/\(store.database)?socket=\(store.mariadb.socketPath)", "mariadb://\(account)@\(place)",
                    "jdbc:mysql://\(place)?user=root&password=pw&useUnicode=true&zeroDateTimeBehavior=convertToNull",
                ]
            default:
                [
                    "postgres:///\(store.database)?user=postgres&password=pw&host=\(store.postgres.socketFolder)&port=\(store.port)",
                    "postgres://\(account)@:\(store.port)/\(store.database)?host=\(store.postgres.socketFolder)",
                    "postgresql://\(account)@\(place)", "pgsql://\(account)@\(place)",
                    "jdbc:postgresql://\(place)?user=postgres&password=pw&stringtype=unspecified",
                ]
            }
        for url in urls {
            let result = try user.apus("conn", "tables", url)
            #expect(result.status == 0 && result.stdout.contains("orders"), "\(url)\n\(result.stderr)")
            let target = try Store(.sqlite)
            expect(try user.apus("copy", url, target.url()), 0)
            #expect(try target.rows() == Store.filled())
        }
        #expect(try user.apus("conn", "test", urls.last!).stderr.contains(kind == .mariadb ? "useUnicode" : "stringtype"))
    }

    @Test(.requires(.openssl), arguments: Kind.servers)
    func `TLS is verified, refused for a wrong name, and refused when asked for and absent`(_ kind: Kind) throws {
        let authority = try CertificateAuthority(), stranger = try CertificateAuthority()
        let identities = [try authority.issue(), try authority.issueForWrongName()]
        for (number, identity) in identities.enumerated() {
            let port: UInt16, scheme: String
            let servers: [Any]
            if kind == .mariadb {
                var options = MariaDBServer.Options()
                options.tls = (authority, identity)
                let server = try MariaDBServer(options)
                (port, scheme, servers) = (server.port, "mysql://root:pw", [server])
            } else {
                var options = PostgresServer.Options()
                options.tls = (authority, identity)
                let server = try PostgresServer(options)
                (port, scheme, servers) = (server.port, "postgres://postgres:pw", [server])
            }
            defer { withExtendedLifetime(servers) {} }
            let place = "\(scheme)@127.0.0.1:\(port)/\(kind == .mariadb ? "mysql" : "postgres")"
            let verified = try user.apus("conn", "test", "\(place)?tls=verify&ca=\(authority.certificate)")
            if number == 0 {
                expect(verified, 0, "ok: ")
                expect(try user.apus("conn", "test", "\(place)?tls=verify&ca=\(stranger.certificate)"), 78, "certificate", "hint: ")
                expect(try user.apus("conn", "test", "\(place)?tls=off"), 0)
                expect(try user.apus("conn", "test", "\(place)?tls=verify&ca=/no/such/ca.pem"), 78, "/no/such/ca.pem")
            } else {
                expect(verified, 78, "127.0.0.1", "hint: ")
                expect(try user.apus("conn", "test", "\(place)?tls=verify-ca&ca=\(authority.certificate)"), 0)
            }
            expect(try user.apus("conn", "test", "\(place)?tls=require"), 0)
        }
        // The shared server speaks no TLS.
        let plain = try Store(kind)
        for mode in ["require", "verify", "verify-ca"] {
            expect(try user.apus("conn", "test", plain.url() + "?tls=\(mode)", "--log", "json"), 78, "connection.tls", "\"hint\"")
        }
    }
}
