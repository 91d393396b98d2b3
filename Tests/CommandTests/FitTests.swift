import ApusTesting
import Foundation
import Testing

/// Rows that do not fit the target.
@Suite(.requires(.mariadb, .postgres)) struct FitTests {
    let user: User
    init() throws { user = try User() }

    /// A target whose name holds 6 characters and whose amount holds less than 1000.
    private static func narrow(_ kind: Kind) throws -> Store {
        try Store(
            kind,
            "CREATE TABLE orders (id int NOT NULL PRIMARY KEY, name varchar(6) CHECK (length(name) <= 6), amount decimal(5,2)); INSERT INTO orders VALUES (-1, 'old', 1);"
        )
    }

    @Test func `of two columns that count by themselves, MySQL gets the one of the key, and plan says so`() throws {
        let source = try Store(
            .postgres,
            """
            CREATE TABLE t (no serial, id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);
            INSERT INTO t (name) VALUES ('a'), ('b')
            """)
        let target = try Store(.mariadb)
        expect(try user.apus("copy", source.url(), target.url(), "--dry-run"), 0, "no: it no longer counts by itself")
        expect(try user.apus("copy", source.url(), target.url()), 0)
        #expect(try target.ask("SELECT no, id, name FROM t ORDER BY id") == [["1", "1", "a"], ["2", "2", "b"]])
        try target.run("INSERT INTO t (no, name) VALUES (7, 'c')")
        #expect(try target.ask("SELECT id FROM t WHERE no = 7") == [["3"]])
    }

    @Test(arguments: Kind.servers)
    func `a narrower target is reported by plan, refused when strict, and its bad rows are told apart`(_ kind: Kind) throws {
        let source = try Store(.sqlite), target = try Self.narrow(kind)
        try source.fill(12)
        try source.run("INSERT INTO orders VALUES (5000000000, 'a', 1), (13, 'b', 5000), (14, 'name 99', 1)")
        let before = try target.dump()
        let flow = try user.home.write(
            "from: \(source.url())\nto: \(target.url())\ntables: { orders: { mode: append } }\n", to: "flow.yaml")
        let plan = try user.apus("plan", flow)
        expect(plan, 0, "warning   id:", "warning   name:", "warning   amount:", "are rejected")
        expect(try user.apus("copy", source.url(), target.url(), "--mode", "append", "--strict"), 78, "orders.id", "nothing has been moved")
        // No bad row is allowed: the run fails and the table is as it was.
        let failed = try user.apus("copy", source.url(), target.url(), "--mode", "append", "--slices", "1")
        expect(failed, 1, "orders", "rejected, the limit is 0", "--bad-rows")
        #expect(try target.ask("SELECT id FROM orders") == [["-1"]])
        // What a load needed to be exact is taken away again when it cannot be resumed.
        expect(try user.apus("resume", "--discard"), 0)
        #expect(try target.changes(since: before) == [])

        let summary = user.home.file("summary.json")
        let loaded = try user.apus("copy", source.url(), target.url(), "--mode", "append", "--bad-rows", "10", "--summary-file", summary)
        expect(loaded, 0, "9", "apus show")
        #expect(try target.rows() == ["-1|old|1.0"] + Store.filled(9))
        #expect(try user.home.read("summary.json").contains("\"rejected\": 6"))
        #expect(mode(of: summary) == 0o600)
        let rejected = try user.apus("show", "--rejected")
        #expect(rejected.stdout.split(separator: "\n").count == 6)
        expect(rejected, 0, "5000000000", "name 99", "name 12", "\"reason\"")
        try expectNothingLeft(target)

        // The owner widens the table: what was kept goes in.
        switch kind {
        case .mariadb: try target.run("ALTER TABLE orders MODIFY id bigint, MODIFY name varchar(20), MODIFY amount decimal(12,2)")
        default:
            try target.run(
                "ALTER TABLE orders DROP CONSTRAINT orders_name_check; ALTER TABLE orders ALTER id TYPE bigint, ALTER name TYPE varchar(20), ALTER amount TYPE decimal(12,2)"
            )
        }
        // The password stood on the command line of a run that is done: it was not kept.
        let run = try user.latestRun()
        expect(try user.apus("retry-rejected", run), 78, "password", "--to")
        expect(try user.apus("retry-rejected", run, "--to", source.url()), 78, "was made for")
        expect(try user.apus("retry-rejected", run, "--to", try Store(kind).url()), 78, "--to names")
        expect(try user.apus("retry-rejected", run, "--to", target.url()), 0)
        #expect(try user.apus("show", run, "--rejected").stdout == "")
        #expect(try target.ask("SELECT count(*), max(id) FROM orders") == [["16", "5000000000"]])
        try expectNothingLeft(target)
    }

    @Test(arguments: Kind.engines)
    func `a key that is there already is rejected by append, row by row`(_ kind: Kind) throws {
        let source = try Store(.sqlite), target = try Store(kind)
        try source.fill(10)
        try target.fill(3, from: 4)
        let before = try target.dump()
        expect(try user.apus("copy", source.url(), target.url(), "--mode", "append"), 1, "orders", "rejected, the limit is 0")
        expect(try user.apus("resume", "--discard"), 0)
        #expect(try target.changes(since: before) == [])
        expect(try user.apus("copy", source.url(), target.url(), "--mode", "append", "--bad-rows", "unlimited"), 0, "3")
        #expect(try target.rows() == Store.filled(10))
        let rejected = try user.apus("show", "--rejected").stdout
        #expect(rejected.split(separator: "\n").count == 3 && rejected.contains("name 4") && rejected.contains("name 6"))
        try expectNothingLeft(target)
        // The log names no values.
        let log = try user.apus("copy", source.url(), target.url(), "--mode", "append", "--bad-rows", "5", "--log", "json")
        #expect(log.status == 1 && !log.stderr.contains("name 1"), "\(log.stderr)")
    }

    @Test func `a file with a ragged line, a broken escape or foreign octets names the line`() throws {
        let target = try Store(.sqlite)
        try target.fill(1)
        let before = try target.dump()
        let ragged = try user.home.write("id,name,amount\n1,a,1\n2,b\n3,c,3\n", to: "orders.csv")
        expect(try user.apus("copy", "csv:\(ragged)", target.url()), 1, "orders", "1 row was rejected")
        #expect(try user.apus("show", "--rejected").stdout.contains("2,b"))
        #expect(try target.changes(since: before) == [])
        expect(try user.apus("copy", "csv:\(ragged)", target.url(), "--bad-rows", "1"), 0)
        #expect(try target.ask("SELECT id FROM orders ORDER BY id") == [["1"], ["3"]])

        let octets = user.home.file("octets.csv")
        try Data([UInt8]("id,name\n1,a\n2,".utf8) + [0xFF, 0xFE] + [UInt8]("\n3,c\n".utf8)).write(to: URL(fileURLWithPath: octets))
        let foreign = try user.apus("copy", "csv:\(octets)", target.url(), "--to", "octets")
        #expect(foreign.status == 1)
        expect(foreign, 1, "octets", "line 3", "encoding")
        expect(try user.apus("copy", "csv:\(octets)", target.url(), "--to", "octets", "--bad-rows", "1"), 0)
        #expect(try target.ask("SELECT id FROM octets ORDER BY id") == [["1"], ["3"]])
        let open = try user.home.write("id,name\n1,\"never closed\n2,b\n", to: "open.csv")
        let quote = try user.apus("copy", "csv:\(open)", target.url(), "--to", "open")
        #expect(quote.status == 1, "\(quote.stderr)")
        try expectNothingLeft(target)
    }

    @Test func `a gzip file that breaks off fails the run and leaves the target as it was`() throws {
        let target = try Store(.sqlite)
        try target.fill(1)
        let before = try target.dump()
        let source = try Store(.csv)
        try source.fill(50_000)
        let made = try user.shell(
            "gzip -c \(source.folder.file("orders.csv")) | head -c 100000 > orders.csv.gz; gzip -c \(source.folder.file("orders.csv")) > whole.csv.gz"
        )
        #expect(made.status == 0 || made.status == 141)
        let result = try user.apus("copy", "csv:" + user.home.file("orders.csv.gz"), target.url(), "--table", "orders")
        expect(result, 1, "orders.csv.gz", "gzip", "input.malformed")
        #expect(try target.changes(since: before) == [])
        expect(try user.apus("copy", "csv:" + user.home.file("whole.csv.gz"), target.url(), "--to", "orders"), 0)
        #expect(try target.rows() == Store.filled(50_000))
    }
}
