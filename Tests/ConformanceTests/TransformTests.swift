import ApusCore
import ApusEngine
import ApusTesting
import Testing

/// DataX's transformers on the way from one real system to another.
@Suite(.requires(.mariadb, .postgres)) struct TransformTests {
    /// People with a number, a phone, a birthday and a remark.
    private static func people(_ system: System) throws -> Place {
        let source = try Place(system)
        try source.run(
            "CREATE TABLE people (id bigint PRIMARY KEY, name varchar(40), phone varchar(20), born date, remark varchar(40)); "
                + "INSERT INTO people VALUES (1, '张三丰', '13812345678', '1990-05-17', 'vip'), (2, 'Ann', NULL, '2001-12-31', NULL), "
                + "(3, '李四', '138', NULL, 'gone'), (4, '😀x', '139', '1970-01-01', 'gone away')")
        return source
    }

    private static let transforms: [(String, Int, [String])] = [
        ("dx_replace", 2, ["3", "4", "****"]), ("dx_pad", 0, ["l", "5", "0"]), ("dx_substr", 3, ["0", "4"]),
        ("dx_filter", 4, ["like", "gone.+"]), ("dx_digest", 1, ["md5", "toUpperCase"]),
    ]

    @Test(arguments: System.enginePairs)
    func `values arrive as DataX would have made them`(_ pair: Pair) throws {
        let source = try Self.people(pair.from), target = try Place(pair.to)
        try target.run("CREATE TABLE people (id varchar(9), name varchar(32), phone varchar(20), born integer, remark varchar(40))")
        var pipeline = try Pipeline(source, target)
        let transforms = try Self.transforms.map { try Transform(named: $0, column: $1, parameters: $2) }
        pipeline.take("people") {
            $0.mode = .append; $0.transforms = transforms
        }
        let result = try pipeline.succeed()
        #expect(result.tally.read == 4)
        #expect(result.tally.written == 3)
        #expect(result.tally.filtered == 1)
        // md5 of 张三丰, Ann and 李四 by md5sum(1).
        #expect(
            try target.ask("SELECT id, name, coalesce(phone, 'NULL'), coalesce(born, 0), coalesce(remark, 'NULL') FROM people ORDER BY id")
                == [
                    ["00001", "4A6042865BF82A8311BC5FC53D7FC9FE", "138****5678", "1990", "vip"],
                    ["00002", "82E335F7AC0E0E412B2AE15ABE662110", "NULL", "2001", "NULL"],
                    ["00003", "36C942351EC9CC3AD124E288A5C9CF0B", "138****", "0", "gone"],
                ])
    }

    @Test(arguments: System.enginePairs)
    func `a table that Apus makes has text where a transformer made text`(_ pair: Pair) throws {
        let source = try Self.people(pair.from), target = try Place(pair.to)
        var pipeline = try Pipeline(source, target)
        let transforms = [try Transform(named: "dx_substr", column: 3, parameters: ["0", "7"])]
        pipeline.take("people") {
            $0.transforms = transforms
        }
        try pipeline.succeed()
        #expect(
            try target.ask("SELECT id, coalesce(born, 'NULL') FROM people ORDER BY id")
                == [["1", "1990-05"], ["2", "2001-12"], ["3", "NULL"], ["4", "1970-01"]])
    }

    @Test(arguments: System.enginePairs)
    func `rows on which a transformer fails are kept with the values they had`(_ pair: Pair) throws {
        let source = try Self.people(pair.from), target = try Place(pair.to)
        var pipeline = try Pipeline(source, target)
        pipeline.flow.limits.badRows = 2
        let transforms = [
            try Transform(named: "dx_pad", column: 0, parameters: ["l", "3", "0"]),
            try Transform(named: "dx_substr", column: 2, parameters: ["4", "2"]),
        ]
        pipeline.take("people") {
            $0.transforms = transforms
        }
        let id = RunID.make()
        let result = try pipeline.succeed(id: id)
        #expect(result.tally.rejected == 2)
        #expect(try target.value("SELECT count(*) FROM people WHERE id IN ('001', '002')") == "2")
        #expect(try target.value("SELECT phone FROM people WHERE id = '001'") == "23")
        let rejected = try pipeline.ledger.rejected(run: id).map(\.row)
        #expect(rejected.map(\.column) == ["phone", "phone"])
        #expect(rejected.allSatisfy { $0.reason.contains("dx_substr startIndex(4) out of range(3)") })
        // The number is still the source's, not the padded one.
        #expect(rejected.map { $0.values.prefix(7) } == [#"{"id":3"#, #"{"id":4"#])
    }

    @Test func `a filter takes the wire format's place between two PostgreSQL databases`() throws {
        let source = try Place(.postgres), target = try Place(.postgres)
        try source.run(
            "CREATE TABLE n (i bigint PRIMARY KEY, j numeric); INSERT INTO n SELECT i, i / 10.0 FROM generate_series(1, 30000) i")
        var pipeline = try Pipeline(source, target)
        let transforms = [try Transform(named: "dx_filter", column: 1, parameters: [">", "1000.05"])]
        pipeline.take("n") {
            $0.slices = 3; $0.transforms = transforms
        }
        let result = try pipeline.succeed()
        #expect(result.tally.filtered == 20_000)
        #expect(try target.value("SELECT count(*) || ',' || sum(i) || ',' || max(j) FROM n") == "10000,50005000,1000.0000000000000000")
    }

    @Test func `a transformer for a column that is not there is a fault of the plan`() throws {
        let source = try Self.people(.sqlite), target = try Place(.sqlite)
        var pipeline = try Pipeline(source, target)
        let transforms = [try Transform(named: "dx_substr", column: 5, parameters: ["0", "7"])]
        pipeline.take("people") {
            $0.transforms = transforms
        }
        let fault = try #require(try pipeline.plan().fault(strict: false))
        #expect(fault.message == "people: columnIndex[5] out of bound[5]. name=dx_substr")
    }

    @Test func `a filter on a column that the target computes itself is a fault of the plan`() throws {
        let source = try Place(.sqlite), target = try Place(.sqlite)
        for place in [source, target] {
            try place.run("CREATE TABLE t (a integer, b integer GENERATED ALWAYS AS (a + 1) STORED, c text)")
        }
        var pipeline = try Pipeline(source, target)
        let transforms = [
            try Transform(named: "dx_filter", column: 1, parameters: ["=", "7"]),
            try Transform(named: "dx_filter", column: 2, parameters: ["=", "x"]),
        ]
        pipeline.take("t") {
            $0.mode = .append; $0.transforms = transforms
        }
        let plan = try pipeline.plan()
        #expect(plan.tables[0].transforms.map(\.column) == [1], "the third column is the second that is read")
        let fault = try #require(plan.fault(strict: false))
        #expect(fault.message.contains("dx_filter is for column `b`, which the target does not take"))
    }
}
