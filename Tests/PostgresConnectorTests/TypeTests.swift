import ApusCore
import ApusTesting
import Tabular
import Testing

@testable import PostgresConnector

@Suite struct TypeTests {
    /// A column's declaration and values whose text must be the same after the copy.
    static let binary: [(String, [String])] = [
        ("boolean", ["true", "false"]),
        ("smallint", ["-32768", "32767", "0"]),
        ("integer", ["-2147483648", "2147483647"]),
        ("bigint", ["-9223372036854775808", "9223372036854775807"]),
        ("oid", ["0", "4294967295"]),
        ("real", ["'NaN'", "'Infinity'", "'-Infinity'", "1.1754944e-38", "3.4028235e38", "'-0'", "0.1"]),
        (
            "double precision",
            ["'NaN'", "'Infinity'", "'-Infinity'", "2.2250738585072014e-308", "1.7976931348623157e308", "'-0'", "0.1", "5e-324"]
        ),
        (
            "numeric",
            ["'NaN'", "'Infinity'", "'-Infinity'", "0", "0.00", "-0.000100", "1e300", "1e-300", "12345678901234567890.0987654321"]
        ),
        ("numeric(65,30)", ["99999999999999999999999999999999999.999999999999999999999999999999", "-0.000000000000000000000000000001"]),
        ("numeric(5,-2)", ["12300", "-9999900"]),
        ("numeric(2,4)", ["0.0099"]),
        ("text", ["''", "'a\tb\nc\\d\r'", "'雨燕 🐦'", "E'\\\\N'", "'NULL'", "repeat('é', 100000)"]),
        ("varchar(10)", ["''", "'雨燕🐦'"]),
        ("char(5)", ["'ab'", "''"]),
        ("name", ["'pg'"]),
        ("bytea", ["''", "'\\x00ff5c'", "decode(repeat('00', 70000), 'hex')"]),
        ("date", ["'0001-01-01'", "'9999-12-31'", "'4714-11-24 BC'", "'5874897-12-31'", "'infinity'", "'-infinity'", "'1999-12-31'"]),
        ("time", ["'00:00'", "'23:59:59.999999'", "'24:00:00'"]),
        ("time(0)", ["'12:34:56'"]),
        (
            "timestamp",
            [
                "'0001-01-01'", "'9999-12-31 23:59:59.999999'", "'4714-11-24 00:00:00 BC'", "'294246-12-31 23:59:59.999999'", "'infinity'",
                "'-infinity'",
            ]
        ),
        ("timestamp(3)", ["'2024-02-29 12:00:00.123'"]),
        (
            "timestamptz",
            [
                "'2024-03-31 01:59:59.999999+01'", "'1970-01-01 00:00:00+00'", "'infinity'", "'-infinity'",
                "'1815-06-18 12:00:00 Asia/Shanghai'",
            ]
        ),
        ("uuid", ["'00000000-0000-0000-0000-000000000000'", "'ABCDEF01-2345-6789-abcd-ef0123456789'"]),
        ("json", ["'{\"b\": 1,  \"a\":[1, 2], \"b\":2}'", "'\"雨\"'", "'null'"]),
        ("jsonb", ["'{\"b\": 1, \"a\": [1, 2.50]}'", "'[]'"]),
        ("bit(9)", ["B'101010101'"]),
        ("bit varying", ["B''", "B'1'", "B'0000000011'"]),
        ("mood", ["'ok'", "'不错''s'"]),
        ("posint", ["1", "2147483647"]),
        ("label", ["'abc'"]),
    ]
    static let text: [(String, [String])] = [
        ("interval", ["'1 year -2 mons +3 days 04:05:06.789'", "'-838:59:59'", "'178000000 years'"]),
        ("timetz", ["'12:00:00.5+08'", "'23:59:59-15:59'"]),
        ("money", ["-92233720368547758.08", "12.5"]),
        ("\"char\"", ["'a'", "''"]),
        ("xml", ["'<a>雨 &amp; b</a>'"]),
        ("inet", ["'192.168.0.1/24'", "'::1'"]),
        ("cidr", ["'10.0.0.0/8'"]),
        ("macaddr", ["'08:00:2b:01:02:03'"]),
        ("point", ["'(1.5,-2)'"]),
        ("polygon", ["'((0,0),(1,1),(2,0))'"]),
        ("int4range", ["'[1,5)'", "'empty'"]),
        ("tsvector", ["'a fat cat'"]),
        ("integer[]", ["'{}'", "'{1,NULL,3}'", "'{{1,2},{3,4}}'", "'[2:3]={7,8}'"]),
        ("text[]", ["ARRAY['a\"b', 'c\\d', NULL, 'NULL', '', 'x,y', E'\\n\\t']"]),
        ("mood[]", ["'{ok,NULL}'"]),
        ("pair", ["ROW(1, 'a b')"]),
        ("posints", ["'{1,2}'"]),
        ("pg_lsn", ["'16/B374D848'"]),
    ]

    static let makeTypes = """
        CREATE TYPE mood AS ENUM ('ok', '不错''s'); CREATE DOMAIN posint AS integer CHECK (VALUE > 0);
        CREATE DOMAIN label0 AS varchar(5); CREATE DOMAIN label AS label0; CREATE TYPE pair AS (a int, b text);
        CREATE DOMAIN posints AS posint[];
        """

    static func fill(_ place: Place, _ columns: [(String, [String])]) throws {
        try place.sql(makeTypes)
        let declarations = columns.indices.map { "c\($0) \(columns[$0].0)" }.joined(separator: ", ")
        for table in ["a", "b"] { try place.sql("CREATE TABLE \(table) (id bigint PRIMARY KEY, \(declarations))") }
        let rows = columns.map(\.1.count).max()!
        for row in 0...rows {
            let values = columns.map { row < $0.1.count ? $0.1[row] : "NULL" }
            try place.sql("INSERT INTO a VALUES (\(row), \(values.joined(separator: ", ")))")
        }
    }

    static func expectSame(_ place: Place, _ columns: [(String, [String])], _ copied: Copied) throws {
        #expect(copied.rejected.map(\.reason) == [])
        #expect(copied.written == copied.read)
        let names = columns.indices.map { "c\($0)::text" }.joined(separator: ", ")
        let before = try place.rows("SET TimeZone = 'Asia/Shanghai'; SELECT id, \(names) FROM a ORDER BY id")
        let after = try place.rows("SET TimeZone = 'Asia/Shanghai'; SELECT id, \(names) FROM b ORDER BY id")
        #expect(before.count == copied.read)
        for (old, new) in zip(before, after) {
            for column in columns.indices {
                #expect(old[column + 1] == new[column + 1], "\(columns[column].0), row \(old[0])")
            }
        }
        #expect(after.count == before.count)
    }

    @Test(.requires(.postgres)) func `binary types come back as they were`() throws {
        let place = try Place()
        try Self.fill(place, Self.binary)
        let (source, sink) = (try place.session(), try place.session())
        let load = try place.load(sink, "b")
        try sink.prepare(load)
        #expect(try PostgresLayout(sink, load).codecs != nil)
        try Self.expectSame(place, Self.binary, try move(place.read(source, "a"), from: source, load, to: sink))
    }

    @Test(.requires(.postgres)) func `tuples pass untouched when both sides have the same types`() throws {
        let place = try Place()
        try Self.fill(place, Self.binary)
        let (source, sink) = (try place.session(), try place.session())
        let load = try place.load(sink, "b")
        try sink.prepare(load)
        let copied = try move(place.read(source, "a"), from: source, load, to: sink, passthrough: true)
        #expect(copied.wire != nil)
        try Self.expectSame(place, Self.binary, copied)
        #expect(try source.wireFormats(of: place.read(source, "SELECT id, '{x}'::text[] FROM a")) == [])
        #expect(try source.wireFormats(of: place.read(source, "SELECT 1::int2, 'ok'::mood")) == [WireFormat("pgcopy:21,25")])
    }

    @Test(.requires(.postgres)) func `types without a binary form pass as text, and so does all beside them`() throws {
        let place = try Place()
        let columns = Self.text + Self.binary
        try Self.fill(place, columns)
        let (source, sink) = (try place.session(), try place.session())
        let load = try place.load(sink, "b")
        try sink.prepare(load)
        #expect(try PostgresLayout(sink, load).codecs == nil)
        try Self.expectSame(place, columns, try move(place.read(source, "a"), from: source, load, to: sink))
    }

    @Test(.requires(.postgres)) func `a latin1 database is read as UTF-8 and written back`() throws {
        let server = try PostgresServer.shared()
        let latin = try server.makeDatabase("ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        try server.execute("CREATE TABLE a (t text); INSERT INTO a VALUES ('Müller'); CREATE TABLE b (t text)", database: latin)
        let endpoint = try Endpoint(ConnectionURL(parsing: server.url(database: latin)), PostgresConnector())
        let session = try PostgresSession(endpoint, interrupt: Interrupt())
        let place = try Place(server)
        let load = try place.load(session, "b")
        try session.prepare(load)
        let source = try PostgresSession(endpoint, interrupt: Interrupt())
        try move(place.read(source, "a"), from: source, load, to: session)
        #expect(try server.query("SELECT t, octet_length(t) FROM b", database: latin) == [["Müller", "6"]])
    }

    @Test(.requires(.postgres)) func `numerics read and write as the server prints them`() throws {
        let place = try Place()
        try place.sql("CREATE TABLE a (n numeric); CREATE TABLE b (n numeric)")
        var random = SeededGenerator(seed: 7)
        var values: [String] = []
        for _ in 0..<3000 {
            let whole = Int.random(in: 0...40, using: &random), fraction = Int.random(in: 0...40, using: &random)
            func digits(_ count: Int) -> String {
                (0..<count).map { _ in Bool.random(using: &random) ? "0" : String(Int.random(in: 0...9, using: &random)) }.joined()
            }
            let number = digits(whole) + (fraction > 0 ? "." + digits(fraction) : "")
            values.append((Bool.random(using: &random) ? "-" : "") + (whole + fraction == 0 ? "0" : number))
        }
        values += ["1" + String(repeating: "0", count: 131_071), "0." + String(repeating: "0", count: 16_382) + "1"]
        try place.sql("INSERT INTO a VALUES " + values.map { "('\($0)')" }.joined(separator: ","))
        let (source, sink) = (try place.session(), try place.session())
        let read = try place.read(source, "a")
        let reader = try source.reader(read, Slice(id: 0, bounds: .all), wire: [])
        let batch = Batch(schema: read.schema, rowCapacity: 10_000)
        #expect(try reader.read(into: batch) == false)
        let printed = try place.values("SELECT n::text FROM a")
        #expect((0..<batch.rowCount).map { batch.columns[0].string($0) } == printed)
        let load = try place.load(sink, "b")
        try sink.prepare(load)
        let writer = try sink.writer(load)
        try writer.begin(Slice(id: 0, bounds: .all), careful: false)
        // Also as written, with leading zeros and all, which the server reads as the same.
        let raw = Batch(schema: read.schema, rowCapacity: 10_000)
        for value in values {
            raw.columns[0].append(value)
            raw.endRow(bytes: 1)
        }
        #expect(try writer.write(batch) == [])
        #expect(try writer.write(raw) == [])
        #expect(try writer.flush() == values.count * 2)
        try writer.commit(SliceMark(slice: 0, read: 1, written: 1, rejected: 0))
        #expect(try place.values("SELECT n::text FROM b") == printed + printed)
    }
}
