import ApusTesting
import Foundation
import Testing

/// Every command that the program prints works when it is pasted.
@Suite(.requires(.postgres)) struct PrintedCommandTests {
    // MARK: None escapes

    /// Who makes a printed command, as `file factory`; how often in a file does not matter.
    private static func makers() throws -> Set<String> {
        var found: Set<String> = []
        for (path, text) in try sources() where !path.hasSuffix("/Advice.swift") {
            for match in text.matches(of: /Advice\.([a-zA-Z]+)\(/) where !["know", "stand", "shellWord", "Place"].contains(match.1) {
                found.insert("\((path as NSString).lastPathComponent) \(match.1)")
            }
        }
        return found
    }

    private static func sources() throws -> [(path: String, text: String)] {
        var root = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { root.deleteLastPathComponent() }
        let folder = root.appendingPathComponent("Sources").path
        let files = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        return try files.filter { $0.hasSuffix(".swift") && !$0.hasPrefix("ApusTesting/") }.sorted().map {
            ($0, try String(contentsOfFile: folder + "/" + $0, encoding: .utf8))
        }
    }

    /// What nothing short can provoke; the same commands are run for other makers.
    private static let elsewhere = [
        // A label that StarRocks has forgotten while it is not known whether its rows are there.
        "LoadLabels.swift resume", "LoadLabels.swift discard",
        // A staging table that somebody dropped, rows that a server loses: faults of StarRocks' double (LabelTests, WindowCountTests).
        "StarRocksFinish.swift discard", "StarRocksWindow.swift resume",
        // A ledger that stays away for half a minute: the same command as FileError's.
        "SQLLedger.swift resume",
    ]

    @Test func `every place that prints a command has a case that provokes it`() throws {
        let makers = try Self.makers().filter { !$0.hasSuffix(" name") }
        #expect(makers.count > 30)
        #expect(makers == Set(PrintedCommands.cases.keys).union(Self.elsewhere))
    }

    @Test func `no text of the program holds a command that was written by hand`() throws {
        let commands = HelpTests.commands.map { $0[0] } + ["datax", "help"]
        let names = Set(commands).sorted().joined(separator: "|")
        let written = try Regex("\"[^\"]*apus (\(names))[ `.:,;\"]")
        // Help has its own test below. What servers are told of a session is not a command.
        let help = try Regex(#"help:|ArgumentHelp\(|discussion:|abstract:|Advice\.|"apus run \\\(|hasPrefix\("apus run "|func sign\("#)
        for (path, text) in try Self.sources() {
            for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
                let isComment = line.drop { $0 == " " }.hasPrefix("//")
                guard !isComment, line.contains(written), !line.contains(help) else { continue }
                // The line above may begin the help.
                let above = text.split(separator: "\n", omittingEmptySubsequences: false)[max(0, number - 1)]
                #expect(above.contains("ArgumentHelp("), "\(path):\(number + 1): \(line)")
            }
        }
    }

    @Test func `commands that are only spoken of exist`() throws {
        let user = try User()
        var count = 0
        for (_, text) in try Self.sources() {
            for match in text.matches(of: /Advice\.name\(([^)]*)\)/) {
                let words = match.1.split(separator: ",").map { $0.trimmingCharacters(in: CharacterSet(charactersIn: " \"\\")) }
                expect(try user.run(["help"] + words), 0, "apus " + words.joined(separator: " "))
                count += 1
            }
        }
        #expect(count >= 5)
    }

    @Test func `examples of the help are understood`() throws {
        let user = try User()
        var seen = 0
        for command in [[]] + HelpTests.commands + [["datax"]] {
            let help = try user.run(["help"] + command).stdout.replacing("\\\n", with: " ")
            for line in help.split(separator: "\n") {
                guard let example = line.firstMatch(of: /^(?:  |EXAMPLE: )(apus [^…]*?)(?:    .*)?$/), !line.contains("help <") else {
                    continue
                }
                // Without a terminal and a network: whatever comes of it, it is no wrong command line.
                let text = String(example.1).replacing(/\ > .*/, with: "")
                let result = try user.shell(
                    text.replacing("u:p@h", with: "u:p@127.0.0.1:1").replacing("u@h/", with: "u@127.0.0.1:1/")
                        .replacing("u@db", with: "u@127.0.0.1:1").replacing("u@dw", with: "u@127.0.0.1:1").replacing(
                            "@ctl/", with: "@127.0.0.1:1/"))
                #expect(result.status != 64 && result.status != 127, "\(text): \(result.stderr)")
                seen += 1
            }
        }
        #expect(seen > 40)
    }

    /// Options that messages name exist.
    @Test func `options and variables that messages name exist`() throws {
        let user = try User()
        var known: Set<String> = ["--no-"]
        for command in [[]] + HelpTests.commands + [["datax"]] {
            for match in try user.run(["help"] + command).stdout.matches(of: /--[a-z][a-z-]+/) { known.insert(String(match.0)) }
        }
        for match in try user.apus("datax", "--help").stdout.matches(of: /--[a-z][a-z-]+/) { known.insert(String(match.0)) }
        let variables: Set = ["APUS_LEDGER", "APUS_CONNECTIONS", "APUS_CONNECTION_"]
        for (path, text) in try Self.sources() where !path.contains("/Export/") {
            for line in text.split(separator: "\n") where line.contains("\"") && !line.drop(while: { $0 == " " }).hasPrefix("//") {
                for match in line.matches(of: /[\ `"(](--[a-z][a-z-]+)/) {
                    #expect(known.contains(String(match.1)), "\(path): \(line)")
                }
                for match in line.matches(of: /["( ](APUS_[A-Z_]+)[^A-Z_(:]/) where !path.hasPrefix("Connectors/StarRocks/LoadClient") {
                    #expect(variables.contains(String(match.1)), "\(path): \(line)")
                }
            }
        }
    }

    @Test func `APUS_LEDGER and APUS_CONNECTION_X do what messages say`() throws {
        let typist = try Typist()
        try typist.sqlite("t.db", "CREATE TABLE a (id integer PRIMARY KEY)")
        let ends = ["APUS_CONNECTION_MY_SHOP": "sqlite:${FOLDER}/t.db", "FOLDER": typist.folder, "APUS_LEDGER": typist.ledger]
        expect(try typist.apus("conn", "tables", "my-shop", with: ends), 0, "a ")
        expect(try typist.apus("copy", "my-shop", typist.url("u.db"), with: ends), 0)
        #expect(FileManager.default.fileExists(atPath: typist.ledger))
        expect(try typist.apus("show", with: ends), 0, "done")
    }

    // MARK: Each works

    @Test(arguments: PrintedCommands.cases.keys.sorted())
    func `a printed command does what the text around it says`(_ maker: String) throws {
        try PrintedCommands.cases[maker]!()
    }
}
