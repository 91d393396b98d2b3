/// The authentication plugins that a server may ask for. A server chooses among these; libmariadb alone would load whatever it
/// names, and send the password as it is to who asks for `mysql_clear_password`.
public enum ClientPlugins {
    /// What a refused plugin means to the user.
    public static func refusal(_ options: ClientOptions) -> (message: String, hint: String) {
        (
            "\(options.place) asks for the password in a way that could hand it to somebody else (tls=\(options.tls.rawValue))",
            "Accounts with mysql_clear_password (LDAP, PAM) need tls=verify with `ca`; those with caching_sha2_password or sha256_password need TLS, tls=require at least, or a unix socket, or public_key_retrieval=true."
        )
    }

    /// Answer a challenge: the password is not sent.
    private static let challenge = ["mysql_native_password", "client_ed25519", "parsec"]
    /// Send the password inside TLS; without TLS encrypted for a public key that the server itself sends, which anybody on
    /// the way can exchange for their own.
    private static let encrypted = ["caching_sha2_password", "sha256_password"]
    /// Sends the password as it is.
    private static let clear = ["mysql_clear_password"]

    /// `dialog` is never allowed, since it asks the terminal, nor is `mysql_old_password`, which is broken.
    static func allowed(_ options: ClientOptions) -> String {
        var names = challenge
        switch options.tls {
        case _ where options.socket != nil: names += encrypted
        case .off, .prefer: if options.retrievesPublicKey { names += encrypted }
        case .require: names += encrypted
        case .authority, .identity: names += encrypted + clear
        }
        return names.joined(separator: ",")
    }
}
