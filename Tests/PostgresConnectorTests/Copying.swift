import ApusCore
import ApusTesting
import Tabular

@testable import PostgresConnector

/// A database of one test on the shared server, with connections of the product and of psql.
struct Place {
    let server: PostgresServer
    let database: String

    init(_ server: PostgresServer? = nil) throws {
        self.server = try server ?? PostgresServer.shared()
        database = try self.server.makeDatabase()
    }

    func sql(_ text: String) throws { try server.execute(text, database: database) }
    func rows(_ text: String) throws -> [[String]] { try server.query(text, database: database) }
    func values(_ text: String) throws -> [String] { try rows(text).map { $0[0] } }

    func session(_ options: String = "", interrupt: Interrupt = Interrupt()) throws -> PostgresSession {
        let text = server.url(database: database) + (options.isEmpty ? "" : "?" + options)
        return try PostgresSession(Endpoint(ConnectionURL(parsing: text), PostgresConnector()), interrupt: interrupt)
    }

    /// The read of a whole table or query.
    func read(_ session: PostgresSession, _ table: String, key: [String] = [], filters: [String] = []) throws -> Read {
        let isQuery = table.lowercased().hasPrefix("select")
        let shape = isQuery ? try session.describe(query: table) : try session.describe(Place.name(table))
        var read = Read(
            relation: isQuery ? .query(table) : .table(shape.name), items: shape.columns.map { Read.Item($0.name) },
            schema: shape.schema)
        read.key = key.map { name in shape.schema.columns.first { $0.name == name }! }
        read.filters = filters
        return read
    }

    func load(
        _ session: PostgresSession, _ table: String, mode: LoadMode = .append, key: [String] = [],
        columns: [String]? = nil, run: String = RunID.make()
    ) throws -> Load {
        let shape = try session.describe(Place.name(table))
        return Load(
            runID: run, table: 0, shape: shape, exists: true,
            columns: columns ?? shape.columns.filter { !$0.generated }.map(\.name), mode: mode, key: key, slices: 1)
    }

    static func name(_ text: String) -> TableName {
        let parts = text.split(separator: ".", maxSplits: 1).map(String.init)
        return parts.count == 2 ? TableName(schema: parts[0], parts[1]) : TableName(text)
    }
}

struct Copied {
    var read = 0
    var written = 0
    var rejected: [RejectedRow] = []
    var wire: WireFormat?
}

/// Moves one slice as the engine does: read, project, write, flush, commit.
@discardableResult
func move(
    _ read: Read, from source: PostgresSession, _ load: Load, to sink: PostgresSession, slice: Slice = Slice(id: 0, bounds: .all),
    careful: Bool = false, passthrough: Bool = false, batchRows: Int = 1000, commits: Bool = true
) throws -> Copied {
    var copied = Copied()
    let accepts = try sink.accepts(load)
    let reader = try source.reader(read, slice, wire: passthrough ? sink.wireFormats(load) : [])
    copied.wire = reader.wire
    defer { reader.close() }
    let writer = try sink.writer(load)
    defer { writer.close() }
    let batch = Batch(schema: read.schema, wire: reader.wire, rowCapacity: batchRows)
    let projected = Batch(schema: accepts, rowCapacity: batchRows)
    let projection = try Projection(from: read.schema, to: accepts, sources: Array(accepts.columns.indices))
    try writer.begin(slice, careful: careful)
    var goesOn = true
    while goesOn {
        batch.reset()
        goesOn = try reader.read(into: batch)
        if batch.wire != nil {
            copied.rejected += try writer.write(batch)
            continue
        }
        projected.reset()
        projection.apply(batch, into: projected)
        copied.rejected += projected.rejected
        copied.rejected += try writer.write(projected)
    }
    copied.read = reader.rowsRead
    copied.written = try writer.flush()
    if commits {
        try writer.commit(
            SliceMark(slice: slice.id, read: copied.read, written: copied.written, rejected: copied.rejected.count))
    }
    return copied
}

/// All of it: lock, prepare, one slice, finish, forget, unlock.
@discardableResult
func refresh(
    _ place: Place, from: String, to: String, mode: LoadMode, key: [String] = [], careful: Bool = false, options: String = ""
) throws -> Copied {
    let source = try place.session()
    let sink = try place.session(options)
    let load = try place.load(sink, to, mode: mode, key: key)
    try sink.lock(load)
    try sink.prepare(load)
    let read = try place.read(source, from)
    let copied = try move(read, from: source, load, to: try place.session(options), careful: careful)
    try sink.finish(load)
    try sink.forget(load)
    sink.unlock(load)
    return copied
}
