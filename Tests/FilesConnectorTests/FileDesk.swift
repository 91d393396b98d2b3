import ApusCore
import ApusTesting
import Foundation
import Tabular

@testable import FilesConnector

/// A folder with files to read and write, and the shortest way to do both.
final class FileDesk {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder(prefix: "apus-files") }

    /// What a table says: values as canonical text, nil for NULL.
    struct Table: Equatable {
        var names: [String]
        var types: [String]
        var rows: [[String?]]
        var rejected: [RejectedRow] = []
        var rowsRead = 0
    }

    @discardableResult func put(_ name: String, _ text: String) throws -> String { try folder.write(text, to: name) }

    @discardableResult func put(_ name: String, _ bytes: [UInt8]) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: folder.file(name)))
        return folder.file(name)
    }

    func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.file(name))))
    }
    func text(_ name: String) throws -> String { try folder.read(name) }
    func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() }

    /// Opens `csv:NAME?…` in the folder.
    func open(_ url: String) throws -> FilesSession {
        let parts = url.split(separator: ":", maxSplits: 1)
        let path = parts[1] == "-" ? "-" : "\(folder.path)/\(parts[1])"
        let isCSV = ["csv", "tsv"].contains(parts[0])
        let connector: any Connector = isCSV ? CSVConnector() : JSONLinesConnector()
        let endpoint = try Endpoint(try ConnectionURL(parsing: "\(parts[0]):\(path)"), connector)
        return try connector.open(endpoint, interrupt: Interrupt()) as! FilesSession
    }

    func read(
        _ url: String, table: String? = nil, types: [String: ColumnType] = [:], columns: [String]? = nil, wholeTable: Bool = false,
        blockSize: Int? = nil,
        batchRows: Int = 100
    ) throws -> Table {
        var session = try open(url)
        if let blockSize { session = try session.with(blockSize: blockSize) }
        let name = try table ?? session.tables(schema: nil)[0].name.name
        let shape = try session.describe(TableName(name))
        let wanted = columns ?? shape.columns.map(\.name)
        let schema = Schema(wanted.map { Column($0, types[$0] ?? shape.column($0)!.type) })
        let read = Read(relation: .table(TableName(name)), items: wanted.map { Read.Item($0) }, schema: schema)
        var result = Table(names: wanted, types: schema.types.map(\.description), rows: [])
        let slices =
            wholeTable ? [Slice(id: 0, bounds: .all)] : try session.slices(of: read, wish: SliceWish(channels: 2))
        for slice in slices {
            let reader = try session.reader(read, slice, wire: [])
            let batch = Batch(schema: schema, rowCapacity: batchRows)
            var more = true
            while more {
                batch.reset()
                more = try reader.read(into: batch)
                result.rejected += batch.rejected
                for row in 0..<batch.rowCount { result.rows.append(FileDesk.texts(batch, row)) }
            }
            result.rowsRead += reader.rowsRead
            reader.close()
        }
        return result
    }

    static func texts(_ batch: Batch, _ row: Int) -> [String?] {
        batch.schema.columns.enumerated().map { index, column in
            if batch.columns[index].isNull(row) { return nil }
            var out = ByteBuffer()
            out.append(value: UnsafePointer(batch.columns.baseAddress! + index), row: row, type: column.type)
            return out.string
        }
    }

    /// Values are parsed from canonical text, bytes from `\x…`.
    static func batch(_ columns: [Column], _ rows: [[String?]]) -> Batch {
        let batch = Batch(schema: Schema(columns), rowCapacity: max(rows.count, 1))
        for row in rows {
            for (index, value) in row.enumerated() {
                guard var value else {
                    batch.columns[index].appendNull()
                    continue
                }
                let parser = FieldParser(columns[index].type, binary: .hex)
                let isRight = value.withUTF8 { parser.parse($0, into: &batch.columns[index]) }
                precondition(isRight, "\(value) is no \(columns[index].type)")
            }
            batch.endRow(bytes: 10)
        }
        return batch
    }

    static func load(
        _ columns: [Column], table: String = "t", mode: LoadMode = .replace, run: String = "run-1", index: Int = 0,
        slices: Int = 1
    ) -> Load {
        let shape = TableShape(
            name: TableName(table), origin: "csv",
            columns: columns.map { ColumnShape($0.name, $0.type, native: $0.type.description) })
        return Load(
            runID: run, table: index, shape: shape, exists: false, columns: columns.map(\.name), mode: mode,
            slices: slices)
    }

    /// A whole load, a slice for each list of rows. Returns the rejected rows.
    @discardableResult
    func write(
        _ url: String, _ columns: [Column], slices: [[[String?]]], table: String = "t", mode: LoadMode = .replace,
        run: String = "run-1"
    ) throws -> [RejectedRow] {
        let session = try open(url)
        let load = FileDesk.load(columns, table: table, mode: mode, run: run, slices: slices.count)
        try session.lock(load)
        try session.prepare(load)
        var rejected: [RejectedRow] = []
        // The last slice first: order in the file is by slice, not by time.
        for (id, rows) in slices.enumerated().reversed() {
            rejected += try FileDesk.write(rows, id, columns, session, load)
        }
        try session.finish(load)
        try session.forget(load)
        session.unlock(load)
        session.close()
        return rejected
    }

    @discardableResult
    static func write(_ rows: [[String?]], _ id: Int, _ columns: [Column], _ session: FilesSession, _ load: Load) throws
        -> [RejectedRow]
    {
        let writer = try session.writer(load)
        try writer.begin(Slice(id: id, bounds: .all), careful: false)
        let rejected = try writer.write(batch(columns, rows))
        let written = try writer.flush()
        try writer.commit(SliceMark(slice: id, read: rows.count, written: written, rejected: rejected.count))
        writer.close()
        return rejected
    }
}

extension FilesSession {
    /// The same session with another block size.
    func with(blockSize: Int) throws -> FilesSession {
        var changed = format
        if var csv = changed as? CSVFiles {
            csv.blockSize = blockSize
            changed = csv
        } else if var json = changed as? JSONLinesFiles {
            json.blockSize = blockSize
            changed = json
        }
        return try FilesSession(endpoint, format: changed, interrupt: interrupt)
    }
}

/// Text columns of these names.
func texts(_ names: String...) -> [Column] { names.map { Column($0, .text) } }
