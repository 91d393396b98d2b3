import ApusTesting
import Foundation
import Testing

/// What people write into control tables.
@Suite(.requires(.mariadb, .postgres)) struct BadInputTests {
    private func places() throws -> (Night, erp: Place, dw: Place) {
        let erp = try Place(
            .mariadb,
            "CREATE TABLE a (id int NOT NULL PRIMARY KEY, name varchar(40), `数` int); INSERT INTO a VALUES (1, 'it''s', 5), (2, '${x}', 6), (3, 'a;b', 7), (4, 'plain', 8);"
        )
        let dw = try Place(.postgres), night = try Night()
        try night.connections(["erp": erp, "dw": dw])
        try night.job()
        return (night, erp, dw)
    }

    @Test func `quotes, dollars, semicolons and line breaks in a condition are what they are`() throws {
        let (night, _, dw) = try places()
        let conditions = ["name = 'it''s'", "name = '${x}'", "name = 'a;b'", "id = 4 -- the last\n and 1=1", "id in (1,\n2) # two\n"]
        for (index, condition) in conditions.enumerated() {
            try night.row("a", to: "c\(index)", job: index + 1, ["dcondition": night.quote(condition)])
            if index > 0 { try night.job(index + 1) }
        }
        expect(try night.extract("--parallel", "2"), 0)
        #expect(
            try (0..<5).map { try dw.lines("SELECT id FROM c\($0) ORDER BY id").joined(separator: ",") } == ["1", "2", "3", "4", "1,2"])
        // The same beside joins.
        for index in 0..<5 { try dw.run("DROP TABLE c\(index)") }
        try night.control.run(
            "UPDATE datax_config SET relation = 't JOIN (SELECT 1 AS one) o ON o.one = 1', src_table_column = 't.id, ''；,'' AS sign'")
        expect(try night.extract(), 0)
        #expect(try dw.lines("SELECT id, sign FROM c2") == ["3|；,"])
    }

    @Test func `names with blanks, dots and quotes are taken from a column list as they are`() throws {
        let (night, erp, dw) = try places()
        try erp.run(
            "CREATE TABLE odd (`名 称` int NOT NULL PRIMARY KEY, `a.b` int, `q\"q` int, `order` date); INSERT INTO odd VALUES (1, 2, 3, '2026-01-02');"
        )
        try night.row(
            "odd", to: "odd", ["src_table_column": night.quote("`名 称`, t.`a.b`, `q\"q` AS q, `order`")])
        expect(try night.extract(), 0)
        #expect(try dw.lines("SELECT \"名 称\", \"a.b\", q, \"order\" FROM odd") == ["1|2|3|2026-01-02"])
    }

    @Test(arguments: [Place.Kind.mariadb, .postgres])
    func `what became of a table is written into short columns of old, and what cannot be written is a failure`(_ kind: Place.Kind) throws {
        let erp = try Place(
            .mariadb, "CREATE TABLE a (id int NOT NULL PRIMARY KEY, v varchar(9)); INSERT INTO a VALUES (1, '1'), (2, '二');")
        let dw = try Place(.postgres, "CREATE TABLE a (id int PRIMARY KEY, v int)"), night = try Night(kind)
        try night.connections(["erp": erp, "dw": dw])
        try night.job()
        try night.row("a", to: "a")
        try night.row("没有的表", to: "gone")
        let change = kind == .mariadb ? "MODIFY msg varchar(20) CHARACTER SET latin1" : "ALTER COLUMN msg TYPE varchar(20)"
        try night.control.run("ALTER TABLE datax_etl_error \(change); ALTER TABLE datax_row_error \(change);")
        expect(try night.extract("--bad-rows", "5"), 1, "failed: 没有的表")
        #expect(try night.log().map { $0.split(separator: "|").suffix(3).joined(separator: "|") }.sorted() == ["0|0|0", "1|2|1"])
        #expect(try night.control.lines("SELECT state FROM apus_lease ORDER BY state") == ["done", "failed"])
        #expect(try night.errors().map(\.count) == [20])
        #expect(try night.control.lines("SELECT error_num, total_num FROM datax_row_error") == ["1|2"])
        // A load that nothing tells of is not finished.
        try night.control.run("DROP TABLE datax_row_error")
        expect(try night.extract("--bad-rows", "5", "--table", "a"), 1, "failed: a", "datax_row_error")
        #expect(try night.log().contains { $0.hasPrefix("a|") && $0.contains("|0|") })
    }

    @Test func `a table is not loaded into itself`() throws {
        let (night, erp, _) = try places()
        try night.job(9, from: "erp", to: "erp")
        try night.row("a", to: "a", job: 9)
        expect(try night.extract(), 1, "source and target are one table")
        #expect(try erp.lines("SELECT count(*) FROM a") == ["4"])
        #expect(try night.log().allSatisfy { $0.contains("|0|") })
    }

    @Test func `a row whose status is NULL is not active`() throws {
        let (night, _, dw) = try places()
        try night.row("a", to: "good")
        try night.row("a", to: "unsaid", job: 2, ["status": "NULL"])
        try night.job(2)
        expect(try night.extract(), 0)
        #expect(try dw.lines("SELECT table_name FROM information_schema.tables WHERE table_name IN ('good', 'unsaid')") == ["good"])
    }

    @Test func `a database without control tables is left as it is`() throws {
        let (night, erp, _) = try places()
        expect(try night.apus("extract", "--control", "erp"), 78, "datax_config")
        #expect(try erp.lines("SHOW TABLES") == ["a"])
    }

    @Test func `a backfill of old days does not set the day of the last run back`() throws {
        let (night, erp, _) = try places()
        try erp.run("CREATE TABLE d (id int NOT NULL PRIMARY KEY, day date); INSERT INTO d VALUES (1, '2026-11-21'), (2, '2026-11-01');")
        try night.row("d", to: "d", etlType: 1, column: "day")
        expect(try night.extract("--day", "2026-11-21"), 0)
        expect(try night.extract("--day", "2026-11-01"), 0)
        #expect(try night.control.lines("SELECT etl_num, last_etl_date FROM datax_config") == ["2|2026-11-22"])
    }

    @Test func `what cannot be run is told with the row and what to do, and nothing of it counts as finished`() throws {
        let (night, _, dw) = try places()
        let rows: [(String, [String: String])] = [
            ("open_quote", ["dcondition": night.quote("name = 'it")]), ("two", ["dcondition": night.quote("1=1; DROP TABLE a")]),
            ("paren", ["src_table_column": night.quote("id, concat(name")]), ("wrong", ["dcondition": night.quote("nonsense = 5")]),
            ("count", ["src_table_column": night.quote("id, name"), "des_table_column": night.quote("id")]),
            ("no_day", ["etl_type": "1"]), ("day", ["etl_type": "1", "etl_column": "'missing'"]), ("text", ["etl_type": "7"]),
            ("template", ["json_id": "50"]), ("none", ["json_id": "51"]), ("lost", ["json_id": "52"]), ("good", [:]),
        ]
        for (index, row) in rows.enumerated() {
            try night.job(100 + index)
            try night.row("a", to: row.0, job: 100 + index, row.1)
        }
        try night.control.run(
            "INSERT INTO datax_json (id, df_json) VALUES (50, 'missing.json'); INSERT INTO datax_json (id, source_dbname, target_dbname) VALUES (52, 'nowhere', 'dw');"
        )
        try night.job(900)
        try night.row("gone_table", to: "gone", job: 900)
        let result = try night.extract("--parallel", "3")
        expect(
            result, 1, "a ' is not closed", "a `;` ends it too early", "a `)` is missing", "nonsense", "src_table_column has 2 columns",
            "etl_column is empty", "there is no column `missing`", "etl_type is 7", "json_id 51 is no row of datax_json",
            "no connection named `nowhere`", "gone_table", "missing.json")
        #expect(try dw.lines("SELECT count(*) FROM good") == ["4"])
        #expect(try night.control.lines("SELECT count(*) FROM datax_log WHERE is_finished = 1") == ["1"])
        #expect(try night.control.lines("SELECT count(*) FROM datax_etl_error") == ["\(rows.count)"])
        // The check finds the same beforehand, all at once.
        let check = try night.apus("control", "check", night.controlURL)
        expect(
            check, 78, "a ' is not closed", "a `;` ends it too early", "nonsense", "etl_type is 7", "json_id 51", "gone_table",
            "13 rows looked at, 12 faults")
    }

    @Test func `a password with every sign of a URL works when it is encoded, and is never shown`() throws {
        let erp = try Place(.mariadb, "CREATE TABLE a (id int NOT NULL PRIMARY KEY); INSERT INTO a VALUES (1);")
        let dw = try Place(.postgres), night = try Night()
        try MariaDBServer.shared().execute(
            "CREATE OR REPLACE USER 'odd_\(erp.database)'@'%' IDENTIFIED BY 'p@:/%w'; GRANT ALL ON *.* TO 'odd_\(erp.database)'@'%'")
        let port = try MariaDBServer.shared().port
        try night.connections("erp: mysql://odd_\(erp.database):p%40%3A%2F%25w@127.0.0.1:\(port)/\(erp.database)\ndw: \(dw.url())\n")
        try night.job()
        try night.row("a", to: "a")
        let result = try night.extract("-v")
        expect(result, 0)
        try night.row("missing", to: "b")
        let failed = try night.extract("-v")
        expect(failed, 1)
        for text in [result.stdout, result.stderr, failed.stdout, failed.stderr, try night.errors().joined()] {
            #expect(!text.contains("p@:/%w") && !text.contains("p%40"))
        }
    }

    @Test func `rows go out to YAML and CSV and come back the same`() throws {
        let night = try Night(.postgres)
        try night.job(3, from: "erp", to: "dw")
        try night.row(
            "表,a", to: "ods.\"b\"", job: 3, etlType: 2, column: "x > 'a: #b'\nand y",
            ["note": night.quote("- - yes: \\ \"q\""), "ordernum": "1.125"])
        let yaml = try night.apus("control", "export", night.controlURL)
        expect(yaml, 0, "src_table_name:", "1.125")
        let file = try night.home.write(yaml.stdout, to: "rows.yaml")
        let other = try Night(.mariadb)
        expect(try other.apus("control", "import", other.controlURL, file), 0, "1 added")
        #expect(try other.apus("control", "export", other.controlURL).stdout == yaml.stdout)
        expect(try other.apus("control", "import", other.controlURL, file), 0, "datax_config: 0 added, 0 changed, 1 as they were")
        let csv = try night.apus("control", "export", night.controlURL, "--format", "csv")
        let table = try night.home.write(csv.stdout, to: "rows.csv")
        expect(try other.apus("control", "import", other.controlURL, table, "--config-table", "datax_config_wm"), 0, "1 added")
        #expect(
            try other.apus("control", "export", other.controlURL, "--config-table", "datax_config_wm", "--format", "csv").stdout
                == csv.stdout)
        // Mistakes are told all at once, and nothing is written.
        let bad = try night.home.write(
            "tables:\n- src_table_name: a\n  etl_tpye: 1\n- des_table_name: b\n  ordernum: many\nrows: []\n", to: "bad.yaml")
        let refused = try other.apus("control", "import", other.controlURL, bad)
        expect(refused, 78, "bad.yaml:3:3", "Did you mean `etl_type`?", "unknown key `rows`")
    }
}
