import ApusTesting
import Foundation
import Testing

/// Three nights of pydatax, as a model of what its script does (windows, log rows, one DataX run for each row), and three of
/// `apus extract`, each on a control database of the same rows: targets and log rows are to be equal.
@Suite(.requires(.mariadb)) struct PydataxNightsTests {
    /// What the script does with one control database. `apus datax` stands for DataX.
    private struct Script {
        let night: Night

        func run() throws {
            let rows = try night.control.ask(
                """
                SELECT a.src_table_name, a.des_table_name, a.split_pk_field, a.relation, a.dcondition, a.src_table_column, a.des_table_column, a.id,
                  a.etl_type, a.etl_column, b.df_json, b.di_json FROM datax_config a LEFT JOIN datax_json b ON a.json_id = b.id
                WHERE a.status = 0 AND a.server_type = 0 AND a.type = 1 ORDER BY a.ordernum
                """)
            for row in rows { try load(row) }
        }

        private func load(_ row: [String]) throws {
            let table = row[0], type = Int(row[8])!
            let open = try night.control.ask(
                "SELECT id, DATEDIFF(CURRENT_DATE(), etl_begintime) FROM datax_log WHERE is_finished = 0 AND table_name = '\(table)' ORDER BY id DESC LIMIT 1"
            ).first
            var condition = row[4]
            if type == 1 { condition = "\(row[9]) >= CURDATE() - INTERVAL \(open?[1] ?? "1") DAY AND \(row[9]) < CURDATE()" }
            if type >= 2 { condition = row[9] }
            let isNew = try night.control.ask("SELECT 1 FROM datax_log WHERE dt = CURRENT_DATE() AND table_name = '\(table)'").isEmpty
            if isNew, open == nil {
                try night.control.run(
                    "INSERT INTO datax_log (table_name, datax_id, is_finished, dt, etl_begintime, etl_endtime) VALUES ('\(table)', \(row[7]), 0, CURRENT_DATE(), CURRENT_DATE() - INTERVAL 1 DAY, CURRENT_DATE())"
                )
            }
            let values = [
                "src_table_name": table, "des_table_name": row[1], "split_pk_field": row[2], "relation": row[3], "condition": condition,
                "src_table_columns": row[5], "des_table_columns": row[6],
            ]
            let words = values.map { "-D\($0)='\($1.replacing("'", with: "'\\''"))'" }.joined(separator: " ")
            let result = try night.apus("datax", night.home.file(type == 0 || type == 3 ? row[10] : row[11]), "-p", words)
            func number(_ label: String) -> String? {
                result.stdout.split(separator: "\n").first { $0.hasPrefix(label) }?.split(separator: ":").last?.trimmingCharacters(
                    in: .whitespaces)
            }
            guard let read = number("读出记录总数"), let bad = number("读写失败总数") else { return }
            let place =
                open.map { ", etl_endtime = CURRENT_DATE() WHERE id = \($0[0])" }
                ?? " WHERE table_name = '\(table)' AND dt = CURRENT_DATE()"
            try night.control.run(
                """
                UPDATE datax_log SET starttime = NOW(), endtime = NOW(), is_finished = 1, read_num = \(read), error_num = \(bad)\(place);
                UPDATE datax_config SET etl_num = etl_num + 1, last_etl_date = CURRENT_DATE() WHERE src_table_name = '\(table)';
                """)
        }
    }

    @Test func `three nights, one of which fails, give the targets and log rows that pydatax gives`() throws {
        let my = try MariaDBServer.shared()
        // At midnight the two would see different days.
        while let left = Int(try my.query("SELECT TIMESTAMPDIFF(SECOND, NOW(), CURDATE() + INTERVAL 1 DAY)", database: "mysql")[0][0]),
            left < 90
        {
            sleep(1)
        }
        let source = """
            CREATE TABLE goods (id int PRIMARY KEY, name varchar(20)); INSERT INTO goods VALUES (1, 'tea'), (2, 'it''s');
            CREATE TABLE sales (id int PRIMARY KEY, qty int, upd datetime);
            INSERT INTO sales SELECT seq, seq % 5, CURDATE() - INTERVAL 5 DAY + INTERVAL seq * 3 HOUR FROM seq_1_to_56;
            CREATE TABLE hits (id int, upd datetime); INSERT INTO hits SELECT seq, CURDATE() - INTERVAL seq HOUR FROM seq_1_to_40;
            CREATE TABLE stock (id int, kind varchar(5)); INSERT INTO stock SELECT seq, IF(seq % 2, 'a', 'b') FROM seq_1_to_9;
            """
        let target =
            "CREATE TABLE ods_goods (id int, name varchar(20)); CREATE TABLE ods_sales (id int, qty int, upd datetime); CREATE TABLE ods_hits (id int, upd datetime); CREATE TABLE ods_stock (id int, kind varchar(5));"
        var sides: [(night: Night, source: Place, target: Place)] = []
        for _ in 0..<2 {
            let side = (night: try Night(.mariadb), source: try Place(.mariadb, source), target: try Place(.mariadb, target))
            let template = """
                {"job": {"setting": {"speed": {"channel": 3}, "errorLimit": {"record": 0, "percentage": 0}}, "content": [{
                  "reader": {"name": "mysqlreader", "parameter": {"username": "root", "password": "pw", "splitPk": "${split_pk_field}", "connection": [{
                    "querySql": ["select ${src_table_columns} from ${src_table_name} ${relation} where ${condition}"],
                    "jdbcUrl": ["jdbc:mysql://127.0.0.1:\(my.port)/\(side.source.database)"]}]}},
                  "writer": {"name": "mysqlwriter", "parameter": {"encoding": "UTF-8", "username": "root", "password": "pw", "column": ["${des_table_columns}"],
                    "connection": [{"jdbcUrl": "jdbc:mysql://127.0.0.1:\(my.port)/\(side.target.database)", "table": ["${des_table_name}"]}],
                    "preSql": ["TRUNCATE TABLE ${des_table_name}"]}}}]}}
                """
            for name in ["df.json", "di.json"] { _ = try side.night.home.write(template, to: name) }
            try side.night.control.run(
                "INSERT INTO datax_json (id, df_json, di_json, source_dbname, target_dbname) VALUES (1, 'df.json', 'di.json', 'MySQL', '数据仓库')"
            )
            for (number, row) in [
                ("goods", 0, "", "id,name"), ("sales", 1, "t.upd", "id,qty,upd"),
                ("hits", 2, "t.upd >= CURDATE() - INTERVAL 3 DAY", "id,upd"),
                ("stock", 3, "t.kind = 'a'", "id,kind"),
            ].enumerated() {
                try side.night.row(
                    row.0, to: "ods_\(row.0)", etlType: row.1, column: row.2,
                    ["src_table_column": "'\(row.3)'", "split_pk_field": "'id'", "ordernum": "\(number + 1)"])
            }
            sides.append(side)
        }
        for number in 1...3 {
            // The second night finds a table gone, which is back for the third.
            for side in sides where number > 1 {
                try side.source.run("RENAME TABLE \(number == 2 ? "sales TO away" : "away TO sales")")
                try side.source.run("INSERT INTO goods VALUES (\(number + 1), 'night \(number)')")
            }
            try Script(night: sides[0].night).run()
            let extracted = try sides[1].night.extract("--json-dir", sides[1].night.home.path, "--increment", "replace")
            expect(extracted, number == 2 ? 1 : 0)
            for table in ["goods", "sales", "hits", "stock"] {
                let rows = try sides.map { try $0.target.ask("SELECT * FROM ods_\(table) ORDER BY id") }
                #expect(rows[0] == rows[1], "\(table), night \(number)")
                #expect(!rows[0].isEmpty)
            }
            let log =
                "SELECT table_name, dt, etl_begintime, etl_endtime, is_finished, IF(is_finished, read_num, NULL), IF(is_finished, error_num, NULL) FROM datax_log ORDER BY table_name, dt"
            let logs = try sides.map { try $0.night.control.lines(log) }
            #expect(logs[0] == logs[1], "night \(number)")
            let counts = try sides.map {
                try $0.night.control.lines("SELECT src_table_name, etl_num, last_etl_date FROM datax_config ORDER BY id")
            }
            #expect(counts[0] == counts[1], "night \(number)")
            // A day goes by.
            for side in sides {
                try side.night.control.run(
                    """
                    UPDATE datax_log SET dt = dt - INTERVAL 1 DAY, etl_begintime = etl_begintime - INTERVAL 1 DAY, etl_endtime = etl_endtime - INTERVAL 1 DAY,
                      starttime = starttime - INTERVAL 1 DAY, endtime = endtime - INTERVAL 1 DAY;
                    UPDATE datax_config SET last_etl_date = last_etl_date - INTERVAL 1 DAY;
                    """)
                try side.source.run(
                    "UPDATE \(number == 2 ? "away" : "sales") SET upd = upd - INTERVAL 1 DAY; UPDATE hits SET upd = upd - INTERVAL 1 DAY")
            }
        }
        #expect(try sides[1].night.control.lines("SELECT count(*), sum(is_finished) FROM datax_log") == ["11|11"])
    }
}

/// pydatax's scripts and Apus on one control database in PostgreSQL.
@Suite(.requires(.postgres)) struct PydataxPostgresTests {
    @Test(arguments: ["init", "varchar(50)", "char(8)"])
    func `the kind of job is found as pydatax asks for it and as its users declare it`(_ type: String) throws {
        let night = try Night(.postgres)
        let erp = try Place(.sqlite, "CREATE TABLE a (id integer); INSERT INTO a VALUES (1), (2);"), dw = try Place(.sqlite)
        try night.connections(["erp": erp, "dw": dw])
        if type != "init" {
            try night.control.run("ALTER TABLE datax_config ALTER COLUMN type DROP DEFAULT, ALTER COLUMN type TYPE \(type)")
        }
        try night.job()
        try night.row("a", to: "a")
        if type == "init" {
            let asked =
                "SELECT a.src_table_name, b.df_json FROM datax_config a LEFT JOIN datax_json b ON a.json_id = b.id WHERE a.status = 0 AND a.server_type = 0 AND a.type = 1 ORDER BY a.ordernum"
            #expect(try night.control.ask(asked).map { $0[0] } == ["a"])
        }
        expect(try night.apus("control", "check", night.controlURL), 0, "1 row looked at, 0 faults")
        expect(try night.extract("--zone", "UTC"), 0)
        #expect(try dw.lines("SELECT count(*) FROM a") == ["2"])
        #expect(try night.control.lines("SELECT is_finished, read_num, error_num FROM datax_log") == ["1|2|0"])
        expect(try night.extract("--zone", "UTC", "--type", "2"), 78, "type 1")
    }
}
