import ApusTesting
import Foundation
import Testing

/// `--log json`: every line of standard error is an object of one version, whatever happens.
@Suite struct JSONLogTests {
    let user: User
    init() throws { user = try User() }

    private func lines(_ result: CommandResult, sourceLocation: SourceLocation = #_sourceLocation) throws -> [[String: Any]] {
        let lines = result.stderr.split(separator: "\n")
        #expect(!lines.isEmpty, sourceLocation: sourceLocation)
        return try lines.enumerated().map { number, line in
            guard let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else {
                throw KitError("not JSON: \(line)")
            }
            #expect(object["schema_version"] as? Int == 1, sourceLocation: sourceLocation)
            #expect(object["seq"] as? Int == number + 1, "\(result.stderr)", sourceLocation: sourceLocation)
            for key in ["ts", "level", "event", "phase", "status"] { #expect(object[key] is String, "\(line)", sourceLocation: sourceLocation) }
            return object
        }
    }

    private func code(_ lines: [[String: Any]]) -> String? { (lines.last?["error"] as? [String: Any])?["code"] as? String }

    @Test func `a run, a failure, a configuration mistake and a wrong command line are all lines of JSON`() throws {
        let source = try Store(.sqlite), target = try Store(.sqlite)
        try source.fill(2000)
        let done = try user.apus("copy", source.url(), target.url(), "--log", "json", "-v")
        #expect(done.status == 0)
        let events = try lines(done).compactMap { $0["event"] as? String }
        for event in ["run_started", "table_started", "slice_finished", "table_finished", "run_finished"] { #expect(events.contains(event)) }

        let failed = try user.apus("copy", source.url(), target.url(), "--mode", "append", "--log", "json")
        #expect(failed.status == 1)
        #expect(try lines(failed).contains { $0["event"] as? String == "run_finished" && $0["status"] as? String == "failed" })

        let missing = try user.apus("copy", source.url(), target.url(), "--table", "nope", "--log=json")
        #expect(missing.status == 78)
        #expect(code(try lines(missing)) == "object.not_found")

        let flow = try user.home.write("from: sqlite:a\nto: sqlite:b\ntabels: {}\n", to: "flow.yaml")
        let mistaken = try user.apus("run", flow, "--log", "json")
        #expect(mistaken.status == 78)
        #expect(code(try lines(mistaken)) == "config.unknown_key")

        for arguments in [["copy", "--log", "json", "--nope", "a", "b"], ["copy", "--log", "json"], ["run", "--log=json", "a", "--plan", "b"], ["copy", "a", "b", "--channels", "x", "--log", "json"]] {
            let usage = try user.run(arguments)
            #expect(usage.status == 64)
            #expect(code(try lines(usage)) == "config.usage", "\(arguments)")
            #expect(usage.stdout == "")
        }
        let help = try user.apus("copy", "--log", "json", "--help")
        #expect(help.status == 0 && help.stderr == "" && help.stdout.contains("EXAMPLES"))
    }
}
