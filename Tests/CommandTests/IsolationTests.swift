import ApusTesting
import Foundation
import Testing

/// One bad table is one bad table: the others of the flow are loaded.
@Suite(.requires(.mariadb, .postgres)) struct IsolationTests {
    let user: User
    init() throws { user = try User() }

    /// `a`, `b` and `c`, two rows each.
    private static let three = ["a", "b", "c"].map { table in
        """
        CREATE TABLE \(table) (id int NOT NULL PRIMARY KEY, name varchar(20), day varchar(20));
        INSERT INTO \(table) VALUES (1, '\(table) one', '2026-01-02'), (2, '\(table) two', 'no day');
        """
    }.joined(separator: "\n")

    private func rows(_ table: String, _ store: Store) throws -> [String] {
        try store.ask("SELECT id, name FROM \(table) ORDER BY id").map { $0.joined(separator: "|") }
    }

    /// `a` and `c` are there with their values.
    private func expectGood(_ store: Store, sourceLocation: SourceLocation = #_sourceLocation) throws {
        for table in ["a", "c"] {
            #expect(try rows(table, store) == ["1|\(table) one", "2|\(table) two"], sourceLocation: sourceLocation)
        }
    }

    /// What the ledger says of the run's tables: `a done`, with the reason of those that failed.
    private func states(_ run: String? = nil) throws -> [String] {
        let shown = try user.apus("show", try run ?? user.latestRun(), "--output", "json")
        let whole = try JSONSerialization.jsonObject(with: Data(shown.stdout.utf8)) as? [String: Any]
        let tables = whole?["tables"] as? [[String: Any]] ?? []
        return tables.map { "\($0["name"] ?? $0["table"] ?? "?") \($0["status"] ?? $0["state"] ?? "?")".replacing("public.", with: "") }
            .sorted()
    }

    @Test(arguments: Kind.engines)
    func `a table that is not there fails alone, and resume loads it once it is`(_ kind: Kind) throws {
        let source = try Store(kind, Self.three), target = try Store(kind, "CREATE TABLE said (what varchar(20))")
        try source.run("DROP TABLE b")
        let copy = ["copy", source.url(), target.url(), "--table", "a,b,c"]
        let say = ["--before", "INSERT INTO said VALUES ('before')", "--after", "INSERT INTO said VALUES ('after')"]
        let dry = try user.run(copy + ["--dry-run"])
        expect(dry, 78, "b: table `b` is not in the source", "not planned")
        let result = try user.run(copy + say + ["--log", "json"])
        expect(result, 1, "1 of 3 tables cannot be loaded", "failed: b", "object.not_found", "apus resume ")
        #expect(result.stderr.contains(#""code":"object.not_found""#), "\(result.stderr)")
        try expectGood(target)
        #expect(try states() == ["a done", "b failed", "c done"])
        #expect(try target.ask("SELECT what FROM said").map { $0[0] } == ["before"])
        // Once more in vain.
        expect(try user.apus("resume"), 1, "failed: b", "object.not_found")
        try source.run("CREATE TABLE b (id int NOT NULL PRIMARY KEY, name varchar(20)); INSERT INTO b VALUES (7, 'late')")
        expect(try user.apus("resume"), 0, "planned again: b")
        try expectGood(target)
        #expect(try rows("b", target) == ["7|late"])
        #expect(try states() == ["a done", "b done", "c done"])
        #expect(try target.ask("SELECT what FROM said ORDER BY what DESC").map { $0[0] } == ["before", "after"])
        try expectNothingLeft(target)
    }

    @Test(arguments: Kind.servers)
    func `faults of several tables are told at once, and a plan file runs the good ones`(_ kind: Kind) throws {
        let source = try Store(kind, Self.three), target = try Store(kind)
        try target.run("CREATE TABLE a (id int PRIMARY KEY, name date, day varchar(20))")
        try source.run("ALTER TABLE a DROP COLUMN name; ALTER TABLE a ADD name \(kind == .mariadb ? "blob" : "bytea"); DROP TABLE c")
        let flow = try user.home.write(
            "from: ${SOURCE}\nto: ${TARGET}\ntables: { a: {}, b: { before: ['CREATE TABLE made (i int)'] }, c: {} }\n",
            to: "flow.yaml")
        let file = user.home.file("plan.json"), ends = ["SOURCE": source.url(), "TARGET": target.url()]
        let plan = try user.apus("plan", flow, "-o", file, with: ends)
        expect(plan, 78, "2 faults in the plan", "a.name: ", "c: ", "table `c` is not in the source")
        expect(try user.apus("run", "--plan", file, with: ends), 1, "failed: \(kind.prefix)a", "failed: c")
        #expect(try target.ask("SELECT count(*) FROM made") == [["0"]])
        #expect(try rows("b", target) == ["1|b one", "2|b two"])
        // Nothing can be loaded: nothing is begun.
        try source.run("DROP TABLE b")
        try source.run("CREATE TABLE other (i int)")
        let none = try user.run(["copy", source.url(), target.url(), "--table", "a,c"])
        expect(none, 78, "2 faults in the plan", "moved")
    }

    @Test(arguments: Kind.servers)
    func `a table that the user may not read fails alone`(_ kind: Kind) throws {
        let source = try Store(kind, Self.three), target = try Store(.sqlite)
        let name = "reader_\(source.database)"
        try source.run(
            kind == .mariadb
                ? "CREATE USER \(name) IDENTIFIED BY 'pw'; GRANT SELECT ON a TO \(name); GRANT SELECT ON c TO \(name); GRANT SELECT (id) ON b TO \(name)"
                : "CREATE ROLE \(name) LOGIN PASSWORD 'pw'; GRANT SELECT ON a, c TO \(name)")
        let copy = ["copy", source.url(user: name, "pw"), target.url(), "--table", "a,b,c", "--attempts", "1"]
        expect(try user.run(copy), 1, "failed: \(kind.prefix)b", "object.permission")
        try expectGood(target)
        #expect(try states() == ["a done", "b failed", "c done"])
        try source.run(kind == .mariadb ? "GRANT SELECT ON b TO \(name)" : "GRANT SELECT ON b TO \(name)")
        expect(try user.apus("resume"), 0)
        #expect(try rows("b", target) == ["1|b one", "2|b two"])
    }

    @Test(arguments: Kind.servers)
    func `a table that another run is loading fails alone`(_ kind: Kind) throws {
        let slow = try Store(.sqlite), source = try Store(kind, Self.three), target = try Store(kind)
        try slow.fill(20_000)
        let first = try user.start("copy", slow.url(), target.url(), "--to", "b", "--rows-per-second", "2000", "--slices", "10", "-v")
        try wait("the first run to load") { first.errorsSoFar.contains("started") }
        let other = try User()
        expect(try other.apus("copy", source.url(), target.url(), "--table", "a,b,c"), 1, "failed: \(kind.prefix)b", "target.locked")
        try expectGood(target)
        first.signal(SIGTERM)
        _ = first.wait()
        expect(try other.apus("resume"), 0)
        #expect(try rows("b", target) == ["1|b one", "2|b two"])
    }

    @Test func `a view that is broken and a type that does not fit fail alone`() throws {
        let source = try Store(.mariadb, Self.three), target = try Store(.postgres, "CREATE TABLE b (id int PRIMARY KEY, name date)")
        try source.run(
            "CREATE TABLE gone (i int); CREATE VIEW v AS SELECT i FROM gone; DROP TABLE gone; ALTER TABLE b DROP COLUMN name, DROP COLUMN day, ADD name blob"
        )
        let result = try user.apus("copy", source.url(), target.url(), "--table", "a,b,c,v")
        expect(result, 1, "2 of 4 tables cannot be loaded", "failed: b", "failed: v")
        try expectGood(target)
        #expect(try states() == ["a done", "b failed", "c done", "v failed"])
        // Not touched.
        #expect(try target.ask("SELECT count(*) FROM b") == [["0"]])
    }

    @Test(arguments: Kind.servers)
    func `a table whose foreign keys refer to a bad one fails with it and keeps its rows`(_ kind: Kind) throws {
        let parent = "CREATE TABLE parent (id int NOT NULL PRIMARY KEY, name varchar(20))"
        let child = "CREATE TABLE child (id int NOT NULL PRIMARY KEY, p int, FOREIGN KEY (p) REFERENCES parent (id))"
        let source = try Store(kind, "\(parent); \(child); INSERT INTO parent VALUES (1, 'one'); INSERT INTO child VALUES (10, 1);")
        try source.run("CREATE TABLE free (id int NOT NULL PRIMARY KEY); INSERT INTO free VALUES (5)")
        let target = try Store(kind, "\(parent); \(child); INSERT INTO parent VALUES (9, 'old'); INSERT INTO child VALUES (90, 9);")
        try source.run(
            kind == .mariadb
                ? "SET foreign_key_checks = 0; DROP TABLE parent; SET foreign_key_checks = 1" : "DROP TABLE parent CASCADE")
        for mode in ["upsert", "truncate"] {
            let result = try user.apus("copy", source.url(), target.url(), "--table", "parent,child,free", "--mode", mode, "--key", "id")
            expect(result, 1, "failed: parent", "failed: \(kind.prefix)child", "target.referenced")
            #expect(try target.ask("SELECT id, p FROM child") == [["90", "9"]])
            #expect(try target.ask("SELECT id, name FROM parent") == [["9", "old"]])
            #expect(try target.ask("SELECT id FROM free") == [["5"]])
        }
    }

    @Test(arguments: Kind.servers)
    func `the next night loads what the bad table has missed, from its own watermark`(_ kind: Kind) throws {
        let source = try Store(kind, Self.three), target = try Store(kind)
        let flow = try user.home.write(
            "from: \(source.url())\nto: \(target.url())\ndefaults: { watermark: id, mode: append }\ntables: { a: {}, b: {}, c: {} }\n",
            to: "nightly.yaml")
        expect(try user.apus("run", flow), 0)
        for table in ["a", "b", "c"] { try source.run("INSERT INTO \(table) VALUES (3, 'second', '')") }
        try source.run("ALTER TABLE b RENAME TO elsewhere")
        expect(try user.apus("run", flow), 1, "failed: b")
        for table in ["a", "c"] { #expect(try rows(table, target) == ["1|\(table) one", "2|\(table) two", "3|second"]) }
        #expect(try rows("b", target) == ["1|b one", "2|b two"])
        try source.run("ALTER TABLE elsewhere RENAME TO b")
        for table in ["a", "b", "c"] { try source.run("INSERT INTO \(table) VALUES (4, 'third', '')") }
        expect(try user.apus("run", flow), 0)
        #expect(try rows("b", target) == ["1|b one", "2|b two", "3|second", "4|third"])
        #expect(try rows("a", target) == ["1|a one", "2|a two", "3|second", "4|third"])
    }

    @Test func `an interrupted append keeps new rows from its own table only`() throws {
        let source = try Store(.sqlite), target = try Store(.postgres)
        try source.fill(20_000, table: "b")
        for table in ["a", "c"] { try source.fill(table: table) }
        let first = try user.start(
            "copy", source.url(), target.url(), "--table", "b", "--mode", "append", "--slices", "20", "--rows-per-second", "4000",
            "--channels", "1")
        try wait("some slices") { (try? target.ask("SELECT count(*) > 2000 FROM b")) == [["t"]] }
        first.signal(SIGTERM)
        _ = first.wait()
        let id = try user.latestRun()
        let copy = ["copy", source.url(), target.url(), "--table", "a,b,c", "--mode", "append"]
        expect(try user.run(copy), 1, "failed: b", "target.interrupted", "apus resume \(id)")
        for table in ["a", "c"] { #expect(try target.rows(table) == Store.filled()) }
        expect(try user.apus("resume", id), 0)
        #expect(try target.rows("b") == Store.filled(20_000))
    }

    @Test func `a DataX job of several tables loads the good ones, says which failed and ends with 1`() throws {
        let source = try Store(.mariadb, Self.three), target = try Store(.postgres), desk = try DataXDesk()
        for table in ["a", "c"] { try target.run("CREATE TABLE \(table) (id int PRIMARY KEY, name varchar(20), day varchar(20))") }
        let job = DataXDesk.job(source.reader("a", "b", "c"), target.writer(#"a", "b", "c"#))
        let result = try desk.run(job)
        expect(result, 1, "1 of 3 tables cannot be loaded", "the target has no table b")
        #expect(result.stdout.contains("the target has no table b"), "\(result.stdout)")
        try expectGood(target)
        try expectNothingLeft(target)
        try target.run("DROP TABLE a; DROP TABLE c")
        expect(try desk.run(job), 1, "3 faults in the plan")
    }

    @Test func `what concerns every table still ends the run at once`() throws {
        let source = try Store(.mariadb, Self.three), target = try Store(.postgres)
        let copy = ["--table", "a,b,c"]
        expect(try user.run(["copy", source.url(user: "nobody", "no"), target.url()] + copy), 78, "nobody")
        expect(try user.run(["copy", source.url(port: 1), target.url()] + copy), 75, "127.0.0.1:1")
        expect(try user.run(["copy", source.url(), target.url()] + copy + ["--before", "SELEC nothing"]), 78, "`before` statement")
        #expect(try target.ask("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'") == [["0"]])
    }

    @Test func `verify names the table that was not loaded, and does not take an unknown column for an exception`() throws {
        let source = try Store(.sqlite, Self.three), target = try Store(.sqlite)
        expect(try user.apus("copy", source.url(), target.url(), "--table", "a,c"), 0)
        let run = try user.latestRun()
        expect(try user.apus("verify", run, "--except", "nmae"), 78, "--except names `nmae`", "Did you mean `name`?")
        expect(try user.apus("verify", run, "--except", "name"), 0)
        try source.run("DROP TABLE b")
        expect(try user.apus("copy", source.url(), target.url(), "--table", "a,b,c"), 1)
        let id = try user.latestRun()
        expect(try user.apus("verify", id), 1, "b: could not be planned")
        expect(try user.apus("verify", id, "--values-only"), 1, "2 of 3 tables equal", "was not loaded")
    }
}

/// The same on StarRocks' double.
@Suite(.requires(.starrocks)) struct WarehouseIsolationTests {
    private static func table(_ name: String, _ columns: String = "v varchar(20)") -> String {
        "CREATE TABLE \(name) (id bigint NOT NULL, \(columns)) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES (\"replication_num\" = \"1\");"
    }

    @Test func `a memory limit in one table and a type that cannot be moved in another leave the rest to be loaded`() throws {
        let double = try StarRocksDouble.shared(), user = try User(), target = try Store(.sqlite)
        let database = try double.makeDatabase()
        let own = "limited_\(database)"
        try double.execute(
            [Self.table("a"), Self.table(own), Self.table("c")].joined()
                + "CREATE TABLE seen (id bigint NOT NULL, h hll hll_union) AGGREGATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES (\"replication_num\" = \"1\");"
                + ["a", own, "c"].map { "INSERT INTO \($0) VALUES (1, '\($0.prefix(1)) one'), (2, '二');" }.joined(),
            database: database)
        let copy = try ["copy", double.url(database: database), target.url()]
        let full = try user.run(copy + ["--dry-run"])
        expect(full, 78, "seen.h: values of type HLL", "leave the column out with `exclude`")
        // Nothing can be said of the table at all.
        try double.fault(
            "sql_error",
            [
                "table": .text(own), "times": -1, "code": 1064,
                "message": "Memory of query_pool exceed limit. Used: 1, Limit: 1. Mem usage has exceed the limit of BE",
            ])
        defer { try? double.clearFaults() }
        let dry = try user.run(copy + ["--dry-run"])
        expect(dry, 78, "2 faults in the plan", "seen.h: ", "\(own): ", "Memory of query_pool exceed limit")
        let result = try user.run(copy)
        expect(result, 1, "2 of 4 tables cannot be loaded", "failed: seen", "failed: \(own)")
        #expect(try target.ask("SELECT * FROM a ORDER BY id") == [["1", "a one"], ["2", "二"]])
        #expect(try target.ask("SELECT * FROM c ORDER BY id") == [["1", "c one"], ["2", "二"]])
        try double.clearFaults()
        expect(try user.apus("resume"), 1, "failed: seen")
        #expect(try target.ask("SELECT * FROM \(own) ORDER BY id") == [["1", "l one"], ["2", "二"]])
        #expect(try double.violations().isEmpty)
    }
}

extension Kind {
    /// What stands before a table's name.
    fileprivate var prefix: String { self == .postgres ? "public." : "" }
}
