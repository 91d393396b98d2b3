import ApusTesting
import Foundation
import Testing

/// Control rows by which rows would be there twice, or be gone, without a word.
@Suite(.requires(.mariadb, .postgres)) struct NoDoubleTests {
    /// 72 hours from 2026-11-20 00:30 on.
    private static let hours = """
        CREATE TABLE o (id int PRIMARY KEY, name varchar(20), upd datetime NOT NULL);
        INSERT INTO o WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 72)
          SELECT i, 'n', datetime('2026-11-20 00:30:00', '+' || (i - 1) || ' hours') FROM n;
        """

    private static func target(_ kind: Place.Kind) throws -> Place {
        try Place(kind, "CREATE TABLE o (id int, name varchar(20), upd \(kind == .postgres ? "timestamp" : "datetime"));")
    }

    private func writer(_ place: Place) throws -> String {
        let name = place.kind == .mariadb ? "mysqlwriter" : place.kind == .postgres ? "postgresqlwriter" : "rdbmswriter"
        let url: String
        let user: String
        switch place.kind {
        case .sqlite: (url, user) = ("jdbc:sqlite:" + place.database, "")
        case .mariadb: (url, user) = ("jdbc:mysql://127.0.0.1:\(try place.port)/\(place.database)", "root")
        case .postgres: (url, user) = ("jdbc:postgresql://127.0.0.1:\(try place.port)/\(place.database)", "postgres")
        }
        return """
            {"name": "\(name)", "parameter": {"username": "\(user)", "password": "pw", "column": ["${des_table_columns}"], "preSql": [PRE],
              "connection": [{"table": ["${des_table_name}"], "jdbcUrl": "\(url)"}]}}
            """
    }

    /// A template and the row of datax_json that names it for everything.
    private func template(_ night: Night, _ id: Int, _ source: Place, _ target: Place, where condition: String, before: String = "") throws
    {
        _ = try night.home.write(
            """
            {"job": {"setting": {"speed": {"channel": 1}, "errorLimit": {"record": 0}}, "content": [{
              "reader": {"name": "rdbmsreader", "parameter": {"username": "", "password": "", "connection": [{
                "querySql": ["select ${src_table_columns} from ${src_table_name} ${relation} \(condition)"],
                "jdbcUrl": ["jdbc:sqlite:\(source.database)"]}]}},
              "writer": \(try writer(target).replacing("PRE", with: before))}]}}
            """, to: "t\(id).json")
        try night.control.run("INSERT INTO datax_json (id, df_json, di_json) VALUES (\(id), 't\(id).json', 't\(id).json');")
    }

    private func check(_ night: Night) throws -> CommandResult {
        try night.apus("control", "check", night.controlURL, "--json-dir", night.home.path)
    }

    @Test func `a template that empties its target leaves one increment there, however often it is run`() throws {
        let erp = try Place(.sqlite, Self.hours), dw = try Self.target(.postgres), night = try Night()
        try template(night, 1, erp, dw, where: "where ${condition}", before: #""TRUNCATE TABLE ${des_table_name}""#)
        try night.row("o", to: "o", etlType: 2, column: "t.id <= 20", ["src_table_column": "'id,name,upd'"])
        for _ in 0..<3 {
            expect(try night.extract("--json-dir", night.home.path, "--zone", "UTC"), 0)
            #expect(try dw.lines("SELECT count(*), count(DISTINCT id) FROM o") == ["20|20"])
        }
        // By day, days take the place of days unless the increment is to stand alone.
        try night.control.run("UPDATE datax_config SET etl_type = 1, etl_column = 't.upd', dcondition = 't.id > 1'")
        expect(
            try check(night), 0, "is left out: days take the place of days", "--increment replace", "dcondition (`t.id > 1`) holds beside")
        for day in ["2026-11-20", "2026-11-21", "2026-11-21"] {
            expect(try night.extract("--json-dir", night.home.path, "--zone", "UTC", "--day", day), 0)
        }
        #expect(try dw.lines("SELECT count(*), count(DISTINCT id), min(id) FROM o") == ["47|47|2"])
        expect(
            try night.extract(
                "--json-dir", night.home.path, "--zone", "UTC", "--from", "2026-11-21", "--to", "2026-11-22", "--increment", "replace"), 0)
        #expect(try dw.lines("SELECT count(*), count(DISTINCT id), min(id) FROM o") == ["48|48|25"])
    }

    @Test(arguments: [Place.Kind.mariadb, .postgres, .sqlite])
    func `a template that empties another table leaves the rows of its own`(_ kind: Place.Kind) throws {
        let erp = try Place(.sqlite, Self.hours), night = try Night()
        let dw = try Place(
            kind,
            """
            CREATE TABLE o (id int PRIMARY KEY, name varchar(20), upd \(kind == .postgres ? "timestamp" : "datetime"));
            CREATE TABLE other (x int); INSERT INTO o VALUES (99, 'stays', '2026-11-01 00:00:00'); INSERT INTO other VALUES (1);
            """)
        try template(night, 1, erp, dw, where: "where ${condition}", before: #""delete from other""#)
        try night.row("o", to: "o", etlType: 2, column: "t.id <= 20", ["src_table_column": "'id,name,upd'"])
        for _ in 0..<2 {
            expect(try night.extract("--json-dir", night.home.path, "--zone", "UTC"), 0)
            #expect(try dw.lines("SELECT count(*), max(id) FROM o") == ["21|99"])
            #expect(try dw.lines("SELECT count(*) FROM other") == ["0"])
        }
    }

    @Test func `a template that does not use the condition is refused by check and run`() throws {
        let erp = try Place(.sqlite, Self.hours), dw = try Self.target(.sqlite), night = try Night()
        try template(night, 1, erp, dw, where: "")
        for (type, column) in [(1, "t.upd"), (2, "t.id <= 20")] {
            try night.control.run("DELETE FROM datax_config")
            try night.row("o", to: "o", etlType: type, column: column, ["src_table_column": "'id,name,upd'"])
            expect(try check(night), 78, "does not use ${condition} in every query", "1 fault")
            expect(
                try night.extract("--json-dir", night.home.path, "--day", "2026-11-21", "--zone", "UTC"), 1, "does not use ${condition}")
            #expect(try dw.lines("SELECT count(*) FROM o") == ["0"])
        }
        // All rows are meant: nothing is doubled, and it is told where a condition has no effect.
        try night.control.run("DELETE FROM datax_config")
        try night.row("o", to: "o", etlType: 3, column: "t.id <= 20", ["src_table_column": "'id,name,upd'"])
        expect(try check(night), 0, "have no effect there")
    }

    @Test(arguments: Place.Kind.allCases)
    func `rows outside of the days that they are to replace change nothing and leave nothing`(_ kind: Place.Kind) throws {
        let erp = try Place(.sqlite, Self.hours), dw = try Self.target(kind), night = try Night()
        try template(night, 1, erp, dw, where: "where ${condition} or t.id = 70")
        try night.row("o", to: "o", etlType: 1, column: "t.upd", ["src_table_column": "'id,name,upd'"])
        try dw.run("INSERT INTO o VALUES (25, 'old', '2026-11-21 00:30:00');")
        for _ in 0..<2 {
            expect(try night.extract("--json-dir", night.home.path, "--day", "2026-11-21", "--zone", "UTC"), 1, "row.outside_window")
            #expect(try dw.lines("SELECT id, name FROM o") == ["25|old"])
        }
        let tables =
            switch kind {
            case .sqlite: "SELECT name FROM sqlite_master WHERE name LIKE 'apus_stg%'"
            case .mariadb:
                "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name LIKE 'apus_stg%'"
            case .postgres: "SELECT relname FROM pg_class WHERE relname LIKE 'apus_stg%'"
            }
        #expect(try dw.ask(tables) == [])
    }

    @Test(arguments: [false, true])
    func `a day column that is loaded with another value is refused, and an expression may itself tell the days`(isTemplated: Bool) throws {
        let erp = try Place(.sqlite, Self.hours), dw = try Self.target(.sqlite), night = try Night()
        if isTemplated { try template(night, 1, erp, dw, where: "where ${condition}") } else { try night.job() }
        try night.connections(["erp": erp, "dw": dw])
        func row(_ list: String, _ column: String, _ targets: String = "*") throws {
            try night.control.run("DELETE FROM datax_config")
            try night.row(
                "o", to: "o", etlType: 1, column: column,
                ["src_table_column": night.quote(list), "des_table_column": night.quote(targets)])
        }
        func load(_ day: String, _ more: String...) throws -> CommandResult {
            try night.extract("--json-dir", night.home.path, "--zone", "UTC", "--day", day)
        }
        for list in ["id, name, datetime(t.upd, '+8 hours') as upd", "t.id, name, datetime('now') as upd"] {
            try row(list, "t.upd")
            expect(try check(night), 78, "etl_column is `t.upd`", "under the name `upd`", "1 fault")
            expect(try load("2026-11-21"), 1, "rows of other days would be deleted")
        }
        #expect(try dw.lines("SELECT count(*) FROM o") == ["0"])
        try row("id, name, datetime(t.upd, '+8 hours') as upd", "datetime(t.upd, '+8 hours')")
        expect(try check(night), 0)
        for day in ["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23", "2026-11-21", "2026-11-22"] { expect(try load(day), 0) }
        #expect(try dw.lines("SELECT count(*), count(DISTINCT id), max(upd) FROM o") == ["72|72|2026-11-23 07:30:00"])
    }

    @Test func `two rows that fill one table by day are refused, under whatever names and on whatever machine`() throws {
        let erp = try Place(.sqlite, Self.hours + "CREATE TABLE p AS SELECT id + 100 AS id, name, upd FROM o;")
        let dw = try Self.target(.postgres), night = try Night()
        try night.connections("erp: \(try erp.url())\ndw: \(try dw.url())\nhouse: \(try dw.url())\n")
        try night.job(1)
        try night.job(2, to: "house")
        try night.row("o", to: "o", job: 1, etlType: 1, column: "upd")
        try night.row("p", to: "public.o", job: 2, etlType: 1, column: "upd", ["server_type": "1"])
        expect(try check(night), 78, "o (row 1) and p (row 2) both fill o", "2 faults")
        for server in ["0", "1"] {
            expect(try night.extract("--server-type", server, "--day", "2026-11-21", "--zone", "UTC"), 1, "both fill")
        }
        #expect(try dw.lines("SELECT count(*) FROM o") == ["0"])
        // One that replaces all takes no rows away first.
        try night.control.run("UPDATE datax_config SET etl_type = 0 WHERE id = 1")
        expect(try night.extract("--day", "2026-11-21", "--zone", "UTC"), 1, "one replaces all of it")
        #expect(try dw.lines("SELECT count(*) FROM o") == ["0"])
        // Another kind of job is another night's matter.
        try night.control.run("UPDATE datax_config SET etl_type = 1; UPDATE datax_config SET type = '2' WHERE id = 2")
        expect(try night.extract("--day", "2026-11-21", "--zone", "UTC"), 0)
        #expect(try dw.lines("SELECT count(*) FROM o") == ["24"])
    }

    @Test func `the log of a table that failed says how many rows were read`() throws {
        let erp = try Place(.sqlite, Self.hours + "UPDATE o SET name = 'much too long' WHERE id IN (7, 70);")
        let dw = try Place(.postgres, "CREATE TABLE o (id int, name varchar(5), upd timestamp);"), night = try Night()
        try night.connections(["erp": erp, "dw": dw])
        try night.job()
        try night.row("o", to: "o")
        expect(try night.extract(), 1)
        #expect(try night.control.lines("SELECT is_finished, read_num, error_num FROM datax_log") == ["0|72|2"])
        #expect(try night.control.lines("SELECT error_num, total_num FROM datax_row_error") == ["2|72"])
        expect(try night.extract("--bad-rows", "2"), 0)
        #expect(try night.control.lines("SELECT is_finished, read_num, error_num FROM datax_log") == ["1|72|2"])
    }

    @Test func `generate takes no watermark that it loads with another value`() throws {
        let erp = try Place(
            .mariadb, "CREATE TABLE g (id int PRIMARY KEY, update_time datetime NOT NULL, create_time datetime NOT NULL);")
        let night = try Night()
        try night.connections(["erp": erp, "dw": try Place(.sqlite)])
        expect(
            try night.apus(
                "generate", "--from", "erp", "--to", "dw", "--full-below", "0", "--replace", "update_time=now()", "--into",
                night.controlURL), 0, "loaded with another value")
        #expect(try night.control.lines("SELECT etl_type, etl_column FROM datax_config") == ["0|"])
    }
}
