import ApusCore
import ApusFlow
import ApusListen
import ArgumentParser
import Glibc

struct DataX: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "datax", abstract: "Runs a DataX job file as datax.py does: same arguments, output and exit codes.",
        discussion: """
            bin/datax.py hands its arguments over to this command; point DATAX_LAUNCHER, or
            the path in a script, at it. docs/datax-compatibility.md says key by key what is
            honoured.

            EXAMPLES:
              apus datax job.json -p "-Dday='2026-11-21'"
              apus datax -r mysqlreader -w postgresqlwriter

            OPTIONS of datax.py: -j, --jobid, -m, -p, -r, -w, -d, --loglevel; and
            --summary-file for honest counts. `apus datax --help` lists them.

            EXIT CODES: 0 done, 1 failed, 143 stopped, 255 wrong command line.
            """)

    @Argument(parsing: .captureForPassthrough, help: ArgumentHelp("What datax.py would be given.", valueName: "argument"))
    var words: [String] = []

    func run() throws {
        let arguments: DataXArguments
        let parameters: JobParameters
        do {
            arguments = try DataXArguments(words)
            parameters = try JobParameters(jvm: arguments.jvm, params: arguments.params)
        } catch let error as ApusError {
            Output.log.fail(error)
            throw ExitStatus(number: ExitCode.dataXUsage)
        }
        if arguments.showsHelp {
            Output.product(DataXArguments.usage)
            return
        }
        if let reader = arguments.reader, let writer = arguments.writer {
            do { Output.product(try DataXTemplate.text(reader: reader, writer: writer)) } catch let error as ApusError {
                Output.log.fail(error)
                throw ExitStatus(number: ExitCode.dataXUsage)
            }
            return
        }
        ParentWatch.start()
        throw ExitStatus(number: DataXRun(arguments, parameters).run())
    }
}
