import ApusCore
import ApusTesting
import Testing

@testable import StarRocksConnector

@Suite("Materialized views outlive a swap of their table", .requires(.starrocks))
struct ViewTests {
    private func replace(_ desk: LoadDesk, _ session: StarRocksSession, _ run: String) throws -> [String] {
        let load = try desk.load(session, mode: .replace, run: run)
        try session.lock(load)
        try session.prepare(load)
        var runner = SliceRunner(session, load)
        try runner.run(0) { UsualRow.batches(UsualRow.plain(0..<10), $0) }
        try session.finish(load)
        try session.forget(load)
        session.unlock(load)
        return session.takeRemarks()
    }

    private func active(_ desk: LoadDesk, _ view: String) throws -> String {
        try desk.value(
            "SELECT IS_ACTIVE FROM information_schema.materialized_views WHERE TABLE_SCHEMA = '\(desk.database)' AND TABLE_NAME = '\(view)'"
        )
    }

    @Test(arguments: [StarRocksDouble.Profile.v2_5, .v3_3, .v4_0])
    func `those that the swap makes inactive are activated again, and told`(_ profile: StarRocksDouble.Profile) throws {
        let desk = try LoadDesk(profile)
        try desk.makeTable()
        try desk.makeTable("other")
        try desk.run(
            "CREATE MATERIALIZED VIEW days DISTRIBUTED BY HASH(day) REFRESH MANUAL AS SELECT day, count(*) AS n FROM t GROUP BY day")
        try desk.run("CREATE MATERIALIZED VIEW off DISTRIBUTED BY HASH(id) REFRESH MANUAL AS SELECT id FROM t")
        try desk.run("ALTER MATERIALIZED VIEW off INACTIVE")
        try desk.run("CREATE MATERIALIZED VIEW others DISTRIBUTED BY HASH(id) REFRESH MANUAL AS SELECT id, 't' AS t FROM other")
        let session = try desk.open()
        defer { session.close() }
        let planned = try session.consequences(of: desk.load(session, mode: .replace))
        #expect(planned.count == 1 && planned[0].contains("days"), "\(planned)")
        #expect(try session.consequences(of: desk.load(session, mode: .append)).isEmpty)
        let told = try replace(desk, session, "run-1")
        #expect(told.count == 1 && told[0].contains("days") && told[0].contains("activated again"), "\(told)")
        #expect(try ["days", "off", "others"].map { try active(desk, $0) } == ["true", "false", "true"])
        #expect(session.takeRemarks().isEmpty)
        #expect(try desk.rows() == UsualRow.expected(UsualRow.plain(0..<10)))
    }

    @Test func `one that cannot be activated is told with the statement`() throws {
        let desk = try LoadDesk()
        try desk.makeTable()
        try desk.makeTable("other")
        try desk.run(
            "CREATE MATERIALIZED VIEW days DISTRIBUTED BY HASH(id) REFRESH MANUAL AS SELECT t.id FROM t JOIN other ON t.id = other.id")
        let session = try desk.open()
        defer { session.close() }
        let views = DependentViews(session: session, table: try desk.load(session).target)
        let before = try views.all()
        #expect(before.map(\.isActive) == [true])
        try desk.run("DROP TABLE other")
        let told = try views.activate(before)
        #expect(told.count == 1 && told[0].hasSuffix("ALTER MATERIALIZED VIEW `\(desk.database)`.`days` ACTIVE;"), "\(told)")
        // After a crash nobody knows whether it was the swap.
        #expect(try views.activate(nil).count == 1)
    }
}
