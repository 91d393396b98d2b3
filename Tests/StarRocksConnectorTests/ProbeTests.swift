import ApusCore
import ApusTesting
import Tabular
import Testing

@testable import StarRocksConnector

@Suite("Loads are tried before they are trusted, and change their form by slice", .requires(.starrocks))
struct ProbeTests {
    static let tricky: [String?] = ProbeTexts.list(carrying: .json, StarRocksProfile(.starRocks, major: 3, minor: 3, text: "3.3"))

    private func batch(_ rows: [[String?]], _ schema: Schema) -> Batch {
        let batch = Batch(schema: schema, rowCapacity: rows.count)
        for row in rows { UsualRow.append(row, to: batch) }
        return batch
    }

    @Test(arguments: StarRocksDouble.Profile.allCases, ["auto", "transaction", "stream_load"])
    func `every text arrives in every version and way, as another client reads it`(
        _ profile: StarRocksDouble.Profile, _ interface: String
    ) throws {
        let desk = try LoadDesk(profile, settings: ["interface=\(interface)", "probe=auto"])
        try desk.run(
            "CREATE TABLE t (id int NOT NULL, a varchar(200) NULL, b varchar(200) NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1"
        )
        let session = try desk.open()
        defer { session.close() }
        let load = try desk.load(session, run: "probe-\(profile.rawValue)-\(interface)")
        try session.prepare(load)
        let rows: [[String?]] = (0..<1500).map {
            [String($0), Self.tricky[$0 % Self.tricky.count], Self.tricky[$0 / 7 % Self.tricky.count]]
        }
        var runner = SliceRunner(session, load)
        try runner.run(0) { [batch(rows, $0)] }
        #expect(runner.rejected.isEmpty && runner.failures.isEmpty)
        let found = try desk.double.query("SELECT id, hex(a), hex(b) FROM t ORDER BY id", database: desk.database)
        let expected = rows.map { row in [row[0]!] + row[1...].map { $0.map { ProbeTexts.hex($0[...]) } ?? "NULL" } }
        #expect(found == expected)
        // Nothing of the trial stays but what it has shown.
        #expect(try desk.double.query("SHOW TABLES LIKE 'apus_probe%'", database: desk.database).isEmpty)
        let requests = try desk.double.requests(path: "load").filter {
            $0.path.contains(desk.database) || $0.headers["db"] == desk.database
        }
        #expect(requests.allSatisfy { $0.headers["enclose"] == nil && $0.headers["escape"] == nil })
    }

    @Test func `a server that changes what is loaded is found before the first row, and the bytes are told`() throws {
        let double = try StarRocksDouble(.init(.v3_3))
        defer { double.stop() }
        let desk = try LoadDesk(double, settings: ["probe=auto"])
        try desk.makeTable()
        let session = try desk.open()
        defer { session.close() }
        let load = try desk.load(session)
        try session.prepare(load)
        try double.fault("filtered_rows", ["times": -1, "rows": 1])
        let error = try #require(throws: ApusError.self) { _ = try session.writer(load) }
        #expect(error.code == .unproven)
        #expect(error.underlying?.contains("plain: stream_load: ") == true)
        #expect(try desk.value("SELECT count(*) FROM t") == "0")
        #expect(try double.query("SHOW TABLES LIKE 'apus_probe%'", database: desk.database).isEmpty)
    }

    @Test func `a proof is kept beside the target, and asked for by one query`() throws {
        let desk = try LoadDesk(.v3_1, settings: ["probe=auto", "compression=none"])
        try desk.makeTable()
        let session = try desk.open()
        defer { session.close() }
        let name = TableName(schema: desk.database, "t")
        let first = try session.proof(.plain, .streamLoad, beside: name)
        #expect(first.differences.isEmpty)
        let saved = try desk.value("SELECT flow_name FROM apus_checkpoints")
        #expect(saved.contains("starrocks FE") && saved.contains("BE ") && saved.contains("plain stream_load none strict"))
    }

    @Test func `a value that plain cannot carry makes the slice begin again, and later slices begin so`() throws {
        let desk = try LoadDesk(.v3_3)
        try desk.run(
            "CREATE TABLE t (id int NOT NULL, a varchar(200) NULL, b varchar(200) NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1"
        )
        let session = try desk.open()
        defer { session.close() }
        let load = try desk.load(session, run: "forms-sticky", slices: 2)
        try session.prepare(load)
        let writer = try session.writer(load) as! StarRocksWriter
        defer { writer.close() }
        try writer.begin(Slice(id: 0, bounds: .all), careful: false)
        let schema = try session.accepts(load)
        let error = try #require(throws: ApusError.self) {
            _ = try writer.write(batch([["1", "x", "\\N"], ["2", "\u{1}", "y"]], schema))
        }
        #expect(error.code == .formChanged)
        try writer.begin(Slice(id: 0, bounds: .all), careful: false)
        #expect(writer.form.choice.hexed == [1, 2])
        #expect(try writer.write(batch([["1", "x", "\\N"], ["2", "\u{1}", "y"]], schema)).isEmpty)
        #expect(try writer.flush() == 2)
        try writer.commit(SliceMark(slice: 0, read: 2, written: 2, rejected: 0))
        #expect(try desk.rows() == [["v1", "vx", "v\\N"], ["v2", "v\u{1}", "vy"]])
        let other = try session.writer(load) as! StarRocksWriter
        #expect(other.form.choice.hexed == [1, 2])
        other.close()
    }

    @Test func `rows that come once begin in a form that carries them`() throws {
        let desk = try LoadDesk(.v3_3)
        try desk.run("CREATE TABLE t (id int NOT NULL, a varchar(200) NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1")
        let session = try desk.open()
        defer { session.close() }
        let load = try desk.load(session, run: "forms-once")
        try session.prepare(load)
        let writer = try session.writer(load)
        defer { writer.close() }
        writer.willBegin(rereadable: false)
        try writer.begin(Slice(id: 0, bounds: .all), careful: true)
        #expect(try writer.write(batch([["1", "\\N"], ["2", "\u{2}\""]], session.accepts(load))).isEmpty)
        #expect(try writer.flush() == 2)
        try writer.commit(SliceMark(slice: 0, read: 2, written: 2, rejected: 0))
        #expect(try desk.rows() == [["v1", "v\\N"], ["v2", "v\u{2}\""]])
    }

    @Test func `checks name a wrong HTTP port within two seconds`() throws {
        let desk = try LoadDesk(.v3_3)
        let session = try desk.open(["http=1"])
        defer { session.close() }
        let start = Clock.monotonic()
        let checks = session.checks()
        #expect(Clock.monotonic() - start < 2)
        let failed = checks.filter { $0.error != nil }
        #expect(failed.allSatisfy { $0.name.hasPrefix("HTTP port") && $0.error?.code == .unreachable } && !failed.isEmpty)
        #expect(throws: ApusError.self) { try session.checkReach() }
    }

    @Test func `checks of a sound cluster are all ok and leave nothing behind`() throws {
        let desk = try LoadDesk(.v3_3)
        let session = try desk.open(["probe=auto"])
        defer { session.close() }
        let checks = session.checks()
        #expect(checks.allSatisfy { $0.error == nil }, "\(checks.compactMap(\.error))")
        #expect(checks.contains { $0.name.hasPrefix("BE ") } && checks.contains { $0.name == "load by transaction, plain" })
        #expect(try desk.double.query("SHOW TABLES", database: desk.database).isEmpty)
    }
}
