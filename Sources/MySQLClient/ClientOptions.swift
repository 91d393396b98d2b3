import ApusCore

/// Where and how libmariadb connects.
public struct ClientOptions: Sendable {
    public enum TLS: String, Sendable { case off, prefer, require, authority = "verify-ca", identity = "verify" }

    public var host: String
    public var port: Int
    /// Instead of host and port.
    public var socket: String?
    public var user: String?
    public var password: Secret?
    public var database: String?
    public var tls = TLS.prefer
    /// PEM files.
    public var ca: String?
    public var certificate: String?
    public var key: String?
    /// Without TLS the password may be encrypted for a key that the server sends (`caching_sha2_password`).
    public var retrievesPublicKey = false
    /// Seconds.
    public var connectTimeout = 10
    /// Seconds that the server may be silent; 0 = for ever.
    public var readTimeout = 0
    public var compresses = false

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// For messages.
    public var place: String { socket ?? "\(host):\(port)" }
}
