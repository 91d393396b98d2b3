import ApusCore
import ApusTesting
import MySQLConnector
import Tabular
import Testing

/// A database of its own on the shared server, with shortcuts.
struct Playground {
    let server: MariaDBServer
    let database: String

    init(_ server: MariaDBServer? = nil, options: String = "CHARACTER SET utf8mb4") throws {
        self.server = try server ?? .shared()
        database = try self.server.makeDatabase(options)
    }

    func endpoint(_ parameters: String = "", port: UInt16? = nil) throws -> Endpoint {
        try Endpoint(ConnectionURL(parsing: server.url(database: database, port: port) + (parameters.isEmpty ? "" : "?" + parameters)), MySQLConnector())
    }

    func open(_ parameters: String = "", interrupt: Interrupt = Interrupt(), port: UInt16? = nil) throws -> any SQLSession & Source & Sink {
        try MySQLConnector().open(endpoint(parameters, port: port), interrupt: interrupt) as! any SQLSession & Source & Sink
    }

    func run(_ sql: String) throws { try server.execute(sql, database: database) }
    func rows(_ sql: String) throws -> [[String]] { try server.query(sql, database: database) }
    func value(_ sql: String) throws -> String { try rows(sql).first?.first ?? "" }
}

extension Read {
    /// All columns of a table.
    init(_ shape: TableShape, key: [String] = []) {
        self.init(
            relation: .table(shape.name), items: shape.columns.map { Read.Item($0.name) }, schema: shape.schema)
        self.key = key.map { name in Column(name, shape.column(name)!.type, nullable: shape.column(name)!.nullable) }
    }
}

extension Load {
    init(
        _ shape: TableShape, mode: LoadMode = .append, run: String = "run-1", exists: Bool = true, create: CreatePolicy = .create,
        key: [String] = [], columns: [String]? = nil
    ) {
        self.init(
            runID: run, table: 0, shape: shape, exists: exists,
            columns: columns ?? shape.columns.filter { !$0.generated }.map(\.name), mode: mode, create: create, key: key, slices: 1)
    }
}

/// Moves what a reader gives through a writer, casting in between, as a channel does.
@discardableResult
func move(
    _ read: Read, _ slice: Slice = Slice(id: 0, bounds: .all), from source: any Source, _ load: Load, to sink: any Sink, careful: Bool = false
) throws -> (read: Int, written: Int, rejected: [RejectedRow]) {
    let reader = try source.reader(read, slice, wire: [])
    let writer = try sink.writer(load)
    defer {
        reader.close()
        writer.close()
    }
    let accepts = try sink.accepts(load)
    let projection = try Projection(from: read.schema, to: accepts, sources: Array(read.schema.columns.indices))
    let input = Batch(schema: read.schema)
    let output = Batch(schema: accepts)
    var rejected: [RejectedRow] = []
    try writer.begin(slice, careful: careful)
    var goesOn = true
    while goesOn {
        input.reset()
        output.reset()
        goesOn = try reader.read(into: input)
        if projection.isPassthrough {
            rejected += input.rejected
            if input.rowCount > 0 { rejected += try writer.write(input) }
            continue
        }
        projection.apply(input, into: output)
        rejected += output.rejected
        if output.rowCount > 0 { rejected += try writer.write(output) }
    }
    let written = try writer.flush()
    try writer.commit(SliceMark(slice: slice.id, read: reader.rowsRead, written: written, rejected: rejected.count))
    return (reader.rowsRead, written, rejected)
}

/// All rows of a read as canonical text; NULL is nil.
func texts(_ read: Read, _ source: any Source, _ slice: Slice = Slice(id: 0, bounds: .all)) throws -> [[String?]] {
    let reader = try source.reader(read, slice, wire: [])
    defer { reader.close() }
    let batch = Batch(schema: read.schema)
    var rows: [[String?]] = []
    var goesOn = true
    while goesOn {
        batch.reset()
        goesOn = try reader.read(into: batch)
        for row in 0..<batch.rowCount {
            rows.append(
                batch.columns.indices.map { index in
                    if batch.columns[index].isNull(row) { return nil }
                    var text = ByteBuffer()
                    text.append(value: batch.columns.baseAddress! + index, row: row, type: read.schema[index].type)
                    return text.string
                })
        }
    }
    #expect(reader.rowsRead == rows.count)
    return rows
}

func apusError(_ body: () throws -> Void) -> ApusError? {
    do {
        try body()
        return nil
    } catch {
        return error as? ApusError
    }
}
