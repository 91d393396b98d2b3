import ApusCore
import ApusTesting
import Tabular
import Testing

@testable import StarRocksConnector

@Suite("Loads arrive, whatever the version and the way", .requires(.starrocks))
struct SinkTests {
    @Test(arguments: StarRocksDouble.Profile.allCases, ["auto", "transaction", "stream_load"])
    func `rows with every separator arrive as they are`(_ profile: StarRocksDouble.Profile, _ interface: String) throws {
        let desk = try LoadDesk(profile, settings: ["interface=\(interface)"])
        try desk.makeTable()
        let session = try desk.open()
        defer { session.close() }
        let load = try desk.load(session, slices: 2)
        try session.lock(load)
        try session.prepare(load)
        var runner = SliceRunner(session, load)
        try runner.run(0) { UsualRow.batches(0..<2500, $0) }
        try runner.run(1) { UsualRow.batches(2500..<4000, $0) }
        try session.finish(load)
        #expect(try desk.rows() == UsualRow.expected(0..<4000))
        #expect(try session.marks(load).map(\.written) == [2500, 1500])
        #expect(runner.failures.isEmpty)
        try session.forget(load)
        session.unlock(load)
        #expect(try desk.value("SELECT count(*) FROM apus_marks") == "0")
        #expect(try violations(desk).isEmpty)
    }

    @Test(arguments: ["none", "lz4", "zstd"])
    func `every compression and the rotation of requests keep the rows`(_ compression: String) throws {
        let desk = try LoadDesk(.v3_3, settings: ["interface=transaction", "compression=\(compression)", "load_bytes=1MiB"])
        try desk.makeTable()
        let session = try desk.open()
        defer { session.close() }
        let load = try desk.load(session)
        try session.prepare(load)
        var runner = SliceRunner(session, load)
        try runner.run(0) { UsualRow.batches(0..<30_000, $0) }
        #expect(try desk.rows() == UsualRow.expected(0..<30_000))
        let requests = try desk.double.requests(path: "/api/transaction/load").filter {
            $0.headers["db"] == desk.database && $0.node.hasPrefix("be")
        }
        #expect(requests.count > 1, "more than one request of one transaction")
        #expect(try violations(desk).isEmpty)
    }

    @Test(arguments: [StarRocksDouble.Profile.v2_5, .v3_3, .doris])
    func `a full refresh swaps the new rows in, and finishing twice changes nothing`(_ profile: StarRocksDouble.Profile) throws {
        let desk = try LoadDesk(profile)
        try desk.makeTable()
        let session = try desk.open()
        defer { session.close() }
        for (run, ids) in [("run-1", 0..<500), ("run-2", 300..<1000)] {
            let load = try desk.load(session, mode: .replace, run: run)
            try session.lock(load)
            try session.prepare(load)
            try session.prepare(load)
            var runner = SliceRunner(session, load)
            try runner.run(0) { UsualRow.batches(ids, $0) }
            try session.finish(load)
            try session.finish(load)
            #expect(try desk.rows() == UsualRow.expected(ids))
            try session.forget(load)
            session.unlock(load)
        }
        #expect(try desk.double.query("SHOW TABLES", database: desk.database).map { $0[0] }.sorted() == ["apus_marks", "t"])
    }

    @Test func `a swap that was done before the process died is not done back`() throws {
        let desk = try LoadDesk()
        try desk.makeTable()
        try desk.run("INSERT INTO t VALUES (1, 1, 'old', 1, '2024-01-01', '2024-01-01 00:00:00')")
        let session = try desk.open()
        defer { session.close() }
        let load = try desk.load(session, mode: .replace)
        try session.prepare(load)
        var runner = SliceRunner(session, load)
        try runner.run(0) { UsualRow.batches(0..<10, $0) }
        // As `finish` does it, up to the instant behind the swap.
        let number = try desk.double.query("SHOW PARTITIONS FROM \(load.staging.name)", database: desk.database)[0][0]
        try session.setMark(StarRocksSession.Mark.finishing, load, label: number)
        try desk.run("ALTER TABLE t SWAP WITH \(load.staging.name)")
        try session.finish(load)
        #expect(try desk.rows() == UsualRow.expected(0..<10))
    }

    @Test(arguments: [StarRocksDouble.Profile.v3_3, .doris])
    func `upsert changes rows of the same key, and leaves columns alone that it does not carry`(_ profile: StarRocksDouble.Profile) throws {
        let desk = try LoadDesk(profile)
        try desk.makeTable(model: profile.isDoris ? "UNIQUE KEY(id)" : "PRIMARY KEY(id)")
        let session = try desk.open()
        defer { session.close() }
        let whole = try desk.load(session, mode: .upsert, key: ["id"])
        try session.prepare(whole)
        var runner = SliceRunner(session, whole)
        try runner.run(0) { UsualRow.batches(0..<100, $0) }
        try runner.run(1) { UsualRow.batches(50..<150, $0) }
        #expect(try desk.rows() == UsualRow.expected(0..<150))
        let some = try desk.load(session, mode: .upsert, key: ["id"], run: "run-2", columns: ["id", "name"])
        try session.prepare(some)
        var second = SliceRunner(session, some)
        try second.run(0) { schema in
            let batch = Batch(schema: schema)
            UsualRow.append(["7", "new"], to: batch)
            return [batch]
        }
        #expect(try desk.double.query("SELECT name, amount FROM t WHERE id = 7", database: desk.database) == [["new", "2.59"]])
        let keyless = try desk.load(session, mode: .upsert, key: ["name"], run: "run-3")
        #expect(apusError { try session.prepare(keyless) }?.code == .unsupported)
    }

    static let ranges = """
        PARTITION BY RANGE(day) (PARTITION p1 VALUES LESS THAN ("1970-02-01"), PARTITION p2 VALUES LESS THAN ("1970-03-01"), \
        PARTITION p3 VALUES LESS THAN ("1970-04-01"))
        """

    @Test(arguments: [(ranges, "p3"), ("PARTITION BY date_trunc('month', at)", "p197003")])
    func `a window is exchanged in one statement, in whatever partitions it lies`(_ partitions: String, _ untouched: String) throws {
        let desk = try LoadDesk()
        try desk.run(
            """
            CREATE TABLE t (id bigint NOT NULL, n int NULL, name varchar(60) NULL, amount decimal(12,2) NULL, day date NULL, at datetime NULL) \
            DUPLICATE KEY(id) \(partitions) DISTRIBUTED BY HASH(id) BUCKETS 1
            """)
        let session = try desk.open()
        defer { session.close() }
        let first = try desk.load(session)
        try session.prepare(first)
        var runner = SliceRunner(session, first)
        try runner.run(0) { UsualRow.batches(0..<80, $0) }
        var window = try desk.load(session, mode: .window, run: "run-2")
        window.window = "`day` >= '1970-01-21' AND `day` < '1970-02-11'"
        try session.prepare(window)
        var second = SliceRunner(session, window)
        // Days 20 to 40 of the calendar: half of them come again.
        try second.run(0) { UsualRow.batches(stride(from: 20, to: 41, by: 2), $0) }
        try session.finish(window)
        try session.finish(window)
        let kept = Array(0..<20) + Array(stride(from: 20, to: 41, by: 2)) + Array(41..<80)
        #expect(try desk.rows() == UsualRow.expected(kept))
        let overwrites = try desk.double.statements().filter { $0.database == desk.database && $0.sql.hasPrefix("INSERT OVERWRITE") }
        #expect(overwrites.count == 1)
        #expect(overwrites[0].sql.contains(untouched) == false, "a partition that has nothing of the window is left alone")
    }

    @Test func `a second run on the same target is refused while the first one's process lives`() throws {
        let desk = try LoadDesk()
        try desk.makeTable()
        let session = try desk.open(), other = try desk.open()
        defer {
            session.close()
            other.close()
        }
        var first = try desk.load(session)
        try session.lock(first)
        var second = try desk.load(other, run: "run-2")
        let early = apusError { try other.lock(second) }
        #expect(early?.code == .locked, "also before the lock is written")
        session.unlock(first)
        (first.locksFirst, second.locksFirst) = (true, true)
        try session.lock(first)
        let error = apusError { try other.lock(second) }
        #expect(error?.code == .locked)
        #expect(error?.message.contains("run-1") == true)
        session.unlock(first)
        try other.lock(second)
        // A process that is gone holds nothing.
        try desk.run("UPDATE apus_marks SET writer = concat(substring_index(writer, ' ', 1), ' 999999 1') WHERE slice = -2")
        try session.lock(first)
    }

    @Test(arguments: ["auto", "transaction"])
    func `a label that was written down and never used is used by the next process`(_ interface: String) throws {
        let desk = try LoadDesk(settings: ["interface=\(interface)"])
        try desk.makeTable()
        let session = try desk.open()
        defer { session.close() }
        let load = try desk.load(session)
        try session.prepare(load)
        var labels = try LoadLabels(session, LoadClient(session), load)
        labels.generation = try #require(try session.mark(StarRocksSession.Mark.prepared, load)).label
        // As processes leave it that are killed behind the journal's row, twice.
        for (attempt, state) in [(1, JournalEntry.State.sending), (2, .dead), (3, .open)] {
            try session.write(
                JournalEntry(
                    slice: 0, attempt: attempt, label: labels.label(0, attempt), state: state, writer: "gone 1 1", read: 20, written: 20),
                load)
        }
        var runner = SliceRunner(session, load)
        try runner.run(0) { UsualRow.batches(0..<20, $0) }
        #expect(runner.failures.isEmpty)
        #expect(try desk.rows() == UsualRow.expected(0..<20))
        #expect(try session.marks(load) == [SliceMark(slice: 0, read: 20, written: 20, rejected: 0)])
    }

    @Test(arguments: ["auto", "transaction"])
    func `a load that was given up and begun again does not take the old labels for its own`(_ interface: String) throws {
        let desk = try LoadDesk(settings: ["interface=\(interface)"])
        try desk.makeTable(model: "PRIMARY KEY(id)")
        let session = try desk.open()
        defer { session.close() }
        let load = try desk.load(session, mode: .replace)
        for _ in 0..<2 {
            try session.prepare(load)
            var runner = SliceRunner(session, load)
            try runner.run(0) { UsualRow.batches(0..<20, $0) }
            try session.discard(load)
        }
        try session.prepare(load)
        var runner = SliceRunner(session, load)
        try runner.run(0) { UsualRow.batches(0..<20, $0) }
        try session.finish(load)
        #expect(try desk.rows() == UsualRow.expected(0..<20))
    }

    @Test func `a slice that is loaded is passed over, and counted`() throws {
        let desk = try LoadDesk()
        try desk.makeTable()
        let session = try desk.open()
        defer { session.close() }
        let load = try desk.load(session)
        try session.prepare(load)
        var runner = SliceRunner(session, load)
        for _ in 0..<2 {
            #expect(try runner.run(0) { UsualRow.batches(0..<10, $0) }.written == 10)
        }
        #expect(try desk.rows() == UsualRow.expected(0..<10))
    }

    func violations(_ desk: LoadDesk) throws -> [StarRocksDouble.Violation] {
        try desk.double.violations().filter { $0.path?.contains(desk.database) ?? true }
    }
}
