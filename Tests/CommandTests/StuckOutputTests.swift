import ApusTesting
import Foundation
import Testing

/// Nobody reads what the program says.
@Suite struct StuckOutputTests {
    @Test(arguments: ["text", "json"])
    func `a full pipe on standard error that nobody reads stalls no run`(_ log: String) throws {
        let user = try User(), source = try Store(.sqlite)
        let name = "a_table_" + String(repeating: "long_", count: 30)
        try source.run(
            (0..<250).map { "CREATE TABLE \(name)\($0) (id INTEGER PRIMARY KEY); INSERT INTO \(name)\($0) VALUES (1);" }.joined())
        // Both ends of the pipe are held by the shell, so that it is never closed. A pipe holds 64 KiB.
        let result = try user.shell(
            """
            mkfifo pipe; exec 9<>pipe
            apus copy '\(source.url())' null: --log \(log) -v 2>&9 >out; echo "status $?"
            timeout 1 cat <&9 >said; wc -c <said; tail -4 out
            """)
        #expect(result.stdout.contains("status 0"), "\(result.stdout) \(result.stderr)")
        let said = result.stdout.split(separator: "\n").compactMap { Int($0) }.first ?? 0
        #expect((40_000...65_536).contains(said))
        #expect(result.stdout.contains(#/total +250 /#))
    }

    @Test func `what is slow to be read is read whole and in order`() throws {
        let user = try User(), source = try Store(.sqlite)
        let name = "a_table_" + String(repeating: "long_", count: 30)
        try source.run(
            (0..<250).map { "CREATE TABLE \(name)\($0) (id INTEGER PRIMARY KEY); INSERT INTO \(name)\($0) VALUES (1);" }.joined())
        let result = try user.shell(
            "apus copy '\(source.url())' null: --log json -v 2>&1 >/dev/null | (sleep 1; cat) | grep -o '\"seq\":[0-9]*' | cut -d: -f2")
        let numbers = result.stdout.split(separator: "\n").compactMap { Int($0) }
        #expect(numbers.count > 500)
        // The plan's own lines come first, with numbers of their own.
        let run = numbers.suffix(from: numbers.lastIndex(of: 1) ?? 0)
        #expect(Array(run) == Array(1...max(1, run.count)))
    }
}
