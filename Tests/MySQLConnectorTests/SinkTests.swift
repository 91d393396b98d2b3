import ApusCore
import ApusTesting
import Glibc
import MySQLConnector
import Tabular
import Testing

@Suite(.requires(.mariadb))
struct SinkTests {
    /// A batch of two columns: a number and a text.
    static func batch(_ rows: [(Int64?, String?)], _ schema: Schema) -> Batch {
        let batch = Batch(schema: schema, rowCapacity: max(rows.count, 1))
        for row in rows {
            if let number = row.0 { batch.columns[0].append(number) } else { batch.columns[0].appendNull() }
            if let text = row.1 { batch.columns[1].append(text) } else { batch.columns[1].appendNull() }
            batch.endRow(bytes: 10)
        }
        return batch
    }

    static let all = Slice(id: 0, bounds: .all)

    @Test(arguments: ["infile", "insert"])
    func `a bad row fails a fast slice, which leaves nothing behind`(_ way: String) throws {
        let play = try Playground()
        try play.run("CREATE TABLE t (a int PRIMARY KEY, b varchar(3))")
        let sink = try play.open("load=\(way)")
        let load = Load(try sink.describe(TableName("t")))
        try sink.lock(load)
        try sink.prepare(load)
        let writer = try sink.writer(load)
        try writer.begin(Self.all, careful: false)
        let error = apusError {
            _ = try writer.write(Self.batch([(1, "abc"), (2, "secret")], try sink.accepts(load)))
            _ = try writer.flush()
        }
        #expect(error?.code == .rowRejected)
        #expect(error?.description.contains("secret") == false)
        writer.abort()
        #expect(try play.value("SELECT COUNT(*) FROM t") == "0")
        // The connection goes on.
        try writer.begin(Self.all, careful: false)
        _ = try writer.write(Self.batch([(1, "abc")], try sink.accepts(load)))
        #expect(try writer.flush() == 1)
        try writer.commit(SliceMark(slice: 0, read: 1, written: 1, rejected: 0))
        #expect(try play.rows("SELECT * FROM t") == [["1", "abc"]])
        #expect(try sink.marks(load) == [SliceMark(slice: 0, read: 1, written: 1, rejected: 0)])
    }

    @Test(arguments: ["infile", "insert"])
    func `with care, bad rows are told and good rows stay`(_ way: String) throws {
        let play = try Playground()
        try play.run(
            """
            CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent VALUES (1), (2);
            CREATE TABLE t (id int PRIMARY KEY, small tinyint, name varchar(5) NOT NULL, g varchar(9) CHARACTER SET gbk, p int, j json, e enum('x','y'),
            dt date, n decimal(4,1), CONSTRAINT pos CHECK (n > 0), FOREIGN KEY (p) REFERENCES parent(id))
            """)
        let sink = try play.open("load=\(way)")
        let load = Load(try sink.describe(TableName("t")))
        try sink.lock(load)
        try sink.prepare(load)
        let schema = Schema([
            Column("id", .int64), Column("small", .int64), Column("name", .text), Column("g", .text), Column("p", .int64),
            Column("j", .json),
            Column("e", .text), Column("dt", .date), Column("n", .decimal(precision: 9, scale: 3)),
        ])
        let batch = Batch(schema: schema, rowCapacity: 400)
        func row(
            _ id: Int64, small: Int64 = 1, name: String? = "ok", g: String = "中", p: Int64 = 1, j: String = "{}", e: String = "x",
            dt: Int64 = 0, n: String = "1.5"
        ) {
            batch.columns[0].append(id)
            batch.columns[1].append(small)
            if let name { batch.columns[2].append(name) } else { batch.columns[2].appendNull() }
            batch.columns[3].append(g)
            batch.columns[4].append(p)
            batch.columns[5].append(j)
            batch.columns[6].append(e)
            batch.columns[7].append(dt)
            batch.columns[8].append(n)
            batch.endRow(bytes: 40)
        }
        for id in 0..<300 { row(Int64(id)) }
        row(7)  // 300 duplicate
        row(301, small: 300)  // range
        row(302, name: "too long")  // length
        row(303, name: nil)  // NULL
        row(304, g: "😀")  // no place in gbk
        row(305, p: 9)  // foreign key
        row(306, j: "{")  // JSON
        row(307, e: "z")  // enum
        row(308, dt: Temporal.infinity)  // infinity
        row(309, n: "-1")  // check
        row(310)
        let writer = try sink.writer(load)
        try writer.begin(Self.all, careful: true)
        let bad = try writer.write(batch).sorted { $0.row! < $1.row! }
        #expect(bad.map(\.row) == (300...309).map { $0 })
        #expect(bad[0].reason.contains("Duplicate entry '7'"))
        #expect(bad[2].column == "name")
        #expect(bad[2].values.contains("\"too long\""))
        #expect(bad[4].reason.contains("Incorrect string value"))
        #expect(bad[5].reason.contains("foreign key"))
        #expect(bad[9].reason.contains("pos"))
        #expect(try writer.flush() == 301)
        try writer.commit(SliceMark(slice: 0, read: 311, written: 301, rejected: 10))
        #expect(try play.value("SELECT CONCAT(COUNT(*), ' ', SUM(id)) FROM t") == "301 \(299 * 300 / 2 + 310)")
    }

    @Test(arguments: ["infile", "insert"])
    func `upsert changes the row of the same key, the last one wins, and input rows are counted`(_ way: String) throws {
        let play = try Playground()
        try play.run(
            "CREATE TABLE t (a int PRIMARY KEY, b varchar(9), untouched int DEFAULT 5); INSERT INTO t VALUES (1,'old',7),(2,'stay',8)")
        let sink = try play.open("load=\(way)")
        let load = Load(try sink.describe(TableName("t")), mode: .upsert, key: ["a"], columns: ["a", "b"])
        try sink.lock(load)
        try sink.prepare(load)
        let writer = try sink.writer(load)
        for careful in [false, true] {
            try writer.begin(Slice(id: careful ? 1 : 0, bounds: .all), careful: careful)
            let rows: [(Int64?, String?)] =
                careful ? [(1, "again"), (4, nil), (5, "far too long")] : [(1, "new"), (3, "first"), (3, "last")]
            let bad = try writer.write(Self.batch(rows, try sink.accepts(load)))
            #expect(bad.count == (careful ? 1 : 0))
            #expect(try writer.flush() == (careful ? 2 : 3))
            try writer.commit(SliceMark(slice: careful ? 1 : 0, read: 3, written: 3 - bad.count, rejected: bad.count))
        }
        #expect(
            try play.rows("SELECT * FROM t ORDER BY a") == [
                ["1", "again", "7"], ["2", "stay", "8"], ["3", "last", "5"], ["4", "NULL", "5"],
            ])
        let wrong = Load(try sink.describe(TableName("t")), mode: .upsert, run: "run-2", key: ["b"], columns: ["a", "b"])
        #expect(apusError { try sink.prepare(wrong) }?.code == .unsupported)
    }

    @Test func `a slice whose mark is there is not loaded twice`() throws {
        let play = try Playground()
        try play.run("CREATE TABLE t (a int PRIMARY KEY, b text)")
        let sink = try play.open()
        let load = Load(try sink.describe(TableName("t")))
        try sink.lock(load)
        try sink.prepare(load)
        let writer = try sink.writer(load)
        let mark = SliceMark(slice: 0, read: 1, written: 1, rejected: 0)
        #expect(try writer.begin(Self.all, careful: false) == nil)
        #expect(try writer.write(Self.batch([(1, "x")], try sink.accepts(load))) == [])
        #expect(try writer.flush() == 1)
        try writer.commit(mark)
        #expect(try writer.begin(Self.all, careful: false) == mark)
        #expect(try play.value("SELECT COUNT(*) FROM t") == "1")
        writer.close()
        try sink.finish(load)
        try sink.forget(load)
        sink.unlock(load)
        #expect(try play.rows("SHOW TABLES") == [["t"]])
    }

    @Test func `a server without local_infile is loaded by INSERT`() throws {
        var options = MariaDBServer.Options()
        options.arguments = ["--local-infile=0", "--max-allowed-packet=1M"]
        let play = try Playground(MariaDBServer(options))
        try play.run("CREATE TABLE t (a int, b longtext)")
        let sink = try play.open()
        let load = Load(try sink.describe(TableName("t")))
        try sink.lock(load)
        try sink.prepare(load)
        let writer = try sink.writer(load)
        try writer.begin(Self.all, careful: false)
        let large = String(repeating: "x", count: 2 << 20)
        let bad = try writer.write(Self.batch([(1, "it's \\ \0"), (2, large), (3, nil)], try sink.accepts(load)))
        #expect(bad.count == 1)
        #expect(bad.first?.reason.contains("max_allowed_packet") == true)
        #expect(try writer.flush() == 2)
        try writer.commit(SliceMark(slice: 0, read: 3, written: 2, rejected: 1))
        #expect(try play.rows("SELECT a, HEX(b) FROM t ORDER BY a") == [["1", "69742773205C2000"], ["3", "NULL"]])

        let forced = try play.open("load=infile")
        let other = try forced.writer(load)
        try other.begin(Slice(id: 1, bounds: .all), careful: false)
        let error = apusError {
            _ = try other.write(Self.batch([(1, "x")], try forced.accepts(load)))
            _ = try other.flush()
        }
        #expect(error?.code == .unsupported)
        #expect(error?.hint?.contains("local_infile") == true)
    }

    @Test func `a file of this machine is never sent`() throws {
        let play = try Playground()
        try play.run("CREATE TABLE t (a text)")
        let session = try play.open()
        #expect(apusError { try session.execute("LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE t") } != nil)
        #expect(try play.value("SELECT COUNT(*) FROM t") == "0")
        #expect(try session.query("SELECT 1") == [["1"]])
    }

    @Test func `a second run on the same target is refused with the first one's id`() throws {
        let play = try Playground()
        try play.run("CREATE TABLE t (a int)")
        let first = try play.open()
        let second = try play.open()
        let shape = try first.describe(TableName("t"))
        try first.lock(Load(shape, run: "run-first"))
        let error = apusError { try second.lock(Load(shape, run: "run-second")) }
        #expect(error?.code == .locked)
        #expect(error?.message.contains("run-first") == true)
        first.close()
        // The end of the connection is the end of the lock.
        var tries = 0
        while apusError({ try second.lock(Load(shape, run: "run-second")) }) != nil, tries < 100 {
            tries += 1
            usleep(10_000)
        }
        #expect(tries < 100)
        second.unlock(Load(shape, run: "run-second"))
        #expect(try play.rows("SHOW TABLES") == [["t"]])
    }

    @Test func `a table without transactions is refused`() throws {
        let play = try Playground()
        try play.run("CREATE TABLE t (a int) ENGINE=MyISAM")
        let sink = try play.open()
        let load = Load(try sink.describe(TableName("t")))
        let error = apusError { try sink.prepare(load) }
        #expect(error?.code == .unsupported)
        #expect(error?.hint?.contains("InnoDB") == true)
    }

    @Test func `a blob of 64 MiB goes both ways`() throws {
        let play = try Playground()
        try play.run("CREATE TABLE a (id int PRIMARY KEY, b longblob); CREATE TABLE b LIKE a")
        try play.run("INSERT INTO a SELECT 1, CONCAT(REPEAT(x'000A5C09FF27', 11184810), x'00FF')")
        let source = try play.open()
        let sink = try play.open()
        let load = Load(try sink.describe(TableName("b")))
        try sink.lock(load)
        try sink.prepare(load)
        let result = try move(Read(try source.describe(TableName("a"))), from: source, load, to: sink)
        #expect(result.written == 1)
        #expect(try play.value("SELECT LENGTH(b) FROM b") == "67108862")
        #expect(try play.value("SELECT MD5(a.b) = MD5(b.b) FROM a, b") == "1")
        try play.run("DELETE FROM b; DELETE FROM apus_marks WHERE slice >= 0")
        #expect(try move(Read(try source.describe(TableName("a"))), from: source, load, to: sink, careful: true).written == 1)
        #expect(try play.value("SELECT MD5(a.b) = MD5(b.b) FROM a, b") == "1")
    }
}
