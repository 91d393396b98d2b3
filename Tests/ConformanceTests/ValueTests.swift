import ApusCore
import ApusEngine
import ApusTesting
import GeneratorConnector
import Testing

/// Every hard value of every source arrives in every target as what it is, or is refused with a reason.
@Suite struct ValueTests {
    @Test(.requires(.mariadb), arguments: System.allCases)
    func `every value of MariaDB arrives as what it is`(_ target: System) throws {
        try check(Hard.mysql, in: try HardTables.mysql.get(), target)
    }

    @Test(.requires(.postgres), arguments: System.allCases)
    func `every value of PostgreSQL arrives as what it is`(_ target: System) throws {
        try check(Hard.postgres, in: try HardTables.postgres.get(), target)
    }

    @Test(arguments: System.allCases)
    func `every value of SQLite arrives as what it is`(_ target: System) throws {
        try check(Hard.sqlite, in: try HardTables.sqlite.get(), target)
    }

    @Test(arguments: System.allCases)
    func `every value of CSV arrives as what it is`(_ target: System) throws {
        try check(Hard.csv, in: try HardTables.csv.get(), target)
    }

    @Test(arguments: System.allCases)
    func `every value of JSON Lines arrives as what it is`(_ target: System) throws {
        try check(Hard.json, in: try HardTables.json.get(), target)
    }

    @Test(.requires(.starrocks), arguments: System.allCases)
    func `every value of StarRocks arrives as what it is`(_ target: System) throws {
        try check(Hard.starrocks, in: try HardTables.starrocks.get(), target)
    }

    @Test(arguments: System.allCases)
    func `everything can be read and counted`(_ source: System) throws {
        let (tables, hard) = try HardTables.of(source)
        var pipeline = try Pipeline((source.connector, tables.place.url()), (NullConnector(), "null:"))
        pipeline.flow.limits.badRows = nil
        let result = try pipeline.run()
        #expect(result.status == .done && result.tally.balances)
        #expect(result.tally.read == hard.reduce(0) { $0 + $1.values.count })
    }
}

/// One table a hard type: `id`, `v`.
struct HardTables: Sendable {
    let place: Place
    let names: [String: String]

    init(_ system: System, _ hard: [Hard], before: String = "") throws {
        place = try Place(system)
        var sql = before + "\n"
        var names: [String: String] = [:]
        for (number, hard) in hard.enumerated() {
            names[hard.name] = "h\(number)"
            sql +=
                system == .starrocks
                ? "CREATE TABLE h\(number) (id int NOT NULL, v \(hard.type)) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1;\n"
                : "CREATE TABLE h\(number) (id int NOT NULL PRIMARY KEY, v \(hard.type));\n"
            for (id, value) in hard.values.enumerated() { sql += "INSERT INTO h\(number) VALUES (\(id), \(value.sql));\n" }
        }
        self.names = names
        try place.run(sql)
    }

    /// Files: a value is a field as it stands in the file.
    init(files system: System, _ hard: [Hard]) throws {
        place = try Place(system)
        var names: [String: String] = [:]
        for (number, hard) in hard.enumerated() {
            names[hard.name] = "h\(number)"
            let rows = hard.values.enumerated().map { id, value in
                system == .csv ? "\(id),\(value.sql)" : "{\"id\":\(id),\"v\":\(value.sql)}"
            }
            try place.folder.write(
                ((system == .csv ? ["id,v"] : []) + rows).joined(separator: "\n") + "\n",
                to: "h\(number).\(system == .csv ? "csv" : "jsonl")")
        }
        self.names = names
    }

    static let mysql = Result { try HardTables(.mysql, Hard.mysql, before: "SET sql_mode = REPLACE(@@sql_mode, 'NO_ZERO', '');") }
    static let postgres = Result { try HardTables(.postgres, Hard.postgres, before: Hard.postgresTypes) }
    static let sqlite = Result { try HardTables(.sqlite, Hard.sqlite) }
    static let csv = Result { try HardTables(files: .csv, Hard.csv) }
    static let starrocks = Result { try HardTables(.starrocks, Hard.starrocks) }
    static let json = Result { try HardTables(files: .json, Hard.json) }

    static func of(_ system: System) throws -> (HardTables, [Hard]) {
        switch system {
        case .mysql: (try mysql.get(), Hard.mysql)
        case .postgres: (try postgres.get(), Hard.postgres)
        case .sqlite: (try sqlite.get(), Hard.sqlite)
        case .csv: (try csv.get(), Hard.csv)
        case .json: (try json.get(), Hard.json)
        case .starrocks: (try starrocks.get(), Hard.starrocks)
        }
    }
}

/// One run moves all tables that are read with the same options.
private func check(_ all: [Hard], in tables: HardTables, _ system: System) throws {
    for (options, some) in Dictionary(grouping: all, by: \.options) {
        let target = try Place(system)
        if system == .postgres { try target.run(Hard.postgresTypes) }
        var pipeline = try Pipeline(tables.place, tables.place.url(options), target, target.url(system == .json ? "binary=hex" : ""))
        pipeline.flow.limits.badRows = nil
        for hard in some { pipeline.take(tables.names[hard.name]!) }
        let id = RunID.make()
        let plan = try pipeline.plan()
        #expect(plan.fault(strict: false) == nil)
        let result = try pipeline.run(plan, id: id)
        let rejected = try pipeline.ledger.rejected(run: id)
        let pool = SessionPool(Interrupt())
        defer { pool.close() }
        func pooled(_ end: Connections) -> Connections { Connections(end.connector, end.endpoint, pool: pool) }
        var verification = Verification(plan, from: pipeline.sources.map(pooled), to: pooled(pipeline.to), interrupt: Interrupt())
        let rows = Dictionary(grouping: rejected, by: \.table).mapValues { $0.map(\.row) }
        verification.rejected = { rows[$0] ?? [] }
        var changes: [(table: Int, sql: String)] = []
        for (number, planned) in plan.tables.enumerated() {
            let name = planned.load.target.name
            let hard = some.first { tables.names[$0.name] == name }!
            let error = result.tables[number].error
            #expect(error == nil, "\(hard)")
            guard error == nil else { continue }
            let found = Dictionary(try target.rows(name).map { ($0[0] ?? "", $0[1]) }, uniquingKeysWith: { $1 })
            let expected = hard.expected(in: system)
            for (row, value) in expected.enumerated() {
                let actual: Hard.Value = found["\(row)"].map { $0.map { .text($0) } ?? .null } ?? .rejected
                #expect(hard.canonical(actual) == hard.canonical(value), "\(hard): \(hard.values[row].sql)")
            }
            let kept = rejected.filter { $0.table == number }
            #expect(kept.count == expected.count { $0 == .rejected }, "\(hard)")
            for row in kept { #expect(!row.row.reason.isEmpty && !row.row.values.isEmpty, "\(hard)") }
            #expect(result.tables[number].tally.read == expected.count && result.tables[number].tally.balances, "\(hard)")
            let finding = try verification.compare(number)
            #expect(finding.verdict == .equal && finding.rejected == kept.count, "\(hard): \(finding)")
            if let change = change(of: hard, in: system, name) { changes.append((number, change)) }
        }
        // What is changed in the target is found.
        if !changes.isEmpty { try target.run(changes.map(\.sql).joined()) }
        for (number, sql) in changes {
            let finding = try verification.compare(number)
            #expect(finding.verdict == .different, "\(sql): \(finding)")
        }
    }
}

/// Of the rows that arrived, one takes another's value, or none.
private func change(of hard: Hard, in target: System, _ table: String) -> String? {
    let texts = hard.expected(in: target).map(hard.canonical)
    func isValue(_ row: Int) -> Bool { texts[row] != .rejected && texts[row] != .null }
    guard System.engines.contains(target), let row = texts.indices.first(where: isValue) else { return nil }
    let other = texts.indices.last { isValue($0) && texts[$0] != texts[row] }
    let value = other.map { "(SELECT v FROM (SELECT id, v FROM \(table)) AS o WHERE id = \($0))" } ?? "NULL"
    let mode = target == .mysql ? "SET sql_mode = REPLACE(@@sql_mode, 'NO_ZERO', '');\n" : ""
    return "\(mode)UPDATE \(table) SET v = \(value) WHERE id = \(row);\n"
}
