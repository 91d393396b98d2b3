import ApusCore
import ApusTesting
import Glibc
import Tabular
import Testing

@testable import StarRocksConnector

/// A database of its own on a double, and rows to load into it.
struct LoadDesk {
    let double: StarRocksDouble
    let database: String
    let settings: [String]

    init(_ double: StarRocksDouble, settings: [String] = []) throws {
        self.double = double
        self.settings = settings
        database = try double.makeDatabase()
    }

    init(_ profile: StarRocksDouble.Profile = .v3_3, settings: [String] = []) throws {
        try self.init(.shared(profile), settings: settings)
    }

    var connector: any Connector { double.options.profile.isDoris ? DorisConnector() : StarRocksConnector() }

    func open(_ more: [String] = [], frontends: [String] = ["fe1", "fe2"]) throws -> StarRocksSession {
        let url = try double.url(database: database, frontends: frontends, settings: ["connect_timeout=1s"] + settings + more)
        return try connector.open(Endpoint(ConnectionURL(parsing: url), connector), interrupt: Interrupt()) as! StarRocksSession
    }

    func run(_ sql: String) throws { try double.execute(sql, database: database) }
    func value(_ sql: String) throws -> String { try double.query(sql, database: database).first?.first ?? "" }
    func rows(_ table: String = "t") throws -> [[String]] { try double.rows(of: table, database: database) }

    /// The suite's usual table, with a model and what follows it.
    func makeTable(_ name: String = "t", model: String = "DUPLICATE KEY(id)", rest: String = "") throws {
        try run(
            """
            CREATE TABLE \(name) (id bigint NOT NULL, n int NULL, name varchar(60) NULL, amount decimal(12,2) NULL, day date NULL, at datetime NULL) \
            \(model) \(rest) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ("replication_num" = "1")
            """)
    }

    func load(
        _ session: StarRocksSession, _ table: String = "t", mode: LoadMode = .append, key: [String] = [], run: String = "run-1",
        columns: [String]? = nil, exists: Bool = true, slices: Int = 1
    ) throws -> Load {
        let shape = try session.describe(TableName(table))
        return Load(
            runID: run, table: 0, shape: shape, exists: exists,
            columns: columns ?? shape.columns.filter { !$0.generated }.map(\.name), mode: mode, key: key, slices: slices)
    }
}

/// Rows of the usual table, made of their number.
enum UsualRow {
    static let names = [
        "plain", "", "it's \"quoted\"", "tab\tand\nline", "comma, semicolon; \u{1} \\ back", "雨燕 😀", "trailing \\", "\r\n", "\"",
        " blanks ",
    ]

    static func texts(_ id: Int) -> [String?] {
        let cents = id * 37 % 100_000
        let day = Temporal.date(ofDays: Int64(id % 20_000))
        func two(_ value: Int) -> String { (value < 10 ? "0" : "") + String(value) }
        let date = "\(day.year)-\(two(day.month))-\(two(day.day))"
        return [
            String(id), id % 7 == 0 ? nil : String(id * 13 % 1_000_003),
            id % 11 == 0 ? nil : names[id % names.count] + (id % 3 == 0 ? String(id) : ""),
            "\(cents / 100).\(two(cents % 100))", date, date + " 01:02:03.\(100_000 + id % 900_000)",
        ]
    }

    /// As ``StarRocksDouble/rows(of:database:columns:where:)`` gives them.
    static func expected(_ ids: some Sequence<Int>) -> [[String]] {
        ids.map { texts($0).map { $0.map { "v" + $0 } ?? "n" } }
            .sorted { $0.lexicographicallyPrecedes($1) { $0.utf8.lexicographicallyPrecedes($1.utf8) } }
    }

    /// Batches of the schema that a sink accepts.
    static func batches(_ ids: some Sequence<Int>, _ schema: Schema, rows: Int = 1000) -> [Batch] {
        var found: [Batch] = []
        var position = 0
        for id in ids {
            if found.last.map({ $0.rowCount == rows }) ?? true {
                found.append(Batch(schema: schema, rowCapacity: rows))
                found.last!.firstRow = position
            }
            append(texts(id), to: found.last!)
            position += 1
        }
        return found
    }

    /// A row of texts, cast to the batch's types.
    static func append(_ texts: [String?], to batch: Batch) {
        let source = Batch(schema: Schema(batch.schema.columns.map { Column($0.name, .text, nullable: true) }), rowCapacity: 1)
        for (index, text) in texts.enumerated() {
            if let text { source.columns[index].append(text) } else { source.columns[index].appendNull() }
        }
        source.endRow(bytes: 100)
        for index in texts.indices {
            Cast(from: .text, to: batch.schema[index].type)!.apply(
                from: source.columns.baseAddress! + index, to: batch.columns.baseAddress! + index, rows: 1
            ) { _, reason in Issue.record("\(texts): \(reason)") }
        }
        batch.endRow(bytes: 100)
    }
}

/// Loads slices as the engine does: again after what passes, with care after a refused row, in another form where one is asked for.
struct SliceRunner {
    let session: StarRocksSession
    let load: Load
    var attempts = 5
    private(set) var rejected: [RejectedRow] = []
    private(set) var failures: [ApusError] = []

    init(_ session: StarRocksSession, _ load: Load) {
        self.session = session
        self.load = load
    }

    /// - throws: the error of the last attempt.
    @discardableResult
    mutating func run(_ slice: Int, batches: (Schema) -> [Batch]) throws -> SliceMark {
        var attempt = 1
        var careful = false
        // Of the last attempt: when its commit counts after all, so do they.
        var last: [RejectedRow] = []
        while true {
            do {
                let writer = try session.writer(load)
                defer { writer.close() }
                let all = batches(try session.accepts(load))
                var bad: [RejectedRow] = []
                do {
                    if let mark = try writer.begin(Slice(id: slice, bounds: .all), careful: careful) {
                        rejected += last
                        return mark
                    }
                    for batch in all { bad += try writer.write(batch) }
                    last = bad
                    let written = try writer.flush()
                    let read = all.reduce(0) { $0 + $1.rowCount }
                    guard written + bad.count == read else {
                        throw ApusError(.countMismatch, "\(read) read, \(written) written, \(bad.count) rejected")
                    }
                    let mark = SliceMark(slice: slice, read: read, written: written, rejected: bad.count)
                    try writer.commit(mark)
                    rejected += bad
                    return mark
                } catch {
                    writer.abort()
                    throw error
                }
            } catch let error as ApusError {
                if error.code == .formChanged { continue }
                failures.append(error)
                if error.code == .rowRejected, !careful {
                    careful = true
                } else if error.isTransient, attempt < attempts {
                    attempt += 1
                    usleep(100_000)
                } else {
                    throw error
                }
            }
        }
    }
}
