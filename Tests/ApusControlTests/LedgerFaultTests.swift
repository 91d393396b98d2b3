import ApusCore
import ApusTesting
import Foundation
import SQLiteConnector
import Synchronization
import Tabular
import Testing

@testable import ApusControl

/// What is to go wrong with a session's statements.
final class Faults: Sendable {
    private struct State {
        var pending: [(word: String, afterwards: Bool, error: ApusError)] = []
        var opened = 0
    }
    private let state = Mutex(State())

    /// The next statement that begins with `word` fails with `error`, before it runs or after.
    func fail(_ word: String, afterwards: Bool = false, _ error: ApusError) {
        state.withLock { $0.pending.append((word, afterwards, error)) }
    }

    var opened: Int { state.withLock { $0.opened } }
    func open() { state.withLock { $0.opened += 1 } }

    func strike(_ sql: String, afterwards: Bool) throws {
        let error: ApusError? = state.withLock { state in
            guard let index = state.pending.firstIndex(where: { sql.hasPrefix($0.word) && $0.afterwards == afterwards })
            else { return nil }
            return state.pending.remove(at: index).error
        }
        if let error { throw error }
    }
}

/// A session that fails when it is told to.
final class FaultySession: SQLSession {
    let session: any SQLSession
    let faults: Faults

    init(_ session: any SQLSession, _ faults: Faults) {
        self.session = session
        self.faults = faults
        faults.open()
    }

    var interrupt: Interrupt { session.interrupt }
    var banner: String { session.banner }
    func tables(schema: String?) throws -> [TableSummary] { try session.tables(schema: schema) }
    func describe(_ table: TableName) throws -> TableShape { try session.describe(table) }
    func describe(query: String) throws -> TableShape { try session.describe(query: query) }
    func close() { session.close() }

    @discardableResult func execute(_ sql: String) throws -> Int {
        try faults.strike(sql, afterwards: false)
        let count = try session.execute(sql)
        try faults.strike(sql, afterwards: true)
        return count
    }

    func query(_ sql: String, _ parameters: [String?]) throws -> [[String?]] {
        try faults.strike(sql, afterwards: false)
        let rows = try session.query(sql, parameters)
        try faults.strike(sql, afterwards: true)
        return rows
    }
}

@Suite struct LedgerFaultTests {
    let place: LedgerPlace
    let faults = Faults()
    let ledger: SQLLedger

    init() throws {
        let place = try LedgerPlace(.sqlite)
        let faults = faults
        self.place = place
        ledger = SQLLedger(connector: place.connector, label: "ledger.db", patience: 1) { _ in
            FaultySession(try place.session(), faults)
        }
    }

    static let row = [RejectedRow(row: 1, column: nil, reason: "r", values: "{}")]

    @Test func `a lost connection is opened again and the write repeated`() throws {
        try ledger.begin(.sample())
        faults.fail("REPLACE INTO apus_table", ApusError(.unreachable, "gone"))
        faults.fail("BEGIN", ApusError(.transient, "busy"))
        try ledger.record(TableRecord(table: 0, name: "a", target: "b", status: .done), run: "run-1")
        #expect(try ledger.tables(run: "run-1").count == 1)
        #expect(faults.opened == 3)
    }

    @Test func `a commit whose answer was lost does not double anything`() throws {
        try ledger.reject(Self.row, slice: 0, table: 0, run: "r", restart: true)
        faults.fail("COMMIT", afterwards: true, ApusError(.unreachable, "gone"))
        try ledger.reject(Self.row, slice: 0, table: 0, run: "r", restart: false)
        faults.fail("COMMIT", afterwards: true, ApusError(.unreachable, "gone"))
        try ledger.begin(.sample())
        #expect(try ledger.rejected(run: "r").count == 2)
        #expect(try ledger.runs(limit: 9).count == 1)
    }

    @Test func `a ledger that cannot be written throws, with what to do`() throws {
        try ledger.begin(.sample())
        faults.fail("UPDATE apus_run", ApusError(.full, "no space left"))
        let error = #expect(throws: ApusError.self) { try ledger.finish(run: "run-1", status: .done, error: nil) }
        #expect(error?.code == .full)
        #expect(error?.message == "the ledger could not write 1 entries of run run-1: no space left")
        #expect(error?.context == "ledger.db")
        #expect(error?.hint?.contains("APUS_LEDGER") == true)
        #expect(try ledger.run("run-1")?.status == .running)
        for _ in 0..<200 { faults.fail("BEGIN", ApusError(.transient, "busy")) }
        let start = Date()
        #expect(throws: ApusError.self) { try ledger.beat(run: "run-1") }
        #expect(Date().timeIntervalSince(start) < 10)
    }

    @Test func `a key that another connection has just written is no failure`() throws {
        faults.fail("INSERT INTO apus_watermark", ApusError(.rowRejected, "duplicate key"))
        try ledger.setWatermark(flow: "f", to: "1")
        #expect(try ledger.watermark(flow: "f") == "1")
        #expect(faults.opened == 1)
    }

    @Test func `a failed batch leaves nothing behind`() throws {
        try ledger.begin(.sample())
        faults.fail("UPDATE apus_run", ApusError(.permission, "no"))
        #expect(throws: ApusError.self) {
            try ledger.write(
                [
                    .table(TableRecord(table: 0, name: "a", target: "b", status: .done)),
                    .finish(.done, error: nil, at: 1),
                ], run: "run-1")
        }
        #expect(try ledger.tables(run: "run-1").isEmpty)
    }
}
