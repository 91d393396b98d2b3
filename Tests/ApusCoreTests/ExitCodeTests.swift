import ApusCore
import Foundation
import Testing

/// Exit codes are API.
@Suite struct ExitCodeTests {
    let root: URL

    init() {
        root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    }

    private func text(_ path: String) throws -> String { try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8) }

    private static func between(_ start: String, _ end: String, of text: String) -> String {
        guard let first = text.range(of: start), let last = text.range(of: end, range: first.upperBound..<text.endIndex) else { return "" }
        return String(text[first.upperBound..<last.lowerBound])
    }

    /// What `ExitCode` names.
    private func known() throws -> Set<Int32> {
        let code = try text("Sources/ApusCore/ApusError.swift")
        let body = Self.between("public enum ExitCode {", "}", of: code)
        return Set(body.matches(of: /static let [a-zA-Z]+: Int32 = ([0-9]+)/).map { Int32($0.1)! })
    }

    @Test func `the page of errors lists every exit code, and no other`() throws {
        let page = try text("docs/errors.md")
        let section = Self.between("## Exit codes\n", "\n## ", of: page)
        var listed: Set<Int32> = []
        for row in section.matches(of: /\n\| ([0-9, ]+) \|/) {
            listed.formUnion(row.1.split(separator: ",").map { Int32($0.trimmingCharacters(in: .whitespaces))! })
        }
        let datax = Self.between("`apus datax` has DataX's codes instead: ", ".", of: section)
        listed.formUnion(datax.matches(of: /\b[0-9]+\b/).map { Int32($0.0)! })
        #expect(try listed == known())
        #expect(listed.contains(ExitCode.different) && listed.contains(ExitCode.dataXUsage))
    }

    @Test func `the help lists the same codes`() throws {
        let program = try text("Sources/apus/Program.swift")
        let help = Self.between("EXIT CODES:\n", "\"\"\"", of: program)
        let words = help.split(separator: "\n").compactMap { $0.split(separator: " ").first }
        let listed = Set(words.flatMap { $0.split(separator: "/").compactMap { Int32($0) } })
        #expect(try listed == known().subtracting([ExitCode.dataXUsage]))
    }

    @Test func `nothing ends the program with a number of its own`() throws {
        let folder = root.appendingPathComponent("Sources")
        let files = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
        var ends = 0
        for path in files where path.hasSuffix(".swift") && !path.hasPrefix("ApusTesting/") {
            let code = try String(contentsOf: folder.appendingPathComponent(path), encoding: .utf8)
            ends += code.matches(of: /ExitStatus\(number: |\b_?exit\(/).count
            for found in code.matches(of: /(ExitStatus\(number: *|\b_?exit\()-?[0-9][^\n]*/) {
                // A reader that has left is no failure.
                #expect(found.0.contains("EPIPE"), "\(path): \(found.0)")
            }
        }
        #expect(ends > 10)
    }
}
