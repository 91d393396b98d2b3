import ApusCore
import Synchronization
import Tabular

/// Reads the tables of a plan on both sides and compares their values: what the target holds must be what the mapping
/// makes of the source's rows (``ComparedRows``).
public struct Verification: Sendable {
    /// What was found of a table.
    public struct Finding: Sendable, Hashable {
        public enum Verdict: String, Sendable {
            case equal, different
            /// There is no such table on one side.
            case missing
            /// One side could not be read.
            case unreadable
            case skipped
        }
        public var table: String
        public var target: String
        public var verdict: Verdict
        /// Rows that the source gave.
        public var sourceRows = 0
        /// Those of them that a run rejects: because the target's types cannot hold them, or because the ledger says so.
        public var rejected = 0
        public var targetRows = 0
        /// Why the table, or a column of it, was not compared, and what was.
        public var note: String?

        mutating func add(note what: String) { note = note.map { "\($0), \(what)" } ?? what }
    }

    let plan: Plan
    let sources: [Connections]
    let to: Connections
    let interrupt: Interrupt
    /// Target columns that are not compared.
    public var except: Set<String> = []
    /// The rows of a table that the run rejected, by its position in the plan: they are not in the target. Nil where no
    /// ledger is asked.
    public var rejected: (@Sendable (Int) throws -> [RejectedRow])?
    /// Rows that are kept in memory to be looked for in the target; of larger tables both sides are read several times.
    public var mostInMemory = 2_000_000

    public init(_ plan: Plan, from sources: [Connections], to: Connections, interrupt: Interrupt) {
        self.plan = plan
        self.sources = sources
        self.to = to
        self.interrupt = interrupt
    }

    /// One table of the plan. What is wrong with the table alone is part of the finding.
    /// - throws: `connection.*`, `run.cancelled`: what would be wrong with the next table too.
    public func compare(_ index: Int) throws -> Finding {
        let table = plan.tables[index]
        var finding = Finding(table: table.name, target: table.load.target.description, verdict: .skipped)
        if let fault = table.pending == nil ? nil : table.fault {
            finding.verdict = .unreadable
            finding.note = "was not loaded: \(fault.message)"
            return finding
        }
        do {
            try fill(&finding, table, index)
        } catch let fault as Fault {
            if fault.error.endsAll { throw fault.error }
            let isMissing = try isMissing(fault, table)
            finding.verdict = isMissing ? .missing : .unreadable
            let side = fault.side.rawValue
            finding.note =
                isMissing
                ? "the \(side) has no such table, or does not show it to this user" : "the \(side): \(Self.words(of: fault.error))"
        } catch {
            let error = ApusError(wrapping: error)
            if error.endsAll { throw error }
            finding.verdict = .unreadable
            finding.note = Self.words(of: error)
        }
        return finding
    }

    /// The message, and what the server said.
    private static func words(of error: ApusError) -> String {
        Masking.mask(error.message + (error.underlying.map { " (\($0))" } ?? ""))
    }

    /// Whether it is the table that was not found, and not something in it.
    private func isMissing(_ fault: Fault, _ table: PlannedTable) throws -> Bool {
        guard fault.error.code == .notFound else { return false }
        func lacks(_ end: Connections, _ name: TableName) throws -> Bool {
            try end.reading(interrupt) { source in
                do { return try source.find(name) == nil } catch let error as ApusError where !error.endsAll { return false }
            }
        }
        if fault.side == .target { return try lacks(to, table.load.target) }
        return try table.reads.contains { read in
            guard case .table(let name) = read.relation else { return false }
            return try lacks(sources[read.source], name)
        }
    }

    private func fill(_ finding: inout Finding, _ table: PlannedTable, _ index: Int) throws {
        if let operation = to.connector.abilities.operationColumn, table.load.columns.contains(operation) {
            finding.note = "its rows say what is deleted"
            return
        }
        guard to.connector.abilities.reads else {
            finding.note = "\(to.connector.title) cannot be read"
            return
        }
        let unsteady = unsteadyColumns(of: table)
        let places = table.load.columns.indices.filter { !unsteady.contains($0) }
        guard !places.isEmpty else {
            finding.note = "every column changes with each read"
            return
        }
        if !unsteady.isEmpty { finding.add(note: "without " + unsteady.sorted().map { table.load.columns[$0] }.joined(separator: ", ")) }
        let part = try part(of: table)
        if let what = part.note { finding.add(note: what) }
        let mapping = try Fault.attempt(.target) { try Mapping(of: table, places, plan, to, interrupt) }
        var known = KnownRejections(try rejected?(index) ?? [])
        if part.isContained {
            try contain(table, mapping, &known, &finding)
        } else {
            try compare(table, mapping, part, &known, &finding)
        }
        if finding.verdict == .different, rejected == nil, finding.targetRows < finding.sourceRows - finding.rejected {
            finding.add(note: "rows that the target refused count as missing, unless a run is named by its id")
        }
    }

    /// All rows of both sides, each read on a connection and a thread of its own.
    private func compare(
        _ table: PlannedTable, _ mapping: Mapping, _ part: Part, _ known: inout KnownRejections, _ finding: inout Finding
    ) throws {
        let (sourceEnd, targetEnd) = (OpenEnd(), OpenEnd())
        let target = Outcome()
        let lane = Lane { [to, interrupt] in
            target.attempt(.target, orEnd: sourceEnd) {
                let total = try to.reading(interrupt, targetEnd) { source in
                    var total = Outcome.Total()
                    var read = mapping.held
                    if let filter = part.filter(source) { read.filters = [filter] }
                    let rows = try mapping.targetRows()
                    total.refused = try Self.digest(read, [Slice(id: 0, bounds: .all)], from: source, rows, into: &total.digest)
                    return total
                }
                $0 = total
            }
        }
        let source = Outcome()
        source.attempt(.source, orEnd: targetEnd) { total in
            for (number, read) in table.reads.enumerated() {
                try sources[read.source].reading(interrupt, sourceEnd) { session in
                    let rows = try mapping.sourceRows(read, known)
                    let slices = table.slices.filter { $0.read == number }
                    total.refused += try Self.digest(read, slices, from: session, rows, into: &total.digest)
                    known = rows.known
                }
            }
        }
        lane.join()
        let (given, found) = try Outcome.both(source, target)
        finding.rejected = given.refused
        finding.sourceRows = given.digest.rows + given.refused
        finding.targetRows = found.digest.rows + found.refused
        let isEqual = found.refused == 0 && given.digest.rows == found.digest.rows && given.digest.sum == found.digest.sum
        finding.verdict = isEqual ? .equal : .different
    }

    /// - returns: rows that are not in the digest.
    private static func digest(
        _ read: Read, _ slices: [Slice], from source: any Source, _ rows: ComparedRows, into digest: inout RowDigest
    ) throws -> Int {
        try walk(
            read, slices, from: source, rows, part: RowDigest(),
            add: { part, batch in part.add(batch, by: rows.hasher) },
            take: { part in digest.merge(part) })
    }

    /// Reads slices. What `add` makes of a slice's batches is taken when the slice has ended, so that a slice whose read
    /// times out can be read again in halves.
    /// - returns: rows that the target does not hold, because it cannot or because they were rejected.
    static func walk<Part>(
        _ read: Read, _ slices: [Slice], from source: any Source, _ rows: ComparedRows, part empty: @autoclosure () -> Part,
        add: (inout Part, Batch) -> Void, take: (Part) -> Void
    ) throws -> Int {
        let batch = Batch(schema: read.schema)
        var refused = 0
        var left = Array(slices.reversed())
        while let slice = left.popLast() {
            var part = empty()
            var lost = 0
            let known = rows.known
            do {
                let reader = try source.reader(read, slice, wire: [])
                defer { reader.close() }
                var goesOn = true
                while goesOn {
                    batch.reset()
                    goesOn = try reader.read(into: batch)
                    let ready = try rows.apply(batch)
                    lost += ready.rejected.count
                    add(&part, ready)
                }
            } catch let error as ApusError where error.code == .timeout {
                guard let halves = try source.halves(of: slice, in: read), halves.count > 1 else { throw error }
                rows.known = known
                left += halves.reversed().map { Slice(id: slice.id, read: slice.read, bounds: $0, rows: nil) }
                continue
            }
            refused += lost
            take(part)
        }
        return refused
    }

    // MARK: Unsteady columns

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
}
