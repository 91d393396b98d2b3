import ApusCore
import ApusTesting
import Foundation
import Synchronization
import Testing

/// Connections that break, servers that go away, disks that fill.
@Suite struct FaultTests {
    /// About 6 MB in 20,000 rows.
    static func wide(_ system: System, rows: Int = 20_000) throws -> Place {
        let place = try Place(system)
        try place.run(
            """
            \(system.recursionLimit(rows))
            CREATE TABLE wide (id bigint NOT NULL PRIMARY KEY, v varchar(400) NOT NULL);
            INSERT INTO wide WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(rows)) SELECT i, \(system.longText) || i FROM n;
            """)
        return place
    }

    /// Row count, number sum and text lengths: what doubling or losing a row would change.
    static func expect(_ place: Place, sameAs source: Place, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let sum = "SELECT count(*), sum(id), sum(length(v)), min(v), max(v) FROM wide"
        #expect(try place.ask(sum) == source.ask(sum), sourceLocation: sourceLocation)
    }

    @Test(arguments: System.servers, [100_000, 1_500_000, 4_000_000])
    func `a source connection that breaks is opened again and every row arrives once`(_ system: System, _ octets: Int64) throws {
        let source = try Self.wide(system), target = try Place(.sqlite)
        let proxy = try FaultProxy(to: source.port)
        defer { proxy.end() }
        var pipeline = try Pipeline(source, source.url(port: proxy.port), target)
        let ear = Ear()
        pipeline.listeners = [ear]
        pipeline.take("wide") { $0.slices = 4 }
        let plan = try pipeline.plan()
        proxy.cut(after: octets, .toClient)
        let result = try pipeline.run(plan, id: RunID.make())
        #expect(result.status == .done && result.tables[0].error == nil)
        #expect(proxy.cutCount == 1 && ear.retries >= 1)
        try Self.expect(target, sameAs: source)
    }

    @Test(arguments: System.servers, LoadMode.allCases)
    func `a target connection that breaks in mid-load leaves no row out and none twice`(_ system: System, _ mode: LoadMode) throws {
        let source = try Self.wide(.sqlite)
        for octets: Int64 in [300_000, 2_500_000] {
            let target = try Place(system)
            let proxy = try FaultProxy(to: target.port)
            defer { proxy.end() }
            var pipeline = try Pipeline(source, nil, target, target.url(port: proxy.port))
            let ear = Ear()
            pipeline.listeners = [ear]
            pipeline.flow.limits.channels = 2
            pipeline.take("wide") {
                $0.slices = 4; $0.mode = mode; $0.window = mode == .window ? "1 = 1" : nil
            }
            let plan = try pipeline.plan()
            proxy.cut(after: octets, .toServer)
            let id = RunID.make()
            var result = try pipeline.run(plan, id: id)
            // The table's own connection was cut with the others: then a resume goes on.
            if result.status != .done {
                #expect(result.tables[0].error?.isTransient == true)
                result = try pipeline.run(plan, id: id, resumed: true)
            }
            #expect(result.status == .done && result.tables[0].error == nil)
            #expect(proxy.cutCount == 1)
            try Self.expect(target, sameAs: source)
        }
    }

    @Test(arguments: System.servers, [true, false])
    func `a run on a dead line stops within two seconds of the sign and can be resumed`(_ system: System, _ isSource: Bool) throws {
        let source = try Self.wide(isSource ? system : .sqlite), target = try Place(isSource ? .sqlite : system)
        let proxy = try FaultProxy(to: isSource ? source.port : target.port)
        defer { proxy.end() }
        var pipeline = try Pipeline(
            source, isSource ? source.url(port: proxy.port) : nil, target, isSource ? nil : target.url(port: proxy.port))
        let interrupt = Interrupt()
        pipeline.listeners = [Ear { if case .sliceFinished = $0.kind { proxy.behaviour = .blackHole } }]
        pipeline.flow.limits.channels = 2
        pipeline.take("wide") { $0.slices = 8 }
        let plan = try pipeline.plan(), id = RunID.make()
        let fired = Mutex<ContinuousClock.Instant?>(nil)
        Thread.detachNewThread {
            usleep(1_500_000)
            fired.withLock { $0 = .now }
            interrupt.fire()
        }
        let result = try pipeline.run(plan, id: id, interrupt: interrupt)
        let stopped = ContinuousClock.now
        #expect(result.status == .stopped)
        let start = try #require(fired.withLock { $0 })
        #expect(stopped - start < .seconds(2))
        proxy.behaviour = .passThrough
        pipeline.listeners = []
        let second = try pipeline.run(plan, id: id, resumed: true)
        #expect(second.status == .done && second.tables[0].error == nil)
        try Self.expect(target, sameAs: source)
    }
}

extension System {
    /// SQL of 300 octets.
    var longText: String {
        switch self {
        case .mysql, .postgres: "repeat('x', 300)"
        case .sqlite, .csv, .json, .starrocks: "printf('%.300c', 'x')"
        }
    }
}

extension Place {
    func drop() throws {
        switch system {
        case .postgres: try PostgresServer.shared().execute("DROP DATABASE \"\(database)\" WITH (FORCE)")
        case .mysql: try MariaDBServer.shared().execute("DROP DATABASE `\(database)`")
        case .sqlite, .csv, .json, .starrocks: folder.remove()
        }
    }
}
