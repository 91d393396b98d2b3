import ApusCore
import ApusTesting
import Foundation
import Testing

/// Tables of unusual shape and name, large values and other character sets.
@Suite struct ShapeTests {
    @Test(arguments: System.pairs)
    func `empty tables, tables of one column, without a key and of 300 columns arrive`(_ pair: Pair) throws {
        let source = try Place(pair.from), target = try Place(pair.to)
        let wide = (1..<300).map { "c\($0) \($0 % 3 == 0 ? "varchar(5)" : "int")" }.joined(separator: ", ")
        let values = (1..<300).map { $0 % 7 == 0 ? "NULL" : $0 % 3 == 0 ? "'v\($0)'" : "\($0)" }.joined(separator: ", ")
        try source.run(
            """
            CREATE TABLE vacant (id int NOT NULL PRIMARY KEY, v varchar(5));
            CREATE TABLE single (v int); INSERT INTO single VALUES (3), (1), (2);
            CREATE TABLE keyless (a int, b varchar(10)); INSERT INTO keyless VALUES (1, 'x'), (2, 'x'), (3, NULL), (4, '');
            CREATE TABLE wide (id int NOT NULL PRIMARY KEY, \(wide)); INSERT INTO wide VALUES (1, \(values));
            """)
        // The MariaDB behind the double keeps no rows of so many long columns.
        let tables = ["single", "keyless"] + (pair.to == .starrocks ? [] : ["wide"])
        var pipeline = try Pipeline(source, target)
        for table in ["vacant"] + tables { pipeline.take(table) }
        try pipeline.succeed()
        for table in tables { #expect(try target.rows(table) == source.rows(table), "\(table)") }
        #expect(try target.count("vacant") == 0)
        if !pair.to.isFile { #expect(try target.columns("vacant").map(\.name) == ["id", "v"]) }
    }

    @Test(arguments: System.enginePairs + [System.intoStarRocks, System.outOfStarRocks[0]])
    func `reserved words, quotes, dots, Chinese, emoji and long names of tables and columns are kept`(_ pair: Pair) throws {
        let source = try Place(pair.from), target = try Place(pair.to)
        var names = [
            "select", "Group", "two words", "a.b", "it's", "quo\"te", "back\\slash", "tick`s", "訂單", "per%cent", "a;b--", "{table}", "1",
            "ünï",
        ]
        // MariaDB keeps no name with a character beyond the basic plane.
        if pair.from != .mysql, pair.to != .mysql { names.append("🐦") }
        names.append(String(repeating: "x", count: 63))
        names.append(String(repeating: "雨", count: 21))
        // StarRocks keeps letters of all scripts and few signs.
        if pair.from == .starrocks || pair.to == .starrocks { names = ["select", "Group", "two words", "訂單", "ünï", "per%cent", "it's"] }
        for (number, name) in names.enumerated() {
            let column = name == "1" ? "one" : name
            try source.run(
                """
                CREATE TABLE \(source.system.quote(name)) (\(source.system.quote(column)) int NOT NULL PRIMARY KEY, \(source.system.quote("order")) varchar(20));
                INSERT INTO \(source.system.quote(name)) VALUES (\(number), 'v\(number)');
                """)
        }
        var pipeline = try Pipeline(source, target)
        pipeline.take("*") { $0.withIndexes = true }
        for mode in [LoadMode.replace, .upsert, .truncate] {
            for index in pipeline.flow.tables.indices { pipeline.flow.tables[index].mode = mode }
            let result = try pipeline.run()
            for table in result.tables { #expect(table.error == nil) }
            for (number, name) in names.enumerated() {
                #expect(try target.rows(name) == [["\(number)", "v\(number)"]], "\(name)")
            }
        }
    }

    @Test(arguments: System.servers, System.engines)
    func `octets of 64 MiB arrive whole`(_ from: System, _ to: System) throws {
        let source = try Place(from), target = try Place(to)
        let size = 64 << 20
        switch from {
        case .mysql:
            try source.run(
                "CREATE TABLE big (id int NOT NULL PRIMARY KEY, v longblob); INSERT INTO big VALUES (1, REPEAT(x'00ff5c27', \(size / 4))), (2, x'');"
            )
        default:
            try source.run(
                "CREATE TABLE big (id int NOT NULL PRIMARY KEY, v bytea); INSERT INTO big VALUES (1, decode(repeat('00ff5c27', \(size / 4)), 'hex')), (2, '');"
            )
        }
        var pipeline = try Pipeline(source, target)
        pipeline.take("big")
        try pipeline.succeed()
        let tail = to == .postgres ? "encode(substr(v, \(size - 3)), 'hex')" : "lower(hex(substr(v, \(size - 3))))"
        #expect(
            try target.ask(
                "SELECT id, \(to == .mysql ? "octet_length" : to == .postgres ? "octet_length" : "length")(v), \(tail) FROM big WHERE id = 1"
            ) == [["1", "\(size)", "00ff5c27"]])
        if to == .postgres {
            #expect(try target.value("SELECT md5(v) FROM big WHERE id = 1") == source.value("SELECT md5(v) FROM big WHERE id = 1"))
        }
    }

    @Test(.requires(.mariadb))
    func `a character that the target's character set lacks is a rejected row`() throws {
        let source = try Place(.sqlite), target = try Place(.mysql)
        try source.run(
            "CREATE TABLE t (id int NOT NULL PRIMARY KEY, g text, l text); INSERT INTO t VALUES (1, '雨燕', 'é'), (2, '🐦', 'a'), (3, 'a', '雨'), (4, '誠', 'ß€');"
        )
        try target.run("CREATE TABLE t (id int NOT NULL PRIMARY KEY, g varchar(20) CHARACTER SET gbk, l varchar(20) CHARACTER SET latin1);")
        var pipeline = try Pipeline(source, target)
        pipeline.flow.limits.badRows = nil
        pipeline.take("t")
        let result = try pipeline.run()
        #expect(result.tables[0].error == nil && result.tally.rejected == 2 && result.tally.balances)
        #expect(try target.rows("t") == [["1", "雨燕", "é"], ["4", "誠", "ß€"]])
        #expect(
            try target.value(
                "SELECT character_set_name FROM information_schema.columns WHERE table_schema = database() AND column_name = 'g'") == "gbk")
    }

    @Test(arguments: System.servers, System.allCases)
    func `generated columns are read, and made as plain ones elsewhere`(_ from: System, _ to: System) throws {
        let source = try Place(from), target = try Place(to)
        try source.run(
            "CREATE TABLE g (id int NOT NULL PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED); INSERT INTO g (id) VALUES (1), (7);"
        )
        var pipeline = try Pipeline(source, target)
        pipeline.take("g")
        for _ in 0..<2 { try pipeline.succeed() }
        #expect(try target.rows("g") == [["1", "2"], ["7", "14"]])
    }

    @Test(.requires(.mariadb), arguments: System.allCases)
    func `invisible columns of MariaDB are copied`(_ to: System) throws {
        let source = try Place(.mysql), target = try Place(to)
        try source.run(
            "CREATE TABLE i (id int NOT NULL PRIMARY KEY, hidden varchar(9) INVISIBLE DEFAULT 'd', v int); INSERT INTO i (id, hidden, v) VALUES (1, 'h', 3);"
        )
        var pipeline = try Pipeline(source, target)
        pipeline.take("i")
        try pipeline.succeed()
        #expect(try target.rows("i", columns: ["id", "hidden", "v"]) == [["1", "h", "3"]])
    }

    @Test(arguments: System.pairs + System.outOfStarRocks)
    func `a view, a query, renamed and left-out columns, expressions and constants serve as sources`(_ pair: Pair) throws {
        let source = try ModeTests.orders(pair.from, count: 20), target = try Place(pair.to)
        try source.run("CREATE VIEW seen AS SELECT id, name FROM orders WHERE id <= 5;")
        var pipeline = try Pipeline(source, target)
        pipeline.take("seen")
        pipeline.take(query: "SELECT count(*) AS n, max(name) AS m FROM orders WHERE name <> '?';", as: "asked")
        pipeline.take("orders") {
            $0.to = "made"
            $0.filter = "id > 18"
            $0.exclude = ["note"]
            $0.rename = ["name": "the name"]
            $0.columns = [
                ColumnWish("id"), ColumnWish("the name", expression: "name"), ColumnWish("twice", expression: "id * 2"),
                ColumnWish("word", expression: "'it''s'"),
            ]
        }
        try pipeline.succeed()
        #expect(try target.rows("seen") == source.rows("orders").prefix(5).map { Array($0.prefix(2)) })
        #expect(try target.rows("asked") == [["20", "名9"]])
        #expect(try target.rows("made") == [["19", "名19", "38", "it's"], ["20", "名20", "40", "it's"]])
    }
}
