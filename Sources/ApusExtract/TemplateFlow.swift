import ApusControl
import ApusCore
import ApusEngine
import ApusFlow
import Glibc
import Tabular

/// From a config row with a DataX template to a flow: the row's values in the template's places.
struct TemplateFlow {
    let rows: RowFlow
    let file: String

    private var wish: ExtractWish { rows.wish }

    /// - throws: `config.*` for a template that is missing or no job.
    func ready(_ task: ExtractTask, _ window: ExtractTask.Window, _ zone: DayZone) throws -> RowFlow.Ready {
        let row = task.row
        let path = file.hasPrefix("/") ? file : "\(wish.templateFolder ?? ".")/\(file)"
        let text = try template(path, row)
        let bytes = Array(text.utf8)
        let rowText = try RowText(row)
        if rows.replacesDays, text.contains("src_table_columns"), let fault = rowText.dayFault() { throw fault }
        // Once without the condition and the branches' lists, to know the connections; they may be needed for both.
        var values = [
            "src_table_name": row.sourceTable, "des_table_name": row.targetTable, "split_pk_field": row.splitKey, "relation": row.relation,
            "condition": TemplateDraft.condition, "src_table_columns": row.sourceColumns.isEmpty ? "*" : row.sourceColumns,
            "des_table_columns": row.targetColumns.isEmpty ? "*" : row.targetColumns,
        ]
        let branches = Self.variables(text).filter { $0.hasPrefix("src_table_columns_") }
        for name in branches { values[name] = TemplateDraft.list(name) }
        let read = try DataXJobReader(parameters: JobParameters(escaping: values)).read(bytes, name: file)
        let draft = TemplateDraft(job: read, flow: try read.flow(rows.resolver.connectors, choose: choose).flow, file: file)
        let sources = try connections(draft.flow)
        let warnings = try checkCondition(draft, row, rowText)
        var conditions = rowText.conditions
        var days: Days?
        if row.increment == .day {
            var found = zone.days(rowText.dayColumn, from: window.from, upTo: window.upTo)
            let first = draft.queries.first
            let source = sources[first?.source ?? 0]
            let type = try type(of: found.column, TemplateDraft.table(of: row, in: first?.sql).text, row, source)
            guard let dialect = source.connector.dialect, let condition = found.condition(type, dialect) else {
                throw ApusError(.unsupported, "days cannot be told by `\(found.column)`, which is \(type)", context: row.sourceTable)
            }
            conditions.append(condition)
            found = rowText.joined(found)
            found.type = type
            days = found
        }
        values["condition"] =
            conditions.isEmpty ? "1=1" : conditions.count == 1 ? conditions[0] : conditions.map { "(\($0)\n)" }.joined(separator: " AND ")
        let lists = try branchLists(branches, draft, row, sources)
        values.merge(lists.mapValues(\.sql)) { $1 }
        if !branches.isEmpty, row.sourceColumns.allSatisfy({ $0.isWhitespace || $0 == "*" }) {
            // Beside constants no server takes a `*`.
            values["src_table_columns"] = try headItems(row, draft, sources).map(\.expression).joined(separator: ", ")
        }
        let job = try DataXJobReader(parameters: JobParameters(escaping: values)).read(bytes, name: file)
        var made = try job.flow(rows.resolver.connectors, choose: choose)
        Self.mark(&made.flow, draft, lists)
        var ready = try ready(made, row, days, zone)
        ready.warnings += warnings
        return ready
    }

    /// A template that pays no regard to the row's condition reads all rows every time.
    ///
    /// - returns: what is to be told where this does no harm.
    /// - throws: `config.invalid` where rows would be there twice.
    private func checkCondition(_ draft: TemplateDraft, _ row: ControlRow, _ text: RowText) throws -> [String] {
        guard draft.ignoresCondition else { return [] }
        let isLanding = wish.increment == .replace || row.increment == .condition && wish.increment == nil && !draft.emptying.isEmpty
        switch row.increment {
        case .day where !isLanding && wish.increment != .upsert, .condition where !isLanding && wish.increment != .upsert:
            throw ApusError(
                .configurationInvalid,
                "\(file) does not use ${condition} in every query: all rows would be read each time, and added to those that are there",
                hint: "Write `where ${condition}` in each query of the template, or give the row etl_type 0.", context: row.sourceTable)
        case .full where text.conditions.isEmpty, nil: return []
        default: return ["\(file) does not use ${condition} in every query: dcondition and etl_column have no effect there"]
        }
    }

    private func template(_ path: String, _ row: ControlRow) throws -> String {
        do { return try Script.text(path) } catch let error as ApusError {
            throw ApusError(
                .configurationInvalid, "the template \(file) of row \(row.id ?? 0): \(error.message)",
                hint: "--json-dir names the folder of templates.", context: row.sourceTable)
        }
    }

    private func ready(_ made: DataXJob.Made, _ row: ControlRow, _ days: Days?, _ zone: DayZone) throws -> RowFlow.Ready {
        var flow = made.flow
        zone.set(in: &flow)
        var differences = rows.differences(row)
        flow.name = row.sourceTable
        flow.createsSchemas = wish.createsSchemas
        flow.limits.channels = wish.parallel
        flow.limits.attempts = wish.attempts
        flow.limits.rowsPerSecond = nil
        flow.limits.bytesPerSecond = nil
        if wish.isBadRowsGiven || (flow.limits.badRows == nil && flow.limits.badPercent == nil) {
            flow.limits.badRows = wish.badRows
            flow.limits.badPercent = nil
        }
        for index in flow.tables.indices {
            var table = flow.tables[index]
            // Under a lease and with marks, so that another worker can go on.
            table.isShared = false
            let blanket = table.emptying(flow.to)
            table.before.removeAll { blanket.contains($0) }
            if table.mode == .append, table.duplicates == nil {
                switch row.increment {
                case .full, .fullByCondition, nil:
                    if !blanket.isEmpty { table.mode = .replace }
                case .day:
                    table.mode = wish.increment == .window ? nil : wish.increment
                    table.days = days
                    if let first = blanket.first, table.mode != .replace {
                        differences.append(
                            "`\(first)` of \(file) is left out: days take the place of days, and older ones stay. With --increment replace the target holds the last window alone, as in pydatax"
                        )
                    }
                case .condition:
                    // What the template empties holds the increment alone.
                    table.mode = wish.increment == nil && !blanket.isEmpty ? .replace : wish.increment == .window ? nil : wish.increment
                    table.isIncrement = table.mode != .replace
                }
            } else {
                table.before = blanket + table.before
            }
            flow.tables[index] = table
        }
        return RowFlow.Ready(
            flow: flow, sources: try connections(flow), to: try connection(flow.to), notices: made.notices, differences: differences)
    }

    // MARK: Sources

    private func connections(_ flow: Flow) throws -> [Connections] { try flow.sources.map(connection) }

    private func connection(_ connection: Flow.Connection) throws -> Connections {
        guard let connector = rows.resolver.connectors.first(where: { $0.name == connection.endpoint.connector }) else {
            throw ApusError(.unknownConnector, "there is no connector \(connection.endpoint.connector)")
        }
        return Connections(connector, connection.endpoint, pool: rows.pool)
    }

    /// The first of several addresses that answers.
    private func choose(_ candidates: [Flow.Connection]) throws -> Int {
        var last: ApusError?
        for (index, candidate) in candidates.enumerated() {
            guard let connector = rows.resolver.connectors.first(where: { $0.name == candidate.endpoint.connector }) else { continue }
            let connections = Connections(connector, candidate.endpoint, pool: rows.pool)
            do {
                connections.release(source: try connections.source(rows.interrupt.child()), isSound: true)
                return index
            } catch { last = ApusError(wrapping: error) }
        }
        throw last ?? ApusError(.unreachable, "none of the addresses of \(file) answers")
    }

    private func type(of column: String, _ table: String, _ row: ControlRow, _ source: Connections) throws -> ColumnType {
        try rows.withSession(source) { session in
            guard let sql = session as? any SQLSession else {
                throw ApusError(.unsupported, "\(source.connector.title) cannot run a query", context: row.sourceTable)
            }
            return try sql.describe(query: "SELECT \(column) AS apus_day FROM \(table) \(row.relation)").columns.first?.type
                ?? .text
        }
    }

    // MARK: Branches

    /// What stands for a branch's list, and the columns in it that its table lacks.
    private struct BranchList {
        var sql = ""
        var absent: Set<String> = []
    }

    /// Tells the planner which columns of which query are NULL.
    private static func mark(_ flow: inout Flow, _ draft: TemplateDraft, _ lists: [String: BranchList]) {
        var queries = draft.queries[...]
        for table in flow.tables.indices {
            for member in flow.tables[table].members.indices {
                guard let query = queries.popFirst()?.sql else { return }
                for (name, list) in lists where query.contains(TemplateDraft.list(name)) {
                    flow.tables[table].members[member].absent.formUnion(list.absent)
                }
            }
        }
    }

    /// `src_table_columns_<branch>`: the list of the row, in which a column that the branch's table lacks is `NULL as it`.
    private func branchLists(
        _ branches: [String], _ draft: TemplateDraft, _ row: ControlRow, _ sources: [Connections]
    ) throws -> [String: BranchList] {
        var lists: [String: BranchList] = [:]
        var head: [SelectList.Item]?
        for (query, number) in draft.queries where number < sources.count {
            for name in branches where lists[name] == nil && query.contains(TemplateDraft.list(name)) {
                let items = try head ?? headItems(row, draft, sources)
                head = items
                let table = TemplateDraft.table(of: row, in: query).name
                let present = try rows.withSession(sources[number]) { Set(try $0.describe(table).columns.map { $0.name.lowercased() }) }
                var list = BranchList()
                list.sql = items.map { item in
                    let own = item.path.last ?? item.expression
                    guard item.isColumn, !present.contains(own.lowercased()) else {
                        return item.name == nil || item.name == item.expression || item.isColumn && item.name == own
                            ? item.expression : "\(item.expression) AS \(Self.name(item.name!, sources[number]))"
                    }
                    list.absent.insert((item.name ?? own).lowercased())
                    return "NULL as \(Self.name(item.name ?? own, sources[number]))"
                }.joined(separator: ", ")
                lists[name] = list
            }
        }
        return lists
    }

    /// The columns of the row; all of the head office's where it says `*`.
    private func headItems(_ row: ControlRow, _ draft: TemplateDraft, _ sources: [Connections]) throws -> [SelectList.Item] {
        let list = try SelectList(row.sourceColumns.isEmpty ? "*" : row.sourceColumns)
        guard list.isStar else { return list.items }
        let first = draft.queries.first
        let source = sources[first?.source ?? 0]
        return try rows.withSession(source) { session in
            try session.describe(TemplateDraft.table(of: row, in: first?.sql).name).columns.map {
                SelectList.Item(expression: source.connector.dialect?.quote($0.name) ?? $0.name, name: $0.name, path: [$0.name])
            }
        }
    }

    /// A name in SQL, quoted where it must be.
    private static func name(_ text: String, _ source: Connections) -> String {
        let isPlain = text.first?.isNumber == false && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) || $0 == "_" }
        return isPlain ? text : source.connector.dialect?.quote(text) ?? text
    }

    /// The `${name}` of a text.
    private static func variables(_ text: String) -> [String] {
        text.split(separator: "${", omittingEmptySubsequences: false).dropFirst().compactMap { part in
            part.firstIndex(of: "}").map { String(part[..<$0]) }
        }
    }
}
