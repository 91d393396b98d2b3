import ApusCore
import ApusTesting
import Foundation
import Testing

@Suite struct DocumentTests {
    /// Pages with examples that are run.
    static let pages =
        (["README.md", "README.zh.md"] + Repository.entries("docs").filter { $0.hasSuffix(".md") }.map { "docs/\($0)" })
        .filter { (try? Repository.text($0).contains("```console")) ?? false }

    /// Those that need servers.
    static let serverPages = pages.filter { (try? !ConsolePage(path: "\(Repository.root)/\($0)").requires.isEmpty) ?? false }

    @Test(
        .requires(.program("sqlite3", package: "sqlite3")), arguments: Set(pages).subtracting(serverPages).sorted())
    func `examples print what the page says`(page: String) throws {
        try PageRun.check(page, files: nil)
    }

    @Test(
        .requires(.starrocks, .mariadb, .program("sqlite3", package: "sqlite3")), .timeLimit(.minutes(10)), arguments: serverPages)
    func `examples between servers print what the page says`(page: String) throws {
        try PageRun.check(page, files: nil)
    }

    @Test func `every path of the tour exists`() throws {
        let text = try Repository.text("docs/tour.md")
        let paths = text.matches(
            of: #/`((?:Sources|Tests|Benchmarks|Journeys|docs|scripts)[\w\/.+-]*|Package\.swift)`/#
        ).map { String($0.1) }
        #expect(paths.count > 20)
        for path in paths { #expect(FileManager.default.fileExists(atPath: "\(Repository.root)/\(path)"), "\(path)") }
    }

    @Test func `links and paths of all pages lead somewhere`() throws {
        let result = try runCommand("\(Repository.root)/scripts/check-links")
        #expect(result.status == 0, "\(result.stdout)")
    }

    @Test func `the page of errors has every code, with what the source says of it`() throws {
        let source = try Repository.text("Sources/ApusCore/ApusError.swift")
        let codes = source.matches(of: #/static let \w+ = Code\("([\w.]+)"\)/#).map { String($0.1) }
        #expect(codes.count > 20)
        let page = try Repository.text("docs/errors.md")
        let rows = page.matches(of: #/\n\| `([\w.]+)` \| [^|]+ \| ([^|]+) \| (yes|no) \|/#)
        #expect(Set(codes) == Set(rows.map { String($0.1) }))
        #expect(codes.count == rows.count)
        for row in rows {
            let error = ApusError(.init(String(row.1)), "")
            #expect(String(row.3) == (error.isTransient ? "yes" : "no"), "\(row.1)")
            // Stopped by a signal: the signal decides.
            if error.code != .cancelled { #expect(String(row.2) == String(error.exitCode), "\(row.1)") }
        }
    }

    @Test func `the page of commands is what the program says`() throws {
        let result = try runCommand(
            "\(Repository.root)/scripts/cli-page", ["--check"], environment: ["APUS": try apusBinary()])
        #expect(result.status == 0, "\(result.stdout)\(result.stderr)")
    }

    @Test func `flow files on the pages are valid`() throws {
        let folder = try TemporaryFolder(prefix: "apus-flow")
        var count = 0
        for page in ["README.md", "README.zh.md"]
            + Repository.entries("docs").filter({ $0.hasSuffix(".md") }).map({ "docs/\($0)" })
        {
            for block in try Repository.text(page).matches(of: #/```yaml\n(.*?)```/#.dotMatchesNewlines()) {
                // The page of flow files has a test of its own.
                guard block.1.contains("\nto:"), page != "docs/flow-file.md" else { continue }
                count += 1
                let result = try runCommand(
                    try apusBinary(), ["check", try folder.write(String(block.1), to: "flow.yaml")],
                    environment: ["SHOP_PASSWORD": "x", "DW_PASSWORD": "x", "APUS_CONNECTION_WAREHOUSE": "postgres://etl@dw/warehouse"])
                #expect(result.status == 0, "\(page): \(result.stderr)")
            }
        }
        #expect(count >= 2)
    }

    @Test func `every connector is on the page of types`() throws {
        let page = try Repository.text("docs/types.md")
        for connector in Repository.entries("Sources/Connectors") {
            #expect(page.contains("Sources/Connectors/\(connector)/README.md"), "\(connector)")
        }
    }

    @Test(.requires(.program("sqlite3", package: "sqlite3")))
    func `the demo compares every value and says so`() throws {
        let folder = try TemporaryFolder(prefix: "apus-demo")
        let result = try runCommand(
            "\(Repository.root)/scripts/demo", [folder.file("shop")], environment: ["APUS": try apusBinary()],
            timeout: .seconds(300))
        #expect(result.status == 0, "\(result.stdout.suffix(2000))\(result.stderr.suffix(2000))")
        #expect(result.stdout.matches(of: #/equal: \d+ rows/#).count == 2)
    }
}
