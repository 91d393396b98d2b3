import ApusTesting
import Foundation
import Testing

/// One time zone for a run, between servers of different zones: a MariaDB at +08:00 that also knows New York, and a
/// PostgreSQL whose databases have their own.
@Suite(.requires(.mariadb, .postgres), .serialized) struct ClockTests {
    /// One server for the suite.
    private static let shared = Result {
        var options = MariaDBServer.Options()
        options.arguments = ["--default-time-zone=+08:00"]
        let server = try MariaDBServer(options)
        let rules = try runCommand("mariadb-tzinfo-to-sql", ["/usr/share/zoneinfo/America/New_York", "America/New_York"])
        try server.execute(rules.stdout, database: "mysql")
        return server
    }

    private let user: User
    private let my: MariaDBServer
    private let pg: PostgresServer
    private let source: String
    private let target: String

    init() throws {
        user = try User()
        my = try Self.shared.get()
        pg = try PostgresServer.shared()
        source = try my.makeDatabase()
        target = try pg.makeDatabase()
    }

    private var from: String { my.url(database: source) }
    private var to: String { pg.url(database: target) }

    private func mySQL(_ sql: String) throws { try my.execute(sql, database: source) }
    private func pgSQL(_ sql: String) throws { try pg.execute(sql, database: target) }
    private func pgLines(_ sql: String) throws -> [String] {
        try pg.query("SET timezone = 'UTC'; " + sql, database: target).map { $0.joined(separator: "|") }.filter { $0 != "SET" }
    }
    private func myLines(_ sql: String) throws -> [String] { try my.query(sql, database: source).map { $0.joined(separator: "|") } }

    private func done(_ arguments: [String], with extra: [String: String] = [:], sourceLocation: SourceLocation = #_sourceLocation) throws {
        let result = try user.run(arguments + ["-q"], with: extra)
        #expect(result.status == 0, "\(result.stdout)\(result.stderr)", sourceLocation: sourceLocation)
    }

    @Test func `conditions and statements of the user see the server's own clock`() throws {
        try mySQL(
            """
            CREATE TABLE o (id int PRIMARY KEY, create_time datetime);
            INSERT INTO o VALUES (1, curdate() - INTERVAL 1 DAY), (2, curdate() - INTERVAL 1 SECOND), (3, curdate()),
              (4, curdate() - INTERVAL 28 HOUR), (5, from_unixtime(unix_timestamp() - 60));
            CREATE TABLE kept (id int, dt date);
            INSERT INTO kept VALUES (1, curdate()), (2, curdate() - INTERVAL 1 DAY);
            """)
        let yesterday = "create_time >= curdate() - interval 1 day and create_time < curdate()"
        try done(["copy", from, to, "--table", "o", "--where", yesterday])
        #expect(try pgLines("SELECT id FROM o WHERE id < 5 ORDER BY id") == ["1", "2"])
        try done([
            "copy", from, to, "--table", "o", "--to", "late", "--where", "create_time > FROM_UNIXTIME(unix_timestamp() - 3600) and id = 5",
        ])
        #expect(try pgLines("SELECT id FROM late") == ["5"])
        try pgSQL("CREATE TABLE s (id int, dt date); INSERT INTO s VALUES (7, '2020-01-01')")
        try done([
            "copy", to, from, "--table", "s", "--to", "kept", "--mode", "append", "--before", "delete from kept where dt = curdate()",
        ])
        #expect(try myLines("SELECT id FROM kept ORDER BY id") == ["2", "7"])
    }

    @Test func `a role's and a database's time zone hold, and a zone that is stated holds for both sides`() throws {
        try pg.execute("ALTER DATABASE \"\(target)\" SET timezone = 'Asia/Shanghai'")
        try pg.execute(
            """
            CREATE TABLE o (id int PRIMARY KEY, ct timestamptz);
            INSERT INTO o VALUES (1, current_date - interval '1 day'), (2, current_date - interval '1 day'), (3, current_date);
            """, database: target)
        try mySQL("CREATE TABLE days (id int PRIMARY KEY, ct date)")
        try done([
            "copy", to, from, "--table", "o", "--to", "days", "--where", "ct >= current_date - interval '1 day' and ct < current_date",
        ])
        #expect(try myLines("SELECT id, datediff(curdate(), ct) FROM days ORDER BY id") == ["1|1", "2|1"])
        let zones = "SELECT current_setting('timezone') AS z"
        for (more, zone) in [
            ("", "Asia/Shanghai"), ("?options=-c%20timezone%3DAsia/Tokyo", "Asia/Tokyo"), ("?TimeZone=Europe/Berlin", "Europe/Berlin"),
        ] {
            try done(["copy", to + more, from, "--query", zones, "--to", "z"])
            #expect(try myLines("SELECT z FROM z") == [zone])
        }
        // PostgreSQL's own sign of an offset is the other way round.
        try done([
            "copy", to, from, "--query", "SELECT now()::timestamp - (now() AT TIME ZONE 'UTC') AS d", "--to", "z2", "--zone", "+05:30",
        ])
        #expect(try myLines("SELECT d FROM z2").first?.contains("05:30") == true)
        try done(["copy", from, to, "--query", "SELECT @@session.time_zone AS z", "--to", "z3", "--zone", "UTC"])
        #expect(try pgLines("SELECT z FROM z3") == ["+00:00"])
        let plan = try user.run(["copy", from, to, "--table", "days", "--zone", "+05:30", "--dry-run"])
        #expect(plan.stdout.contains("\nzone     +05:30\n"), "\(plan.stdout)\(plan.stderr)")
    }

    @Test func `instants become wall clocks and wall clocks instants in the zone that the plan states, and verify knows it`() throws {
        try mySQL(
            "CREATE TABLE t (id int PRIMARY KEY, a timestamp(6) NULL, b timestamp(6) NULL, c timestamp(6) NULL, d datetime(3), e date); INSERT INTO t VALUES (1, '2024-06-01 08:00:00.5', '2024-06-01 08:00:00.5', '2024-06-01 07:59:59', '2024-06-01 08:00:00.25', '2024-06-01'), (2, NULL, NULL, NULL, NULL, NULL)"
        )
        try pgSQL("CREATE TABLE t (id int PRIMARY KEY, a timestamp, b timestamptz, c text, d timestamptz, e timestamptz)")
        let plan = try user.run(["copy", from, to, "--table", "t", "--dry-run"])
        #expect(plan.stdout.contains("zone     +08:00 (the source's sessions)"))
        for line in [
            "a: instant(6) into timestamp(6): an instant becomes what the clock of +08:00 shows",
            "d: timestamp(3) into instant(6): taken as",
        ] {
            #expect(plan.stdout.contains(line), "\(plan.stdout)")
        }
        #expect(!plan.stdout.contains(" b: "))
        // The passwords of a plan's references come from the environment.
        let ends = ["SOURCE": from, "TARGET": to]
        let file = try user.home.write("from: ${SOURCE}\nto: ${TARGET}\ntables: [t]\n", to: "flow.yaml"), json = user.home.file("plan.json")
        try done(["plan", file, "-o", json], with: ends)
        try done(["run", "--plan", json], with: ends)
        let shown =
            "1|2024-06-01 08:00:00.5|2024-06-01 00:00:00.5+00|2024-06-01 07:59:59+08|2024-06-01 00:00:00.25+00|2024-05-31 16:00:00+00"
        #expect(try pgLines("SELECT * FROM t WHERE id = 1") == [shown])
        let verified = try user.run(["verify", json, "--values-only"], with: ends)
        #expect(verified.status == 0 && verified.stdout.contains("1 of 1 tables equal"), "\(verified.stdout)\(verified.stderr)")
        // Another zone, stated in the file: the wall clocks differ, the instants do not.
        let other = try user.home.write("from: \(from)\nto: \(to)\nzone: +09:00\ntables: [t]\n", to: "other.yaml")
        try done(["run", other])
        #expect(
            try pgLines("SELECT a, b, c, d, e FROM t WHERE id = 1") == [
                "2024-06-01 09:00:00.5|2024-06-01 00:00:00.5+00|2024-06-01 08:59:59+09|2024-05-31 23:00:00.25+00|2024-05-31 15:00:00+00"
            ])
    }

    @Test func `an hour that comes twice is exact for instants, in every way of reading, writing, cutting and remembering`() throws {
        // 3 November 2024, 04:00 to 07:53 UTC: New York shows 01:00 to 02:00 twice.
        try mySQL(
            "SET time_zone = '+00:00'; CREATE TABLE s (n int PRIMARY KEY, ts timestamp(3) NOT NULL, KEY (ts)); INSERT INTO s SELECT seq, from_unixtime(1730606400.125 + seq * 7) FROM seq_1_to_2000"
        )
        let sum = "SELECT count(*), sum(n * extract(epoch from ts)::numeric(20,3))::numeric(30,3) FROM "
        let want = try myLines("SELECT count(*), CAST(sum(n * unix_timestamp(ts)) AS decimal(30,3)) FROM s")
        let newYork = from + "?time_zone=America/New_York"
        for (number, more) in ["", "&protocol=text"].enumerated() {
            try done(["copy", newYork + more, to, "--table", "s", "--to", "s\(number)", "--slice-by", "ts", "--slices", "9"])
            #expect(try pgLines(sum + "s\(number)") == want)
        }
        try done(["copy", newYork, to, "--query", "SELECT n, ts FROM s", "--to", "q"])
        #expect(try pgLines(sum + "q") == want)
        for load in ["auto", "insert"] {
            try mySQL(
                "DROP TABLE IF EXISTS back; CREATE TABLE back (n int PRIMARY KEY, ts timestamp(3) NOT NULL, made datetime DEFAULT CURRENT_TIMESTAMP)"
            )
            try done(["copy", to, newYork + "&load=\(load)", "--table", "q", "--to", "back", "--mode", "upsert"])
            #expect(try myLines("SELECT count(*), CAST(sum(n * unix_timestamp(ts)) AS decimal(30,3)) FROM back") == want)
            // What the target fills in shows New York's clock.
            #expect(
                try myLines("SET time_zone = 'America/New_York'; SELECT max(abs(timestampdiff(SECOND, made, now()))) < 300 FROM back") == [
                    "1"
                ])
        }
        // The watermark stands in the repeated hour.
        try mySQL("CREATE TABLE w AS SELECT * FROM s WHERE n <= 1000")
        let arguments = ["copy", newYork, to, "--table", "w", "--mode", "append", "--watermark", "ts"]
        try done(arguments)
        try mySQL("INSERT INTO w SELECT * FROM s WHERE n > 1000")
        try done(arguments)
        // And what is remembered is the same under another clock.
        try mySQL("INSERT INTO w SELECT n + 2000, ts + INTERVAL 1 DAY FROM s")
        try done(["copy", newYork, to, "--table", "w", "--mode", "append", "--watermark", "ts", "--zone", "+08:00"])
        #expect(try pgLines("SELECT count(*), count(DISTINCT n) FROM w") == ["4000|4000"])
        // A wall clock that is shown twice or never is read as PostgreSQL reads it.
        try mySQL(
            "CREATE TABLE d (id int PRIMARY KEY, d datetime); INSERT INTO d VALUES (1, '2024-11-03 01:30:00'), (2, '2024-03-10 02:30:00')")
        try pgSQL("CREATE TABLE d (id int PRIMARY KEY, d timestamptz)")
        try done(["copy", newYork, to, "--table", "d"])
        let own = "SELECT '2024-11-03 01:30:00 America/New_York'::timestamptz, '2024-03-10 02:30:00 America/New_York'::timestamptz"
        #expect(try pgLines("SELECT min(d) FILTER (WHERE id = 1), min(d) FILTER (WHERE id = 2) FROM d") == pgLines(own))
    }

    @Test func `JDBC's words for a zone mean what they mean there`() throws {
        try mySQL("CREATE TABLE j (id int PRIMARY KEY, ts timestamp NULL); INSERT INTO j VALUES (1, '2024-06-01 08:00:00')")
        for (more, zone, shown) in [
            ("serverTimezone=GMT%2B9", "+08:00", "09:00:00"),
            ("connectionTimeZone=UTC&forceConnectionTimeZoneToSession=true", "+00:00", "00:00:00"),
            ("sessionVariables=time_zone='%2B05:30'", "+05:30", "05:30:00"), ("time_zone=%2B07:00", "+07:00", "07:00:00"),
        ] {
            try pgSQL("DROP TABLE IF EXISTS j; CREATE TABLE j (id int PRIMARY KEY, ts timestamp, z text)")
            try done(["copy", from + "?" + more, to, "--table", "j", "--columns", "id,ts,z=@@session.time_zone"])
            #expect(try pgLines("SELECT ts, z FROM j") == ["2024-06-01 \(shown)|\(zone)"], "\(more)")
        }
        let unknown = try user.run(["copy", from + "?time_zone=Asia/Shangai", to, "--table", "j"])
        #expect(unknown.status == 78 && unknown.stderr.contains("Did you mean `Asia/Shanghai`?"), "\(unknown.stderr)")
        let without = try user.run(["copy", from, to, "--table", "j", "--zone", "Europe/Berlin"])
        #expect(without.status == 78 && without.stderr.contains("mysql_tzinfo_to_sql"), "\(without.stderr)")
        // Thirty years at +08:00: the offset serves, and that is said.
        let settled = try user.run(["copy", from, to, "--table", "j", "--zone", "Asia/Shanghai"])
        #expect(settled.status == 0 && settled.stderr.contains("has no time zone tables: its sessions run at +08:00"), "\(settled.stderr)")
    }

    @Test func `a DataX job counts in the process's time zone, as a JVM does`() throws {
        try mySQL(
            "CREATE TABLE t (id int PRIMARY KEY, ts timestamp NULL, d datetime); INSERT INTO t VALUES (1, '2024-06-01 08:00:00', '2024-06-01 08:00:00')"
        )
        let job = try user.home.write(
            """
            {"job": {"setting": {"speed": {"channel": 1}}, "content": [{
              "reader": {"name": "mysqlreader", "parameter": {"username": "root", "password": "pw", "column": ["id", "ts", "ts", "ts", "d", "@@session.time_zone"],
                "session": ["set session time_zone='+07:00'"], "where": "ts = '2024-06-01 07:00:00'",
                "connection": [{"table": ["t"], "jdbcUrl": ["jdbc:mysql://127.0.0.1:\(my.port)/\(source)?serverTimezone=CST"]}]}},
              "writer": {"name": "postgresqlwriter", "parameter": {"username": "postgres", "password": "pw", "column": ["id", "a", "b", "c", "d", "e"],
                "preSql": ["truncate t"], "connection": [{"table": ["t"], "jdbcUrl": "jdbc:postgresql://127.0.0.1:\(pg.port)/\(target)"}]}}}]}}
            """, to: "job.json")
        try pgSQL(
            "CREATE TABLE t (id int, a timestamp, b text, c timestamptz, d timestamptz, e text, z text DEFAULT current_setting('timezone'))"
        )
        for (zone, row) in [
            ("Asia/Shanghai", "2024-06-01 08:00:00|2024-06-01 08:00:00|2024-06-01 00:00:00+00|2024-06-01 00:00:00+00|+07:00|Asia/Shanghai"),
            ("UTC", "2024-06-01 00:00:00|2024-06-01 00:00:00|2024-06-01 00:00:00+00|2024-06-01 08:00:00+00|+07:00|UTC"),
        ] {
            let result = try user.run(["datax", job], with: ["TZ": zone])
            #expect(result.status == 0, "\(result.stdout)\(result.stderr)")
            #expect(try pgLines("SELECT a, b, c, d, e, z FROM t") == [row])
        }
    }
}
