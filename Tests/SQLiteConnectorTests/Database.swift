import ApusCore
import ApusTesting
import SQLiteConnector
import Tabular
import Testing

/// A database file in a folder of its own, seen through Apus and through the `sqlite3` command.
final class Database {
    let folder: TemporaryFolder
    let path: String

    init(_ sql: String = "") throws {
        folder = try TemporaryFolder(prefix: "apus-sqlite")
        path = folder.file("a.db")
        if !sql.isEmpty { try cli(sql) }
    }

    /// What the `sqlite3` command prints.
    @discardableResult
    func cli(_ sql: String) throws -> String {
        let result = try runCommand("sqlite3", ["-bail", path], stdin: sql)
        guard result.status == 0 else { throw KitError("sqlite3: \(result.stderr)") }
        return result.stdout.hasSuffix("\n") ? String(result.stdout.dropLast()) : result.stdout
    }

    func open(_ options: String = "", interrupt: Interrupt = Interrupt()) throws -> SQLiteSession {
        try Self.open("sqlite:\(path)\(options.isEmpty ? "" : "?" + options)", interrupt: interrupt)
    }

    static func open(_ url: String, interrupt: Interrupt = Interrupt()) throws -> SQLiteSession {
        let connector = SQLiteConnector()
        let endpoint = try Endpoint(ConnectionURL(parsing: url), connector)
        return try #require(try connector.open(endpoint, interrupt: interrupt) as? SQLiteSession)
    }

    func read(_ table: String, key: [String] = []) throws -> (SQLiteSession, Read) {
        let session = try open()
        return (session, try Self.read(session, table, key: key))
    }

    static func read(_ session: SQLiteSession, _ table: String, key: [String]? = nil) throws -> Read {
        let shape = try session.describe(TableName(table))
        var read = Read(
            relation: .table(shape.name), items: shape.columns.map { Read.Item($0.name) }, schema: shape.schema)
        read.key = (key ?? session.sliceKey(for: shape)).map { name in
            shape.column(name).map { Column(name, $0.type, nullable: $0.nullable) }
                ?? Column(name, .int64, nullable: false)
        }
        return read
    }
}

/// All rows of a slice as JSON, and those that were rejected.
func rows(
    _ session: SQLiteSession, _ read: Read, _ slice: Slice = Slice(id: 0, bounds: .all), capacity: Int = 100
) throws -> (rows: [String], rejected: [RejectedRow]) {
    let reader = try session.reader(read, slice, wire: [])
    defer { reader.close() }
    let batch = Batch(schema: read.schema, rowCapacity: capacity)
    var rows: [String] = []
    var rejected: [RejectedRow] = []
    var more = true
    while more {
        more = try reader.read(into: batch)
        rows += (0..<batch.rowCount).map { batch.json(row: $0) }
        rejected += batch.rejected
        batch.reset()
    }
    #expect(reader.rowsRead == rows.count + rejected.count)
    return (rows, rejected)
}

/// A load of a table by a shape as the planner would make it.
func load(
    _ name: String, _ columns: [ColumnShape], key: [String] = [], mode: LoadMode = .replace, run: String = RunID.make()
) -> Load {
    var shape = TableShape(name: TableName(name), origin: "test", columns: columns)
    shape.primaryKey = key
    shape = SQLiteDialect().translate(shape, named: TableName(name), origin: "sqlite").shape
    return Load(
        runID: run, table: 0, shape: shape, exists: false, columns: columns.map(\.name), mode: mode, key: key, slices: 1
    )
}

/// Writes one slice and commits it.
@discardableResult
func writeSlice(_ session: SQLiteSession, _ load: Load, _ batch: Batch, slice: Int = 0) throws -> [RejectedRow] {
    let writer = try session.writer(load)
    defer { writer.close() }
    try writer.begin(Slice(id: slice, bounds: .all), careful: false)
    let rejected = try writer.write(batch)
    let written = try writer.flush()
    #expect(written + rejected.count == batch.rowCount)
    try writer.commit(SliceMark(slice: slice, read: batch.rowCount, written: written, rejected: rejected.count))
    return rejected
}

/// Rows of integers and text.
func batch(_ schema: Schema, _ rows: [(Int64, String?)]) -> Batch {
    let batch = Batch(schema: schema, rowCapacity: max(rows.count, 1))
    for (id, text) in rows {
        batch.columns[0].append(id)
        if let text { batch.columns[1].append(text) } else { batch.columns[1].appendNull() }
        batch.endRow(bytes: 8)
    }
    return batch
}

func error(_ body: () throws -> Void) -> ApusError? {
    do { try body() } catch { return error as? ApusError }
    return nil
}
