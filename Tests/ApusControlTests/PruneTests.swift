import ApusCore
import ApusTesting
import Foundation
import Tabular
import Testing

@testable import ApusControl

@Suite struct PruneTests {
    @Test(arguments: LedgerHome.tested) func `old runs are forgotten whole, but not those that somebody will go on with`(_ home: LedgerHome)
        throws
    {
        let place = try LedgerPlace(home)
        let ledger = try place.ledger()
        let append = #"{"tables":[{"load":{"mode":"append"}}]}"#
        let now = Clock.wall(), day = 86_400.0
        func begin(_ id: String, _ status: RunRecord.Status, daysAgo: Double, plan: String = "{}", error: String? = nil) throws {
            var run = RunRecord.sample(id, startedAt: now - daysAgo * day, plan: plan)
            run.status = status
            run.beatAt = now - daysAgo * day
            run.error = error
            try ledger.begin(run)
            try ledger.record(TableRecord(table: 0, name: "a", target: "a", status: status == .done ? .done : .failed), run: id)
            let slice = Slice(id: 0, bounds: .all)
            try ledger.record(SliceRecord(slice: slice, status: .done, attempts: 1, tally: Tally(), seconds: 1), table: 0, run: id)
            try ledger.reject([RejectedRow(row: 1, column: "a", reason: "no", values: "{}")], slice: 0, table: 0, run: id, restart: true)
        }
        try begin("old", .done, daysAgo: 100)
        try begin("old-failed", .failed, daysAgo: 100)
        try begin("old-append", .done, daysAgo: 100, plan: append)
        try begin("given-up", .failed, daysAgo: 100, plan: append, error: RunRecord.discarded)
        try begin("half-added", .failed, daysAgo: 100, plan: append)
        try begin("young", .done, daysAgo: 80)
        try ledger.setWatermark(flow: "f", to: "5")
        #expect(try ledger.unfinishedRuns(to: RunRecord.sample().to).map(\.id).sorted() == ["given-up", "half-added", "old-failed"])
        #expect(try ledger.prune(olderThan: 200 * day) == 0)
        #expect(try ledger.prune(olderThan: 90 * day) == 4)
        #expect(Set(try ledger.runs(limit: 10).map(\.id)) == ["half-added", "young"])
        for id in ["old", "old-failed", "old-append", "given-up"] {
            #expect(try ledger.tables(run: id).isEmpty && ledger.slices(run: id, table: 0).isEmpty)
            #expect(try ledger.rejected(run: id).isEmpty && ledger.run(id) == nil)
        }
        #expect(try ledger.rejected(run: "young").count == 1 && ledger.run("half-added")?.plan == append)
        #expect(try ledger.watermark(flow: "f") == "5")
        #expect(try ledger.prune(olderThan: 90 * day) == 0)
    }
}
