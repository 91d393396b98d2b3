import ApusCore
import CMariaDB
import MySQLClient

/// Databases of the target that are not there.
extension MySQLSession {
    func missingSchema(for table: TableName) throws -> String? {
        guard let schema = table.schema ?? database else { return nil }
        return try has(schema) ? nil : schema
    }

    /// MariaDB's checks are the table's own.
    var sharedNames: [SharedName] { isMariaDB ? [.foreignKey] : [.foreignKey, .check] }

    func taken(_ names: [String], _ kind: SharedName, beside table: TableName) throws -> [String] {
        guard let schema = table.schema ?? database else { return [] }
        return try rows(
            """
            SELECT constraint_name FROM information_schema.table_constraints WHERE constraint_schema = \(dialect.literal(schema))
            AND constraint_type = '\(kind == .check ? "CHECK" : "FOREIGN KEY")' AND table_name <> \(dialect.literal(table.name))
            AND constraint_name IN (\(names.map { dialect.literal($0) }.joined(separator: ", ")))
            """, doing: "look for names in the database of \(table)"
        ).compactMap { $0[0] }
    }

    func createSchema(_ name: String) throws -> Bool {
        // Also where it is there, the right to make it would be asked for.
        guard try !has(name) else { return false }
        try run("CREATE DATABASE IF NOT EXISTS \(dialect.quote(name)) CHARACTER SET utf8mb4", doing: "make the database \(name)")
        return true
    }

    private func has(_ schema: String) throws -> Bool {
        let name =
            try ignoresCase() ? "LOWER(schema_name) = LOWER(\(dialect.literal(schema)))" : "BINARY schema_name = \(dialect.literal(schema))"
        return try !rows("SELECT 1 FROM information_schema.schemata WHERE \(name)", doing: "look for the database \(schema)").isEmpty
    }

    /// Uses the connection's own database once it is there.
    func useDatabase() {
        guard lacksDatabase, let database else { return }
        lacksDatabase = mysql_select_db(handle, database) != 0
    }
}
