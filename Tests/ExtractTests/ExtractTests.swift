import ApusTesting
import Foundation
import Testing

/// A night's work, end to end: control tables, sources, targets.
@Suite(.requires(.mariadb, .postgres)) struct ExtractTests {
    private static let orders = """
        CREATE TABLE orders (id int NOT NULL PRIMARY KEY, changed datetime, amount decimal(12,3), name varchar(40));
        INSERT INTO orders VALUES (1, '2026-11-20 00:00:00', 1.500, 'a'), (2, '2026-11-20 23:59:59', NULL, '订单'), (3, '2026-11-21 00:00:00', -2.125, ''),
          (4, '2026-11-21 12:00:00', 99999999.999, 'd\\'s'), (5, '2026-11-22 00:00:00', 0, NULL), (6, NULL, 6, 'never');
        CREATE TABLE `客户` (`编号` int NOT NULL PRIMARY KEY, `名` varchar(20)); INSERT INTO `客户` VALUES (1, '甲'), (2, NULL);
        """

    @Test(arguments: Place.Kind.allCases, [Place.Kind.postgres, .mariadb, .sqlite])
    func `full tables and days come over, and the control tables tell of it`(_ kind: Place.Kind, _ targetKind: Place.Kind) throws {
        let erp = try Place(.mariadb, Self.orders), dw = try Place(targetKind)
        let night = try Night(kind)
        try night.connections(["erp": erp, "dw": dw])
        try night.job()
        try night.row("客户", to: "ods_客户", ["ordernum": "0.5"])
        try night.row(
            "orders", to: "ods_orders", etlType: 1, column: "t.changed",
            ["src_table_column": night.quote("t.id, t.changed, concat(t.name, ',', '（') as name, amount, now() etl_time, 'a;b' as note")])
        expect(try night.extract("--day", "2026-11-21", "--zone", "UTC"), 0, "ods_orders", "done")
        #expect(try dw.lines("SELECT * FROM ods_客户 ORDER BY 1") == ["1|甲", "2|NULL"])
        let columns = "SELECT id, name, amount, note FROM ods_orders ORDER BY id"
        let seen = try dw.lines(columns)
        #expect(
            seen.map { $0.replacing("99999999.999", with: "big").replacing("-2.125", with: "small") } == [
                "3|,（|small|a;b", "4|d's,（|big|a;b",
            ])
        #expect(
            try night.log() == [
                "客户|2026-11-21|2026-11-22|1|2|0", "orders|2026-11-21|2026-11-22|1|2|0",
            ] || night.log() == ["orders|2026-11-21|2026-11-22|1|2|0", "客户|2026-11-21|2026-11-22|1|2|0"])
        #expect(try night.control.lines("SELECT etl_num, last_etl_date FROM datax_config") == ["1|2026-11-22", "1|2026-11-22"])
        // A day run twice gives the same rows, and no further row of the log.
        expect(try night.extract("--day", "2026-11-21", "--zone", "UTC"), 0)
        #expect(try dw.lines(columns) == seen)
        #expect(try night.log().count == 2)
        #expect(try night.control.lines("SELECT etl_num FROM datax_config") == ["2", "2"])
        // A row that changes moves to its new day, and its old version goes.
        try erp.run("UPDATE orders SET changed = '2026-11-22 08:00:00', name = 'new' WHERE id = 3")
        expect(try night.extract("--day", "2026-11-22", "--zone", "UTC"), 0)
        #expect(try dw.lines("SELECT id, name FROM ods_orders ORDER BY id") == ["3|new,（", "4|d's,（", "5|NULL"])
        // No staging table, no mark is left.
        let left =
            switch targetKind {
            case .sqlite: try dw.lines("SELECT name FROM sqlite_master WHERE name LIKE 'apus%'")
            case .mariadb:
                try dw.lines("SELECT table_name FROM information_schema.tables WHERE table_schema = database() AND table_name LIKE 'apus%'")
            case .postgres: try dw.lines("SELECT relname FROM pg_class WHERE relname LIKE 'apus_stg%'")
            }
        #expect(left == [])
    }

    @Test func `days are cut where the zone says, for times with and without one`() throws {
        let erp = try Place(
            .postgres,
            """
            CREATE TABLE plain (id int PRIMARY KEY, at timestamp); CREATE TABLE zoned (id int PRIMARY KEY, at timestamptz);
            CREATE TABLE dated (id int PRIMARY KEY, at date); CREATE TABLE coded (id int PRIMARY KEY, at int); CREATE TABLE texted (id int PRIMARY KEY, at text);
            INSERT INTO plain VALUES (1, '2026-11-20 23:59:59.999999'), (2, '2026-11-21'), (3, '2026-11-21 23:59:59.999999'), (4, '2026-11-22');
            INSERT INTO zoned VALUES (1, '2026-11-20 15:59:59.999999+00'), (2, '2026-11-20 16:00+00'), (3, '2026-11-21 23:59:59.999999+08'), (4, '2026-11-22 00:00+08');
            INSERT INTO dated VALUES (1, '2026-11-20'), (2, '2026-11-21'), (3, '2026-11-21'), (4, '2026-11-22');
            INSERT INTO coded VALUES (1, 20261120), (2, 20261121), (3, 20261121), (4, 20261122);
            INSERT INTO texted VALUES (1, '2026-11-20 23:59:59'), (2, '2026-11-21'), (3, '2026-11-21T23:59:59'), (4, '2026-11-22');
            """)
        for kind in Place.Kind.allCases {
            let dw = try Place(kind), night = try Night()
            try night.connections(["erp": erp, "dw": dw])
            try night.job()
            for table in ["plain", "zoned", "dated", "coded", "texted"] { try night.row(table, to: table, etlType: 1, column: "at") }
            for _ in 0..<2 {
                expect(try night.extract("--day", "2026-11-21", "--zone", "Asia/Shanghai", "--parallel", "3"), 0)
                for table in ["plain", "zoned", "dated", "coded", "texted"] {
                    #expect(try dw.lines("SELECT id FROM \(table) ORDER BY id") == ["2", "3"], "\(table) into \(kind)")
                }
            }
        }
    }

    @Test func `one table's failure harms no other, is told, and is caught up the next night under the same row of the log`() throws {
        let erp = try Place(.mariadb, Self.orders), dw = try Place(.postgres)
        let night = try Night(.mariadb)
        try night.connections(["erp": erp, "dw": dw])
        try night.job()
        try night.row("orders", to: "orders", etlType: 1, column: "changed")
        try night.row("客户", to: "客户")
        try night.row("gone", to: "gone")
        // What yesterday is, by the control database's own clock.
        let day = try night.control.lines("SELECT CURRENT_DATE - INTERVAL 1 DAY")[0],
            before = try night.control.lines("SELECT CURRENT_DATE - INTERVAL 2 DAY")[0]
        let today = try night.control.lines("SELECT CURRENT_DATE")[0]
        try erp.run(
            "UPDATE orders SET changed = '\(before)' WHERE id = 1; UPDATE orders SET changed = '\(day) 23:00' WHERE id = 2; RENAME TABLE orders TO later"
        )
        let first = try night.extract("--zone", "UTC")
        expect(first, 1, "failed: gone", "failed: orders", "object.not_found", "--retry-failed", "客户")
        #expect(try night.control.lines("SELECT table_name FROM datax_log WHERE is_finished = 1") == ["客户"])
        #expect(try night.errors().count == 2)
        #expect(try dw.lines("SELECT count(*) FROM 客户") == ["2"])
        // As if that had been the night before.
        try night.control.run(
            "UPDATE datax_log SET dt = '\(day)', etl_begintime = '\(before)', etl_endtime = '\(day)' WHERE table_name = 'orders'")
        try erp.run("RENAME TABLE later TO orders")
        expect(try night.extract("--zone", "UTC", "--table", "orders"), 0)
        #expect(try dw.lines("SELECT id FROM orders ORDER BY id") == ["1", "2"])
        #expect(
            try night.control.lines("SELECT etl_begintime, etl_endtime, is_finished, read_num FROM datax_log WHERE table_name = 'orders'")
                == ["\(before)|\(today)|1|2"])
        // What is still unfinished, and nothing else.
        let again = try night.extract("--retry-failed")
        expect(again, 1, "gone")
        #expect(!again.stdout.contains("orders → "))
        // Row errors are told apart from others.
        try dw.run("DROP TABLE 客户; CREATE TABLE 客户 (编号 int CHECK (编号 < 2), 名 text)")
        expect(try night.extract("--table", "客户"), 1, "row.too_many_rejected")
        #expect(try night.control.lines("SELECT error_num, total_num, table_name FROM datax_row_error").first?.hasSuffix("客户") == true)
        expect(try night.extract("--table", "客户", "--bad-rows", "5"), 0)
        #expect(try dw.lines("SELECT 编号 FROM 客户") == ["1"])
        #expect(try night.control.lines("SELECT is_finished, read_num, error_num FROM datax_log WHERE table_name = '客户'") == ["1|2|1"])
    }

    @Test func `a backfill by days, at once, and a fresh full load give the same rows`() throws {
        let erp = try Place(
            .mariadb,
            """
            CREATE TABLE events (id int NOT NULL PRIMARY KEY, at datetime(6) NOT NULL, v double, KEY (at));
            INSERT INTO events SELECT seq, '2026-10-01' + INTERVAL (seq * 7919 MOD 2592000) SECOND + INTERVAL seq MICROSECOND, seq / 7 FROM seq_1_to_20000;
            """)
        let dw = try Place(.postgres), night = try Night()
        try night.connections(["erp": erp, "dw": dw])
        try night.job()
        for (name, type) in [("by_day", 1), ("at_once", 1), ("full_load", 0)] {
            try night.row(
                "events", to: name, job: name == "by_day" ? 1 : name == "at_once" ? 2 : 3, etlType: type, column: type == 1 ? "at" : "")
        }
        try night.job(2)
        try night.job(3)
        expect(try night.extract("--table", "by_day,full_load", "--from", "2026-10-01", "--to", "2026-10-30", "--zone", "UTC"), 0)
        expect(try night.extract("--table", "at_once", "--from", "2026-10-01", "--to", "2026-10-30", "--whole", "--zone", "UTC"), 0)
        let sums = try ["by_day", "at_once", "full_load"].map {
            try dw.lines("SELECT count(*), md5(string_agg(id || '|' || at || '|' || v, ',' ORDER BY id)) FROM \($0)")
        }
        #expect(sums[0] == sums[2] && sums[1] == sums[2])
        #expect(sums[2][0].hasPrefix("20000|"))
        #expect(
            try night.control.lines("SELECT count(*), sum(is_finished), sum(read_num) FROM datax_log WHERE datax_id = 1") == ["30|30|20000"]
        )
    }

    @Test(arguments: Place.Kind.allCases) func `old runs are forgotten when the user says so, and the logs stay`(_ kind: Place.Kind) throws
    {
        let erp = try Place(.mariadb, "CREATE TABLE a (id int NOT NULL PRIMARY KEY); INSERT INTO a VALUES (1);")
        let dw = try Place(.postgres), night = try Night(kind)
        try night.connections(["erp": erp, "dw": dw])
        try night.job()
        try night.row("a", to: "a")
        for _ in 0..<3 { expect(try night.extract(), 0) }
        try night.control.run("UPDATE apus_run SET started_us = 1, beat_us = 1;")
        expect(try night.extract("--keep", "90d"), 0, "3 old runs are forgotten")
        for table in ["apus_run", "apus_plan", "apus_table", "apus_slice"] {
            #expect(try night.control.lines("SELECT count(*) FROM \(table)") == ["1"], "\(table)")
        }
        #expect(try night.control.lines("SELECT etl_num FROM datax_config") == ["4"])
        #expect(try night.control.lines("SELECT count(*) FROM datax_log WHERE is_finished = 1") == ["1"])
        try night.control.run("UPDATE apus_run SET started_us = 1, beat_us = 1;")
        expect(try night.apus("history", "--prune", "1d", "--ledger", night.controlURL), 0, "1 run is forgotten")
        expect(try night.extract(), 0)
    }
}
