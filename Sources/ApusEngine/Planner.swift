import ApusCore
import Tabular

/// Resolves a flow into a plan: opens both sides, asks their catalogues, maps columns, cuts slices. Nothing is
/// changed anywhere.
///
/// Faults of a table become findings of its plan, so that all of them are seen at once; only what concerns the whole
/// (an end that cannot be reached, no table at all) is thrown.
public final class Planner {
    let flow: Flow
    /// By position as in ``Flow/sources``.
    let sources: [Connections]
    let to: Connections
    let watermark: (_ key: String) throws -> String?
    let interrupt: Interrupt
    /// Leaves the connections open in ``connections``, for the run that follows.
    public var keepsConnections = false
    public private(set) var connections: OpenConnections?
    /// Names or patterns: of the tables that the flow means, only those are planned.
    public var only: [TablePattern]?
    /// Where incremental loads begin, in the place of what is remembered: `all`, `last` or a value.
    public var start: String?
    var watermarkStart: WatermarkStart.Choice? { start.map(WatermarkStart.Choice.init) }
    /// Of the last plan: patterns that meant nothing.
    public internal(set) var warnings: [String] = []
    /// Of the last plan: between instants and wall clocks.
    private(set) var zone = Zone.utc
    /// Told the name of each table as it is planned, for progress.
    public var onTable: (_ name: String, _ number: Int, _ count: Int) -> Void = { _, _, _ in }

    /// The tables of the first source that the flow reads as tables of their own.
    private(set) var taken: Set<TableName> = []
    /// By the table: those that inherit from it.
    var children: [TableName: [TableName]] = [:]

    /// Connections to ``sources`` as they are needed; the first is open from the beginning.
    private var opened: [Int: any Source] = [:]

    public init(
        _ flow: Flow, from sources: [Connections], to: Connections, interrupt: Interrupt,
        watermark: @escaping (_ key: String) throws -> String?
    ) {
        self.flow = flow
        self.sources = sources
        self.to = to
        self.interrupt = interrupt
        self.watermark = watermark
    }

    /// - throws: `connection.*`, `object.not_found` when nothing matches, `unsupported`.
    public func plan() throws -> Plan {
        let source = try source(0)
        var isHanded = false
        var isSound = false
        defer {
            for (number, source) in opened where number > 0 || !isHanded {
                sources[number].release(source: source, isSound: isSound)
            }
            opened = [:]
        }
        let sink = try to.sink(interrupt.child())
        defer { if !isHanded { to.release(sink: sink, isSound: isSound) } }
        try sink.checkReach()
        let selection = try SourceTables(flow, in: source)
        warnings = selection.warnings
        taken = Set(selection.items.compactMap(\.table))
        let runZone = try runZone(source, sink)
        zone = try runZone.rules()
        let selected = selection.items.filter(isWanted)
        guard !selected.isEmpty else {
            throw ApusError(
                .notFound, "none of the flow's tables is meant by --only",
                hint: "The flow has \(selection.items.prefix(8).map(\.name).joined(separator: ", ")).")
        }
        var tables: [PlannedTable] = []
        var standing: [[ForeignKeyShape]] = []
        for (number, selection) in selected.enumerated() {
            try interrupt.check()
            onTable(selection.name, number, selected.count)
            var planner = TablePlanner(self, selection, sink)
            var table: PlannedTable
            do { table = try planner.plan(index: number) } catch var error as ApusError where error.code != .cancelled {
                error.message = "planning \(selection.name): \(error.message)"
                throw error
            }
            table.load.withForeignKeys = selection.wish.withForeignKeys ?? false
            tables.append(table)
            standing.append(planner.standing)
        }
        isSound = true
        ForeignKeyNames.translate(&tables)
        if to.connector.abilities.declaresTables, let dialect = sink.serverDialect ?? to.connector.dialect {
            try SharedNames(sink: sink, dialect: dialect).settle(&tables)
            for index in tables.indices { tables[index].ddl = Self.ddl(tables[index].load, dialect) }
        }
        ForeignKeyOrder.arrange(&tables, standing)
        try findEqualTargets(&tables, sink)
        findOrphans(&tables)
        let schemas = try findMissingSchemas(&tables, sink)
        tables[0].findings += try faults(of: flow.before, "before", sink) + faults(of: flow.after, "after", sink)
        if keepsConnections {
            connections = OpenConnections(source: source, sink: sink)
            isHanded = true
        }
        func end(_ connections: Connections, _ connection: Flow.Connection) -> Plan.End {
            Plan.End(connector: connections.connector.name, reference: connection.reference, zone: connections.endpoint.zone)
        }
        var plan = Plan(
            name: flow.name, from: end(sources[0], flow.from), others: zip(sources, flow.sources).dropFirst().map(end),
            to: end(to, flow.to), tables: tables, limits: flow.limits, before: flow.before, after: flow.after,
            consistentSnapshot: flow.consistentSnapshot)
        plan.zone = runZone
        plan.schemas = schemas.isEmpty ? nil : schemas
        return plan
    }

    private static func ddl(_ load: Load, _ dialect: any Dialect) -> [String] {
        guard !load.exists || load.create == .recreate else { return [] }
        return dialect.create(load.shape, as: load.target) + (load.withIndexes ? dialect.createIndexes(load.shape, on: load.target) : [])
            + (load.withForeignKeys ? dialect.createForeignKeys(load.shape, on: load.target) : [])
    }

    func source(_ number: Int) throws -> any Source {
        if let source = opened[number] { return source }
        let source = try sources[number].source(interrupt.child())
        opened[number] = source
        return source
    }

    private func isWanted(_ item: SourceTables.Item) -> Bool {
        guard let only else { return true }
        let name = item.table ?? TableName(item.name)
        return only.contains { $0.matches(name) || $0.matches(TableName(name.name)) }
    }

    /// Tables that inherit from one whose children are read by themselves, but which nobody reads.
    private func findOrphans(_ tables: inout [PlannedTable]) {
        for index in tables.indices {
            guard let read = tables[index].reads.first, read.withoutChildren == true, case .table(let name) = read.relation,
                let below = children[name]
            else { continue }
            let own = taken.intersection(below)
            let covered = own.union(own.flatMap { children[$0] ?? [] })
            for orphan in below where !covered.contains(orphan) {
                tables[index].findings.append(
                    Finding(
                        .warning, .lossyMapping,
                        "the rows of its child table \(orphan) are not copied: other child tables are copied by themselves, and this one is not among them"
                    ))
            }
        }
    }
}

extension Plan {
    /// Everything that forbids to run this plan, as one error; nil when it can run.
    public func fault(strict: Bool) -> ApusError? {
        var lines: [String] = []
        var code: ApusError.Code?
        for table in tables {
            for finding in table.findings where finding.severity == .error || (strict && finding.code == .lossyMapping) {
                lines.append("\(table.name)\(finding.column.map { ".\($0)" } ?? ""): \(finding.message)")
                if code == nil { code = finding.code }
            }
        }
        guard let code else { return nil }
        return ApusError(
            code, lines.count == 1 ? lines[0] : "\(lines.count) faults in the plan:\n  " + lines.joined(separator: "\n  "),
            hint: (Advice.plan().map { "\($0) shows the whole plan; nothing" } ?? "Nothing") + " has been moved.")
    }
}
