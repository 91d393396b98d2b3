import ApusTesting
import Foundation

/// A Markdown page whose fenced `console` blocks are commands and what they print.
///
/// A line `$ …` is a command, `> …` its next line; what follows is the output, in which `…` stands for any text. All
/// commands of a page run in one shell, one after another. `<!-- requires: mariadb -->` names servers whose URLs come
/// as `MARIADB_URL` and `POSTGRES_URL`; `<!-- run: … -->` is a command without output to be shown.
struct ConsolePage {
    struct Step {
        var command: String
        var expected: String
        /// Lines of the file that hold the expected output; nil for a command of a comment.
        var lines: Range<Int>?
        /// The line of the command, from 1.
        var number: Int
    }

    let path: String
    private(set) var lines: [String]
    private(set) var steps: [Step] = []
    private(set) var requires: Set<String> = []

    init(path: String) throws {
        self.path = path
        lines = try String(contentsOfFile: path, encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false
        ).map(String.init)
        var inBlock = false
        var index = 0
        while index < lines.count {
            let line = lines[index]
            if line.hasPrefix("```") {
                inBlock = !inBlock && line == "```console"
                if line != "```console", line != "```" {
                    // Another kind of block: to its end.
                    index += 1
                    while index < lines.count, lines[index] != "```" { index += 1 }
                }
            } else if inBlock, line.hasPrefix("$ ") {
                index = addStep(at: index)
                continue
            } else if !inBlock, let command = Self.comment("run", line) {
                steps.append(Step(command: command, expected: "", lines: nil, number: index + 1))
            } else if !inBlock, let names = Self.comment("requires", line) {
                requires.formUnion(names.split(separator: " ").map(String.init))
            }
            index += 1
        }
    }

    private static func comment(_ word: String, _ line: String) -> String? {
        let start = "<!-- \(word): "
        guard line.hasPrefix(start), line.hasSuffix(" -->") else { return nil }
        return String(line.dropFirst(start.count).dropLast(4))
    }

    /// - returns: the line behind the step.
    private mutating func addStep(at first: Int) -> Int {
        var command = String(lines[first].dropFirst(2))
        var index = first + 1
        while index < lines.count, lines[index].hasPrefix("> ") || lines[index] == ">" {
            command += "\n" + lines[index].dropFirst(2)
            index += 1
        }
        let start = index
        while index < lines.count, !lines[index].hasPrefix("```"), !lines[index].hasPrefix("$ ") { index += 1 }
        let expected = lines[start..<index].joined(separator: "\n")
        steps.append(Step(command: command, expected: expected, lines: start..<index, number: first + 1))
        return index
    }

    // MARK: - Running

    /// One bash runs all commands; what each printed to either stream, without the last line break.
    func run(in folder: String, environment: [String: String]) throws -> [String] {
        let mark = "--8<-- step"
        var script = "cd '\(folder)'\nexec 2>&1 </dev/null\n__status=0\n"
        for (index, step) in steps.enumerated() {
            script += "printf '\\n\(mark) \(index)\\n'\n(exit $__status)\n\(step.command)\n__status=$?\n"
        }
        script += "printf '\\n\(mark) end\\n'\n"
        let result = try runCommand("bash", ["-c", script], environment: environment, timeout: .seconds(300))
        let parts = result.stdout.components(separatedBy: "\n\(mark) ").dropFirst()
        guard parts.count == steps.count + 1, !result.timedOut else {
            throw KitError("\(path): only \(parts.count) of \(steps.count) commands ran\n\(result.stdout.suffix(4000))")
        }
        return parts.prefix(steps.count).map { part in
            let text = part.drop { $0 != "\n" }.dropFirst()
            return String(text.last == "\n" ? text.dropLast() : text)
        }
    }

    /// Puts what was printed in the place of what was expected, where they differ.
    mutating func record(_ printed: [String]) throws {
        for (step, text) in zip(steps, printed).reversed() {
            guard let range = step.lines, !Printed(text).fits(step.expected) else { continue }
            lines.replaceSubrange(
                range,
                with: text.isEmpty ? [] : text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            )
        }
        try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
    }
}
