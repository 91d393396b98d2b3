import ApusCore
import ApusTesting
import Testing

/// A watermark: only rows that are new since the last run are read.
@Suite struct IncrementalTests {
    private func pipeline(_ pair: Pair, _ mode: LoadMode?, by column: String = "id") throws -> (Place, Place, Pipeline) {
        let source = try ModeTests.orders(pair.from, count: 200), target = try Place(pair.to)
        var pipeline = try Pipeline(source, target)
        pipeline.take("orders") {
            $0.mode = mode; $0.watermark = column; $0.slices = 2
        }
        return (source, target, pipeline)
    }

    private func mark(_ pipeline: Pipeline) throws -> String? {
        let plan = try pipeline.plan()
        return try plan.tables[0].watermark.flatMap { try pipeline.ledger.watermark(flow: $0.key) }
    }

    @Test(arguments: System.enginePairs + [System.intoStarRocks, System.outOfStarRocks[0]], [LoadMode.append, .upsert])
    func `the second run loads only rows beyond the watermark`(_ pair: Pair, _ mode: LoadMode) throws {
        let (source, target, pipeline) = try pipeline(pair, mode)
        // An upsert reads the rows of the largest value again, since more of them may have come.
        let again = mode == .upsert ? 1 : 0
        #expect(try pipeline.succeed().tally.read == 200)
        #expect(try pipeline.succeed().tally.read == again)
        try source.run("INSERT INTO orders VALUES (201, 'a', NULL), (305, 'b', '');")
        #expect(try pipeline.succeed().tally.read == 2 + again)
        #expect(try pipeline.succeed().tally.read == again)
        #expect(try target.rows("orders") == source.rows("orders"))
        #expect(try mark(pipeline)?.contains("305") == true)
    }

    @Test(arguments: System.enginePairs)
    func `a watermark of timestamps keeps its fraction`(_ pair: Pair) throws {
        let source = try Place(pair.from), target = try Place(pair.to)
        try source.run(
            "CREATE TABLE t (id int NOT NULL PRIMARY KEY, at \(pair.from.timestamp)); INSERT INTO t VALUES (1, '2024-01-01 00:00:00.000001'), (2, '2024-01-01 00:00:00.000002'), (3, NULL);"
        )
        var pipeline = try Pipeline(source, target)
        pipeline.take("t") { $0.watermark = "at" }
        #expect(try pipeline.succeed().tally.read == 3)
        #expect(try pipeline.succeed().tally.read == 1)
        try source.run(
            "INSERT INTO t VALUES (4, '2024-01-01 00:00:00.000003'); UPDATE t SET at = '2024-01-01 00:00:00.000004' WHERE id = 1;")
        #expect(try pipeline.succeed().tally.read == 3)
        #expect(try target.count("t") == 4)
        #expect(try target.rows("t")[0][1]?.hasSuffix(".000004") == true)
    }

    @Test(arguments: System.enginePairs)
    func `a watermark of text with quotes and Chinese is compared by the server`(_ pair: Pair) throws {
        let source = try Place(pair.from), target = try Place(pair.to)
        try source.run(
            "CREATE TABLE t (id int NOT NULL PRIMARY KEY, v varchar(20)); INSERT INTO t VALUES (1, 'a'), (2, 'it''s'), (3, '雨''\\');")
        var pipeline = try Pipeline(source, target)
        pipeline.take("t") { $0.watermark = "v" }
        #expect(try pipeline.succeed().tally.read == 3)
        #expect(try pipeline.succeed().tally.read == 1)
        #expect(try target.rows("t") == source.rows("t"))
    }

    @Test(arguments: System.enginePairs)
    func `a run that fails does not move the watermark`(_ pair: Pair) throws {
        let (source, target, pipeline) = try pipeline(pair, .append)
        try pipeline.succeed()
        let before = try mark(pipeline)
        // The key is there already: the run fails.
        try source.run("INSERT INTO orders VALUES (201, 'a', NULL), (202, 'b', NULL);")
        let plan = try pipeline.plan()
        try target.run("INSERT INTO orders VALUES (202, 'in the way', NULL);")
        #expect(try pipeline.run(plan, id: RunID.make()).status == .failed)
        try target.run("DELETE FROM orders WHERE id > 200;")
        #expect(try mark(pipeline) == before)
        #expect(try pipeline.succeed().tally.read == 2)
        #expect(try target.rows("orders") == source.rows("orders"))
    }

    @Test(arguments: System.enginePairs)
    func `the watermark moves only after the last slice is committed`(_ pair: Pair) throws {
        let (source, target, start) = try pipeline(pair, .upsert)
        var pipeline = start
        let interrupt = Interrupt()
        pipeline.listeners = [Ear { if case .sliceFinished = $0.kind { interrupt.fire() } }]
        pipeline.flow.limits.channels = 1
        let plan = try pipeline.plan(), id = RunID.make()
        #expect(plan.tables[0].slices.count == 2)
        #expect(try pipeline.run(plan, id: id, interrupt: interrupt).status == .stopped)
        #expect(try mark(pipeline) == nil)
        pipeline.listeners = []
        #expect(try pipeline.run(plan, id: id, resumed: true).status == .done)
        #expect(try mark(pipeline)?.contains("200") == true)
        #expect(try target.rows("orders") == source.rows("orders"))
    }

    @Test(arguments: System.enginePairs)
    func `a watermark with a full refresh is refused`(_ pair: Pair) throws {
        let (_, _, pipeline) = try pipeline(pair, .replace)
        #expect(fault { try pipeline.run() }?.code == .configurationInvalid)
    }
}

extension System {
    /// A timestamp of microseconds.
    var timestamp: String {
        switch self {
        case .postgres: "timestamp"
        case .mysql: "datetime(6)"
        case .sqlite, .csv, .json, .starrocks: "DATETIME"
        }
    }
}
