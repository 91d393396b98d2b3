import ApusCore
import ApusFlow
import ArgumentParser

struct Import: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Turns jobs of other programs into a flow file.", subcommands: [ImportDataX.self])
}

struct ImportDataX: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "datax", abstract: "Turns DataX job files into a flow file, and lists what did not map.",
        discussion: """
            Jobs that share source and target become one flow. Passwords become
            ${SOURCE_PASSWORD} and ${TARGET_PASSWORD}, ${name} becomes {{ name }}. Nothing is
            opened.

            EXAMPLE: apus import datax jobs/*.json > flow.yaml
            """)

    @Argument(help: "The job files.") var jobs: [String]
    @OptionGroup var output: Output

    func run() throws {
        let log = output.open()
        let made = try DataXImport(
            jobs.map { (name: $0, bytes: try JobText.read($0, Program.interrupt)) }, connectors: Registry.connectors)
        Output.product(made.yaml)
        for note in made.notes { log.say(.warning, "not mapped: \(note)") }
    }
}
