import ApusCore
import MySQLClient
import Tabular

/// The settings of a connection, decoded.
struct StarRocksOptions {
    enum Compression: String, Sendable { case auto, none, lz4, zstd }
    enum Interface: String, Sendable { case auto, streamLoad = "stream_load", transaction }

    /// FE addresses of the HTTP interface, in the order of the SQL hosts.
    var http: [ConnectionURL.Host]
    /// FE addresses of the SQL port; never empty.
    var sql: [ConnectionURL.Host]
    var https: Bool
    /// SQL goes over TLS because the user asked for it, and nothing was said of loads.
    var leavesLoadsOpen: Bool
    /// What a BE calls itself, `host:port`, and where it is reached from here.
    var addresses: [String: ConnectionURL.Host]
    /// The longest that one statement may take, in seconds; nil = computed from the slice's size.
    var queryTimeout: Int?
    var compression: Compression
    var interface: Interface
    /// How tables are read.
    var reading: Reading
    /// Seconds that one load may take.
    var loadTimeout: Int
    /// Octets of rows in one load, before compression.
    var loadBytes: Int
    /// Seconds after which a load is ended whatever its size.
    var loadAge: Double
    var isStrict: Bool
    /// Forms of load are tried on the server before they are used.
    var probes: Bool
    var replicas: Int?
    var buckets: Int?
    var isPartialUpdate: Bool
    var mergeCondition: String?
    var connectTimeout: Int
    /// Seconds that a server may be silent in the middle of an answer; 0 = for ever.
    var readTimeout: Int
    var tls: ClientOptions.TLS
    var ca: String?
    var initialSQL: [String]
    /// The zone that sessions are set to; nil = the server's.
    var timeZone: String?
    /// A slice whose partitions were written to while it was read is read again.
    var rereadsChanges: Bool

    init(_ endpoint: Endpoint) throws {
        let settings = endpoint.settings
        sql = [ConnectionURL.Host(endpoint.host ?? "127.0.0.1", port: endpoint.port ?? 9030)]
        sql += endpoint.otherHosts.map { ConnectionURL.Host($0.name, port: $0.port ?? endpoint.port ?? 9030) }
        http = try Self.http(settings["http"] ?? "8030", sql, endpoint.label)
        addresses = try Self.addresses(settings["be_map"] ?? "", endpoint.label)
        queryTimeout = settings.seconds("query_timeout").map { min(259_200, max(1, Int($0.rounded(.up)))) }
        compression = Compression(rawValue: settings["compression"]!) ?? .auto
        interface = Interface(rawValue: settings["interface"]!) ?? .auto
        reading = Reading(rawValue: settings["read"]!) ?? .sql
        loadTimeout = min(259_200, max(1, Int(settings.seconds("load_timeout") ?? 3600)))
        loadBytes = max(1 << 20, settings.bytes("load_bytes") ?? 1 << 30)
        loadAge = max(1, settings.seconds("load_age") ?? 600)
        isStrict = settings.boolean("strict")
        probes = settings["probe"] != "off"
        replicas = settings.integer("replication_num")
        buckets = settings.integer("buckets")
        isPartialUpdate = settings.boolean("partial_update")
        mergeCondition = settings["merge_condition"]
        connectTimeout = max(1, Int((settings.seconds("connect_timeout") ?? 10).rounded(.up)))
        readTimeout = Int((settings.seconds("read_timeout") ?? 0).rounded(.up))
        tls = ClientOptions.TLS(rawValue: settings["tls"]!) ?? .prefer
        https = settings["https"] != nil && settings.boolean("https")
        leavesLoadsOpen = settings["https"] == nil && ![.off, .prefer].contains(tls)
        ca = settings["ca"]
        timeZone = try Zone.name(ofSetting: settings["time_zone"])
        if timeZone == nil, settings.boolean("force_time_zone") { timeZone = try Zone.name(ofSetting: settings["server_time_zone"]) }
        rereadsChanges = settings["on_change"] == "retry"
        initialSQL = (settings["init_sql"] ?? "").split(separator: ";\n").map(String.init)
    }

    func client(_ host: ConnectionURL.Host, _ endpoint: Endpoint) -> ClientOptions {
        var client = ClientOptions(host: host.name, port: host.port ?? 9030)
        client.user = endpoint.user
        client.password = endpoint.password
        client.database = endpoint.path.isEmpty ? nil : endpoint.path
        client.tls = tls
        client.ca = ca
        client.connectTimeout = connectTimeout
        client.readTimeout = readTimeout
        return client
    }

    /// `8030` for all FEs, or `fe1:8030,fe2:8030`.
    private static func http(_ text: String, _ sql: [ConnectionURL.Host], _ label: String) throws -> [ConnectionURL.Host] {
        if let port = Int(text), (1...65535).contains(port) { return sql.map { ConnectionURL.Host($0.name, port: port) } }
        return try text.split(separator: ",").map { try host($0, "http", port: 8030, label) }
    }

    /// `be1:8040=10.0.0.1:18040,be2=10.0.0.1:28040`; without a port, every port of that host.
    private static func addresses(_ text: String, _ label: String) throws -> [String: ConnectionURL.Host] {
        var found: [String: ConnectionURL.Host] = [:]
        for pair in text.split(separator: ",") {
            let sides = pair.split(separator: "=", maxSplits: 1).map { $0.filter { !$0.isWhitespace } }
            guard sides.count == 2 else { throw invalid("be_map", String(pair), label) }
            found[sides[0]] = try host(sides[1][...], "be_map", port: nil, label)
        }
        return found
    }

    private static func host(_ text: Substring, _ setting: String, port: Int?, _ label: String) throws -> ConnectionURL.Host {
        let url = try? ConnectionURL(parsing: "x://\(text.filter { !$0.isWhitespace })/")
        guard let url, let name = url.host, url.user == nil, url.otherHosts.isEmpty else { throw invalid(setting, String(text), label) }
        return ConnectionURL.Host(name, port: url.port ?? port)
    }

    private static func invalid(_ setting: String, _ text: String, _ label: String) -> ApusError {
        ApusError(
            .configurationInvalid, "option `\(setting)`: `\(text)` is no address",
            hint: setting == "http"
                ? "Write the FEs' HTTP port, 8030, or fe1:8030,fe2:8030."
                : "Write what a BE calls itself and where it is reached from here: be1:8040=10.0.0.1:18040,be2:8040=10.0.0.1:28040.",
            context: label)
    }
}

extension StarRocksOptions {
    static let abilities: Abilities = {
        var abilities = Abilities()
        abilities.schemaWord = "database"
        abilities.hostLists = true
        abilities.operationColumn = LoadTarget.operation.name
        return abilities
    }()

    static let declared: [Setting] = [
        Setting("http", .text, default: "8030", "the FEs' HTTP port, for loads; or a list, fe1:8030,fe2:8030"),
        Setting("https", .boolean, "loads go over HTTPS; must be said where `tls` is require or more. Unset = plain HTTP"),
        Setting(
            "be_map", .text,
            "where BEs are reached from here, behind NAT or in containers: be1:8040=10.0.0.1:18040,be2:8040=10.0.0.1:28040"),
        Setting(
            "query_timeout", .duration,
            "longest time of one SELECT; unset = computed from the slice's size. A read that exceeds it is cut in two"),
        Setting(
            "read", .choice(["sql", "scan"]), default: "sql",
            "how tables are read: over the SQL port, or off the BEs' thrift ports (9060) as Arrow batches, and over the SQL port what cannot be"
        ),
        Setting(
            "on_change", .choice(["accept", "retry"]), default: "accept",
            "partitions that are written to while they are read: take the state that the read began with, or read the slice again"),
        Setting(
            "compression", .choice(["auto", "none", "lz4", "zstd"]), default: "auto",
            "how the rows of a load are compressed; auto = lz4 where the server takes it"),
        Setting(
            "interface", .choice(["auto", "stream_load", "transaction"]), default: "auto",
            "how rows are loaded; auto = one Stream Load for what fits one request, a transaction for more"),
        Setting("load_timeout", .duration, default: "1h", "longest time of one load on the server"),
        Setting("load_bytes", .bytes, default: "1GiB", "octets of rows in one load, before compression"),
        Setting("load_age", .duration, default: "10m", "longest time that a load stays open for further rows"),
        Setting("strict", .boolean, default: "true", "a value that does not convert is a rejected row, not NULL (strict_mode)"),
        Setting(
            "probe", .choice(["auto", "off"]), default: "auto",
            "before the first load into a server version, load rows of a trial into a table apus_probe_…, read them back and drop it"),
        Setting("replication_num", .integer, "replicas of tables that Apus makes; unset = the server's default"),
        Setting("buckets", .integer, "buckets of tables that Apus makes; unset = the server's choice"),
        Setting("partial_update", .boolean, default: "false", "upsert changes the given columns only, and leaves the others as they are"),
        Setting("merge_condition", .text, "upsert a row only if this column is not smaller than the stored row's"),
        Setting("connect_timeout", .duration, default: "10s", "how long to wait for a connection"),
        Setting("read_timeout", .duration, default: "0", "how long a server may be silent; 0 = for ever"),
        Setting(
            "tls", .choice(["off", "prefer", "require", "verify-ca", "verify"]), default: "prefer",
            "TLS of the SQL port: off, prefer (when the server has it), require, verify-ca, verify (authority and host name)"),
        Setting("ca", .text, "PEM file of the authorities to trust; default: the system's"),
        Setting(
            "time_zone", .text, "the session's zone, for user SQL such as curdate(): Asia/Shanghai, +08:00, UTC; default: the server's"),
        Setting(
            "server_time_zone", .text, aliases: ["serverTimezone", "connectionTimeZone"],
            "the session's zone, where force_time_zone says so"),
        Setting(
            "force_time_zone", .boolean, default: "false", aliases: ["forceConnectionTimeZoneToSession"],
            "the session is set to server_time_zone"),
        Setting(
            "init_sql", .text, "statement to run at the start of each session; several are parted by `;` and a line break"),
    ]
}
