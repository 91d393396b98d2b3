import Foundation

/// A value of a fault's parameter or of a setting of the double.
public enum ControlValue: Sendable, Hashable, Codable, ExpressibleByStringLiteral, ExpressibleByStringInterpolation,
    ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral
{
    case text(String)
    case integer(Int)
    case number(Double)
    case flag(Bool)

    public init(stringLiteral value: String) { self = .text(value) }
    public init(integerLiteral value: Int) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .number(value) }
    public init(booleanLiteral value: Bool) { self = .flag(value) }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let value = try? container.decode(Bool.self) {
            self = .flag(value)
        } else if let value = try? container.decode(Int.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else {
            self = .text(try container.decode(String.self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .text(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .flag(let value): try container.encode(value)
        }
    }
}

/// The double's control API: what is to go wrong, and what was seen.
extension StarRocksDouble {
    /// One HTTP request that an FE or a BE got.
    public struct Request: Sendable, Decodable {
        public let node: String
        public let method: String
        public let path: String
        /// Names in lower case; `authorization` is left out.
        public let headers: [String: String]
        public let user: String?
        /// The answer's HTTP status; `nil` while it is served or when it got none.
        public let status: Int?
        public let answer: Answer?
        public let location: String?
        /// Octets of the body that came.
        public let bodyBytes: Int

        private enum CodingKeys: String, CodingKey {
            case node, method, path, headers, user, status, answer, location
            case bodyBytes = "body_bytes"
        }
    }

    /// The body of an answer: JSON's members, or text.
    public enum Answer: Sendable, Hashable, Decodable {
        case members([String: ControlValue])
        case text(String)

        public init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                self = .text(text)
            } else {
                let members = (try? container.decode([String: ControlValue?].self)) ?? [:]
                self = .members(members.compactMapValues(\.self))
            }
        }

        /// A member that is a text.
        public subscript(_ name: String) -> String? {
            guard case .members(let members) = self, case .text(let text)? = members[name] else { return nil }
            return text
        }
    }

    /// One SQL statement as it came, without the comments that the test's own client may add.
    public struct Statement: Sendable, Decodable {
        public let node: String
        /// The session's number.
        public let session: Int
        public let database: String?
        public let sql: String
    }

    /// Something that no client should do, or that the double could not do.
    public struct Violation: Sendable, Decodable {
        public let what: String
        public let node: String?
        public let path: String?
        public let label: String?
        public let problem: String?
    }

    /// A load transaction.
    public struct Transaction: Sendable, Decodable {
        public let database: String
        public let label: String
        public let table: String?
        /// `PREPARE`, `PREPARED`, `COMMITTED`, `VISIBLE` or `ABORTED`.
        public let state: String
        public let reason: String
        public let total: Int
        public let loaded: Int
        public let filtered: Int
        public let bytes: Int
    }

    /// A scanner that a client opened on a BE.
    public struct Scan: Sendable, Decodable {
        public let node: String
        public let database: String
        public let table: String
        public let plan: Int
        public let tablets: [Int]
    }

    /// The scanners that were opened, in their order.
    public func scans() throws -> [Scan] { try decode([Scan].self, from: "/scans") }

    /// Adds a fault of the README's list.
    ///
    /// - Parameter parameters: `times` (1; -1 for ever), `skip`, `chance` and `seed`; `database`, `table`, `label` and
    ///   `node` (regular expressions); and the fault's own.
    public func fault(_ name: String, _ parameters: [String: ControlValue] = [:]) throws {
        try send("POST", "/faults", parameters.merging(["name": .text(name)]) { $1 })
    }

    /// No faults any more.
    public func clearFaults() throws { try send("DELETE", "/faults") }

    /// The names of the faults that happened, in their order.
    public func faultsTaken() throws -> [String] {
        struct Faults: Decodable {
            let history: [Taken]
        }
        struct Taken: Decodable {
            let name: String
        }
        return try decode(Faults.self, from: "/faults").history.map(\.name)
    }

    public func violations() throws -> [Violation] { try decode([Violation].self, from: "/violations") }

    /// All HTTP requests whose path holds `path`, in the order they came.
    public func requests(path: String = "") throws -> [Request] {
        let allowed = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "-._~/"))
        let text = path.addingPercentEncoding(withAllowedCharacters: allowed) ?? path
        return try decode([Request].self, from: "/requests?path=\(text)")
    }

    /// SQL statements in the order they came; the newest 20,000.
    public func statements() throws -> [Statement] { try decode([Statement].self, from: "/statements") }

    public func transactions() throws -> [Transaction] { try decode([Transaction].self, from: "/transactions") }

    /// `body_bytes`, `rows`, `query_timeouts` and whatever else was counted; a name that never counted is not there.
    public func counters() throws -> [String: Int] { try decode([String: Int].self, from: "/counters") }

    /// Forgets requests, statements, violations and counters.
    public func forget() throws { try send("DELETE", "/requests") }

    /// Changes settings of the cluster, such as `publish_delay` or `label_keep_max_num`.
    public func configure(_ settings: [String: ControlValue]) throws { try send("POST", "/config", settings) }

    /// Moves the cluster's clock: timeouts of transactions, age of labels, compaction.
    public func advanceClock(seconds: Double) throws { try send("POST", "/clock", ["advance": .number(seconds)]) }

    /// Closes a node's ports and connections.
    public func takeDown(_ node: String) throws { try send("POST", "/nodes", ["name": .text(node), "up": false]) }
    /// Opens a node's ports again.
    public func bringUp(_ node: String) throws { try send("POST", "/nodes", ["name": .text(node), "up": true]) }

    /// The BE forgets its open transactions.
    public func restart(_ backend: String) throws { try send("POST", "/restart", ["name": .text(backend)]) }

    /// Makes an FE the leader.
    public func makeLeader(_ frontend: String) throws { try send("POST", "/leader", ["name": .text(frontend)]) }

    /// From now on the cluster behaves as this version.
    public func become(_ profile: Profile) throws { try send("POST", "/profile", ["name": .text(profile.rawValue)]) }

    /// Gives each partition of a table with random buckets so many physical partitions (or only the one that is named).
    public func makePhysicalPartitions(_ count: Int, of table: String, database: String, partition: String = "") throws {
        try send(
            "POST", "/physical",
            ["database": .text(database), "table": .text(table), "partition": .text(partition), "count": .integer(count)])
    }

    /// Shared data: a compaction raises the visible versions of a table, or of one partition of it.
    public func compact(_ table: String, database: String, partition: String = "") throws {
        try send("POST", "/compact", ["database": .text(database), "table": .text(table), "partition": .text(partition)])
    }

    /// RowCount, TABLE_ROWS and COUNT(*) of a table say so many times what it holds.
    public func multiplyCounts(of table: String, database: String, by factor: Int) throws {
        try send("POST", "/counts", ["database": .text(database), "table": .text(table), "factor": .integer(factor)])
    }

    /// Another account.
    public func addUser(_ name: String, password: String) throws { try send("POST", "/users", [name: .text(password)]) }

    private func decode<Value: Decodable>(_ type: Value.Type, from path: String) throws -> Value {
        let answer = try send("GET", path)
        do {
            return try JSONDecoder().decode(type, from: Data(answer))
        } catch {
            throw KitError("GET \(path) of the double: \(error)")
        }
    }

    @discardableResult
    private func send(_ method: String, _ path: String, _ body: [String: ControlValue]? = nil) throws -> [UInt8] {
        var arguments = ["--silent", "--show-error", "--noproxy", "*", "--max-time", "60", "--request", method]
        var text = ""
        if let body {
            text = String(decoding: try JSONEncoder().encode(body), as: UTF8.self)
            arguments += ["--header", "Expect:", "--data-binary", "@-"]
        }
        let result = try runCommand(
            "curl", arguments + ["--write-out", "%{stderr}%{http_code}", control + path], stdin: text)
        guard result.status == 0, result.stderr.hasSuffix("200") else {
            throw KitError("\(method) \(path) of the double: \(result.stderr) \(result.stdout)")
        }
        return result.output
    }
}
