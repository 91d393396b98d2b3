import ApusTesting
import Foundation
import Testing

/// The clock of a night: the control database's, while user SQL sees each server's.
@Suite(.requires(.mariadb, .postgres)) struct ClockTests {
    @Test func `days, instants and the log are told in one zone, with a template or without`() throws {
        let erp = try Place(
            .mariadb,
            "SET time_zone = '+00:00'; CREATE TABLE o (id int NOT NULL PRIMARY KEY, at timestamp NULL, note varchar(20)); INSERT INTO o VALUES (1, '2026-11-20 15:59:59', 'a'), (2, '2026-11-20 16:00:00', 'b'), (3, '2026-11-21 15:59:59', 'c'), (4, '2026-11-21 16:00:00', 'd');"
        )
        let dw = try Place(
            .postgres, "CREATE TABLE plain (id int PRIMARY KEY, at timestamp, note text); CREATE TABLE templ (LIKE plain INCLUDING ALL);")
        let my = try MariaDBServer.shared(), pg = try PostgresServer.shared()
        let night = try Night(.postgres)
        try night.connections(["erp": erp, "dw": dw])
        _ = try night.home.write(
            """
            {"job": {"setting": {"speed": {"channel": 1}}, "content": [{
              "reader": {"name": "mysqlreader", "parameter": {"username": "root", "password": "pw", "connection": [{
                "querySql": ["select ${src_table_columns} from ${src_table_name} ${relation} where ${condition}"],
                "jdbcUrl": ["jdbc:mysql://127.0.0.1:\(my.port)/\(erp.database)"]}]}},
              "writer": {"name": "postgresqlwriter", "parameter": {"username": "postgres", "password": "pw", "column": ["${des_table_columns}"],
                "preSql": [], "connection": [{"table": ["${des_table_name}"], "jdbcUrl": "jdbc:postgresql://127.0.0.1:\(pg.port)/\(dw.database)"}]}}}]}}
            """, to: "di.json")
        try night.job()
        try night.control.run("INSERT INTO datax_json (id, di_json, source_dbname, target_dbname) VALUES (2, 'di.json', 'erp', 'dw');")
        try night.row("o", to: "plain", etlType: 1, column: "t.at", ["src_table_column": "'t.id, t.at, t.note'"])
        try night.row("o", to: "templ", job: 2, etlType: 1, column: "t.at", ["src_table_column": "'t.id, t.at, t.note'"])
        for _ in 0..<2 {
            expect(try night.extract("--json-dir", night.home.path, "--day", "2026-11-21", "--zone", "Asia/Shanghai"), 0)
            for table in ["plain", "templ"] {
                #expect(
                    try dw.lines("SELECT id, at FROM \(table) ORDER BY id") == ["2|2026-11-21 00:00:00", "3|2026-11-21 23:59:59"],
                    "\(table)")
            }
        }
        // Both times of the log are Shanghai's.
        #expect(
            try night.control.lines(
                "SELECT count(*) FROM datax_log WHERE abs(extract(epoch FROM create_time - starttime)) < 300 AND abs(extract(epoch FROM starttime - (now() AT TIME ZONE 'Asia/Shanghai'))) < 300"
            ) == ["2"])
    }

    @Test func `a log in a file has both its times in one zone too`() throws {
        let night = try Night()
        let erp = try Place(.sqlite, "CREATE TABLE a (id INTEGER PRIMARY KEY)"), dw = try Place(.sqlite)
        try night.connections(["erp": erp, "dw": dw])
        try night.job()
        try night.row("a", to: "a")
        expect(try night.extract("--zone", "+09:00"), 0)
        #expect(
            try night.control.lines(
                "SELECT count(*) FROM datax_log WHERE abs(julianday(create_time) - julianday(starttime)) < 0.01 AND abs(julianday(starttime) - julianday('now', '+9 hours')) < 0.01"
            ) == ["1"])
    }
}
