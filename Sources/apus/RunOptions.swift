import ApusControl
import ApusCore
import ArgumentParser

/// Options of every command that runs a plan.
struct RunOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where runs are remembered: a path, a mysql:// or postgres:// URL, or a connection. APUS_LEDGER sets it too.", valueName: "url")
    )
    var ledger: String?

    @Option(help: ArgumentHelp("Write the honest counts of the run to this file, as JSON.", valueName: "file"))
    var summaryFile: String?
}
