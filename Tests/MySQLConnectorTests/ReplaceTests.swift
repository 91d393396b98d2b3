import ApusCore
import ApusTesting
import Glibc
import MySQLConnector
import Tabular
import Testing

@Suite(.requires(.mariadb))
struct ReplaceTests {
    private func fill(_ sink: any Sink, _ load: Load, _ rows: [(Int64?, String?)]) throws {
        let writer = try sink.writer(load)
        try writer.begin(SinkTests.all, careful: false)
        _ = try writer.write(SinkTests.batch(rows, try sink.accepts(load)))
        let written = try writer.flush()
        try writer.commit(SliceMark(slice: 0, read: rows.count, written: written, rejected: 0))
        writer.close()
    }

    private let target = """
        CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent VALUES (1), (2);
        CREATE TABLE t (a int AUTO_INCREMENT PRIMARY KEY COMMENT 'the number', b varchar(40), KEY by_b (b), KEY pre (b(3)), FULLTEXT KEY ft (b),
        UNIQUE KEY u (b, a), p int DEFAULT 1, CONSTRAINT to_parent FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE,
        up int, CONSTRAINT to_self FOREIGN KEY (up) REFERENCES t (a)) AUTO_INCREMENT=500 COMMENT='the table';
        INSERT INTO t (a, b) VALUES (1, 'old')
        """

    @Test func `a replaced table keeps its indexes, foreign keys, comments and counter`() throws {
        let play = try Playground()
        try play.run(target)
        let before = try play.value("SHOW CREATE TABLE t").isEmpty ? "" : try play.rows("SHOW CREATE TABLE t")[0][1]
        let sink = try play.open()
        let load = Load(try sink.describe(TableName("t")), mode: .replace, columns: ["a", "b"])
        try sink.lock(load)
        try sink.prepare(load)
        try sink.prepare(load)
        try fill(sink, load, [(7, "new"), (8, "newer")])
        #expect(try play.rows("SELECT b FROM t") == [["old"]])
        try sink.finish(load)
        try sink.finish(load)
        #expect(try play.rows("SELECT a, b, p FROM t ORDER BY a") == [["7", "new", "1"], ["8", "newer", "1"]])
        func sorted(_ text: String) -> [String] {
            text.split(separator: "\n").map { $0.hasSuffix(",") ? String($0.dropLast()) : String($0) }.sorted()
        }
        let after = sorted(try play.rows("SHOW CREATE TABLE t")[0][1])
        #expect(after == sorted(before))
        try sink.forget(load)
        sink.unlock(load)
        #expect(try play.rows("SHOW TABLES") == [["parent"], ["t"]])
    }

    @Test func `replace of a referenced table is refused before anything moves`() throws {
        let play = try Playground()
        try play.run(target)
        let sink = try play.open()
        let load = Load(try sink.describe(TableName("parent")), mode: .replace)
        let error = apusError { try sink.prepare(load) }
        #expect(error?.code == .referenced)
        #expect(error?.message.contains("t (to_parent)") == true)
        #expect(try play.value("SELECT COUNT(*) FROM parent") == "2")
    }

    @Test func `replace of a table with triggers is refused`() throws {
        let play = try Playground()
        try play.run("CREATE TABLE t (a int); CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.a = NEW.a + 1")
        let sink = try play.open()
        let error = apusError { try sink.prepare(Load(try sink.describe(TableName("t")), mode: .replace)) }
        #expect(error?.code == .unsupported)
        #expect(error?.message.contains("tr") == true)
    }

    /// The states in which a crash can leave a swap, each followed by `finish` on a new connection.
    @Test(arguments: ["before", "between the renames", "before the drop", "before the names"])
    func `a swap that was interrupted is completed`(_ point: String) throws {
        let play = try Playground()
        try play.run(target)
        let first = try play.open()
        let load = Load(try first.describe(TableName("t")), mode: .replace, columns: ["a", "b"])
        try first.lock(load)
        try first.prepare(load)
        try fill(first, load, [(7, "new")])
        let staging = load.staging.name, retired = load.retired.name
        switch point {
        case "between the renames": try play.run("RENAME TABLE t TO \(retired)")
        case "before the drop": try play.run("RENAME TABLE t TO \(retired), \(staging) TO t")
        case "before the names":
            try play.run("ALTER TABLE \(staging) ADD CONSTRAINT apus_fk_to_parent FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE")
        default: break
        }
        first.close()
        let second = try play.open()
        // The server notices the end of the first connection an instant later.
        for _ in 0..<200 where apusError({ try second.lock(load) }) != nil { usleep(10_000) }
        try second.prepare(load)
        #expect(try second.marks(load).count == 1)
        try second.finish(load)
        try second.finish(load)
        #expect(try play.rows("SELECT a, b FROM t") == [["7", "new"]])
        if !point.hasSuffix("drop"), !point.hasPrefix("between") {
            #expect(try second.describe(TableName("t")).foreignKeys.map(\.name).sorted() == ["to_parent", "to_self"])
        }
        try second.forget(load)
        second.unlock(load)
        #expect(try play.rows("SHOW TABLES") == [["parent"], ["t"]])
    }

    @Test func `discard leaves the target as it was`() throws {
        let play = try Playground()
        try play.run(target)
        let sink = try play.open()
        let load = Load(try sink.describe(TableName("t")), mode: .replace, columns: ["a", "b"])
        try sink.lock(load)
        try sink.prepare(load)
        try fill(sink, load, [(7, "new")])
        try sink.discard(load)
        sink.unlock(load)
        #expect(try play.rows("SHOW TABLES") == [["parent"], ["t"]])
        #expect(try play.rows("SELECT b FROM t") == [["old"]])
    }

    @Test func `new rows that break a foreign key leave the target as it was`() throws {
        let play = try Playground()
        try play.run(target)
        let sink = try play.open()
        let load = Load(try sink.describe(TableName("t")), mode: .replace, columns: ["p", "b"])
        try sink.lock(load)
        try sink.prepare(load)
        try fill(sink, load, [(99, "orphan")])
        let error = apusError { try sink.finish(load) }
        #expect(error?.message.contains("to_parent") == true)
        #expect(try play.rows("SELECT b FROM t") == [["old"]])
    }

    @Test func `a missing table is made with what its source has`() throws {
        let play = try Playground()
        try play.run(target)
        let session = try play.open()
        let (shape, losses) = MySQLConnector().dialect!.translate(
            try session.describe(TableName("t")), named: TableName("copy"), origin: "mysql")
        #expect(losses == [])
        var load = Load(shape, mode: .replace, exists: false, columns: ["a", "b"])
        load.withIndexes = true
        load.withForeignKeys = true
        try session.lock(load)
        try session.prepare(load)
        try fill(session, load, [(7, "new")])
        try session.finish(load)
        try session.finish(load)
        let copy = try session.describe(TableName("copy"))
        #expect(copy.indexes.map(\.name).sorted().contains("ft"))
        #expect(Set(["by_b", "pre", "ft", "u"]).isSubset(of: copy.indexes.map(\.name)))
        // Those come when all tables of the run are there.
        #expect(copy.foreignKeys.isEmpty)
        #expect(copy.comment == "the table")
        #expect(copy.column("a")?.identity == true)
        #expect(copy.column("a")?.comment == "the number")
        try play.run("INSERT INTO copy (b) VALUES ('next')")
        #expect(try play.value("SELECT MAX(a) FROM copy") == "8")
    }
}
