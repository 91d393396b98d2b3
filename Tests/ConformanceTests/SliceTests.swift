import ApusCore
import ApusTesting
import Testing

/// A key over whose rows slices are laid.
struct KeyKind: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Columns and primary key.
    let columns: @Sendable (System) -> String
    /// The key's values for the numbers `i` from 1 to 4000.
    let value: @Sendable (System) -> String
    let by: [String]
    /// The largest slice may hold so many times the fair share; nil = not asked.
    var skew: Double? = 2
    var systems = System.engines
    /// The source takes one slice where the key cannot be cut.
    var cuts = true

    static let all: [KeyKind] = [
        KeyKind(testDescription: "uniform integers", columns: { _ in "k bigint NOT NULL PRIMARY KEY" }, value: { _ in "i" }, by: ["k"]),
        KeyKind(
            testDescription: "snowflake ids", columns: { _ in "k bigint NOT NULL PRIMARY KEY" },
            value: { _ in "1500000000000000000 + 4194304 * (i + 0 * 3000000000) + (i % 7)" }, by: ["k"]),
        KeyKind(
            testDescription: "one hot range and two far ends", columns: { _ in "k bigint NOT NULL PRIMARY KEY" },
            value: { _ in "CASE WHEN i = 1 THEN -9223372036854775808 WHEN i = 4000 THEN 9223372036854775807 ELSE 1000000 + i END" },
            by: ["k"]),
        KeyKind(testDescription: "negative integers", columns: { _ in "k int NOT NULL PRIMARY KEY" }, value: { _ in "-i * 3" }, by: ["k"]),
        KeyKind(
            testDescription: "dates with ten rows each", columns: { $0 == .sqlite ? "k date NOT NULL" : "k date NOT NULL" },
            value: { $0.date("(i - i % 10) / 10") }, by: ["k"]),
        KeyKind(
            testDescription: "text", columns: { _ in "k varchar(40) NOT NULL PRIMARY KEY" }, value: { _ in "'k' || (i % 10) || 'é' || i" },
            by: ["k"]),
        KeyKind(
            testDescription: "text with spaces at the end, quotes and backslashes", columns: { _ in "k varchar(40) NOT NULL PRIMARY KEY" },
            value: { _ in "(i % 10) || ''' \\' || i || ' '" }, by: ["k"]),
        KeyKind(
            testDescription: "a composite key", columns: { _ in "k int NOT NULL, l varchar(10) NOT NULL, PRIMARY KEY (k, l)" },
            value: { _ in "i % 5, 'x' || i" }, by: ["k", "l"]),
        KeyKind(
            testDescription: "nullable integers without an index", columns: { _ in "k int" },
            value: { _ in "CASE WHEN i % 4 = 0 THEN NULL ELSE i END" }, by: ["k"], skew: 3),
        KeyKind(testDescription: "one value in all rows", columns: { _ in "k int NOT NULL" }, value: { _ in "7" }, by: ["k"], skew: nil),
        KeyKind(testDescription: "decimals", columns: { _ in "k decimal(20,4) NOT NULL" }, value: { _ in "i * 1.5" }, by: ["k"]),
        KeyKind(
            testDescription: "UUIDs", columns: { _ in "k uuid NOT NULL PRIMARY KEY" }, value: { _ in "md5(i::text)::uuid" }, by: ["k"],
            systems: [.postgres]),
        KeyKind(
            testDescription: "timestamps", columns: { _ in "k timestamptz NOT NULL" },
            value: { _ in "timestamptz '2024-10-27 00:00+00' + i * interval '1.000001 s'" }, by: ["k"], systems: [.postgres]),
        KeyKind(
            testDescription: "collated text", columns: { _ in "k varchar(40) COLLATE \"en-x-icu\" NOT NULL" },
            value: { _ in "chr(65 + i % 26 + 32 * (i % 2)) || i" }, by: ["k"], systems: [.postgres]),
        KeyKind(
            testDescription: "unsigned integers up to the largest", columns: { _ in "k bigint unsigned NOT NULL PRIMARY KEY" },
            value: { _ in "18446744073709551615 - i" }, by: ["k"], systems: [.mysql]),
        KeyKind(
            testDescription: "text without case and accents", columns: { _ in "k varchar(40) COLLATE utf8mb4_general_ci NOT NULL" },
            value: { _ in "CHAR(65 + i % 26 + 32 * (i % 2)) || IF(i % 3, 'é', 'E') || (i DIV 4)" }, by: ["k"], systems: [.mysql]),
        KeyKind(
            testDescription: "text that differs in spaces at the end only",
            columns: { _ in "k varchar(80) COLLATE utf8mb4_nopad_bin NOT NULL PRIMARY KEY" },
            value: { _ in "(i DIV 40) || REPEAT(' ', i % 40)" }, by: ["k"], systems: [.mysql]),
        KeyKind(
            testDescription: "octets", columns: { _ in "k binary(16) NOT NULL PRIMARY KEY" }, value: { _ in "UNHEX(MD5(i))" }, by: ["k"],
            systems: [.mysql]),
        KeyKind(
            testDescription: "datetimes", columns: { _ in "k datetime(6) NOT NULL" },
            value: { _ in "TIMESTAMP'2024-10-27 00:00:00' + INTERVAL i * 1000001 MICROSECOND" }, by: ["k"], systems: [.mysql]),
        KeyKind(testDescription: "no key", columns: { _ in "k int" }, value: { _ in "i" }, by: [], skew: nil, cuts: false),
    ]

    static let cases = all.flatMap { kind in kind.systems.map { ($0, kind) } }.filter {
        $1.testDescription != "collated text" || !PostgresServer.lacking.contains("icu")
    }
}

@Suite struct SliceTests {
    static let rows = 4000

    static func table(_ system: System, _ kind: KeyKind) throws -> Place {
        let place = try Place(system)
        try place.run(
            """
            \(system.recursionLimit(rows))
            CREATE TABLE t (n int NOT NULL, \(kind.columns(system)));
            INSERT INTO t WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < \(rows)) SELECT i, \(kind.value(system)) FROM s;
            \(system.analyze("t"))
            """)
        return place
    }

    @Test(arguments: KeyKind.cases)
    func `slices hold every row once, and about as many each`(_ system: System, _ kind: KeyKind) throws {
        let source = try Self.table(system, kind), target = try Place(system)
        var pipeline = try Pipeline(source, target)
        pipeline.flow.limits.channels = 4
        let ear = Ear()
        pipeline.listeners = [ear]
        pipeline.take("t") { wish in
            wish.slices = 8
            if !kind.by.isEmpty { wish.sliceBy = kind.by }
        }
        let plan = try pipeline.plan()
        #expect(kind.cuts ? plan.tables[0].slices.count > 1 || kind.skew == nil : plan.tables[0].slices.count == 1 || system == .sqlite)
        try pipeline.succeed()
        let all = try target.ask("SELECT n FROM t ORDER BY n").map { $0[0] }
        #expect(all == (1...Self.rows).map(String.init))
        let counts = ear.sliceRows
        #expect(counts.reduce(0, +) == Self.rows)
        if let skew = kind.skew {
            #expect(Double(counts.max() ?? 0) <= Double(Self.rows) / 8 * skew, "\(counts)")
            #expect(counts.count >= 7)
        }
    }

    @Test(arguments: System.engines)
    func `filters, views, queries, expressions and constants are cut into slices too`(_ system: System) throws {
        let source = try Self.table(system, KeyKind.all[0]), target = try Place(system)
        try source.run("CREATE VIEW odd AS SELECT n, k FROM t WHERE n % 2 = 1;")
        var pipeline = try Pipeline(source, target)
        pipeline.take("odd") {
            $0.slices = 4; $0.sliceBy = ["k"]
        }
        pipeline.take(query: "SELECT k, n FROM t WHERE n > 1000 -- the rest", as: "late") {
            $0.slices = 4; $0.sliceBy = ["k"]
        }
        pipeline.take("t") {
            $0.to = "made"
            $0.slices = 4
            $0.filter = "n <= 100 OR n > 3900"
            $0.columns = [ColumnWish("*"), ColumnWish("double", expression: "n * 2"), ColumnWish("word", expression: "'it''s'")]
        }
        try pipeline.succeed()
        #expect(try target.count("odd") == 2000)
        #expect(try target.ask("SELECT count(*), min(n), max(n) FROM late") == [["3000", "1001", "4000"]])
        #expect(
            try target.ask("SELECT count(*), sum(\(system.quote("double"))), min(word) FROM made") == [
                ["200", "\(2 * (5050 + 395050))", "it's"]
            ])
    }
}

extension System {
    /// SQL of 2000-01-01 and so many days.
    func date(_ days: String) -> String {
        switch self {
        case .postgres: "date '2000-01-01' + \(days)"
        case .mysql: "DATE '2000-01-01' + INTERVAL ((\(days)) DIV 1) DAY"
        case .sqlite, .csv, .json, .starrocks: "date('2000-01-01', '+' || (\(days)) || ' days')"
        }
    }

    func analyze(_ table: String) -> String {
        switch self {
        case .postgres, .sqlite: "ANALYZE \(table);"
        case .mysql: "ANALYZE TABLE \(table);"
        case .csv, .json, .starrocks: ""
        }
    }
}
