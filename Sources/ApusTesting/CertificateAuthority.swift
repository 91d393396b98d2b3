import Foundation

/// A private certificate authority made with the `openssl` command, for TLS tests; valid two days.
public struct CertificateAuthority: Sendable {
    /// A certificate and its private key, both PEM files.
    public struct Identity: Sendable {
        public let certificate: String
        public let key: String
    }

    public let folder: TemporaryFolder
    /// The authority's own certificate (PEM): what a client is told to trust.
    public var certificate: String { folder.file("ca.pem") }

    public init() throws {
        folder = try TemporaryFolder(prefix: "apus-ca")
        try openssl([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder.file("ca.key"), "-out",
            folder.file("ca.pem"), "-days", "2", "-subj", "/CN=Apus test authority", "-addext",
            "basicConstraints=critical,CA:TRUE",
        ])
    }

    /// A server certificate for the given names and addresses, by default `localhost` and 127.0.0.1.
    public func issue(names: [String] = ["localhost"], addresses: [String] = ["127.0.0.1"]) throws -> Identity {
        let stem = "server-\(UInt32.random(in: 0 ... .max))"
        let identity = Identity(certificate: folder.file("\(stem).pem"), key: folder.file("\(stem).key"))
        let request = folder.file("\(stem).csr")
        let alternatives = (names.map { "DNS:\($0)" } + addresses.map { "IP:\($0)" }).joined(separator: ",")
        let extensions = try folder.write("subjectAltName=\(alternatives)\n", to: "\(stem).ext")
        try openssl([
            "req", "-newkey", "rsa:2048", "-nodes", "-keyout", identity.key, "-out", request, "-subj",
            "/CN=\(names.first ?? addresses.first ?? "server")",
        ])
        try openssl([
            "x509", "-req", "-in", request, "-CA", certificate, "-CAkey", folder.file("ca.key"), "-CAcreateserial",
            "-out", identity.certificate, "-days", "2", "-extfile", extensions,
        ])
        return identity
    }

    /// A certificate that the authority signed for another machine: verification of the name must refuse it.
    public func issueForWrongName() throws -> Identity {
        try issue(names: ["elsewhere.invalid"], addresses: [])
    }

    private func openssl(_ arguments: [String]) throws {
        let result = try runCommand("openssl", arguments)
        guard result.status == 0 else { throw KitError("openssl \(arguments.first ?? ""): \(result.stderr)") }
    }
}
