import ApusCore
import ApusFlow

/// A connector that only declares itself.
struct FakeConnector: Connector {
    var name: String
    var title: String
    var schemes: [String]
    var settings: [Setting]
    var abilities = Abilities()
    var example: String

    func open(_ endpoint: Endpoint, interrupt: Interrupt) throws -> any Session {
        throw ApusError(.unsupported, "a fake")
    }
}

let fakes: [any Connector] = [
    FakeConnector(
        name: "mysql", title: "MySQL and MariaDB", schemes: ["mysql", "mariadb"],
        settings: [
            Setting("tls", .choice(["off", "prefer", "require", "verify"]), default: "prefer", aliases: ["sslMode"], "Encryption."),
            Setting("timeout", .duration, default: "30s", aliases: ["connectTimeout"], "How long to wait for a connection."),
            Setting("batch_bytes", .bytes, "How much is sent at once."),
        ], example: "mysql://user:password@host:3306/shop?tls=verify"),
    FakeConnector(
        name: "postgres", title: "PostgreSQL", schemes: ["postgres", "postgresql", "pgsql"],
        settings: [Setting("sslmode", .text, "As libpq's."), Setting("compress", .boolean, "Compress the stream.")],
        example: "postgres://user@host/dw"),
    FakeConnector(name: "sqlite", title: "SQLite", schemes: ["sqlite"], settings: [], example: "sqlite:shop.db"),
    FakeConnector(
        name: "csv", title: "CSV files", schemes: ["csv"], settings: [Setting("separator", .text, default: ",", "Between fields.")],
        example: "csv:out/"),
]

/// Saturday 2026-11-21 20:30:05 UTC.
let moment: Double = 1_795_293_005

func resolver(_ environment: [String: String] = [:], file: ConnectionsFile? = nil) -> ConnectionResolver {
    ConnectionResolver(fakes, variables: Variables(environment), file: file)
}

func read(_ text: String, _ environment: [String: String] = [:], given: [String: String] = [:]) throws -> Flow {
    try FlowReader(resolver: resolver(environment), given: given, now: moment).read(text).flow
}

/// The whole text that a user sees.
func faults(_ text: String, _ environment: [String: String] = [:], given: [String: String] = [:]) -> String {
    FlowReader(resolver: resolver(environment), given: given, now: moment).parse(Array(text.utf8), name: "flow.yaml").faults.description
}

/// A flow around some lines.
func flow(_ lines: String) -> String { "from: sqlite:a.db\nto: sqlite:b.db\n" + lines }

/// xorshift64*: the same numbers on every run.
struct Random: RandomNumberGenerator {
    var state: UInt64
    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
    mutating func next() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 0x2545_F491_4F6C_DD1D
    }
}
