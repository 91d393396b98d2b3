import ApusControl
import ApusCore
import ApusTesting
import Foundation
import SQLiteConnector
import Testing

/// The state of incremental loads is kept beside the target's rows, and is believed as far as they bear it out.
@Suite struct CheckpointTests {
    private static let targets: [System] = [.mysql, .postgres, .sqlite, .starrocks]
    private static let files: [System] = [.csv, .json]

    private struct Night {
        let source: Place
        let target: Place
        var pipeline: Pipeline
    }

    /// 20 rows of `t` in the source, all loaded.
    private func night(_ to: System, _ mode: LoadMode, key: Bool = true, from: System = .sqlite) throws -> Night {
        let source = try Place(from), target = try Place(to)
        try source.run(
            """
            CREATE TABLE t (id int NOT NULL\(key ? " PRIMARY KEY" : ""), at int NOT NULL, v varchar(10));
            INSERT INTO t WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 20) SELECT i, i * 10, 'x' FROM s;
            """)
        var pipeline = try Pipeline(source, target)
        pipeline.take("t") {
            $0.mode = mode
            $0.watermark = "at"
        }
        #expect(try pipeline.succeed().tally.read == 20)
        return Night(source: source, target: target, pipeline: pipeline)
    }

    private func remove(_ night: Night, where isMeant: (String) -> Bool) throws {
        let folder = night.target.folder.path
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) where isMeant(name) {
            try FileManager.default.removeItem(atPath: folder + "/" + name)
        }
    }

    private func add(_ night: Night, _ id: Int = 21) throws { try night.source.run("INSERT INTO t VALUES (\(id), \(id * 10), 'new');") }

    /// The code of the plan's error, and whether it has a warning.
    private func findings(_ night: Night) throws -> (error: ApusError.Code?, warns: Bool) {
        let found = try night.pipeline.plan().tables[0].findings
        return (found.first { $0.severity == .error }?.code, found.contains { $0.severity == .warning && $0.code == .changed })
    }

    private func isWhole(_ night: Night) throws -> Bool {
        if night.target.system.isFile { return try night.target.count("t") == night.source.count("t") }
        return try Set(night.target.ask("SELECT id, at FROM t")) == Set(night.source.ask("SELECT id, at FROM t"))
            && night.target.count("t") == night.source.count("t")
    }

    @Test(arguments: targets + files, [LoadMode.append, .upsert])
    func `a target that is gone is loaded as a whole, and the plan says so`(_ to: System, _ mode: LoadMode) throws {
        if to.isFile, mode == .upsert { return }
        let night = try night(to, mode)
        if to.isFile { try remove(night) { $0.hasPrefix("t.") } } else { try night.target.run("DROP TABLE t;") }
        try add(night)
        #expect(try findings(night).warns)
        #expect(try night.pipeline.succeed().tally.read == 21)
        #expect(try isWhole(night))
        try add(night, 22)
        #expect(try findings(night) == (nil, false))
        try night.pipeline.succeed()
        #expect(try isWhole(night))
    }

    @Test(arguments: targets, ["TRUNCATE TABLE t", "DELETE FROM t WHERE id > 0", "DELETE FROM t WHERE id > 10", "anew"])
    func `a target that was emptied, restored or made anew is loaded as a whole by upsert, and refused by append`(
        _ to: System, _ change: String
    ) throws {
        for mode in [LoadMode.upsert, .append] {
            let night = try night(to, mode)
            switch (to, change) {
            case (.sqlite, "TRUNCATE TABLE t"): return
            case (.starrocks, "anew"): return
            case (_, "anew"):
                // A row that is newer than all that was loaded hides that the others are missing.
                if to == .sqlite { return }
                if to == .mysql { try night.target.run("SELECT SLEEP(1.1);") }
                let like = to == .postgres ? "(LIKE old INCLUDING ALL)" : "LIKE old"
                try night.target.run(
                    "ALTER TABLE t RENAME TO old; CREATE TABLE t \(like); INSERT INTO t VALUES (99, 990, 'z'); DROP TABLE old;")
                try night.source.run("INSERT INTO t VALUES (99, 990, 'z');")
            default: try night.target.run(change + ";")
            }
            try add(night)
            if mode == .append {
                #expect(try findings(night) == (.changed, false))
                #expect(fault { try night.pipeline.run() }?.code == .changed)
                continue
            }
            #expect(try findings(night) == (nil, true))
            try night.pipeline.succeed()
            #expect(try isWhole(night))
        }
    }

    @Test(arguments: targets + files)
    func `a new ledger changes nothing, since the target remembers`(_ to: System) throws {
        var night = try night(to, .append, key: to == .starrocks)
        let folder = try TemporaryFolder(prefix: "apus-ledger")
        night.pipeline.ledger = try SQLLedger(file: folder.file("l.db"), connector: SQLiteConnector())
        #expect(try night.pipeline.succeed().tally.read == 0)
        try add(night)
        #expect(try night.pipeline.succeed().tally.read == 1)
        #expect(try isWhole(night))
    }

    @Test(arguments: targets)
    func `a watermark of the ledger is taken over where the target bears it out`(_ to: System) throws {
        for mode in [LoadMode.append, .upsert] {
            let night = try night(to, mode)
            try night.target.run("DROP TABLE apus_checkpoints;")
            try add(night)
            #expect(try night.pipeline.succeed().tally.read == (mode == .append ? 1 : 2))
            #expect(try isWhole(night))
            #expect(try night.target.count("apus_checkpoints") == 1)
            // Not so where it does not.
            try night.target.run("DROP TABLE apus_checkpoints; DELETE FROM t WHERE id > 15;")
            let found = try findings(night)
            #expect(mode == .append ? found == (.changed, false) : found == (nil, true))
        }
    }

    @Test(arguments: targets + files)
    func `rows of which nothing is remembered are never appended to`(_ to: System) throws {
        var night = try night(to, .append, key: to == .starrocks)
        let folder = try TemporaryFolder(prefix: "apus-ledger")
        night.pipeline.ledger = try SQLLedger(file: folder.file("l.db"), connector: SQLiteConnector())
        if to.isFile {
            try remove(night) { $0.hasSuffix(".state") }
        } else {
            try night.target.run("DROP TABLE apus_checkpoints;")
        }
        #expect(try findings(night) == (.changed, false))
        #expect(fault { try night.pipeline.run() }?.code == .changed)
        // The user may know better.
        try add(night)
        night.pipeline.watermarkStart = "200"
        #expect(try night.pipeline.succeed().tally.read == 1)
        #expect(try isWhole(night))
        night.pipeline.watermarkStart = nil
        #expect(try night.pipeline.succeed().tally.read == 0)
    }

    @Test(arguments: targets)
    func `appended rows that no finished load has brought are not added again`(_ to: System) throws {
        if to == .starrocks { return }
        let night = try night(to, .append, key: false)
        try add(night)
        try night.target.run("INSERT INTO t VALUES (21, 210, 'new');")
        #expect(try findings(night).error == .changed)
        var sure = night
        sure.pipeline.watermarkStart = "210"
        try sure.pipeline.succeed()
        #expect(try isWhole(night))
    }

    @Test(arguments: targets)
    func `another filter or key begins anew, other columns are told`(_ to: System) throws {
        var night = try night(to, .upsert)
        night.pipeline.flow.tables[0].filter = "v <> 'gone'"
        #expect(try findings(night) == (nil, true))
        #expect(try night.pipeline.succeed().tally.read == 20)
        #expect(try findings(night) == (nil, false))
        // A day in the filter is another one every day.
        night.pipeline.flow.tables[0].filter = "v <> '2024-01-01'"
        try night.pipeline.succeed()
        night.pipeline.flow.tables[0].filter = "v <> '2024-01-02'"
        #expect(try findings(night) == (nil, false))
        night.pipeline.flow.tables[0].exclude = ["v"]
        #expect(try findings(night) == (nil, true))
        #expect(try night.pipeline.succeed().tally.read == 1)
        night.pipeline.flow.tables[0].mode = .append
        night.pipeline.flow.tables[0].filter = "id > 0"
        #expect(try findings(night).error == .changed)
    }

    @Test(arguments: System.engines + [.starrocks])
    func `a source whose largest value lies below the watermark is told`(_ from: System) throws {
        for mode in [LoadMode.upsert, .append] {
            let source = try Place(from), target = try Place(.sqlite)
            let table = from == .starrocks ? "PRIMARY KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1" : ""
            try source.run(
                "CREATE TABLE t (id int NOT NULL\(from == .starrocks ? "" : " PRIMARY KEY"), at int NOT NULL) \(table); INSERT INTO t VALUES (1, 10), (2, 90);"
            )
            var pipeline = try Pipeline(source, target)
            pipeline.take("t") {
                $0.mode = mode
                $0.watermark = "at"
                $0.key = ["id"]
            }
            try pipeline.succeed()
            try source.run("DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (3, 20);")
            let findings = try pipeline.plan().tables[0].findings
            #expect(findings.contains { $0.code == .changed && $0.severity == (mode == .append ? .error : .warning) })
            if mode == .upsert {
                try pipeline.succeed()
                #expect(try target.ask("SELECT id FROM t ORDER BY id") == [["1"], ["2"], ["3"]])
                try source.run("INSERT INTO t VALUES (4, 30);")
                #expect(try pipeline.succeed().tally.read == 2)
            }
            try source.run("DELETE FROM t WHERE id > 0;")
            #expect(try pipeline.plan().tables[0].findings.contains { $0.severity == .warning && $0.message.contains("no rows") })
        }
    }

    @Test(arguments: System.engines)
    func `rows that get the very largest value after a run arrive with the next upsert`(_ from: System) throws {
        let source = try Place(from), target = try Place(.sqlite)
        try source.run(
            "CREATE TABLE t (id int NOT NULL PRIMARY KEY, at date NOT NULL); INSERT INTO t VALUES (1, '2024-01-01'), (2, '2024-01-02');")
        var pipeline = try Pipeline(source, target)
        pipeline.take("t") { $0.watermark = "at" }
        try pipeline.succeed()
        try source.run("INSERT INTO t VALUES (3, '2024-01-02'), (4, '2024-01-03');")
        #expect(try pipeline.succeed().tally.read == 3)
        #expect(try target.ask("SELECT id FROM t ORDER BY id") == [["1"], ["2"], ["3"], ["4"]])
    }

    @Test(arguments: targets)
    func `a plan that another run has overtaken appends nothing`(_ to: System) throws {
        if to == .starrocks { return }
        let night = try night(to, .append, key: false)
        try add(night)
        let first = try night.pipeline.plan(), second = try night.pipeline.plan()
        #expect(try night.pipeline.run(first, id: RunID.make()).status == .done)
        let late = try night.pipeline.run(second, id: RunID.make())
        #expect(late.status == .failed && late.tables[0].error?.code == .changed)
        #expect(try isWhole(night))
    }

    /// The type, two values and a third that is larger.
    private static let marks: [(System, String, [String])] = [
        (.mysql, "binary(4)", ["x'018f2233'", "x'018f99ff'", "x'018fff00'"]), (.mysql, "varbinary(20)", ["x'00ff'", "x'80'", "x'81'"]),
        (.mysql, "bit(16)", ["255", "65000", "65001"]), (.mysql, "float", ["1.05", "1.1", "1.2"]),
        (.mysql, "double", ["0.1", "0.3", "0.30000000000000004"]),
        (.mysql, "decimal(30,10)", ["-5.5", "0.0000000001", "0.0000000002"]),
        (.mysql, "bigint unsigned", ["9223372036854775808", "18446744073709551610", "18446744073709551611"]),
        (.mysql, "time(3)", ["'-10:00:00'", "'-01:00:00.5'", "'-01:00:00.499'"]), (.mysql, "year", ["0", "2001", "2030"]),
        (.mysql, "varchar(9) character set latin1 collate latin1_bin", ["'a'", "'é'", "'ü'"]),
        (.mysql, "inet6", ["'::1'", "'ffff::1'", "'ffff::2'"]),
        (.mysql, "timestamp(6)", ["'2024-10-27 00:30:00'", "'2024-10-27 00:59:59'", "'2024-10-27 01:10:00'"]),
        (.postgres, "bytea", ["'\\x018fff'", "'\\xff00'", "'\\xff01'"]), (.postgres, "inet", ["'10.0.0.1'", "'10.0.0.2'", "'10.0.0.3'"]),
        (.postgres, "numeric", ["1e30", "1e30+0.5", "1e30+0.6"]), (.postgres, "real", ["1.05", "1.1", "1.2"]),
        (.postgres, "timestamptz", ["'2024-10-27 00:30+00'", "'2024-10-27 00:59+00'", "'2024-10-27 01:10+00'"]),
        (.sqlite, "blob", ["x'01ff'", "x'ff00'", "x'ff01'"]), (.sqlite, "", ["1", "'a'", "x'00'"]),
        (.sqlite, "REAL", ["0.1", "0.3", "0.30000000000000004"]),
    ]

    @Test(arguments: marks.indices)
    func `watermarks of every type let each row through once`(_ index: Int) throws {
        let (system, type, values) = Self.marks[index]
        let source = try Place(system), target = try Place(.sqlite)
        try source.run(
            "CREATE TABLE t (id int NOT NULL PRIMARY KEY, w \(type)\(type.isEmpty ? "" : " NOT NULL")); INSERT INTO t VALUES (1, \(values[0])), (2, \(values[1]));"
        )
        var pipeline = try Pipeline(source, target)
        pipeline.take("t") {
            $0.mode = .append
            $0.watermark = "w"
            $0.columns = [ColumnWish("id")]
        }
        #expect(try pipeline.succeed().tally.read == 2)
        #expect(try pipeline.succeed().tally.read == 0)
        try source.run("INSERT INTO t VALUES (3, \(values[2]));")
        #expect(try pipeline.succeed().tally.read == 1)
        #expect(try pipeline.succeed().tally.read == 0)
        #expect(try target.ask("SELECT id FROM t ORDER BY id") == [["1"], ["2"], ["3"]])
    }

    @Test(arguments: [(System.postgres, "date", "'infinity'"), (.postgres, "numeric", "'NaN'"), (.sqlite, "REAL", "9e999")])
    func `a largest value beyond which nothing can come is refused`(_ system: System, _ type: String, _ value: String) throws {
        let source = try Place(system), target = try Place(.sqlite)
        try source.run("CREATE TABLE t (id int NOT NULL PRIMARY KEY, w \(type) NOT NULL); INSERT INTO t VALUES (1, \(value));")
        var pipeline = try Pipeline(source, target)
        pipeline.take("t") { $0.watermark = "w" }
        #expect(fault { try pipeline.run() }?.code == .unsupported)
    }
}
