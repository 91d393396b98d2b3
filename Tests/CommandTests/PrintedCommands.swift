import ApusTesting
import Foundation
import Testing

/// Who prints a command (`file factory`), with what provokes it, types it and looks at what comes of it.
enum PrintedCommands {
    static let cases: [String: @Sendable () throws -> Void] = runs.merging(setup) { $1 }.merging(control) { $1 }

    // MARK: Runs

    static let runs: [String: @Sendable () throws -> Void] = [
        "Runner.swift resume": {
            let typist = try Typist()
            let command = try typist.printed(typist.stopped(), "resume ")
            #expect(command.contains("--ledger '"))
            expect(try typist.type(command), 0, "done")
            #expect(try typist.loaded("t.db") == 20_000)
        },
        "ClosingTable.swift resume": {
            let typist = try Typist()
            let command = try typist.next(typist.stopped(), "resume ")
            expect(try typist.type(command), 0, "done")
            #expect(try typist.loaded("t.db") == 20_000)
        },
        "ClosingTable.swift showRejected": {
            let typist = try Typist()
            try typist.bad()
            let command = try typist.next(typist.copyBad("--bad-rows", "9"), "show ")
            #expect(try typist.type(command).stdout.split(separator: "\n").count == 2)
        },
        "InterruptedLoads.swift resume": {
            let typist = try Typist()
            _ = try typist.stopped()
            let refused = try typist.apus(
                "copy", "generator:t?rows=20000", typist.url("t.db"), "--mode", "append", "--ledger", typist.ledger)
            expect(refused, 1, "would double them")
            expect(try typist.type(typist.printed(refused, "resume ")), 0, "done")
            #expect(try typist.loaded("t.db") == 20_000)
        },
        "InterruptedLoads.swift discard": {
            let typist = try Typist()
            _ = try typist.stopped()
            let again = ["copy", "generator:t?rows=10", typist.url("t.db"), "--mode", "append", "--ledger", typist.ledger]
            let refused = try typist.user.run(again)
            expect(try typist.type(typist.printed(refused, "resume ", and: " --discard")), 0, "removed")
            let kept = try typist.loaded("t.db")
            // Given up: the next append is not refused any more, but for the rows that are there.
            let next = try typist.user.run(again)
            #expect(!(next.stdout + next.stderr).contains("would double them"))
            #expect(try typist.loaded("t.db") >= kept && kept > 0)
        },
        "Runner+Slice.swift showRejected": {
            let typist = try Typist()
            try typist.bad()
            let failed = try typist.copyBad()
            expect(failed, 1, "row.too_many_rejected")
            expect(try typist.type(typist.printed(failed, "show ", and: "--rejected")), 0, "1000")
        },
        "Runner+Slice.swift resume": {
            let typist = try Typist()
            try typist.bad()
            let failed = try typist.copyBad()
            expect(try typist.type(typist.printed(failed, "resume ", and: "--bad-rows 10")), 0, "done")
            #expect(try typist.sqlite("t.db", "SELECT group_concat(id) FROM (SELECT id FROM bad ORDER BY id)") == "1,3,5")
            // In a night's work it is the night's own command.
            let desk = try Desk()
            let night = try desk.extract("--bad-rows", "0")
            let command = try desk.typist.printed(night, "extract ", and: "--bad-rows 10")
            #expect(command.contains(" --retry-failed") && !command.contains("--bad-rows 0"))
            expect(try desk.type(command), 0, "done")
            #expect(try desk.typist.loaded("dw.db", "a") == 1)
        },
        "Runner+Table.swift showRejected": {
            // A share of rows is a limit of DataX templates.
            let desk = try Desk(template: #""errorLimit": {"percentage": 0.01}"#)
            let failed = try desk.extract()
            expect(failed, 1, "the limit is 1")
            #expect(try desk.type(desk.typist.printed(failed, "show ", and: "--rejected")).stdout.split(separator: "\n").count == 1)
            expect(try desk.type(desk.typist.printed(failed, "extract ", and: "--bad-rows 10")), 0, "done")
            #expect(try desk.typist.loaded("dw.db", "a") == 1)
        },
        "Runner+Table.swift resume": {
            let typist = try Typist()
            let keys = "CREATE TABLE child (id integer PRIMARY KEY, p integer REFERENCES parent (id));"
            try typist.sqlite(
                "s.db",
                "CREATE TABLE parent (id integer PRIMARY KEY, v integer); \(keys) INSERT INTO parent VALUES (1, 1000); INSERT INTO child VALUES (1, 1);"
            )
            try typist.sqlite("t.db", "CREATE TABLE parent (id integer PRIMARY KEY, v integer CHECK (v < 100)); \(keys)")
            let failed = try typist.apus("copy", typist.url("s.db"), typist.url("t.db"), "--mode", "append", "--ledger", typist.ledger)
            expect(failed, 1, "which was not loaded", "loads both")
            try typist.sqlite("s.db", "UPDATE parent SET v = 1")
            let command = try #require(
                (failed.stdout + failed.stderr).firstMatch(of: /`(apus resume [^`]*)` loads both/).map { String($0.1) })
            expect(try typist.type(command), 0, "done")
            #expect(try typist.loaded("t.db", "parent") == 1 && typist.loaded("t.db", "child") == 1)
        },
        "RunReport.swift showRejected": {
            let typist = try Typist()
            try typist.bad()
            _ = try typist.copyBad("--bad-rows", "9")
            let report = try typist.apus("show", "--ledger", typist.ledger)
            #expect(try typist.type(typist.printed(report, "show ")).stdout.split(separator: "\n").count == 2)
        },
        "RunReport.swift resume": {
            let typist = try Typist()
            _ = try typist.stopped(SIGKILL)
            let report = try typist.apus("show", "--ledger", typist.ledger)
            expect(try typist.type(typist.printed(report, "resume ")), 0, "done")
            #expect(try typist.loaded("t.db") == 20_000)
        },
        "HistoryTable.swift resume": {
            let typist = try Typist()
            _ = try typist.stopped(SIGKILL)
            let list = try typist.apus("history", "--ledger", typist.ledger)
            expect(try typist.type(typist.printed(list, "resume ")), 0, "done")
            #expect(try typist.loaded("t.db") == 20_000)
        },
        "Show.swift history": {
            let typist = try Typist()
            for name in ["a.db", "b.db"] {
                expect(try typist.apus("copy", "generator:t?rows=9", typist.url(name), "--ledger", typist.ledger), 0)
            }
            for id in ["nosuch", "0"] {
                let failed = try typist.apus("show", id, "--ledger", typist.ledger)
                expect(failed, 78, "hint: ")
                expect(try typist.type(typist.printed(failed, "history")), 0, "a.db", "b.db")
            }
        },
        "SQLiteLock.swift history": {
            let typist = try Typist()
            let copy = ["copy", "generator:t?rows=20000", typist.url("t.db"), "--rows-per-second", "4000", "--ledger", typist.ledger]
            let running = try RunningCommand(try apusBinary(), copy, environment: typist.user.environment, cleanEnvironment: true)
            defer {
                running.signal(SIGKILL)
                _ = running.wait()
            }
            try wait("the first to load") { running.errorsSoFar.contains("started") }
            let refused = try typist.user.run(copy)
            expect(refused, 1, "target.locked")
            expect(try typist.type(typist.printed(refused, "history")), 0, "running")
        },
        "FileError.swift resume": {
            let typist = try Typist()
            let failed = try typist.user.shell(
                "trap '' XFSZ; ulimit -f 2000; apus copy 'generator:t?rows=200000' \"csv:$HOME/out/\" --ledger \(word(typist.ledger))")
            expect(failed, 1, "target.full")
            expect(try typist.type(typist.printed(failed, "resume")), 0, "done", "200,000")
            #expect(FileManager.default.fileExists(atPath: typist.user.home.file("out/t.csv")))
        },
        "PostgresErrors.swift resume": {
            let typist = try Typist(), target = try Store(.postgres)
            try target.run(
                """
                CREATE TABLE t (id bigint PRIMARY KEY, v bigint);
                CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END $$;
                CREATE TRIGGER full_disk BEFORE INSERT ON t EXECUTE FUNCTION full_disk();
                """)
            _ = try typist.write("id,v\n1,1\n2,2\n", to: "t.csv")
            let failed = try typist.apus(
                "copy", "csv:" + typist.odd("t.csv"), target.url(), "--mode", "append", "--ledger", typist.ledger)
            expect(failed, 1, "target.full")
            try target.run("DROP TRIGGER full_disk ON t")
            expect(try typist.type(typist.printed(failed, "resume")), 0, "done")
            #expect(try target.ask("SELECT count(*) FROM t") == [["2"]])
        },
        "RetryRejected.swift retryRejected": {
            let typist = try Typist(), target = try Store(.postgres)
            _ = try typist.write("id,v\n1,1\n2,1000\n", to: "bad.csv")
            try target.run("CREATE TABLE bad (id int PRIMARY KEY, v int CHECK (v < 100))")
            expect(
                try typist.apus("copy", "csv:" + typist.odd("bad.csv"), target.url(), "--bad-rows", "9", "--ledger", typist.ledger), 0)
            let failed = try typist.apus("retry-rejected", try typist.user.latestRun(typist.ledger), "--ledger", typist.ledger)
            expect(failed, 78, "in its place")
            try target.run("ALTER TABLE bad DROP CONSTRAINT bad_v_check")
            let command = try typist.printed(failed, "retry-rejected ", and: "•••")
            expect(try typist.type(command.replacing("•••", with: target.postgres.options.password)), 0)
            #expect(try target.ask("SELECT count(*) FROM bad") == [["2"]])
        },
        "Ends.swift retryRejected": {
            let typist = try Typist()
            try typist.bad()
            expect(try typist.copyBad("--bad-rows", "9"), 0)
            let first = try typist.user.latestRun(typist.ledger)
            try typist.sqlite("t.db", "ALTER TABLE bad RENAME TO away")
            #expect(try typist.apus("retry-rejected", first, "--ledger", typist.ledger).status != 0)
            try typist.sqlite("t.db", "DROP TABLE away; CREATE TABLE bad (id integer PRIMARY KEY, v integer)")
            let second = try typist.user.latestRun(typist.ledger)
            #expect(second != first)
            let failed = try typist.apus("resume", second, "--ledger", typist.ledger)
            expect(failed, 78, "cannot be resumed")
            expect(try typist.type(typist.printed(failed, "retry-rejected ")), 0)
            #expect(try typist.loaded("t.db", "bad") == 2)
        },
    ]

    static func word(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }
}
