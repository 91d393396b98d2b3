import ApusControl
import ApusCore
import ApusEngine
import ApusFlow
import Glibc
import Tabular

/// From a config row to a flow: connections by name, columns, conditions and days as the row has them.
struct RowFlow {
    /// A flow with its ends, ready to be opened.
    struct Ready {
        var flow: Flow
        var sources: [Connections]
        var to: Connections
        var notices: [String] = []
        /// What a run and a check tell the user.
        var warnings: [String] = []
        /// Where it differs from what pydatax would do: told by a check.
        var differences: [String] = []
    }

    let resolver: ConnectionResolver
    let wish: ExtractWish
    let pool: SessionPool?
    let interrupt: Interrupt
    var shapes: ShapeCache?

    /// - throws: `config.*`, `object.not_found`, `connection.*`.
    func ready(_ task: ExtractTask, _ window: ExtractTask.Window, _ zone: DayZone) throws -> Ready {
        let row = task.row
        if let increment = row.increment, let template = task.job.template(for: increment) {
            return try TemplateFlow(rows: self, file: template).ready(task, window, zone)
        }
        guard !task.job.source.isEmpty, !task.job.target.isEmpty else {
            throw ApusError(
                .configurationInvalid,
                "row \(task.job.id ?? 0) of datax_json names neither a template nor two connections",
                hint: "Fill source_dbname and target_dbname with names of connections.yaml, or df_json with a template.")
        }
        let group = try resolver.group(task.job.source)
        let target = try resolver.resolve(task.job.target)
        let sources = group.map { Connections($0.resolved.connector, $0.resolved.connection.endpoint, pool: pool, shapes: shapes) }
        let to = Connections(target.connector, endpoint(of: target), pool: pool, shapes: shapes)
        var flow = Flow(from: group[0].resolved.connection, to: target.connection)
        flow.others = group.dropFirst().map(\.resolved.connection)
        flow.name = row.sourceTable
        flow.createsSchemas = wish.createsSchemas
        flow.limits.channels = wish.parallel
        flow.limits.badRows = wish.badRows
        flow.limits.attempts = wish.attempts
        flow.limits.memory = wish.memory
        flow.tables = [try table(row, window, zone, group, sources)]
        zone.set(in: &flow)
        return Ready(
            flow: flow, sources: sources, to: to, notices: group.flatMap(\.resolved.notices) + target.notices, differences: differences(row)
        )
    }

    /// Tells ``shapes`` which tables the tasks will ask for.
    func expect(_ tasks: [ExtractTask]) {
        guard let shapes else { return }
        for task in tasks where task.fault == nil {
            let row = task.row
            guard let increment = row.increment, task.job.template(for: increment) == nil, let text = try? RowText(row), !text.isJoined,
                !row.sourceTable.hasPrefix("/"), (try? TablePattern(row.sourceTable))?.isExact == true,
                let group = try? resolver.group(task.job.source), let target = try? resolver.resolve(task.job.target)
            else { continue }
            for member in group { shapes.expect([text.table], at: member.resolved.connection.endpoint) }
            shapes.expect([Self.name(row.targetTable)], at: endpoint(of: target))
        }
    }

    private func endpoint(of target: ConnectionResolver.Resolved) -> Endpoint {
        var endpoint = target.connection.endpoint
        endpoint.createsSchemas = wish.createsSchemas
        return endpoint
    }

    /// Days take the place of days, so that the target must tell them as the source does.
    var replacesDays: Bool { wish.increment == nil || wish.increment == .window }

    /// pydatax puts the window or the condition in the place of dcondition.
    func differences(_ row: ControlRow) -> [String] {
        guard row.increment != .full, let scan = try? SQLScan(row.condition), !scan.isBlank, !scan.isAlwaysTrue else { return [] }
        return [
            "dcondition (`\(row.condition)`) holds beside \(row.increment == .day ? "the days" : "etl_column"); pydatax leaves it out with etl_type \(row.etlType). Write 1=1 to have it so"
        ]
    }

    // MARK: The table

    private func table(
        _ row: ControlRow, _ window: ExtractTask.Window, _ zone: DayZone, _ group: [ConnectionResolver.Member], _ sources: [Connections]
    ) throws -> TableWish {
        let text = try RowText(row)
        if replacesDays, let fault = text.dayFault() { throw fault }
        // The wish's own name is what progress and ledger call the table.
        var table = TableWish(.pattern((try? TablePattern(row.sourceTable)) == nil ? Self.quoted(text.table) : row.sourceTable))
        table.to = Self.quoted(Self.name(row.targetTable))
        let days = row.increment == .day ? zone.days(text.dayColumn, from: window.from, upTo: window.upTo) : nil
        if !row.splitKey.isEmpty { table.sliceBy = [Self.column(row.splitKey)] }
        switch row.increment {
        case .full, .fullByCondition: table.mode = .replace
        case .day:
            table.days = text.isJoined ? days.map(text.joined) : days
            table.mode = wish.increment
        case .condition, nil:
            table.isIncrement = true
            // There is no window that could be told in the target's terms.
            table.mode = wish.increment == .window ? nil : wish.increment
        }
        if table.mode == .replace { table.isIncrement = false }
        if table.mode == .window || table.mode == nil, days != nil { table.mode = nil }
        try text.shape(&table)
        table.before = try script("before", row, window)
        table.after = try script("after", row, window)
        table.members = try group.enumerated().flatMap { number, member in
            try members(number, member, isGroup: group.count > 1, text, table, sources[number], days)
        }
        return table
    }

    /// The reads on one connection: the table, each shard that the name means, or a query where joins stand behind it.
    private func members(
        _ number: Int, _ member: ConnectionResolver.Member, isGroup: Bool, _ text: RowText, _ table: TableWish, _ source: Connections,
        _ days: Days?
    ) throws -> [TableWish.Member] {
        let names = try shards(text, source)
        let dialect = source.connector.dialect
        let constants = member.constants.map { constant in
            ColumnWish(
                constant.name, expression: constant.isNumber ? constant.value : dialect?.literal(constant.value) ?? "'\(constant.value)'")
        }
        return try names.map { name in
            let label = names.count > 1 ? (isGroup ? "\(member.label) \(name)" : name.description) : isGroup ? member.label : nil
            var made = TableWish.Member(source: number, .pattern(Self.quoted(name)), label: label)
            if !text.isJoined {
                made.columns = constants.isEmpty ? nil : (table.columns ?? [ColumnWish("*")]) + constants
                return made
            }
            guard let dialect else {
                throw ApusError(.unsupported, "\(source.connector.title) knows no joins", context: text.row.sourceTable)
            }
            let relation = "\(dialect.quote(name)) \(text.row.relation)"
            var conditions = text.conditions
            if let days {
                // Within the query, where the aliases mean something.
                let type = try self.type(of: days.column, from: relation, source, text)
                guard let condition = days.condition(type, dialect) else {
                    throw ApusError(
                        .unsupported, "days cannot be told by `\(days.column)`, which is \(type)", context: text.row.sourceTable)
                }
                conditions.append(condition)
            }
            made.subject = .query(try text.query(relation, conditions, dialect), as: Self.quoted(Self.name(text.row.targetTable)))
            made.filter = nil
            made.columns = constants.isEmpty ? nil : [ColumnWish("*")] + constants
            return made
        }
    }

    private func type(of column: String, from relation: String, _ source: Connections, _ text: RowText) throws -> ColumnType {
        try withSession(source) { session in
            guard let sql = session as? any SQLSession else {
                throw ApusError(.unsupported, "\(source.connector.title) cannot run a query", context: text.row.sourceTable)
            }
            return try sql.describe(query: "SELECT \(column) AS apus_day FROM \(relation)").columns.first?.type ?? .text
        }
    }

    func withSession<T>(_ source: Connections, _ body: (any Source) throws -> T) throws -> T {
        let session = try source.source(interrupt.child())
        do {
            let result = try body(session)
            source.release(source: session, isSound: true)
            return result
        } catch {
            source.release(source: session, isSound: false)
            throw error
        }
    }

    /// The statements that stand around the row's table, if there are some.
    private func script(_ when: String, _ row: ControlRow, _ window: ExtractTask.Window) throws -> [String] {
        guard let folder = wish.scriptFolder else { return [] }
        let path = "\(folder)/\(row.targetTable).\(when).sql"
        guard access(path, F_OK) == 0 else { return [] }
        let parameters = try Parameters(given: ["day": Days.iso(window.upTo - 1)])
        return try Script.read(path, parameters: parameters).statements.map(\.sql)
    }

    // MARK: Shards

    /// The table, or all tables of the source that a pattern (`orders_[00-31]`) or `/regular expression/` means.
    private func shards(_ text: RowText, _ source: Connections) throws -> [TableName] {
        let written = text.row.sourceTable
        let expression: Regex<AnyRegexOutput>?
        if written.hasPrefix("/"), written.hasSuffix("/"), written.count > 2 {
            do { expression = try Regex(String(written.dropFirst().dropLast())) } catch {
                throw ApusError(
                    .configurationInvalid, "`\(written)` is no regular expression", hint: "Write e.g. /orders_[0-9]{2}/.")
            }
        } else {
            expression = nil
            if try TablePattern(written).isExact { return [text.table] }
        }
        let pattern = expression == nil ? try TablePattern(written) : nil
        let found = try withSession(source) { session in
            try session.tables(schema: pattern?.schema).map(\.name).filter { name in
                if let expression { return name.name.wholeMatch(of: expression) != nil }
                return pattern?.matches(name) ?? false || pattern?.matches(TableName(name.name)) ?? false
            }
        }
        guard !found.isEmpty else {
            throw ApusError(
                .notFound, "no table of \(source.endpoint.label) is meant by \(written)",
                hint: Advice.connTables(source.endpoint.label).map { "\($0) lists what is there." })
        }
        return found.sorted { $0.description < $1.description }
    }

    // MARK: Names

    /// `ods.ods_a` as schema and name.
    static func name(_ text: String) -> TableName {
        if let name = (try? TablePattern(text))?.exactName { return name }
        let parts = text.split(separator: ".", maxSplits: 1).map(String.init)
        return parts.count == 2 ? TableName(schema: parts[0], parts[1]) : TableName(text)
    }

    /// A column's name as it is written alone: `id`, `t.id`, `"order"`; a name with blanks needs no quotes here.
    static func column(_ text: String) -> String {
        guard let list = try? SelectList(text), list.items.count == 1, let name = list.items[0].path.last,
            list.items[0].name == name
        else { return text }
        return name
    }

    /// So that nothing in it is taken for a pattern.
    static func quoted(_ name: TableName) -> String {
        func quoted(_ part: String) -> String { "\"\(part.replacing("\"", with: "\"\""))\"" }
        return (name.schema.map { quoted($0) + "." } ?? "") + quoted(name.name)
    }
}
