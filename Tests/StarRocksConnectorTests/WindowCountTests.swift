import ApusCore
import ApusTesting
import Testing

@testable import StarRocksConnector

@Suite("A window that was exchanged is counted", .requires(.starrocks))
struct WindowCountTests {
    private func load(_ desk: LoadDesk, _ session: StarRocksSession, keyed: Bool = false) throws -> Load {
        var load = try desk.load(session, mode: .window, key: keyed ? ["id"] : [])
        load.window = "`id` >= 100 AND `id` < 200"
        return load
    }

    @Test(arguments: [StarRocksDouble.Profile.v3_3, .v3_5, .doris])
    func `rows of one key count once, and the time of an INSERT is set where the version knows it`(
        _ profile: StarRocksDouble.Profile
    ) throws {
        let desk = try LoadDesk(profile)
        try desk.makeTable(model: profile == .doris ? "UNIQUE KEY(id)" : "PRIMARY KEY(id)")
        let session = try desk.open()
        defer { session.close() }
        let first = try desk.load(session, run: "run-0")
        try session.prepare(first)
        var before = SliceRunner(session, first)
        try before.run(0) { UsualRow.batches(UsualRow.plain(0..<30), $0) }
        let load = try load(desk, session, keyed: true)
        try session.prepare(load)
        var runner = SliceRunner(session, load)
        // Rows outside of the window take the place of those of their key.
        try runner.run(0) { UsualRow.batches(UsualRow.plain([3] + Array(12..<16)), $0) }
        try session.finish(load)
        try session.forget(load)
        #expect(try desk.rows() == UsualRow.expected(UsualRow.plain(Array(0..<10) + Array(12..<16) + Array(20..<30))))
        let isSet = try desk.double.statements().contains { $0.database == desk.database && $0.sql.hasPrefix("SET insert_timeout") }
        #expect(isSet == (profile == .v3_5))
    }
}

extension WindowCountTests {
    @Test(arguments: [StarRocksDouble.Profile.v3_3, .doris])
    func `rows that the server loses in the exchange are told before anything is remembered, and a resume puts them in`(
        _ profile: StarRocksDouble.Profile
    ) throws {
        let desk = try LoadDesk(profile)
        try desk.makeTable()
        let session = try desk.open()
        defer { session.close() }
        let load = try load(desk, session)
        try session.lock(load)
        try session.prepare(load)
        var runner = SliceRunner(session, load)
        try runner.run(0) { UsualRow.batches(UsualRow.plain(10..<20), $0) }
        try desk.double.fault("overwrite_loses_rows", ["database": .text(desk.database), "rows": 3])
        let error = apusError { try session.finish(load) }
        #expect(error?.code == .countMismatch)
        #expect(error?.message.contains("10 rows, and there are 7") == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("(label insert_") == true)
        try session.finish(load)
        #expect(try desk.rows() == UsualRow.expected(UsualRow.plain(10..<20)))
        try session.forget(load)
    }
}
