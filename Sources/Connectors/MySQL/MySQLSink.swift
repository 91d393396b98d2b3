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
                try createCheckpointTable(load)
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
        let strangers = try rows.filter { try !isReplaced($0[0]!, $0[1]!, with: load) }
        guard !strangers.isEmpty else { return }
        let others = strangers.map { "\($0[0]!).\($0[1]!) (\($0[2]!))" }.joined(separator: ", ")
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
        let keys = [shape.primaryKey] + shape.indexes.filter(\.unique).map(\.columns)
        if keys.contains(where: { Set($0) == Set(load.key) }) { return }
        throw ApusError(
            .unsupported, "\(load.target) has no primary or unique key of \(load.key.joined(separator: ", ")), which upsert needs",
            hint: "Make one, or name the columns of an existing key.", context: endpoint.label)
    }

    private func prepareTarget(_ load: Load, _ target: TableFacts?) throws {
        if target != nil, load.create == .recreate {
            try guardingGroup(load) {
                if load.replacedWith != nil { try dropReferences(load) }
                try run("DROP TABLE \(dialect.quote(load.target))", doing: "drop \(load.target), to make it anew")
            }
        }
        if target == nil || load.create == .recreate {
            try create(load.shape, as: load.target)
        } else if load.mode == .truncate {
            let empty = { _ = try self.run("TRUNCATE TABLE \(self.dialect.quote(load.target))", doing: "empty \(load.target)") }
            // One at a time: two TRUNCATEs of tables that refer to each other never end on MariaDB 10.11.
            if load.replacedWith == nil { try empty() } else { try guardingGroup(load) { try withoutForeignKeyChecks(empty) } }
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
                try run(sql.replacing(/\ COLLATE [A-Za-z0-9_]+/, with: ""), doing: "make the table \(name)", shows: true)
            } catch let fault as MySQLFault where fault.number == 3822 {
                // MySQL's names of checks are unique in a database, and the table that is replaced has them.
                try run(sql.replacing(/CONSTRAINT `(?:[^`]|``)*` CHECK/, with: "CHECK"), doing: "make the table \(name)", shows: true)
            } catch let fault as MySQLFault {
                throw error(fault, doing: "make the table \(name)").showing(sql, fault)
            }
        }
    }

    /// Collations that the server has not.
    func settle(_ shape: inout TableShape) throws -> [String] {
        var losses: [String] = []
        // Defaults that are expressions, and any of TEXT, BLOB and JSON ("Data Type Default Values", 8.0.13; MariaDB 10.2.1).
        for index in shape.columns.indices where isMariaDB ? version < 100201 : version < 80013 {
            let column = shape.columns[index]
            guard !column.generated, dialect.defaultSQL(column)?.hasPrefix("(") == true else { continue }
            shape.columns[index].initial = nil
            losses.append("\(column.name): this server takes no such default for it, so that it has none")
        }
        let named = shape.columns.compactMap { column in column.collation.map { (column.name, $0) } }
        guard !named.isEmpty else { return losses }
        // MariaDB lists some without their character set.
        func short(_ name: String) -> String { String(name.drop { $0 != "_" }.dropFirst()) }
        let list = Set(named.flatMap { [$0.1, short($0.1)] }).map { dialect.literal($0) }.sorted().joined(separator: ", ")
        let known = Set(
            try rows(
                "SELECT collation_name FROM information_schema.collations WHERE collation_name IN (\(list))",
                doing: "look for the collations of \(shape.name)"
            ).compactMap { $0[0] })
        return losses
            + named.filter { !known.contains($0.1) && !known.contains(short($0.1)) }.map {
                "\($0.0): the server has no collation \($0.1), so that its own default is used"
            }
    }

    // MARK: Writing

    func marks(_ load: Load) throws -> [SliceMark] { try readMarks(load) }

    func accepts(_ load: Load) throws -> Schema {
        for name in [load.destination, load.target] where load.create != .recreate || name == load.destination {
            if try tableFacts(name) != nil { return try takingNulls(target(name, columns: load.columns).schema, load) }
        }
        return Schema(load.carried.map { Column($0.name, $0.type, nullable: $0.nullable) })
    }

    /// A NULL for a NOT NULL column can become the counter's next value, the time of day or a default, without an error:
    /// no row with one is sent. Where a trigger may fill it, the server has its say. An upsert could not find a row again
    /// whose key holds a NULL.
    private func takingNulls(_ schema: Schema, _ load: Load) throws -> Schema {
        var schema = schema
        if schema.columns.contains(where: { !$0.nullable }), try hasInsertTrigger(load.destination) {
            for index in schema.columns.indices { schema.columns[index].nullable = true }
        }
        for index in schema.columns.indices where load.mode == .upsert && load.key.contains(schema.columns[index].name) {
            schema.columns[index].nullable = false
        }
        return schema
    }

    private func hasInsertTrigger(_ table: TableName) throws -> Bool {
        try !rows(
            """
            SELECT 1 FROM information_schema.triggers WHERE event_object_schema = \(dialect.literal(try requiredDatabase(table.schema)))
            AND event_object_table = \(dialect.literal(table.name)) AND event_manipulation = 'INSERT' AND action_timing = 'BEFORE'
            """, doing: "look for triggers of \(table)"
        ).isEmpty
    }

    func writer(_ load: Load) throws -> any Writer {
        try writer(load, duplicates: load.mode == .upsert ? .update : load.duplicates ?? .fail)
    }

    func writer(_ load: Load, duplicates: Duplicates) throws -> any Writer {
        var target = try target(load.destination, columns: load.columns)
        if load.mode == .upsert { target.guardsKey = try guardsKey(target, load) }
        target.runsSubqueriesEarly = server.product == .oceanBase
        if load.rounds == true { target.allowRounding() }
        // A note tells where a value was cut. Keys that are put off are checked again by the next load, unless the user turned them off.
        let defers = load.defersForeignKeys == true
        let checks = defers == defersForeignKeys ? "" : ", foreign_key_checks = \(defers ? 0 : 1)"
        try run("SET SESSION sql_notes = 1\(checks)", doing: "set up the session")
        defersForeignKeys = defers
        let offset = try beginWriting(target.schema)
        if try usesLoadData(load) { return MySQLWriter(self, load, target, duplicates, zoneOffset: offset) }
        return MySQLInsertWriter(self, load, target, duplicates, zoneOffset: offset)
    }

    /// Whether the server could take a row for another one: by a key of texts, or by another unique key.
    private func guardsKey(_ target: MySQLTarget, _ load: Load) throws -> Bool {
        let shape = try describe(load.target)
        let unique = [shape.primaryKey] + shape.indexes.filter(\.unique).map(\.columns)
        let isText = target.items.contains { load.key.contains($0.name) && $0.type.storage == .variable }
        return isText || unique.contains { !$0.isEmpty && Set($0) != Set(load.key) }
            || shape.indexes.contains { $0.unique && $0.definition != nil }
    }
}
