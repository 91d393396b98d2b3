import ApusCore
import Tabular

/// Rejected rows of a run as a source: what `apus retry-rejected` loads from.
///
/// A table's rows carry the columns that its target takes, in the types that its source had, parsed from the JSON
/// lines that the ledger kept. A row that the source could not even parse has no columns and stays in the ledger.
public struct RejectedRows: Connector {
    /// One table of the earlier run.
    public struct Table: Sendable {
        public var planned: PlannedTable
        /// In the earlier plan.
        public var number: Int
        /// The slices that have rejected rows.
        public var parts: [(slice: Int, count: Int)]
        let run: String
        let ledger: any Ledger

        public init(planned: PlannedTable, number: Int, parts: [(slice: Int, count: Int)], run: String, ledger: any Ledger) {
            self.planned = planned
            self.number = number
            self.parts = parts
            self.run = run
            self.ledger = ledger
        }

        /// The rows in their order, a page at a time: `body` gets where a page stands among all of the table's.
        public func eachPage(_ body: (_ slice: Int, _ position: Int, [(sequence: Int, row: RejectedRow)]) throws -> Void) throws {
            var cursor = Cursor(self)
            var position = 0
            while let (slice, page) = try cursor.next() {
                try body(slice, position, page)
                position += page.count
            }
        }
    }

    /// Goes through a table's rejected rows.
    struct Cursor {
        private let table: Table
        private var part = 0
        private var after = -1

        init(_ table: Table) { self.table = table }

        mutating func next() throws -> (slice: Int, page: [(sequence: Int, row: RejectedRow)])? {
            while part < table.parts.count {
                let slice = table.parts[part].slice
                let page = try table.ledger.rejected(
                    run: table.run, table: table.number, slice: slice, after: after, limit: RejectedRow.page)
                if let last = page.last {
                    after = last.sequence
                    return (slice, page)
                }
                part += 1
                after = -1
            }
            return nil
        }
    }

    public let tables: [Table]
    public init(_ tables: [Table]) { self.tables = tables }

    public var name: String { "rejected" }
    public var title: String { "Rejected rows" }
    public var schemes: [String] { ["rejected"] }
    public var settings: [Setting] { [] }
    public var example: String { "rejected:run-id" }
    public var abilities: Abilities {
        var abilities = Abilities()
        abilities.writes = false
        abilities.sql = false
        return abilities
    }

    public func open(_ endpoint: Endpoint, interrupt: Interrupt) throws -> any Session {
        RejectedRowsSession(tables, interrupt)
    }

    /// A plan that loads them: one slice a table, rows added or, where the run changed rows by key, changed by key.
    public func plan(like plan: Plan, runID: String) -> Plan {
        var copy = plan
        copy.name = "rejected rows of \(runID)"
        copy.from = .init(connector: name, reference: "rejected:\(runID)")
        copy.others = []
        copy.before = []
        copy.after = []
        copy.consistentSnapshot = false
        copy.limits.badRows = nil
        copy.tables = tables.enumerated().map { index, table in
            var planned = table.planned
            planned.reads = [planned.read]
            planned.read.source = 0
            planned.read.isVerbatim = false
            planned.read.relation = .table(TableName("\(index)"))
            planned.read.filters = []
            planned.read.key = []
            planned.read.schema = Schema(planned.read.schema.columns.map { Column($0.name, Self.textual($0.type)) })
            planned.slices = [Slice(id: 0, bounds: .all, rows: table.parts.reduce(0) { $0 + $1.count })]
            planned.load.slices = 1
            planned.load.exists = true
            planned.load.create = .require
            if planned.load.mode != .upsert { planned.load.mode = .append }
            planned.load.withIndexes = false
            planned.load.withForeignKeys = false
            planned.watermark = nil
            planned.before = []
            planned.after = []
            planned.ddl = []
            planned.findings = []
            return planned
        }
        return copy
    }

    /// JSON gives text; octets are hexadecimal there and are decoded on the way.
    private static func textual(_ type: ColumnType) -> ColumnType {
        if case .bytes = type { type } else { .text }
    }
}

final class RejectedRowsSession: Source {
    let interrupt: Interrupt
    private let all: [RejectedRows.Table]

    init(_ tables: [RejectedRows.Table], _ interrupt: Interrupt) {
        all = tables
        self.interrupt = interrupt
    }

    var banner: String { "Rejected rows" }
    func tables(schema: String?) throws -> [TableSummary] { [] }
    func describe(_ table: TableName) throws -> TableShape {
        throw ApusError(.notFound, "rejected rows have no catalogue")
    }
    func close() {}
    func slices(of read: Read, wish: SliceWish) throws -> [Slice] { [Slice(id: 0, bounds: .all)] }

    func reader(_ read: Read, _ slice: Slice, wire: [WireFormat]) throws -> any Reader {
        guard case .table(let name) = read.relation, let index = Int(name.name), all.indices.contains(index) else {
            throw ApusError(.internalFault, "no such table of rejected rows")
        }
        return RejectedRowsReader(all[index], read.schema)
    }
}

final class RejectedRowsReader: Reader {
    private let table: RejectedRows.Table
    private let schema: Schema
    private var cursor: RejectedRows.Cursor
    private var page: ArraySlice<(sequence: Int, row: RejectedRow)> = []
    private(set) var rowsRead = 0
    var wire: WireFormat? { nil }

    init(_ table: RejectedRows.Table, _ schema: Schema) {
        self.table = table
        self.schema = schema
        cursor = RejectedRows.Cursor(table)
    }

    func read(into batch: Batch) throws -> Bool {
        while !batch.isFull {
            if page.isEmpty {
                guard let next = try cursor.next() else { return false }
                page = next.page[...]
            }
            let row = page.removeFirst().row
            rowsRead += 1
            if !append(row, to: batch) {
                batch.dropUnfinishedRow()
                batch.rejected.append(
                    RejectedRow(
                        row: rowsRead - 1, column: row.column,
                        reason: "the row was never parsed, only its raw text was kept: \(row.reason)", values: row.values))
            }
        }
        return true
    }

    /// A row was kept under the names of the source's columns or of the target's, whichever side rejected it.
    private func append(_ row: RejectedRow, to batch: Batch) -> Bool {
        guard let members = RowJSON.parse(row.values) else { return false }
        let values = Dictionary(members.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        let names = [schema.names, table.planned.load.columns].first { $0.allSatisfy { values.keys.contains($0) } }
        guard let names else { return false }
        for (index, name) in names.enumerated() {
            guard let value = values[name] ?? nil else {
                batch.columns[index].appendNull()
                continue
            }
            if case .bytes = schema[index].type {
                guard let octets = Hex.octets(value) else { return false }
                octets.withUnsafeBufferPointer { bytes in
                    bytes.baseAddress.map { batch.columns[index].append($0, count: bytes.count) } ?? batch.columns[index].append("")
                }
            } else {
                batch.columns[index].append(value)
            }
        }
        batch.endRow(bytes: row.values.utf8.count)
        return true
    }

    func close() {}
}

enum Hex {
    /// The octets of `\x0aFF`; nil when the text is not that.
    static func octets(_ text: String) -> [UInt8]? {
        guard text.hasPrefix("\\x") else { return nil }
        let digits = Array(text.utf8.dropFirst(2))
        guard digits.count.isMultiple(of: 2) else { return nil }
        var octets: [UInt8] = []
        octets.reserveCapacity(digits.count / 2)
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = Character(Unicode.Scalar(digits[index])).hexDigitValue,
                let low = Character(Unicode.Scalar(digits[index + 1])).hexDigitValue
            else { return nil }
            octets.append(UInt8(high << 4 | low))
        }
        return octets
    }
}
