import ApusCore
import ApusEngine
import ApusExtract
import ApusFlow
import ApusListen
import ArgumentParser
import Tabular

struct SQLScript: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sql", abstract: "Runs a script of SQL, statement by statement.",
        discussion: """
            Statements are parted by semicolons; {{ day }} and what --set gives are filled
            in, with the formats that flow files know. Each statement is committed by
            itself unless the script says BEGIN.

            EXAMPLES:
              apus sql warehouse summary.sql --set day=2026-11-21
              apus sql postgres://etl@dw/dw nightly.sql --on-error continue
            """)
    @Argument(help: "A connection's URL or name.") var connection: String
    @Argument(help: "The script; - for standard input.") var file: String
    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("Give a parameter its value, e.g. day=2026-11-21. Repeatable.", valueName: "name=value"))
    var parameters: [String] = []
    @Option(help: ArgumentHelp("The time zone of `day`, `now` and the session.", valueName: "zone")) var zone: String?
    @Option(help: "What a failed statement does to the rest: stop or continue.") var onError: OnError = .stop
    @OptionGroup var output: Output

    enum OnError: String, ExpressibleByArgument, CaseIterable { case stop, `continue` }

    func run() throws {
        let log = output.open()
        let parameters = try Parameters(given: Given.values(parameters), timeZone: zone)
        let script = try Script.read(file, parameters: parameters)
        let resolved = try Resolver.make(zone: zone.map { try Zone.named($0).name }).resolve(connection)
        for notice in resolved.notices { log.say(.warning, notice) }
        let session = try Connections(resolved.connector, resolved.connection.endpoint).sql(Program.interrupt)
        defer { session.close() }
        let outcomes = script.run(on: session, goesOn: onError == .continue) { outcome in
            if let error = outcome.error { log.fail(error.advised()) }
        }
        Output.product(
            TextTable.text(
                ["line", "statement", "rows", "time", "status"],
                outcomes.map {
                    [
                        String($0.statement.line), $0.statement.title, $0.error == nil ? Quantity.text(count: $0.rows) : "",
                        Quantity.text(seconds: $0.seconds), $0.error == nil ? "done" : "failed",
                    ]
                }))
        let left = script.statements.count - outcomes.count
        if left > 0 { log.say(.warning, "\(left) further \(left == 1 ? "statement was" : "statements were") not run") }
        if Program.interrupt.isFired { throw ExitStatus(number: StopSignals.exitCode) }
        if outcomes.contains(where: { $0.error != nil }) { throw ExitStatus(number: ExitCode.failed) }
    }
}

/// The values that `--set name=value` gives.
enum Given {
    /// - throws: `config.invalid` for a `--set` without `=`.
    static func values(_ texts: [String]) throws -> [String: String] {
        var given: [String: String] = [:]
        for text in texts {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else {
                throw ApusError(
                    .configurationInvalid, "`--set \(text)` has no value", hint: "Write --set name=value, e.g. --set day=2026-11-21.")
            }
            given[String(parts[0])] = String(parts[1])
        }
        return given
    }
}
