import ApusCore
import ApusTesting
import Testing

/// Every hard value of every source arrives in every target as what it is, or is refused with a reason.
@Suite struct ValueTests {
    @Test(.requires(.postgres), arguments: Hard.postgres, System.allCases)
    func `a value of PostgreSQL arrives as what it is`(_ hard: Hard, _ target: System) throws {
        try check(hard, in: try HardTables.postgres.get(), target)
    }

    @Test(arguments: Hard.sqlite, System.allCases)
    func `a value of SQLite arrives as what it is`(_ hard: Hard, _ target: System) throws {
        try check(hard, in: try HardTables.sqlite.get(), target)
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
            sql += "CREATE TABLE h\(number) (id int NOT NULL PRIMARY KEY, v \(hard.type));\n"
            for (id, value) in hard.values.enumerated() { sql += "INSERT INTO h\(number) VALUES (\(id), \(value.sql));\n" }
        }
        self.names = names
        try place.run(sql)
    }

    static let postgres = Result { try HardTables(.postgres, Hard.postgres, before: Hard.postgresTypes) }
    static let sqlite = Result { try HardTables(.sqlite, Hard.sqlite) }
}

/// One database of each server receives all tables; files get a folder of their own.
private let sharedTargets: [System: Result<Place, any Error>] = Dictionary(
    uniqueKeysWithValues: System.servers.map { system in (system, Result { try targetPlace(system) }) })

private func targetPlace(_ system: System) throws -> Place {
    let place = try Place(system)
    if system == .postgres { try place.run(Hard.postgresTypes) }
    return place
}

private func check(_ hard: Hard, in tables: HardTables, _ system: System) throws {
    let source = tables.place
    let name = try #require(tables.names[hard.name])
    let target = try sharedTargets[system]?.get() ?? Place(system)
    let table = "from_\(source.system.rawValue)_\(name)"
    var pipeline = try Pipeline(source, source.url(hard.options), target, target.url(system == .json ? "binary=hex" : ""))
    pipeline.flow.limits.badRows = nil
    pipeline.take(name) { $0.to = table }
    if hard.refused.contains(system) {
        let error = fault { try pipeline.run() }
        #expect(error?.code == .unsupported)
        return
    }
    let id = RunID.make()
    let result = try pipeline.run(id: id)
    let error = result.tables[0].error
    #expect(error == nil)
    guard error == nil else { return }

    let rows = try target.rows(table)
    let found = Dictionary(rows.map { ($0[0] ?? "", $0[1]) }, uniquingKeysWith: { $1 })
    let expected = hard.expected(in: system)
    for (row, value) in expected.enumerated() {
        let actual: Hard.Value = found["\(row)"].map { $0.map { .text($0) } ?? .null } ?? .rejected
        #expect(hard.canonical(actual) == hard.canonical(value), "row \(row): \(hard.values[row].sql)")
    }
    let rejected = try pipeline.ledger.rejected(run: id)
    #expect(rejected.count == expected.count { $0 == .rejected })
    for row in rejected { #expect(!row.row.reason.isEmpty && !row.row.values.isEmpty) }
    #expect(result.tally.read == expected.count && result.tally.balances)
}
