import ApusCore
import ApusTesting
import Tabular
import Testing

@testable import StarRocksConnector

/// What loads spend of the labels that a server keeps for a database, and what becomes of a load whose label is forgotten.
@Suite("Loads spend few labels, and survive those that are forgotten", .requires(.starrocks), .serialized)
struct LabelTests {
    /// A cluster of its own, whose settings may change.
    static let double = Result { try StarRocksDouble(StarRocksDouble.Options(.v3_3)) }

    private func desk() throws -> LoadDesk { try LoadDesk(Self.double.get()) }

    /// All labels of loads that are over go.
    private func forgetLabels(_ desk: LoadDesk) throws {
        try desk.makeTable("other")
        try desk.double.configure(["label_keep_max_num": 0])
        // The server clears up when a load begins.
        try desk.run("INSERT INTO other SELECT * FROM other")
        try desk.double.configure(["label_keep_max_num": 1000])
    }

    /// Statements that spend a label, beside those that tests make over a connection of their own.
    private func spent(_ desk: LoadDesk) throws -> [String] {
        try desk.double.statements().filter { $0.database == desk.database }.map(\.sql)
            .filter { ($0.hasPrefix("INSERT") || $0.hasPrefix("DELETE")) && $0.contains("apus_") && !$0.contains("OVERWRITE") }
    }

    private func load(_ desk: LoadDesk, _ load: Load, _ session: StarRocksSession, slices: Int = 1, rows: Int = 10) throws {
        try session.lock(load)
        try session.prepare(load)
        #expect(try session.marks(load).isEmpty)
        for slice in 0..<slices {
            var runner = SliceRunner(session, load)
            try runner.run(slice) { UsualRow.batches(UsualRow.plain(slice * rows..<(slice + 1) * rows), $0) }
        }
        #expect(try session.marks(load).count == slices)
        try session.finish(load)
        try session.forget(load)
        session.unlock(load)
    }

    @Test(arguments: [StarRocksDouble.Profile.v3_3, .doris], [LoadMode.append, .replace, .truncate, .upsert])
    func `a table with one load spends two labels beside it, and with five six`(
        _ profile: StarRocksDouble.Profile, _ mode: LoadMode
    ) throws {
        for slices in mode == .append ? [1, 5] : [1] {
            let desk = try profile == .doris ? LoadDesk(profile) : self.desk()
            try desk.makeTable(model: mode == .upsert ? (profile == .doris ? "UNIQUE KEY(id)" : "PRIMARY KEY(id)") : "DUPLICATE KEY(id)")
            try desk.run("INSERT INTO t VALUES (0, 1, 'old', 1, '2024-01-01', '2024-01-01 00:00:00')")
            if mode == .append { try desk.run("TRUNCATE TABLE t") }
            // The times of target and staging table tell them apart.
            try desk.double.advanceClock(seconds: 5)
            let session = try desk.open()
            defer { session.close() }
            let load = try desk.load(session, mode: mode, key: mode == .upsert ? ["id"] : [], slices: slices)
            try self.load(desk, load, session, slices: slices)
            let spent = try spent(desk)
            // The lock of a table that is emptied first comes before that.
            #expect(spent.count == slices + 1 + (mode == .truncate ? 1 : 0), "\(spent)")
            #expect(try desk.rows() == UsualRow.expected(UsualRow.plain(0..<10 * slices)))
            #expect(try desk.value("SELECT count(*) FROM apus_marks") == "0")
        }
    }

    @Test func `an empty table spends two, and a window two beside its exchange`() throws {
        let desk = try self.desk()
        try desk.makeTable()
        let session = try desk.open()
        defer { session.close() }
        try load(desk, desk.load(session), session, rows: 0)
        #expect(try spent(desk).count == 2)
        var window = try desk.load(session, mode: .window, run: "run-2")
        window.window = "`id` >= 0"
        try load(desk, window, session)
        #expect(try spent(desk).count == 4)
        #expect(try desk.rows() == UsualRow.expected(UsualRow.plain(0..<10)))
        #expect(try desk.double.query("SHOW TABLES", database: desk.database).map { $0[0] }.sorted() == ["apus_marks", "t"])
    }

    /// Another book of what is still to be written, as another process has it.
    private func successor(_ desk: LoadDesk) throws -> StarRocksSession { try desk.open(frontends: ["fe2"]) }

    @Test(arguments: ["DUPLICATE KEY(id)", "PRIMARY KEY(id)"])
    func `what a process has not written before it died is found by its labels, or by the rows`(_ model: String) throws {
        for forgotten in [false, true] {
            let desk = try self.desk()
            try desk.makeTable(model: model)
            let session = try desk.open(frontends: ["fe1"])
            defer { session.close() }
            let load = try desk.load(session, slices: 3)
            try session.lock(load)
            try session.prepare(load)
            for slice in 0..<2 {
                var runner = SliceRunner(session, load)
                try runner.run(slice) { UsualRow.batches(UsualRow.plain(slice * 10..<slice * 10 + 10), $0) }
            }
            let states = try desk.double.query("SELECT state FROM apus_marks WHERE slice >= 0 ORDER BY slice", database: desk.database)
            #expect(states == [["done"], ["sending"]])
            if forgotten { try forgetLabels(desk) }
            let resumed = try successor(desk)
            defer { resumed.close() }
            try resumed.prepare(load)
            #expect(try resumed.marks(load).map(\.slice) == (forgotten ? [0] : [0, 1]))
            for slice in 0..<3 {
                var runner = SliceRunner(resumed, load)
                try runner.run(slice) { UsualRow.batches(UsualRow.plain(slice * 10..<slice * 10 + 10), $0) }
            }
            #expect(try desk.rows() == UsualRow.expected(UsualRow.plain(0..<30)))
        }
    }

    static let aggregate = """
        CREATE TABLE t (id bigint NOT NULL, n bigint SUM NULL) AGGREGATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 \
        PROPERTIES ("replication_num" = "1")
        """

    private func number(_ schema: Schema) -> [Batch] {
        let batch = Batch(schema: schema)
        UsualRow.append(["1", "5"], to: batch)
        return [batch]
    }

    @Test func `an aggregate table that is replaced begins again when its label is forgotten; one that others see stops`() throws {
        for mode in [LoadMode.replace, .append] {
            let desk = try self.desk()
            try desk.run(Self.aggregate)
            let session = try desk.open(frontends: ["fe1"])
            defer { session.close() }
            let load = try desk.load(session, mode: mode)
            try session.lock(load)
            try session.prepare(load)
            try desk.double.fault("label_evicted", ["database": .text(desk.database)])
            var runner = SliceRunner(session, load)
            let error = apusError { try runner.run(0) { number($0) } }
            #expect(error?.code == .interrupted)
            #expect(error?.hint?.contains(mode == .replace ? "makes it anew" : "Compare the table") == true, "\(error?.description ?? "")")
            #expect(error?.hint?.contains("label_keep_max_num") == true)
            try desk.double.clearFaults()
            // As a resume finds it whose predecessor is gone.
            try desk.run("UPDATE apus_marks SET writer = concat(substring_index(writer, ' ', 1), ' 999999 1 x') WHERE slice >= 0")
            let resumed = try successor(desk)
            defer { resumed.close() }
            try resumed.prepare(load)
            var second = SliceRunner(resumed, load)
            if mode == .append {
                #expect(apusError { try second.run(0) { number($0) } }?.code == .interrupted)
            } else {
                try second.run(0) { number($0) }
                try resumed.finish(load)
                try resumed.forget(load)
            }
            #expect(try desk.double.query("SELECT id, n FROM t", database: desk.database) == [["1", "5"]])
        }
    }

    @Test func `what nobody can tell of a staging table does not keep it from being discarded`() throws {
        let desk = try self.desk()
        try desk.run(Self.aggregate)
        let session = try desk.open()
        defer { session.close() }
        let load = try desk.load(session, mode: .replace)
        try session.prepare(load)
        try desk.double.fault("label_evicted", ["database": .text(desk.database)])
        var runner = SliceRunner(session, load)
        #expect(apusError { try runner.run(0) { number($0) } }?.code == .interrupted)
        try desk.double.clearFaults()
        try session.discard(load)
        #expect(try desk.double.query("SHOW TABLES", database: desk.database).map { $0[0] }.sorted() == ["apus_marks", "t"])
    }

    @Test func `two runs that come at once are told of each other before a row is loaded`() throws {
        let desk = try self.desk()
        try desk.makeTable()
        let session = try desk.open(frontends: ["fe1"]), other = try successor(desk)
        defer {
            session.close()
            other.close()
        }
        let first = try desk.load(session), second = try desk.load(other, run: "run-2")
        try session.lock(first)
        // Not seen yet: the first one has written nothing.
        try other.lock(second)
        try session.prepare(first)
        try other.prepare(second)
        var runner = SliceRunner(session, first)
        try runner.run(0) { UsualRow.batches(UsualRow.plain(0..<10), $0) }
        var late = SliceRunner(other, second)
        let error = apusError { try late.run(0) { UsualRow.batches(UsualRow.plain(10..<20), $0) } }
        #expect(error?.code == .locked)
        #expect(error?.message.contains("run-1") == true)
        other.unlock(second)
        try session.finish(first)
        try session.forget(first)
        #expect(try desk.rows() == UsualRow.expected(UsualRow.plain(0..<10)))
        #expect(try desk.value("SELECT count(*) FROM apus_marks") == "0")
    }
}

extension UsualRow {
    /// Rows without letters that matter to a form of encoding.
    static func plain(_ numbers: some Sequence<Int>) -> [Int] { numbers.map { $0 * 10 } }
}
