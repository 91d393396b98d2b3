import ApusCore
import ApusTesting
import Tabular
import Testing

@testable import StarRocksConnector

@Suite("Bad rows and bad surroundings are told, not lost", .requires(.starrocks))
struct BadInputTests {
    /// A batch of texts as its columns' types hold them.
    private func batch(_ rows: [[String?]], _ schema: Schema) -> Batch {
        let batch = Batch(schema: schema, rowCapacity: max(1, rows.count))
        for row in rows { UsualRow.append(row, to: batch) }
        return batch
    }

    @Test(arguments: [StarRocksDouble.Profile.v2_5, .v3_3, .doris])
    func `rows that the server would refuse or change are found before they are sent`(_ profile: StarRocksDouble.Profile) throws {
        let desk = try LoadDesk(profile)
        try desk.run(
            """
            CREATE TABLE t (id bigint NOT NULL, s varchar(6) NOT NULL, big largeint NULL, day date NULL, r double NULL) DUPLICATE KEY(id) \
            PARTITION BY RANGE(id) (PARTITION p1 VALUES LESS THAN ("100")) DISTRIBUTED BY HASH(id) BUCKETS 1
            """)
        let session = try desk.open()
        defer { session.close() }
        let load = try desk.load(session)
        try session.prepare(load)
        var runner = SliceRunner(session, load)
        let long = String(repeating: "x", count: 2 << 20)
        let rows: [[String?]] = [
            ["1", "雨燕", "170141183460469231731687303715884105727", "9999-12-31", "1.5"], ["2", "雨燕1", nil, nil, nil],
            ["3", nil, nil, nil, nil],
            ["4", "a", "170141183460469231731687303715884105728", nil, nil], ["5", "b", nil, nil, "NaN"], ["100", "c", nil, nil, nil],
            ["6", long, nil, nil, nil], ["7", "good", "-170141183460469231731687303715884105728", "2024-02-29", "-0.1"],
        ]
        let mark = try runner.run(0) { schema in
            let wide = Schema(schema.columns.map { $0.name == "s" ? Column("s", .text, nullable: true) : $0 })
            return [self.batch(rows, wide)]
        }
        #expect(mark.written == 2)
        #expect(runner.rejected.map(\.row) == [1, 2, 3, 4, 5, 6])
        #expect(runner.rejected.map(\.column) == ["s", "s", "big", "r", "id", "s"])
        #expect(runner.rejected[0].reason.contains("7 bytes"))
        #expect(runner.rejected[4].reason.contains("in no partition of t"))
        for row in runner.rejected { #expect(!row.safeReason.contains("雨燕1") && !row.safeReason.contains("xxx")) }
        #expect(try desk.value("SELECT count(*) FROM t") == "2")
        #expect(runner.failures.isEmpty)
    }

    @Test(arguments: ["auto", "transaction"])
    func `rows that only the server can judge are found with care`(_ interface: String) throws {
        let desk = try LoadDesk(settings: ["interface=\(interface)"])
        // A list partition is not told by ranges, and JSON that is none only by its reader.
        try desk.run(
            """
            CREATE TABLE t (id bigint NOT NULL, city varchar(10) NOT NULL) DUPLICATE KEY(id) \
            PARTITION BY LIST(city) (PARTITION p1 VALUES IN ("rome","bern")) DISTRIBUTED BY HASH(id) BUCKETS 1
            """)
        let session = try desk.open()
        defer { session.close() }
        let load = try desk.load(session)
        try session.prepare(load)
        var runner = SliceRunner(session, load)
        let mark = try runner.run(0) { schema in
            [self.batch((0..<300).map { [String($0), $0 == 17 || $0 == 230 ? "oslo" : $0 % 2 == 0 ? "rome" : "bern"] }, schema)]
        }
        #expect(mark.written == 298)
        #expect(runner.rejected.map(\.row) == [17, 230])
        #expect(runner.rejected.allSatisfy { $0.reason.contains("out of partition ranges") })
        #expect(runner.failures.map(\.code) == [.rowRejected])
        #expect(try desk.value("SELECT count(*) FROM t") == "298")
    }

    @Test func `a BE that cannot be reached is named, with the setting that helps; and the setting helps`() throws {
        let desk = try LoadDesk()
        try desk.makeTable()
        try desk.double.fault("location_foreign", ["times": -1, "database": .text(desk.database), "host": "be-7.cluster.invalid"])
        let session = try desk.open()
        defer { session.close() }
        let load = try desk.load(session)
        try session.prepare(load)
        var runner = SliceRunner(session, load)
        runner.attempts = 1
        let error = apusError { try runner.run(0) { UsualRow.batches(0..<5, $0) } }
        #expect(error?.code == .unreachable)
        #expect(error?.message.contains("be-7.cluster.invalid:8040") == true)
        #expect(error?.hint?.contains("be_map=") == true)
        let be = try desk.double.node("be1")
        let mapped = try desk.open(["be_map=be-7.cluster.invalid:8040=\(be.http)"])
        defer { mapped.close() }
        var second = SliceRunner(mapped, load)
        try second.run(0) { UsualRow.batches(0..<5, $0) }
        #expect(try desk.rows() == UsualRow.expected(0..<5))
    }

    @Test(arguments: [StarRocksDouble.Profile.v3_3, .doris])
    func `a password that only the second hop refuses is no secret's end`(_ profile: StarRocksDouble.Profile) throws {
        let desk = try LoadDesk(profile)
        try desk.makeTable()
        try desk.double.fault("http_401", ["hop": "be", "database": .text(desk.database)])
        let session = try desk.open()
        defer { session.close() }
        let load = try desk.load(session)
        try session.prepare(load)
        var runner = SliceRunner(session, load)
        let error = apusError { try runner.run(0) { UsualRow.batches(0..<5, $0) } }
        #expect(error?.code == .refused)
        #expect(error?.description.contains("root") == true)
        #expect(error?.description.contains("pw@") == false && error?.description.contains(":pw") == false)
        try runner.run(0) { UsualRow.batches(0..<5, $0) }
        #expect(try desk.rows() == UsualRow.expected(0..<5))
    }

    @Test func `FEs that are down are passed over`() throws {
        let desk = try LoadDesk(StarRocksDouble())
        try desk.makeTable()
        try desk.double.makeLeader("fe2")
        try desk.double.takeDown("fe1")
        let session = try desk.open(frontends: ["fe1", "fe2"])
        defer { session.close() }
        let load = try desk.load(session)
        try session.prepare(load)
        var runner = SliceRunner(session, load)
        try runner.run(0) { UsualRow.batches(0..<5, $0) }
        #expect(try desk.double.query("SELECT count(*) FROM t", database: desk.database, on: "fe2") == [["5"]])
        #expect(runner.failures.isEmpty)
        desk.double.stop()
    }
}
