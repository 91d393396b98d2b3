import ApusCore
import ApusEngine
import ApusTesting
import Testing

/// Rows that the target refuses in the middle of a bulk load are found, kept and can be loaded again.
@Suite struct BadRowTests {
    static let count = 5000

    /// Rows 1, 2500, 2501 and 5000 break a rule of the target each.
    private static func pipeline(_ pair: Pair, _ mode: LoadMode, old: Bool = false) throws -> (Place, Place, Pipeline) {
        let source = try ModeTests.orders(pair.from, count: count), target = try Place(pair.to)
        try source.run(
            "UPDATE orders SET note = '4711' WHERE id = 1; UPDATE orders SET note = '4711' WHERE id = 2501; UPDATE orders SET name = 'bad' WHERE id IN (2500, 5000);"
        )
        try target.run(
            "CREATE TABLE orders (id bigint NOT NULL PRIMARY KEY, name varchar(40) NOT NULL, note \(pair.to.keyText), CONSTRAINT no_bad CHECK (name <> 'bad'), CONSTRAINT no_4711 CHECK (note <> '4711'));"
        )
        if old { try target.run("INSERT INTO orders VALUES (999999, 'old', NULL);") }
        var pipeline = try Pipeline(source, target)
        pipeline.flow.limits.badRows = nil
        pipeline.take("orders") {
            $0.mode = mode; $0.slices = 2; $0.window = mode == .window ? "id <= 0" : nil
        }
        return (source, target, pipeline)
    }

    @Test(arguments: System.enginePairs, [LoadMode.replace, .append, .truncate, .upsert])
    func `every bad row is kept with its reason and its values, all others arrive, and rows balance`(_ pair: Pair, _ mode: LoadMode) throws
    {
        let (source, target, pipeline) = try Self.pipeline(pair, mode)
        let id = RunID.make()
        let result = try pipeline.run(id: id)
        #expect(result.tables[0].error == nil)
        #expect(result.tally.read == Self.count && result.tally.rejected == 4 && result.tally.written == Self.count - 4)
        let rejected = try pipeline.ledger.rejected(run: id).map(\.row)
        #expect(rejected.count == 4)
        for row in rejected {
            #expect(row.reason.contains("no_bad") || row.reason.contains("no_4711") || row.reason.lowercased().contains("check"))
        }
        let keys = rejected.map { $0.values }
        for bad in ["\"id\":1,", "\"id\":2500,", "\"id\":2501,", "\"id\":5000,"] { #expect(keys.contains { $0.contains(bad) }) }
        #expect(try target.rows("orders") == source.rows("orders").filter { !["1", "2500", "2501", "5000"].contains($0[0]) })

        // Mended, they are loaded from where they were kept.
        try target.run(
            target.system == .sqlite
                ? Self.withoutChecks : "ALTER TABLE orders DROP CONSTRAINT no_bad; ALTER TABLE orders DROP CONSTRAINT no_4711;")
        let plan = try pipeline.plan()
        let parts = try pipeline.ledger.rejectedCounts(run: id).map { (slice: $0.slice, count: $0.count) }
        let tables = [RejectedRows.Table(planned: plan.tables[0], number: 0, parts: parts, run: id, ledger: pipeline.ledger)]
        let connector = RejectedRows(tables)
        var again = pipeline
        again.sources[0] = Connections(connector, try Endpoint(ConnectionURL(parsing: "rejected:x"), connector))
        let second = try again.run(connector.plan(like: plan, runID: id), id: RunID.make())
        #expect(second.tables[0].error == nil && second.tally.written == 4)
        #expect(try target.rows("orders") == source.rows("orders"))
    }

    private static let withoutChecks = """
        CREATE TABLE n (id bigint NOT NULL PRIMARY KEY, name varchar(40) NOT NULL, note varchar(200)); INSERT INTO n SELECT * FROM orders; DROP TABLE orders; ALTER TABLE n RENAME TO orders;
        """

    @Test(arguments: System.enginePairs)
    func `a limit of bad rows ends the load at once and a full refresh leaves the target as it was`(_ pair: Pair) throws {
        var (_, target, pipeline) = try Self.pipeline(pair, .replace, old: true)
        pipeline.flow.limits.badRows = 1
        let result = try pipeline.run()
        #expect(result.status == .failed && result.tables[0].error?.code == .tooManyRejected)
        #expect(try target.ask("SELECT id FROM orders") == [["999999"]])
        #expect(try Set(target.tables()).isSubset(of: ["orders", "apus_marks"]))
        pipeline.flow.limits.badRows = 4
        #expect(try pipeline.run().status == .done)
        #expect(try target.count("orders") == Self.count - 4)
    }

    @Test(arguments: System.enginePairs)
    func `a table of nothing but bad rows stops after the limit, not after all of them`(_ pair: Pair) throws {
        let (source, target, start) = try Self.pipeline(pair, .append)
        var pipeline = start
        try source.run("UPDATE orders SET name = 'bad';")
        pipeline.flow.limits.badRows = 10
        let result = try pipeline.run()
        #expect(result.tables[0].error?.code == .tooManyRejected)
        #expect(try target.count("orders") == 0)
    }

    @Test(arguments: System.enginePairs + [System.intoStarRocks])
    func `values that do not fit the target's columns are bad rows`(_ pair: Pair) throws {
        let source = try Place(pair.from), target = try Place(pair.to)
        try source.run(
            "CREATE TABLE t (id int NOT NULL PRIMARY KEY, n bigint, s varchar(50)); INSERT INTO t VALUES (1, 1, 'ok'), (2, 40000, 'ok'), (3, 3, '雨燕雨燕雨燕'), (4, -32768, '雨燕雨燕雨'), (5, NULL, NULL);"
        )
        try target.run("CREATE TABLE t (id int NOT NULL PRIMARY KEY, n smallint, s varchar(\(pair.to == .starrocks ? 15 : 5)));")
        var pipeline = try Pipeline(source, target)
        pipeline.flow.limits.badRows = nil
        pipeline.take("t") { $0.mode = .append }
        let id = RunID.make()
        let result = try pipeline.run(id: id)
        #expect(result.tally.rejected == 2 && result.tally.balances && result.tables[0].error == nil)
        #expect(try target.ask("SELECT id FROM t ORDER BY id").map { $0[0] } == ["1", "4", "5"])
        #expect(try Set(pipeline.ledger.rejected(run: id).map(\.row.column)) == ["n", "s"])
    }
}

extension System {
    /// Text of at most 200 characters.
    var keyText: String { "varchar(200)" }
}
