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

    @Test func `a template whose branches are databases of one server runs by all and by day, without false warnings`() throws {
        let my = try MariaDBServer.shared(), pg = try PostgresServer.shared()
        let branches = try (0..<3).map { number in
            try Place(
                .mariadb,
                """
                CREATE TABLE a (id int PRIMARY KEY, name varchar(20), \(number == 0 ? "price decimal(10,2) DEFAULT 1.5, qty int DEFAULT 2," : "own_\(number) int,") upd datetime);
                INSERT INTO a (id, name, upd) VALUES (1, 'b\(number)', '2026-11-21 10:00:00'), (2, 'b\(number)', '2026-11-22 10:00:00');
                """)
        }
        let dw = try Place(
            .postgres,
            "CREATE TABLE a (made_at timestamp, tenant_id varchar(20), id int, name varchar(20), price numeric(10,2), qty int, upd timestamp)"
        )
        let queries = branches.enumerated().map { number, branch in
            let tenant = ["zbh", "fz", "sdsht"][number], list = number == 0 ? "src_table_columns" : "src_table_columns_\(tenant)"
            return """
                {"querySql": ["select now() as made_at, '\(tenant)' as tenant_id, ${\(list)} from \(branch.database).${src_table_name} ${relation} where ${condition}"],
                  "jdbcUrl": ["jdbc:mysql://127.0.0.1:\(my.port)/mysql"]},
                """
        }
        let night = try Night()
        _ = try night.home.write(
            """
            {"job": {"setting": {"speed": {"channel": 3}, "errorLimit": {"record": 0, "percentage": 0}}, "content": [{
              "reader": {"name": "mysqlreader", "parameter": {"username": "root", "password": "pw", "connection": [\(queries.joined())]}},
              "writer": {"name": "gpdbwriter", "parameter": {"encoding": "UTF-8", "username": "postgres", "password": "pw",
                "column": ["${des_table_columns}"], "preSql": ["TRUNCATE TABLE ${des_table_name}"],
                "connection": [{"jdbcUrl": "jdbc:postgresql://127.0.0.1:\(pg.port)/\(dw.database)", "table": ["${des_table_name}"]}]}}}]}}
            """, to: "nine.json")
        try night.control.run("INSERT INTO datax_json (id, df_json, di_json) VALUES (1, 'nine.json', 'nine.json');")
        try night.row("a", to: "a", ["src_table_column": "'id,name,price,qty,upd'"])
        let whole = try night.extract("--json-dir", night.home.path, "--zone", "UTC")
        expect(whole, 0)
        #expect(!whole.stderr.contains("warning"), "\(whole.stderr)")
        let rows = "SELECT tenant_id, id, name, price, qty FROM a ORDER BY tenant_id, id"
        let all = [
            "fz|1|b1|NULL|NULL", "fz|2|b1|NULL|NULL", "sdsht|1|b2|NULL|NULL", "sdsht|2|b2|NULL|NULL", "zbh|1|b0|1.50|2", "zbh|2|b0|1.50|2",
        ]
        #expect(try dw.lines(rows) == all)
        try night.control.run("UPDATE datax_config SET etl_type = 1, etl_column = 't.upd'")
        try branches[1].run("UPDATE a SET name = 'new'")
        expect(try night.extract("--json-dir", night.home.path, "--zone", "UTC", "--day", "2026-11-21"), 0)
        #expect(try dw.lines(rows) == ["fz|1|new|NULL|NULL"] + all.dropFirst())
        // With * the head office's own columns are meant.
        try night.control.run("UPDATE datax_config SET etl_type = 0, src_table_column = '*'")
        expect(try night.extract("--json-dir", night.home.path, "--zone", "UTC"), 0)
        #expect(try dw.lines("SELECT tenant_id, count(*) FROM a GROUP BY 1 ORDER BY 1") == ["fz|2", "sdsht|2", "zbh|2"])
    }
}
