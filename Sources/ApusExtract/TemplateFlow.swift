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
        // Once without the condition and the branches' lists, to know the connections; they may be needed for both.
        var values = [
            "src_table_name": row.sourceTable, "des_table_name": row.targetTable, "split_pk_field": row.splitKey, "relation": row.relation,
            "condition": "1=1", "src_table_columns": row.sourceColumns.isEmpty ? "*" : row.sourceColumns,
            "des_table_columns": row.targetColumns.isEmpty ? "*" : row.targetColumns,
        ]
        let branches = Self.variables(text).filter { $0.hasPrefix("src_table_columns_") }
        for name in branches { values[name] = Self.sign(name) }
        let draft = try DataXJobReader(parameters: JobParameters(escaping: values)).read(bytes, name: file)
        let sources = try connections(draft)
        var conditions = rowText.conditions
        var days: Days?
        if row.increment == .day {
            var found = zone.days(rowText.dayColumn, from: window.from, upTo: window.upTo)
            let type = try type(of: found.column, row, sources[0])
            guard let dialect = sources[0].connector.dialect, let condition = found.condition(type, dialect) else {
                throw ApusError(.unsupported, "days cannot be told by `\(found.column)`, which is \(type)", context: row.sourceTable)
            }
            conditions.append(condition)
            found.filtersSource = false
            found.type = type
            days = found
        }
        if !conditions.isEmpty {
            values["condition"] = conditions.count == 1 ? conditions[0] : conditions.map { "(\($0)\n)" }.joined(separator: " AND ")
        }
        values.merge(try branchLists(branches, draft, row, sources)) { $1 }
        let job = try DataXJobReader(parameters: JobParameters(escaping: values)).read(bytes, name: file)
        let made = try job.flow(rows.resolver.connectors, choose: choose)
        return try ready(made, row, days)
    }

    private func template(_ path: String, _ row: ControlRow) throws -> String {
        do { return try Script.text(path) } catch let error as ApusError {
            throw ApusError(
                .configurationInvalid, "the template \(file) of row \(row.id ?? 0): \(error.message)",
                hint: "--json-dir names the folder of templates.", context: row.sourceTable)
        }
    }

    private func ready(_ made: DataXJob.Made, _ row: ControlRow, _ days: Days?) throws -> RowFlow.Ready {
        var flow = made.flow
        var notices = made.notices
        flow.name = row.sourceTable
        flow.limits.channels = wish.parallel
        flow.limits.attempts = wish.attempts
        flow.limits.rowsPerSecond = nil
        flow.limits.bytesPerSecond = nil
        if flow.limits.badRows == nil, flow.limits.badPercent == nil { flow.limits.badRows = wish.badRows }
        for index in flow.tables.indices {
            var table = flow.tables[index]
            // Under a lease and with marks, so that another worker can go on.
            table.isShared = false
            let blanket = table.before.filter(Self.empties)
            table.before.removeAll(where: Self.empties)
            if table.mode == .append, table.duplicates == nil {
                switch row.increment {
                case .full, .fullByCondition, nil:
                    if !blanket.isEmpty { table.mode = .replace }
                case .day:
                    table.mode = wish.increment == .append || wish.increment == .upsert ? wish.increment : nil
                    table.days = days
                case .condition:
                    table.mode = wish.increment == .window ? nil : wish.increment
                    table.isIncrement = true
                }
            } else {
                table.before = blanket + table.before
            }
            if !blanket.isEmpty, row.increment == .day || row.increment == .condition, table.before.isEmpty {
                notices.append("`\(blanket[0])` of \(file) is left out: an increment does not empty its target")
            }
            flow.tables[index] = table
        }
        func connections(_ connection: Flow.Connection) throws -> Connections {
            guard let connector = rows.resolver.connectors.first(where: { $0.name == connection.endpoint.connector }) else {
                throw ApusError(.unknownConnector, "there is no connector \(connection.endpoint.connector)")
            }
            return Connections(connector, connection.endpoint, pool: rows.pool)
        }
        return RowFlow.Ready(
            flow: flow, sources: try flow.sources.map(connections), to: try connections(flow.to), notices: notices)
    }

    /// `truncate table t`, `delete from t`.
    private static func empties(_ sql: String) -> Bool {
        let words = sql.lowercased().split { $0.isWhitespace || $0 == ";" }
        return words.count == 3 && (words.starts(with: ["truncate", "table"]) || words.starts(with: ["delete", "from"]))
            || words.count == 2 && words[0] == "truncate"
    }

    // MARK: Sources

    private func connections(_ job: DataXJob) throws -> [Connections] {
        try job.flow(rows.resolver.connectors, choose: choose).flow.sources.map { source in
            Connections(rows.resolver.connectors.first { $0.name == source.endpoint.connector }!, source.endpoint, pool: rows.pool)
        }
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

    private func type(of column: String, _ row: ControlRow, _ source: Connections) throws -> ColumnType {
        try rows.withSession(source) { session in
            guard let sql = session as? any SQLSession else {
                throw ApusError(.unsupported, "\(source.connector.title) cannot run a query", context: row.sourceTable)
            }
            return try sql.describe(query: "SELECT \(column) AS apus_day FROM \(row.sourceTable) \(row.relation)").columns.first?.type
                ?? .text
        }
    }

    // MARK: Branches

    /// `src_table_columns_<branch>`: the list of the row, in which a column that the branch's table lacks is `NULL as it`.
    private func branchLists(_ branches: [String], _ job: DataXJob, _ row: ControlRow, _ sources: [Connections]) throws -> [String: String]
    {
        guard case .relational(let reader) = job.reader else { return [:] }
        var lists: [String: String] = [:]
        var head: [SelectList.Item]?
        for (number, source) in reader.sources.enumerated() where number < sources.count {
            for query in source.queries {
                for name in branches where lists[name] == nil && query.contains(Self.sign(name)) {
                    let items = try head ?? headItems(row, sources[0])
                    head = items
                    let table = RowFlow.name(row.sourceTable)
                    let present = try rows.withSession(sources[number]) { Set(try $0.describe(table).columns.map { $0.name.lowercased() }) }
                    lists[name] = items.map { item in
                        let own = item.path.last ?? item.expression
                        guard item.isColumn, !present.contains(own.lowercased()) else {
                            return item.name == nil || item.name == item.expression || item.isColumn && item.name == own
                                ? item.expression : "\(item.expression) AS \(Self.name(item.name!, sources[number]))"
                        }
                        return "NULL as \(Self.name(item.name ?? own, sources[number]))"
                    }.joined(separator: ", ")
                }
            }
        }
        return lists
    }

    /// The columns of the row; all of the head office's where it says `*`.
    private func headItems(_ row: ControlRow, _ source: Connections) throws -> [SelectList.Item] {
        let list = try SelectList(row.sourceColumns.isEmpty ? "*" : row.sourceColumns)
        guard list.isStar else { return list.items }
        return try rows.withSession(source) { session in
            try session.describe(RowFlow.name(row.sourceTable)).columns.map {
                SelectList.Item(expression: source.connector.dialect?.quote($0.name) ?? $0.name, name: $0.name, path: [$0.name])
            }
        }
    }

    /// A name in SQL, quoted where it must be.
    private static func name(_ text: String, _ source: Connections) -> String {
        let isPlain = text.first?.isNumber == false && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) || $0 == "_" }
        return isPlain ? text : source.connector.dialect?.quote(text) ?? text
    }

    /// What stands for a branch's list until it is known which database the branch is.
    private static func sign(_ name: String) -> String { "apus_list_of_\(name)_" }

    /// The `${name}` of a text.
    private static func variables(_ text: String) -> [String] {
        text.split(separator: "${", omittingEmptySubsequences: false).dropFirst().compactMap { part in
            part.firstIndex(of: "}").map { String(part[..<$0]) }
        }
    }
}
