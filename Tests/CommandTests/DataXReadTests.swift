import ApusTesting
import Foundation
import Testing

/// The ways in which DataX jobs name what is read and how it is written.
@Suite(.requires(.mariadb, .postgres)) struct DataXReadTests {
    let desk: DataXDesk
    init() throws { desk = try DataXDesk() }

    @Test func `nine databases are read by nine queries into one table, with pydatax's trailing comma`() throws {
        let sources = try (1...9).map { number in
            try Store(.mariadb, "CREATE TABLE o (id int, v varchar(10)); INSERT INTO o VALUES (\(number), 'x'), (\(number * 100), NULL)")
        }
        let target = try Store(.postgres, "CREATE TABLE o (branch text, id int, v text)")
        let connections = sources.enumerated().map { number, source in
            "{\"querySql\": [\"select 'b\(number + 1)', id, v from ${table}\"], \"jdbcUrl\": [\"\(source.jdbc)\"]},"
        }.joined(separator: "\n")
        let reader = """
            {"name": "mysqlreader", "parameter": {"username": "root", "password": "pw", "encoding": "utf-8", "connection": [\(connections)]}}
            """
        let job = DataXDesk.job(
            reader, target.writer("o", columns: #"["${cols}"]"#, more: #""preSql": ["truncate table @table"],"#),
            setting: #""speed": {"channel": 5}, "errorLimit": {"record": 0}"#)
        for _ in 1...2 {
            let result = try desk.run(job, ["-p", " -Dtable='o'  -Dcols='branch, id,v'"])
            expect(result, 0)
            #expect(statistic("读出记录总数", in: result.stdout) == "18")
            let expected = (1...9).flatMap { [["b\($0)", "\($0)", "x"], ["b\($0)", "\($0 * 100)", "NULL"]] }
            #expect(try target.ask("SELECT branch, id, coalesce(v, 'NULL') FROM o ORDER BY branch, id") == expected)
        }
    }

    @Test func `table lists and ranges of names are read together`() throws {
        let source = try Store(.mariadb), target = try Store(.mariadb, "CREATE TABLE all_t (id int, v int)")
        for number in 0..<12 {
            let name = "t\(number < 10 ? "0" : "")\(number)"
            try source.run("CREATE TABLE \(name) (id int PRIMARY KEY, v int); INSERT INTO \(name) VALUES (\(number), \(number * 2))")
        }
        try source.run("CREATE TABLE other (id int PRIMARY KEY, v int); INSERT INTO other VALUES (99, 1)")
        expect(
            try desk.run(
                DataXDesk.job(
                    source.reader("t[00-11]", "other", more: #""splitPk": "id","#), target.writer("all_t"),
                    setting: #""speed": {"channel": 3}"#)), 0)
        let expected = ((0..<12).map { [$0, $0 * 2] } + [[99, 1]]).map { $0.map(String.init) }
        #expect(try target.ask("SELECT id, v FROM all_t ORDER BY id") == expected)
    }

    @Test(arguments: [Kind.mariadb, .postgres])
    func `splitPk cuts a table and the rows without a key are read too`(_ kind: Kind) throws {
        let source = try Store(kind, "CREATE TABLE s (k int, v int)"), target = try Store(kind, "CREATE TABLE s (k int, v int)")
        try source.run("INSERT INTO s VALUES (NULL, 0), (NULL, 1)")
        for first in stride(from: 0, to: 5000, by: 1000) {
            try source.run("INSERT INTO s VALUES " + (first..<first + 1000).map { "(\($0), \($0 % 7))" }.joined(separator: ","))
        }
        expect(
            try desk.run(
                DataXDesk.job(
                    source.reader("s", more: #""splitPk": "k", "where": "v <> 3","#), target.writer("s"),
                    setting: #""speed": {"channel": 4}"#)), 0)
        let sums = "SELECT count(*), count(k), sum(k), sum(v) FROM s"
        #expect(try target.ask(sums) == source.ask(sums + " WHERE v <> 3"))
        #expect(try target.ask("SELECT count(*) FROM s WHERE k IS NULL") == [["2"]])
    }

    @Test func `columns are stars, lists in one element, constants and expressions with and without a name`() throws {
        let source = try Store(
            .mariadb, "CREATE TABLE c (id int PRIMARY KEY, `order` varchar(20), n int); INSERT INTO c VALUES (1, 'a,b', 7)")
        let target = try Store(.postgres, "CREATE TABLE c (a int, b text, c text, d text, e int, f int)")
        for columns in [
            #"["id", "`order`", "'x, y'", "upper(`order`) AS big", "n + 1", "count(*) over () cnt"]"#,
            #"["id, `order`", "'x, y', upper(`order`) big", "n+1, 1 one"]"#,
            #"["ID", "`order`, 'x, y'", "concat(upper('a'), ',', 'B')", "(n + 1)", "if(n > 5, 1, 0)"]"#,
        ] {
            try target.run("DELETE FROM c")
            expect(
                try desk.run(
                    DataXDesk.job(source.reader("c", columns: columns), target.writer("c", columns: #"["a,b", "c", "d", "e", "f"]"#))), 0)
            #expect(try target.ask("SELECT * FROM c") == [["1", "a,b", "x, y", "A,B", "8", "1"]], "\(columns)")
        }
        // A star beside others, and a table with an alias, are SQL of the source.
        try target.run("DELETE FROM c")
        expect(
            try desk.run(
                DataXDesk.job(
                    source.reader("c AS x", columns: #"["*", "'k'"]"#, more: #""where": "x.id = 1","#),
                    target.writer("c", columns: #"["a", "b", "e", "d"]"#))), 0)
        #expect(try target.ask("SELECT a, b, e, d FROM c") == [["1", "a,b", "7", "k"]])
    }

    @Test func `write modes insert, replace and update treat a key that is there as MySQL does`() throws {
        let source = try Store(.mariadb, "CREATE TABLE w (id int PRIMARY KEY, v varchar(9)); INSERT INTO w VALUES (1, 'new'), (2, 'two')")
        let target = try Store(.mariadb, "CREATE TABLE w (id int PRIMARY KEY, v varchar(9), extra varchar(9) DEFAULT 'd')")
        func start() throws { try target.run("DELETE FROM w; INSERT INTO w VALUES (1, 'old', 'kept')") }
        func job(_ mode: String) -> String {
            DataXDesk.job(source.reader("w"), target.writer("w", columns: #"["id", "v"]"#, more: "\"writeMode\": \"\(mode)\","))
        }
        try start()
        expect(try desk.run(job("insert")), 1, "脏数据条数检查不通过，限制是[0]条，但实际上捕获了[1]条")
        #expect(try target.ask("SELECT * FROM w ORDER BY id")[0] == ["1", "old", "kept"])
        try start()
        expect(try desk.run(job("replace")), 0)
        #expect(try target.ask("SELECT * FROM w ORDER BY id") == [["1", "new", "d"], ["2", "two", "d"]])
        try start()
        expect(try desk.run(job("update")), 0)
        #expect(try target.ask("SELECT * FROM w ORDER BY id") == [["1", "new", "kept"], ["2", "two", "d"]])
        // A table without a key takes all of them, as MySQL's own statements do.
        try target.run("DROP TABLE w; CREATE TABLE w (id int, v varchar(9)); INSERT INTO w VALUES (1, 'old')")
        expect(try desk.run(job("update")), 0)
        expect(try desk.run(job("replace")), 0)
        #expect(try target.ask("SELECT count(*) FROM w") == [["5"]])
        try expectNothingLeft(target)
    }

    @Test func `preSql, postSql and session run in their order, with the table's name put in`() throws {
        let source = try Store(.mariadb, "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1), (2)")
        let target = try Store(
            .mariadb,
            "CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE p (id int, FOREIGN KEY (id) REFERENCES parent (id)); CREATE TABLE said (n int AUTO_INCREMENT PRIMARY KEY, what varchar(20))"
        )
        let more = """
            "session": ["set foreign_key_checks=0", "set @x = 'from session'"],
            "preSql": ["delete from @table", "insert into said (what) values ('pre')"],
            "postSql": ["insert into said (what) select count(*) from @table", "insert into said (what) values ('post')"],
            """
        expect(
            try desk.run(
                DataXDesk.job(source.reader("p", more: #""session": ["set sql_big_selects = 1"],"#), target.writer("p", more: more))), 0)
        #expect(try target.ask("SELECT what FROM said ORDER BY n") == [["pre"], ["2"], ["post"]])
        #expect(try target.ask("SELECT count(*) FROM p") == [["2"]])
    }

    @Test func `of several addresses the first that answers is taken`() throws {
        let source = try Store(.mariadb, "CREATE TABLE q (id int); INSERT INTO q VALUES (5)"),
            target = try Store(.postgres, "CREATE TABLE q (id int)")
        let port = try freePort()
        let reader = source.reader("q").replacing(
            "\"jdbcUrl\": [", with: "\"jdbcUrl\": [\"jdbc:mysql://127.0.0.1:\(port)/x?connectTimeout=2000\", ")
        expect(try desk.run(DataXDesk.job(reader, target.writer("q"))), 0, "does not answer")
        #expect(try target.ask("SELECT id FROM q") == [["5"]])
    }

    @Test func `empty texts are NULL for numbers, unless emptyAsNull is false`() throws {
        let source = try Store(.mariadb, "CREATE TABLE e (a varchar(9), b varchar(9)); INSERT INTO e VALUES ('', ''), ('5', 'x')")
        let target = try Store(.postgres, "CREATE TABLE e (a int, b text)")
        expect(try desk.run(DataXDesk.job(source.reader("e"), target.writer("e"))), 0)
        #expect(try target.ask("SELECT coalesce(a::text, 'NULL'), b FROM e ORDER BY b") == [["NULL", ""], ["5", "x"]])
        expect(try desk.run(DataXDesk.job(source.reader("e"), target.writer("e", more: #""emptyAsNull": false,"#))), 1, "脏数据")
    }

    @Test func `two jobs load the same table at the same time`() throws {
        for kind in [Kind.mariadb, .postgres] {
            let source = try Store(.mariadb), target = try Store(kind, "CREATE TABLE m (id int, v varchar(20))")
            try source.run("CREATE TABLE m (id int PRIMARY KEY, v varchar(20))")
            for first in stride(from: 0, to: 20_000, by: 2000) {
                try source.run("INSERT INTO m VALUES " + (first..<first + 2000).map { "(\($0), 'v\($0)')" }.joined(separator: ","))
            }
            let path = try desk.home.write(
                DataXDesk.job(
                    source.reader("m", more: #""splitPk": "id","#), target.writer("m"), setting: #""speed": {"channel": 2}"#), to: "m.json")
            let running = try (0..<4).map { _ in try desk.user.start("datax", path) }
            for one in running { expect(one.wait(), 0) }
            #expect(try target.ask("SELECT count(*), count(DISTINCT id) FROM m") == [["80000", "20000"]])
            try expectNothingLeft(target)
        }
    }
}
