import ApusTesting
import Foundation
import Testing

/// The options of copy and run, each by what it does to the target.
@Suite(.requires(.mariadb, .postgres)) struct OptionTests {
    let user: User
    init() throws { user = try User() }

    @Test(arguments: Kind.engines)
    func `where, columns, query, before and after do what they say`(_ kind: Kind) throws {
        let source = try Store(kind), target = try Store(kind)
        try source.fill(1000)
        expect(
            try user.apus(
                "copy", source.url(), target.url(), "--table", "orders", "--where", "id <= 10", "--columns",
                "id,name=upper(name),amount,src='erp'", "--to",
                "few", "--before", "CREATE TABLE log (what varchar(20))", "--before", "INSERT INTO log VALUES ('before')", "--after",
                "INSERT INTO log SELECT 'after' FROM few WHERE id = 10"), 0)
        #expect(try target.ask("SELECT count(*), min(name), max(src) FROM few") == [["10", "NAME 1", "erp"]])
        #expect(try target.ask("SELECT what FROM log ORDER BY what DESC") == [["before"], ["after"]])
        expect(
            try user.apus(
                "copy", source.url(), target.url(), "--query", "SELECT id, amount * 2 AS twice FROM orders WHERE id > 500", "--slice-by",
                "id", "--slices", "4",
                "--to", "doubled"), 0)
        #expect(try target.ask("SELECT count(*), min(id), max(id) FROM doubled") == [["500", "501", "1000"]])
        // Where the key may be NULL, rows without one are a fifth slice.
        let shown = try user.apus("show").stdout
        #expect(shown.contains(" 4/4 ") || shown.contains(" 5/5 "), "\(shown)")
        let broken = try user.apus("copy", source.url(), target.url(), "--to", "never", "--before", "INSERT INTO nowhere VALUES (1)")
        expect(broken, 1, "`before`", "nowhere")
        #expect(try !target.dump().contains("never"))
        expect(try user.apus("copy", source.url(), target.url(), "--exclude", "orders"), 78, "orders")
        try expectNothingLeft(target)
    }

    @Test func `a dry run shows the plan and changes nothing`() throws {
        let source = try Store(.sqlite), target = try Store(.postgres)
        try source.fill()
        let before = try target.dump()
        expect(try user.apus("copy", source.url(), target.url(), "--dry-run"), 0, "CREATE TABLE", "orders", "1 table")
        #expect(try target.changes(since: before) == [])
        expect(try user.apus("history"), 0, "no runs")
    }

    @Test func `a rate holds over all channels`() throws {
        let begin = Date()
        expect(
            try user.apus("copy", "generator:t?rows=20000", "null:", "--rows-per-second", "10000", "--channels", "4", "--slices", "8"), 0,
            "20,000")
        let seconds = -begin.timeIntervalSinceNow
        #expect(seconds >= 1.7 && seconds < 6)
        let second = Date()
        expect(
            try user.apus("copy", "generator:t?rows=20000", "null:", "--bytes-per-second", "1MiB", "--channels", "4", "--slices", "8"), 0)
        #expect(-second.timeIntervalSinceNow >= 1.5)
        expect(try user.apus("copy", "generator:t?rows=10", "null:", "--rows-per-second", "fast"), 78, "--rows-per-second")
    }

    @Test(arguments: Kind.servers)
    func `a snapshot gives all channels one state of the source`(_ kind: Kind) throws {
        let source = try Store(kind), target = try Store(.sqlite)
        try source.fill(20_000)
        let running = try user.start(
            "copy", source.url(), target.url(), "--snapshot", "--channels", "3", "--slices", "10", "--rows-per-second", "10000")
        try wait("the load to begin") { running.errorsSoFar.contains(": started") }
        try source.run("DELETE FROM orders WHERE id > 10000; UPDATE orders SET name = 'changed'; INSERT INTO orders VALUES (0, 'new', 0);")
        expect(running.wait(), 0)
        #expect(try target.rows() == Store.filled(20_000))
    }

    @Test(arguments: Kind.engines)
    func `a watermark takes only what is new, and only moves when all is in the target`(_ kind: Kind) throws {
        let source = try Store(kind), target = try Store(kind)
        try source.fill(100)
        let arguments = ["copy", source.url(), target.url(), "--table", "orders", "--watermark", "id"]
        expect(try user.run(arguments), 0, "100")
        expect(try user.run(arguments), 0)
        // The row of the largest value is read again.
        let again = try user.apus("show", "--output", "json")
        #expect(again.stdout.contains("\"rows\": 1"), "\(again.stdout)")
        try source.fill(50, from: 101)
        // The increment fails: nothing is remembered.
        expect(try user.run(arguments + ["--after", "SELECT nope FROM nowhere"]), 1)
        try source.fill(10, from: 151)
        expect(try user.run(arguments), 0)
        #expect(try target.rows() == Store.filled(160))
        try expectNothingLeft(target)
    }

    @Test func `standard input and output are files, and a reader that leaves ends the program quietly`() throws {
        let store = try Store(.sqlite)
        try store.fill(1000)
        let out = try user.apus("copy", store.url(), "csv:-", "--table", "orders", "--columns", "id,name")
        expect(out, 0)
        #expect(out.stdout.split(separator: "\n").count == 1001 && out.stdout.hasPrefix("id,name\n1,name 1\n"))
        let again = try Store(.sqlite)
        expect(try user.apus("copy", "csv:-", again.url(), "--to", "orders", input: out.stdout), 0)
        #expect(try again.ask("SELECT count(*), sum(id), max(name) FROM orders") == [["1000", "500500", "name 999"]])
        let lines = try user.apus("copy", "json:-", again.url(), "--to", "lines", input: "{\"a\":1}\n{\"a\":2}\n")
        expect(lines, 0)
        #expect(try again.ask("SELECT a FROM lines ORDER BY a") == [["1"], ["2"]])
        let piped = try user.shell(
            "apus copy \(store.url()) csv:- --table orders -q | apus copy csv:- sqlite:piped.db --to orders -q > /dev/null; sqlite3 piped.db 'SELECT count(*) FROM orders'"
        )
        #expect(piped.status == 0 && piped.stdout == "1000\n", "\(piped.stderr)")
        let broken = try user.shell("apus copy 'generator:t?rows=300000' csv:- -q | head -n 2; echo ${PIPESTATUS[0]}")
        #expect(broken.stdout.split(separator: "\n").count == 3, "\(broken.stdout)\(broken.stderr)")
        #expect(!broken.stderr.contains("Fatal") && !broken.stderr.contains("internal"), "\(broken.stderr)")
        let help = try user.shell("apus copy --help | head -n 1; apus history | head -n 0")
        #expect(help.status == 0 || help.status == 141, "\(help.stderr)")
        // The rows are not mixed with the closing table.
        let json = try user.apus("copy", store.url(), "json:-", "--table", "orders", "--where", "id < 3")
        #expect(try json.stdout.split(separator: "\n").map { try JSONSerialization.jsonObject(with: Data($0.utf8)) }.count == 2)
    }

    @Test func `output files and summaries are for their owner alone`() throws {
        let target = try Store(.csv)
        expect(try user.apus("copy", "generator:t?rows=10", target.url(), "--to", "t", "--summary-file", user.home.file("s.json")), 0)
        expect(
            try user.apus("copy", "generator:t?rows=10", "null:", "--summary-file", "/no/such/folder/s.json"), 78, "/no/such/folder/s.json",
            "--summary-file")
        #expect(mode(of: user.home.file("s.json")) == 0o600)
        #expect(mode(of: user.home.file("state/apus/ledger.db")) == 0o600)
        #expect(mode(of: user.home.file("state/apus")) == 0o700)
    }
}
