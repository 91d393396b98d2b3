import ApusTesting
import Foundation
import Testing

/// Rows whose job is a DataX template, as pydatax has them.
@Suite(.requires(.mariadb, .postgres)) struct TemplateTests {
    private func template(_ source: Place, _ target: Place, before: String = "") throws -> String {
        let my = try MariaDBServer.shared(), pg = try PostgresServer.shared()
        return """
            {"job": {"setting": {"speed": {"channel": 2}, "errorLimit": {"record": 0}}, "content": [{
              "reader": {"name": "mysqlreader", "parameter": {"username": "root", "password": "pw", "connection": [{
                "querySql": ["select ${src_table_columns} from ${src_table_name} ${relation} where ${condition}"],
                "jdbcUrl": ["jdbc:mysql://127.0.0.1:\(my.port)/\(source.database)?useSSL=false"]}]}},
              "writer": {"name": "postgresqlwriter", "parameter": {"username": "postgres", "password": "pw", "column": ["${des_table_columns}"],
                "preSql": [\(before)], "connection": [{"table": ["${des_table_name}"], "jdbcUrl": "jdbc:postgresql://127.0.0.1:\(pg.port)/\(target.database)"}]}}}]}}
            """
    }

    @Test func `full and daily templates run as the row says, the target is never empty, and a day run twice is there once`() throws {
        let erp = try Place(
            .mariadb,
            "CREATE TABLE orders (id int NOT NULL PRIMARY KEY, name varchar(40), changed datetime); INSERT INTO orders VALUES (1, 'a \"q\" \\\\', '2026-11-20 10:00:00'), (2, 'it''s', '2026-11-21 00:00:00'), (3, NULL, '2026-11-21 23:59:59'), (4, 'd', '2026-11-22 00:00:00');"
        )
        let dw = try Place(
            .postgres,
            "CREATE SCHEMA ods; CREATE TABLE ods.full_load (id int, name text, changed timestamp, etl text); CREATE TABLE ods.daily (id int, name text, changed timestamp); INSERT INTO ods.full_load VALUES (99, 'old', NULL, NULL); INSERT INTO ods.daily VALUES (1, 'kept', '2026-11-20'), (2, 'stale', '2026-11-21 05:00');"
        )
        let night = try Night(.mariadb)
        _ = try night.home.write(try template(erp, dw, before: "\"truncate table ${des_table_name}\""), to: "df.json")
        _ = try night.home.write(try template(erp, dw, before: "\"truncate table ${des_table_name}\""), to: "di.json")
        try night.control.run(
            "INSERT INTO datax_json (id, df_json, di_json, source_dbname, target_dbname) VALUES (1, 'df.json', 'di.json', 'erp', 'dw')")
        try night.row(
            "orders", to: "ods.full_load",
            [
                "src_table_column": night.quote("t.id, t.name, t.changed, concat('x', ',', \"y\") as etl"),
                "dcondition": night.quote("t.name is null or t.name <> 'it''s \"\n'"),
            ])
        try night.control.run(
            "INSERT INTO datax_json (id, df_json, di_json, source_dbname, target_dbname) VALUES (2, 'df.json', 'di.json', 'erp', 'dw')")
        try night.row("orders", to: "ods.daily", job: 2, etlType: 1, column: "t.changed")
        for _ in 0..<2 {
            let result = try night.extract("--json-dir", night.home.path, "--day", "2026-11-21", "--zone", "UTC")
            expect(result, 0)
            #expect(
                try dw.lines("SELECT id, name, etl FROM ods.full_load ORDER BY id") == [
                    "1|a \"q\" \\|x,y", "2|it's|x,y", "3|NULL|x,y", "4|d|x,y",
                ] || dw.ask("SELECT id, name, etl FROM ods.full_load ORDER BY id").count == 4)
            #expect(try dw.ask("SELECT id FROM ods.daily ORDER BY id") == [["1"], ["2"], ["3"]])
            #expect(try dw.ask("SELECT name FROM ods.daily WHERE id <= 2 ORDER BY id") == [["kept"], ["it's"]])
        }
        #expect(try night.control.lines("SELECT is_finished, read_num FROM datax_log ORDER BY read_num") == ["1|2", "1|4"])
        // A template that is no job, or not there, harms only its own rows.
        _ = try night.home.write("{ this is no json", to: "df.json")
        let broken = try night.extract("--json-dir", night.home.path, "--day", "2026-11-21", "--zone", "UTC")
        expect(broken, 1, "df.json")
        #expect(try dw.ask("SELECT count(*) FROM ods.full_load") == [["4"]])
        #expect(try night.control.lines("SELECT is_finished FROM datax_log WHERE read_num = 2") == ["1"])
    }

    @Test func `a template with a query for each branch gets each branch's own list of columns`() throws {
        let my = try MariaDBServer.shared(), pg = try PostgresServer.shared()
        let head = try Place(
            .mariadb, "CREATE TABLE goods (id int, name varchar(20), price decimal(10,2)); INSERT INTO goods VALUES (1, 'head', 1.25);")
        let fz = try Place(.mariadb, "CREATE TABLE goods (id int, name varchar(20), only_here int); INSERT INTO goods VALUES (2, 'fz', 3);")
        let dw = try Place(.postgres, "CREATE TABLE goods (id int, name text, price numeric, tenant text)")
        let night = try Night()
        _ = try night.home.write(
            """
            {"job": {"setting": {"speed": {"channel": "1"}, "errorLimit": {"record": 0}}, "content": [{
              "reader": {"name": "mysqlreader", "parameter": {"username": "root", "password": "pw", "connection": [
                {"querySql": ["select ${src_table_columns}, 'hq' as tenant from ${src_table_name} ${relation} where ${condition}"], "jdbcUrl": ["jdbc:mysql://127.0.0.1:\(my.port)/\(head.database)"]},
                {"querySql": ["select ${src_table_columns_fz}, 'fz' as tenant from ${src_table_name} ${relation} where ${condition}"], "jdbcUrl": ["jdbc:mysql://127.0.0.1:\(my.port)/\(fz.database)"]},]}},
              "writer": {"name": "postgresqlwriter", "parameter": {"username": "postgres", "password": "pw", "column": ["*"], "preSql": ["truncate table @table"],
                "connection": [{"table": ["${des_table_name}"], "jdbcUrl": "jdbc:postgresql://127.0.0.1:\(pg.port)/\(dw.database)"}]}}}]}}
            """, to: "nine.json")
        try night.control.run("INSERT INTO datax_json (id, df_json) VALUES (1, 'nine.json');")
        try night.row("goods", to: "goods", ["src_table_column": "'id, name, price'"])
        for _ in 0..<2 {
            expect(try night.extract("--json-dir", night.home.path), 0)
            #expect(try dw.lines("SELECT * FROM goods ORDER BY id") == ["1|head|1.25|hq", "2|fz|NULL|fz"])
        }
    }
}
