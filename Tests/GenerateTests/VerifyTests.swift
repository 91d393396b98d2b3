import ApusTesting
import Foundation
import Testing

/// What is compared of tables that hold rows of other runs too.
@Suite(.requires(.mariadb, .postgres)) struct VerifyTests {
    private static let source = """
        CREATE TABLE o (id int NOT NULL PRIMARY KEY, name varchar(20), day date NOT NULL);
        INSERT INTO o VALUES (1, 'a', '2026-11-20'), (2, 'b', '2026-11-21'), (3, NULL, '2026-11-21'), (4, 'd', '2026-11-22');
        """
    private static let target = """
        CREATE TABLE o (id int NOT NULL PRIMARY KEY, name varchar(20), day date NOT NULL);
        INSERT INTO o VALUES (1, 'older', '2026-11-20'), (2, 'stale', '2026-11-21'), (90, 'own', '2026-11-25');
        """

    private func desk(_ kind: Desk.Kind, _ table: String) throws -> Desk {
        let desk = try Desk(.mariadb, to: kind, Self.source)
        try desk.target.run(Self.target)
        try desk.home.write("from: erp\nto: dw\ntables:\n  o: { \(table) }\n", to: "flow.yaml")
        expect(try desk.apus("plan", "flow.yaml", "-o", "plan.json"), 0)
        expect(try desk.apus("run", "--plan", "plan.json"), 0)
        return desk
    }

    private func verify(_ desk: Desk) throws -> CommandResult { try desk.apus("verify", "plan.json", "--values-only") }

    @Test(arguments: [Desk.Kind.postgres, .mariadb, .sqlite]) func `of a window, its rows`(_ kind: Desk.Kind) throws {
        let desk = try desk(kind, "mode: window, window: \"day = '2026-11-21'\", where: \"day = '2026-11-21'\"")
        #expect(
            try desk.target.lines("SELECT id, name FROM o ORDER BY id").map { $0.replacing("NULL", with: "") } == [
                "1|older", "2|b", "3|", "90|own",
            ])
        expect(try verify(desk), 0, "1 of 1 tables equal", "rows of the target where day = '2026-11-21'")
        // Other days are other runs' matter.
        try desk.target.run("UPDATE o SET name = 'x' WHERE id = 90")
        expect(try verify(desk), 0)
        try desk.target.run("UPDATE o SET name = 'x' WHERE id = 3")
        expect(try verify(desk), 2, "1 different")
        try desk.target.run("DELETE FROM o WHERE id = 3")
        expect(try verify(desk), 2, "1 different")
    }

    @Test(arguments: [Desk.Kind.postgres, .mariadb, .sqlite], ["upsert", "append"])
    func `without a window or watermark, every row that is read must be there`(_ kind: Desk.Kind, _ mode: String) throws {
        let desk = try desk(kind, "mode: \(mode), where: id > \(mode == "append" ? 2 : 1)")
        expect(try verify(desk), 0, "1 of 1 tables equal", "those are not compared")
        try desk.target.run("UPDATE o SET name = 'y' WHERE id = 90")
        expect(try verify(desk), 0)
        try desk.target.run("UPDATE o SET name = 'x' WHERE id = 4")
        expect(try verify(desk), 2, "1 rows of the source are not in the target")
    }

    @Test(arguments: [Desk.Kind.postgres, .mariadb, .sqlite]) func `with a watermark, the rows that it let through`(_ kind: Desk.Kind)
        throws
    {
        let desk = try desk(kind, "mode: upsert, watermark: id")
        expect(try verify(desk), 0, "rows of the target with id up to 4")
        try desk.target.run("INSERT INTO o VALUES (91, 'later', '2026-11-26')")
        expect(try verify(desk), 0)
        try desk.target.run("INSERT INTO o VALUES (-1, 'doubled', '2026-11-20')")
        expect(try verify(desk), 2, "1 different")
    }

    @Test func `a run is verified by its id`() throws {
        let desk = try Desk(.mariadb, to: .postgres, Self.source)
        expect(try desk.apus("copy", "erp", "dw", "--table", "o"), 0)
        let id = try #require(try desk.apus("history", "--output", "json").stdout.firstMatch(of: /[0-9a-f]{8}-[0-9a-f-]{27}/)).0
        expect(try desk.apus("verify", String(id)), 0, "1 of 1 tables equal")
        try desk.target.run("UPDATE o SET name = 'x' WHERE id = 4")
        expect(try desk.apus("verify", String(id)), 2, "1 different")
        expect(try desk.apus("verify", "0193ffff"), 78, "there is no run")
    }

    /// The run's id of a copy of all tables.
    private func copy(_ desk: Desk, _ arguments: String...) throws -> String {
        expect(try desk.shell("exec apus copy erp dw \"$@\"", arguments), 0)
        return String(try #require(try desk.apus("history", "--output", "json").stdout.firstMatch(of: /[0-9a-f]{8}-[0-9a-f-]{27}/)).0)
    }

    @Test(arguments: [Desk.Kind.postgres, .mariadb, .sqlite])
    func `a table that is missing on one side is one line, and the others are compared`(
        _ kind: Desk.Kind
    ) throws {
        let tables = ["a", "b", "c"].map { "CREATE TABLE \($0) (id int NOT NULL PRIMARY KEY); INSERT INTO \($0) VALUES (1), (2);\n" }
        let desk = try Desk(.mariadb, to: kind, tables.joined())
        let id = try copy(desk)
        expect(try desk.apus("verify", id), 0, "3 of 3 tables equal")
        try desk.target.run("DROP TABLE b")
        let one = try desk.apus("verify", id)
        expect(
            one, 2, "missing (the target has no such table, or does not show it to this user)",
            "2 of 3 tables equal by checksum, 0 different, 1 missing, 0 not compared")
        #expect(one.stdout.contains(#/a +a +2 +0 +2 +equal/#) && one.stdout.contains(#/c +c +2 +0 +2 +equal/#), "\(one.stdout)")
        try desk.source.run("DROP TABLE a")
        expect(
            try desk.apus("verify", id), 2, "missing (the source has no such table, or does not show it to this user)",
            "1 of 3 tables equal by checksum, 0 different, 2 missing")
    }

    @Test func `a table that may not be read is one line, and the others are compared`() throws {
        let desk = try Desk(
            .mariadb, to: .postgres,
            "CREATE TABLE a (id int NOT NULL PRIMARY KEY); CREATE TABLE b (id int NOT NULL PRIMARY KEY); INSERT INTO a VALUES (1);")
        let id = try copy(desk)
        let user = "verify_\(desk.target.name)"
        try desk.target.run("CREATE ROLE \(user) LOGIN PASSWORD 'pw'; GRANT SELECT ON a TO \(user);")
        defer { try? desk.target.run("DROP OWNED BY \(user); DROP ROLE \(user);") }
        let url = "postgres://\(user):pw@127.0.0.1:\(try PostgresServer.shared().port)/\(desk.target.name)"
        let result = try desk.apus("verify", id, with: ["APUS_CONNECTION_DW": url])
        expect(
            result, 1, "unreadable (the target: ", "denied", "1 of 2 tables equal by checksum, 0 different, 1 not readable, 0 not compared")
        try desk.source.run("INSERT INTO a VALUES (2)")
        expect(
            try desk.apus("verify", id, with: ["APUS_CONNECTION_DW": url]), 2,
            "0 of 2 tables equal by checksum, 1 different, 1 not readable")
        let nobody = ["APUS_CONNECTION_DW": "postgres://nobody_here:pw@127.0.0.1:1/x"]
        expect(try desk.apus("verify", id, with: nobody), 75, "cannot be reached")
    }

    @Test func `a target that is declared otherwise by now is one line`() throws {
        let desk = try Desk(
            .mariadb, to: .postgres,
            "CREATE TABLE a (id int NOT NULL PRIMARY KEY, v varchar(9), d date); CREATE TABLE b (id int NOT NULL PRIMARY KEY); INSERT INTO a VALUES (1, 'x', NULL);"
        )
        let id = try copy(desk)
        try desk.target.run("ALTER TABLE a ALTER COLUMN d TYPE bytea USING NULL")
        expect(try desk.apus("verify", id), 1, "unreadable (the source: column 'd' of type date cannot be converted", "1 of 2 tables equal")
        try desk.target.run("ALTER TABLE a DROP COLUMN d")
        expect(try desk.apus("verify", id), 1, "unreadable (the target: ", "no column `d` any more", "1 of 2 tables equal")
    }

    @Test func `rows that the run rejected are told, and not missed`() throws {
        let desk = try Desk(
            .mariadb, to: .postgres,
            """
            SET sql_mode = '';
            CREATE TABLE t (id int NOT NULL PRIMARY KEY, d date, v varchar(20));
            INSERT INTO t VALUES (1, '2024-01-01', 'a'), (2, '0000-00-00', 'b'), (3, '0000-00-00', 'c'), (4, NULL, 'd');
            """)
        let id = try copy(desk, "--bad-rows", "5")
        #expect(try desk.target.lines("SELECT id FROM t ORDER BY id") == ["1", "4"])
        let result = try desk.apus("verify", id)
        expect(result, 0, "1 of 1 tables equal by checksum, 0 different, 0 not compared, 2 rows rejected")
        #expect(result.stdout.contains(#/t +t +4 +2 +2 +equal/#), "\(result.stdout)")
        // A row that is missing is none that was rejected.
        try desk.target.run("DELETE FROM t WHERE id = 4")
        expect(try desk.apus("verify", id), 2, "1 different, 0 not compared, 2 rows rejected")
        try desk.target.run("INSERT INTO t VALUES (4, NULL, 'd'), (2, NULL, 'b')")
        expect(try desk.apus("verify", id), 2, "1 different")
    }
}
