import ApusTesting
import Testing

/// Values at the edges of their types: each is whole in the target, or refused with a reason; none is another one.
@Suite(.requires(.mariadb, .postgres)) struct EdgeTests {
    let user: User
    init() throws { user = try User() }

    private static let mode = "SET sql_mode = 'ALLOW_INVALID_DATES'; SET time_zone = '+00:00';\n"

    private static func source(_ tables: [EdgeTable]) throws -> Store {
        try Store(.mariadb, mode + tables.map { $0.create + $0.insert }.joined())
    }

    /// What a target holds of every table is what the source has, without the rows that it refuses.
    private func compare(_ tables: [EdgeTable], _ source: Store, _ target: Store) throws {
        for table in tables {
            let refused = table.refused[target.kind] ?? []
            let wanted = try source.ask(table.select(.mariadb)).map(table.canonical).filter { !refused.contains(Int($0[0])!) }
            let got = try target.ask(table.select(target.kind)).map(table.canonical)
            #expect(got == wanted, "\(table.name)")
        }
    }

    /// The rejected rows of the last run, by table.
    private func rejected() throws -> [String: Int] {
        let lines = try user.apus("show", "--rejected").stdout.split(separator: "\n")
        return Dictionary(
            lines.compactMap { $0.firstMatch(of: /"table":"(?:public\.)?(\w+)"/).map { (String($0.1), 1) } }, uniquingKeysWith: +)
    }

    @Test(arguments: Kind.engines)
    func `edge tables of MariaDB arrive whole, and what the target cannot hold is kept apart`(_ kind: Kind) throws {
        let source = try Self.source(EdgeTable.all), target = try Store(kind)
        expect(try user.apus("copy", source.url(), target.url(), "--bad-rows", "3"), 0)
        try compare(EdgeTable.all, source, target)
        let refused = EdgeTable.all.filter { $0.refused[kind] != nil }.map { ($0.name, $0.refused[kind]!.count) }
        #expect(try rejected() == Dictionary(uniqueKeysWithValues: refused))
    }

    @Test(arguments: ["csv", "json"])
    func `edge tables pass through our own files into tables that are there`(_ scheme: String) throws {
        let tables = EdgeTable.all.map(\.plain)
        let source = try Self.source(tables)
        let target = try Store(.mariadb, Self.mode + tables.map(\.create).joined())
        let files = "\(scheme):\(user.home.file("files"))/"
        expect(try user.apus("copy", source.url(), files), 0)
        expect(try user.apus("copy", files, target.url(), "--create", "require", "--mode", "append"), 0)
        try compare(tables, source, target)
    }

    @Test func `CSV fields are what PostgreSQL's columns say`() throws {
        let target = try Store(
            .postgres,
            """
            CREATE TABLE t (id int PRIMARY KEY, v text, b bytea, w varbit(9), f bit(3), j jsonb, n bigint, d numeric(10,2), ts timestamp(0), dt date,
              x float8, y float4, o boolean, a int[], i inet, h numeric(3,-2));
            """)
        let rows = [
            // Good.
            #"1,1e5,\x00ff,10,010,null,1e3,1.500,2024-06-01 00:00:00.0,2024-06-01 00:00:00,-0,0.1,t,"{1,NULL}",192.168.1.5,12300"#,
            #"2,TRUE,\x,,111,"{""a"": null}",1.0,2,2024-06-01,2024-06-01,1e308,-0.0,no,{},10.0.0.0/8,0"#,
            #"3,2024-06-01 00:00:00+0800,,000000001,,,-9223372036854775808,-0.01,infinity,infinity,NaN,Infinity,1,,::1,-99900"#,
            // What PostgreSQL would round, cut or take for something else.
            #"11,x,,,,,1.5,,,,,,,,,"#, #"12,x,,,,,,0.125,,,,,,,,"#, #"13,x,,,,,,,2024-06-01 00:00:00.4,,,,,,,"#,
            #"14,x,,,,,,,,2024-06-01 00:00:01,,,,,,"#, #"15,x,,0000000010,,,,,,,,,,,,"#, #"16,x,,,10,,,,,,,,,,,"#,
            #"17,x,00ff,,,,,,,,,,,,,"#, #"18,x,,,,{,,,,,,,,,,"#, #"19,x,,,,,9.3e18,,,,,,,,,"#, #"20,x,,,,,,,,,,1e39,,,,"#,
            #"21,x,,,,,,,,,,,,,,12345"#,
        ]
        let file = try user.home.write("id,v,b,w,f,j,n,d,ts,dt,x,y,o,a,i,h\n" + rows.joined(separator: "\n") + "\n", to: "t.csv")
        expect(
            try user.apus("copy", "csv:\(file)", target.url(), "--mode", "append", "--create", "require", "--bad-rows", "11"), 0,
            "binary=text")
        #expect(
            try target.ask("SELECT concat_ws('|', id, v, b, w, f, j, n, d, ts, dt, x, y, o, a, i, h) FROM t ORDER BY id").map { $0[0] } == [
                #"1|1e5|\x00ff|10|010|null|1000|1.50|2024-06-01 00:00:00|2024-06-01|-0|0.1|t|{1,NULL}|192.168.1.5|12300"#,
                #"2|TRUE|\x|111|{"a": null}|1|2.00|2024-06-01 00:00:00|2024-06-01|1e+308|-0|f|{}|10.0.0.0/8|0"#,
                #"3|2024-06-01 00:00:00+0800|000000001|-9223372036854775808|-0.01|infinity|infinity|NaN|Infinity|t|::1|-99900"#,
            ])
        #expect(try target.ask("SELECT id FROM t WHERE j IS NULL OR b IS NULL ORDER BY id") == [["3"]])
        #expect(try rejected() == ["t": 11])
        expect(try user.apus("copy", "csv:\(file)", target.url(), "--mode", "append", "--strict"), 78, "binary=text")
    }

    @Test func `JSON fields are what MariaDB's columns say`() throws {
        let target = try Store(
            .mariadb,
            """
            CREATE TABLE t (id int PRIMARY KEY, v varchar(40), b blob, w bit(9), j json, n bigint unsigned, d decimal(10,2), ts datetime(3), dt date,
              c time, y year, o tinyint(1), z decimal(8,2) zerofill);
            """)
        let rows = [
            #"{"id":1,"v":1e5,"b":"AP8=","w":"10","j":null,"n":18446744073709551615,"d":"1.50","ts":"2024-06-01T00:00:00.250","dt":"2024-06-01","c":"838:59:59","y":2024,"o":true,"z":12.5}"#,
            #"{"id":2,"v":true,"b":"","w":"000000001","n":1e3,"d":2,"ts":"2024-06-01","dt":"2024-06-01 00:00:00","c":"-00:00:01","y":0,"o":false}"#,
            #"{"id":3,"v":{"a":[1, 2.0]},"j":{"a":null}}"#, #"{"id":4,"v":"null","j":"null"}"#,
            #"{"id":11,"n":1.5}"#, #"{"id":12,"d":0.125}"#, #"{"id":13,"ts":"2024-06-01 00:00:00.0001"}"#,
            #"{"id":14,"dt":"2024-06-01 10:00:00"}"#, #"{"id":15,"c":"10:00:00.5"}"#, #"{"id":16,"y":70}"#, #"{"id":17,"b":"no!"}"#,
            #"{"id":18,"w":"10000000000"}"#, #"{"id":19,"n":-1}"#,
        ]
        let file = try user.home.write(rows.joined(separator: "\n") + "\n", to: "t.jsonl")
        expect(try user.apus("copy", "json:\(file)", target.url(), "--mode", "append", "--create", "require", "--bad-rows", "9"), 0)
        #expect(
            try target.ask(
                "SELECT id, v, coalesce(hex(b), '-'), coalesce(bin(w + 0), '-'), coalesce(j, '-'), coalesce(n, '-'), coalesce(d, '-'), coalesce(ts, '-'), coalesce(dt, '-'), coalesce(c, '-'), coalesce(y, '-'), coalesce(o, '-') FROM t ORDER BY id"
            ) == [
                [
                    "1", "1e5", "00FF", "10", "null", "18446744073709551615", "1.50", "2024-06-01 00:00:00.250", "2024-06-01", "838:59:59",
                    "2024", "1",
                ],
                ["2", "true", "", "1", "-", "1000", "2.00", "2024-06-01 00:00:00.000", "2024-06-01", "-00:00:01", "0000", "0"],
                ["3", #"{"a":[1, 2.0]}"#, "-", "-", #"{"a":null}"#, "-", "-", "-", "-", "-", "-", "-"],
                ["4", "null", "-", "-", #""null""#, "-", "-", "-", "-", "-", "-", "-"],
            ])
        #expect(try rejected() == ["t": 9])
        // And out again: the padding of ZEROFILL is not part of a number.
        expect(try user.apus("copy", target.url(), "json:\(user.home.file("o"))/"), 0)
        let lines = try user.home.read("o/t.jsonl").split(separator: "\n")
        #expect(lines[0].hasSuffix(#""z":12.50}"#) && lines[0].contains(#""j":null"#) && !lines[1].contains(#""j""#))
    }

    /// From a wide column of each server into narrow ones of the same name.
    @Test(arguments: Kind.engines, Kind.engines)
    func `a narrower target takes what it holds exactly and refuses the rest`(_ from: Kind, _ to: Kind) throws {
        let real = from == .mariadb ? "double" : "double precision"
        let source = try Store(
            from,
            """
            CREATE TABLE t (id int PRIMARY KEY, f \(real), d decimal(12,4), ts timestamp(6)\(from == .mariadb ? " NULL" : ""), tm time(6), dt timestamp(6)\(from == .mariadb ? " NULL" : ""));
            INSERT INTO t VALUES (1, 2, 1.5000, '2024-06-01 10:00:00', '10:00:00', '2024-06-01 00:00:00'), (2, 2.5, NULL, NULL, NULL, NULL),
              (3, NULL, 1.0050, NULL, NULL, NULL), (4, NULL, NULL, '2024-06-01 10:00:00.5', NULL, NULL), (5, NULL, NULL, NULL, '10:00:00.4', NULL),
              (6, NULL, NULL, NULL, NULL, '2024-06-01 10:00:00');
            """.replacing("timestamp(6) NULL", with: "datetime(6) NULL"))
        let target = try Store(
            to,
            "CREATE TABLE t (id int PRIMARY KEY, f bigint, d decimal(12,2), ts \(to == .mariadb ? "datetime" : "timestamp(0)"), tm time(0), dt date)"
        )
        expect(
            try user.apus("copy", source.url(), target.url(), "--mode", "append", "--create", "require", "--bad-rows", "5"), 0, "rejected")
        let got = try target.ask("SELECT id, f, d + 0, ts, tm, dt FROM t ORDER BY id")
        #expect(got.count == 1 && got[0][0] == "1" && got[0][1] == "2" && got[0][2].hasPrefix("1.5") && got[0][3] == "2024-06-01 10:00:00")
        #expect(got.first?.suffix(2) == ["10:00:00", "2024-06-01"])
        #expect(try rejected() == ["t": 5])
    }
}
