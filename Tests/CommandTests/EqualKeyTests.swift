import ApusTesting
import Foundation
import Testing

/// Keys and names that the target takes for one when they are not the same.
@Suite(.requires(.mariadb, .postgres)) struct EqualKeyTests {
    let user: User
    init() throws { user = try User() }

    private func upsert(_ source: Store, _ target: Store, _ options: String = "", key: String = "k", bad: Int = 100) throws -> CommandResult
    {
        try user.apus(
            "copy", source.url(), target.url() + options, "--table", "t", "--mode", "upsert", "--key", key, "--bad-rows", "\(bad)")
    }

    /// Of keys that are equal in the target, the first arrives; a row of an earlier run is changed by its own key only.
    private func check(
        _ target: Store, _ options: String, _ keys: [String], arrive: [String], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let values = keys.enumerated().map { "('\($1)', \($0))" }.joined(separator: ", ")
        let source = try Store(.sqlite, "CREATE TABLE t (k text, v int); INSERT INTO t VALUES \(values)")
        let first = try upsert(source, target, options)
        expect(first, 0, sourceLocation: sourceLocation)
        let order = target.kind == .postgres ? "SELECT k::text, v FROM t ORDER BY v" : "SELECT k, v FROM t ORDER BY v"
        let wanted = arrive.map { [$0, "\(keys.firstIndex(of: $0)!)"] }
        #expect(try target.ask(order) == wanted, sourceLocation: sourceLocation)
        let rejected = try user.apus("show", user.latestRun(), "--rejected").stdout
        #expect(
            rejected.split(separator: "\n").filter { $0.contains("is not the same") }.count == keys.count - arrive.count, "\(rejected)",
            sourceLocation: sourceLocation)
        // Again, with other values: the normal case.
        try source.run("UPDATE t SET v = v + 100; DELETE FROM t WHERE k NOT IN (\(arrive.map { "'\($0)'" }.joined(separator: ", ")))")
        expect(try upsert(source, target, options, bad: 0), 0, sourceLocation: sourceLocation)
        #expect(try target.ask(order) == wanted.map { [$0[0], "\(Int($0[1])! + 100)"] }, sourceLocation: sourceLocation)
        // A row whose key is spelled differently from the one that is there.
        try source.run("DELETE FROM t; INSERT INTO t VALUES ('\(keys.first { !arrive.contains($0) }!)', 7)")
        expect(try upsert(source, target, options, bad: 0), 1, sourceLocation: sourceLocation)
        #expect(try target.ask(order).count == wanted.count, sourceLocation: sourceLocation)
    }

    @Test(arguments: ["infile", "insert"])
    func `MySQL's collations merge no keys`(_ way: String) throws {
        let target = try Store(.mariadb, "CREATE TABLE t (k varchar(20) COLLATE utf8mb4_general_ci PRIMARY KEY, v int)")
        try check(target, "?load=\(way)", ["a", "A", "á", "a ", "b", "c"], arrive: ["a", "b", "c"])
    }

    @Test func `a key of two columns with a binary collation keeps every row`() throws {
        let target = try Store(.mariadb, "CREATE TABLE t (k varchar(20) COLLATE utf8mb4_bin, v int, PRIMARY KEY (k, v))")
        let source = try Store(.sqlite, "CREATE TABLE t (k text, v int); INSERT INTO t VALUES ('a', 1), ('A', 1), ('a', 2), ('á', 1)")
        for _ in 1...2 { expect(try upsert(source, target, key: "k,v", bad: 0), 0) }
        #expect(try target.ask("SELECT COUNT(*) FROM t") == [["4"]])
    }

    @Test func `another unique key of MySQL changes no row of another key`() throws {
        let target = try Store(
            .mariadb, "CREATE TABLE t (k int PRIMARY KEY, u int UNIQUE, v int); INSERT INTO t VALUES (9, 1, 90), (2, 2, 20)")
        let source = try Store(.sqlite, "CREATE TABLE t (k int, u int, v int); INSERT INTO t VALUES (1, 1, 10), (2, 2, 21), (3, 3, 30)")
        expect(try upsert(source, target), 0)
        #expect(try target.ask("SELECT k, u, v FROM t ORDER BY k") == [["2", "2", "21"], ["3", "3", "30"], ["9", "1", "90"]])
    }

    @Test func `PostgreSQL's citext merges no keys`() throws {
        let target = try Store(.postgres, "CREATE EXTENSION IF NOT EXISTS citext; CREATE TABLE t (k citext PRIMARY KEY, v int)")
        try check(target, "", ["a", "A", "b", "a ", "á"], arrive: ["a", "b", "a ", "á"])
    }

    @Test func `PostgreSQL's collations that are not deterministic merge no keys`() throws {
        let target = try Store(
            .postgres,
            "CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level1', deterministic = false); CREATE TABLE t (k text COLLATE ci PRIMARY KEY, v int)"
        )
        try check(target, "", ["a", "A", "b", "á"], arrive: ["a", "b"])
    }

    @Test(arguments: ["NOCASE", "RTRIM"])
    func `SQLite's collations merge no keys`(_ collation: String) throws {
        let target = try Store(.sqlite, "CREATE TABLE t (k text COLLATE \(collation) PRIMARY KEY, v int)")
        try check(target, "", ["a", "A", "a ", "b"], arrive: collation == "NOCASE" ? ["a", "a ", "b"] : ["a", "A", "b"])
    }

    @Test(arguments: ["REPLACE", "IGNORE", "ROLLBACK"])
    func `a conflict rule of an SQLite table puts no row in another's place`(_ rule: String) throws {
        let target = try Store(
            .sqlite,
            "CREATE TABLE t (k text UNIQUE ON CONFLICT \(rule), v int NOT NULL ON CONFLICT \(rule) DEFAULT 5); INSERT INTO t VALUES ('a', 1)"
        )
        let source = try Store(.sqlite, "CREATE TABLE t (k text, v int); INSERT INTO t VALUES ('a', 2), ('b', 3), ('c', NULL)")
        expect(try user.apus("copy", source.url(), target.url(), "--mode", "append", "--bad-rows", "2"), 0)
        #expect(try target.ask("SELECT k, v FROM t ORDER BY k") == [["a", "1"], ["b", "3"]])
    }

    @Test(arguments: Kind.engines)
    func `rows with a NULL in the key are rejected, so that no run adds them again`(_ kind: Kind) throws {
        let target = try Store(kind, "CREATE TABLE t (a int, b int, v int, UNIQUE (a, b))")
        let source = try Store(
            .sqlite, "CREATE TABLE t (a int, b int, v int); INSERT INTO t VALUES (1, 1, 1), (2, NULL, 2), (NULL, NULL, 3)")
        for _ in 1...2 { expect(try upsert(source, target, key: "a,b"), 0) }
        #expect(try target.ask("SELECT a, b, v FROM t") == [["1", "1", "1"]])
        #expect(try user.apus("show", user.latestRun(), "--rejected").stdout.contains("NULL in the key column `b`"))
    }

    @Test func `PostgreSQL passes no NULL keys undecoded, and keeps those that its index can find`() throws {
        let source = try Store(.postgres, "CREATE TABLE t (k int, v int); INSERT INTO t VALUES (1, 1), (NULL, 2)")
        let target = try Store(.postgres, "CREATE TABLE t (k int UNIQUE, v int)")
        for _ in 1...2 { expect(try upsert(source, target), 0) }
        #expect(try target.ask("SELECT k, v FROM t") == [["1", "1"]])
        let other = try Store(.postgres, "CREATE TABLE t (k int, v int, UNIQUE NULLS NOT DISTINCT (k))")
        for _ in 1...2 { expect(try upsert(source, other, bad: 0), 0) }
        #expect(try other.ask("SELECT v FROM t ORDER BY v") == [["1"], ["2"]])
    }

    @Test(arguments: ["replace", "append", "upsert"])
    func `tables that SQLite takes for one are refused by the plan, with their names`(_ mode: String) throws {
        let source = try Store(
            .postgres,
            "CREATE TABLE cc (id int PRIMARY KEY); INSERT INTO cc VALUES (1); CREATE TABLE \"CC\" (id int PRIMARY KEY); INSERT INTO \"CC\" VALUES (5)"
        )
        let target = try Store(.sqlite)
        expect(try user.apus("copy", source.url(), target.url(), "--mode", mode), 78, "CC", "cc", "one table")
        #expect(try target.dump().contains("cc") == false)
        let same = try user.home.write(
            "from: \(source.url())\nto: \(target.url())\ntables:\n  cc: { mode: \(mode), to: x }\n  CC: { mode: \(mode), to: X }\n",
            to: "same.yaml")
        expect(try user.apus("run", same), 78, "one table")
        let apart = try user.home.write(
            "from: \(source.url())\nto: \(target.url())\ntables:\n  cc: { mode: \(mode) }\n  CC: { mode: \(mode), to: cc2 }\n",
            to: "apart.yaml")
        expect(try user.apus("run", apart), 0)
        #expect(try target.ask("SELECT (SELECT max(id) FROM cc), (SELECT max(id) FROM cc2)") == [["1", "5"]])
    }

    @Test(arguments: [Kind.mariadb, .sqlite])
    func `columns that the target takes for one are refused by the plan, with their names`(_ kind: Kind) throws {
        let source = try Store(.postgres, "CREATE TABLE t (id int PRIMARY KEY, \"Id\" int, \"É\" text, \"é\" text)")
        let target = try Store(kind)
        expect(try user.apus("copy", source.url(), target.url(), "--table", "t"), 78, "`id` and `Id` are one column")
        #expect(try target.dump().contains("CREATE TABLE") == false)
        let there = try Store(kind, "CREATE TABLE t (id int PRIMARY KEY, \"É\" text)")
        expect(try user.apus("copy", source.url(), there.url(), "--table", "t", "--mode", "append"), 78, "two columns go to `id`")
    }

    @Test func `one table under two spellings of its schema is one target`() throws {
        let source = try Store(.postgres, "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)")
        let target = try Store(.postgres)
        let flow = try user.home.write(
            "from: \(source.url())\nto: \(target.url())\ntables:\n  a: { to: x }\n  b: { to: public.x }\n", to: "two.yaml")
        expect(try user.apus("run", flow), 78, "one would erase the other")
    }
}
