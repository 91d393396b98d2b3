import ApusCore
import Glibc
import MySQLClient
import Tabular

extension MySQLSession: Sink {
    // MARK: Lock

    func lock(_ load: Load) throws {
        let name = dialect.literal(try lockName("", load.target.schema, load.target.name))
        let got = try rows("SELECT GET_LOCK(\(name), 0)", doing: "lock \(load.target)").first?[0]
        guard got == "1" else {
            let owner = try lockOwner(load)
            throw ApusError(
                .locked, "\(load.target) is being loaded by run \(owner ?? "unknown")",
                hint: "Wait until that run has ended, or stop it.", context: endpoint.label)
        }
        do {
            try guardingMarks(load) {
                try createMarks(load)
                try run(
                    "DELETE FROM \(marksTable(load)) WHERE target = \(dialect.literal(load.target.name)) AND slice = \(Mark.owner)",
                    doing: "clear the last lock of \(load.target)")
                try setMark(Mark.owner, load)
            }
        } catch {
            _ = try? attempt("DO RELEASE_LOCK(\(name))")
            throw error
        }
    }

    func unlock(_ load: Load) {
        _ = try? deleteMarks(load, where: "slice = \(Mark.owner) AND run_id = \(dialect.literal(load.runID))")
        guard let name = try? lockName("", load.target.schema, load.target.name) else { return }
        _ = try? attempt("DO RELEASE_LOCK(\(dialect.literal(name)))")
    }

    /// A loading statement names its run; the lock's holder is known by its mark.
    func evict(_ load: Load) throws {
        let doing = "end other connections of run \(load.runID)"
        let name = dialect.literal(try lockName("", load.target.schema, load.target.name))
        let isOwner = try lockOwner(load) == load.runID
        let holder = isOwner ? try rows("SELECT IS_USED_LOCK(\(name))", doing: doing).first?[0] : nil
        let sign = dialect.literal("%\(MySQLTarget.sign(load.runID))%")
        let loading = try rows(
            "SELECT id FROM information_schema.processlist WHERE info LIKE \(sign) AND id <> CONNECTION_ID()", doing: doing
        ).compactMap { $0[0] }
        let others = Set(loading + (holder.map { [$0] } ?? [])).compactMap { Int($0) }
        guard !others.isEmpty else { return }
        for id in others { _ = try? attempt("KILL \(id)") }
        let list = others.map(String.init).joined(separator: ", ")
        let end = ContinuousClock.now + .seconds(10)
        while try !rows("SELECT id FROM information_schema.processlist WHERE id IN (\(list))", doing: doing).isEmpty,
            ContinuousClock.now < end
        {
            try interrupt.check()
            usleep(20_000)
        }
    }

    // MARK: Prepare

    func prepare(_ load: Load) throws {
        if try hasMark(Mark.prepared, load) { return }
        let target = try tableFacts(load.target)
        try check(target, load)
        switch load.mode {
        case .replace: try prepareStaging(load, target)
        case .window:
            try prepareTarget(load, target)
            try prepareStaging(load, tableFacts(load.target), like: true)
        default: try prepareTarget(load, target)
        }
        // A run without the lock has no mark yet that keeps the table of marks from being dropped.
        try asPermitted(load) {
            try guardingMarks(load) {
                try createMarks(load)
                try setMark(Mark.prepared, load)
            }
        }
    }

    private func check(_ target: TableFacts?, _ load: Load) throws {
        guard let target else {
            if load.create == .require { throw try notFound(load.target) }
            return
        }
        if target.isView {
            throw ApusError(.unsupported, "\(load.target) is a view; rows can be loaded into tables only", context: endpoint.label)
        }
        if load.mode == .replace || load.create == .recreate {
            try refuseReferenced(load)
            try refuseTriggers(load)
        }
        if load.create != .recreate { try refuseWithoutTransactions(target, load) }
        if load.mode == .upsert, load.create != .recreate { try requireKey(load) }
    }

    /// A swap would leave the other tables' keys behind on the old table.
    func refuseReferenced(_ load: Load) throws {
        let schema = dialect.literal(try requiredDatabase(load.target.schema))
        let name = dialect.literal(load.target.name)
        let rows = try rows(
            """
            SELECT DISTINCT table_schema, table_name, constraint_name FROM information_schema.key_column_usage
            WHERE referenced_table_schema = \(schema) AND referenced_table_name = \(name)
            AND NOT (table_schema = \(schema) AND table_name IN (\(name), \(dialect.literal(load.staging.name)), \(dialect.literal(load.retired.name))))
            """, doing: "find the foreign keys that reference \(load.target)")
        guard !rows.isEmpty else { return }
        let others = rows.map { "\($0[0]!).\($0[1]!) (\($0[2]!))" }.joined(separator: ", ")
        throw ApusError(
            .referenced, "\(load.target) cannot be replaced: it is referenced by \(others)",
            hint: "Use mode upsert or append, or drop those foreign keys before and create them after.", context: endpoint.label)
    }

    private func refuseTriggers(_ load: Load) throws {
        let rows = try rows(
            """
            SELECT trigger_name FROM information_schema.triggers
            WHERE event_object_schema = \(dialect.literal(try requiredDatabase(load.target.schema)))
            AND event_object_table = \(dialect.literal(load.target.name))
            """, doing: "find the triggers of \(load.target)")
        guard !rows.isEmpty else { return }
        throw ApusError(
            .unsupported,
            "\(load.target) cannot be replaced: its triggers would be lost (\(rows.compactMap { $0[0] }.joined(separator: ", ")))",
            hint: "Use mode truncate, append or upsert, which keep the table, or drop the triggers first.", context: endpoint.label)
    }

    /// Without transactions, a slice that is loaded again after a failure would be there twice.
    private func refuseWithoutTransactions(_ target: TableFacts, _ load: Load) throws {
        guard let engine = target.engine else { return }
        let known = try rows(
            "SELECT transactions FROM information_schema.engines WHERE engine = \(dialect.literal(engine))",
            doing: "look up the engine of \(load.target)")
        if known.first?[0] == "YES" { return }
        throw ApusError(
            .unsupported, "\(load.target) is stored by \(engine), which has no transactions: rows could not be loaded exactly once",
            hint: "ALTER TABLE \(dialect.quote(load.target)) ENGINE=InnoDB, or load with create: recreate.", context: endpoint.label)
    }

    private func requireKey(_ load: Load) throws {
        let shape = try describe(load.target)
        let keys = [shape.primaryKey] + shape.indexes.filter { $0.unique && $0.definition == nil }.map(\.columns)
        if keys.contains(where: { Set($0) == Set(load.key) }) { return }
        throw ApusError(
            .unsupported, "\(load.target) has no primary or unique key of \(load.key.joined(separator: ", ")), which upsert needs",
            hint: "Make one, or name the columns of an existing key.", context: endpoint.label)
    }

    private func prepareTarget(_ load: Load, _ target: TableFacts?) throws {
        if target != nil, load.create == .recreate {
            try run("DROP TABLE \(dialect.quote(load.target))", doing: "drop \(load.target), to make it anew")
        }
        if target == nil || load.create == .recreate {
            try create(load.shape, as: load.target)
        } else if load.mode == .truncate {
            try run("TRUNCATE TABLE \(dialect.quote(load.target))", doing: "empty \(load.target)")
        }
    }

    /// `like`: the target is there, also where it was to be made anew.
    private func prepareStaging(_ load: Load, _ target: TableFacts?, like: Bool = false) throws {
        try run("DROP TABLE IF EXISTS \(dialect.quote(load.staging))", doing: "drop the last staging table of \(load.target)")
        guard target != nil, like || load.create != .recreate else { return try create(load.shape, as: load.staging) }
        try run(
            "CREATE TABLE \(dialect.quote(load.staging)) LIKE \(dialect.quote(load.target))",
            doing: "make a staging table for \(load.target)")
        let dropped = try secondaryKeys(of: load.staging).map { "DROP KEY \(dialect.quote($0.name))" }
        if !dropped.isEmpty {
            try run(
                "ALTER TABLE \(dialect.quote(load.staging)) \(dropped.joined(separator: ", "))",
                doing: "put the indexes of \(load.staging) off until its rows are there")
        }
    }

    /// Indexes that can be built after the load: not unique, and not the one that an AUTO_INCREMENT needs.
    func secondaryKeys(of table: TableName) throws -> [MySQLKeyLine] {
        let shape = try describe(table)
        let counter = shape.columns.first(where: \.identity).map { dialect.quote($0.name) }
        return MySQLKeyLine.all(in: try createStatement(table)).filter { line in
            !line.isUnique && (counter == nil || !line.text.contains("(\(counter!)"))
        }
    }

    /// Runs the dialect's statements; collations that this server has not are left to its default.
    private func create(_ shape: TableShape, as name: TableName) throws {
        for sql in dialect.create(shape, as: name) {
            do {
                try attempt(sql)
            } catch let fault as MySQLFault where fault.number == 1273 {
                try run(sql.replacing(/\ COLLATE [A-Za-z0-9_]+/, with: ""), doing: "make the table \(name)")
            } catch let fault as MySQLFault {
                throw error(fault, doing: "make the table \(name)")
            }
        }
    }

    // MARK: Writing

    func marks(_ load: Load) throws -> [SliceMark] { try readMarks(load) }

    func accepts(_ load: Load) throws -> Schema {
        for name in [load.destination, load.target] where load.create != .recreate || name == load.destination {
            if try tableFacts(name) != nil { return try target(name, columns: load.columns).schema }
        }
        return Schema(load.carried.map { Column($0.name, $0.type, nullable: $0.nullable) })
    }

    func writer(_ load: Load) throws -> any Writer {
        try writer(load, duplicates: load.mode == .upsert ? .update : load.duplicates ?? .fail)
    }

    func writer(_ load: Load, duplicates: Duplicates) throws -> any Writer {
        let target = try target(load.destination, columns: load.columns)
        // Notes are no losses; without them every warning counts.
        try run("SET SESSION sql_notes = 0", doing: "set up the session")
        if try usesInfile() { return MySQLWriter(self, load, target, duplicates) }
        return MySQLInsertWriter(self, load, target, duplicates)
    }

    private func usesInfile() throws -> Bool {
        switch options.loading {
        case .insert: return false
        case .infile: return true
        case .auto:
            if isInfileRefused { return false }
            let on = try rows("SHOW VARIABLES LIKE 'local_infile'", doing: "ask whether LOAD DATA LOCAL is allowed").first?[1]
            return on?.uppercased() == "ON"
        }
    }
}
