import ApusCore
import ApusTesting
import Tabular
import Testing

@testable import MySQLConnector

/// Servers of MySQL's protocol: what they are by their own words, and what is proven before it is trusted.
@Suite struct ServerTests {
    private func server(_ text: String, _ version: Int, isMariaDB: Bool = false) -> MySQLServer {
        MySQLServer(text: text, version: version, isMariaDB: isMariaDB)
    }

    @Test func `a product is known by its words, not by the version that it claims`() {
        #expect(server("8.0.36 MySQL Community Server - GPL", 8_00_36).product == .mySQL)
        #expect(server("8.0.36 Percona Server (GPL), Release 28", 8_00_36).product == .mySQL)
        #expect(server("5.5.5-10.11.19-MariaDB-0+deb12u1", 10_11_19, isMariaDB: true).product == .mariaDB)
        #expect(server("5.7.25-OceanBase seekdb-v1.4.0.0 OceanBase 4.3.5.3", 5_07_25).product == .oceanBase)
        #expect(server("8.0.11-TiDB-v7.5.1 TiDB Server (Apache License 2.0)", 8_00_11).product == .other)
        #expect(server("5.7.25-OceanBase seekdb-v1.4.0.0", 5_07_25).banner == "OceanBase 5.7.25")
    }

    @Test func `what a version lacks is not asked of it`() {
        let old = server("5.5.62", 5_05_62), middle = server("5.6.51", 5_06_51), new = server("8.0.36", 8_00_36)
        #expect([old, middle, new].map(\.hasFractionalSeconds) == [false, true, true])
        #expect([old, middle, new].map(\.hasGeneratedColumns) == [false, false, true])
        #expect([old, middle, new].map(\.hasWindowFunctions) == [false, false, true])
        #expect([old, middle, new].map(\.ownSettings.isEmpty) == [true, true, false])
        let maria = [10_01_48, 10_02_44, 10_11_19].map { server("MariaDB", $0, isMariaDB: true) }
        #expect(maria.map(\.hasGeneratedColumns) == [false, true, true])
        #expect(maria.map(\.quotesDefaults) == [false, true, true])
        #expect(maria.map(\.hasCheckConstraints) == [false, true, true])
    }

    @Test func `a server older than the oldest is refused with both versions`() throws {
        let endpoint = try Endpoint(ConnectionURL(parsing: "mysql://u:secret@h/d"), MySQLConnector())
        let error = #expect(throws: ApusError.self) { try server("5.1.73", 5_01_73).requireSupport(endpoint) }
        #expect(error?.code == .unsupported)
        #expect(error?.message == "the server is MySQL 5.1.73, and the oldest that Apus can use is MySQL 5.5.3")
        #expect(throws: Never.self) { try server("5.5.62", 5_05_62).requireSupport(endpoint) }
        #expect(throws: ApusError.self) { try server("5.3.12-MariaDB", 5_03_12, isMariaDB: true).requireSupport(endpoint) }
    }

    @Test(.requires(.mariadb)) func `a session sets what the server has, and insists on what values need`() throws {
        let session = try Playground().open() as! MySQLSession
        defer { session.close() }
        try session.setVariables(["no_such_variable = 1", "max_error_count = 77", "hostname = 'x'", "lc_time_names = 'de_DE'"])
        #expect(try session.query("SELECT @@max_error_count, @@lc_time_names") == [["77", "de_DE"]])
        let error = #expect(throws: ApusError.self) {
            try session.setVariables(["no_such_variable = 1", "max_error_count = 78"], required: 1)
        }
        #expect(error?.message == "could not set up the session")
        #expect(try session.query("SELECT @@max_error_count") == [["77"]])
    }

    @Test(.requires(.mariadb)) func `LOAD DATA is proven without leaving a trace, also where only plain tables can be made`() throws {
        let place = try Playground()
        try place.run("CREATE TABLE t (x INT)")
        let session = try place.open() as! MySQLSession
        guard case .sound = try session.tryLoadData(schema: nil) else {
            Issue.record("MariaDB's LOAD DATA was not found sound")
            return
        }
        let user = "proof_\(UInt32.random(in: 0...UInt32.max))"
        try place.run(
            "CREATE USER \(user) IDENTIFIED BY 'pw'; GRANT SELECT, INSERT, CREATE, DROP ON \(place.database).* TO \(user)")
        let url = place.server.url(database: place.database).replacing("root:pw@", with: "\(user):pw@")
        let plain =
            try MySQLConnector().open(Endpoint(ConnectionURL(parsing: url), MySQLConnector()), interrupt: Interrupt()) as! MySQLSession
        guard case .sound = try plain.tryLoadData(schema: nil) else {
            Issue.record("LOAD DATA was not found sound with a plain table")
            return
        }
        try place.run("REVOKE CREATE ON \(place.database).* FROM \(user)")
        let poor =
            try MySQLConnector().open(Endpoint(ConnectionURL(parsing: url), MySQLConnector()), interrupt: Interrupt()) as! MySQLSession
        guard case .untried = try poor.tryLoadData(schema: nil) else {
            Issue.record("nothing can be tried without a table")
            return
        }
        #expect(try place.rows("SHOW TABLES") == [["t"]])
        try place.run("DROP USER \(user)")
    }

    /// `scripts/test-servers` names a server whose LOAD DATA does not store what it is sent.
    @Test(.enabled(if: MariaDBServer.isReplaced, "no other server: run make test-servers"))
    func `where LOAD DATA is not sound, rows go by INSERT, and load=infile is refused`() throws {
        let place = try Playground()
        let session = try place.open() as! MySQLSession
        guard case .unsound = try session.tryLoadData(schema: nil) else {
            Issue.record("\(session.server.text) is not found unsound")
            return
        }
        try place.run("CREATE TABLE s (id INT PRIMARY KEY, b LONGBLOB, v VARCHAR(20)); CREATE TABLE t LIKE s")
        try place.run("INSERT INTO s VALUES (1, x'00FF41', 'é😀'), (2, NULL, 'it''s')")
        let source = try place.open(), shape = try source.describe(TableName("s"))
        let load = Load(try source.describe(TableName("t")))
        try session.prepare(load)
        let moved = try move(Read(shape), from: source, load, to: session)
        #expect(moved.written == 2 && moved.rejected.isEmpty)
        #expect(
            try place.rows("SELECT id, HEX(b), HEX(v) FROM t ORDER BY id") == place.rows("SELECT id, HEX(b), HEX(v) FROM s ORDER BY id"))
        let infile = try place.open("load=infile")
        let error = #expect(throws: ApusError.self) { try infile.writer(load) }
        #expect(error?.code == .unsupported)
    }
}
