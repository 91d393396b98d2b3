import ApusCore
import Tabular

/// Seeded random rows of a given schema: for benches, tests and trying things out.
public struct GeneratorConnector: Connector {
    public init() {}

    public var name: String { "generator" }
    public var title: String { "Generator" }
    public var schemes: [String] { ["generator"] }
    public var example: String { "generator:orders?rows=5m&columns=10" }

    public var abilities: Abilities {
        var abilities = Abilities()
        abilities.writes = false
        abilities.modes = []
        abilities.writers = 0
        abilities.sql = false
        return abilities
    }

    public var settings: [Setting] {
        [
            Setting("rows", .text, default: "1000000", "how many rows: 5000000, 500k, 5m"),
            Setting("columns", .integer, default: "10", "columns of the built-in mixed schema, 1 to 1000"),
            Setting("seed", .integer, default: "1", "the same seed gives the same rows"),
            Setting(
                "schema", .text, "columns instead of the built-in ones: id:int64,name:text(20)?,price:decimal(10,2)"),
            Setting("null_ratio", .text, default: "0.1", "share of NULL in nullable columns, 0 to 1"),
        ]
    }

    public func open(_ endpoint: Endpoint, interrupt: Interrupt) throws -> any Session {
        try GeneratorSession(endpoint, interrupt: interrupt)
    }

    /// Rows never change: any sessions read the same state.
    public func openSnapshot(_ endpoint: Endpoint, count: Int, interrupt: Interrupt) throws -> [any Source] {
        try (0..<count).map { _ in try GeneratorSession(endpoint, interrupt: interrupt.child()) }
    }
}
