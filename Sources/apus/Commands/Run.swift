import ApusControl
import ApusCore
import ApusEngine
import ApusFlow
import ApusListen
import ArgumentParser

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs a flow file, or a plan that was made before.",
        discussion: """
            EXAMPLES:
              apus run flow.yaml --set day=2026-11-21
              apus run flow.yaml --only 'sales.*'
              apus run --plan plan.json --slice 17 --job monday     beside others
            """)

    @Argument(help: "The flow file.") var flow: String?
    @Option(help: ArgumentHelp("A plan of `apus plan -o`, instead of a flow file.", valueName: "file")) var plan: String?
    @Option(help: ArgumentHelp("Load only this slice of the plan; workers share the ledger and the run.", valueName: "number")) var slice:
        Int?
    @Option(
        help: ArgumentHelp(
            "Workers with the same plan and the same job are one run, which loads each slice once; another job loads them again.",
            valueName: "name"))
    var job: String?
    @Option(help: ArgumentHelp("Seconds without a sign of life after which another worker takes a slice over.", valueName: "seconds"))
    var lease = Runner.Share.lease
    @OptionGroup var flowOptions: FlowOptions
    @OptionGroup var watermarkOptions: WatermarkOptions
    @OptionGroup var runOptions: RunOptions
    @OptionGroup var output: Output

    func validate() throws {
        guard (flow == nil) != (plan == nil) else { throw ValidationError("Name a flow file, or a plan with --plan.") }
        guard slice == nil || plan != nil else { throw ValidationError("--slice needs --plan.") }
        guard flowOptions.zone == nil || plan == nil else {
            throw ValidationError("A plan states its zone: --zone is for \(Advice.name("plan")).")
        }
        guard !flowOptions.createSchema || plan == nil else {
            throw ValidationError("A plan states what it makes: --create-schema is for \(Advice.name("plan")).")
        }
        guard job == nil || slice != nil else { throw ValidationError("--job needs --slice.") }
        guard lease >= 1, lease <= 3600 else { throw ValidationError("--lease is 1 to 3600 seconds.") }
    }

    func run() throws {
        if let plan { try run(planFile: plan) }
        let log = output.open()
        let file = try flowOptions.read(flow!)
        for notice in file.notices { log.say(.warning, notice) }
        let ends = try Ends(file.flow)
        let ledger = try LedgerPlace(runOptions.ledger).open()
        let (made, open) = try Planning(flow: file.flow, ends: ends, only: flowOptions.patterns(), start: watermarkOptions.watermarkStart)
            .plan(
                ledger: ledger, log: log, keepsConnections: true)
        try Planning.admit(made, log)
        var launcher = Launcher(
            plan: made, from: ends.sources, to: ends.to, output: output, ledgerPlace: runOptions.ledger,
            summaryFile: runOptions.summaryFile)
        launcher.secrets = RunSecrets(file.flow)
        launcher.open = open
        try launcher.launch()
    }

    private func run(planFile path: String) throws -> Never {
        _ = output.open()
        let plan = try PlanFile.read(path)
        try plan.checkStatements()
        if !plan.canRun, let fault = plan.fault(strict: false) { throw fault }
        let ends = try Ends(plan: plan, runID: nil, askPassword: flowOptions.askPassword)
        let launcher = Launcher(
            plan: plan, from: ends.sources, to: ends.to, output: output, ledgerPlace: runOptions.ledger,
            summaryFile: runOptions.summaryFile)
        guard let slice else { try launcher.launch() }
        // All workers of one plan are one run.
        var share = try Runner.Share(slice, of: plan)
        share.lease = lease
        try launcher.launch(runID: RunID.shared(by: plan.hash(), job: job), share: share)
    }
}
