import ApusControl
import ApusCore
import ApusEngine
import ApusFlow
import ApusListen
import ArgumentParser
import Glibc
import Tabular

struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Says whether a plan was loaded whole, and compares the values of both sides.",
        discussion: """
            The step after many workers have loaded the slices of a plan. First the ledger: every table must be done. Then each
            table is read on both sides, and the checksums of its rows are compared, each value in the form that the plan's
            mapping gives it: what is converted on purpose is no difference. A source that has changed since shows as one. Rows
            that the run rejected are told, and are not missed in the target. Of tables that hold rows of other runs too, those
            of the run are compared: a window, rows up to a watermark, or else every row that is read must be found. The last
            column says what was compared, and what not.

            Exit codes: 0 all that was compared is equal; 2 a difference, or a table that one side does not have; 1 a table
            that is not loaded, or could not be read. A table that cannot be compared does not keep the others from it.

            EXAMPLES:
              apus verify plan.json --job 2026-11-21
              apus verify plan.json --job 2026-11-21 --loaded-only
              apus verify 0193… --ledger mysql://etl@ctl/etl
            """)

    @Argument(help: "The plan of `apus plan -o`, or the id of a run.") var plan: String
    @Option(help: ArgumentHelp("The job that its workers were given.", valueName: "name")) var job: String?
    @Flag(help: "Only ask the ledger; read no table.") var loadedOnly = false
    @Flag(help: "Read both sides whatever the ledger knows, e.g. a plan that `apus run flow.yaml` has loaded.") var valuesOnly = false
    @Option(help: ArgumentHelp("Target columns that are not compared, comma-separated.", valueName: "columns")) var except: String?
    @Option(help: ArgumentHelp("Compare in this time zone instead of the plan's.", valueName: "zone")) var zone: String?
    @Option(help: ArgumentHelp("Where runs are remembered.", valueName: "url")) var ledger: String?
    @Flag(help: "Ask for passwords that connections leave out.") var askPassword = false
    @OptionGroup var output: Output

    func validate() throws {
        guard !(loadedOnly && valuesOnly) else { throw ValidationError("--loaded-only and --values-only exclude each other.") }
    }

    func run() throws {
        let log = output.open()
        var (plan, known) = try found()
        if !valuesOnly, try !isLoaded(plan, known, log) { throw ExitStatus(number: ExitCode.failed) }
        if loadedOnly { return }
        if let zone { plan.state(zone: try Zone.named(zone)) }
        let ends = try Ends(plan: plan, runID: known, askPassword: askPassword)
        // Connections serve one table after the other.
        let pool = SessionPool(Program.interrupt)
        defer { pool.close() }
        func pooled(_ end: Connections) -> Connections { Connections(end.connector, end.endpoint, pool: pool) }
        var verification = Verification(plan, from: ends.sources.map(pooled), to: pooled(ends.to), interrupt: Program.interrupt)
        verification.except = try exceptions(in: plan)
        if known != nil || !valuesOnly {
            let rejected = try rejectedRows(known ?? RunID.shared(by: plan.hash(), job: job))
            verification.rejected = { rejected[$0] ?? [] }
        }
        var findings: [Verification.Finding] = []
        for (index, table) in plan.tables.enumerated() {
            try Program.interrupt.check()
            do { findings.append(try verification.compare(index)) } catch let error as ApusError {
                throw error.about("verifying \(table.name)")
            }
        }
        try report(findings)
    }

    /// - throws: `object.not_found` for a column that no table of the plan loads.
    private func exceptions(in plan: Plan) throws -> Set<String> {
        let names = Set((except ?? "").split(separator: ",").map { $0.trimmed })
        let known = Set(plan.tables.flatMap(\.load.columns)).sorted()
        // The columns of a table that could not be planned are not known.
        guard !plan.tables.contains(where: { $0.pending?.isPlanned == false }) else { return names }
        let unknown = names.subtracting(known).sorted()
        guard let first = unknown.first else { return names }
        throw ApusError(
            .notFound,
            "--except names \(unknown.map { "`\($0)`" }.joined(separator: ", ")), which no table of the plan loads",
            hint: Nearest.hint(for: first, among: known))
    }

    private func report(_ findings: [Verification.Finding]) throws {
        Output.product(
            TextTable.text(
                ["table", "target", "source rows", "rejected", "target rows", "verdict"],
                findings.map { finding in
                    let isRead = finding.verdict == .equal || finding.verdict == .different
                    return [
                        finding.table, finding.target,
                        isRead ? Quantity.text(count: finding.sourceRows) : "", isRead ? Quantity.text(count: finding.rejected) : "",
                        isRead ? Quantity.text(count: finding.targetRows) : "",
                        finding.verdict.rawValue + (finding.note.map { " (\($0))" } ?? ""),
                    ]
                }))
        func count(_ verdict: Verification.Finding.Verdict) -> Int { findings.count { $0.verdict == verdict } }
        var parts = ["\(count(.equal)) of \(findings.count) tables equal by checksum", "\(count(.different)) different"]
        if count(.missing) > 0 { parts.append("\(count(.missing)) missing") }
        if count(.unreadable) > 0 { parts.append("\(count(.unreadable)) not readable") }
        parts.append("\(count(.skipped)) not compared")
        let rejected = findings.reduce(0) { $0 + $1.rejected }
        if rejected > 0 { parts.append("\(Quantity.text(count: rejected)) rows rejected") }
        Output.product(parts.joined(separator: ", "))
        if count(.different) + count(.missing) > 0 { throw ExitStatus(number: ExitCode.different) }
        if count(.unreadable) > 0 { throw ExitStatus(number: ExitCode.failed) }
    }

    /// What the ledger keeps of the run's rejected rows, by table.
    private func rejectedRows(_ run: String) throws -> [Int: [RejectedRow]] {
        let ledger = try LedgerPlace(ledger).open()
        defer { ledger.close() }
        return Dictionary(grouping: try ledger.rejected(run: run), by: \.table).mapValues { $0.map(\.row) }
    }

    /// The plan, and the run whose plan it is when a run was named.
    private func found() throws -> (plan: Plan, run: String?) {
        let isID = plan.count >= 8 && plan.allSatisfy { $0.isHexDigit || $0 == "-" } && access(plan, F_OK) != 0
        guard isID else { return (try PlanFile.read(plan), nil) }
        let ledger = try LedgerPlace(ledger).open()
        defer { ledger.close() }
        let record = try RunChoice(ledger).run(plan)
        return (try PlanFile.decode(Array(record.plan.utf8), name: "the plan of run \(record.id)"), record.id)
    }

    /// Whether the ledger knows every table of the plan as done; says which are not.
    private func isLoaded(_ plan: Plan, _ run: String?, _ log: ListenerChoice.Log) throws -> Bool {
        let ledger = try LedgerPlace(ledger).open()
        defer { ledger.close() }
        let id = try run ?? RunID.shared(by: plan.hash(), job: job)
        guard try ledger.run(id) != nil else {
            throw ApusError(
                .notFound, "the ledger knows no run of this plan\(job.map { " and the job `\($0)`" } ?? "")",
                hint: "Give the --job and the --ledger that the workers had.")
        }
        let records = Dictionary(try ledger.tables(run: id).map { ($0.table, $0) }, uniquingKeysWith: { _, last in last })
        var isWhole = true
        for (index, table) in plan.tables.enumerated() where records[index]?.status != .done {
            isWhole = false
            let slices = try ledger.slices(run: id, table: index)
            let done = Set(slices.filter { $0.status == .done || $0.status == .replaced }.map(\.slice.id))
            let first = plan.tables[..<index].reduce(0) { $0 + max(1, $1.slices.count) }
            let missing = table.slices.enumerated().filter { !done.contains($1.id) }.map { String(first + $0.offset) }
            let what =
                table.pending != nil
                ? "could not be planned"
                : missing.isEmpty
                    ? "loaded, but not finished"
                    : "slices \(missing.prefix(20).joined(separator: ", "))\(missing.count > 20 ? " …" : "") are not loaded"
            log.fail(ApusError(.failed, "\(table.name): \(what)\(records[index]?.error.map { ": \($0)" } ?? "")"))
        }
        return isWhole
    }
}
