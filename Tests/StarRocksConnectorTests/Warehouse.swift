import ApusCore
import ApusTesting
import Tabular
import Testing

@testable import StarRocksConnector

/// A database of its own on the double of a version, with shortcuts.
struct Warehouse {
    let double: StarRocksDouble
    let database: String

    init(_ profile: StarRocksDouble.Profile = .v3_3) throws { try self.init(StarRocksDouble.shared(profile)) }

    init(_ double: StarRocksDouble) throws {
        self.double = double
        database = try double.makeDatabase()
    }

    var connector: any Connector { double.options.profile.isDoris ? DorisConnector() : StarRocksConnector() }

    func endpoint(_ settings: String..., frontends: [String] = ["fe1", "fe2"]) throws -> Endpoint {
        try Endpoint(ConnectionURL(parsing: double.url(database: database, frontends: frontends, settings: settings)), connector)
    }

    func open(_ settings: String..., interrupt: Interrupt = Interrupt()) throws -> StarRocksSession {
        try StarRocksSession(
            Endpoint(ConnectionURL(parsing: double.url(database: database, settings: settings)), connector), interrupt: interrupt)
    }

    func run(_ sql: String) throws { try double.execute(sql, database: database) }
    func rows(_ sql: String) throws -> [[String]] { try double.query(sql, database: database) }
    func value(_ sql: String) throws -> String { try rows(sql).first?.first ?? "" }

    /// Fills a table with `count` rows, made by SQL of the numbers `n` from 0 on.
    func fill(_ table: String, _ list: String, count: Int) throws {
        try run(
            """
            INSERT INTO \(table) WITH RECURSIVE d(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM d WHERE i < 499), \
            s(n) AS (SELECT a.i * 500 + b.i FROM d AS a JOIN d AS b) SELECT \(list) FROM s WHERE n < \(count)
            """)
    }

    /// A fault for this database's statements only.
    func fault(_ name: String, _ parameters: [String: ControlValue] = [:]) throws {
        try double.fault(name, parameters.merging(["database": .text(database)]) { $1 })
    }
}

/// All rows of slices as canonical text, NULL as nil, in the order of their octets.
func texts(_ read: Read, _ source: any Source, _ slices: [Slice] = [Slice(id: 0, bounds: .all)]) throws -> [[String?]] {
    var rows: [[String?]] = []
    for slice in slices {
        let reader = try source.reader(read, slice, wire: [])
        defer { reader.close() }
        let batch = Batch(schema: read.schema)
        var goesOn = true
        while goesOn {
            batch.reset()
            goesOn = try reader.read(into: batch)
            #expect(batch.rejected.isEmpty)
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
    }
    return rows.sorted { a, b in a.map { $0 ?? "" }.lexicographicallyPrecedes(b.map { $0 ?? "" }) }
}

func wholeRead(_ shape: TableShape, _ source: any Source) -> Read {
    var read = Read(relation: .table(shape.name), items: shape.columns.map { Read.Item($0.name) }, schema: shape.schema)
    read.key = source.sliceKey(for: shape).map { Column($0, shape.column($0)!.type, nullable: shape.column($0)!.nullable) }
    return read
}
