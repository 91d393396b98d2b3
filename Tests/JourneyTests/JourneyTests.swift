import ApusTesting
import Foundation
import Testing

/// Where this repository is.
enum Repository {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    static func entries(_ folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "\(root)/\(folder)")) ?? []).sorted()
    }

    static func text(_ path: String) throws -> String { try String(contentsOfFile: "\(root)/\(path)", encoding: .utf8) }
}

/// A page run in a folder of its own, with the built program in PATH.
enum PageRun {
    /// `APUS_RECORD=1` writes what is printed into the page instead of comparing.
    static let records = ProcessInfo.processInfo.environment["APUS_RECORD"] == "1"

    static func check(_ path: String, files: String?) throws {
        var page = try ConsolePage(path: "\(Repository.root)/\(path)")
        let folder = try TemporaryFolder(prefix: "apus-page")
        let work = folder.file("work")
        if let files {
            try FileManager.default.copyItem(atPath: "\(Repository.root)/\(files)", toPath: work)
        } else {
            try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: true)
        }
        let printed = try page.run(in: work, environment: try environment(folder, page.requires))
        if records {
            try page.record(printed)
            return
        }
        for (step, text) in zip(page.steps, printed)
        where step.lines == nil ? !text.isEmpty : !Printed(text).fits(step.expected) {
            Issue.record(
                """
                \(path):\(step.number): $ \(step.command)
                expected:
                \(Printed.steady(step.expected))
                printed:
                \(Printed.steady(text))
                """)
        }
    }

    private static func environment(_ folder: TemporaryFolder, _ requires: Set<String>) throws -> [String: String] {
        let program = try apusBinary()
        // The program goes by its own name, whatever the build calls its folder.
        try FileManager.default.createDirectory(atPath: folder.file("bin"), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: folder.file("bin/apus"), withDestinationPath: program)
        var environment = [
            "PATH":
                "\(folder.file("bin")):\(Repository.root)/scripts:\(ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")",
            "HOME": folder.path, "XDG_STATE_HOME": folder.file("state"), "XDG_CONFIG_HOME": folder.file("config"),
            "APUS_LEDGER": "",
            "NO_COLOR": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8", "APUS": program, "REPOSITORY": Repository.root,
        ]
        if requires.contains("mariadb") {
            let server = try MariaDBServer.shared()
            let database = try server.makeDatabase()
            environment["MARIADB_URL"] = server.url(database: database)
            environment["MARIADB"] =
                "mariadb --no-defaults -h127.0.0.1 -P\(server.port) -u\(server.options.user) -p\(server.options.password) "
                + "--default-character-set=utf8mb4 \(database)"
        }
        if requires.contains("postgres") {
            let server = try PostgresServer.shared()
            environment["POSTGRES_URL"] = server.url(database: try server.makeDatabase())
        }
        for (word, name, profile) in [
            ("starrocks", "STARROCKS", StarRocksDouble.Profile.v3_3), ("starrocks-2.5", "OLD_STARROCKS", .v2_5), ("doris", "DORIS", .doris),
        ] where requires.contains(word) {
            let double = try StarRocksDouble.shared(profile)
            let database = try double.makeDatabase(), node = try double.node("fe1")
            environment["\(name)_URL"] = try double.url(database: database)
            environment["\(name)_CONTROL"] = double.control
            environment["\(name)_DATABASE"] = database
            environment["\(name)_FE"] = "\(node.host):\(node.sqlPort ?? 0)"
            environment["\(name)_HTTP"] = node.http
            environment[name] =
                "mariadb --no-defaults -h\(node.host) -P\(node.sqlPort ?? 0) -u\(double.options.user) -p\(double.options.password) "
                + "--comments --default-character-set=utf8mb4 \(database)"
        }
        return environment
    }
}

@Suite struct JourneyTests {
    static let all = Repository.entries("Journeys").filter { !$0.hasPrefix(".") && !$0.hasSuffix(".md") }

    static let servers: [String: Set<String>] = Dictionary(
        uniqueKeysWithValues: all.map {
            ($0, (try? ConsolePage(path: "\(Repository.root)/Journeys/\($0)/story.md").requires) ?? [])
        })

    @Test(.requires(.program("sqlite3", package: "sqlite3")), arguments: all.filter { servers[$0]!.isEmpty })
    func `every story without a server ends as it is told`(journey: String) throws {
        try PageRun.check("Journeys/\(journey)/story.md", files: "Journeys/\(journey)")
    }

    @Test(
        .requires(.starrocks, .program("sqlite3", package: "sqlite3")), .timeLimit(.minutes(10)),
        arguments: all.filter { journey in servers[journey]!.contains { $0.hasPrefix("starrocks") || $0 == "doris" } })
    func `every story of a warehouse ends as it is told`(journey: String) throws {
        try PageRun.check("Journeys/\(journey)/story.md", files: "Journeys/\(journey)")
    }

    @Test(
        .requires(.mariadb, .postgres),
        arguments: all.filter { journey in
            !servers[journey]!.isEmpty && !servers[journey]!.contains { $0.hasPrefix("starrocks") || $0 == "doris" }
        })
    func `every story between servers ends as it is told`(journey: String) throws {
        try PageRun.check("Journeys/\(journey)/story.md", files: "Journeys/\(journey)")
    }

    @Test func `every journey has a story with commands`() throws {
        #expect(!Self.all.isEmpty)
        for journey in Self.all {
            let page = try ConsolePage(path: "\(Repository.root)/Journeys/\(journey)/story.md")
            #expect(page.steps.count >= 2, "\(journey)")
        }
    }
}
