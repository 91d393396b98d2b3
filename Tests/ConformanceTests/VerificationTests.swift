import ApusCore
import ApusEngine
import ApusTesting
import Foundation
import Tabular
import Testing

/// A verification after a copy finds both sides equal, however the mapping writes a value, and finds each value that is
/// changed afterwards, by the target's own client, be it the last digit.
@Suite(.requires(.mariadb, .postgres)) struct VerificationTests {
    /// A column: its type and value by source, what the value is as text, and what it becomes.
    struct Kind: Sendable {
        let name: String
        let mysql: String
        let postgres: String
        let sqlite: String
        /// The value in the SQL of all three, without quotes.
        let value: String
        let changed: String
        /// The value as it stands in a file, if it does not stand there as in SQL.
        var inFile: (from: String, to: String)?
        var literal = Literal.text

        enum Literal { case text, bytes, bits, boolean }

        init(
            _ name: String, _ mysql: String, _ postgres: String, _ sqlite: String, _ value: String, _ changed: String,
            inFile: (from: String, to: String)? = nil, _ literal: Literal = .text
        ) {
            self.name = name
            self.mysql = mysql
            self.postgres = postgres
            self.sqlite = sqlite
            self.value = value
            self.changed = changed
            self.inFile = inFile
            self.literal = literal
        }

        func type(_ system: System) -> String { system == .mysql ? mysql : system == .postgres ? postgres : sqlite }

        func sql(_ text: String, _ system: System, column: String? = nil) -> String {
            switch literal {
            case .text: "'\(text)'"
            case .bytes: system == .postgres ? "'\\x\(text)'" : "x'\(text)'"
            case .bits: system == .mysql ? "b'\(text)'" : "'\(text)'"
            case .boolean: system == .postgres && (column == "boolean" || column == nil) ? (text == "1" ? "true" : "false") : text
            }
        }
    }

    static let kinds: [Kind] = [
        Kind("flag", "tinyint(1)", "boolean", "BOOLEAN", "1", "0", inFile: ("true", "false"), .boolean),
        Kind("small", "smallint", "smallint", "SMALLINT", "-32767", "-32766"),
        Kind("filled", "int(9) zerofill", "int", "INTEGER", "4711", "4712"),
        Kind("big", "bigint unsigned", "numeric(20)", "UNSIGNED64_BLOB", "9223372036854775807", "9223372036854775806"),
        Kind("exact", "decimal(20,6)", "numeric", "DECIMAL_TEXT", "12345678901.500001", "12345678901.500002"),
        Kind("real8", "double", "double precision", "DOUBLE", "0.7", "0.7000000000000001"),
        Kind("real4", "float", "real", "FLOAT4", "0.25", "0.25000003"),
        Kind("word", "varchar(20)", "varchar(20)", "TEXT", "Abc雨x", "Abc雨x "),
        Kind("fixed", "char(5)", "char(5)", "CHAR(5)", "qr", "qs"),
        Kind("code", "varchar(20)", "text", "TEXT", "007", "7"),
        Kind("octets", "varbinary(20)", "bytea", "BLOB", "00ff0a5c", "00ff0a5d", .bytes),
        Kind("day", "date", "date", "DATE", "2023-02-28", "2023-03-01"),
        Kind("wall", "datetime(6)", "timestamp", "DATETIME", "2022-10-30 02:30:00.123456", "2022-10-30 02:30:00.123457"),
        Kind("instant", "timestamp(6) NULL", "timestamptz", "TIMESTAMPTZ", "2021-03-28 01:30:00.5", "2021-03-28 01:30:00.6"),
        Kind("clock", "time(6)", "time", "TIME", "12:34:56.789", "12:34:56.788"),
        Kind("document", "json", "jsonb", "JSON", #"{"b": [1, 2.50], "a": null}"#, #"{"b": [2.5, 1], "a": null}"#, inFile: ("2.5", "2.6")),
        Kind("name", "uuid", "uuid", "UUID", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12"),
        Kind("flags", "bit(10)", "bit(10)", "BITS_TEXT(10)", "0000000101", "0000000111", .bits),
    ]

    /// As many rows of the same values as there are kinds, and one of NULLs.
    private static func source(_ system: System) throws -> Place {
        let place = try Place(system)
        let columns = kinds.map { "\"\($0.name)\" \($0.type(system))" }.joined(separator: ", ")
        let values = kinds.map { $0.sql($0.value, system) }.joined(separator: ", ")
        let rows = kinds.indices.map { "(\($0), \(values))" } + ["(\(kinds.count), \(kinds.map { _ in "NULL" }.joined(separator: ", ")))"]
        try place.run("CREATE TABLE t (id int NOT NULL PRIMARY KEY, \(columns)); INSERT INTO t VALUES \(rows.joined(separator: ", "));")
        return place
    }

    /// The value of each kind in a row of its own.
    private static func change(_ target: Place) throws {
        guard target.system.isFile else {
            let types = Dictionary(uniqueKeysWithValues: try target.columns("t").map { ($0.name, $0.type) })
            return try target.run(
                kinds.enumerated().map { row, kind in
                    let value = kind.sql(kind.changed, target.system, column: types[kind.name])
                    return "UPDATE t SET \"\(kind.name)\" = \(value) WHERE id = \(row);\n"
                }.joined())
        }
        let path = "t." + (target.system == .csv ? "csv" : "jsonl")
        var lines = try target.folder.read(path).split(separator: "\n").map(String.init)
        for (row, kind) in kinds.enumerated() {
            let index = try #require(lines.firstIndex { $0.hasPrefix(target.system == .csv ? "\(row)," : "{\"id\":\(row),") })
            let (from, to) = kind.inFile ?? (kind.value, kind.changed)
            var changed = lines[index].replacing(from, with: to)
            // MySQL has no booleans: they are numbers.
            if kind.name == "flag" { changed = changed.replacing(",1,-3", with: ",0,-3").replacing("\"flag\":1", with: "\"flag\":0") }
            #expect(changed != lines[index], "\(kind.name): \(lines[index])")
            lines[index] = changed
        }
        try target.folder.write(lines.joined(separator: "\n") + "\n", to: path)
    }

    @Test(arguments: System.engines.flatMap { from in (System.engines + [.csv, .json]).map { Pair(from: from, to: $0) } })
    func `a copy is equal, and every changed value is found`(_ pair: Pair) throws {
        let source = try Self.source(pair.from), target = try Place(pair.to)
        var pipeline = try Pipeline(source, nil, target, target.url(pair.to == .json ? "binary=hex" : ""))
        pipeline.take("t")
        var plan = try pipeline.plan()
        let result = try pipeline.run(plan, id: RunID.make())
        let rows = Self.kinds.count
        #expect(result.status == .done && result.tally.written == rows + 1, "\(result)")
        func verify(_ except: Set<String> = []) throws -> Verification.Finding {
            var verification = Verification(plan, from: pipeline.sources, to: pipeline.to, interrupt: Interrupt())
            verification.except = except
            return try verification.compare(0)
        }
        let finding = try verify()
        #expect(finding.verdict == .equal && finding.sourceRows == rows + 1 && finding.targetRows == rows + 1, "\(finding)")
        try Self.change(target)
        #expect(try verify().verdict == .different)
        // Of a table that is added to, the rows that are missing are counted.
        plan.tables[0].load.mode = .append
        let changed = try verify()
        if changed.note?.contains("\(rows) rows of the source are not in the target") == true { return }
        for kind in Self.kinds {
            #expect(try verify(Set(plan.tables[0].load.columns).subtracting(["id", kind.name])).verdict == .different, "\(kind.name)")
        }
        Issue.record("\(changed)")
    }

    /// Texts into types that have a form of their own: the target is asked what it makes of them.
    @Test(arguments: [
        (System.postgres, "interval", "1 day 2 hours", "1 day 02:00:01"), (.postgres, "int[]", "{1, NULL ,3}", "{1,NULL,4}"),
        (.postgres, "inet", "10.0.0.1/32", "10.0.0.2"), (.postgres, "int4range", "[1,4]", "[1,6)"),
        (.postgres, "point", "(1.50, 2)", "(1.5,3)"),
        (.postgres, "tsvector", "b a", "a"), (.postgres, "macaddr", "08-00-2B-01-02-03", "08:00:2b:01:02:04"),
        (.postgres, "text[]", #"{"a", "b\"c", "d\\e"}"#, #"{a,b}"#), (.mysql, "inet6", "2001:DB8:0::FF", "2001:db8::fe"),
    ]) func `a text in a form of its own is equal`(_ system: System, _ type: String, _ text: String, _ changed: String) throws {
        let source = try Place(.sqlite), target = try Place(system)
        try source.run(
            "CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, '\(text)'), (2, NULL), (3, '\(changed)');")
        try target.run("CREATE TABLE t (id int NOT NULL PRIMARY KEY, v \(type));")
        var pipeline = try Pipeline(source, target)
        pipeline.take("t") {
            $0.create = .require
            $0.mode = .truncate
        }
        let plan = try pipeline.plan()
        let result = try pipeline.run(plan, id: RunID.make())
        #expect(result.status == .done && result.tally.written == 3, "\(result)")
        let verification = Verification(plan, from: pipeline.sources, to: pipeline.to, interrupt: Interrupt())
        let finding = try verification.compare(0)
        #expect(finding.verdict == .equal && finding.sourceRows == 3, "\(finding)")
        try target.run("UPDATE t SET v = '\(changed)' WHERE id = 1")
        #expect(try verification.compare(0).verdict == .different)
    }

    /// More rows than are kept in memory: both sides are read several times.
    @Test(arguments: [LoadMode.append, .upsert]) func `rows are looked for in shares`(_ mode: LoadMode) throws {
        let source = try Place(.sqlite), target = try Place(.sqlite)
        let count = 3_000
        let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(count)) SELECT i, i % 7 FROM n"
        try source.run("CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, v INTEGER); INSERT INTO t \(rows);")
        try target.run("CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, v INTEGER); INSERT INTO t VALUES (90001, 1), (90002, 2);")
        var pipeline = try Pipeline(source, target)
        pipeline.take("t") {
            $0.mode = mode
            $0.key = mode == .upsert ? ["id"] : []
        }
        let plan = try pipeline.plan()
        #expect(try pipeline.run(plan, id: RunID.make()).status == .done)
        var verification = Verification(plan, from: pipeline.sources, to: pipeline.to, interrupt: Interrupt())
        for most in [100, 1_000, 1_000_000] {
            verification.mostInMemory = most
            let finding = try verification.compare(0)
            #expect(finding.verdict == .equal && finding.sourceRows == count && finding.targetRows == count + 2, "\(finding)")
        }
        try target.run("UPDATE t SET v = v + 1 WHERE id IN (17, 1700, 2999); DELETE FROM t WHERE id = 5")
        for most in [100, 1_000_000] {
            verification.mostInMemory = most
            let finding = try verification.compare(0)
            #expect(
                finding.verdict == .different && finding.note?.contains("4 rows of the source are not in the target") == true, "\(finding)")
        }
    }

    @Test(arguments: [System.csv, .json]) func `files without rows, and columns without values, are equal`(_ system: System) throws {
        let source = try Place(.sqlite), target = try Place(system)
        try source.run(
            "CREATE TABLE e (id INTEGER PRIMARY KEY, j JSON); CREATE TABLE n (id INTEGER PRIMARY KEY, j JSON); INSERT INTO n VALUES (1, NULL), (2, NULL);"
        )
        var pipeline = try Pipeline(source, target)
        pipeline.take("*")
        let plan = try pipeline.plan()
        #expect(try pipeline.run(plan, id: RunID.make()).status == .done)
        let verification = Verification(plan, from: pipeline.sources, to: pipeline.to, interrupt: Interrupt())
        #expect(try verification.compare(0).verdict == .equal && verification.compare(1).verdict == .equal)
        let name = "n." + (system == .csv ? "csv" : "jsonl")
        try target.folder.write(try target.folder.read(name).replacing("2", with: "3"), to: name)
        #expect(try verification.compare(1).verdict == .different)
        try FileManager.default.removeItem(atPath: target.folder.file(name))
        #expect(try verification.compare(1).verdict == .missing)
    }

    @Test func `what a transform makes of a value is what the target must hold`() throws {
        let source = try Place(.sqlite), target = try Place(.csv)
        try source.run(
            "CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'abcdef'), (2, 'xyz'), (3, NULL);")
        var pipeline = try Pipeline(source, target)
        pipeline.take("t") { $0.transforms = [Transform(column: 1, .replace(start: 1, length: 2, text: "**"))] }
        let plan = try pipeline.plan()
        #expect(try pipeline.run(plan, id: RunID.make()).status == .done)
        #expect(try target.rows("t").compactMap { $0[1] } == ["a**def", "x**"])
        let verification = Verification(plan, from: pipeline.sources, to: pipeline.to, interrupt: Interrupt())
        let finding = try verification.compare(0)
        #expect(finding.verdict == .equal && finding.sourceRows == 3, "\(finding)")
        try target.folder.write(try target.folder.read("t.csv").replacing("a**def", with: "abcdef"), to: "t.csv")
        #expect(try verification.compare(0).verdict == .different)
    }
}
