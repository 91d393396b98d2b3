import ApusCore
import ApusTesting
import Foundation
import SQLiteConnector
import Tabular
import Testing

private let columns = [
    ColumnShape("id", .int64, native: "bigint", nullable: false), ColumnShape("name", .text(length: 10), native: "x"),
]

private func existing(_ session: SQLiteSession, _ table: String, _ mode: LoadMode, run: String = RunID.make()) throws
    -> Load
{
    let shape = try session.describe(TableName(table))
    return Load(
        runID: run, table: 0, shape: shape, exists: true, columns: ["id", "name"], mode: mode, key: shape.primaryKey,
        slices: 1)
}

@Suite struct `SQLite as a sink` {
    @Test func `replace keeps indexes, triggers, views, counters and constraints, and readers never see it empty`()
        throws
    {
        let database = try Database(
            """
            PRAGMA journal_mode=wal;
            CREATE TABLE "t t" (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT COLLATE NOCASE CHECK (name <> 'bad'),
              parent INTEGER REFERENCES "t t" (id)) STRICT;
            CREATE UNIQUE INDEX by_name ON "t t" (name);
            CREATE TABLE log (x);
            CREATE TRIGGER watch AFTER INSERT ON "t t" BEGIN INSERT INTO log VALUES (new.id); END;
            CREATE VIEW v AS SELECT name FROM "t t";
            INSERT INTO "t t" (id, name) VALUES (500, 'old');
            """)
        let before = try database.cli(
            "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite%' ORDER BY name")
        let session = try database.open()
        let load = try existing(session, "t t", .replace)
        try session.lock(load)
        try session.prepare(load)
        try session.prepare(load)
        let schema = try session.accepts(load)
        let rejected = try writeSlice(session, load, batch(schema, [(1, "a"), (2, "bad"), (2, "b"), (2, "c")]))
        #expect(rejected.map(\.row) == [1, 3])
        #expect(rejected[0].reason.hasPrefix("CHECK constraint failed") && rejected[1].column == "id")
        #expect(rejected[1].values == "{\"id\":2,\"name\":\"c\"}")
        #expect(try database.cli("SELECT name FROM v") == "old")
        try session.finish(load)
        #expect(try database.cli("SELECT name FROM v ORDER BY 1") == "a\nb")
        try session.finish(load)
        #expect(try session.marks(load).map(\.written) == [2])
        try session.forget(load)
        session.unlock(load)
        let after = try database.cli(
            "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite%' ORDER BY name")
        #expect(after.replacing("\"t t\"", with: "t") == before.replacing("\"t t\"", with: "t"))
        try database.cli("INSERT INTO \"t t\" (name) VALUES ('new')")
        #expect(
            try database.cli(
                "SELECT max(id) FROM \"t t\"; SELECT x FROM log; PRAGMA foreign_key_check; PRAGMA integrity_check")
                == "501\n500\n501\nok")
    }

    @Test func `append, upsert and truncate`() throws {
        let database = try Database(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, kept DEFAULT 7); INSERT INTO t VALUES (1, 'one', 3);")
        let session = try database.open()
        func run(_ mode: LoadMode, _ rows: [(Int64, String?)]) throws -> [RejectedRow] {
            let load = try existing(session, "t", mode)
            try session.prepare(load)
            let rejected = try writeSlice(session, load, batch(session.accepts(load), rows))
            try session.finish(load)
            try session.forget(load)
            return rejected
        }
        #expect(try run(.append, [(1, "dup"), (2, "two")]).map(\.reason) == ["UNIQUE constraint failed: t.id"])
        #expect(try database.cli("SELECT * FROM t") == "1|one|3\n2|two|7")
        #expect(try run(.upsert, [(1, "new"), (3, nil), (3, "three")]) == [])
        #expect(try database.cli("SELECT * FROM t") == "1|new|3\n2|two|7\n3|three|7")
        #expect(try run(.truncate, [(9, "nine")]) == [])
        #expect(try database.cli("SELECT * FROM t; SELECT name FROM sqlite_master") == "9|nine|7\nt")
    }

    @Test func `a slice that is aborted leaves nothing, and a committed one is marked once`() throws {
        let database = try Database()
        let session = try database.open()
        let load = load("t", columns, key: ["id"], mode: .append)
        try session.prepare(load)
        let other = try database.open()
        let writer = try other.writer(load)
        try writer.begin(Slice(id: 4, bounds: .all), careful: false)
        #expect(try writer.write(batch(other.accepts(load), [(1, "a")])) == [])
        writer.abort()
        #expect(try session.marks(load) == [])
        try writeSlice(other, load, batch(other.accepts(load), [(1, "a")]), slice: 4)
        #expect(try session.marks(load) == [SliceMark(slice: 4, read: 1, written: 1, rejected: 0)])
        #expect(
            try writer.begin(Slice(id: 4, bounds: .all), careful: false) == SliceMark(slice: 4, read: 1, written: 1, rejected: 0))
        writer.abort()
        #expect(try database.cli("SELECT count(*) FROM t") == "1")
        try session.discard(load)
        #expect(try database.cli("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite%'") == "t")
        #expect(try database.cli("PRAGMA journal_mode") == "wal")
    }

    @Test func `a second run on the same table is refused with the first one's id`() throws {
        let database = try Database(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, name); CREATE TABLE u (id INTEGER PRIMARY KEY, name);")
        let one = try database.open()
        let two = try database.open()
        let first = try existing(one, "t", .append)
        try one.lock(first)
        try one.lock(first)
        let refused = error { try two.lock(existing(two, "t", .append)) }
        #expect(refused?.code == .locked && refused?.message.contains(first.runID) == true)
        try two.lock(existing(two, "u", .append))
        one.close()
        try two.lock(existing(two, "t", .append))
        two.close()
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: database.folder.path).filter { $0.contains("lock") }
                == [])
    }

    @Test func `replace on a table that others refer to is refused and changes nothing`() throws {
        let database = try Database(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, name); CREATE TABLE c (t REFERENCES T); INSERT INTO t VALUES (1, 'a');"
        )
        let session = try database.open()
        let refused = error { try session.prepare(existing(session, "t", .replace)) }
        #expect(refused?.code == .referenced && refused?.message.contains("c refer") == true)
        #expect(try database.cli("SELECT count(*) FROM t; SELECT count(*) FROM sqlite_master") == "1\n2")
    }

    @Test func `rows that break a unique index of the old table keep the old table`() throws {
        let database = try Database(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, name); CREATE UNIQUE INDEX u ON t (name); INSERT INTO t VALUES (1, 'a');"
        )
        let session = try database.open()
        let load = try existing(session, "t", .replace)
        try session.prepare(load)
        try writeSlice(session, load, batch(session.accepts(load), [(1, "x"), (2, "x")]))
        #expect(error { try session.finish(load) }?.message.contains("unique indexes") == true)
        #expect(try database.cli("SELECT * FROM t") == "1|a")
        try session.discard(load)
        #expect(try database.cli("SELECT group_concat(name) FROM sqlite_master") == "t,u")
    }

    @Test func `indexes and foreign keys come with the table when asked for`() throws {
        let database = try Database(
            "CREATE INDEX taken ON sqlite_x (a);".isEmpty ? "" : "CREATE TABLE o (a); CREATE INDEX t_ix ON o (a);")
        let session = try database.open()
        var load = load("t", columns, key: ["id"])
        load.withIndexes = true
        load.withForeignKeys = true
        load.shape.indexes = [
            IndexShape(name: "t_ix", columns: ["name"], unique: false),
            IndexShape(name: "un", columns: ["name", "id"], unique: true),
        ]
        load.shape.foreignKeys = [
            ForeignKeyShape(name: "f", columns: ["name"], references: TableName("o"), referencedColumns: ["a"])
        ]
        try session.prepare(load)
        try session.finish(load)
        #expect(
            try database.cli("SELECT name, \"unique\" FROM pragma_index_list('t') ORDER BY 1") == "t_t_ix|0\nt_un|1")
        #expect(try database.cli("SELECT \"table\", \"from\", \"to\" FROM pragma_foreign_key_list('t')") == "o|name|a")
    }

    @Test func `numbers that a NUMERIC or INTEGER column would change are refused`() throws {
        let database = try Database("CREATE TABLE t (d DECIMAL(30,10), u BIGINT UNSIGNED, j JSON);")
        let session = try database.open()
        var load = try load("t", session.describe(TableName("t")).columns, mode: .append)
        load.shape = try session.describe(TableName("t"))
        try session.prepare(load)
        let batch = Batch(schema: try session.accepts(load), rowCapacity: 9)
        for (decimal, unsigned, json) in [
            ("1234567890.12345", Int64.max, "{}"), ("12345678901234567.89", 0, "1"), ("1", -1, "2"), ("0.5", 1, "1.50"),
            ("123456789012345678", 1, "-3"), ("-0.0000000001", 1, "\"1\""),
        ] {
            batch.columns[0].append(decimal)
            batch.columns[1].append(unsigned)
            batch.columns[2].append(json)
            batch.endRow(bytes: 1)
        }
        let rejected = try writeSlice(session, load, batch)
        #expect(rejected.map(\.row) == [1, 2, 3] && rejected.map(\.column) == ["d", "u", "j"])
        let found = try rows(session, Database.read(session, "t", key: []))
        #expect(
            found.rows.compactMap { RowJSON.parse($0)?[0].value }
                == ["1234567890.1234500000", "123456789012345678.0000000000", "-0.0000000001"])
        #expect(found.rejected == [])
    }
}
