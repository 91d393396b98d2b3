import ApusCore
import ApusTesting
import Foundation
import SQLiteConnector
import Tabular
import Testing

@testable import ApusControl

@Suite struct LedgerFileTests {
    func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    @Test func `the default place follows the environment`() {
        #expect(SQLLedger.defaultPath(environment: ["APUS_LEDGER": "mysql://h/db", "HOME": "/h"]) == "mysql://h/db")
        #expect(SQLLedger.defaultPath(environment: ["XDG_STATE_HOME": "/s", "HOME": "/h"]) == "/s/apus/ledger.db")
        #expect(
            SQLLedger.defaultPath(environment: ["XDG_STATE_HOME": "relative", "APUS_LEDGER": "", "HOME": "/h"])
                == "/h/.local/state/apus/ledger.db")
    }

    @Test func `nobody else may read the file or what stands beside it`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state/a 100%?#/ledger.db")
        let ledger = try SQLLedger(file: path, connector: SQLiteConnector())
        try ledger.begin(.sample())
        #expect(try mode(folder.file("state")) == 0o700)
        #expect(try mode(folder.file("state/a 100%?#")) == 0o700)
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.file("state/a 100%?#")) {
            #expect(try mode(folder.file("state/a 100%?#/" + name)) == 0o600, "\(name)")
        }
        #expect(try ledger.runs(limit: 1).count == 1)
    }

    @Test func `a place that cannot be made is an error with a hint`() {
        let error = #expect(throws: ApusError.self) {
            try SQLLedger(file: "/proc/nowhere/ledger.db", connector: SQLiteConnector())
        }
        #expect(error?.code == .permission)
        #expect(error?.hint?.contains("--ledger") == true)
    }

    @Test func `no password is in the ledger's bytes`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("ledger.db")
        let ledger = try SQLLedger(file: path, connector: SQLiteConnector())
        let url = try ConnectionURL(parsing: "sqlite://user:s3cr3t-w0rd@h/x.db")
        let endpoint = try Endpoint(url, SQLiteConnector())
        let flow = Flow.Connection(endpoint, reference: url.description)
        let plan = Plan(
            name: nil, from: Plan.End(connector: "sqlite", reference: flow.reference),
            to: Plan.End(connector: "sqlite", reference: flow.reference),
            tables: [], limits: Flow.Limits(), before: [], after: [], consistentSnapshot: false)
        var run = RunRecord.sample(plan: String(decoding: try JSONEncoder().encode(plan), as: UTF8.self))
        run.from = endpoint.label
        try ledger.begin(run)
        try ledger.setWatermark(flow: flow.reference + " orders", to: "1")
        try ledger.finish(
            run: run.id, status: .failed,
            error: ApusError(.refused, "wrong password", context: endpoint.label).description)
        ledger.close()
        var bytes = Data()
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            bytes += try Data(contentsOf: URL(fileURLWithPath: folder.file(name)))
        }
        #expect(bytes.range(of: Data("sqlite://user".utf8)) != nil)
        #expect(bytes.range(of: Data("s3cr3t-w0rd".utf8)) == nil)
    }
}
