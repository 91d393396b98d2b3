/// A connection as the user writes it: `mysql://user:password@host:3306/shop?tls=verify`,
/// `starrocks://user:password@fe1:9030,fe2:9030/dw`, `sqlite:shop.db`, `csv:out/?compression=zstd`, `jdbc:postgresql://h/dw?user=u`.
///
/// Everything before the `?` is percent-decoded part by part, so a password may hold `@:/%` as `%40%3A%2F%25`.
public struct ConnectionURL: Hashable, Sendable {
    public var scheme: String
    public var user: String?
    public var password: Secret?
    /// Without brackets for IPv6.
    public var host: String?
    public var port: Int?
    /// Further hosts of a list, `fe1:9030,fe2:9030`, after the first.
    public var otherHosts: [Host] = []
    /// Database (server schemes) or file path (file schemes), without the slash that ends the host.
    public var path: String
    public var parameters: [Parameter] = []
    /// Written with `jdbc:` in front: parameters of the JDBC driver are told, not refused.
    public var isJDBC = false

    /// A host of a list.
    public struct Host: Hashable, Sendable {
        /// Without brackets for IPv6.
        public var name: String
        public var port: Int?

        public init(_ name: String, port: Int?) {
            self.name = name
            self.port = port
        }

        var text: String { (name.contains(":") ? "[\(name)]" : name) + (port.map { ":\($0)" } ?? "") }
    }

    public struct Parameter: Hashable, Sendable {
        public var name: String
        public var value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// - throws: `config.invalid`, in words that do not show the password.
    public init(parsing text: String) throws {
        var rest = Substring(text)
        if rest.lowercased().hasPrefix("jdbc:") {
            isJDBC = true
            rest = rest.dropFirst(5)
        }
        guard let colon = rest.firstIndex(of: ":"),
            rest[..<colon].allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) }), colon > rest.startIndex
        else {
            throw ApusError(
                .configurationInvalid, "this is no connection: it has no scheme",
                hint: "Write a URL such as mysql://user:password@host:3306/db, sqlite:file.db or csv:folder/, or a connection's name.")
        }
        scheme = rest[..<colon].lowercased()
        rest = rest[rest.index(after: colon)...]
        if let fragment = rest.firstIndex(of: "?") {
            parameters = try Self.parameters(rest[rest.index(after: fragment)...])
            rest = rest[..<fragment]
        }
        guard rest.hasPrefix("//") else {
            // `mysql:/user:password@host` is a password in what looks like a path.
            if let at = rest.lastIndex(of: "@"), rest[..<at].contains(":") { throw Self.unencoded() }
            path = try Self.decode(rest, part: "path")
            takeCredentials()
            return
        }
        rest = rest.dropFirst(2)
        // The last `@` ends the credentials: a password with a bare `@` or `/` is understood where that is safe.
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        var authority = rest[..<slash]
        var tail = rest[slash...]
        if !authority.contains("@"), let at = rest.lastIndex(of: "@"), authority.contains(":") {
            let afterAt = rest[at...]
            let end = afterAt.firstIndex(of: "/") ?? rest.endIndex
            authority = rest[..<end]
            tail = rest[end...]
        }
        if let at = authority.lastIndex(of: "@") {
            let credentials = authority[..<at]
            let parts = credentials.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            user = try Self.decode(parts[0], part: "user name")
            if parts.count == 2 {
                // Also as it was written.
                Masking.note(String(parts[1]))
                password = Secret(try Self.decode(parts[1], part: "password"))
            }
            authority = authority[authority.index(after: at)...]
        }
        let hosts = authority.split(separator: ",", omittingEmptySubsequences: false)
        try Self.split(hosts.first ?? authority, &host, &port)
        for other in hosts.dropFirst() {
            var name: String?
            var number: Int?
            try Self.split(other, &name, &number)
            guard let name, host != nil else {
                throw ApusError(
                    .configurationInvalid, "a host in this connection's list is empty", hint: "Write host1:port1,host2:port2.")
            }
            otherHosts.append(Host(name, port: number))
        }
        // The rest of a password that holds both `@` and `/`, as they are.
        if password != nil, tail.contains("@") { throw Self.unencoded() }
        path = try Self.decode(tail.dropFirst(), part: "path")
        // `sqlite:///var/a.db` and `csv:///var/a.csv` are absolute paths.
        if host == nil, tail.hasPrefix("/"), user == nil, port == nil, tail.count > 1 { path = "/" + path }
        takeCredentials()
    }

    private static func unencoded() -> ApusError {
        ApusError(
            .configurationInvalid, "this connection cannot be told apart into user, password, host and path",
            hint: "Write scheme://user:password@host/path, with `@`, `:`, `/`, `?` and `%` in it as %40, %3A, %2F, %3F and %25.")
    }

    /// JDBC and libpq also take user and password as parameters.
    private mutating func takeCredentials() {
        for parameter in parameters {
            if Self.isSecret(parameter.name, parameter.value) { Masking.note(parameter.value) }
            if Self.isStatement(parameter.name) { Masking.note(statement: parameter.value) }
            switch parameter.name.lowercased() {
            case "user" where user == nil: user = parameter.value
            case "password" where password == nil: password = Secret(parameter.value)
            case "port" where port == nil: port = Int(parameter.value).flatMap { (1...65535).contains($0) ? $0 : nil }
            default: continue
            }
        }
        parameters.removeAll {
            ["user", "password"].contains($0.name.lowercased()) || ($0.name.lowercased() == "port" && Int($0.value) == port)
        }
    }

    private static func split(_ authority: Substring, _ host: inout String?, _ port: inout Int?) throws {
        var authority = authority
        if authority.hasPrefix("["), let close = authority.firstIndex(of: "]") {
            host = String(authority[authority.index(after: authority.startIndex)..<close])
            authority = authority[authority.index(after: close)...]
        } else {
            let name = authority.prefix { $0 != ":" }
            host = name.isEmpty ? nil : try decode(name, part: "host")
            authority = authority[name.endIndex...]
        }
        guard authority.hasPrefix(":"), authority.count > 1 else { return }
        guard let number = Int(authority.dropFirst()), (1...65535).contains(number) else {
            throw ApusError(
                .configurationInvalid, "the port in this connection is no number between 1 and 65535",
                hint: "A password with `@`, `:`, `/` or `%` must be percent-encoded: %40, %3A, %2F, %25.")
        }
        port = number
    }

    private static func parameters(_ text: Substring) throws -> [Parameter] {
        try text.split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            // The rest of a password that holds a `?`.
            if parts[0].contains("@") { throw unencoded() }
            return Parameter(
                name: try decode(parts[0], part: "parameter"),
                value: parts.count == 2 ? try decode(parts[1], part: "parameter") : "true")
        }
    }

    static func decode(_ text: Substring, part: String) throws -> String {
        guard text.contains("%") else { return String(text) }
        var bytes: [UInt8] = []
        var iterator = text.utf8.makeIterator()
        while let byte = iterator.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = iterator.next().flatMap(hexDigit), let low = iterator.next().flatMap(hexDigit) else {
                throw ApusError(
                    .configurationInvalid, "the \(part) in this connection has a `%` that two hex digits do not follow",
                    hint: "Write a plain % as %25.")
            }
            bytes.append(high << 4 | low)
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else {
            throw ApusError(.configurationInvalid, "the \(part) in this connection does not decode to UTF-8")
        }
        return decoded
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }

    /// Percent-encoded, but for letters, digits, `-`, `.`, `_` and `~`.
    public static func encode(_ text: String) -> String {
        var out = ""
        for byte in text.utf8 {
            let isPlain = (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122)
            if isPlain || "-._~".utf8.contains(byte) {
                out.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let hex = String(byte, radix: 16, uppercase: true)
                out += "%" + (hex.count == 1 ? "0" : "") + hex
            }
        }
        return out
    }
}

extension ConnectionURL: CustomStringConvertible {
    /// Without the password and without parameter values that look like secrets.
    public var description: String { text(password: password.map { _ in "•••" }) }

    /// Whether a parameter's value is SQL, which may set a password.
    public static func isStatement(_ name: String) -> Bool { ["init_sql", "sessionVariables", "connectionInitSql"].contains(name) }

    /// Whether a parameter's value is one to hide: by its name, but for paths of files and for switches.
    public static func isSecret(_ name: String, _ value: String) -> Bool {
        let name = name.lowercased()
        guard ["pass", "secret", "token", "key"].contains(where: name.contains) else { return false }
        if name == "password" { return true }
        return !value.hasPrefix("/") && !["true", "false"].contains(value.lowercased())
    }

    /// With everything that is secret, to be parsed again; for the file that keeps it and for nothing else.
    public func clear(password: Secret?) -> String {
        var bare = self
        bare.parameters = []
        let pairs = parameters.map { Self.encode($0.name) + "=" + Self.encode($0.value) }
        return (isJDBC ? "jdbc:" : "") + bare.text(password: password.map { Self.encode($0.reveal()) })
            + (pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&"))
    }

    /// With `${…}` or whatever else the caller puts in the password's place.
    public func text(password: String?) -> String {
        var text = scheme + ":"
        if host != nil || user != nil || port != nil {
            text += "//"
            if let user { text += Self.encode(user) + (password.map { ":" + $0 } ?? "") + "@" }
            if let host { text += host.contains(":") ? "[\(host)]" : host }
            if let port { text += ":\(port)" }
            text += otherHosts.map { "," + $0.text }.joined()
            text += "/"
        }
        text += path
        let shown = parameters.map { parameter in
            let value = Self.isStatement(parameter.name) ? Masking.mask(kept: parameter.value) : parameter.value
            return parameter.name + "=" + (Self.isSecret(parameter.name, parameter.value) ? Masking.mark : value)
        }
        return shown.isEmpty ? text : text + "?" + shown.joined(separator: "&")
    }
}
