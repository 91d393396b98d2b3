import ApusCore

/// One worker of many that share a plan.
extension Runner {
    /// One slice of a plan, for a worker that other workers stand beside. Whoever commits a table's last slice
    /// finishes the table. A table that was planned without slices, because it was empty, counts as one.
    public struct Share: Sendable, Hashable {
        public let table: Int
        /// The slice's id; nil = the table has none.
        public let slice: Int?
        /// Seconds of silence after which another worker takes a claim over.
        public var lease = Share.lease

        /// Seconds.
        public static let lease = 30.0

        /// - parameter number: the position among all slices of all tables, in plan order.
        /// - throws: `config.invalid` when the plan has no such slice.
        public init(_ number: Int, of plan: Plan) throws {
            var left = number
            for (index, table) in plan.tables.enumerated() {
                if left >= 0, left < max(1, table.slices.count) {
                    self.table = index
                    slice = table.slices.isEmpty ? nil : table.slices[left].id
                    return
                }
                left -= max(1, table.slices.count)
            }
            throw ApusError(
                .configurationInvalid, "the plan has no slice \(number)", hint: "Its slices are 0 to \(Self.count(of: plan) - 1).")
        }

        /// How many workers a plan has work for.
        public static func count(of plan: Plan) -> Int { plan.tables.reduce(0) { $0 + max(1, $1.slices.count) } }
    }

    /// The work of one worker: what comes before all tables, its slice, and what comes after the last table, each of
    /// them by the first worker that gets to it.
    func run(_ share: Share) throws {
        guard let claims else {
            throw ApusError(
                .unsupported, "this ledger cannot be shared by several workers", hint: "Give --ledger a database or a SQLite file.")
        }
        if !plan.before.isEmpty { try claims.once("before") { try runStatements(plan.before, "before") } }
        // Also when the slice was loaded before: a worker may have died between its last slice and the table's end.
        let isNew = try claims.take(share.claim)
        try loadTables()
        let table = tables[share.table]
        guard table.status == .done, !interrupt.isFired else { return }
        if isNew { try claims.settle(share.claim) }
        let done = Set(try ledger.tables(run: runID).filter { $0.status == .done }.map(\.table))
        let hasEnd = !plan.after.isEmpty || plan.tables.contains { $0.load.withForeignKeys && !$0.load.shape.foreignKeys.isEmpty }
        if hasEnd, done.isSuperset(of: tables.map(\.index)) { try claims.once("after") { try end() } }
    }

    /// The slices of a table that are this worker's: its own, or the parts that an earlier try cut it into.
    func shareSlices(_ share: Share, of slices: [Slice]) -> [Slice] {
        slices.filter { $0.id == share.slice || share.parts.contains($0.id) }
    }
}

extension Runner.Share {
    /// The name of the slice among the run's claims.
    var claim: String { "slice \(table).\(slice ?? 0)" }

    /// The numbers that parts of this slice get when it has to be cut, apart from those of other workers' slices.
    var parts: Range<Int> {
        let first = 1_000_000 + (slice ?? 0) * 1000
        return first..<first + 1000
    }
}
