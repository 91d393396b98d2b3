import ApusTesting
import Foundation
import Testing

/// Workers that die, that stand beside each other, and a control database that goes away.
@Suite(.requires(.mariadb, .postgres)) struct WorkerTests {
    private static let tables = 6
    private static let rows = 20_000

    /// Half of the tables are full loads, half are loaded by day.
    private func night(_ kind: Place.Kind, _ targetKind: Place.Kind, through port: UInt16? = nil) throws -> (Night, erp: Place, dw: Place) {
        var sql =
            "CREATE TABLE t_0 (id int NOT NULL PRIMARY KEY, name varchar(40), amount decimal(12,2), day date NOT NULL, KEY (day)); INSERT INTO t_0 SELECT seq, CONCAT('行 ', seq), seq / 4, '2026-11-21' - INTERVAL (seq MOD 2) DAY FROM seq_1_to_\(Self.rows);"
        for number in 1..<Self.tables { sql += "CREATE TABLE t_\(number) LIKE t_0; INSERT INTO t_\(number) SELECT * FROM t_0;" }
        let erp = try Place(.mariadb, sql), dw = try Place(targetKind), night = try Night(kind, through: port)
        try night.connections(["erp": erp, "dw": dw])
        try night.job()
        for number in 0..<Self.tables {
            try night.row(
                "t_\(number)", to: "t_\(number)", etlType: number % 2, column: number % 2 == 1 ? "day" : "", ["ordernum": "\(number / 2)"])
        }
        return (night, erp, dw)
    }

    private func expectWhole(_ night: Night, _ erp: Place, _ dw: Place, sourceLocation: SourceLocation = #_sourceLocation) throws {
        for number in 0..<Self.tables {
            let filter = number % 2 == 1 ? "WHERE day = '2026-11-21'" : ""
            let wanted = try erp.lines("SELECT id, name, amount + 0, day FROM t_\(number) \(filter) ORDER BY id")
            let found = try dw.lines("SELECT id, name, amount + 0, day FROM t_\(number) ORDER BY id")
            #expect(found.count == wanted.count, "t_\(number)", sourceLocation: sourceLocation)
            let normal = { (line: String) in line.replacing(".00|", with: "|").replacing(".50|", with: ".5|") }
            #expect(found.map(normal) == wanted.map(normal), "t_\(number)", sourceLocation: sourceLocation)
        }
        let log = try night.control.lines("SELECT table_name, is_finished, read_num FROM datax_log ORDER BY table_name")
        #expect(log == (0..<Self.tables).map { "t_\($0)|1|\($0 % 2 == 1 ? Self.rows / 2 : Self.rows)" }, sourceLocation: sourceLocation)
        #expect(try night.control.lines("SELECT count(*) FROM apus_lease WHERE state <> 'done'") == ["0"], sourceLocation: sourceLocation)
    }

    @Test(arguments: [Place.Kind.mariadb, .postgres, .sqlite])
    func `killed at random instants and started again, every table is whole and told once`(_ kind: Place.Kind) throws {
        var random = SeededGenerator(seed: 0xA905)
        let (night, erp, dw) = try night(kind, kind == .mariadb ? .postgres : kind == .postgres ? .mariadb : .sqlite)
        for _ in 0..<5 {
            let command = try night.start("--day", "2026-11-21", "--parallel", "3")
            usleep(UInt32.random(in: 20_000...1_500_000, using: &random))
            command.signal(SIGKILL)
            _ = command.wait()
        }
        expect(try night.extract("--day", "2026-11-21", "--parallel", "3"), 0)
        try expectWhole(night, erp, dw)
        #expect(try night.control.lines("SELECT count(*) FROM datax_config WHERE etl_num >= 1") == ["\(Self.tables)"])
    }

    @Test(arguments: [Place.Kind.mariadb, .postgres])
    func `two workers share a night, and when one is killed the other takes over`(_ kind: Place.Kind) throws {
        let (night, erp, dw) = try night(kind, .postgres)
        let first = try night.start("--day", "2026-11-21", "--parallel", "2", "--lease", "3")
        let second = try night.start("--day", "2026-11-21", "--parallel", "2", "--lease", "3")
        usleep(700_000)
        first.signal(SIGKILL)
        _ = first.wait()
        let result = second.wait()
        expect(result, 0)
        try expectWhole(night, erp, dw)
        // Exactly once each.
        #expect(try night.control.lines("SELECT etl_num FROM datax_config") == Array(repeating: "1", count: Self.tables))
    }

    @Test func `a worker on another machine that gives no sign of life is followed up within the lease`() throws {
        let (night, erp, dw) = try night(.mariadb, .postgres)
        let first = try night.start("--day", "2026-11-21", "--parallel", "2", "--lease", "2")
        try wait("a lease", until: { try night.control.lines("SELECT count(*) FROM apus_lease WHERE state = 'running'") != ["0"] })
        first.signal(SIGKILL)
        _ = first.wait()
        // As if its process were on a machine that cannot be looked at.
        try night.control.run("UPDATE apus_lease SET host_name = 'elsewhere' WHERE state = 'running'")
        let held = try night.control.lines("SELECT count(*) FROM apus_lease WHERE state = 'running'")
        let start = Date()
        let result = try night.extract("--day", "2026-11-21", "--lease", "2")
        expect(result, 0)
        #expect(held == ["0"] || Date().timeIntervalSince(start) < 30)
        try expectWhole(night, erp, dw)
    }

    @Test(arguments: [Place.Kind.mariadb, .postgres], [FaultProxy.Behaviour.refuse, .blackHole])
    func `a control database that goes away for long is waited for, and what became of the tables is written`(
        _ kind: Place.Kind, _ fault: FaultProxy.Behaviour
    ) throws {
        let port = kind == .mariadb ? try MariaDBServer.shared().port : try PostgresServer.shared().port
        let proxy = try FaultProxy(to: port)
        defer { proxy.end() }
        let (night, erp, dw) = try night(kind, .postgres, through: proxy.port)
        let command = try night.start("--day", "2026-11-21", "--parallel", "2", "--lease", "3", "--rows-per-second", "15000")
        try wait("rows on their way", until: { command.errorsSoFar.contains("started") })
        proxy.behaviour = fault
        // Until nothing more can be done without it. A server that is silent is away as well as one that refuses.
        try wait("the word that it is away", upTo: 180, until: { command.errorsSoFar.contains("the control database does not answer") })
        try wait("tables that wait", upTo: 180, until: { command.errorsSoFar.contains("waits for the control database") })
        usleep(4_000_000)
        proxy.behaviour = .passThrough
        let result = command.wait()
        expect(result, 0, "is back")
        try expectWhole(night, erp, dw)
        #expect(try night.control.lines("SELECT etl_num FROM datax_config") == Array(repeating: "1", count: Self.tables))
    }

    @Test func `a control database that does not come back in time makes the run fail, and the same command goes on`() throws {
        let server = try MariaDBServer.shared()
        let proxy = try FaultProxy(to: server.port)
        defer { proxy.end() }
        let (night, erp, dw) = try night(.mariadb, .postgres, through: proxy.port)
        let command = try night.start(
            "--day", "2026-11-21", "--parallel", "2", "--lease", "3", "--patience", "3", "--rows-per-second", "15000")
        try wait("rows on their way", until: { command.errorsSoFar.contains("started") })
        proxy.behaviour = .blackHole
        let result = command.wait()
        expect(result, 1, "the control database does not answer", "did not come back")
        #expect(try night.control.lines("SELECT count(*) FROM datax_log WHERE is_finished = 1") != ["\(Self.tables)"])
        proxy.behaviour = .passThrough
        expect(try night.extract("--day", "2026-11-21", "--lease", "3"), 0)
        try expectWhole(night, erp, dw)
    }

    @Test func `Ctrl-C stops at a checkpoint, and the same command goes on`() throws {
        let (night, erp, dw) = try night(.sqlite, .postgres)
        let command = try night.start("--day", "2026-11-21", "--parallel", "2", "--rows-per-second", "40000")
        try wait("rows on their way", until: { command.errorsSoFar.contains("started") })
        usleep(300_000)
        command.signal(SIGINT)
        let stopped = command.wait()
        #expect(stopped.status == 130, "\(stopped.stdout)\(stopped.stderr)")
        #expect(try night.control.lines("SELECT count(*) FROM datax_log WHERE is_finished = 1") != ["\(Self.tables)"])
        expect(try night.extract("--day", "2026-11-21"), 0)
        try expectWhole(night, erp, dw)
    }
}
