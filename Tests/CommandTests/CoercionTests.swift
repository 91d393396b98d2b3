import ApusTesting
import Foundation
import Testing

/// What a target would make of a value without an error: it arrives as it is, or its row is rejected.
@Suite(.requires(.mariadb, .postgres)) struct CoercionTests {
    let user: User
    init() throws { user = try User() }

    /// A column of the target and texts for it; nil is NULL.
    struct Case: Sendable {
        var type: String
        /// What the target holds afterwards.
        var kept: [String]
        /// Same, where its client tells it in other words.
        var told: [String]?
        var rejected: [String?]
        /// How it is asked for.
        var form = "v"

        init(_ type: String, kept: [String], told: [String]? = nil, rejected: [String?] = [], as form: String = "v") {
            (self.type, self.kept, self.told, self.rejected, self.form) = (type, kept, told, rejected, form)
        }
    }

    /// Copies the texts of all cases from an SQLite file and compares what the target's own client reads.
    private func check(_ cases: [Case], _ target: Store, _ options: String = "", sourceLocation: SourceLocation = #_sourceLocation) throws {
        let source = try Store(.sqlite)
        var texts = "", tables = ""
        for (index, one) in cases.enumerated() {
            texts += "CREATE TABLE c\(index) (n int, v text);"
            for (number, value) in (one.kept.map { $0 } + one.rejected).enumerated() {
                let literal = value.map { "'\($0.replacing("'", with: "''"))'" } ?? "NULL"
                texts += "INSERT INTO c\(index) VALUES (\(number), \(literal));"
            }
            tables += "CREATE TABLE c\(index) (n int, v \(one.type));"
        }
        try source.run(texts)
        try target.run(tables)
        let url = target.url()
        let result = try user.apus(
            "copy", source.url(), options.isEmpty ? url : url + (url.contains("?") ? "&" : "?") + options, "--table", "c*", "--mode",
            "append",
            "--bad-rows", "1000")
        #expect(result.status == 0, "\(result.stderr)", sourceLocation: sourceLocation)
        for (index, one) in cases.enumerated() {
            let rows = try target.ask("SELECT n, \(one.form) FROM c\(index) ORDER BY n")
            let wanted = (one.told ?? one.kept).enumerated().map { ["\($0)", $1] }
            #expect(rows == wanted, "\(one.type)", sourceLocation: sourceLocation)
        }
    }

    @Test(arguments: ["infile", "insert"])
    func `MySQL bends no value`(_ way: String) throws {
        let blanks = String(repeating: " ", count: 300)
        try check(
            [
                Case(
                    "enum('a','b','it''s','back\\\\slash','new\\nline')", kept: ["a", "b", "it's"],
                    rejected: ["1", "A", "a ", "", "á", "c", "0"]),
                Case("enum('back\\\\slash','x') ", kept: ["back\\slash"], rejected: ["back"], as: "REPLACE(v, '\\\\', '\\\\')"),
                Case("enum('','é') CHARACTER SET latin1", kept: ["", "é"], rejected: ["e", "É", "2"]),
                Case("set('x','y','z')", kept: ["x", "x,z", ""], rejected: ["X", "y,x", "x,x", "x, y", "3", "x,"]),
                Case("varchar(5)", kept: ["s", "s    ", "  s"], rejected: ["s     ", "abcdef"], as: "v"),
                Case("char(5)", kept: ["s", " s"], rejected: ["s ", "s     "]),
                Case("tinytext", kept: ["s ", "s"], rejected: ["s" + blanks]),
                Case("tinytext CHARACTER SET latin1", kept: ["é "], rejected: ["é" + blanks]),
                Case("varchar(9) CHARACTER SET latin1", kept: ["é"], rejected: ["中"]),
                Case("binary(4)", kept: ["abcd"], told: ["61626364"], rejected: ["ab", "abcde"], as: "HEX(v)"),
                Case("varbinary(4)", kept: ["ab "], told: ["616220"], rejected: ["ab   "], as: "HEX(v)"),
                Case(
                    "year", kept: ["0", "1901", "1970", "2155"], told: ["0", "1901", "1970", "2155"],
                    rejected: ["70", "1", "99", "1900", "2156"], as: "v + 0"),
                Case("float(7,2)", kept: ["1.5", "-0.25"], told: ["1.50", "-0.25"], rejected: ["1.234"]),
                Case("double(9,3)", kept: ["0.125"], told: ["0.125"], rejected: ["0.0625"]),
                Case("time", kept: ["838:59:59", "-01:00:00"], rejected: ["839:00:00", "12"]),
                Case("date", kept: ["2024-02-29"], rejected: ["2024-02-30", "24-1-1"]),
                Case("timestamp NULL", kept: ["2024-01-01 00:00:00"], rejected: ["1969-01-01 00:00:00", "2040-01-01 00:00:00"]),
                Case("int NOT NULL AUTO_INCREMENT UNIQUE", kept: ["0", "5"], rejected: [nil, ""]),
                Case("int NOT NULL DEFAULT 7", kept: ["1"], rejected: [nil]),
                Case("timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP", kept: ["2024-01-01 00:00:00"], rejected: [nil]),
                Case("varchar(9) NOT NULL DEFAULT 'x'", kept: [""], rejected: [nil]),
            ], Store(.mariadb), "load=\(way)")
    }

    @Test func `MySQL puts no time of day in the place of a NULL where TIMESTAMP has its old meaning`() throws {
        let target = try Store(.mariadb, "SET explicit_defaults_for_timestamp = 0; CREATE TABLE t (n int, v timestamp)")
        let source = try Store(.sqlite, "CREATE TABLE t (n int, v text); INSERT INTO t VALUES (1, '2024-01-01 00:00:00'), (2, NULL)")
        for way in ["infile", "insert"] {
            try user.apus(
                "copy", source.url(), target.url() + "?load=\(way)&init_sql=SET%20explicit_defaults_for_timestamp=0", "--mode", "append",
                "--bad-rows", "1")
        }
        #expect(try target.ask("SELECT n, v FROM t") == [["1", "2024-01-01 00:00:00"], ["1", "2024-01-01 00:00:00"]])
    }

    @Test func `a trigger of MySQL may still fill a NULL`() throws {
        let target = try Store(
            .mariadb,
            "CREATE TABLE t (n int PRIMARY KEY, v int NOT NULL); CREATE TRIGGER f BEFORE INSERT ON t FOR EACH ROW SET NEW.v = IFNULL(NEW.v, 42)"
        )
        let source = try Store(.sqlite, "CREATE TABLE t (n int, v int); INSERT INTO t VALUES (1, 1), (2, NULL)")
        expect(try user.apus("copy", source.url(), target.url(), "--mode", "append"), 0)
        #expect(try target.ask("SELECT n, v FROM t ORDER BY n") == [["1", "1"], ["2", "42"]])
    }

    @Test func `PostgreSQL bends no value`() throws {
        let target = try Store(.postgres, "CREATE TYPE letters AS enum ('a', 'b'); CREATE DOMAIN short AS varchar(3)")
        try check(
            [
                Case("letters", kept: ["a"], rejected: ["A", "a ", "1", ""]),
                Case("varchar(5)", kept: ["s    "], rejected: ["s     "], as: "v"),
                Case("short", kept: ["ab "], rejected: ["ab  "]),
                Case("name", kept: ["x"], rejected: [String(repeating: "x", count: 64)]),
                Case("\"char\"", kept: ["a"], rejected: ["ab", "é"], as: "v::text"),
                Case("bit(3)", kept: ["101"], rejected: ["1", "0101"]),
                Case("varbit(3)", kept: ["10"], rejected: ["0101"]),
                Case("date", kept: ["2024-01-31"], rejected: ["now", "today"]),
                Case("timetz", kept: ["10:00:00+00"], rejected: ["now", "Today"]),
                Case("tsrange", kept: ["[\"2024-01-01 00:00:00\",)"], rejected: ["[now,)"]),
                Case("date[]", kept: ["{2024-01-01,NULL}"], rejected: ["{now,today}"]),
                Case("int GENERATED BY DEFAULT AS IDENTITY", kept: ["5"], rejected: [nil]),
                Case("serial", kept: ["0"], rejected: [nil]),
                Case("int NOT NULL DEFAULT 7", kept: ["1"], rejected: [nil]),
            ], target)
    }

    @Test func `PostgreSQL's paddings and roundings are in the plan`() throws {
        let source = try Store(.sqlite, "CREATE TABLE t (a varchar(3), b text, c text)")
        let target = try Store(.postgres, "CREATE TABLE t (a char(3), b interval(0), c varchar(2)[])")
        let plan = try user.apus("copy", source.url(), target.url(), "--mode", "append", "--dry-run", "--strict")
        expect(plan, 78, "padded with blanks", "intervals are rounded or cut", "elements are cut or rounded")
    }

    @Test func `SQLite bends no value`() throws {
        try check(
            [
                Case("STRING", kept: ["abc", "7"], rejected: ["007", "1e5", " 7", "1.0", "9223372036854775808"], as: "v"),
                Case("TEXT", kept: ["007", "1e5", " 7", ""], as: "v"),
                Case("", kept: ["007", "1e5"], as: "v"),
                Case("INTEGER", kept: ["7"], rejected: ["9223372036854775808", "abc"]),
                Case("INTEGER PRIMARY KEY", kept: ["7"], rejected: [nil]),
                Case("INT NOT NULL ON CONFLICT REPLACE DEFAULT 7", kept: ["1"], rejected: [nil]),
                Case("DECIMAL(5,2)", kept: ["1.25"], rejected: ["abc", "1000"]),
            ], Store(.sqlite))
    }
}
