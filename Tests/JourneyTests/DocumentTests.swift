import ApusTesting
import Foundation
import Testing

@Suite struct DocumentTests {
    /// Pages with examples that are run.
    static let pages = (["README.md", "README.zh.md"] + Repository.entries("docs").filter { $0.hasSuffix(".md") }.map { "docs/\($0)" })
        .filter { (try? Repository.text($0).contains("```console")) ?? false }

    @Test(.requires(.program("sqlite3", package: "sqlite3")), arguments: pages)
    func `examples print what the page says`(page: String) throws {
        try PageRun.check(page, files: nil)
    }

    @Test func `every path of the tour exists`() throws {
        let text = try Repository.text("docs/tour.md")
        let paths = text.matches(of: #/`((?:Sources|Tests|Benchmarks|Journeys|docs|scripts)[\w\/.+-]*|Package\.swift)`/#).map { String($0.1) }
        #expect(paths.count > 20)
        for path in paths { #expect(FileManager.default.fileExists(atPath: "\(Repository.root)/\(path)"), "\(path)") }
    }

    @Test func `links and paths of all pages lead somewhere`() throws {
        let result = try runCommand("\(Repository.root)/scripts/check-links")
        #expect(result.status == 0, "\(result.stdout)")
    }

    @Test func `the page of errors has every code with the exit code that the source gives`() throws {
        let source = try Repository.text("Sources/ApusCore/ApusError.swift")
        let codes = source.matches(of: #/static let \w+ = Code\("([\w.]+)"\)/#).map { String($0.1) }
        #expect(codes.count > 20)
        let page = try Repository.text("docs/errors.md")
        let listed = page.matches(of: #/\n\| `([\w.]+)` \|/#).map { String($0.1) }
        #expect(Set(codes) == Set(listed))
        #expect(listed.count == Set(listed).count)
    }

    @Test func `the page of commands is what the program says`() throws {
        let result = try runCommand("\(Repository.root)/scripts/cli-page", ["--check"], environment: ["APUS": try apusBinary()])
        #expect(result.status == 0, "\(result.stdout)\(result.stderr)")
    }

    @Test func `every connector has a type table and is on the page of types`() throws {
        let page = try Repository.text("docs/types.md")
        for connector in Repository.entries("Sources/Connectors") {
            #expect(page.contains("Sources/Connectors/\(connector)/README.md"), "\(connector)")
        }
    }

    @Test(.requires(.program("sqlite3", package: "sqlite3")))
    func `the demo compares every value and says so`() throws {
        let folder = try TemporaryFolder(prefix: "apus-demo")
        let result = try runCommand(
            "\(Repository.root)/scripts/demo", [folder.file("shop")], environment: ["APUS": try apusBinary()], timeout: .seconds(300))
        #expect(result.status == 0, "\(result.stdout.suffix(2000))\(result.stderr.suffix(2000))")
        #expect(result.stdout.matches(of: #/equal: \d+ rows/#).count == 2)
    }
}
