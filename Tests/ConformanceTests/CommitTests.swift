import ApusControl
import ApusCore
import ApusEngine
import ApusTesting
import Foundation
import Testing

/// Connections that are cut in the commit: whether a slice is in the target is what its mark says.
@Suite struct CommitTests {
    /// 2,000 rows, of which one has a text that the target does not take.
    private static func source() throws -> Place {
        let place = try Place(.sqlite)
        try place.run(
            """
            CREATE TABLE orders (id bigint NOT NULL PRIMARY KEY, v varchar(40) NOT NULL);
            INSERT INTO orders WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
              SELECT i, CASE WHEN i = 777 THEN 'a text that is too long for its column' ELSE 'v' || i END FROM n;
            """)
        return place
    }

    @Test(arguments: System.servers, FaultProxy.Moment.allCases)
    func `a slice whose commit is cut is in the target once, and its rejected row is kept once`(
        _ system: System, _ moment: FaultProxy.Moment
    ) throws {
        let source = try Self.source()
        for mode in [LoadMode.append, .replace, .upsert] {
            let target = try Place(system)
            try target.run("CREATE TABLE orders (id bigint NOT NULL PRIMARY KEY, v varchar(10) NOT NULL)")
            let proxy = try FaultProxy(to: target.port)
            defer { proxy.end() }
            var pipeline = try Pipeline(source, nil, target, target.url(port: proxy.port))
            pipeline.flow.limits.channels = 2
            pipeline.flow.limits.badRows = 1
            pipeline.take("orders") {
                $0.slices = 4; $0.mode = mode
            }
            let plan = try pipeline.plan()
            proxy.cut(moment, connectionsSending: "COMMIT", times: 3)
            let id = RunID.make()
            let result = try pipeline.run(plan, id: id)
            #expect(result.status == .done && result.tables[0].error == nil, "\(mode)")
            #expect(result.tally == Tally(read: 2000, written: 1999, rejected: 1, bytes: result.tally.bytes))
            #expect(proxy.cutCount == 3)
            #expect(
                try target.ask("SELECT count(*), count(DISTINCT id), sum(id) FROM orders") == [
                    ["1999", "1999", "\(2000 * 2001 / 2 - 777)"]
                ])
            #expect(try pipeline.ledger.rejected(run: id).map(\.row.values).count { $0.contains("777") } == 1)
            #expect(try pipeline.ledger.rejected(run: id).count == 1)
        }
    }

    @Test(.requires(.postgres)) func `an attempt whose server process hangs is ended before the slice is loaded again`() throws {
        let source = try Self.source(), target = try Place(.postgres)
        try target.run("CREATE TABLE orders (id bigint NOT NULL, v text NOT NULL)")
        let pipeline = try Pipeline(source, target)
        let sink = try pipeline.to.sink(Interrupt()), other = try pipeline.to.sink(Interrupt())
        defer { sink.close(); other.close() }
        var flow = pipeline
        flow.take("orders") {
            $0.mode = .append; $0.slices = 1
        }
        var load = try flow.plan().tables[0].load
        load.runID = RunID.make()
        try sink.prepare(load)
        let slice = Slice(id: 0, bounds: .all)
        let hanging = try sink.writer(load)
        #expect(try hanging.begin(slice, careful: false) == nil)
        // Nobody will ever end that transaction.
        let writer = try other.writer(load)
        #expect(try writer.begin(slice, careful: false) == nil)
        try writer.commit(SliceMark(slice: 0, read: 3, written: 2, rejected: 1))
        #expect(throws: ApusError.self) { try hanging.commit(SliceMark(slice: 0, read: 0, written: 0, rejected: 0)) }
        #expect(try writer.begin(slice, careful: false) == SliceMark(slice: 0, read: 3, written: 2, rejected: 1))
        writer.close()
        hanging.close()
    }

    @Test(arguments: System.engines + [System.csv, .json])
    func `a slice that is committed already is not begun again`(_ system: System) throws {
        let source = try Self.source(), target = try Place(system)
        var pipeline = try Pipeline(source, target)
        pipeline.take("orders") {
            $0.mode = .replace; $0.slices = 2
        }
        var load = try pipeline.plan().tables[0].load
        load.runID = RunID.make()
        let sink = try pipeline.to.sink(Interrupt())
        defer { sink.close() }
        try sink.prepare(load)
        let mark = SliceMark(slice: 1, read: 5, written: 0, rejected: 5)
        for _ in 0..<2 {
            let writer = try sink.writer(load)
            if try writer.begin(Slice(id: 1, bounds: .all), careful: false) == nil {
                #expect(try writer.flush() == 0)
                try writer.commit(mark)
            }
            #expect(try writer.begin(Slice(id: 1, bounds: .all), careful: false) == mark)
            writer.abort()
            writer.close()
        }
        #expect(try sink.marks(load) == [mark])
        try sink.discard(load)
    }
}
