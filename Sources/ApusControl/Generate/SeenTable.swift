import ApusCore
import FoundationEssentials
import Tabular

/// What a config row's source looked like when `apus generate` last wrote or looked at the row: what tells a column
/// that is new from one that somebody took out of the list.
public struct SeenTable: Sendable, Hashable {
    public struct Column: Sendable, Hashable, Codable {
        public var name: String
        /// As the source declares it.
        public var native: String
        public var nullable: Bool
    }

    public var jobID: Int?
    /// As the config row names it.
    public var table: String
    public var columns: [Column]

    public init(jobID: Int?, table: String, columns: [Column]) {
        self.jobID = jobID
        self.table = table
        self.columns = columns
    }

    init(_ shape: TableShape, of row: ControlRow) {
        self.init(
            jobID: row.jobID, table: row.sourceTable,
            columns: shape.columns.map { Column(name: $0.name, native: $0.native, nullable: $0.nullable) })
    }

    func column(_ name: String) -> Column? { columns.first { $0.name == name } }
}

extension ControlDatabase {
    /// `apus_seen`: config table, job and source table → the columns as JSON.
    private static let seen: TableShape = {
        func column(_ name: String, _ type: ColumnType) -> ColumnShape { ColumnShape(name, type, native: "\(type)", nullable: false) }
        var shape = TableShape(
            name: TableName("apus_seen"), origin: "apus",
            columns: [
                column("config_table", .text(length: 64)), column("job_no", .int32), column("table_name", .text(length: 64)),
                column("columns_json", .text), column("seen_us", .int64),
            ])
        shape.primaryKey = ["config_table", "job_no", "table_name"]
        return shape
    }()

    /// What was seen of the tables of a config table's rows; nothing where `apus generate` never wrote there.
    public func seen(of config: String) throws -> [SeenTable] {
        try link.perform("read what was seen of the sources") { session in
            guard try session.tables(schema: nil).contains(where: { $0.name.name == Self.seen.name.name }) else { return [] }
            let rows = try session.query("SELECT job_no, table_name, columns_json FROM apus_seen WHERE config_table = ?", [config])
            return rows.compactMap { row in
                guard row.count == 3, let table = row[1], let json = row[2],
                    let columns = try? JSONDecoder().decode([SeenTable.Column].self, from: Data(json.utf8))
                else { return nil }
                let job = row[0].flatMap { Int($0) }
                return SeenTable(jobID: job == -1 ? nil : job, table: table, columns: columns)
            }
        }
    }

    /// Remembers what was seen, in the place of what was seen before.
    public func remember(_ tables: [SeenTable], of config: String) throws {
        guard !tables.isEmpty else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let rows = try tables.map { table in
            [
                config, String(table.jobID ?? -1), table.table, String(decoding: try encoder.encode(table.columns), as: UTF8.self),
                String(Int(Clock.wall() * 1e6)),
            ]
        }
        _ = try link.perform("make its tables") { try ControlTables.make([Self.seen], $0, connector) }
        try link.transaction("remember what was seen of the sources") { session in
            for row in rows {
                _ = try session.query(
                    "DELETE FROM apus_seen WHERE config_table = ? AND job_no = ? AND table_name = ?", Array(row[..<3]))
                _ = try session.query(
                    "INSERT INTO apus_seen (config_table, job_no, table_name, columns_json, seen_us) VALUES (?, ?, ?, ?, ?)", row)
            }
        }
    }

    /// Characters that the text columns of a config table hold, by name.
    public func limits(of config: String) throws -> [String: Int] {
        try link.perform("look at \(config)") { session in
            var limits: [String: Int] = [:]
            for column in try session.describe(name(config)).columns {
                if case .text(let length?) = column.type { limits[column.name.lowercased()] = length }
            }
            return limits
        }
    }
}
