import ApusControl
import ApusCore
import ApusEngine
import ApusFlow
import ApusListen
import ArgumentParser

struct RetryRejected: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry-rejected",
        abstract: "Loads the rejected rows of a run again, after the target was mended.",
        discussion: """
            Rows that are taken now leave the ledger; rows that are rejected again stay.

            EXAMPLE: apus retry-rejected 0193…
            """)

    @Argument(help: ArgumentHelp("The run's id or its beginning.", valueName: "run")) var id: String
    @Option(help: ArgumentHelp("The run's target, when its password stood on the command line and was not kept.", valueName: "connection"))
    var to: String?
    @Flag(help: "Ask for passwords that connections leave out.") var askPassword = false
    @OptionGroup var runOptions: RunOptions
    @OptionGroup var output: Output

    func run() throws {
        let ledger = try LedgerPlace(runOptions.ledger).open()
        let record = try RunChoice(ledger).run(id)
        let plan = try PlanFile.decode(Array(record.plan.utf8), name: "the plan of run \(record.id)")
        // Rows of a slice that was never committed are read again by `resume`.
        var tables: [Int: RejectedRows.Table] = [:]
        for part in try ledger.rejectedCounts(run: record.id) where plan.tables.indices.contains(part.table) {
            let slices = try ledger.slices(run: record.id, table: part.table)
            guard slices.contains(where: { $0.slice.id == part.slice && $0.status == .done }) else { continue }
            tables[
                part.table,
                default: .init(planned: plan.tables[part.table], number: part.table, parts: [], run: record.id, ledger: ledger)
            ].parts.append((part.slice, part.count))
        }
        guard !tables.isEmpty else {
            output.open().say(.info, "run \(record.id) has no rejected rows that can be loaded again")
            return
        }
        let order = tables.keys.sorted()
        let source = RejectedRows(order.map { tables[$0]! })
        let again = source.plan(like: plan, runID: record.id)
        let ends = try targetEnds(plan, record)
        let from = [Connections(source, try Endpoint(ConnectionURL(parsing: "rejected:\(record.id)"), source))]
        let launcher = Launcher(
            plan: again, from: from, to: ends.to, output: output, ledgerPlace: runOptions.ledger,
            summaryFile: runOptions.summaryFile)
        let newID = RunID.make()
        let result = try launcher.run(runID: newID, resumed: false, ledger: ledger, log: output.open(plan: again))
        try forgetLoaded(order, tables, result, newID, record.id, ledger)
        throw ExitStatus(number: result.tally.rejected > 0 ? ExitCode.failed : Launcher.exitCode(result))
    }

    private func targetEnds(_ plan: Plan, _ record: RunRecord) throws -> Ends {
        guard let to else {
            do { return try Ends(plan: plan, runID: record.id, askPassword: askPassword) } catch var error as ApusError
                where plan.to.reference.contains("•••")
            {
                error.hint =
                    "Give the target once more: \(Advice.retryRejected(record.id, to: plan.to.reference)), with the password in its place."
                throw error
            }
        }
        let ends = try Ends(plan: plan, runID: record.id, to: to, askPassword: askPassword)
        guard ends.to.endpoint.label == record.to else {
            throw ApusError(
                .configurationInvalid, "--to names \(ends.to.endpoint.label), but run \(record.id) loaded \(record.to)",
                hint: "Rejected rows go where the others went.")
        }
        return ends
    }

    /// Rows that were taken leave the old run's list.
    private func forgetLoaded(
        _ order: [Int], _ tables: [Int: RejectedRows.Table], _ result: RunResult, _ newID: String, _ oldID: String,
        _ ledger: any Ledger
    ) throws {
        for (index, table) in order.enumerated() where result.tables[index].status == .done {
            var stillBad = Positions()
            for part in try ledger.rejectedCounts(run: newID) where part.table == index {
                let kept = RejectedRows.Table(
                    planned: tables[table]!.planned, number: index, parts: [(part.slice, part.count)], run: newID, ledger: ledger)
                try kept.eachPage { _, _, page in for entry in page { entry.row.row.map { stillBad.insert($0) } } }
            }
            try tables[table]!.eachPage { slice, position, page in
                let taken = page.enumerated().filter { !stillBad.contains(position + $0.offset) }.map(\.element.sequence)
                try ledger.removeRejected(run: oldID, table: table, slice: slice, sequences: taken)
            }
        }
    }

    /// A set of positions, a bit each.
    private struct Positions {
        private var words: [UInt64] = []

        mutating func insert(_ position: Int) {
            while words.count <= position / 64 { words.append(0) }
            words[position / 64] |= 1 << UInt64(position % 64)
        }

        func contains(_ position: Int) -> Bool { position / 64 < words.count && words[position / 64] >> UInt64(position % 64) & 1 == 1 }
    }
}
