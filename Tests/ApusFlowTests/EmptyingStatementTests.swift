import ApusCore
import Testing

@testable import ApusFlow

/// What `preSql` empties, and what it does not.
struct EmptyingStatementTests {
    @Test(arguments: [
        ("delete from o", true), ("DELETE FROM O;", true), ("truncate o", true), ("TRUNCATE TABLE `o`", true),
        ("truncate table dw.o", true),
        ("truncate table \"public\".\"o\"", true), ("delete from @table", true), ("delete from other", false), ("truncate stage.o", false),
        ("truncate table o, other", false), ("delete from o where id = 1", false), ("delete o from o join p", false),
        ("drop table o", false),
        ("truncate o cascade", false), ("", false),
    ])
    func `only a statement that empties the target as a whole becomes another mode`(_ sql: String, _ empties: Bool) {
        let sql = sql.replacing("@table", with: "o")
        #expect(EmptyingStatement.empties(sql, ["\"o\""], homes: ["dw", "public"]) == empties)
    }

    @Test func `a table of another schema is another table`() {
        #expect(!EmptyingStatement.empties("truncate a.o", ["b.o"], homes: ["b"]))
        #expect(!EmptyingStatement.empties("truncate o", ["b.o"], homes: ["a"]))
        #expect(EmptyingStatement.empties("truncate o", ["b.o"], homes: ["a", "b"]))
    }

    private func imported(_ before: String, reader: String = "") throws -> DataXImport {
        let job = DataXSamples.relational(reader).replacing(#"["delete from @table"]"#, with: before)
            .replacing(#""t[08-10]""#, with: #""t""#)
        return try DataXImport([("j.json", Array(job.utf8))], connectors: DataXSamples.connectors)
    }

    @Test func `import keeps what empties other tables`() throws {
        let own = try imported(#"["delete from @table", "delete from other"]"#)
        #expect(own.yaml.contains("mode: replace") && own.yaml.contains(#"before: ["delete from other"]"#), "\(own.yaml)")
        let other = try imported(#"["delete from other", "truncate table stage.t"]"#)
        #expect(other.yaml.contains("mode: append"), "\(other.yaml)")
        #expect(other.yaml.contains(#"before: ["delete from other", "truncate table stage.t"]"#), "\(other.yaml)")
        #expect(!other.notes.contains { $0.contains("empties") })
    }

    @Test func `a parameter without braces that has no value is told`() throws {
        let notes = try imported("[]", reader: #""where": "v = '$d' AND p ~ 'x$' AND $body$ $e $body$ <> j -> '$.a'","#).notes
        #expect(notes.contains { $0.contains("`$d`") && $0.contains("stays as it stands") }, "\(notes)")
        #expect(!notes.contains { $0.contains("`$e`") || $0.contains("`$body`") || $0.contains("`$a`") }, "\(notes)")
    }
}
