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
}
