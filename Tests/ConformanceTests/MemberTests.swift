import ApusCore
import ApusTesting
import Testing

/// One table read from several places: branches with constants, shards, queries that map by position.
@Suite(.requires(.mariadb, .postgres)) struct MemberTests {
    /// A head office and two branches in three systems: one lacks a column, one has a column of its own.
    private func branches() throws -> [Place] {
        let head = try Place(.mysql), north = try Place(.postgres), south = try Place(.sqlite)
        try head.run(
            "CREATE TABLE orders (id bigint PRIMARY KEY, name varchar(40) NOT NULL, amount decimal(10,2), note text); "
                + "INSERT INTO orders VALUES (1, '总部', 1.50, NULL), (2, 'b', 2.25, 'n')")
        try north.run(
            "CREATE TABLE orders (id bigint PRIMARY KEY, name varchar(40), amount numeric(10,2), extra int); "
                + "INSERT INTO orders VALUES (1, 'north', 10.50, 7), (3, NULL, NULL, 8)")
        try south.run(
            "CREATE TABLE orders (id integer PRIMARY KEY, name text, amount text, note text); "
                + "INSERT INTO orders VALUES (1, 'south', '3.75', ''), (4, 'd', NULL, 'x')")
        return [head, north, south]
    }

    private static let expected = [
        ["hq", "1", "总部", "1.50", "NULL"], ["hq", "2", "b", "2.25", "n"], ["n", "1", "north", "10.50", "NULL"],
        ["n", "3", "NULL", "NULL", "NULL"], ["s", "1", "south", "3.75", ""], ["s", "4", "d", "NULL", "x"],
    ]

    @Test(arguments: System.engines)
    func `branches with constants come together in one table, and a second run changes nothing`(_ system: System) throws {
        let branches = try branches(), target = try Place(system)
        var pipeline = try Pipeline(branches[0], target)
        let numbers = [0, try pipeline.add(branches[1]), try pipeline.add(branches[2])]
        pipeline.take("orders") { wish in
            wish.members = zip(numbers, ["hq", "n", "s"]).map { (number: Int, name: String) in
                TableWish.Member(
                    source: number, .pattern("orders"),
                    columns: [ColumnWish("tenant_id", expression: "'\(name)'"), ColumnWish("*")], label: name)
            }
        }
        // SQLite keeps 1.50 as 1.5.
        let amount = system == .sqlite ? "printf('%.2f', amount)" : "CAST(amount AS char(9))"
        let plan = try pipeline.plan()
        let findings = plan.tables[0].findings.map(\.message)
        #expect(findings.contains("n has no column `note`; its rows get NULL there"))
        #expect(findings.contains("only n has the column `extra`; it is not loaded"))
        #expect(findings.contains { $0.contains("`amount` is") && $0.contains("in s and") })
        #expect(plan.tables[0].load.shape.primaryKey == ["tenant_id", "id"])
        for _ in 0..<2 {
            let result = try pipeline.succeed()
            #expect(result.tally.written == 6)
            let rows = try target.ask(
                "SELECT tenant_id, id, coalesce(name, 'NULL'), CASE WHEN amount IS NULL THEN 'NULL' ELSE \(amount) END, coalesce(note, 'NULL') FROM orders ORDER BY tenant_id, id"
            ).map { $0.map { $0.trimmingSuffix(while: { $0 == " " }) } }
            #expect(rows.map { $0.map(String.init) } == Self.expected)
        }
    }

    @Test func `shards of one database and a query are one table, read in slices`() throws {
        let source = try Place(.mysql), target = try Place(.postgres)
        for shard in 0..<4 {
            try source.run(
                "\(System.mysql.recursionLimit(1_000_000)) CREATE TABLE orders_\(shard) (id bigint PRIMARY KEY, v varchar(20)); "
                    + "INSERT INTO orders_\(shard) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) SELECT i * 4 + \(shard), CONCAT('v', i) FROM n"
            )
        }
        var pipeline = try Pipeline(source, target)
        pipeline.take("orders") { wish in
            wish.slices = 3
            wish.members =
                (0..<3).map { TableWish.Member(source: 0, .pattern("orders_\($0)")) } + [
                    TableWish.Member(source: 0, .query("SELECT id, v FROM orders_3", as: "orders"), filter: "id > 7")
                ]
        }
        let plan = try pipeline.plan()
        #expect(Set(plan.tables[0].slices.map(\.read)) == [0, 1, 2, 3])
        #expect(plan.tables[0].slices.map(\.id) == Array(0..<plan.tables[0].slices.count))
        #expect(plan.tables[0].slices.count >= 9)
        try pipeline.succeed()
        #expect(try target.value("SELECT count(*) || ',' || sum(id) || ',' || count(DISTINCT id) FROM orders") == "9999,50034993,9999")
    }

    @Test(arguments: System.engines, System.engines)
    func `columns map by position, also when a query gives two the same name`(_ from: System, _ to: System) throws {
        let source = try Place(from), target = try Place(to)
        try source.run("CREATE TABLE a (id integer PRIMARY KEY, v varchar(20)); INSERT INTO a VALUES (1, 'x'), (2, NULL)")
        try target.run("CREATE TABLE b (k integer, first varchar(20), again integer, second varchar(20))")
        var pipeline = try Pipeline(source, target)
        let other = try Place(from)
        try other.run("CREATE TABLE a (v varchar(20), id integer); INSERT INTO a VALUES ('y', 3)")
        let second = try pipeline.add(other)
        pipeline.take("b") { wish in
            wish.positional = true
            wish.mode = .append
            wish.targets = ["again", "second", "k", "first"]
            wish.members = [
                TableWish.Member(source: 0, .query("SELECT x.id, x.v, y.id, y.v FROM a x JOIN a y ON x.id = y.id -- twice", as: "b")),
                TableWish.Member(source: second, .query("SELECT id, v, id + 1, v FROM a;", as: "b")),
            ]
        }
        try pipeline.succeed()
        #expect(
            try target.ask("SELECT k, coalesce(first, 'NULL'), again, coalesce(second, 'NULL') FROM b ORDER BY again")
                == [["1", "x", "1", "x"], ["2", "NULL", "2", "NULL"], ["4", "y", "3", "y"]])
    }

    @Test func `a count of columns that differs is a fault of the plan`() throws {
        let source = try Place(.sqlite), target = try Place(.sqlite)
        try source.run("CREATE TABLE a (id integer, v text)")
        try target.run("CREATE TABLE b (k integer, w text, x text)")
        var pipeline = try Pipeline(source, target)
        pipeline.take("a") {
            $0.to = "b"; $0.positional = true; $0.mode = .append
        }
        let fault = try #require(try pipeline.plan().fault(strict: false))
        #expect(fault.code == .columnCount)
        #expect(fault.message.contains("the source gives 2 columns and b is to take 3"))
    }

    @Test func `a percentage of bad rows fails the table, and the old one stays`() throws {
        let source = try Place(.sqlite), target = try Place(.sqlite)
        try source.run("CREATE TABLE a (id integer, v text); INSERT INTO a VALUES (1, 'a'), (2, 'b'), (3, NULL), (4, 'd')")
        try target.run("CREATE TABLE a (id integer, v text NOT NULL); INSERT INTO a VALUES (9, 'old')")
        var pipeline = try Pipeline(source, target)
        pipeline.flow.limits.badRows = nil
        pipeline.flow.limits.badPercent = 24
        pipeline.take("a")
        let result = try pipeline.run()
        #expect(result.tables[0].error?.code == .tooManyRejected)
        #expect(result.tables[0].error?.message == "1 of 4 rows were rejected, the limit is 24 %")
        #expect(try target.ask("SELECT id, v FROM a") == [["9", "old"]])
        pipeline.flow.limits.badPercent = 25
        try pipeline.succeed()
        #expect(try target.value("SELECT group_concat(id) FROM a") == "1,2,4")
    }
}

extension String {
    fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> Substring {
        var text = Substring(self)
        while let last = text.last, predicate(last) { text.removeLast() }
        return text
    }
}
