import ApusCore
import Tabular

/// A `jdbc:` URL, as far as Apus has a connector for it.
public struct JDBCAddress: Hashable, Sendable {
    /// Of the connector: `mysql`, `postgresql`, `sqlite`, `starrocks` …
    public var scheme: String
    public var host: String?
    public var port: Int?
    /// Further FEs of the same cluster.
    public var otherHosts: [ConnectionURL.Host] = []
    /// Database, or a file's path.
    public var path: String
    /// Name and value, as JDBC has them.
    public var parameters: [String: String] = [:]

    /// The address, or several where the URL names several hosts.
    ///
    /// - throws: `config.invalid`, `config.unknown_connector`; no message shows what may be a password.
    static func parse(_ text: String) throws -> [JDBCAddress] {
        let text = text.trimmingSpaces()
        guard text.lowercased().hasPrefix("jdbc:") else {
            throw ApusError(
                .configurationInvalid, "`jdbcUrl` is no JDBC address: it does not begin with `jdbc:`",
                hint: "Write e.g. jdbc:mysql://host:3306/shop or jdbc:postgresql://host:5432/dw.")
        }
        var words = text.dropFirst(5).split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        var scheme = words[0].lowercased()
        if let other = synonyms[scheme] { scheme = other }
        // `jdbc:mysql:loadbalance://a,b/db`
        while words.count == 2,
            let kind = ["loadbalance:", "replication:", "failover:", "aurora:", "sequential:"].first(where: {
                words[1].lowercased().hasPrefix($0)
            })
        {
            words[1] = words[1].dropFirst(kind.count)
        }
        guard words.count == 2, !words[1].isEmpty else {
            throw ApusError(.configurationInvalid, "`jdbcUrl` names no server", hint: "Write e.g. jdbc:mysql://host:3306/shop.")
        }
        if let gone = absent[scheme] {
            throw ApusError(
                .unknownConnector, "there is no connector for \(gone) (`jdbc:\(scheme):`)",
                hint: "There are those for MySQL and MariaDB, PostgreSQL and Greenplum, StarRocks, Doris, and SQLite.")
        }
        guard ["mysql", "postgresql", "sqlite", "starrocks", "doris"].contains(scheme) else {
            throw ApusError(
                .unknownConnector, "there is no connector for `jdbc:\(scheme):`",
                hint:
                    "There are jdbc:mysql:, jdbc:mariadb:, jdbc:postgresql:, jdbc:pivotal:greenplum:, jdbc:starrocks:, jdbc:doris: and jdbc:sqlite:."
            )
        }
        var rest = words[1]
        var parameters: [String: String] = [:]
        if let mark = rest.firstIndex(of: "?") {
            parameters = try Self.parameters(rest[rest.index(after: mark)...])
            rest = rest[..<mark]
        }
        if scheme == "sqlite" {
            return [JDBCAddress(scheme: scheme, path: String(rest), parameters: parameters)]
        }
        if rest.hasPrefix("greenplum:") { rest = rest.dropFirst(10) }
        guard rest.hasPrefix("//") else {
            guard !rest.hasPrefix("/") else { throw Self.malformed }
            // `jdbc:postgresql:dw` is a database of this machine.
            return [JDBCAddress(scheme: scheme, host: "localhost", path: String(rest), parameters: parameters)]
        }
        rest = rest.dropFirst(2)
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let path = rest[slash...].dropFirst()
        let hosts = rest[..<slash].split(separator: ",")
        guard !hosts.isEmpty, !path.contains("/"), !rest[..<slash].contains("@") else { throw Self.malformed }
        return try hosts.map { authority in
            // The parser of connections knows ports and IPv6.
            let url = try ConnectionURL(parsing: "\(scheme)://\(authority.filter { !$0.isWhitespace })/")
            return JDBCAddress(
                scheme: scheme, host: url.host ?? "localhost", port: url.port, path: path.removingPercents, parameters: parameters)
        }
    }

    /// Addresses that differ in the host only are the FEs of one cluster.
    static func clusters(_ addresses: [JDBCAddress]) -> [JDBCAddress] {
        var clusters: [JDBCAddress] = []
        for address in addresses {
            guard let known = clusters.firstIndex(where: { $0.path == address.path && $0.parameters == address.parameters }) else {
                clusters.append(address)
                continue
            }
            let host = ConnectionURL.Host(address.host ?? "localhost", port: address.port)
            let first = ConnectionURL.Host(clusters[known].host ?? "localhost", port: clusters[known].port)
            if host != first, !clusters[known].otherHosts.contains(host) { clusters[known].otherHosts.append(host) }
        }
        return clusters
    }

    private static let malformed = ApusError(
        .configurationInvalid, "`jdbcUrl` cannot be told apart into host, port and database",
        hint: "Write jdbc:mysql://host:3306/shop; user and password stand in `username` and `password`.")

    /// `;` parts too, as some drivers have it.
    private static func parameters(_ text: Substring) throws -> [String: String] {
        var found: [String: String] = [:]
        for pair in text.split(whereSeparator: { $0 == "&" || $0 == ";" }) {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            found[parts[0].removingPercents] = parts.count == 2 ? parts[1].removingPercents : "true"
        }
        return found
    }

    /// Schemes that speak the protocol of another one.
    private static let synonyms = [
        "mariadb": "mysql", "pivotal": "postgresql", "greenplum": "postgresql", "oceanbase": "mysql", "opengauss": "postgresql",
        "tidb": "mysql",
    ]

    private static let absent = [
        "oracle": "Oracle", "sqlserver": "SQL Server", "db2": "Db2", "dm": "DM", "hive2": "Hive", "clickhouse": "ClickHouse",
        "kingbase8": "KingbaseES", "sybase": "Sybase", "informix-sqli": "Informix", "sap": "SAP HANA", "presto": "Presto",
        "phoenix": "Phoenix", "taos": "TDengine",
    ]

    // MARK: - Endpoint

    /// The endpoint of this address, and the parameters that have no meaning here.
    /// - throws: `config.unknown_connector`, `config.invalid`.
    func endpoint(
        _ database: DataXJob.Database, _ connectors: [any Connector]
    ) throws -> (endpoint: Endpoint, ignored: [String]) {
        guard let connector = connectors.first(where: { $0.schemes.contains(scheme) }) else {
            throw ApusError(.unknownConnector, "there is no connector for `jdbc:\(scheme):`")
        }
        var url = try ConnectionURL(parsing: "\(connector.schemes[0]):x")
        url.host = host
        url.port = port
        url.otherHosts = otherHosts
        url.path = path
        url.user = database.user ?? parameters["user"]
        url.password = database.password ?? parameters["password"].map { Secret($0) }
        var endpoint = try Endpoint(url, connector)
        var ignored: [String] = []
        for (name, value) in parameters.sorted(by: { $0.key < $1.key }) where !["user", "password"].contains(name) {
            guard let (setting, translated) = Self.setting(name, value, connector), let known = endpoint.settings.setting(named: setting),
                known.fault(in: translated) == nil
            else {
                ignored.append(name)
                continue
            }
            try endpoint.settings.set(setting, translated)
        }
        for (name, value) in database.settings.sorted(by: { $0.key < $1.key }) { try endpoint.settings.set(name, value) }
        let session = database.session.map { $0.trimmingSpaces() }.filter { !$0.isEmpty }
        if !session.isEmpty {
            guard connector.settings.contains(where: { $0.name == "init_sql" }) else {
                throw ApusError(.unsupported, "\(connector.title) takes no `session` statements")
            }
            let first = endpoint.settings["init_sql"].map { [$0] } ?? []
            try endpoint.settings.set("init_sql", (first + session).joined(separator: ";\n"))
        }
        return (endpoint, ignored)
    }

    /// A driver's parameter as a setting of the connector; nil where it has none.
    private static func setting(_ name: String, _ value: String, _ connector: any Connector) -> (name: String, value: String)? {
        // All three are reached with MySQL's driver.
        guard ["mysql", "starrocks", "doris"].contains(connector.name) else { return (name, value) }
        switch name {
        case "connectTimeout" where connector.name != "mysql":
            return Int(value).map { ("connect_timeout", $0 == 0 ? "1h" : "\($0)ms") }
        case "socketTimeout" where connector.name != "mysql": return Int(value).map { ("read_timeout", "\($0)ms") }
        // Connector/J counts milliseconds.
        case "connectTimeout", "socketTimeout":
            return Int(value).map { (name, $0 == 0 ? (name == "connectTimeout" ? "1h" : "0") : "\($0)ms") }
        case "netTimeoutForStreamingResults" where connector.name == "mysql": return Int(value).flatMap { $0 > 0 ? (name, "\($0)s") : nil }
        case "zeroDateTimeBehavior" where connector.name == "mysql":
            return ("zero_dates", value.lowercased().replacing("_", with: "") == "converttonull" ? "null" : "keep")
        // DataX itself sets it to false: a number stays a number.
        case "tinyInt1isBit": return nil
        case "serverTimezone", "connectionTimeZone":
            // What Java takes for a zone and is none for certain, such as CST, says nothing.
            return (try? Zone.name(ofSetting: value)) == nil ? nil : (name, value)
        case "sessionVariables": return ("init_sql", "SET " + value)
        case "useSSL": return ("tls", value == "true" ? "prefer" : value == "false" ? "off" : value)
        case "requireSSL": return value == "true" ? ("tls", "require") : nil
        case "verifyServerCertificate": return value == "true" ? ("tls", "verify-ca") : nil
        default: return (name, value)
        }
    }
}

extension Substring {
    /// `%40` → `@`; what is no such escape stays as it is.
    fileprivate var removingPercents: String {
        guard contains("%") else { return String(self) }
        var out: [UInt8] = []
        var rest = Array(utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2, let code = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) {
                out.append(code)
                rest = rest.dropFirst(2)
            } else {
                out.append(byte)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
