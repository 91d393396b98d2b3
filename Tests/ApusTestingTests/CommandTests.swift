import ApusTesting
import Foundation
import Testing

@Suite struct CommandTests {
    @Test func `a command's status, outputs and input are told apart`() throws {
        let result = try runCommand(
            "sh", ["-c", "cat; echo \"$GREETING\" >&2; exit 3"], environment: ["GREETING": "hello"], stdin: "in")
        #expect(result.status == 3)
        #expect(result.stdout == "in")
        #expect(result.stderr == "hello\n")
    }

    @Test func `outputs larger than a pipe do not block`() throws {
        let result = try runCommand("sh", ["-c", "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2"])
        #expect(result.output.count == 3_000_000)
        #expect(result.errors.count == 3_000_000)
    }

    @Test func `a command that takes too long is ended with its children`() throws {
        let result = try runCommand("sh", ["-c", "sleep 60 & echo $!; wait"], timeout: .milliseconds(300))
        #expect(result.timedOut)
        #expect(result.status == 137)
        let child = try #require(pid_t(result.stdout.trimmingCharacters(in: .whitespacesAndNewlines)))
        usleep(100_000)
        let state = try? String(contentsOfFile: "/proc/\(child)/stat", encoding: .utf8)
        #expect(state == nil || state?.contains(") Z") == true)
    }

    @Test func `a program that does not exist is an error`() {
        #expect(throws: KitError.self) { try runCommand("no-such-program-here") }
    }

    @Test func `a temporary folder goes with its value`() throws {
        var folder: TemporaryFolder? = try TemporaryFolder()
        let path = try #require(try folder?.write("text", to: "deep/file.txt"))
        #expect(try folder?.read("deep/file.txt") == "text")
        folder = nil
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `the built program is found beside the tests`() throws {
        #expect(try apusBinary().hasSuffix("/apus"))
    }

    @Test func `the seeded generator gives SplitMix64's published sequence`() {
        var generator = SeededGenerator(seed: 1_234_567)
        #expect(
            (0..<3).map { _ in generator.next() } == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
            ])
    }
}
