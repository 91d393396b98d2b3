import ApusCore
import ApusTesting
import Testing

@testable import StarRocksConnector

@Suite("Tables with names of any letters are loaded", .requires(.starrocks))
struct NameTests {
    @Test(arguments: [StarRocksDouble.Profile.v2_5, .v3_3, .doris], ["订单", "été 100%", "名称表二"])
    func `a redirection that spoils the name leads to the same table`(_ profile: StarRocksDouble.Profile, _ name: String) throws {
        for settings in [[], ["interface=transaction"]] {
            let desk = try LoadDesk(profile, settings: settings)
            try desk.makeTable("`\(name)`")
            let session = try desk.open(frontends: ["fe2", "fe1"])
            defer { session.close() }
            for mode in [LoadMode.append, .replace] {
                let load = try desk.load(session, name, mode: mode, run: "run-\(mode)")
                try session.lock(load)
                try session.prepare(load)
                try desk.double.fault("location_decoded", ["times": 2])
                var runner = SliceRunner(session, load)
                try runner.run(0) { UsualRow.batches(UsualRow.plain(0..<20), $0) }
                #expect(runner.failures.isEmpty)
                try session.finish(load)
                try session.forget(load)
                session.unlock(load)
            }
            #expect(try desk.value("SELECT count(*) FROM `\(name)`") == "20")
            #expect(try desk.value("SELECT count(*) FROM apus_marks") == "0")
        }
    }

    @Test func `names in a definition are found part by part, and not in texts or comments`() {
        let sql = """
            SELECT `a`.`x y`, "t", 'db.t ''t' /* db.t */, count(*) -- db.t
            FROM `db`.`t``s` AS a JOIN default_catalog.db.orders o ON a.id = o.id
            """
        let names = DependentViews.names(in: sql)
        #expect(names.contains(["db", "t`s"]))
        #expect(names.contains(["default_catalog", "db", "orders"]))
        #expect(names.contains(["a", "x y"]))
        #expect(!names.contains { $0.contains("t") })
    }
}
