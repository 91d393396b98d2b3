import ApusCore
import CMariaDB
import MySQLClient

/// Databases of the target that are not there.
extension MySQLSession {
    func missingSchema(for table: TableName) throws -> String? {
        guard let schema = table.schema ?? database else { return nil }
        return try has(schema) ? nil : schema
    }

    func createSchema(_ name: String) throws {
        // Also where it is there, the right to make it would be asked for.
        guard try !has(name) else { return }
        try run("CREATE DATABASE IF NOT EXISTS \(dialect.quote(name)) CHARACTER SET utf8mb4", doing: "make the database \(name)")
    }

    private func has(_ schema: String) throws -> Bool {
        let name = try ignoresCase() ? "LOWER(schema_name) = LOWER(\(dialect.literal(schema)))" : "BINARY schema_name = \(dialect.literal(schema))"
        return try !rows("SELECT 1 FROM information_schema.schemata WHERE \(name)", doing: "look for the database \(schema)").isEmpty
    }

    /// Uses the connection's own database once it is there.
    func useDatabase() {
        guard lacksDatabase, let database else { return }
        lacksDatabase = mysql_select_db(handle, database) != 0
    }
}
