import ApusCore
import ApusListen
import ArgumentParser
import Glibc

/// Where everything begins: parses the command line, runs the command, turns errors into exit codes.
@main
enum Program {
    static func main() {
        StandardStreams.complete()
        CommandLineSecrets.hide()
        atexit {
            Console.standardOutput.flush()
            Console.standardError.flush()
        }
        StopSignals.watch(Self.interrupt)
        do {
            var command = try Apus.parseAsRoot()
            Advice.stand(at: Advice.Place(command))
            try command.run()
        } catch let error as ApusError {
            Output.log.fail(error.advised())
            exit(StopSignals.signal == nil ? error.exitCode : StopSignals.exitCode)
        } catch let code as ExitStatus {
            exit(code.number)
        } catch {
            if Output.wantsJSON, Apus.exitCode(for: error).rawValue == ExitCode.usage {
                Output.log.fail(ApusError(.usage, Apus.message(for: error), hint: "\(Advice.help(subcommand)) says how."))
                exit(ExitCode.usage)
            }
            // ArgumentParser quotes what it does not understand.
            let code = Apus.exitCode(for: error).rawValue
            let message = Apus.fullMessage(for: error), text = Masking.mask(message)
            // Help and version hold nothing but our own examples.
            if code == 0 { Output.product(message, isMasked: true) }
            if code != 0, !text.isEmpty { Console.standardError.print(text, isMasked: true) }
            exit(code)
        }
    }

    /// The command that a wrong command line means, e.g. `conn test`.
    private static var subcommand: [String] {
        var found: [String] = []
        var type: any ParsableCommand.Type = Apus.self
        for word in CommandLine.arguments.dropFirst() {
            let next = type.configuration.subcommands.first { ($0.configuration.commandName ?? $0._commandName) == word }
            guard let next else { break }
            found.append(word)
            type = next
        }
        return found
    }

    /// Fired by Ctrl-C and SIGTERM.
    static let interrupt = Interrupt()
}

/// Ends the program with a code, everything having been said.
struct ExitStatus: Error {
    var number: Int32
}

struct Apus: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apus",
        abstract: "Moves tables between databases and files, fast, and loses nothing.",
        discussion: """
            EXAMPLES:
              apus copy mysql://u@db/shop postgres://u@dw/ods --table 'orders,customer_*'
              apus init mysql postgres > flow.yaml
              apus plan flow.yaml && apus run flow.yaml
              apus resume

            EXIT CODES:
              0        all is in the target
              1        some tables failed, or too many rows were bad
              2        verify or drift found a difference
              64       wrong command line
              75       a system could not be reached
              78       the configuration is invalid
              130/143  stopped at a checkpoint: apus resume goes on
            """,
        version: "apus \(Version.number)",
        subcommands: [
            Copy.self, Run.self, Check.self, PlanCommand.self, Resume.self, RetryRejected.self, History.self, Show.self,
            Init.self, Conn.self, ConnectorList.self, Verify.self, Control.self, Extract.self, SQLScript.self, Generate.self,
            DriftCommand.self, Export.self, DataX.self, Import.self,
        ])
}

enum Version {
    static let number = "0.1.0"
}
