import ApusControl
import ApusCore
import ApusEngine
import ApusTesting
import Foundation
import Synchronization
import Testing

/// Runs that read one snapshot over several connections.
@Suite struct SnapshotTests {
    @Test(arguments: System.engines, System.servers)
    func `a row that the target refuses is found, and the snapshot goes on`(_ from: System, _ to: System) throws {
        let source = try Place(from), target = try Place(to)
        for table in ["a", "b", "c"] {
            try source.run(
                """
                \(from.recursionLimit(20_000))
                CREATE TABLE \(table) (id bigint NOT NULL PRIMARY KEY, v varchar(40) NOT NULL);
                INSERT INTO \(table) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
                  SELECT i, CASE WHEN i = 77 THEN 'a text that is too long for its column' ELSE 'short' END FROM n;
                """)
            try target.run("CREATE TABLE \(table) (id bigint NOT NULL PRIMARY KEY, v varchar(10) NOT NULL)")
        }
        var pipeline = try Pipeline(source, target)
        pipeline.flow.consistentSnapshot = true
        pipeline.flow.limits.badRows = 3
        pipeline.flow.limits.channels = 2
        for table in ["a", "b", "c"] {
            pipeline.take(table) {
                $0.mode = .append; $0.slices = 2
            }
        }
        let id = RunID.make()
        let result = try pipeline.run(id: id)
        #expect(result.error == nil)
        for table in result.tables { #expect(table.status == .done && table.error == nil) }
        for table in ["a", "b", "c"] { #expect(try target.ask("SELECT count(*), max(id) FROM \(table)") == [["19999", "20000"]]) }
        #expect(try pipeline.ledger.rejected(run: id).count == 3)
    }

    @Test(arguments: System.servers)
    func `a snapshot whose connections are lost says so at every table`(_ from: System) throws {
        let source = try FaultTests.wide(from), target = try Place(.sqlite)
        try source.run("CREATE TABLE other (id bigint NOT NULL PRIMARY KEY); INSERT INTO other VALUES (1);")
        let proxy = try FaultProxy(to: source.port)
        defer { proxy.end() }
        var pipeline = try Pipeline(source, source.url(port: proxy.port), target)
        pipeline.flow.consistentSnapshot = true
        pipeline.flow.limits.channels = 2
        pipeline.take("wide") { $0.slices = 4 }
        pipeline.take("other")
        let plan = try pipeline.plan()
        let isCut = Mutex(false)
        pipeline.listeners = [
            Ear { event in
                guard case .tableStarted(let table, _, _, _, _, _) = event.kind, table == 0 else { return }
                let isFirst = isCut.withLock { isCut in
                    defer { isCut = true }
                    return !isCut
                }
                if isFirst { proxy.cutNow() }
            }
        ]
        let result = try pipeline.run(plan, id: RunID.make())
        #expect(result.status == .failed)
        #expect(result.tables[0].status == .failed)
        for table in result.tables where table.status == .failed { #expect(table.error?.message.contains("snapshot") == true) }
    }
}
