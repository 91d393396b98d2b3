import ApusTesting
import Foundation
import Testing

/// One bad table of a night is one bad table.
@Suite(.requires(.mariadb, .postgres)) struct IsolationTests {
    @Test func `bad tables of a night fail alone, and the next night loads their days again`() throws {
        func table(_ name: String) -> String {
            "CREATE TABLE \(name) (id int NOT NULL PRIMARY KEY, day date, v varchar(20)); INSERT INTO \(name) VALUES (1, '2026-11-20', 'x'), (2, '2026-11-21', 'y');"
        }
        let names = ["a", "changed", "gone", "z"]
        let erp = try Place(.mariadb, names.map(table).joined()), dw = try Place(.postgres), night = try Night()
        try night.connections(["erp": erp, "dw": dw])
        try night.job()
        for name in names { try night.row(name, to: name, etlType: 1, column: "day") }
        expect(try night.extract("--day", "2026-11-20"), 0)
        try erp.run("RENAME TABLE gone TO away; ALTER TABLE changed DROP COLUMN v, ADD v blob")
        try dw.run("ALTER TABLE changed DROP COLUMN v; ALTER TABLE changed ADD v date")
        let dry = try night.extract("--day", "2026-11-21", "--dry-run")
        expect(dry, 78, "gone: ", "changed: ", "2026-11-21")
        // In the table itself.
        #expect(dry.stdout.split(separator: "\n").contains { $0.contains("changed → changed") && $0.contains("blob") }, "\(dry.stdout)")
        #expect(try night.log().count == 4)
        expect(try night.extract("--day", "2026-11-21"), 1, "failed: gone", "failed: changed")
        for name in ["a", "z"] { #expect(try dw.lines("SELECT id, v FROM \(name) ORDER BY id") == ["1|x", "2|y"]) }
        #expect(try dw.lines("SELECT id, v FROM gone") == ["1|x"])
        #expect(
            try night.log().filter { $0.contains("|0|") }.map { String($0.prefix { $0 != "|" }) }.sorted().prefix(2) == ["changed", "gone"])
        // Mended: only what is left is loaded.
        try erp.run("RENAME TABLE away TO gone")
        try dw.run("DROP TABLE changed")
        expect(try night.extract("--retry-failed"), 0)
        #expect(try dw.lines("SELECT id, v FROM gone ORDER BY id") == ["1|x", "2|y"])
        #expect(try dw.lines("SELECT id FROM changed") == ["2"])
        expect(try night.extract("--retry-failed", "--dry-run"), 0)
    }
}
