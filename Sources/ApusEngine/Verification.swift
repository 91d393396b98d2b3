import ApusCore
import Synchronization
import Tabular

/// Reads the tables of a plan on both sides and compares their values: what the target holds must be what the source
/// gives, cast to the target's types.
public struct Verification: Sendable {
    /// What was found of a table.
    public struct Finding: Sendable, Hashable {
        public enum Verdict: String, Sendable { case equal, different, skipped }
        public var table: String
        public var target: String
        public var verdict: Verdict
        /// Rows of the source that the target's types can hold.
        public var sourceRows = 0
        /// Rows that they cannot, and that a run rejects.
        public var unfit = 0
        public var targetRows = 0
        /// Why the table, or a column of it, was not compared.
        public var note: String?
    }

    let plan: Plan
    let sources: [Connections]
    let to: Connections
    let interrupt: Interrupt
    /// Target columns that are not compared.
    public var except: Set<String> = []

    public init(_ plan: Plan, from sources: [Connections], to: Connections, interrupt: Interrupt) {
        self.plan = plan
        self.sources = sources
        self.to = to
        self.interrupt = interrupt
    }

    /// One table. Both sides are read at once, each on a connection and a thread of its own.
    /// - throws: `connection.*`, `object.not_found`, and what a read throws.
    public func compare(_ table: PlannedTable) throws -> Finding {
        var finding = Finding(table: table.name, target: table.load.target.description, verdict: .skipped)
        guard table.transforms.isEmpty else {
            finding.note = "its rows are transformed on the way"
            return finding
        }
        if let operation = to.connector.abilities.operationColumn, table.load.columns.contains(operation) {
            finding.note = "its rows say what is deleted"
            return finding
        }
        guard to.connector.abilities.reads else {
            finding.note = "\(to.connector.title) cannot be read"
            return finding
        }
        let unsteady = unsteadyColumns(of: table)
        let places = table.load.columns.indices.filter { !unsteady.contains($0) }
        guard !places.isEmpty else {
            finding.note = "every column changes with each read"
            return finding
        }
        if !unsteady.isEmpty {
            finding.note = "without " + unsteady.sorted().map { table.load.columns[$0] }.joined(separator: ", ")
        }
        let part = try part(of: table)
        if let what = part.note { finding.note = finding.note.map { "\(what), \($0)" } ?? what }
        let zone = try plan.zone?.rules() ?? .utc
        let (schema, held) = try sides(table, places)
        if part.isContained { return try contain(table, places, schema, held, zone, finding) }
        let target = Side()
        let lane = Lane { [to, interrupt] in
            target.attempt {
                let source = try to.source(interrupt.child())
                defer { source.close() }
                var read = held
                if let filter = part.filter(source) { read.filters = [filter] }
                try $0.add(read, Array(places.indices), [Slice(id: 0, bounds: .all)], from: source, as: schema, zone)
            }
        }
        let source = Side()
        source.attempt { side in
            for (number, read) in table.reads.enumerated() {
                let session = try sources[read.source].source(interrupt.child())
                defer { session.close() }
                try side.add(read, places, table.slices.filter { $0.read == number }, from: session, as: schema, zone)
            }
        }
        lane.join()
        let (given, found) = (try source.result(), try target.result())
        finding.sourceRows = given.digest.rows
        finding.unfit = given.unfit
        finding.targetRows = found.digest.rows + found.unfit
        let isEqual = found.unfit == 0 && given.digest.rows == found.digest.rows && given.digest.sum == found.digest.sum
        finding.verdict = isEqual ? .equal : .different
        return finding
    }

    /// The schema to which both sides are cast, and the read of the target.
    private func sides(_ table: PlannedTable, _ places: [Int]) throws -> (schema: Schema, read: Read) {
        let sink = try to.sink(interrupt.child())
        defer { sink.close() }
        let accepted = try sink.accepts(table.load)
        let shape = try sink.describe(table.load.target)
        let names = places.map { table.load.columns[$0] }
        let columns = try names.map { name in
            guard let column = shape.column(name) else {
                throw ApusError(.notFound, "the target \(shape.name) has no column `\(name)` any more")
            }
            return Column(name, column.type, nullable: column.nullable)
        }
        var read = Read(relation: .table(table.load.target), items: names.map { Read.Item($0) }, schema: Schema(columns))
        if shape.children != nil, table.reads.first?.withoutChildren == true { read.withoutChildren = true }
        // What the source is cut by serves the target too, should its read time out; a NULL in a later column of a key
        // would fall between all ranges.
        for column in table.reads.first?.key ?? [] {
            guard let held = shape.column(column.name), read.key.isEmpty || !held.nullable else { break }
            read.key.append(Column(held.name, held.type, nullable: held.nullable))
        }
        return (Schema(places.map { accepted[$0] }), read)
    }

    /// Columns that are not compared: those that were excepted, and those whose SQL asks a clock, a counter or chance.
    private func unsteadyColumns(of table: PlannedTable) -> Set<Int> {
        Set(
            table.load.columns.indices.filter { place in
                except.contains(table.load.columns[place])
                    || table.reads.contains { $0.items.indices.contains(place) && Self.isUnsteady($0.items[place].expression) }
            })
    }

    private static func isUnsteady(_ expression: String?) -> Bool {
        guard let expression else { return false }
        let words = expression.lowercased().split { !($0.isLetter || $0.isNumber || $0 == "_") }
        if words.contains(where: { unsteady.contains(String($0)) }) { return true }
        // SQLite's clock is a text: datetime('now').
        return expression.lowercased().contains("'now'")
            && words.contains { ["datetime", "date", "time", "julianday", "unixepoch", "strftime"].contains($0) }
    }

    private static let unsteady: Set<String> = [
        "now", "sysdate", "current_timestamp", "current_date", "current_time", "localtimestamp", "localtime", "curdate", "curtime",
        "utc_timestamp", "utc_date", "utc_time", "unix_timestamp", "clock_timestamp", "statement_timestamp", "transaction_timestamp",
        "rand",
        "random", "uuid", "uuid_short", "gen_random_uuid", "nextval", "connection_id", "pg_backend_pid",
    ]

    /// The digest of one side.
    private final class Side: Sendable {
        struct Total {
            var digest = RowDigest()
            var unfit = 0

            /// `places` are the positions of the schema's columns among those of the read. A slice whose read times out is
            /// read in halves.
            mutating func add(_ read: Read, _ places: [Int], _ slices: [Slice], from source: any Source, as schema: Schema, _ zone: Zone)
                throws
            {
                let lost = try Verification.walk(
                    read, places, slices, from: source, as: schema, zone, part: RowDigest(),
                    add: { part, batch in
                        part.add(batch)
                        return true
                    },
                    take: { part in
                        digest.merge(part)
                        return true
                    })
                unfit += lost
            }
        }

        private let state = Mutex<(total: Total, error: ApusError?)>((Total(), nil))

        func attempt(_ body: (inout Total) throws -> Void) {
            var total = Total()
            do {
                try body(&total)
                let whole = total
                state.withLock { $0.total = whole }
            } catch {
                let fault = ApusError(wrapping: error)
                state.withLock { $0.error = fault }
            }
        }

        func result() throws -> Total {
            let (total, error) = state.withLock { $0 }
            if let error { throw error }
            return total
        }
    }
}
