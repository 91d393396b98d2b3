import ApusControl
import ApusCore
import ApusEngine
import ApusFlow
import ApusListen

/// A source's catalogue: the tables that are wanted, with their columns.
struct Catalogue {
    let connection: Flow.Connection
    let connector: any Connector
    let session: any Session
    /// Every table and view of the schema.
    let tables: [TableSummary]
    /// Those that were chosen.
    let shapes: [TableShape]
    let own: String?

    /// - throws: `object.not_found` when no table is meant.
    init(_ text: String, schema: String?, choice: TableChoice, askPassword: Bool, log: ListenerChoice.Log) throws {
        let resolved = try Resolver.make(askPassword: askPassword).resolve(text)
        for notice in resolved.notices { log.say(.warning, notice) }
        connection = resolved.connection
        connector = resolved.connector
        session = try Connections(resolved.connector, resolved.connection.endpoint).session(Program.interrupt.child())
        tables = try session.tables(schema: schema)
        let chosen = choice.choose(tables)
        guard !chosen.isEmpty else {
            throw ApusError(
                .notFound, "no table of \(resolved.connection.endpoint.label) is meant",
                hint:
                    "It has \(tables.prefix(8).map(\.name.name).joined(separator: ", "))\(tables.count > 8 ? " and \(tables.count - 8) more" : "")."
            )
        }
        let names = Set(chosen.map(\.name))
        shapes = try session.describeAll(schema: schema) { names.contains($0.name) }
        own = schema ?? tables.first?.name.schema
    }

    var dialect: any Dialect {
        get throws {
            guard let dialect = connector.dialect else {
                throw ApusError(.unsupported, "\(connector.title) has no catalogue of tables to generate rows from")
            }
            return dialect
        }
    }

    /// Whether a column holds a NULL now; the server stops at the first one.
    func holdsNull(_ shape: TableShape, _ column: String) throws -> Bool? {
        guard let session = session as? any SQLSession else { return nil }
        let dialect = try dialect
        let sql = "SELECT 1 FROM \(dialect.quote(shape.name)) WHERE \(dialect.quote(column)) IS NULL LIMIT 1"
        return try !session.query(sql).isEmpty
    }
}
