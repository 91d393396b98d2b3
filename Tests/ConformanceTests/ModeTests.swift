import ApusCore
import ApusTesting
import Foundation
import Synchronization
import Testing

/// What becomes of the rows, and of everything around them, that the target already has.
@Suite struct ModeTests {
    /// A source of `count` orders with a key, a text and a nullable note.
    static func orders(_ system: System, count: Int, table: String = "orders", extra: String = "") throws -> Place {
        let place = try Place(system)
        if system == .starrocks {
            let rows = (1...count).map { "(\($0), '名\($0)', \($0 % 3 == 0 ? "NULL" : "'n\($0)'"))" }.joined(separator: ",")
            let name = system.quote(table)
            try place.run(
                "CREATE TABLE \(name) (id bigint NOT NULL PRIMARY KEY, name varchar(40) NOT NULL, note text); INSERT INTO \(name) VALUES \(rows); \(extra)"
            )
            return place
        }
        let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(count))"
        let name = system.quote(table)
        try place.run(
            """
            \(system.recursionLimit(count))
            CREATE TABLE \(name) (id bigint NOT NULL PRIMARY KEY, name varchar(40) NOT NULL, note text);
            INSERT INTO \(name) \(numbers) SELECT i, '名' || i, CASE WHEN i % 3 = 0 THEN NULL ELSE 'n' || i END FROM n;
            \(extra)
            """)
        return place
    }

    @Test(arguments: System.pairs + System.outOfStarRocks)
    func `replace gives the target exactly the rows of the source, and a second run changes nothing`(_ pair: Pair) throws {
        let source = try Self.orders(pair.from, count: 1000), target = try Place(pair.to)
        var pipeline = try Pipeline(source, target)
        pipeline.take("orders") {
            $0.mode = .replace; $0.slices = 3
        }
        for _ in 0..<2 {
            try pipeline.succeed()
            #expect(try target.rows("orders") == source.rows("orders"))
        }
        try source.run("DELETE FROM orders WHERE id > 10; UPDATE orders SET note = '' WHERE id = 1;")
        try pipeline.succeed()
        #expect(try target.rows("orders") == source.rows("orders"))
        #expect(try target.count("orders") == 10)
    }

    @Test(arguments: System.pairs + System.outOfStarRocks)
    func `truncate empties the target first`(_ pair: Pair) throws {
        let source = try Self.orders(pair.from, count: 500), target = try Place(pair.to)
        var pipeline = try Pipeline(source, target)
        pipeline.take("orders") {
            $0.mode = .truncate; $0.slices = 2
        }
        for _ in 0..<2 {
            try pipeline.succeed()
            #expect(try target.rows("orders") == source.rows("orders"))
        }
    }

    @Test(arguments: System.pairs)
    func `append adds rows to those that are there`(_ pair: Pair) throws {
        let source = try Self.orders(pair.from, count: 100), target = try Place(pair.to)
        var pipeline = try Pipeline(source, target)
        pipeline.take("orders") { $0.mode = .append }
        try pipeline.succeed()
        try source.run("UPDATE orders SET id = id + 1000;")
        try pipeline.succeed()
        #expect(try target.count("orders") == 200)
        let ids = try target.rows("orders").compactMap { Int($0[0] ?? "") }
        #expect(ids == Array(1...100) + Array(1001...1100))
    }

    @Test(arguments: System.enginePairs)
    func `append of a key that is there already fails and adds nothing`(_ pair: Pair) throws {
        let source = try Self.orders(pair.from, count: 100), target = try Place(pair.to)
        var pipeline = try Pipeline(source, target)
        pipeline.take("orders") { $0.mode = .append }
        try pipeline.succeed()
        let before = try target.rows("orders")
        try source.run("UPDATE orders SET id = id + 1000 WHERE id > 1;")
        let result = try pipeline.run()
        #expect(result.status == .failed)
        #expect([.tooManyRejected, .rowRejected].contains(result.tables[0].error?.code))
        #expect(try target.rows("orders") == before)
    }

    @Test(arguments: System.enginePairs + [System.intoStarRocks])
    func `upsert changes rows by key, adds new ones and leaves the others`(_ pair: Pair) throws {
        let source = try Self.orders(pair.from, count: 300), target = try Place(pair.to)
        var pipeline = try Pipeline(source, target)
        pipeline.take("orders") {
            $0.mode = .upsert; $0.slices = 3
        }
        try pipeline.succeed()
        #expect(try target.rows("orders") == source.rows("orders"))
        try source.run(
            """
            DELETE FROM orders WHERE id <= 50; UPDATE orders SET note = NULL, name = 'changed' WHERE id BETWEEN 51 AND 60;
            INSERT INTO orders VALUES (1000, 'new', 'x''\\y');
            """)
        for _ in 0..<2 { try pipeline.succeed() }
        let rows = try target.rows("orders")
        #expect(rows.count == 301)
        #expect(rows.suffix(251) == (try source.rows("orders"))[...])
        #expect(rows[50] == ["51", "changed", nil] && rows[0][1] == "名1")
    }

    @Test(arguments: System.enginePairs + [System.intoStarRocks])
    func `upsert of a source with a key twice keeps one row of it`(_ pair: Pair) throws {
        let source = try Place(pair.from), target = try Place(pair.to)
        try source.run(
            "CREATE TABLE twins (k int NOT NULL, v varchar(10)); INSERT INTO twins VALUES (1, 'a'), (2, 'b'), (1, 'c'), (3, 'd'), (1, 'e');"
        )
        try target.run("CREATE TABLE twins (k int NOT NULL PRIMARY KEY, v varchar(10)); INSERT INTO twins VALUES (2, 'old');")
        var pipeline = try Pipeline(source, target)
        pipeline.take("twins") {
            $0.mode = .upsert; $0.key = ["k"]
        }
        let result = try pipeline.succeed()
        #expect(result.tally.read == 5)
        let rows = try target.rows("twins")
        #expect(rows.map { $0[0] } == ["1", "2", "3"])
        #expect(rows[1] == ["2", "b"] && ["a", "c", "e"].contains(rows[0][1]))
    }

    @Test(arguments: System.enginePairs)
    func `upsert by a composite key of text and number`(_ pair: Pair) throws {
        let source = try Place(pair.from), target = try Place(pair.to)
        try source.run(
            "CREATE TABLE c (a varchar(10) NOT NULL, b int NOT NULL, v int, PRIMARY KEY (a, b)); INSERT INTO c VALUES ('x', 1, 1), ('x', 2, 2), ('y', 1, 3);"
        )
        var pipeline = try Pipeline(source, target)
        pipeline.take("c") { $0.mode = .upsert }
        try pipeline.succeed()
        try source.run("UPDATE c SET v = v + 10 WHERE a = 'x'; INSERT INTO c VALUES ('y', 2, 4);")
        try pipeline.succeed()
        #expect(
            try target.ask("SELECT a, b, v FROM c ORDER BY a, b") == [
                ["x", "1", "11"], ["x", "2", "12"], ["y", "1", "3"], ["y", "2", "4"],
            ])
    }

    @Test(arguments: System.enginePairs + [System.intoStarRocks])
    func `require refuses a target that is not there, and nothing is made`(_ pair: Pair) throws {
        let source = try Self.orders(pair.from, count: 3), target = try Place(pair.to)
        try target.run("CREATE TABLE other (a int NOT NULL PRIMARY KEY);")
        var pipeline = try Pipeline(source, target)
        pipeline.take("orders") { $0.create = .require }
        #expect(fault { try pipeline.run() }?.code == .notFound)
        #expect(try target.columns("orders").isEmpty)
    }

    @Test(arguments: System.enginePairs + [System.intoStarRocks], [LoadMode.replace, .append, .truncate, .upsert])
    func `recreate makes the table anew with the columns of the source`(_ pair: Pair, _ mode: LoadMode) throws {
        let source = try Self.orders(pair.from, count: 20), target = try Place(pair.to)
        try target.run("CREATE TABLE orders (wrong int NOT NULL PRIMARY KEY, id varchar(3)); INSERT INTO orders VALUES (1, 'x');")
        var pipeline = try Pipeline(source, target)
        pipeline.take("orders") {
            $0.create = .recreate; $0.mode = mode; $0.key = ["id"]; $0.window = mode == .window ? "1 = 1" : nil
        }
        try pipeline.succeed()
        #expect(try target.columns("orders").map(\.name) == ["id", "name", "note"])
        #expect(try target.rows("orders") == source.rows("orders"))
    }

    @Test(arguments: System.enginePairs)
    func `a missing column, a NOT NULL column without a value and a view are refused before anything moves`(_ pair: Pair) throws {
        let source = try Self.orders(pair.from, count: 3), target = try Place(pair.to)
        try target.run(
            """
            CREATE TABLE short (id bigint PRIMARY KEY, name varchar(40));
            CREATE TABLE strict (id bigint PRIMARY KEY, name varchar(40), note text, must int NOT NULL);
            CREATE VIEW seen AS SELECT * FROM strict;
            """)
        for (table, code) in [("short", ApusError.Code.notFound), ("strict", .configurationInvalid), ("seen", .unsupported)] {
            var pipeline = try Pipeline(source, target)
            pipeline.take("orders") {
                $0.to = table; $0.mode = .append
            }
            #expect(fault { try pipeline.run() }?.code == code, "\(table)")
        }
        #expect(try target.count("strict") == 0)
    }

    @Test(arguments: System.engines + [.starrocks])
    func `what was left in the target is gone when a run is over`(_ system: System) throws {
        let source = try Self.orders(system, count: 30), target = try Place(system)
        var pipeline = try Pipeline(source, target)
        pipeline.take("orders")
        try pipeline.succeed()
        try pipeline.succeed()
        #expect(try target.tables() == ["orders"] || target.tables() == ["apus_marks", "orders"])
    }

    @Test(arguments: System.engines)
    func `a reader of the target never sees an empty or half-filled table while replace runs`(_ system: System) throws {
        let source = try Self.orders(.sqlite, count: 3000), target = try Place(system)
        var pipeline = try Pipeline(source, target)
        pipeline.take("orders") { $0.slices = 3 }
        try pipeline.succeed()
        let stop = Mutex(false)
        let seen = Mutex<(counts: Set<String>, failures: [String], polls: Int)>(([], [], 0))
        let poller = Thread {
            while !stop.withLock({ $0 }) {
                let found = Result { try target.value("SELECT count(*) FROM orders") }
                seen.withLock { seen in
                    seen.polls += 1
                    switch found {
                    case .success(let count): seen.counts.insert(count)
                    case .failure(let error): seen.failures.append("\(error)")
                    }
                }
            }
            stop.withLock { $0 = false }
        }
        poller.start()
        for _ in 0..<6 { try pipeline.succeed() }
        stop.withLock { $0 = true }
        while stop.withLock({ $0 }) { usleep(1000) }
        let result = seen.withLock { $0 }
        #expect(result.counts == ["3000"] && result.failures.isEmpty)
        #expect(result.polls > 3)
    }
}
