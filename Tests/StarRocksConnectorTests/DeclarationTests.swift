import ApusCore
import Tabular
import Testing

@testable import StarRocksConnector

/// Declarations of StarRocks tables, read and written.
struct DeclarationTests {
    let statement = """
        CREATE TABLE `t` (
          `k1` tinyint(4) NULL COMMENT "",
          `k2` decimal64(10, 2) NULL DEFAULT "10.5" COMMENT "it's \\"quoted\\"",
          `tags` array<varchar(20)> NULL COMMENT "",
          `flag` boolean NOT NULL DEFAULT "1",
          `at` datetime NULL DEFAULT CURRENT_TIMESTAMP COMMENT "",
          `v2` int(11) SUM NULL COMMENT ""
        ) ENGINE=OLAP 
        AGGREGATE KEY(`k1`, `k2`)
        COMMENT "x"
        PARTITION BY RANGE(`dt`)
        (PARTITION p1 VALUES [("2024-01-01"), ("2024-02-01")),
        PARTITION p2 VALUES [("2024-02-01"), ("2024-03-01")))
        DISTRIBUTED BY HASH(`k1`) BUCKETS 10 
        PROPERTIES (
        "replication_num" = "3",
        "in_memory" = "false",
        "compression" = "LZ4"
        );
        """

    @Test func `SHOW CREATE TABLE gives columns, key model, partitions, buckets and properties`() throws {
        let create = try #require(StarRocksCreate(statement))
        #expect(create.columns.map(\.name) == ["k1", "k2", "tags", "flag", "at", "v2"])
        #expect(create.columns.map(\.native) == ["tinyint(4)", "decimal64(10, 2)", "array<varchar(20)>", "boolean", "datetime", "int(11)"])
        #expect(create.columns[1].initial == .literal("10.5"))
        #expect(create.columns[1].comment == "it's \"quoted\"")
        #expect(create.columns[3].nullable == false)
        #expect(create.columns[4].initial == .currentTimestamp)
        #expect(create.columns[5].aggregate == "SUM")
        #expect(create.model == "AGGREGATE KEY" && create.key == ["k1", "k2"] && create.comment == "x")
        #expect(create.partitionColumns == ["dt"])
        #expect(create.partitioning?.hasPrefix("RANGE(`dt`)") == true && create.partitioning?.hasSuffix("(\"2024-03-01\")))") == true)
        #expect(create.distribution == "HASH(`k1`) BUCKETS 10")
        #expect(create.properties == ["replication_num": "3", "in_memory": "false", "compression": "LZ4"])
    }

    @Test(arguments: [
        ("NULL AS a * 2 COMMENT \"x\"", "a * 2"), ("NULL AS `a` + `b` COMMENT \"\"", "`a` + `b`"), ("NULL AS (a + 1) * 2", "(a + 1) * 2"),
        ("NULL AS get_json_string(`j`, '$.a, b)') COMMENT \"\"", "get_json_string(`j`, '$.a, b)')"), ("AS (a*2) NULL COMMENT \"\"", "a*2"),
        ("GENERATED ALWAYS AS (a IS NULL) NOT NULL", "a IS NULL"), ("NULL AS concat(`a`, 'x') COMMENT \"\"", "concat(`a`, 'x')"),
    ])
    func `a computed column keeps its whole expression`(text: String, expression: String) throws {
        let create = try #require(
            StarRocksCreate("CREATE TABLE `t` (`a` int NULL, `g` bigint(20) \(text),\n`z` int NOT NULL)\nDUPLICATE KEY(`a`);"))
        #expect(create.columns.map(\.name) == ["a", "g", "z"])
        #expect(create.columns[1].generated == expression)
        #expect(create.columns[1].comment == (text.hasSuffix("\"x\"") ? "x" : nil))
        #expect(create.columns[2].nullable == false)
    }

    @Test(arguments: [
        ("RANGE(`a`, `b`)\n(PARTITION p VALUES [(\"1\", \"2\"), (\"3\", \"4\")))", ["a", "b"]),
        ("LIST(`city`)\n(PARTITION p VALUES IN ('x', 'y'))", ["city"]),
        ("date_trunc('day', dt)", ["dt"]), ("date_trunc('month', `dt`)", ["dt"]), ("(`a`,`b`)", ["a", "b"]), ("`a`", ["a"]),
    ])
    func `the columns of every way to partition are found`(text: String, columns: [String]) throws {
        let create = try #require(
            StarRocksCreate(
                "CREATE TABLE `t` (`a` int NULL) ENGINE=OLAP\nDUPLICATE KEY(`a`)\nPARTITION BY \(text)\nDISTRIBUTED BY RANDOM\n;"))
        #expect(create.partitionColumns == columns)
        #expect(create.partitioning == text)
        #expect(create.distribution == "RANDOM")
    }

    @Test func `the catalogue's own words are the native types again`() {
        #expect(StarRocksTypes.normalized("tinyint(1)") == "boolean")
        #expect(StarRocksTypes.normalized("bigint(20) unsigned") == "largeint")
        #expect(StarRocksTypes.normalized("decimal128(38, 9)") == "decimal(38,9)")
        #expect(StarRocksTypes.type("largeint") == .decimal(precision: 39, scale: 0))
        #expect(StarRocksTypes.type("varchar(65533)") == .text)
        #expect(StarRocksTypes.type("varchar(30)") == .text(length: 30))
        #expect(StarRocksTypes.type("datetime") == .timestamp(precision: 6))
        #expect(StarRocksTypes.type("map<int,varchar(5)>") == .other("map<int,varchar(5)>"))
    }

    private func shape(_ columns: [ColumnShape], key: [String] = []) -> TableShape {
        var shape = TableShape(name: TableName("t"), origin: "mysql", columns: columns)
        shape.primaryKey = key
        return shape
    }

    private let starRocks = StarRocksDialect(StarRocksProfile(.starRocks, major: 3, minor: 3, text: "3.3"), replicas: 1)

    @Test func `a table with a key becomes a primary-key table, key columns first`() {
        let source = shape(
            [
                ColumnShape("name", .text(length: 20), native: "varchar(20)"),
                ColumnShape("big", .uint64, native: "bigint unsigned", nullable: false),
                ColumnShape("note", .text, native: "longtext"),
                ColumnShape("d", .decimal(precision: 65, scale: 30), native: "decimal(65,30)"),
            ], key: ["big"])
        let (made, losses) = starRocks.translate(source, named: TableName("u"), origin: "starrocks")
        #expect(made.columns.map(\.name) == ["big", "name", "note", "d"])
        #expect(made.columns.map(\.native) == ["largeint", "varchar(80)", "varchar(1048576)", "varchar(1048576)"])
        #expect(made.primaryKey == ["big"])
        #expect(losses == ["d: decimal(65,30) is beyond decimal(38) and is kept as text"])
        #expect(
            starRocks.create(made, as: made.name) == [
                """
                CREATE TABLE `u` (
                  `big` largeint NOT NULL,
                  `name` varchar(80) NULL,
                  `note` varchar(1048576) NULL,
                  `d` varchar(1048576) NULL
                ) ENGINE=OLAP
                PRIMARY KEY(`big`)
                DISTRIBUTED BY HASH(`big`)
                PROPERTIES (
                  "enable_persistent_index" = "true",
                  "replication_num" = "1"
                )
                """
            ])
    }

    @Test func `a decimal key becomes an integer or a text, and a floating point key leaves a table that keeps all rows`() {
        let decimal = shape([ColumnShape("id", .decimal(precision: 12, scale: 0), native: "decimal(12,0)", nullable: false)], key: ["id"])
        #expect(starRocks.translate(decimal, named: TableName("u"), origin: "starrocks").shape.columns[0].native == "bigint")
        let fraction = shape([ColumnShape("id", .decimal(precision: 12, scale: 2), native: "decimal(12,2)", nullable: false)], key: ["id"])
        let text = starRocks.translate(fraction, named: TableName("u"), origin: "starrocks")
        #expect(text.shape.columns[0].native == "varchar(14)" && text.losses.count == 1)
        let float = shape(
            [ColumnShape("id", .float64, native: "double", nullable: false), ColumnShape("n", .int32, native: "int")], key: ["id"])
        let kept = starRocks.translate(float, named: TableName("u"), origin: "starrocks")
        #expect(kept.shape.layout?.model == "DUPLICATE KEY" && kept.shape.layout?.key == ["n"])
        #expect(kept.shape.primaryKey.isEmpty && kept.losses.count == 1)
    }

    @Test func `Doris gets unique keys with merge on write, STRING and buckets of its choice`() throws {
        let dialect = StarRocksDialect(StarRocksProfile(.doris, major: 2, minor: 1, text: "2.1"))
        let source = shape(
            [ColumnShape("id", .int32, native: "int", nullable: false), ColumnShape("note", .text, native: "longtext")], key: ["id"])
        let made = dialect.translate(source, named: TableName("u"), origin: "doris").shape
        let sql = try #require(dialect.create(made, as: made.name).first)
        #expect(sql.contains("UNIQUE KEY(`id`)\nDISTRIBUTED BY HASH(`id`) BUCKETS AUTO\n"))
        #expect(sql.contains("\"enable_unique_key_merge_on_write\" = \"true\""))
        #expect(sql.contains("`note` string NULL"))
    }

    @Test func `partitions that the target lacks are added`() throws {
        func shape(_ partitioning: String?) -> TableShape {
            var shape = TableShape(name: TableName("t"), origin: "starrocks", columns: [])
            shape.layout = TableLayout(model: "DUPLICATE KEY", key: [], partitioning: partitioning)
            return shape
        }
        let p1 = "PARTITION p1 VALUES [(\"2024-01-01\"), (\"2024-02-01\"))", p2 = "PARTITION p2 VALUES [(\"2024-02-01\"), (\"2024-03-01\"))"
        let source = shape("RANGE(`dt`)\n(\(p1),\n\(p2))")
        #expect(
            starRocks.align(shape("RANGE(`dt`)\n(\(p1))"), to: source) == [
                "ALTER TABLE `t` ADD PARTITION IF NOT EXISTS p2 VALUES [(\"2024-02-01\"), (\"2024-03-01\"))"
            ])
        #expect(starRocks.align(source, to: source).isEmpty)
        #expect(starRocks.align(shape("date_trunc('day', dt)"), to: source).isEmpty)
        #expect(starRocks.align(shape(nil), to: source).isEmpty)
        let list = shape("LIST(`c`)(\n  PARTITION a VALUES IN ('x', 'y'),\n  PARTITION b VALUES IN (('z'))\n)")
        #expect(
            starRocks.align(shape("LIST(`c`)(PARTITION a VALUES IN ('x', 'y'))"), to: list) == [
                "ALTER TABLE `t` ADD PARTITION IF NOT EXISTS b VALUES IN (('z'))"
            ])
    }

    @Test func `a slice of partitions and keys is told apart in a plan's text`() throws {
        for bounds: Slice.Bounds in [.all, .null, .range(from: ["1"], upTo: nil), .range(from: nil, upTo: nil)] {
            #expect(try StarRocksPart(bounds).range == bounds)
            let part = StarRocksPart(partitions: ["p 1", "it's,100%"], within: bounds)
            #expect(try StarRocksPart(part.bounds) == part)
        }
        let composite = StarRocksPart(partitions: ["p"], within: .range(from: ["a,b", "2 = 2"], upTo: ["ä'", ""]))
        #expect(try StarRocksPart(composite.bounds) == composite)
        #expect(throws: ApusError.self) { try StarRocksPart(.part("1-200")) }
    }

    @Test func `types, partitions and buckets that a version lacks are told with what takes their place`() throws {
        func made(_ natives: [String], _ major: Int, _ minor: Int, _ change: (inout TableShape) -> Void = { _ in }) -> (
            natives: [String], losses: [String], layout: TableLayout?
        ) {
            let dialect = StarRocksDialect(StarRocksProfile(.starRocks, major: major, minor: minor, text: "\(major).\(minor)"))
            var shape = TableShape(name: TableName("t"), origin: "starrocks", columns: [])
            shape.columns = natives.enumerated().map { ColumnShape("c\($0)", StarRocksTypes.type($1), native: $1) }
            shape.layout = TableLayout(model: "DUPLICATE KEY", key: ["c0"])
            change(&shape)
            let (translated, losses) = dialect.translate(shape, named: TableName("t"), origin: "starrocks")
            return (translated.columns.map(\.native), losses, translated.layout)
        }
        let types = [
            "int", "largeint", "json", "bitmap BITMAP_UNION", "array<int>", "map<int,varchar(5)>", "struct<a int>", "varbinary",
            "decimal(50,5)", "decimal(50,5) SUM", "array<decimal(50,5)>",
        ]
        let everything = made(types, 4, 0)
        #expect(everything.natives == types && everything.losses.isEmpty)
        let three = made(types, 3, 3)
        #expect(three.natives == Array(types.prefix(8)) + ["varchar(53)", "decimal(38,5) SUM", "varchar(1048576)"])
        #expect(three.losses.count == 3)
        let two = made(types, 2, 5)
        #expect(two.natives.prefix(5) == types.prefix(5))
        #expect(two.natives[5...7].allSatisfy { $0.hasPrefix("varchar") })
        #expect(two.losses.contains { $0.hasPrefix("c5: map begins with StarRocks 3.1") }, "\(two.losses)")
        #expect(two.losses.contains { $0.hasPrefix("c7: varbinary begins with StarRocks 3.0") })
        let layout = made(["int"], 2, 5) { shape in
            shape.layout?.partitioning = "date_trunc('day', dt)"
            shape.layout?.distribution = "RANDOM BUCKETS 4"
            shape.columns[0].identity = true
        }
        #expect(layout.layout?.partitioning == nil && layout.layout?.distribution == "HASH(`c0`) BUCKETS 4")
        #expect(layout.losses.count == 3)
    }

    @Test func `versions are told apart by what the server says of itself`() {
        func profile(_ comment: String, _ current: String, _ handshake: String, _ expected: StarRocksProfile.Flavour = .starRocks) -> String
        {
            let found = StarRocksProfile(comment: comment, current: current, handshake: handshake, expected: expected)
            return "\(found.flavour.rawValue) \(found.major).\(found.minor)"
        }
        #expect(profile("StarRocks version 3.3.14-6c8a7ba", "3.3.14-6c8a7ba", "8.0.33") == "starRocks 3.3")
        #expect(profile("Doris version doris-2.1.7-rc03-443e87e203", "", "5.7.99", .starRocks) == "doris 2.1")
        #expect(profile("", "", "5.1.0") == "starRocks 2.5")
        #expect(profile("", "", "5.7.99", .doris) == "doris 2.0")
    }
}
