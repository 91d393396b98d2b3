import ApusTesting
import Foundation
import Testing

/// Night after night, only the partitions of a warehouse that were written to.
@Suite(.requires(.starrocks)) struct `Partitions night by night` {
    private struct Nights {
        let double: StarRocksDouble
        let database: String
        let target: String
        let desk: Desk
        let server: MariaDBServer?

        /// - parameter profile: of the source, and of a target beside it unless it is `server`.
        init(_ profile: StarRocksDouble.Profile = .v3_3, into server: MariaDBServer? = nil) throws {
            try self.init(on: .shared(profile), into: server)
        }

        init(on double: StarRocksDouble, into server: MariaDBServer? = nil) throws {
            self.double = double
            database = try double.makeDatabase()
            self.server = server
            target = try server?.makeDatabase() ?? double.makeDatabase()
            desk = try Desk()
            try run(
                """
                CREATE TABLE hits (dt date NOT NULL, k int, v varchar(20)) DUPLICATE KEY(dt, k)
                PARTITION BY RANGE(dt) (PARTITION p1 VALUES LESS THAN ("2024-02-01"), PARTITION p2 VALUES LESS THAN ("2024-03-01"),
                  PARTITION p3 VALUES LESS THAN ("2024-04-01"))
                DISTRIBUTED BY HASH(k) BUCKETS 2 PROPERTIES ("replication_num" = "1");
                INSERT INTO hits VALUES ('2024-01-05', 1, 'a'), ('2024-02-05', 2, 'b'), ('2024-03-05', 3, 'c');
                """)
        }

        func run(_ sql: String) throws { try double.execute(sql, database: database) }

        /// One run; how the partitions were asked for that were read.
        @discardableResult
        func night(_ gone: String? = nil, _ status: Int32 = 0, _ words: String...) throws -> [String] {
            let to = try server?.url(database: target) ?? double.url(database: target)
            let option = gone.map { ", gone_partitions: \($0)" } ?? ""
            try "from: \(double.url(database: database))\nto: \(to)\ntables:\n  hits: { watermark: partitions()\(option) }\n".write(
                toFile: desk.home.file("flow.yaml"), atomically: true, encoding: .utf8)
            let before = try double.statements().filter { $0.database == database }.count
            let result = try desk.apus("run", "flow.yaml")
            expect(result, status)
            for word in words { #expect((result.stdout + result.stderr).contains(word), "\(result.stdout) \(result.stderr)") }
            let own = try double.statements().filter { $0.database == database }.dropFirst(before)
            return own.map(\.sql).filter { $0.hasPrefix("SELECT `dt`") }.map { $0.contains("PARTITION (") ? $0 : "all" }
        }

        func held() throws -> [String] {
            let sql = "SELECT dt, k, v FROM hits ORDER BY dt, k, v"
            return try (server?.query(sql, database: target) ?? double.query(sql, database: target)).map { $0.joined(separator: " ") }
        }
    }

    @Test(arguments: [StarRocksDouble.Profile.v3_3shared, .v3_5shared, .v3_3, .doris])
    func `INSERT OVERWRITE is seen though name and version are the same`(_ profile: StarRocksDouble.Profile) throws {
        let nights = try Nights(profile)
        #expect(try nights.night() == ["all"])
        #expect(try nights.night().isEmpty)
        try nights.run(
            "INSERT OVERWRITE \(profile == .doris ? "TABLE " : "")hits PARTITION (p2) SELECT '2024-02-07', 9, 'overwritten';")
        let reads = try nights.night()
        #expect(reads.count == 1 && reads[0].contains("`p2`") && !reads[0].contains("`p1`"), "\(reads)")
        #expect(try nights.held() == ["2024-01-05 1 a", "2024-02-07 9 overwritten", "2024-03-05 3 c"])
        #expect(try nights.night().isEmpty)
    }

    @Test func `a compaction of shared data costs a read and changes nothing`() throws {
        let nights = try Nights(.v3_3shared)
        try nights.night()
        let held = try nights.held()
        try nights.double.compact("hits", database: nights.database)
        #expect(try !nights.night().isEmpty)
        #expect(try nights.held() == held)
        #expect(try nights.night().isEmpty)
    }

    @Test func `versions that never stand still do not end a read that is to be repeated`() throws {
        // One of its own: all its tables are compacted all the time.
        let double = try StarRocksDouble(StarRocksDouble.Options(.v3_3shared))
        defer { double.stop() }
        let nights = try Nights(on: double)
        try nights.double.configure(["compact_on_show": true])
        expect(
            try nights.desk.apus(
                "copy", nights.double.url(database: nights.database, settings: ["on_change=retry"]),
                nights.double.url(database: nights.target), "--table", "hits"), 0)
        #expect(try nights.held().count == 3)
    }

    @Test(arguments: [true, false])
    func `rows of a partition that is gone stay until they are to be dropped`(_ intoMariaDB: Bool) throws {
        let nights = try Nights(into: intoMariaDB ? .shared() : nil)
        try nights.night()
        try nights.run("ALTER TABLE hits DROP PARTITION p1; INSERT INTO hits VALUES ('2024-02-06', 4, 'd');")
        let reads = try nights.night("keep", 0, "partition p1 is gone from the source; the target keeps the rows")
        #expect(reads.count == 1 && reads[0].contains("`p2`") && !reads[0].contains("`p3`"), "\(reads)")
        let kept = ["2024-01-05 1 a", "2024-02-05 2 b", "2024-02-06 4 d", "2024-03-05 3 c"]
        #expect(try nights.held() == kept)
        // Later nights neither fail nor read anything.
        #expect(try nights.night().isEmpty)
        // Only what is newly gone stops a table.
        #expect(try nights.night("stop").isEmpty)
        try nights.run("ALTER TABLE hits DROP PARTITION p2;")
        #expect(try nights.night("stop", 1, "partition p2 is gone from the source", "write keep or drop").isEmpty)
        #expect(try nights.held() == kept)
        // Rows that Apus did not bring from there stay.
        #expect(try nights.night("drop", 0, "partitions p1, p2 are gone from the source; the rows are deleted").isEmpty)
        #expect(try nights.held() == ["2024-03-05 3 c"])
        #expect(try nights.night("drop").isEmpty)
    }

    @Test func `a partition that comes back is loaded anew`() throws {
        let nights = try Nights()
        try nights.night()
        try nights.run("ALTER TABLE hits DROP PARTITION p3;")
        try nights.night()
        try nights.run(
            "ALTER TABLE hits ADD PARTITION p3 VALUES LESS THAN (\"2024-04-01\"); INSERT INTO hits VALUES ('2024-03-09', 8, 'new');")
        #expect(try nights.night().count == 1)
        #expect(try nights.held() == ["2024-01-05 1 a", "2024-02-05 2 b", "2024-03-09 8 new"])
    }

    @Test func `a first copy by command and later nights share the marks`() throws {
        let nights = try Nights()
        expect(
            try nights.desk.apus(
                "copy", nights.double.url(database: nights.database), nights.double.url(database: nights.target), "--table", "hits",
                "--watermark", "partitions()"), 0)
        #expect(try nights.held().count == 3)
        #expect(try nights.night().isEmpty)
    }

    @Test func `tables may name the database where the connection names none`() throws {
        let nights = try Nights()
        let all = try nights.double.url(database: "")
        expect(try nights.desk.apus("copy", all, nights.double.url(database: nights.target), "--table", "\(nights.database).hits"), 0)
        #expect(try nights.held().count == 3)
        expect(try nights.desk.apus("copy", all, nights.double.url(database: nights.target), "--table", "hits"), 78, "names no database")
    }

    @Test func `columns that cannot be read are named of all tables, and the other tables are loaded`() throws {
        let nights = try Nights()
        for name in ["uv1", "uv2"] {
            try nights.run(
                "CREATE TABLE \(name) (k int, h hll HLL_UNION) AGGREGATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 2 PROPERTIES ('replication_num' = '1');"
            )
        }
        let ends = [try nights.double.url(database: nights.database), try nights.double.url(database: nights.target)]
        expect(
            try nights.desk.apus("copy", ends[0], ends[1], "--dry-run"), 78, "uv1.h: values of type HLL cannot be selected", "uv2.h: values"
        )
        expect(try nights.desk.apus("copy", ends[0], ends[1]), 1, "uv1.h: values of type HLL cannot be selected", "uv2.h: values")
        #expect(try nights.held().count == 3)
        expect(try nights.desk.apus("copy", ends[0], ends[1], "--exclude", "uv*"), 0)
    }

    @Test func `what a version does not have is said in the plan, with a remedy`() throws {
        let nights = try Nights(.v4_0)
        try nights.run(
            """
            CREATE TABLE wide (k int, d decimal(50,5)) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 2 PROPERTIES ('replication_num' = '1');
            INSERT INTO wide VALUES (1, 123456789012345678901234567890.12345);
            """)
        let older = try StarRocksDouble.shared(.v3_3)
        let target = try older.makeDatabase()
        let ends = [try nights.double.url(database: nights.database), try older.url(database: target)]
        expect(
            try nights.desk.apus("copy", ends[0], ends[1], "--table", "wide"), 0, "decimal(50,5) has more than the 38 digits",
            "kept as text",
            "decimal(38,5)")
        #expect(try older.query("SELECT k, d FROM wide", database: target) == [["1", "123456789012345678901234567890.12345"]])
        let strict = "from: \(ends[0])\nto: \(ends[1])\nstrict: true\ntables: { wide: { to: other } }\n"
        try strict.write(toFile: nights.desk.home.file("strict.yaml"), atomically: true, encoding: .utf8)
        expect(try nights.desk.apus("run", "strict.yaml"), 78, "decimal(50,5) has more than the 38 digits")
    }
}
