import ApusTesting
import Foundation
import Testing

/// Ctrl-C, SIGTERM, and sources that say nothing.
@Suite(.requires(.mariadb, .postgres)) struct StopTests {
    let user: User
    init() throws { user = try User() }

    static let signals: [(Int32, Int32)] = [(SIGINT, 130), (SIGTERM, 143)]

    @Test(arguments: Kind.allCases)
    func `a signal stops the run within two seconds, and resume completes it`(_ kind: Kind) throws {
        let source = try Store(.sqlite), target = try Store(kind)
        try source.fill(12_000)
        let before = try target.dump()
        for (signal, code) in Self.signals {
            let id: String
            do {
                let running = try user.start(
                    "copy", source.url(), target.url(), "--table", "orders", "--rows-per-second", "6000", "--slices", "6")
                try wait("the load to begin") { running.errorsSoFar.contains("orders: started") }
                usleep(600_000)
                let start = Date()
                running.signal(signal)
                let result = running.wait(timeout: .seconds(10))
                #expect(-start.timeIntervalSinceNow < 2)
                expect(result, code, "apus resume")
                id = try user.latestRun()
                #expect(result.stdout.contains(id))
            }
            // The table appears when it is whole, not before.
            if kind != .mariadb, kind != .csv {
                #expect(try !target.changes(since: before).contains { $0.contains("TABLE orders ") || $0.contains("TABLE public.orders ") })
            }
            expect(try user.apus("resume"), 0)
            #expect(try target.rows() == Store.filled(12_000))
            try expectNothingLeft(target)
            expect(try user.apus("resume", id), 0, "nothing to resume")
            expect(try user.apus("resume"), 78, "there is no run that could be resumed")
            if kind == .csv {
                try FileManager.default.removeItem(atPath: target.folder.file("orders.csv"))
            } else {
                try target.run("DROP TABLE orders")
            }
        }
        // No password is left on the disk, now that all is done.
        #expect(!user.files().contains { $0.hasSuffix(".connections") })
    }

    @Test(arguments: Kind.servers, [true, false])
    func `a source or target that hangs does not keep the signal waiting`(_ kind: Kind, _ isSource: Bool) throws {
        let server = try Store(kind), other = try Store(.sqlite)
        let (source, target) = isSource ? (server, other) : (other, server)
        try source.fill(40_000)
        let proxy = try FaultProxy(to: server.port)
        defer { proxy.end() }
        let url = server.url(port: proxy.port)
        let running = try user.start(
            "copy", isSource ? url : source.url(), isSource ? target.url() : url, "--table", "orders", "--rows-per-second", "10000",
            "--slices", "8")
        try wait("the load to begin") { running.errorsSoFar.contains("orders: started") }
        usleep(300_000)
        proxy.behaviour = .blackHole
        usleep(300_000)
        let start = Date()
        running.signal(SIGINT)
        expect(running.wait(timeout: .seconds(10)), 130)
        #expect(-start.timeIntervalSinceNow < 2)
        // A hanging server before anything was planned.
        let planning = try user.start("plan", try user.home.write("from: \(url)\nto: 'null:'\n", to: "flow.yaml"))
        usleep(400_000)
        let second = Date()
        planning.signal(SIGTERM)
        expect(planning.wait(timeout: .seconds(10)), 143)
        #expect(-second.timeIntervalSinceNow < 2)
        proxy.behaviour = .passThrough
        expect(try user.apus("resume"), 0)
        #expect(try target.rows() == Store.filled(40_000))
        try expectNothingLeft(target)
    }

    @Test func `a second signal ends the program at once`() throws {
        let source = try Store(.mariadb), target = try Store(.sqlite)
        try source.fill(10)
        let proxy = try FaultProxy(to: source.port)
        defer { proxy.end() }
        proxy.behaviour = .blackHole
        let running = try user.start("copy", source.url(port: proxy.port), target.url())
        usleep(300_000)
        running.signal(SIGINT)
        running.signal(SIGTERM)
        let result = running.wait(timeout: .seconds(5))
        #expect(result.status == 130 || result.status == 143)
    }

    @Test(arguments: Kind.servers)
    func `a swap that waits for a reader can be stopped, killed and resumed`(_ kind: Kind) throws {
        // A server of its own: the reader would hold up other tests' global read lock, and that the load.
        let mariadb = kind == .mariadb ? try MariaDBServer() : nil
        let source = try Store(.sqlite), target = try Store(kind, mariadb: mariadb)
        try source.fill(2000)
        try target.fill(3, from: 9000)
        let old = try target.rows()
        for signal in [SIGTERM, SIGKILL] {
            // Someone reads the old table for a while: the swap waits for them.
            let client = try reader(target, seconds: 20)
            try wait("the reader's lock") { try locks(target) }
            let running = try user.start("copy", source.url(), target.url(), "--table", "orders")
            try wait("the swap to wait for the reader") { try isSwapping(target) }
            usleep(500_000)
            let start = Date()
            running.signal(signal)
            let result = running.wait(timeout: .seconds(10))
            #expect(result.status == (signal == SIGTERM ? 143 : 137), "\(result.stderr)")
            #expect(-start.timeIntervalSinceNow < 2)
            _ = client.wait()
            #expect(try target.rows() == old)
            expect(try user.apus("resume"), 0)
            #expect(try target.rows() == Store.filled(2000))
            try expectNothingLeft(target)
            try target.run("DELETE FROM orders")
            try target.fill(3, from: 9000)
        }
    }

    private func reader(_ store: Store, seconds: Int) throws -> RunningCommand {
        switch store.kind {
        case .mariadb:
            return try RunningCommand(
                "mariadb", ["--no-defaults", "--socket=\(store.mariadb.socketPath)", "--user=root", store.database],
                environment: ["MYSQL_PWD": store.mariadb.options.password],
                stdin: "START TRANSACTION; SELECT * FROM orders; DO SLEEP(\(seconds)); COMMIT;")
        default:
            return try RunningCommand(
                "psql",
                ["--no-psqlrc", "-h", store.postgres.socketFolder, "-p", "\(store.postgres.port)", "-U", "postgres", store.database],
                environment: ["PGPASSWORD": store.postgres.options.password],
                stdin: "BEGIN; SELECT * FROM orders; SELECT pg_sleep(\(seconds)); COMMIT;")
        }
    }

    private func locks(_ store: Store) throws -> Bool {
        switch store.kind {
        case .mariadb:
            try store.ask("SELECT count(*) FROM information_schema.processlist WHERE db = '\(store.database)' AND info LIKE 'DO SLEEP%'")[
                0][0] == "1"
        default:
            try store.ask("SELECT count(*) FROM pg_stat_activity WHERE datname = '\(store.database)' AND query LIKE 'SELECT pg_sleep%'")[0][
                0] == "1"
        }
    }

    /// All rows are in the staging table, and the reader holds up the exchange.
    private func isSwapping(_ store: Store) throws -> Bool {
        guard store.kind == .mariadb else { return try staged(store) == 2000 }
        // Its RENAME holds the staging table already: to count rows there would be to wait for the reader too.
        return try store.ask("SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'RENAME TABLE%'") == [["1"]]
    }

    /// Rows in the staging table, or 0 when there is none.
    private func staged(_ store: Store) throws -> Int {
        let name = try store.ask(
            "SELECT table_name FROM information_schema.tables WHERE table_name LIKE 'apus_stg%' AND table_schema IN ('\(store.database)', 'public')"
        ).first?.first
        // It may be gone again by now.
        guard let name, let rows = try? store.ask("SELECT count(*) FROM \"\(name)\"") else { return 0 }
        return Int(rows[0][0]) ?? 0
    }
}
