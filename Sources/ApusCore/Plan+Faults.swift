extension PlannedTable {
    /// What a table that cannot be loaded is planned from again when its run is resumed.
    public struct Pending: Sendable, Hashable, Codable {
        /// With what the flow says of every table.
        public var wish: TableWish
        /// The source's own table; nil = a query, or several places together.
        public var table: TableName?
        public var target: TableName
        /// See ``Flow/strict``.
        public var isStrict: Bool
        /// See ``Flow/createsSchemas``.
        public var createsSchemas: Bool
        /// Whether columns and slices are known; else the plan has only the table's name.
        public var isPlanned: Bool

        public init(_ wish: TableWish, table: TableName?, target: TableName, of flow: Flow, isPlanned: Bool) {
            self.wish = wish
            self.table = table
            self.target = target
            isStrict = flow.strict
            createsSchemas = flow.createsSchemas
            self.isPlanned = isPlanned
        }
    }

    /// Why the table cannot be loaded; nil when it can.
    public var fault: ApusError? {
        let errors = findings.filter { $0.severity == .error }
        guard let first = errors.first else { return nil }
        let lines = errors.map { ($0.column.map { "\($0): " } ?? "") + $0.message }
        return ApusError(
            first.code, lines.count == 1 ? lines[0] : "\(lines.count) faults:\n" + lines.joined(separator: "\n"),
            hint: errors.lazy.compactMap(\.hint).first)
    }
}

extension Plan {
    /// Whether at least one table can be loaded, and nothing concerns all of them.
    public var canRun: Bool { (findings ?? []).allSatisfy { $0.severity != .error } && tables.contains { $0.fault == nil } }

    /// The tables that fail when the plan is run.
    public var faultyTables: [PlannedTable] { tables.filter { $0.fault != nil } }

    /// What is said of them when the others are loaded.
    public var faultyText: String {
        "\(faultyTables.count) of \(tables.count) tables cannot be loaded; the others are loaded. Why:\n  "
            + faultLines(strict: false).map(\.text).joined(separator: "\n  ")
            + (Advice.plan().map { "\n  \($0) shows the whole plan." } ?? "")
    }

    /// Every fault with its table and column, and what to do about it.
    func faultLines(strict: Bool) -> [(code: ApusError.Code, text: String)] {
        func isFault(_ finding: Finding) -> Bool { finding.severity == .error || (strict && finding.code == .lossyMapping) }
        func line(_ place: String, _ finding: Finding) -> (ApusError.Code, String) {
            (finding.code, place + finding.message + (finding.hint.map { " \u{2192} \($0)" } ?? ""))
        }
        return (findings ?? []).filter(isFault).map { line("", $0) }
            + tables.flatMap { table in
                table.findings.filter(isFault).map { line("\(table.name)\($0.column.map { ".\($0)" } ?? ""): ", $0) }
            }
    }

    /// All faults of this plan as one error; nil when every table can be loaded.
    public func fault(strict: Bool) -> ApusError? {
        let lines = faultLines(strict: strict)
        guard let first = lines.first else { return nil }
        // What does not pass by itself decides.
        let code = lines.first { !ApusError($0.code, "").isTransient }?.code ?? first.code
        return ApusError(
            code,
            lines.count == 1 ? first.text : "\(lines.count) faults in the plan:\n  " + lines.map(\.text).joined(separator: "\n  "),
            hint: (Advice.plan().map { "\($0) shows the whole plan; nothing" } ?? "Nothing") + " has been moved.")
    }
}
