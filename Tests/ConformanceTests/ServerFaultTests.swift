import ApusControl
import ApusCore
import ApusEngine
import ApusTesting
import Foundation
import Synchronization
import Testing

/// A server of a test's own, which may be killed.
private struct OwnServer: Sendable {
    let system: System
    let url: String
    let kill: @Sendable () -> Void
    let start: @Sendable () throws -> Void
    let ask: @Sendable (String) throws -> [[String]]

    init(_ system: System) throws {
        self.system = system
        switch system {
        case .mysql:
            // What a commit wrote must outlive the server's process; the kit's own settings are laxer.
            var options = MariaDBServer.Options()
            options.arguments = ["--innodb-flush-log-at-trx-commit=2"]
            let server = try MariaDBServer(options)
            try server.execute("CREATE DATABASE own CHARACTER SET utf8mb4")
            url = server.url(database: "own")
            kill = { server.kill() }
            start = { try server.start() }
            ask = { try server.query($0, database: "own") }
        default:
            var options = PostgresServer.Options()
            options.arguments = ["-c", "synchronous_commit=on"]
            let server = try PostgresServer(options)
            url = server.url()
            kill = { server.kill() }
            start = { try server.start() }
            ask = { try server.query($0) }
        }
    }

    func fill() throws {
        let limit = system.recursionLimit(20_000)
        _ = try ask(
            """
            \(limit) CREATE TABLE wide (id bigint NOT NULL PRIMARY KEY, v varchar(400) NOT NULL);
            INSERT INTO wide WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i, concat(repeat('x', 300), i) FROM n;
            """)
    }
}

/// Servers that go away, disks that fill, statements that take too long.
@Suite struct ServerFaultTests {
    @Test(arguments: System.servers, [true, false])
    func `a server that is killed and started again in mid-load does not end the run`(_ system: System, _ isSource: Bool) throws {
        let server = try OwnServer(system)
        let other = try isSource ? Place(.sqlite) : FaultTests.wide(.sqlite)
        if isSource { try server.fill() }
        let own = (system.connector, server.url), file = (System.sqlite.connector, try other.url())
        var pipeline = try isSource ? Pipeline(own, file) : Pipeline(file, own)
        let isKilled = Mutex(false)
        pipeline.listeners = [
            Ear { event in
                guard case .sliceFinished = event.kind else { return }
                let isFirst = isKilled.withLock { isKilled in
                    defer { isKilled = true }
                    return !isKilled
                }
                guard isFirst else { return }
                server.kill()
                Thread.detachNewThread { try? server.start() }
            }
        ]
        pipeline.flow.limits.channels = 2
        pipeline.take("wide") {
            $0.slices = 6; $0.mode = .append
        }
        let id = RunID.make(), plan = try pipeline.plan()
        var result = try pipeline.run(plan, id: id)
        // The connection that holds the target's lock is gone: then a resume goes on.
        if !isSource, result.status != .done {
            #expect(result.tables[0].error?.isTransient == true)
            result = try pipeline.run(plan, id: id, resumed: true)
        }
        #expect(result.status == .done && result.tables[0].error == nil)
        #expect(isKilled.withLock { $0 })
        let sum = "SELECT count(*), sum(id), sum(length(v)) FROM wide"
        #expect(try server.ask(sum) == other.ask(sum))
    }

    @Test(arguments: System.servers)
    func `a source that is killed for good ends the run as unreachable once the tries are used up`(_ system: System) throws {
        let server = try OwnServer(system), target = try Place(.sqlite)
        try server.fill()
        try target.run("CREATE TABLE wide (id bigint PRIMARY KEY, v text); INSERT INTO wide VALUES (-1, 'old');")
        var pipeline = try Pipeline((system.connector, server.url), (System.sqlite.connector, target.url()))
        pipeline.listeners = [Ear { if case .sliceFinished = $0.kind { server.kill() } }]
        pipeline.flow.limits.attempts = 2
        pipeline.take("wide") { $0.slices = 6 }
        let result = try pipeline.run()
        #expect(result.status == .failed && result.tables[0].error?.code == .unreachable)
        #expect(try target.ask("SELECT id FROM wide") == [["-1"]])
    }

    @Test(arguments: [System.postgres, .sqlite], [LoadMode.replace, .append])
    func `a full disk is said as such, and the target is as it was`(_ system: System, _ mode: LoadMode) throws {
        let source = try FaultTests.wide(.sqlite)
        guard let small = try SmallPlace(system) else { return }
        defer { small.end() }
        let target = small.place
        try target.run("CREATE TABLE wide (id bigint NOT NULL PRIMARY KEY, v varchar(400)); INSERT INTO wide VALUES (-1, 'old');")
        var pipeline = try Pipeline(source, nil, target, small.url)
        pipeline.flow.limits.attempts = 2
        pipeline.take("wide") {
            $0.mode = mode; $0.slices = 1
        }
        let result = try pipeline.run()
        #expect(result.tables[0].error?.code == .full)
        #expect(try target.ask("SELECT id FROM wide") == [["-1"]])
    }

    @Test(arguments: System.servers)
    func `a read that takes too long is cut in two until it does not`(_ system: System) throws {
        let source = try Place(system), target = try Place(.sqlite)
        let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000) SELECT i FROM n"
        // About a second in all; PostgreSQL sleeps a millisecond at least.
        let sleep =
            system == .mysql
            ? "sleep(0.0001 + id * 0)" : "CASE WHEN id % 6 = 0 THEN pg_sleep(0.0001 + id * 0)::text ELSE '0' END"
        try source.run(
            "\(system.recursionLimit(6000)) CREATE TABLE base (id int NOT NULL PRIMARY KEY); INSERT INTO base \(numbers); CREATE VIEW slow AS SELECT id, \(sleep) AS v FROM base;"
        )
        for option in [
            "statement_timeout=300ms",
            system == .mysql ? "init_sql=SET%20max_statement_time%3D0.3" : "init_sql=SET%20statement_timeout%3D300",
        ] {
            var pipeline = try Pipeline(source, source.url(option), target)
            let ear = Ear()
            pipeline.listeners = [ear]
            pipeline.flow.limits.channels = 2
            pipeline.take("slow") {
                $0.sliceBy = ["id"]; $0.slices = 1
            }
            let result = try pipeline.run()
            #expect(result.status == .done, "\(option): \(result.tables[0].error?.description ?? "")")
            #expect(ear.splits >= 1)
            #expect(try target.value("SELECT count(*) || ' ' || sum(id) FROM slow") == "6000 18003000")
        }
        // A shared load (a DataX job) has no ledger that remembers, and its rows join those that are there.
        for before in [6000, 12000] {
            var pipeline = try Pipeline(source, source.url("statement_timeout=300ms"), target)
            pipeline.flow.limits.channels = 2
            pipeline.take("slow") {
                $0.sliceBy = ["id"]; $0.slices = 1; $0.mode = .append; $0.isShared = true
            }
            let ear = Ear()
            let result = try Runner(
                pipeline.plan(), runID: RunID.make(), from: pipeline.sources, to: pipeline.to, ledger: VolatileLedger(), listeners: [ear],
                interrupt: Interrupt()
            ).run()
            #expect(result.status == .done, "\(result.tables[0].error?.description ?? "")")
            #expect(ear.splits >= 1 && result.tally.written == 6000)
            #expect(
                try target.value("SELECT count(*) || ' ' || sum(id) FROM slow") == "\(before + 6000) \(18_003_000 * (before / 6000 + 1))")
        }
    }
}

/// A database that holds about 3 MB.
private struct SmallPlace {
    let place: Place
    let url: String
    private var disk: String?

    /// Nil where none can be made: a server's needs root, for a file system in memory.
    init?(_ system: System) throws {
        place = try Place(system)
        if system == .sqlite {
            url = try place.url("init_sql=PRAGMA%20max_page_count%3D700")
            return
        }
        url = try place.url()
        guard geteuid() == 0 else { return nil }
        let disk = place.folder.file("disk")
        try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: false)
        guard try runCommand("mount", ["-t", "tmpfs", "-o", "size=3m,mode=0777", "tmpfs", disk]).status == 0 else { return nil }
        self.disk = disk
        try runCommand("chown", ["postgres", disk])
        try PostgresServer.shared().execute("CREATE TABLESPACE small_\(place.database) LOCATION '\(disk)'")
        try PostgresServer.shared().execute("ALTER DATABASE \(place.database) SET default_tablespace = 'small_\(place.database)'")
    }

    func end() {
        try? place.drop()
        if let disk { _ = try? runCommand("umount", ["-l", disk]) }
    }
}
