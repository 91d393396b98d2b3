import ApusCore
import ApusEngine
import ApusFlow
import ApusListen
import ArgumentParser
import Tabular

struct Conn: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tries connections and looks into them.",
        discussion: """
            EXAMPLES:
              apus conn test mysql://u@db/shop
              apus conn tables warehouse
              apus conn peek sqlite:shop.db orders --rows 20
            """,
        subcommands: [Test.self, Tables.self, Peek.self, List.self])
}

/// What the subcommands of `apus conn` share.
struct ConnectionArgument: ParsableArguments {
    @Argument(help: "A connection's URL or name.") var connection: String
    @Flag(help: "Ask for the password at the terminal.") var askPassword = false

    func open(_ log: ListenerChoice.Log) throws -> Connections {
        let resolved = try Resolver.make(askPassword: askPassword).resolve(connection)
        for notice in resolved.notices { log.say(.warning, notice) }
        return Connections(resolved.connector, resolved.connection.endpoint)
    }
}

extension Conn {
    struct Test: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Connects, says to what, and tries what loads need beside the connection.",
            discussion: """
                Clusters that take rows by other ways than the connection: the ports of all servers, rights, clocks, and a trial of loading in
                a table of its own, which is dropped again. Ends with 1 when something of that fails.

                EXAMPLE: apus conn test mysql://u@db/shop --ask-password
                """)
        @OptionGroup var target: ConnectionArgument
        @Flag(help: "Write what was found as one JSON object.") var json = false
        @OptionGroup var output: Output

        func run() throws {
            let connections = try target.open(output.open())
            let start = Clock.wall()
            let session = try connections.session(Program.interrupt)
            defer { session.close() }
            let milliseconds = Int((Clock.wall() - start) * 1000)
            let checks = session.checks()
            let failed = checks.filter { $0.error != nil }
            let seconds = Clock.wall() - start
            if json {
                Output.product(CheckText.json(connections.endpoint.label, session.banner, checks, seconds), isJSON: true)
            } else {
                Output.product("ok: \(connections.endpoint.label) is \(session.banner) (\(milliseconds) ms)")
                if !checks.isEmpty { Output.product(CheckText.text(checks, seconds)) }
            }
            if !failed.isEmpty { throw ArgumentParser.ExitCode(ExitCode.failed) }
        }
    }

    struct Tables: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists tables and views.", discussion: "EXAMPLE: apus conn tables warehouse --schema ods")
        @OptionGroup var target: ConnectionArgument
        @Option(help: "The schema or database to list; the connection's own without it.") var schema: String?
        @OptionGroup var output: Output

        func run() throws {
            let session = try target.open(output.open()).session(Program.interrupt)
            defer { session.close() }
            let tables = try session.tables(schema: schema)
            guard !tables.isEmpty else {
                Output.product("no tables")
                return
            }
            let rows = tables.map { table in
                [
                    table.name.description, table.kind.rawValue, table.rows.map { "~" + Quantity.text(count: $0) } ?? "",
                    table.bytes.map { Quantity.text(bytes: $0) } ?? "",
                ]
            }
            Output.product(TextTable.text(["table", "kind", "rows", "size"], rows))
        }
    }

    struct Peek: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows the columns and first rows of a table.", discussion: "EXAMPLE: apus conn peek sqlite:shop.db orders --rows 20")
        @OptionGroup var target: ConnectionArgument
        @Argument(help: "The table, e.g. orders or sales.orders.") var table: String
        @Option(help: "Rows to show.") var rows = 10
        @OptionGroup var output: Output

        func run() throws {
            let connections = try target.open(output.open())
            let source = try connections.source(Program.interrupt.child())
            defer { source.close() }
            guard let name = try TablePattern(table).exactName else {
                throw ApusError(.configurationInvalid, "`\(table)` is a pattern; peek shows one table")
            }
            let shape = try source.describe(name)
            Output.product(
                TextTable.text(
                    ["column", "type", "native", "null", "key"],
                    shape.columns.map {
                        [
                            $0.name, $0.type.description, $0.native, $0.nullable ? "null" : "not null",
                            shape.primaryKey.contains($0.name) ? "key" : "",
                        ]
                    }))
            guard rows > 0 else { return }
            let items = shape.columns.map { Read.Item($0.name) }
            let read = Read(relation: .table(name), items: items, schema: shape.schema)
            let reader = try source.reader(read, Slice(id: 0, bounds: .all), wire: [])
            let batch = Batch(schema: shape.schema, rowCapacity: min(rows, 1000))
            _ = try reader.read(into: batch)
            // The rest of the table is not wanted: the connection is given up instead of drained.
            source.interrupt.fire()
            reader.close()
            Output.product("")
            Output.product(TextTable.text(shape.columns.map(\.name), (0..<batch.rowCount).map { cells(batch, $0) }))
        }

        private func cells(_ batch: Batch, _ row: Int) -> [String] {
            batch.schema.columns.indices.map { index in
                if batch.columns[index].isNull(row) { return "NULL" }
                var text = ByteBuffer()
                text.append(value: batch.columns.baseAddress! + index, row: row, type: batch.schema[index].type)
                let whole = text.string
                return whole.count > 60 ? whole.prefix(59) + "…" : whole
            }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the named connections of connections.yaml.", discussion: "EXAMPLE: apus conn list")
        @OptionGroup var output: Output

        func run() throws {
            _ = output.open()
            let file = ConnectionsFile.standard()
            let rows = try file?.list(Registry.connectors).map { [$0.name, $0.reference] } ?? []
            guard !rows.isEmpty else {
                Output.product("no named connections in \(file?.name ?? "~/.config/apus/connections.yaml")")
                return
            }
            Output.product(TextTable.text(["name", "connection"], rows))
        }
    }
}
