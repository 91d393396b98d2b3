import ApusCore
import ApusTesting
import Tabular
import Testing

@testable import PostgresConnector

@Suite struct CatalogueTests {
    @Test(.requires(.postgres)) func `tables, views and partitioned tables are listed, Apus's own and partitions are not`() throws {
        let place = try Place()
        try place.sql(
            """
            CREATE TABLE t (x int); CREATE VIEW v AS SELECT 1 AS x; CREATE MATERIALIZED VIEW m AS SELECT 1 AS x; CREATE SEQUENCE s;
            CREATE TABLE p (x int) PARTITION BY RANGE (x); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (2);
            CREATE TABLE apus_marks (x int); CREATE TABLE apus_stg_1_2 (x int); CREATE TABLE apusXstg (x int); CREATE SCHEMA o; CREATE TABLE o."表" (x int);
            INSERT INTO t SELECT generate_series(1, 1000); ANALYZE t
            """)
        let session = try place.session()
        let tables = try session.tables(schema: nil)
        #expect(tables.map(\.name.name) == ["apusxstg", "m", "p", "t", "v"])
        #expect(tables.map(\.kind) == [.table, .view, .table, .table, .view])
        #expect(tables[3].rows == 1000)
        #expect((tables[3].bytes ?? 0) > 8192)
        #expect(try session.tables(schema: "o").map(\.name) == [TableName(schema: "o", "表")])
        let near = #expect(throws: ApusError.self) { try session.describe(TableName("apusXstgg")) }
        #expect(near?.code == .notFound)
        #expect(near?.hint == "Did you mean `apusxstg`?")
        let schema = #expect(throws: ApusError.self) { try session.describe(TableName(schema: "publik", "t")) }
        #expect(schema?.hint == "Did you mean `public`?")
    }

    @Test(.requires(.postgres)) func `a table is described with all that Apus can make again`() throws {
        let place = try Place()
        try place.sql(
            """
            CREATE TABLE parent (a int, b int, PRIMARY KEY (b, a));
            CREATE TABLE t (
              id serial PRIMARY KEY, big bigint GENERATED ALWAYS AS IDENTITY, v varchar(20) NOT NULL DEFAULT 'it''s \\ 雨', n numeric(10,2) DEFAULT -1.5,
              b boolean DEFAULT true, ts timestamptz(3) DEFAULT now(), d date DEFAULT CURRENT_DATE, e text DEFAULT upper('x'), x int DEFAULT 1 + 1,
              g int GENERATED ALWAYS AS (id * 2) STORED, nul text DEFAULT NULL, a int, bb int, j jsonb DEFAULT '{}',
              CONSTRAINT fk FOREIGN KEY (a, bb) REFERENCES parent (a, b) ON DELETE CASCADE ON UPDATE SET NULL
            );
            CREATE UNIQUE INDEX uq ON t (v, n); CREATE INDEX expr ON t (lower(v)) WHERE n > 0; CREATE INDEX gin ON t USING gin (j);
            CREATE INDEX down ON t (d DESC); COMMENT ON TABLE t IS 'the table'; COMMENT ON COLUMN t.v IS 'the column'
            """)
        let shape = try place.session().describe(TableName("t"))
        #expect(shape.name == TableName("t"))
        #expect(shape.primaryKey == ["id"])
        #expect(shape.comment == "the table")
        #expect(shape.column("v")?.comment == "the column")
        #expect(shape.columns.filter(\.identity).map(\.name) == ["id", "big"])
        #expect(shape.columns.filter { !$0.nullable }.map(\.name) == ["id", "big", "v"])
        #expect(shape.column("v")?.native == "character varying(20)")
        #expect(shape.column("ts")?.type == .instant(precision: 3))
        let defaults = Dictionary(uniqueKeysWithValues: shape.columns.compactMap { column in column.initial.map { (column.name, $0) } })
        #expect(
            defaults == [
                "v": .literal("it's \\ 雨"), "n": .literal("-1.5"), "b": .literal("true"), "ts": .currentTimestamp, "d": .currentDate,
                "e": .expression("upper('x'::text)"), "x": .expression("(1 + 1)"), "g": .expression("(id * 2)"), "j": .literal("{}"),
            ])
        #expect(shape.indexes.map(\.name) == ["down", "expr", "gin", "uq"])
        #expect(shape.indexes.map(\.columns) == [["d"], [], [], ["v", "n"]])
        #expect(
            shape.indexes.map(\.definition) == [
                "USING btree (d DESC)", "USING btree (lower((v)::text)) WHERE (n > (0)::numeric)", "USING gin (j)", nil,
            ])
        let key = try #require(shape.foreignKeys.first)
        #expect(key.columns == ["a", "bb"])
        #expect(key.referencedColumns == ["a", "b"])
        #expect(key.onDelete == "CASCADE")
        #expect(key.onUpdate == "SET NULL")
        // Made again, it describes the same.
        let session = try place.session()
        let name = TableName(schema: "public", "again")
        let (again, losses) = session.dialect.translate(shape, named: name, origin: "postgres")
        #expect(losses == [])
        for sql in session.dialect.create(again, as: name) + session.dialect.createIndexes(again, on: name)
            + session.dialect.createForeignKeys(again, on: name)
        {
            try session.execute(sql)
        }
        var made = try session.describe(name)
        #expect(made.columns == shape.columns)
        #expect(made.primaryKey == shape.primaryKey)
        #expect(made.foreignKeys == shape.foreignKeys)
        for index in made.indexes.indices { made.indexes[index].name = String(made.indexes[index].name.dropFirst("again_".count)) }
        #expect(made.indexes == shape.indexes)
    }

    @Test(.requires(.postgres)) func `a query is described without being run`() throws {
        let place = try Place()
        try place.sql("CREATE TABLE t (n numeric(9,3), v varchar(5)); INSERT INTO t VALUES (1, 'x')")
        let session = try place.session()
        let shape = try session.describe(query: "SELECT n, v AS \"Ä b\", 1/0 AS boom, now() AS at FROM t;")
        #expect(shape.kind == .query)
        #expect(shape.columns.map(\.name) == ["n", "Ä b", "boom", "at"])
        #expect(shape.columns.map(\.type) == [.decimal(precision: 9, scale: 3), .text(length: 5), .int32, .instant(precision: 6)])
        #expect(shape.columns.map(\.native) == ["numeric(9,3)", "character varying(5)", "integer", "timestamp with time zone"])
        let error = #expect(throws: ApusError.self) { try session.describe(query: "SELECT nope FROM t") }
        #expect(error?.code == .notFound)
        #expect(throws: ApusError.self) { try session.describe(query: "UPDATE t SET n = 1") }
    }

    @Test func `types of every origin have a declaration, and losses are said`() {
        let dialect = PostgresDialect()
        let expected: [(ColumnType, String, String)] = [
            (.boolean, "tinyint(1)", "boolean"), (.integer(bits: 8, unsigned: false), "tinyint", "smallint"),
            (.integer(bits: 8, unsigned: true), "tinyint unsigned", "smallint"), (.int16, "year", "smallint"),
            (.integer(bits: 16, unsigned: true), "smallint unsigned", "integer"),
            (.integer(bits: 24, unsigned: true), "mediumint unsigned", "integer"),
            (.int32, "int", "integer"), (.integer(bits: 32, unsigned: true), "int unsigned", "bigint"), (.int64, "bigint", "bigint"),
            (.uint64, "bigint unsigned", "numeric(20)"), (.float(bits: 32), "float", "real"), (.float64, "double", "double precision"),
            (.decimal(precision: 65, scale: 30), "decimal(65,30)", "numeric(65,30)"),
            (.decimal(precision: nil, scale: nil), "NUMERIC", "numeric"),
            (.text(length: 40), "varchar(40)", "varchar(40)"), (.text, "longtext", "text"), (.text(length: 3), "enum('a','bcd')", "text"),
            (.bytes(length: 16), "binary(16)", "bytea"), (.date, "date", "date"), (.time(precision: 3), "time(3)", "time(3)"),
            (.duration(precision: 0), "time", "interval(0)"), (.duration(precision: 6), "time(6)", "interval"),
            (.timestamp(precision: 6), "datetime(6)", "timestamp"), (.instant(precision: 0), "timestamp", "timestamp(0) with time zone"),
            (.json, "json", "json"), (.uuid, "uuid", "uuid"), (.bits(length: 7), "bit(7)", "bit(7)"),
            (.bits(length: nil), "", "bit varying"),
            (.array(.int32), "int[]", "integer[]"),
        ]
        for (type, native, declared) in expected {
            let declaration = dialect.declaration(of: ColumnShape("c", type, native: native), origin: "mysql")
            #expect(declaration.native == declared)
            #expect(declaration.loss == nil)
        }
        let other = dialect.declaration(of: ColumnShape("c", .other("geometry"), native: "geometry"), origin: "mysql")
        #expect(other == Declaration("text", .text, loss: "geometry becomes text"))
        #expect(dialect.declaration(of: ColumnShape("c", .other("inet"), native: "inet"), origin: "postgres").native == "inet")
    }

    @Test func `names and literals are quoted`() {
        let dialect = PostgresDialect()
        #expect(dialect.quote("a\"b") == "\"a\"\"b\"")
        #expect(dialect.quote(TableName(schema: "s", "T.x")) == "\"s\".\"T.x\"")
        #expect(dialect.literal("it's") == "'it''s'")
        #expect(dialect.literal("a\\b'") == "E'a\\\\b'''")
        #expect(dialect.literal("-5", type: .int64) == "'-5'")
    }

    @Test(.requires(.postgres)) func `a schema described at once is the same as its tables one by one`() throws {
        let place = try Place()
        try place.sql(
            """
            CREATE TABLE a (x int, y int, PRIMARY KEY (y, x)); COMMENT ON TABLE a IS 'first'; CREATE DOMAIN money2 AS numeric(10,2);
            CREATE TABLE b (id serial PRIMARY KEY, d money2, arr int[], g int GENERATED ALWAYS AS (1 + 1) STORED, a_x int, a_y int,
              CONSTRAINT fk FOREIGN KEY (a_y, a_x) REFERENCES a (y, x) ON DELETE SET NULL, dropped int);
            ALTER TABLE b DROP COLUMN dropped; ALTER TABLE b ADD COLUMN late text; CREATE INDEX low ON b (lower(late)); CREATE UNIQUE INDEX u ON b (a_x, d);
            CREATE TABLE c (x int) PARTITION BY RANGE (x); CREATE TABLE c1 PARTITION OF c FOR VALUES FROM (1) TO (2); CREATE VIEW v AS SELECT id FROM b;
            CREATE TABLE empty (); CREATE TABLE skipped (x int); CREATE SCHEMA o; CREATE TABLE o."表" ("列" date)
            """)
        let session = try place.session()
        let all = try session.describeAll(schema: nil) { $0.name.name != "skipped" }
        #expect(all.map(\.name.name) == ["a", "b", "c", "empty", "v"])
        for shape in all { #expect(try session.describe(shape.name) == shape) }
        #expect(all[1].columns.map(\.name) == ["id", "d", "arr", "g", "a_x", "a_y", "late"])
        #expect(try session.describeAll(schema: "o") { _ in true }.map(\.name) == [TableName(schema: "o", "表")])
        #expect(try session.describeAll(schema: nil) { _ in false }.isEmpty)
    }
}
