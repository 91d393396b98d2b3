import ApusTesting
import Foundation
import Testing

/// The ledger in the control database, as other commands find it.
@Suite(.requires(.mariadb)) struct LedgerNameTests {
    @Test func `a ledger is named like any other connection`() throws {
        let erp = try Place(.mariadb, "CREATE TABLE a (id int NOT NULL PRIMARY KEY); INSERT INTO a VALUES (1), (2);")
        let dw = try Place(.sqlite), night = try Night(.mariadb)
        try night.connections("erp: \(erp.url())\ndw: \"\(dw.url())\"\nnightly_control: \(night.control.url())\n")
        try night.job()
        try night.row("a", to: "ods_a")
        expect(try night.extract(), 0)
        let run = try night.control.lines("SELECT run_id FROM apus_run")[0]
        expect(try night.apus("history", "--ledger", "nightly_control"), 0, run)
        expect(try night.apus("verify", run, "--ledger", "nightly_control"), 0, "equal")
        expect(try night.apus("show", run, "--ledger", try night.control.url().replacing(":pw@", with: ":${HOME_PW:-pw}@")), 0, "ods_a")
        // What no connection is called is a file, as ever.
        let file = night.home.file("ledger.db")
        expect(try night.apus("history", "--ledger", file), 0)
        #expect(FileManager.default.fileExists(atPath: file))
        #expect(!FileManager.default.fileExists(atPath: "nightly_control"))
    }

    @Test func `a hint names the ledger that its command has to look into`() throws {
        let erp = try Place(.mariadb, "CREATE TABLE a (id int NOT NULL PRIMARY KEY, v varchar(9)); INSERT INTO a VALUES (1, 'x');")
        let dw = try Place(.sqlite, "CREATE TABLE a (id int PRIMARY KEY, v int CHECK (typeof(v) = 'integer'))"), night = try Night(.mariadb)
        try night.connections("erp: \(erp.url())\ndw: \"\(dw.url())\"\nnightly_control: \(night.control.url())\n")
        try night.job()
        try night.row("a", to: "a")
        let failed = try night.apus("extract", "--control", "nightly_control")
        expect(failed, 1, "--rejected --ledger nightly_control`")
        let run = try night.control.lines("SELECT run_id FROM apus_run")[0]
        expect(try night.apus("show", run, "--rejected", "--ledger", "nightly_control"), 0, "\"x\"")
        // A URL with a password among its options is in no hint.
        let parts = try night.control.url().split(separator: "@", maxSplits: 1),
            user = parts[0].split(separator: "/").last!.split(separator: ":")
        let url = "jdbc:mysql://\(parts[1])?user=\(user[0])&password=\(user[1])"
        let again = try night.apus("extract", "--control", url)
        expect(again, 1, "--rejected --ledger '", ":•••@")
        #expect(!(again.stdout + again.stderr).contains("password="))
    }
}
