import ApusTesting
import Foundation
import Testing

@Suite(.requires(.mariadb, .postgres)) struct `apus generate` {
    static let erp = """
        CREATE TABLE bo_ods_order (id bigint NOT NULL PRIMARY KEY, amount decimal(10,2), update_time timestamp NOT NULL, etl_process_time timestamp NULL);
        CREATE INDEX bo_ods_order_u ON bo_ods_order (update_time);
        CREATE TABLE bo_ods_log (a int NOT NULL, b int NOT NULL, create_time date NOT NULL, PRIMARY KEY (a, b));
        CREATE TABLE bo_ods_old_bak (x int); CREATE TABLE other (x int); CREATE VIEW bo_ods_v AS SELECT id FROM bo_ods_order;
        """

    @Test(arguments: Desk.Kind.allCases) func `rows are written from the catalogue, with both ends' names and no password`(
        _ kind: Desk.Kind
    ) throws {
        let desk = try Desk(kind, control: kind, Self.erp)
        let result = try desk.apus(
            "generate", "--from", "erp", "--to", "dw", "--like", "bo_ods_%", "--exclude", "%_bak", "--full-below", "0", "--name",
            "ods_{table}",
            "--replace", "etl_process_time=now()", "--constant", "tenant_id='f,z'", "--order", "name", "--into", "control")
        expect(result, 0, "2 rows added")
        #expect(
            try desk.rows() == [
                "bo_ods_log|ods_bo_ods_log|1|create_time|a|a,b,create_time,'f,z' as tenant_id",
                "bo_ods_order|ods_bo_ods_order|1|update_time|id|id,amount,update_time,now() as etl_process_time,'f,z' as tenant_id",
            ])
        #expect(try desk.control.lines("SELECT source_dbname, target_dbname FROM datax_json") == ["erp|dw"])
        #expect(
            try desk.control.lines(
                "SELECT DISTINCT type, json_id, relation, dcondition, des_table_column, server_type, status, etl_num FROM datax_config")
                == ["1|1|t|1=1|*|0|0|0"])
        // Again: nothing is doubled, and no second row of datax_json is made.
        expect(
            try desk.apus("generate", "--from", "erp", "--to", "dw", "--like", "bo_ods_%", "--exclude", "%_bak", "--into", "control"), 0,
            "0 rows added",
            "2 left as they are")
        #expect(try desk.control.lines("SELECT count(*) FROM datax_json") == ["1"])
    }

    @Test func `names with quotes, dots and blanks are written so that an extraction finds and makes the same tables`() throws {
        let names = ["b \"x", "a.b", "two words", "雨*"]
        let desk = try Desk(
            .sqlite, control: .sqlite,
            names.enumerated().map { number, name in
                let quoted = "\"\(name.replacing("\"", with: "\"\""))\""
                return "CREATE TABLE \(quoted) (id int PRIMARY KEY); INSERT INTO \(quoted) VALUES (\(number));"
            }.joined())
        expect(try desk.apus("generate", "--from", "erp", "--to", "dw", "--into", "control"), 0, "4 rows added")
        expect(try desk.apus("extract", "--control", "control", "--day", "2026-11-21", "--zone", "UTC"), 0)
        let made = try desk.target.lines("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'apus%' ORDER BY name")
        #expect(made == names.sorted())
        for (number, name) in names.enumerated() {
            #expect(try desk.target.lines("SELECT id FROM \"\(name.replacing("\"", with: "\"\""))\"") == ["\(number)"], "\(name)")
        }
    }

    @Test(arguments: [(Desk.Kind.mariadb, 1000), (.postgres, 1200), (.sqlite, 1200)])
    func `a table of a thousand columns and more comes out whole`(_ kind: Desk.Kind, _ count: Int) throws {
        let names = (0..<count).map { "column_with_a_long_name_\($0)" }
        let desk = try Desk(kind, control: kind, "CREATE TABLE wide (\(names.map { "\($0) int" }.joined(separator: ", ")))")
        expect(try desk.apus("generate", "--from", "erp", "--to", "dw", "--into", "control"), 0, "1 rows added")
        #expect(try desk.control.lines("SELECT src_table_column FROM datax_config") == [names.joined(separator: ",")])
    }

    @Test func `points and quotes in names come through to the target`() throws {
        let desk = try Desk(
            .mariadb, control: .sqlite,
            "CREATE TABLE `a.b` (`x.y` int PRIMARY KEY, `sel``ect` int, `中 文` int); INSERT INTO `a.b` VALUES (1, 2, 3), (2, 3, 4);")
        expect(try desk.apus("generate", "--from", "erp", "--to", "dw", "--full", "--into", "control"), 0, "1 rows added")
        expect(try desk.apus("extract", "--control", "control"), 0)
        let quote = desk.target.kind == .mariadb ? "`" : "\""
        #expect(
            try desk.target.lines("SELECT \(quote)x.y\(quote), \(quote)中 文\(quote) FROM \(quote)a.b\(quote) ORDER BY 1") == ["1|3", "2|4"])
    }

    @Test func `a list that an existing table has no room for is refused, and the others are written`() throws {
        let names = (0..<900).map { "column_number_\($0)" }
        let desk = try Desk(
            .sqlite, control: .mariadb,
            "CREATE TABLE wide (\(names.map { "\($0) int" }.joined(separator: ", "))); CREATE TABLE small (id int);")
        try desk.control.run(
            """
            CREATE TABLE datax_config (id int AUTO_INCREMENT PRIMARY KEY, type varchar(50), src_table_name varchar(60), json_id int, des_table_name varchar(60),
              split_pk_field varchar(60), relation varchar(1000), dcondition varchar(1000), src_table_column varchar(8000), des_table_column varchar(255),
              server_type int, ordernum decimal(6,3), status int, etl_type int, etl_column varchar(2000), etl_num int, last_etl_date date, note varchar(255),
              create_time timestamp DEFAULT CURRENT_TIMESTAMP, UNIQUE KEY (src_table_name, json_id))
            """)
        let result = try desk.apus("generate", "--from", "erp", "--to", "dw", "--into", "control")
        expect(result, 78, "src_table_column has", "the column holds 8000", "ALTER TABLE")
        #expect(try desk.control.lines("SELECT src_table_name FROM datax_config") == ["small"])
        try desk.control.run("ALTER TABLE datax_config MODIFY src_table_column MEDIUMTEXT")
        expect(try desk.apus("generate", "--from", "erp", "--to", "dw", "--into", "control", "--update"), 0, "1 rows added")
        #expect(
            try desk.control.lines("SELECT src_table_column FROM datax_config WHERE src_table_name = 'wide'") == [
                names.joined(separator: ",")
            ])
    }

    @Test(arguments: Desk.Kind.allCases) func `an update adds what is new, tells what is gone or changed, and keeps what was edited`(
        _ kind: Desk.Kind
    ) throws {
        let desk = try Desk(
            kind,
            "CREATE TABLE a (id int NOT NULL PRIMARY KEY, x int, secret int, z varchar(9)); CREATE TABLE b (id int, gone int); CREATE TABLE c (id int)"
        )
        func update() throws -> CommandResult {
            try desk.apus("generate", "--from", "erp", "--to", "dw", "--order", "name", "--into", "control", "--update")
        }
        expect(try update(), 0, "3 rows added")
        // Someone takes a column out, writes an expression, a condition and a constant, and disables a table.
        try desk.control.run(
            """
            UPDATE datax_config SET src_table_column = 'id, upper(z) as z,1 as k', des_table_column = 'a_id, a_z, a_k', dcondition = 'x > 0', ordernum = 7 WHERE src_table_name = 'a';
            UPDATE datax_config SET status = 1 WHERE src_table_name = 'c';
            """)
        try desk.source.run(
            kind == .mariadb
                ? "ALTER TABLE a ADD y int AFTER x; ALTER TABLE a MODIFY z varchar(20); ALTER TABLE b DROP gone; DROP TABLE c; CREATE TABLE d (id int)"
                : kind == .postgres
                    ? "ALTER TABLE a ADD y int; ALTER TABLE a ALTER z TYPE varchar(20); ALTER TABLE b DROP gone; DROP TABLE c; CREATE TABLE d (id int)"
                    : "ALTER TABLE a ADD y int; ALTER TABLE b DROP gone; DROP TABLE c; CREATE TABLE d (id int)")
        let result = try update()
        expect(result, 0, "column.new", "column.gone", "table.gone", "1 rows added, 1 changed, 2 left as they are")
        if kind != .sqlite { expect(result, 0, "column.changed", "is now") }
        // `secret` stays out; `y` stands behind the column that comes before it in the source.
        let list = kind == .mariadb ? "id,y,upper(z) as z,1 as k|a_id,y,a_z,a_k" : "id,upper(z) as z,y,1 as k|a_id,a_z,y,a_k"
        #expect(
            try desk.control.lines(
                "SELECT src_table_column, des_table_column, dcondition, status FROM datax_config WHERE src_table_name = 'a'")
                == [list + "|x > 0|0"])
        #expect(
            try desk.control.lines(
                "SELECT src_table_name, src_table_column, status FROM datax_config WHERE src_table_name <> 'a' ORDER BY id") == [
                    "b|id,gone|0", "c|id|1", "d|id|0",
                ])
        // New tables come behind all others.
        #expect(try desk.control.lines("SELECT count(*) FROM datax_config WHERE src_table_name = 'd' AND ordernum > 7") == ["1"])
        let again = try update()
        expect(again, 0, "0 rows added, 0 changed", "column.gone")
        #expect(!again.stdout.contains("column.changed"))
    }

    @Test func `rows that somebody wrote by hand are told of first, and grow from then on`() throws {
        let desk = try Desk(.sqlite, "CREATE TABLE a (id int, x int)")
        _ = try desk.apus("control", "init", "control")
        try desk.control.run(
            "INSERT INTO datax_json (id, source_dbname, target_dbname) VALUES (5, 'erp', 'dw'); INSERT INTO datax_config (src_table_name, json_id, des_table_name, src_table_column) VALUES ('A', 5, 'a', 'id')"
        )
        let first = try desk.apus("generate", "--from", "erp", "--json-id", "5", "--into", "control", "--update")
        expect(first, 0, "column.unlisted", "0 rows added, 0 changed")
        try desk.source.run("ALTER TABLE a ADD y int")
        expect(try desk.apus("generate", "--from", "erp", "--json-id", "5", "--into", "control", "--update"), 0, "column.new", "1 changed")
        #expect(try desk.control.lines("SELECT src_table_column FROM datax_config") == ["id,y"])
    }

    @Test func `INSERT statements and YAML hold the same rows`() throws {
        let desk = try Desk(.mariadb, Self.erp)
        let arguments = [
            "generate", "--from", "erp", "--like", "bo_ods_%", "--exclude", "%_bak", "--full-below", "0", "--json-id", "1", "--order",
            "name", "--replace", "etl_process_time='o''clock'",
        ]
        expect(try desk.apus("control", "init", "control"), 0)
        let sql = try desk.shell("apus \"$@\" --sql --dialect sqlite | sqlite3 -bail control.db", arguments)
        expect(sql, 0)
        let rows = try desk.rows()
        #expect(
            rows.count == 2 && rows[1] == "bo_ods_order|bo_ods_order|1|update_time|id|id,amount,update_time,'o''clock' as etl_process_time")
        // Into another control database, the row of datax_json with them.
        expect(try desk.shell("apus \"$@\" --to dw --yaml >rows.yaml && apus control init sqlite:second.db", arguments), 0)
        expect(try desk.shell("apus control import sqlite:second.db rows.yaml"), 0, "2 added")
        let columns = "src_table_name, des_table_name, etl_type, etl_column, split_pk_field, src_table_column, note, ordernum, json_id"
        let second = try desk.shell("sqlite3 second.db \"SELECT \(columns) FROM datax_config ORDER BY ordernum\"")
        #expect(
            second.stdout.split(separator: "\n").map(String.init)
                == (try desk.control.lines("SELECT \(columns) FROM datax_config ORDER BY ordernum")))
        #expect(try desk.shell("sqlite3 second.db 'SELECT id, source_dbname, target_dbname FROM datax_json'").stdout == "1|erp|dw\n")
    }

    @Test(arguments: [Desk.Kind.mariadb, .postgres]) func `the flow file of a source loads it, replaced columns and all`(_ kind: Desk.Kind)
        throws
    {
        let desk = try Desk(kind, to: .sqlite, Self.erp)
        try desk.source.run(
            "INSERT INTO bo_ods_order VALUES (1, 1.50, '2026-01-01 10:00:00', NULL), (2, 2.50, '2026-01-02 11:00:00', NULL); INSERT INTO bo_ods_log VALUES (1, 2, '2026-01-03')"
        )
        let result = try desk.shell(
            """
            apus generate --from erp --to dw --like 'bo_ods_%' --exclude '%_bak' --full-below 0 --name 'ods_{table}' --replace etl_process_time="'now'" --flow >flow.yaml &&
            apus run flow.yaml -q
            """)
        expect(result, 0)
        #expect(
            try desk.target.lines("SELECT id, amount, update_time, etl_process_time FROM ods_bo_ods_order ORDER BY id").map {
                $0.split(separator: "|").map(String.init)
            }
            .map { [$0[0], String(Double($0[1])!), String($0[2].prefix(19)), $0[3]] } == [
                ["1", "1.5", "2026-01-01 10:00:00", "now"], ["2", "2.5", "2026-01-02 11:00:00", "now"],
            ])
        #expect(try desk.target.lines("SELECT * FROM ods_bo_ods_log") == ["1|2|2026-01-03"])
        // By day from then on: the row that changed comes, and only that one is changed.
        try desk.source.run("UPDATE bo_ods_order SET amount = 9, update_time = '2026-01-05 00:00:00' WHERE id = 1")
        expect(try desk.apus("run", "flow.yaml", "-q"), 0)
        #expect(
            try desk.target.lines("SELECT id, amount FROM ods_bo_ods_order ORDER BY id").map {
                $0.split(separator: "|").map { Double($0)! }
            } == [[1, 9], [2, 2.5]])
    }

    @Test func `nullable times are asked for NULLs when that is wished`() throws {
        let desk = try Desk(
            .mariadb,
            """
            CREATE TABLE has (id int PRIMARY KEY, update_time datetime); CREATE TABLE hasnot (id int PRIMARY KEY, update_time datetime);
            INSERT INTO has VALUES (1, now()), (2, NULL); INSERT INTO hasnot VALUES (1, now());
            """)
        let shown = try desk.apus("generate", "--from", "erp", "--full-below", "0", "--probe")
        expect(shown, 0, "is NULL in some rows", "nullable but without NULL now", "nothing was written")
        expect(try desk.apus("generate", "--from", "erp", "--full-below", "0"), 0, "may be NULL, and such rows would never be taken")
    }

    @Test func `what is asked for wrongly is refused in words that help`() throws {
        let desk = try Desk(.sqlite, "CREATE TABLE a (id int)")
        expect(try desk.apus("generate", "--from", "erp", "--like", "nix%"), 78, "no table of", "It has a.")
        expect(try desk.apus("generate", "--from", "erp", "--into", "control"), 78, "nothing says where the rows are loaded to")
        expect(try desk.apus("generate", "--from", "erp", "--into", "control", "--json-id", "9"), 78, "datax_json has no row 9")
        expect(try desk.apus("generate", "--from", "erp", "--replace", "x=a,b"), 78, "is not one expression")
        expect(try desk.apus("generate", "--from", "erp", "--yaml", "--sql"), 64, "exclude each other")
        expect(try desk.apus("generate", "--from", "erp", "--name", "x.{tabel}"), 78, "`{tabel}` is not known")
        expect(try desk.apus("generate", "--from", "erp", "--replace", "nix=1"), 0, "--replace nix: no table has such a column")
        let secret = try desk.apus("generate", "--from", "mysql://u:geheim@127.0.0.1:1/x", "--into", "control", "--to", "dw")
        #expect(!(secret.stdout + secret.stderr).contains("geheim"))
    }
}
