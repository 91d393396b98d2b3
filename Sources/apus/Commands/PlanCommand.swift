import ApusControl
import ApusCore
import ApusEngine
import ApusFlow
import ApusListen
import ArgumentParser

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Shows what a run would do: tables, types, slices, DDL, and what would be lost.",
        discussion: """
            Opens both sides and changes nothing. With -o the plan is written to a file that `apus run --plan` runs, here or
            on another machine; secrets are in it only as references.

            The faults of all tables are told at once. A plan in which at least one table can be loaded is written all the
            same: the others fail when it is run, and `apus resume` plans them again.

            EXAMPLES:
              apus plan flow.yaml
              apus plan flow.yaml -o plan.json
            """)

    @Argument(help: "The flow file.") var flow: String
    @Option(name: .customShort("o"), help: ArgumentHelp("Write the plan to this file, as JSON.", valueName: "file")) var file: String?
    @Option(name: .customLong("output"), help: "text or json.") var format: ProductFormat = .text
    @Option(help: ArgumentHelp("Where watermarks are remembered.", valueName: "url")) var ledger: String?
    @OptionGroup var flowOptions: FlowOptions
    @OptionGroup var watermarkOptions: WatermarkOptions
    @OptionGroup var output: Output

    func run() throws {
        let log = output.open()
        let read = try flowOptions.read(flow)
        for notice in read.notices { log.say(.warning, notice) }
        if output.verbose > 0 {
            for (name, value) in read.parameters.sorted(by: { $0.key < $1.key }) { log.say(.info, "\(name) = \(value)") }
        }
        let ends = try Ends(read.flow)
        let ledger = try LedgerPlace(ledger).open()
        let plan = try Planning(flow: read.flow, ends: ends, only: flowOptions.patterns(), start: watermarkOptions.watermarkStart).plan(
            ledger: ledger, log: log
        ).plan
        try Self.show(plan, format)
        let fault = plan.fault(strict: read.flow.strict)
        if let file, plan.canRun {
            let kept = plan.masked
            if kept != plan {
                log.say(.warning, "statements of this flow hold passwords, which \(file) does not: it can be read, but not be run")
            }
            try PlanFile.write(kept, to: file)
        }
        if let fault { throw fault }
    }

    static func show(_ plan: Plan, _ format: ProductFormat) throws {
        let plan = plan.masked
        Output.product(format == .json ? PlanTable.json(plan) : PlanTable.text(plan))
    }
}
