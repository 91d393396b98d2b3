import ApusTesting
import Foundation
import Testing

/// A plan whose slices are loaded by workers of their own, with a ledger that all of them reach.
struct SharedPlan {
    let desk: Desk
    let ledger: Desk.Database
    let slices: Int

    /// `rows` rows of `events` in `slices` slices, and a table of its own without rows.
    init(_ kind: Desk.Kind = .mariadb, to target: Desk.Kind = .postgres, rows: Int = 8000, slices: Int = 4, perSecond: Int? = nil) throws {
        desk = try Desk(kind, to: target)
        ledger = try Desk.Database(.postgres, in: desk.home, "")
        self.slices = slices
        try desk.source.run(
            """
            \(kind == .mariadb ? "SET max_recursive_iterations = 10000000;" : "")
            CREATE TABLE events (id bigint NOT NULL PRIMARY KEY, what varchar(60), amount decimal(12,2), at timestamp NOT NULL);
            INSERT INTO events WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(rows))
              SELECT i, concat('event ', i), i / 4, '2026-01-01 00:00:00' FROM n;
            CREATE TABLE nothing (id int PRIMARY KEY);
            """)
        try desk.target.run("CREATE TABLE told (what varchar(40))")
        try desk.home.write(
            """
            from: erp
            to: dw
            before: ["INSERT INTO told VALUES ('before all')"]
            after: ["INSERT INTO told VALUES ('after all')"]
            tables:
              events: { slices: \(slices), before: ["INSERT INTO told VALUES ('before events')"], after: ["INSERT INTO told VALUES ('after events')"] }
              nothing:
            \(perSecond.map { "limits: { rows_per_second: \($0) }" } ?? "")

            """, to: "flow.yaml")
        expect(try desk.apus("plan", "flow.yaml", "-o", "plan.json"), 0)
    }

    var environment: [String: String] { get throws { ["APUS_LEDGER": try ledger.url()] } }

    func load(_ slice: Int, job: String = "a", lease: Int = 30) throws -> CommandResult {
        try desk.apus(
            "run", "--plan", "plan.json", "--slice", "\(slice)", "--job", job, "--lease", "\(lease)", "--progress", "never",
            with: environment)
    }

    func start(_ slice: Int, job: String = "a", lease: Int = 30) throws -> RunningCommand {
        try RunningCommand(
            try apusBinary(),
            [
                "run", "--plan", desk.home.file("plan.json"), "--slice", "\(slice)", "--job", job, "--lease", "\(lease)", "--progress",
                "never",
            ],
            environment: desk.environment.merging(environment) { $1 }, cleanEnvironment: true)
    }

    func verify(job: String = "a") throws -> CommandResult { try desk.apus("verify", "plan.json", "--job", job, with: environment) }

    /// Every value of the target, in order, beside the source's, both as their own clients tell them.
    func expectSameValues(sourceLocation: SourceLocation = #_sourceLocation) throws {
        let sql = "SELECT id, what, amount, CAST(at AS char(19)) FROM events ORDER BY id"
        let (given, held) = (try desk.source.lines(sql), try desk.target.lines(sql))
        let difference = zip(given, held).first { $0 != $1 }
        #expect(difference == nil, sourceLocation: sourceLocation)
        #expect(given.count == held.count && !given.isEmpty, "\(given.count) and \(held.count)", sourceLocation: sourceLocation)
    }

    var told: [String] { get throws { try desk.target.lines("SELECT what FROM told ORDER BY what") } }

    func expectToldOnce(sourceLocation: SourceLocation = #_sourceLocation) throws {
        let told = try told
        #expect(told == ["after all", "after events", "before all", "before events"], sourceLocation: sourceLocation)
    }

    var leftovers: [String] {
        get throws {
            try desk.target.lines("SELECT tablename FROM pg_tables WHERE tablename LIKE 'apus%stg%' OR tablename LIKE 'apus%old%'")
        }
    }
}

@Suite(.requires(.mariadb, .postgres)) struct `Workers of one plan` {
    @Test func `workers at once load every slice once, and statements before and after run once`() throws {
        let plan = try SharedPlan(rows: 20_000, slices: 8)
        expect(try plan.verify(), 78, "the ledger knows no run of this plan and the job `a`")
        let workers = try (0...plan.slices).map { try plan.start($0) }
        for worker in workers {
            let result = worker.wait()
            #expect(result.status == 0, "\(result.stderr)")
        }
        try plan.expectSameValues()
        try plan.expectToldOnce()
        #expect(try plan.leftovers.isEmpty)
        expect(try plan.verify(), 0, "2 of 2 tables equal by checksum")
        // Once more: all is done, nothing is loaded or told again.
        for slice in 0...plan.slices { expect(try plan.load(slice), 0) }
        try plan.expectToldOnce()
        try plan.expectSameValues()
        // Another job is another load.
        for slice in 0...plan.slices { expect(try plan.load(slice, job: "b"), 0) }
        #expect(try plan.told.count == 8)
        expect(try plan.verify(job: "b"), 0)
    }

    @Test func `a worker killed in mid-load is taken over when its lease is over`() throws {
        let plan = try SharedPlan(rows: 20_000, slices: 2, perSecond: 4000)
        let worker = try plan.start(0, lease: 3)
        let deadline = Date(timeIntervalSinceNow: 30)
        while try plan.ledger.lines("SELECT count(*) FROM pg_tables WHERE tablename = 'apus_claim'") != ["1"]
            || plan.ledger.lines("SELECT count(*) FROM apus_claim WHERE work_name = 'slice 0.0' AND state = 'held'") != ["1"],
            Date() < deadline
        {
            usleep(50_000)
        }
        usleep(700_000)
        worker.signal(SIGKILL)
        #expect(worker.wait().status == 137)
        expect(try plan.verify(), 1, "events: slices 0, 1 are not loaded")
        let began = Date()
        let second = try plan.load(0, lease: 3)
        expect(second, 0, "whose last sign of life is")
        #expect(Date().timeIntervalSince(began) < 30)
        expect(try plan.load(1, lease: 3), 0)
        expect(try plan.load(2, lease: 3), 0)
        try plan.expectSameValues()
        try plan.expectToldOnce()
        #expect(try plan.leftovers.isEmpty)
        expect(try plan.verify(), 0)
    }

    @Test func `two workers of one slice: the second waits and loads nothing`() throws {
        let plan = try SharedPlan(rows: 10_000, slices: 1, perSecond: 4000)
        let first = try plan.start(0)
        usleep(600_000)
        let second = try plan.load(0)
        expect(second, 0, "slice 0.0 is with worker")
        #expect(first.wait().status == 0)
        expect(try plan.load(1), 0)
        try plan.expectSameValues()
        try plan.expectToldOnce()
    }

    @Test func `a difference of one value is found`() throws {
        let plan = try SharedPlan(rows: 2000, slices: 1)
        for slice in 0...1 { expect(try plan.load(slice), 0) }
        expect(try plan.verify(), 0, "2 of 2 tables equal")
        try plan.desk.target.run("UPDATE events SET amount = amount + 0.01 WHERE id = 77")
        expect(try plan.verify(), 2, "1 different")
        try plan.desk.target.run(
            "UPDATE events SET amount = amount - 0.01 WHERE id = 77; INSERT INTO events SELECT 2001, what, amount, at FROM events WHERE id = 1"
        )
        expect(try plan.verify(), 2, "1 different")
        expect(try plan.desk.apus("verify", "plan.json", "--values-only"), 2, "1 different")
    }

    @Test func `a plan whose password was written out cannot be given to workers`() throws {
        let desk = try Desk(.sqlite, "CREATE TABLE a (id int)")
        let secret = try MariaDBServer.shared().options.password
        try desk.home.write("from: erp\nto: \(try Desk.Database(.mariadb, in: desk.home, "").url())\ntables: [a]\n", to: "flow.yaml")
        expect(try desk.apus("plan", "flow.yaml", "-o", "plan.json"), 0)
        let refused = try desk.apus("export", "slurm", "plan.json")
        expect(refused, 78, "had its password written out", "Write ${VARIABLE}")
        #expect(!(refused.stdout + refused.stderr).contains(":\(secret)@"))
    }
}
