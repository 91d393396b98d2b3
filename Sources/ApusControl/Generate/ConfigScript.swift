import ApusCore

/// Config rows as text for people to look at and run elsewhere.
public enum ConfigScript {
    /// One INSERT statement a row, without ids and times, which the database gives.
    public static func sql(_ rows: [ControlRow], into table: String, dialect: any Dialect) -> String {
        let fields = ControlRow.fields.filter { !["id", "create_time", "last_etl_date"].contains($0.name) }
        let names = fields.map(\.name).joined(separator: ", ")
        return rows.map { row in
            let values = fields.map { field in field.get(row).map { isNumber(field.name) ? $0 : dialect.literal($0) } ?? "NULL" }
            return "INSERT INTO \(table) (\(names))\nVALUES (\(values.joined(separator: ", ")));\n"
        }.joined()
    }

    private static func isNumber(_ name: String) -> Bool {
        ["json_id", "server_type", "ordernum", "status", "etl_type", "etl_num"].contains(name)
    }

    /// The values that the config table's own columns are too short for.
    /// - parameter limits: characters by column, see ``ControlDatabase/limits(of:)``.
    public static func tooLong(_ row: ControlRow, _ limits: [String: Int]) -> [String] {
        ControlRow.fields.compactMap { field in
            guard let limit = limits[field.name], let value = field.get(row), value.unicodeScalars.count > limit else { return nil }
            return "\(row.sourceTable): \(field.name) has \(value.unicodeScalars.count) characters, and the column holds \(limit)"
        }
    }
}
