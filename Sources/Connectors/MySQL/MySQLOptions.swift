import ApusCore
import MySQLClient
import Tabular

/// The settings of a connection, decoded.
struct MySQLOptions {
    enum Loading: String { case auto, infile, insert }

    var tls: ClientOptions.TLS
    var ca: String?
    var certificate: String?
    var key: String?
    var connectTimeout: Int
    var readTimeout: Int
    var netTimeout: Int
    var statementTimeout: Double
    /// The zone that the session is set to; nil = the server's.
    var timeZone: String?
    /// JDBC's `connectionTimeZone`: by which clock instants become wall clocks; nil = the session's.
    var connectionZone: String?
    var usesTextProtocol: Bool
    var loading: Loading
    var zeroDatesAreNull: Bool
    var tinyint1IsBoolean: Bool
    var compresses: Bool
    var initialSQL: [String]
    var socket: String?
    var retrievesPublicKey: Bool

    init(_ endpoint: Endpoint) throws {
        let settings = endpoint.settings
        switch settings["tls"]!.lowercased().replacing("_", with: "-") {
        case "off", "false", "disabled": tls = .off
        case "require", "required", "true": tls = .require
        case "verify-ca": tls = .authority
        case "verify", "verify-identity", "verify-full": tls = .identity
        default: tls = .prefer
        }
        ca = settings["ca"]
        certificate = settings["cert"]
        key = settings["key"]
        connectTimeout = max(1, Int((settings.seconds("connect_timeout") ?? 10).rounded(.up)))
        readTimeout = Int((settings.seconds("read_timeout") ?? 0).rounded(.up))
        netTimeout = max(1, Int(settings.seconds("net_timeout") ?? 3600))
        statementTimeout = settings.seconds("statement_timeout") ?? 0
        do {
            timeZone = try Zone.name(ofSetting: settings["time_zone"])
            connectionZone = try Zone.name(ofSetting: settings["server_time_zone"])
        } catch var error as ApusError {
            error.message = "option `time_zone`: \(error.message)"
            throw error.about(endpoint.label)
        }
        if timeZone == nil, settings.boolean("force_time_zone") { timeZone = connectionZone }
        usesTextProtocol = settings["protocol"] == "text"
        loading = Loading(rawValue: settings["load"]!) ?? .auto
        zeroDatesAreNull = settings["zero_dates"] == "null"
        tinyint1IsBoolean = settings["tinyint1"] == "boolean"
        compresses = settings.boolean("compress")
        initialSQL = (settings["init_sql"] ?? "").split(separator: ";\n").map(String.init)
        if let variables = settings["session_variables"], !variables.isEmpty {
            initialSQL.append((variables.uppercased().hasPrefix("SET ") ? "" : "SET SESSION ") + variables)
        }
        socket = settings["socket"]
        retrievesPublicKey = settings.boolean("public_key_retrieval")
    }

    func client(_ endpoint: Endpoint) -> ClientOptions {
        var client = ClientOptions(host: endpoint.host ?? "localhost", port: endpoint.port ?? 3306)
        client.socket = socket
        client.user = endpoint.user
        client.password = endpoint.password
        client.database = endpoint.path.isEmpty ? nil : endpoint.path
        client.tls = tls
        client.ca = ca
        client.certificate = certificate
        client.key = key
        client.connectTimeout = connectTimeout
        client.readTimeout = readTimeout
        client.compresses = compresses
        client.retrievesPublicKey = retrievesPublicKey
        return client
    }

    static let declared: [Setting] = [
        Setting(
            "tls",
            .choice([
                "off", "prefer", "require", "verify-ca", "verify", "true", "false", "DISABLED", "PREFERRED", "REQUIRED",
                "VERIFY_CA", "VERIFY_IDENTITY",
            ]), default: "prefer", aliases: ["useSSL", "sslMode", "ssl_mode", "ssl-mode", "sslmode", "ssl"],
            "off, prefer (TLS when the server has it), require, verify-ca, verify (authority and host name)"),
        Setting(
            "ca", .text, aliases: ["ssl_ca", "ssl-ca", "serverSslCert"], "PEM file of the authorities to trust; default: the system's"),
        Setting("cert", .text, aliases: ["ssl_cert", "ssl-cert"], "PEM file of the client's certificate"),
        Setting("key", .text, aliases: ["ssl_key", "ssl-key"], "PEM file of the client's key"),
        Setting("socket", .text, aliases: ["unix_socket", "unixSocket", "localSocket"], "unix socket instead of host and port"),
        Setting("connect_timeout", .duration, default: "10s", aliases: ["connectTimeout"], "how long to wait for a connection"),
        Setting(
            "read_timeout", .duration, default: "0", aliases: ["socketTimeout", "readTimeout"],
            "how long the server may be silent; 0 = for ever"),
        Setting(
            "net_timeout", .duration, default: "1h", aliases: ["net_write_timeout", "net_read_timeout", "netTimeoutForStreamingResults"],
            "how long the server waits for this side when it is slow"),
        Setting(
            "statement_timeout", .duration, default: "0", aliases: ["max_execution_time", "max_statement_time"],
            "longest time of one statement; 0 = no limit. A read that exceeds it is cut in two"),
        Setting(
            "time_zone", .text,
            "the session's zone, for user SQL: Asia/Shanghai, +08:00, UTC; default: the server's. TIMESTAMP values are exact with any"),
        Setting("protocol", .choice(["binary", "text"]), default: "binary", "how rows come: by prepared statement, or as text"),
        Setting(
            "load", .choice(["auto", "infile", "insert"]), default: "auto",
            "how rows go: LOAD DATA LOCAL from memory, multi-row INSERT, or the first where the server allows it"),
        Setting(
            "zero_dates", .choice(["keep", "null"]), default: "keep",
            "0000-00-00 and the like: kept (a target without them rejects the row), or read as NULL"),
        Setting(
            "tinyint1", .choice(["integer", "boolean"]), default: "integer", aliases: ["tinyInt1isBit"],
            "what tinyint(1) is; with boolean, a value other than 0 and 1 is a rejected row"),
        Setting("compress", .boolean, default: "false", aliases: ["useCompression"], "compress the protocol"),
        Setting(
            "init_sql", .text, aliases: ["connectionInitSql"],
            "statement to run at the start of each session; several are parted by `;` and a line break"),
        Setting(
            "session_variables", .text, aliases: ["sessionVariables"],
            "variables of each session, as the JDBC driver takes them: time_zone='+08:00',sql_mode=''"),
        Setting("charset", .text, aliases: ["characterEncoding", "useUnicode"], "understood, not needed: sessions are utf8mb4"),
        Setting(
            "server_time_zone", .text, aliases: ["serverTimezone", "connectionTimeZone"],
            "by which clock instants become wall clocks, as with the JDBC driver; default: the session's"),
        Setting(
            "force_time_zone", .boolean, default: "false", aliases: ["forceConnectionTimeZoneToSession"],
            "the session is set to server_time_zone"),
        Setting(
            "public_key_retrieval", .boolean, default: "false", aliases: ["allowPublicKeyRetrieval"],
            "without TLS, encrypt the password for a key that the server sends (caching_sha2_password); anybody on the way can exchange it"),
        Setting(
            "batched_statements", .text, aliases: ["rewriteBatchedStatements", "allowLoadLocalInfile"], "understood, not needed"),
    ]
}
