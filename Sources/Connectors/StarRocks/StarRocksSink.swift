import ApusCore
import Tabular

extension StarRocksSession: Sink {
    // MARK: Prepare

    /// What the catalogue says of a table; nil when there is none.
    func isBaseTable(_ table: TableName) throws -> Bool? {
        let schema = dialect.literal(try requiredDatabase(table.schema))
        let found = try rows(
            "SELECT TABLE_TYPE FROM information_schema.tables WHERE TABLE_SCHEMA = \(schema) AND TABLE_NAME = \(dialect.literal(table.name))",
            doing: "look for \(table)")
        return found.first.map { ($0[0] ?? "").uppercased().contains("TABLE") }
    }

    func prepare(_ load: Load) throws {
        try createJournal(load)
        try createCheckpointTable(load)
        if try mark(Mark.prepared, load) != nil {
            guard load.isStaged, try isLost(load) else { return }
            // Nobody but this run sees the staging table: it is made anew, and all slices are loaded again.
            try closeBook(load)
            try deleteEntries(load, "run_id = \(dialect.literal(load.runID)) AND slice <> \(Mark.owner)")
        }
        let isThere = try isBaseTable(load.target)
        if isThere == false {
            throw ApusError(.unsupported, "\(load.target) is a view; rows can be loaded into tables only", context: endpoint.label)
        }
        if isThere == nil, load.create == .require {
            throw ApusError(
                .notFound, "there is no table \(load.target)", hint: "Create it, or load with create: create.", context: endpoint.label)
        }
        if load.mode == .upsert, isThere != nil, load.create != .recreate { try requireKey(load) }
        switch load.mode {
        case .replace: try prepareStaging(load, like: isThere != nil && load.create != .recreate)
        case .window:
            try prepareTarget(load, isThere: isThere != nil)
            try requireWindow(load)
            try prepareStaging(load, like: true)
        default: try prepareTarget(load, isThere: isThere != nil)
        }
        // Written with the first slice's row: without it nothing is loaded, and all of this is done again.
        let prepared = Self.mark(
            Mark.prepared, label: String(UInt32.random(in: .min ... .max), radix: 16), writer: try stagingTime(load) ?? "-",
            read: try baseCount(load))
        book(load).change(bookKey(load)) {
            $0.prepared = prepared
            $0.isExchanged = false
        }
    }

    /// A process that is gone has left a load of which nobody can tell whether its rows are in the staging table.
    private func isLost(_ load: Load) throws -> Bool {
        let sent = try entries(load).filter { $0.slice >= 0 && $0.isSent }
        if sent.isEmpty { return false }
        if load.mode == .replace, try isSwapped(load) != false { return false }
        let silence = try silence(load)
        let labels = try LoadLabels(self, LoadClient(self), load)
        for entry in sent where !Self.isAlive(entry.writer, silence: silence) {
            guard try labels.state(entry.label) == .unknown else { continue }
            do { _ = try labels.settle(entry) } catch let error as ApusError where error.code == .interrupted { return true }
        }
        return false
    }

    /// The rows that are there before the load: by them an outcome is told that the server has forgotten. -1 where they
    /// tell nothing.
    func baseCount(_ load: Load) throws -> Int {
        if load.isStaged || load.mode == .truncate { return 0 }
        guard try declaration(load.target).model == "DUPLICATE KEY" else { return -1 }
        let rows = try rows("SELECT count(*) FROM \(dialect.quote(load.target))", doing: "count the rows of \(load.target)")
        return Int(rows.first?.first.flatMap { $0 } ?? "") ?? -1
    }

    private func requireKey(_ load: Load) throws {
        let declared = try declaration(load.target)
        let isKeyed = declared.model == "PRIMARY KEY" || declared.model == "UNIQUE KEY"
        if isKeyed, Set(declared.key) == Set(load.key) { return }
        let kind = profile.isDoris ? "unique key" : "primary key"
        throw ApusError(
            .unsupported,
            isKeyed
                ? "\(load.target) tells its rows apart by \(declared.key.joined(separator: ", ")), not by \(load.key.joined(separator: ", "))"
                : "\(load.target) is a \(declared.model.split(separator: " ")[0].lowercased()) key table, and upsert needs a \(kind) table",
            hint: isKeyed ? "Name the columns of that key." : "Make it anew with PRIMARY KEY, or use mode replace or append.",
            context: endpoint.label)
    }

    private func prepareTarget(_ load: Load, isThere: Bool) throws {
        if isThere, load.create == .recreate {
            try run("DROP TABLE \(dialect.quote(load.target))", doing: "drop \(load.target), to make it anew")
        }
        if !isThere || load.create == .recreate {
            try make(load.shape, as: load.target)
        } else if load.mode == .truncate {
            try run("TRUNCATE TABLE \(dialect.quote(load.target))", doing: "empty \(load.target)")
        }
    }

    private func prepareStaging(_ load: Load, like: Bool) throws {
        try run("DROP TABLE IF EXISTS \(dialect.quote(load.staging)) FORCE", doing: "drop the last staging table of \(load.target)")
        guard like else { return try make(load.shape, as: load.staging) }
        try run(
            "CREATE TABLE \(dialect.quote(load.staging)) LIKE \(dialect.quote(load.target))",
            doing: "make a staging table for \(load.target)")
    }

    private func make(_ shape: TableShape, as name: TableName) throws {
        for sql in dialect.create(shape, as: name) {
            do { try run(sql, doing: "make the table \(name)", shows: true) } catch let error as ApusError
                where error.code == .statement && options.replicas == nil && (error.underlying ?? "").lowercased().contains("replica")
            {
                throw ApusError(
                    error.code, error.message, hint: "The cluster has fewer BEs than replicas are asked for: give replication_num=1.",
                    context: error.context, underlying: error.underlying)
            }
        }
    }

    // MARK: Writing

    /// Looks at labels without touching their transactions: they may be another worker's.
    func marks(_ load: Load) throws -> [SliceMark] {
        let all = try entries(load).filter { $0.slice >= 0 }
        var found: [Int: SliceMark] = [:]
        for entry in all where entry.state == .done { found[entry.slice] = entry.mark }
        let open = all.filter { $0.isSent && found[$0.slice] == nil }
        let book = book(load), key = bookKey(load)
        if !open.isEmpty {
            let labels = try LoadLabels(self, LoadClient(self), load)
            // The swap comes after all slices.
            let isOver = try load.mode == .replace && isSwapped(load) == true
            for var entry in open {
                let state = isOver ? .visible : try labels.state(entry.label)
                // Nothing may be called done, counted or exchanged before it can be seen.
                if state == .committed { try labels.awaitVisible(entry.label) }
                switch state {
                case .visible, .committed:
                    entry.state = .done
                    book.keep(entry, key)
                    found[entry.slice] = entry.mark
                default: continue
                }
            }
        }
        // A worker of many that ends here leaves nothing unwritten. Under a lock that is held, and where no other worker
        // is, the table's end comes next.
        if case .held = book.account(key).lock {
        } else if load.isShared != true, !book.kept(key).isEmpty {
            try write([], load, locks: false)
        }
        return found.values.sorted { $0.slice < $1.slice }
    }

    func comparable(_ table: TableName) throws -> TableName { TableName(schema: table.schema ?? database, table.name) }

    /// Columns, unlike tables, do not differ in case only.
    func comparable(column: String) -> String { column.lowercased() }

    func accepts(_ load: Load) throws -> Schema {
        for name in [load.destination, load.target] where load.create != .recreate || name == load.destination {
            if try isBaseTable(name) != nil { return try loadTarget(name, columns: load.columns).schema }
        }
        return Schema(load.carried.map { Column($0.name, $0.type, nullable: $0.nullable) })
    }

    func writer(_ load: Load) throws -> any Writer {
        if let duplicates = load.duplicates, duplicates != .fail, duplicates != .update, duplicates != .replace {
            throw ApusError(
                .unsupported, "\(profile.banner) has no INSERT IGNORE: rows whose key is there cannot be passed over",
                context: endpoint.label)
        }
        return try StarRocksWriter(self, load, loadTarget(load.destination, columns: load.columns))
    }
}
