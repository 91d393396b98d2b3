import ApusCore
import Tabular

/// An end that no connection could be made to.
struct EndFault: Error { let error: ApusError }

/// One bad table is one bad table.
extension Planner {
    /// Plans a table. What is wrong with it alone becomes its finding, unless it is the flow's only one.
    ///
    /// Whether a broken connection is the table's fault is found out by asking for another one: an end that gives none
    /// ends the plan; a table that breaks the second one too is a bad table.
    func plan(
        _ item: SourceTables.Item, index: Int, _ sink: inout any Sink, isAlone: Bool
    ) throws -> (table: PlannedTable, standing: [ForeignKeyShape]) {
        if let fault = item.fault { return (unplanned(item, index, fault), []) }
        var isSecond = false
        while true {
            var planner = TablePlanner(self, item, sink)
            do {
                var table = try planner.plan(index: index)
                table.load.withForeignKeys = item.wish.withForeignKeys ?? false
                return (table, planner.standing)
            } catch let fault as EndFault {
                throw fault.error.planning(item)
            } catch {
                let error = ApusError(wrapping: error)
                if error.code == .cancelled { throw error }
                if isAlone { throw error.planning(item) }
                guard error.endsAll else { return (unplanned(item, index, error), []) }
                do { try reconnect(&sink) } catch is EndFault { throw error.planning(item) }
                if isSecond { return (unplanned(item, index, error), []) }
                isSecond = true
            }
        }
    }

    private func reconnect(_ sink: inout any Sink) throws {
        try interrupt.check()
        let numbers = opened.keys.sorted()
        for number in numbers { sources[number].release(source: opened[number]!, isSound: false) }
        opened = [:]
        for number in numbers { _ = try source(number) }
        let fresh: any Sink
        do { fresh = try to.sink(interrupt.child()) } catch { throw EndFault(error: ApusError(wrapping: error)) }
        to.release(sink: sink, isSound: false)
        sink = fresh
    }

    /// All that the plan knows of a table that cannot be planned.
    private func unplanned(_ item: SourceTables.Item, _ index: Int, _ error: ApusError) -> PlannedTable {
        let relation: Read.Relation
        if let table = item.table {
            relation = .table(table)
        } else if case .query(let sql, _) = item.wish.subject {
            relation = .query(sql)
        } else {
            relation = .table(TableName(item.name))
        }
        let load = Load(
            runID: "", table: index, shape: TableShape(name: item.target, origin: to.connector.name, columns: []), exists: false,
            columns: [], mode: item.wish.mode ?? .replace, create: item.wish.create ?? .create, slices: 0)
        var table = PlannedTable(
            name: item.name, read: Read(relation: relation, items: [], schema: Schema([])), load: load, slices: [])
        table.findings = [error.finding]
        table.pending = PlannedTable.Pending(item.wish, table: item.table, target: item.target, of: flow, isPlanned: false)
        return table
    }

    /// The last word on a table: under `strict` what is lost is an error, and with an error it is not loaded.
    func settle(_ table: inout PlannedTable, _ item: SourceTables.Item) {
        if flow.strict {
            for index in table.findings.indices where table.findings[index].code == .lossyMapping {
                table.findings[index].severity = .error
            }
        }
        guard table.pending == nil, table.fault != nil else { return }
        table.pending = PlannedTable.Pending(item.wish, table: item.table, target: item.target, of: flow, isPlanned: true)
    }
}

extension Plan {
    /// Plans those tables again that could not be loaded when the plan was made.
    /// - returns: the whole plan, and the positions of those tables.
    /// - throws: `connection.*`: what concerns all tables.
    public func completed(
        from sources: [Connections], to: Connections, interrupt: Interrupt, watermark: @escaping (_ key: String) throws -> String?
    ) throws -> (plan: Plan, again: Set<Int>) {
        let again = tables.indices.filter { tables[$0].pending != nil }
        guard let first = again.first, let pending = tables[first].pending else { return (self, []) }
        func connection(_ end: Connections, _ known: End) -> Flow.Connection { Flow.Connection(end.endpoint, reference: known.reference) }
        var flow = Flow(from: connection(sources[0], from), to: connection(to, self.to))
        flow.others = zip(sources, self.sources).dropFirst().map(connection)
        flow.name = name
        flow.limits = limits
        flow.zone = zone
        flow.strict = pending.isStrict
        flow.createsSchemas = pending.createsSchemas
        let planner = Planner(flow, from: sources, to: to, interrupt: interrupt, watermark: watermark)
        planner.pending = again.map { index in
            let pending = tables[index].pending!
            return SourceTables.Item(name: tables[index].name, table: pending.table, target: pending.target, wish: pending.wish)
        }
        planner.taken = Set(
            tables.compactMap { table in
                if case .table(let name) = table.read.relation { name } else { nil }
            })
        let fresh = try planner.plan()
        var plan = self
        var standing = [[ForeignKeyShape]](repeating: [], count: tables.count)
        for (position, index) in again.enumerated() {
            plan.tables[index] = fresh.tables[position]
            plan.tables[index].load.table = index
            plan.tables[index].waitsFor = nil
            standing[index] = planner.standing[position]
        }
        var arranged = plan.tables
        ForeignKeyOrder.arrange(&arranged, standing)
        for index in arranged.indices {
            if again.contains(index) { plan.tables[index] = arranged[index] }
            plan.tables[index].waitsFor = arranged[index].waitsFor
            if let group = arranged[index].load.replacedWith { plan.tables[index].load.replacedWith = group }
        }
        let made = (schemas ?? []) + (fresh.schemas ?? []).filter { schemas?.contains($0) != true }
        plan.schemas = made.isEmpty ? nil : made
        return (plan, Set(again))
    }
}

extension [PlannedTable] {
    /// What is wrong with one of several tables becomes its finding.
    mutating func take(_ error: ApusError, at index: Int) throws {
        if error.endsAll || count == 1 { throw error.planning(self[index].name) }
        self[index].findings.append(error.finding)
    }
}

extension ApusError {
    /// The error as something that a plan says of its table.
    fileprivate var finding: Finding {
        Finding(
            .error, code, (context.map { "\($0): " } ?? "") + message + (underlying.map { " (\($0))" } ?? ""), hint: hint)
    }

    fileprivate func planning(_ item: SourceTables.Item) -> ApusError { planning(item.name) }

    fileprivate func planning(_ name: String) -> ApusError {
        var error = self
        error.message = "planning \(name): \(message)"
        return error
    }
}
