import ApusCore
import ApusTesting
import MySQLConnector
import Tabular
import Testing

/// Every type, read, written and compared by the server itself and by literal expectations.
@Suite(.requires(.mariadb))
struct TypeTests {
    static let declarations: [(name: String, sql: String)] = [
        ("id", "int NOT NULL PRIMARY KEY"), ("ti", "tinyint"), ("tu", "tinyint unsigned"), ("si", "smallint"), ("su", "smallint unsigned"),
        ("mi", "mediumint"), ("mu", "mediumint unsigned"), ("ii", "int"), ("iu", "int unsigned"), ("bi", "bigint"),
        ("bu", "bigint unsigned"),
        ("bool", "tinyint(1)"), ("yr", "year"), ("dec1", "decimal(65,30)"), ("dec2", "decimal(10,0) unsigned"), ("f", "float"),
        ("d", "double"),
        ("bit1", "bit(1)"), ("bit9", "bit(9)"), ("bit64", "bit(64)"), ("c", "char(5)"), ("vc", "varchar(40)"), ("tx", "text"),
        ("lt", "longtext"),
        ("gbk", "varchar(40) CHARACTER SET gbk"), ("lat", "varchar(40) CHARACTER SET latin1"), ("u16", "varchar(40) CHARACTER SET utf16"),
        ("bin", "binary(4)"), ("vb", "varbinary(40)"), ("bl", "longblob"), ("dt", "date"), ("tm", "time(6)"), ("dtm", "datetime(6)"),
        ("ts", "timestamp(6) NULL"), ("en", "enum('a','b,c','d''e','中')"), ("st", "set('x','y','z')"), ("js", "json"), ("uu", "uuid"),
        ("ip", "inet6"), ("geo", "geometry"), ("inv", "int INVISIBLE"), ("order", "varchar(10)"), ("we`ird \"列\"", "varchar(10)"),
    ]

    static let rows: [String] = [
        """
        1,-128,255,-32768,65535,-8388608,16777215,-2147483648,4294967295,-9223372036854775808,18446744073709551615,1,1901,
        -99999999999999999999999999999999999.999999999999999999999999999999,9999999999,1.1754943508e-38,-1.7976931348623157e308,
        b'1',b'101010101',b'1000000000000000000000000000000000000000000000000000000000000001','ab',
        'tab\\t nl\\n cr\\r bs\\\\ q'' dq" nul\\0 z\\Z','𝄞 emoji 😀 \\\\N','end\\\\','中文','é','𝄞',
        x'00090A5C',x'005C0A09275C4E22FF80C3',x'00FF', '0001-01-01','-838:59:59.000000','0001-01-01 00:00:00.000001',
        '1970-01-01 00:00:01.000001','b,c','x,z','{"k": [1, "\\\\t"]}','123e4567-e89b-12d3-a456-426655440000','2001:db8::1',
        ST_GeomFromText('POINT(1 9)', 4326), 7, 'res', 'w'
        """,
        """
        2,127,0,32767,0,8388607,0,2147483647,0,9223372036854775807,0,0,2155,0.000000000000000000000000000001,0,3.4028234e38,5e-324,
        b'0',b'0',b'0','','','','','','','',x'00000000',x'',x'','9999-12-31','838:59:59.000000','9999-12-31 23:59:59.999999',
        '2038-01-19 03:14:07.999999','a','','[]','00000000-0000-0000-0000-000000000000','::',ST_GeomFromText('LINESTRING(0 0,10 10)'),0,'',''
        """,
        "3" + String(repeating: ",NULL", count: 42),
        """
        4,-1,1,-1,1,-1,1,-1,1,-1,9223372036854775808,1,0,-0.5,7,0.1,0.1,b'1',b'11',b'1010','中文字','a  ','\\\\','\\n','乂','ÿ','a',
        x'5C4E',x'5C4E',x'0A','0000-00-00','-00:00:00.000001','0000-00-00 00:00:00.000000','0000-00-00 00:00:00.000000','中','x,y,z','null',
        'ffffffff-ffff-ffff-ffff-ffffffffffff','::ffff:1.2.3.4',ST_GeomFromText('POINT(0 0)'),NULL,'x','y'
        """,
        """
        5,0,9,0,9,0,9,0,9,0,9,0,2024,123456789012345678901234567890.5,1,16777217,123456789.123456789,b'0',b'1',b'1','x','y','z','w','丂','£','😀',
        x'',x'20',x'2020','2024-00-00','100:00:00.5','2024-02-00 12:00:00','2024-02-29 23:59:59.5','a','y','{}',
        '123e4567-e89b-12d3-a456-426655440001','::1',ST_GeomFromText('POINT(-1.5 2.25)'),1,'-','-'
        """,
    ]

    static func quoted(_ name: String) -> String { "`" + name.replacing("`", with: "``") + "`" }

    func make(_ play: Playground, _ table: String) throws {
        let columns = Self.declarations.map { "\(Self.quoted($0.name)) \($0.sql)" }.joined(separator: ", ")
        try play.run("CREATE TABLE \(table) (\(columns)) CHARSET utf8mb4")
    }

    func fill(_ play: Playground, _ table: String) throws {
        let names = Self.declarations.map { Self.quoted($0.name) }.joined(separator: ", ")
        let rows = Self.rows.map { "(\($0))" }.joined(separator: ",\n")
        try play.run("SET time_zone='+00:00', sql_mode='STRICT_TRANS_TABLES'; INSERT INTO \(table) (\(names)) VALUES \(rows)")
    }

    /// Rows that are not the same octets in both tables, by the server's own comparison.
    func differences(_ play: Playground, _ a: String, _ b: String) throws -> [[String]] {
        let same = Self.declarations.map { column in
            let name = Self.quoted(column.name)
            return "(HEX(a.\(name)) <=> HEX(b.\(name)))"
        }
        let which = Self.declarations.map(\.name).enumerated().map { "IF(\(same[$0]), '', '\($1.replacing("'", with: "")) ')" }.joined(
            separator: ", ")
        return try play.rows("SELECT a.id, CONCAT(\(which)) AS d FROM \(a) a LEFT JOIN \(b) b ON a.id = b.id HAVING d <> ''")
    }

    @Test(arguments: [
        "protocol=binary&load=infile", "protocol=text&load=infile", "protocol=binary&load=insert", "protocol=text&load=insert",
        "time_zone=%2B08:00",
    ])
    func `every type survives a round trip`(_ parameters: String) throws {
        let play = try Playground()
        try make(play, "a")
        try fill(play, "a")
        try make(play, "b")
        let source = try play.open(parameters)
        let sink = try play.open(parameters)
        let shape = try source.describe(TableName("a"))
        let load = Load(try sink.describe(TableName("b")))
        try sink.lock(load)
        try sink.prepare(load)
        let result = try move(Read(shape), from: source, load, to: sink)
        #expect(result.rejected.map(\.reason) == [])
        #expect(result.written == Self.rows.count)
        let found = try differences(play, "a", "b").map { $0.joined(separator: ": ") }
        #expect(found == [])
        try sink.finish(load)
    }

    @Test func `values are read as they are`() throws {
        let play = try Playground()
        try make(play, "a")
        try fill(play, "a")
        for parameters in ["protocol=binary", "protocol=text"] {
            let source = try play.open(parameters)
            let shape = try source.describe(TableName("a"))
            let rows = try texts(Read(shape), source)
            func value(_ row: Int, _ name: String) -> String? { rows[row - 1][shape.columns.firstIndex { $0.name == name }!] }
            #expect(value(1, "bu") == "18446744073709551615")
            #expect(value(1, "bi") == "-9223372036854775808")
            #expect(value(1, "dec1") == "-99999999999999999999999999999999999.999999999999999999999999999999")
            #expect(value(1, "f") == "1.1754944e-38" || value(1, "f") == "1.17549435e-38")
            #expect(value(1, "d") == "-1.7976931348623157e+308")
            #expect(value(2, "d") == "5e-324")
            #expect(value(5, "d") == "123456789.12345679")
            #expect(value(5, "f") == "16777216")
            #expect(value(1, "bit9") == "101010101")
            #expect(value(4, "bit64") == String(repeating: "0", count: 60) + "1010")
            #expect(value(1, "vc") == "tab\t nl\n cr\r bs\\ q' dq\" nul\0 z\u{1A}")
            #expect(value(1, "tx") == "𝄞 emoji 😀 \\N")
            #expect(value(1, "gbk") == "中文")
            #expect(value(1, "vb") == "\\x005c0a09275c4e22ff80c3")
            #expect(value(4, "bin") == "\\x5c4e0000")
            #expect(value(1, "dt") == "0001-01-01")
            #expect(value(4, "dt") == "0000-00-00")
            #expect(value(5, "dt") == "2024-00-00")
            #expect(value(5, "dtm") == "2024-02-00 12:00:00")
            #expect(value(4, "ts") == "0000-00-00 00:00:00+00")
            #expect(value(1, "ts") == "1970-01-01 00:00:01.000001+00")
            #expect(value(2, "ts") == "2038-01-19 03:14:07.999999+00")
            #expect(value(1, "tm") == "-838:59:59")
            #expect(value(4, "tm") == "-00:00:00.000001")
            #expect(value(5, "tm") == "100:00:00.5")
            #expect(value(2, "yr") == "2155")
            #expect(value(4, "yr") == "0")
            #expect(value(1, "uu") == "123e4567-e89b-12d3-a456-426655440000")
            #expect(value(1, "ip") == "2001:db8::1")
            #expect(value(1, "geo") == "\\xe61000000101000000000000000000f03f0000000000002240")
            #expect(value(1, "en") == "b,c")
            #expect(value(1, "st") == "x,z")
            #expect(value(2, "vc") == "")
            #expect(value(3, "vc") == .some(nil))
            #expect(value(1, "inv") == "7")
            #expect(value(1, "we`ird \"列\"") == "w")
        }
    }

    @Test func `the catalogue names the canonical types`() throws {
        let play = try Playground()
        try make(play, "a")
        let source = try play.open()
        let shape = try source.describe(TableName("a"))
        func type(_ name: String) -> ColumnType? { shape.column(name)?.type }
        #expect(type("ti") == .integer(bits: 8, unsigned: false))
        #expect(type("mu") == .integer(bits: 24, unsigned: true))
        #expect(type("bu") == .uint64)
        #expect(type("dec1") == .decimal(precision: 65, scale: 30))
        #expect(type("bit9") == .bits(length: 9))
        #expect(type("gbk") == .text(length: 40))
        #expect(type("tm") == .duration(precision: 6))
        #expect(type("ts") == .instant(precision: 6))
        #expect(type("js") == .json)
        #expect(type("uu") == .uuid)
        #expect(type("ip") == .other("inet6"))
        #expect(type("geo") == .bytes)
        #expect(shape.column("inv")?.invisible == true)
        #expect(shape.primaryKey == ["id"])
        // A query of the same columns gives the same types, but for what the protocol does not tell.
        let names = Self.declarations.map { Self.quoted($0.name) }.joined(separator: ", ")
        let query = try source.describe(query: "SELECT \(names) FROM a")
        for column in query.columns where !["en", "st"].contains(column.name) {
            #expect(column.type == type(column.name) || column.type.storage == type(column.name)?.storage, "\(column.name): \(column.type)")
        }
    }
}
