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
            pipeline.take("wide") { $0.slices = 4; $0.mode = mode }
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

    @Test(arguments: System.engines, [LoadMode.replace, .append])
    func `a full disk is said as such, and the target is as it was`(_ system: System, _ mode: LoadMode) throws {
        let source = try Self.wide(.sqlite)
        guard let (target, url, cleanUp) = try Self.smallPlace(system) else { return }
        defer { cleanUp() }
        try target.run("CREATE TABLE wide (id bigint NOT NULL PRIMARY KEY, v varchar(400)); INSERT INTO wide VALUES (-1, 'old');")
        var pipeline = try Pipeline(source, nil, target, url)
        pipeline.flow.limits.attempts = 2
        pipeline.take("wide") { $0.mode = mode; $0.slices = 1 }
        let result = try pipeline.run()
        #expect(result.tables[0].error?.code == .full)
        #expect(try target.ask("SELECT id FROM wide") == [["-1"]])
    }

    /// A database that holds about 3 MB.
    private static func smallPlace(_ system: System) throws -> (Place, String, () -> Void)? {
        let place = try Place(system)
        if system == .sqlite { return (place, try place.url("init_sql=PRAGMA%20max_page_count=700"), {}) }
        guard geteuid() == 0 else { return nil }
        let disk = place.folder.file("disk")
        try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: false)
        guard try runCommand("mount", ["-t", "tmpfs", "-o", "size=3m,mode=0777", "tmpfs", disk]).status == 0 else { return nil }
        func cleanUp() {
            try? place.drop()
            _ = try? runCommand("umount", ["-l", disk])
        }
        switch system {
        case .postgres:
            try runCommand("chown", ["postgres", disk])
            let space = "small_\(place.database)"
            try PostgresServer.shared().execute("CREATE TABLESPACE \(space) LOCATION '\(disk)'")
            try PostgresServer.shared().execute("ALTER DATABASE \(place.database) SET default_tablespace = '\(space)'")
        default: return nil
        }
        return (place, try place.url(), cleanUp)
    }

    @Test(.requires(.postgres))
    func `in PostgreSQL a read that takes too long is cut in two until it does not`() throws {
        let source = try Place(.postgres), target = try Place(.sqlite)
        try source.run(
            """
            CREATE TABLE base (id int PRIMARY KEY); INSERT INTO base SELECT generate_series(1, 300);
            CREATE VIEW slow AS SELECT id, pg_sleep(0.002 + id * 0)::text AS v FROM base;
            """)
        var pipeline = try Pipeline(source, source.url("statement_timeout=250ms"), target)
        let ear = Ear()
        pipeline.listeners = [ear]
        pipeline.flow.limits.channels = 2
        pipeline.take("slow") { $0.sliceBy = ["id"]; $0.slices = 1 }
        let result = try pipeline.run()
        #expect(result.status == .done && result.tables[0].error == nil)
        #expect(ear.splits >= 1)
        #expect(try target.value("SELECT count(*) || ' ' || sum(id) FROM slow") == "300 45150")
    }

    @Test(.requires(.postgres), arguments: [true, false])
    func `PostgreSQL restarted in mid-load does not end the run`(_ isSource: Bool) throws {
        let server = try PostgresServer()
        defer { server.stop() }
        let other = try isSource ? Place(.sqlite) : Self.wide(.sqlite)
        if isSource {
            try server.execute("CREATE TABLE wide AS SELECT i::bigint AS id, repeat('x', 300) || i AS v FROM generate_series(1, 20000) i; ALTER TABLE wide ADD PRIMARY KEY (id)")
        }
        let ends = ((System.postgres.connector, server.url()), (System.sqlite.connector, try other.url()))
        var pipeline = try isSource ? Pipeline(ends.0, ends.1) : Pipeline(ends.1, ends.0)
        let once = Mutex(false)
        let ear = Ear { event in
            guard case .sliceFinished = event.kind, !once.withLock({ let was = $0; $0 = true; return was }) else { return }
            server.kill()
            Thread.detachNewThread { try? server.start() }
        }
        pipeline.listeners = [ear]
        pipeline.flow.limits.channels = 2
        pipeline.take("wide") { $0.slices = 6; $0.mode = .append }
        let id = RunID.make()
        let plan = try pipeline.plan()
        var result = try pipeline.run(plan, id: id)
        if !isSource, result.status != .done {
            #expect(result.tables[0].error?.isTransient == true)
            result = try pipeline.run(plan, id: id, resumed: true)
        }
        #expect(result.status == .done && result.tables[0].error == nil)
        let sum = "SELECT count(*), sum(id), sum(length(v)) FROM wide"
        #expect(try server.query(sum) == other.ask(sum))
    }

    @Test(.requires(.postgres))
    func `a source that is killed for good ends the run as unreachable after the tries are used up`() throws {
        let server = try PostgresServer()
        try server.execute("CREATE TABLE wide AS SELECT i::bigint AS id, repeat('x', 300) || i AS v FROM generate_series(1, 20000) i; ALTER TABLE wide ADD PRIMARY KEY (id)")
        let target = try Place(.sqlite)
        try target.run("CREATE TABLE wide (id bigint PRIMARY KEY, v text); INSERT INTO wide VALUES (-1, 'old');")
        var pipeline = try Pipeline((System.postgres.connector, server.url()), (System.sqlite.connector, target.url()))
        pipeline.listeners = [Ear { if case .sliceFinished = $0.kind { server.kill() } }]
        pipeline.flow.limits.attempts = 2
        pipeline.take("wide") { $0.slices = 6 }
        let result = try pipeline.run()
        #expect(result.status == .failed && result.tables[0].error?.code == .unreachable)
        #expect(try target.ask("SELECT id FROM wide") == [["-1"]])
    }
}

extension System {
    /// SQL of 300 octets.
    var longText: String {
        switch self {
        case .mysql, .postgres: "repeat('x', 300)"
        case .sqlite, .csv, .json: "printf('%.300c', 'x')"
        }
    }
}

extension Place {
    func drop() throws {
        switch system {
        case .postgres: try PostgresServer.shared().execute("DROP DATABASE \"\(database)\" WITH (FORCE)")
        case .mysql: try MariaDBServer.shared().execute("DROP DATABASE `\(database)`")
        case .sqlite, .csv, .json: folder.remove()
        }
    }
}
