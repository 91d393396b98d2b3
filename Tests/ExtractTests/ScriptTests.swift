import ApusTesting
import Foundation
import Testing

/// SQL steps: scripts by themselves, around a run and around a table.
@Suite(.requires(.mariadb, .postgres)) struct ScriptTests {
    @Test(arguments: Place.Kind.allCases)
    func `a script runs statement by statement, with its parameters, and stops or goes on at an error`(_ kind: Place.Kind) throws {
        let place = try Place(kind), night = try Night()
        try night.connections(["dw": place])
        let file = try night.home.write(
            """
            -- a comment; with a semicolon
            CREATE TABLE s (d varchar(20), v varchar(20));
            INSERT INTO s VALUES ('{{ day | yyyyMMdd }}', 'a;b'), ('{{ day - 1 }}', '{{ who }}');
            UPDATE nowhere SET a = 1;
            INSERT INTO s VALUES ('later', 'x');
            """, to: "night.sql")
        let stopped = try night.apus("sql", "dw", file, "--set", "day=2026-03-01", "--set", "who=me")
        expect(stopped, 1, "night.sql:4", "1 further statement was not run", "done", "failed")
        #expect(try place.lines("SELECT d, v FROM s ORDER BY d") == ["2026-02-28|me", "20260301|a;b"])
        expect(try night.apus("sql", "dw", file, "--set", "day=2026-03-01", "--set", "who=me", "--on-error", "continue"), 1)
        #expect(try place.lines("SELECT count(*) FROM s WHERE d = 'later'") == ["1"])
        expect(try night.apus("sql", "dw", file, "--set", "day=2026-03-01"), 78, "who")
        expect(try night.apus("sql", "dw", try night.home.write("SELECT 'open", to: "open.sql")), 78, "a ' is not closed")
        expect(try night.apus("sql", "dw", "missing.sql"), 78, "missing.sql")
    }

    @Test func `procedures stand between DELIMITER lines, and are not torn apart without them`() throws {
        let place = try Place(.mariadb, "CREATE TABLE s (a int, v varchar(20));"), night = try Night()
        try night.connections(["dw": place])
        let body = "BEGIN DECLARE x int DEFAULT 0; WHILE x < 2 DO INSERT INTO s VALUES (x, 'p;//$$'); SET x = x + 1; END WHILE; END"
        let file = try night.home.write(
            "\u{FEFF}-- made in an editor of Windows\r\nDELIMITER $$\r\nCREATE PROCEDURE p1()\r\n\(body)$$\r\n  delimiter //\nCREATE PROCEDURE p2() \(body)// CALL p1()//\nDELIMITER ;\nCALL p2();\nINSERT INTO nowhere VALUES (1);\n",
            to: "made.sql")
        expect(try night.apus("sql", "dw", file), 1, "made.sql:9")
        #expect(try place.lines("SELECT a, v FROM s ORDER BY a") == ["0|p;//$$", "0|p;//$$", "1|p;//$$", "1|p;//$$"])
        let torn = try night.home.write("\nCREATE PROCEDURE p3() BEGIN DELETE FROM s; DELETE FROM s; END;", to: "torn.sql")
        expect(try night.apus("sql", "dw", torn, "--on-error", "continue"), 78, "line 2", "DELIMITER")
        #expect(try place.lines("SELECT count(*) FROM s") == ["4"])
    }

    @Test func `backslashes are what PostgreSQL takes them for`() throws {
        let place = try Place(.postgres, "CREATE TABLE s (v text);"), night = try Night()
        try night.connections(["dw": place])
        let file = try night.home.write(
            "INSERT INTO s VALUES (E'a\\'; b');\nINSERT INTO s VALUES ('c\\');\nINSERT INTO s SELECT $f$d;$f$;\n", to: "odd.sql")
        expect(try night.apus("sql", "dw", file), 0)
        #expect(try place.lines("SELECT v FROM s ORDER BY v") == ["a'; b", "c\\", "d;"])
    }

    @Test func `scripts stand around tables and runs, and the summary waits for every table`() throws {
        let erp = try Place(.mariadb, "CREATE TABLE a (id int NOT NULL PRIMARY KEY); INSERT INTO a VALUES (1), (2);")
        let dw = try Place(.postgres, "CREATE TABLE told (word text, at serial)"), night = try Night()
        try night.connections(["erp": erp, "dw": dw])
        try night.job()
        try night.row("a", to: "ods_a")
        _ = try night.home.write("INSERT INTO told VALUES ('table before');", to: "ods_a.before.sql")
        _ = try night.home.write("INSERT INTO told SELECT 'rows ' || count(*) || ' of {{ day }}' FROM ods_a;", to: "ods_a.after.sql")
        let first = try night.home.write("INSERT INTO told VALUES ('run before');", to: "first.sql")
        let last = try night.home.write("INSERT INTO told VALUES ('run after {{ day }}');", to: "last.sql")
        let arguments = ["--day", "2026-11-21", "--scripts", night.home.path, "--before", "dw:\(first)", "--after", "dw:\(last)"]
        let result = try night.extract(
            arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5], arguments[6], arguments[7])
        expect(result, 0)
        #expect(
            try dw.ask("SELECT word FROM told ORDER BY at").map { $0[0] } == [
                "run before", "table before", "rows 2 of 2026-11-21", "run after 2026-11-21",
            ])
        try night.row("gone", to: "gone")
        let failed = try night.extract("--day", "2026-11-21", "--after", "dw:\(last)")
        expect(failed, 1, "the scripts of --after were not run")
        #expect(try dw.lines("SELECT count(*) FROM told") == ["4"])
    }
}
