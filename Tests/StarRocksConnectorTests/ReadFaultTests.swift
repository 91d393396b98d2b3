import ApusCore
import ApusTesting
import Tabular
import Testing

@testable import StarRocksConnector

/// What goes wrong while rows are read, and what becomes of it.
@Suite(.requires(.starrocks))
struct ReadFaultTests {
    /// Reads slices as a run does: one that times out is cut in two.
    private func readAll(_ read: Read, _ session: StarRocksSession, _ slices: [Slice]) throws -> (rows: [[String?]], cuts: Int) {
        var open = slices
        var rows: [[String?]] = []
        var cuts = 0
        while let slice = open.popLast() {
            do {
                rows += try texts(read, session, [slice])
            } catch let error as ApusError where error.code == .timeout {
                let halves = try #require(try session.halves(of: slice, in: read), "\(slice.bounds) cannot be cut")
                cuts += 1
                open += halves.map { Slice(id: 0, bounds: $0, rows: slice.rows.map { $0 / 2 }) }
            }
        }
        return (rows.sorted { a, b in a.map { $0 ?? "" }.lexicographicallyPrecedes(b.map { $0 ?? "" }) }, cuts)
    }

    @Test(arguments: [StarRocksDouble.Profile.v2_5, .v3_1, .v3_3, .v4_0, .doris])
    func `a slice that hits query_timeout is cut until its parts fit`(profile: StarRocksDouble.Profile) throws {
        let house = try Warehouse(profile)
        try house.run(
            """
            CREATE TABLE t (dt date NOT NULL, id int NOT NULL, v varchar(20)) DUPLICATE KEY(dt, id)
            PARTITION BY RANGE(dt) (PARTITION p1 VALUES LESS THAN ("2024-01-02"), PARTITION p2 VALUES LESS THAN ("2024-01-03"))
            DISTRIBUTED BY HASH(id) BUCKETS 2;
            """)
        try house.fill("t", "'2024-01-01', n * 3, CONCAT('a', n)", count: 7000)
        try house.fill("t", "'2024-01-02', n, CONCAT('b', n)", count: 3000)
        let session = try house.open("query_timeout=2s")
        let read = wholeRead(try session.describe(TableName("t")), session)
        let whole = try texts(read, session)
        // 2,000 rows in two seconds.
        try house.fault("slow_scan", ["times": -1, "rows_per_second": 1000, "table": "t"])
        let (rows, cuts) = try readAll(read, session, [Slice(id: 0, bounds: .all, rows: 10_000)])
        #expect(cuts >= 5)
        #expect(rows == whole && rows.count == 10_000)
        // The connection lives on after each of them.
        #expect(try session.query("SELECT 1") == [["1"]])
    }

    @Test func `the time that a statement may take follows the size of the slice`() throws {
        let house = try Warehouse(.v3_5)
        try house.run("CREATE TABLE t (id int) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2; INSERT INTO t VALUES (1);")
        let session = try house.open()
        let read = wholeRead(try session.describe(TableName("t")), session)
        func limit() throws -> String? { try session.query("SELECT @@query_timeout")[0][0] }
        _ = try texts(read, session, [Slice(id: 0, bounds: .all, rows: 2_000_000)])
        #expect(try limit() == "1300")
        _ = try texts(read, session)
        #expect(try limit() == "3600")
        let capped = try house.open("query_timeout=10m")
        _ = try texts(read, capped, [Slice(id: 0, bounds: .all, rows: 2_000_000)])
        #expect(try capped.query("SELECT @@query_timeout") == [["600"]])
    }

    @Test func `a result that breaks off never ends well, and the session goes on with another connection`() throws {
        let house = try Warehouse()
        try house.run("CREATE TABLE t (id int, v varchar(100)) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2;")
        try house.fill("t", "n, REPEAT('x', 90)", count: 5000)
        let session = try house.open()
        let read = wholeRead(try session.describe(TableName("t")), session)
        try house.fault("kill_mid_result", ["bytes": 200_000, "table": "t"])
        let error = apusError { _ = try texts(read, session) }
        #expect(error?.code == .unreachable && error?.isTransient == true, "\(String(describing: error))")
        #expect(try texts(read, session).count == 5000)
        // Given up in the middle.
        let reader = try session.reader(read, Slice(id: 0, bounds: .all), wire: [])
        let batch = Batch(schema: read.schema, rowCapacity: 10)
        #expect(try reader.read(into: batch))
        reader.close()
        #expect(try session.query("SELECT COUNT(*) FROM t") == [["5000"]])
    }

    @Test func `an FE that is down or refuses is passed over, and all of them down is said`() throws {
        // Nodes are taken down: a double of its own.
        let double = try StarRocksDouble()
        defer { double.stop() }
        let house = try Warehouse(double)
        try double.takeDown("fe1")
        let session = try house.open("connect_timeout=3s")
        #expect(try session.host.name == double.node("fe2").host)
        #expect(try session.query("SELECT 1") == [["1"]])
        // The FE goes away under an open session: one error, then the other FE.
        try double.bringUp("fe1")
        try double.takeDown("fe2")
        #expect(apusError { _ = try session.query("SELECT 1") }?.code == .unreachable)
        #expect(try session.query("SELECT 1") == [["1"]])
        #expect(try session.host.name == double.node("fe1").host)
        try double.takeDown("fe1")
        let error = apusError { _ = try house.open("connect_timeout=3s") }
        #expect(error?.code == .unreachable && error?.message.contains("none of the 2 FEs answers") == true)
        #expect(error?.description.contains("pw") == false)
        try double.bringUp("fe1")
        try double.bringUp("fe2")
        try double.fault("sql_refused", ["times": 1])
        #expect(try house.open().query("SELECT 1") == [["1"]])
    }

    @Test func `a wrong password is refused at once and never shown`() throws {
        let house = try Warehouse()
        let url = try house.double.url(database: house.database).replacing(":pw@", with: ":wrong-secret@")
        let error = apusError {
            _ = try StarRocksSession(Endpoint(ConnectionURL(parsing: url), StarRocksConnector()), interrupt: Interrupt())
        }
        #expect(error?.code == .refused && error?.description.contains("wrong-secret") == false)
        #expect(error?.context?.contains("•••") == true)
    }

    @Test func `a slice whose partition was written to meanwhile is read again when that is wished`() throws {
        let house = try Warehouse()
        try house.run(
            "CREATE TABLE t (id int, v int) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2; INSERT INTO t VALUES (1, 1), (2, 2);")
        let write: [String: ControlValue] = ["sql": "INSERT INTO t VALUES (3, 3)", "table": "t"]
        let strict = try house.open("on_change=retry")
        let read = wholeRead(try strict.describe(TableName("t")), strict)
        try house.fault("write_during_read", write)
        let error = apusError { _ = try texts(read, strict) }
        #expect(error?.code == .transient && error?.message.contains("was written to while it was read") == true)
        #expect(try texts(read, strict).count == 3)
        let session = try house.open()
        try house.fault("write_during_read", write)
        #expect(try texts(read, session).count == 3)
    }

    @Test func `an interrupt ends a read that waits`() throws {
        let house = try Warehouse()
        try house.run("CREATE TABLE t (id int) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2;")
        try house.fill("t", "n", count: 2000)
        let interrupt = Interrupt()
        let session = try house.open(interrupt: interrupt)
        let read = wholeRead(try session.describe(TableName("t")), session)
        interrupt.fire()
        #expect(apusError { _ = try texts(read, session) }?.code == .cancelled)
    }
}
