import ApusCore
import CMariaDB
import MySQLClient

/// Which server answers: the product by its own words, its version, and what that version has.
struct MySQLServer: Sendable, Hashable {
    enum Product: String, Sendable { case mySQL = "MySQL", mariaDB = "MariaDB", oceanBase = "OceanBase", other = "MySQL protocol" }

    var product: Product
    /// `10_11_19` of MariaDB 10.11.19, `8_00_36` of MySQL 8.0.36. Of other products the MySQL version that they claim.
    var version: Int
    /// `MariaDB 10.11.19`, `OceanBase 5.7.25`.
    var banner: String
    /// Version and comment as the server gave them, e.g. `5.7.25-OceanBase seekdb-v1.4.0.0 OceanBase 4.3.5.3 …`.
    var text: String
    /// `@@version_comment`; empty of MariaDB, which is not asked.
    var comment = ""

    /// Asks a server that does not say in its greeting that it is MariaDB: OceanBase greets as MySQL, and only its `version()` names it.
    init(_ handle: UnsafeMutablePointer<MYSQL>) throws(MySQLFault) {
        var text = String(cString: mysql_get_server_info(handle)), comment = ""
        let isMariaDB = mariadb_connection(handle) != 0 || text.contains("MariaDB")
        if !isMariaDB {
            try ClientResult.send("SELECT VERSION(), @@version_comment", on: handle)
            let words = try ClientResult.table(handle).rows.first?.compactMap { $0 } ?? []
            if words.count == 2 { (text, comment) = (words.joined(separator: " "), words[1]) }
        }
        self.init(text: text, version: Int(mysql_get_server_version(handle)), isMariaDB: isMariaDB)
        self.comment = comment
    }

    init(text: String, version: Int, isMariaDB: Bool) {
        self.text = text
        self.version = version
        if isMariaDB || text.contains("MariaDB") {
            product = .mariaDB
        } else if text.contains("OceanBase") {
            product = .oceanBase
        } else if Self.otherProducts.contains(where: text.contains) {
            product = .other
        } else {
            product = .mySQL
        }
        banner = "\(product.rawValue) " + text.prefix { $0.isNumber || $0 == "." }
    }

    /// Names that servers other than MySQL put behind the MySQL version that they claim.
    private static let otherProducts = ["TiDB", "Vitess", "PlanetScale", "PolarDB", "TDSQL", "GreatSQL", "MemSQL", "SingleStore"]

    // MARK: Oldest versions

    /// MySQL 5.5.3 is the first with utf8mb4, and so is MariaDB 5.5; MariaDB before 10.2.7 has no JSON and is not asked for it.
    private static let oldest: [Product: (version: Int, name: String)] = [
        .mySQL: (5_05_03, "MySQL 5.5.3"), .mariaDB: (5_05_00, "MariaDB 5.5"),
        .oceanBase: (5_05_03, "MySQL 5.5.3"), .other: (5_05_03, "MySQL 5.5.3"),
    ]

    /// - throws: `unsupported` for a server older than Apus can speak to.
    func requireSupport(_ endpoint: Endpoint) throws {
        guard let oldest = Self.oldest[product], version < oldest.version else { return }
        throw ApusError(
            .unsupported, "the server is \(banner), and the oldest that Apus can use is \(oldest.name)",
            hint: "Upgrade the server, or copy from a replica with a newer version.", context: endpoint.label)
    }

    // MARK: What the version has

    private func has(mySQL: Int, mariaDB: Int) -> Bool { version >= (product == .mariaDB ? mariaDB : mySQL) }

    /// DATETIME(6), and `datetime_precision` in information_schema.
    var hasFractionalSeconds: Bool { has(mySQL: 5_06_04, mariaDB: 5_03_00) }
    /// `generation_expression` in information_schema.
    var hasGeneratedColumns: Bool { has(mySQL: 5_07_06, mariaDB: 10_02_05) }
    var hasWindowFunctions: Bool { has(mySQL: 8_00_02, mariaDB: 10_02_00) }
    /// `information_schema.check_constraints` with the table's name, as MariaDB has it.
    var hasCheckConstraints: Bool { product == .mariaDB && version >= 10_02_22 }
    /// Defaults in information_schema are written as in SQL: `'text'`, `NULL`, `curdate()`.
    var quotesDefaults: Bool { product == .mariaDB && version >= 10_02_07 }

    /// Settings of a session that only this product and version has.
    var ownSettings: [String] {
        switch product {
        case .mySQL: version >= 8_00_00 ? ["information_schema_stats_expiry = 0"] : []
        // Microseconds. The defaults are 10 s for a statement and a day for a transaction; 3,216,672,000 s is the largest.
        case .oceanBase:
            ["ob_query_timeout = 3216672000000000", "ob_trx_timeout = 3216672000000000", "ob_trx_idle_timeout = 3216672000000000"]
        case .mariaDB, .other: []
        }
    }
}
