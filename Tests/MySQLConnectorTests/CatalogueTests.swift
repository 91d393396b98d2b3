import ApusCore
import ApusTesting
import MySQLClient
@testable import MySQLConnector
import Tabular
import Testing

@Suite(.requires(.mariadb))
struct CatalogueTests {
    @Test func `a table is described in full`() throws {
        let play = try Playground()
        try play.run(
            """
            CREATE TABLE other (x int, y int, PRIMARY KEY (x, y));
            CREATE TABLE t (
              id bigint unsigned AUTO_INCREMENT, a varchar(10) NOT NULL DEFAULT 'it''s', b int DEFAULT 7, c datetime(3) DEFAULT CURRENT_TIMESTAMP(3),
              d varchar(20) DEFAULT NULL, e double GENERATED ALWAYS AS (b * 2) STORED, f varchar(36) DEFAULT uuid(), g date INVISIBLE, h text COMMENT 'a ''comment''',
              ts timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, x int, y int, l varchar(9) COLLATE latin1_german1_ci,
              PRIMARY KEY (id), UNIQUE KEY ua (a, b), KEY pre (h(10)), FULLTEXT KEY ft (h),
              CONSTRAINT fk FOREIGN KEY (x, y) REFERENCES other (x, y) ON DELETE SET NULL ON UPDATE CASCADE) COMMENT='the table'
            """)
        try play.run("CREATE VIEW v AS SELECT id, a FROM t; INSERT INTO t (b) VALUES (1), (2); ANALYZE TABLE t")
        let session = try play.open()
        let shape = try session.describe(TableName("t"))
        #expect(shape.primaryKey == ["id"])
        #expect(shape.comment == "the table")
        #expect(shape.rows == 2)
        #expect(shape.column("id")?.identity == true)
        #expect(shape.column("id")?.native == "bigint(20) unsigned")
        #expect(shape.column("a")?.initial == .literal("it's"))
        #expect(shape.column("b")?.initial == .literal("7"))
        #expect(shape.column("c")?.initial == .currentTimestamp)
        #expect(shape.column("d")?.initial == nil)
        #expect(shape.column("e")?.generated == true)
        #expect(shape.column("f")?.initial == .expression("uuid()"))
        #expect(shape.column("g")?.invisible == true)
        #expect(shape.column("h")?.comment == "a 'comment'")
        #expect(shape.column("l")?.native.contains("latin1_german1_ci") == true)
        #expect(shape.indexes.first { $0.name == "ua" } == IndexShape(name: "ua", columns: ["a", "b"], unique: true))
        #expect(shape.indexes.first { $0.name == "pre" }?.definition == "KEY `pre` (`h`(10))")
        #expect(shape.foreignKeys.count == 1)
        #expect(shape.foreignKeys.first?.columns == ["x", "y"])
        #expect(shape.foreignKeys.first?.onDelete == "SET NULL")
        #expect(try session.describe(TableName("v")).kind == .view)
        #expect(try session.tables(schema: nil).map(\.name.name) == ["other", "t", "v"])

        // What it is made of makes the same table again.
        for sql in session.dialectForTests.create(shape, as: TableName("again"))
            + session.dialectForTests.createIndexes(shape, on: TableName("again"))
        {
            try session.execute(sql)
        }
        var again = try session.describe(TableName("again"))
        // A table without rows counts from the beginning.
        var columns = shape.columns
        #expect(columns[0].counter == CounterShape(next: "3"))
        columns[0].counter = nil
        #expect(again.columns == columns)
        again.indexes.sort { $0.name < $1.name }
        #expect(again.indexes == shape.indexes.sorted { $0.name < $1.name })

        let missing = apusError { _ = try session.describe(TableName("othr")) }
        #expect(missing?.code == .notFound)
        #expect(missing?.hint?.contains("other") == true)
        #expect(apusError { _ = try session.describe(TableName(schema: "nowhere", "t")) }?.code == .notFound)
    }

    @Test func `statements take parameters outside of quotes and comments`() throws {
        let play = try Playground()
        let session = try play.open()
        #expect(
            try session.query("SELECT ?, '?', `?` /* ? */ FROM (SELECT 1 AS `?`) t WHERE 1 = ? -- ?", ["a'b\\c\n\0?", "1"]) == [
                ["a'b\\c\n\0?", "?", "1"]
            ])
        #expect(try session.query("SELECT ?", [nil]) == [[nil]])
        #expect(apusError { _ = try session.query("SELECT ?", ["a", "b"]) }?.code == .internalFault)
        #expect(apusError { _ = try session.execute("SELECT 1; SELECT 2") }?.code == .statement)
        try session.execute("CREATE TABLE t (a int)")
        #expect(try session.execute("INSERT INTO t VALUES (1), (2)") == 2)
        #expect(apusError { _ = try session.query("SELECT nonsense FROM t") }?.code == .notFound)
    }

    @Test func `zero dates and tinyint(1) follow their options`() throws {
        let play = try Playground()
        try play.run(
            "SET sql_mode=''; CREATE TABLE t (a date NOT NULL, b tinyint(1)); INSERT INTO t VALUES ('0000-00-00', 1), ('2020-02-02', 0), ('2020-02-02', 7)"
        )
        for way in ["binary", "text"] {
            let source = try play.open("zero_dates=null&tinyint1=boolean&protocol=\(way)")
            let shape = try source.describe(TableName("t"))
            #expect(shape.column("a")?.nullable == true)
            #expect(shape.column("b")?.type == .boolean)
            let read = Read(shape)
            let reader = try source.reader(read, SinkTests.all, wire: [])
            let batch = Batch(schema: read.schema)
            #expect(try reader.read(into: batch) == false)
            #expect(batch.rowCount == 2)
            #expect(batch.columns[0].isNull(0))
            #expect(batch.rejected.map(\.row) == [2])
            #expect(reader.rowsRead == 3)
        }
    }

    @Test func `tables of any origin get declarations that the server takes`() throws {
        let play = try Playground()
        let session = try play.open()
        let types: [(String, ColumnType)] = [
            ("id", .text), ("bool", .boolean), ("i8", .integer(bits: 8, unsigned: false)), ("u64", .uint64), ("f32", .float(bits: 32)),
            ("f64", .float64),
            ("dec", .decimal(precision: 65, scale: 30)), ("dec_wide", .decimal(precision: 100, scale: 50)),
            ("dec_free", .decimal(precision: nil, scale: nil)),
            ("t", .text), ("t5", .text(length: 5)), ("t_long", .text(length: 16_000)), ("t_longer", .text(length: 100_000)), ("b", .bytes),
            ("b7", .bytes(length: 7)),
            ("d", .date), ("ti", .time(precision: 6)), ("du", .duration(precision: 3)), ("ts", .timestamp(precision: 6)),
            ("inst", .instant(precision: 6)),
            ("js", .json), ("uu", .uuid), ("bits", .bits(length: 12)), ("bits_free", .bits(length: nil)), ("arr", .array(.int32)),
            ("oth", .other("money")),
        ]
        var shape = TableShape(name: TableName("from_pg"), origin: "postgres", columns: types.map { ColumnShape($0, $1, native: "x") })
        shape.primaryKey = ["id"]
        shape.columns[1].initial = .literal("true")
        shape.columns[9].initial = .literal("it's")
        shape.columns[15].initial = .currentDate
        shape.columns[18].initial = .currentTimestamp
        shape.columns[2].initial = .expression("nextval('x')")
        shape.indexes = [IndexShape(name: String(repeating: "long", count: 20), columns: ["t5", "t"], unique: true)]
        let dialect = session.dialectForTests
        let (translated, losses) = dialect.translate(shape, named: TableName("made"), origin: "mysql")
        for sql in dialect.create(translated, as: TableName("made")) + dialect.createIndexes(translated, on: TableName("made")) {
            try session.execute(sql)
        }
        let made = try session.describe(TableName("made"))
        #expect(made.columns.map(\.name) == types.map(\.0))
        #expect(made.column("id")?.type == .text(length: 255))
        #expect(made.column("inst")?.type == .timestamp(precision: 6))
        #expect(made.column("bool")?.initial == .literal("1"))
        #expect(made.column("t")?.type == .text(length: 255))
        for column in ["id", "dec_wide", "dec_free", "bits_free", "arr", "oth", "i8", "t"] {
            #expect(losses.contains { $0.hasPrefix("\(column): ") }, "\(column)")
        }
        #expect(!losses.contains { $0.hasPrefix("dec: ") || $0.hasPrefix("ts: ") })
    }

    @Test func `errors hide the values of rows`() {
        let duplicate = MySQLFault(number: 1062, words: "Duplicate entry 'Bob's secret' for key 'PRIMARY'")
        #expect(duplicate.underlying == "MySQL 1062: Duplicate entry '•••' for key 'PRIMARY'")
        let wrong = MySQLFault(number: 1366, words: "Incorrect integer value: 'secret' for column `d`.`t`.`c` at row 1")
        #expect(wrong.underlying == "MySQL 1366: Incorrect integer value: '•••' for column `d`.`t`.`c` at row 1")
        #expect(MySQLFault(number: 1205, words: "x").error(doing: "y").code == .transient)
        #expect(MySQLFault(number: 1969, words: "x").error(doing: "y").code == .timeout)
        #expect(MySQLFault(number: 2013, words: "x").error(doing: "y").code == .unreachable)
        #expect(MySQLFault(number: 1114, words: "x").error(doing: "y").code == .full)
        #expect(MySQLFault(number: 1030, words: "Got error 28 from storage engine").error(doing: "y").code == .full)
        #expect(MySQLFault(number: 1142, words: "x").error(doing: "y").code == .permission)
    }

    @Test func `escapes leave no octet out`() {
        for length in 0..<40 {
            for special in [UInt8(9), 10, 92, 0, 39, 11, 8, 128, 255] {
                var bytes = [UInt8](repeating: 65, count: length)
                if length > 0 { bytes[(length * 7) % length] = special; bytes[length / 2] = special }
                let expected = bytes.flatMap { $0 == 9 ? [92, 116] : $0 == 10 ? [92, 110] : $0 == 92 ? [92, 92] : [$0] }
                var out = [UInt8](repeating: 0, count: length * 2 + 8)
                let count = bytes.withUnsafeBufferPointer { input in
                    out.withUnsafeMutableBufferPointer { MySQLEscape.file(input, to: $0.baseAddress!) }
                }
                #expect(Array(out[..<count]) == expected)
            }
        }
    }

    @Test func `a schema described at once is the same as its tables one by one`() throws {
        let play = try Playground()
        try play.run(
            """
            CREATE TABLE a (x int, y int, PRIMARY KEY (x, y)) COMMENT 'first';
            CREATE TABLE `b'` (id int AUTO_INCREMENT PRIMARY KEY, j json, k longtext CHECK (json_valid(`k`)), t text, f varchar(9) DEFAULT 'it''s',
              g int AS (id + 1) VIRTUAL, x int, y int, KEY pre (t(10)), UNIQUE KEY u (f, x), FULLTEXT KEY ft (t),
              CONSTRAINT fk FOREIGN KEY (x, y) REFERENCES a (x, y) ON DELETE CASCADE);
            CREATE TABLE `表` (`列` date NOT NULL); CREATE TABLE d (x int); CREATE TABLE skipped (x int); CREATE VIEW v AS SELECT x FROM a;
            INSERT INTO a VALUES (1, 2); ANALYZE TABLE a;
            """)
        let session = try play.open()
        let all = try session.describeAll(schema: nil) { $0.name.name != "skipped" }
        #expect(all.map(\.name.name) == ["a", "b'", "d", "v", "表"])
        for shape in all { #expect(try session.describe(shape.name) == shape) }
        #expect(all[1].column("j")?.type == .json && all[1].column("k")?.type == .json)
        #expect(
            try session.describeAll(schema: play.database) { $0.kind != .view }.map(\.name.schema)
                == Array(repeating: play.database, count: 5))
    }
}

extension SQLSession {
    var dialectForTests: MySQLDialect { MySQLDialect() }
}
