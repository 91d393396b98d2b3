import ApusCore
import CSQLite
import Glibc
import Tabular

/// Preparing, finishing and undoing loads. Every step is one transaction together with its mark.
extension SQLiteSession {
    /// The mark of a load whose table is prepared, and of one that is finished.
    static let preparedMark = -1
    static let finishedMark = -2

    public func lock(_ load: Load) throws {
        let table = load.target.name.lowercased()
        guard locks[table] == nil else { return }
        // Opened first where it is to be made; else only afterwards, since that waits for the writer that holds the lock.
        if access(path, F_OK) != 0 { _ = try writing() }
        locks[table] = try SQLiteLock(database: path, table: load.target.name, run: load.runID)
    }

    public func unlock(_ load: Load) {
        locks.removeValue(forKey: load.target.name.lowercased())?.release()
    }

    // MARK: Marks

    private func hasMarks() throws -> Bool { try realName(SliceMark.tableName) != nil }

    private func hasMark(_ slice: Int, _ load: Load) throws -> Bool {
        guard try hasMarks() else { return false }
        return try !reading().rows(
            "SELECT 1 FROM \(SliceMark.tableName) WHERE run_id = ? AND target = ? AND slice = ?",
            [load.runID, load.target.description, String(slice)], doing: "look for the marks of table \(load.target)"
        ).isEmpty
    }

    static let insertMark =
        "INSERT INTO \(SliceMark.tableName) VALUES (?, ?, ?, ?, ?, ?, strftime('%Y-%m-%d %H:%M:%fZ'))"

    /// The mark of a committed slice.
    func mark(of slice: Int, _ load: Load) throws -> SliceMark? {
        guard try hasMarks() else { return nil }
        return try writing().rows(
            "SELECT rows_read, rows_written, rows_rejected FROM \(SliceMark.tableName) WHERE run_id = ? AND target = ? AND slice = ?",
            [load.runID, load.target.description, String(slice)], doing: "read the marks of table \(load.target)"
        ).first.map { row in
            let numbers = row.map { Int($0 ?? "") ?? 0 }
            return SliceMark(slice: slice, read: numbers[0], written: numbers[1], rejected: numbers[2])
        }
    }

    private func mark(_ slice: Int, _ load: Load) throws {
        _ = try writing().rows(
            Self.insertMark, [load.runID, load.target.description, String(slice), "0", "0", "0"],
            doing: "mark table \(load.target)")
    }

    public func marks(_ load: Load) throws -> [SliceMark] {
        do { guard try hasMarks() else { return [] } } catch let error as ApusError where error.code == .notFound {
            return []
        }
        return try reading().rows(
            """
            SELECT slice, rows_read, rows_written, rows_rejected FROM \(SliceMark.tableName)
            WHERE run_id = ? AND target = ? AND slice >= 0 ORDER BY slice
            """, [load.runID, load.target.description], doing: "read the marks of table \(load.target)"
        ).map { row in
            let numbers = row.map { $0.flatMap { Int($0) } ?? 0 }
            return SliceMark(slice: numbers[0], read: numbers[1], written: numbers[2], rejected: numbers[3])
        }
    }

    /// Removes marks of this target and, with the last one, their table.
    private func removeMarks(_ load: Load, where condition: String) throws {
        guard try hasMarks() else { return }
        let database = try writing()
        let doing = "forget the marks of table \(load.target)"
        _ = try database.rows(
            "DELETE FROM \(SliceMark.tableName) WHERE target = ? AND (\(condition))",
            [load.target.description, load.runID],
            doing: doing)
        if load.keepsMarks != true, try database.rows("SELECT 1 FROM \(SliceMark.tableName) LIMIT 1", doing: doing).isEmpty {
            try database.run("DROP TABLE \(SliceMark.tableName)", doing: doing)
        }
    }

    /// Runs a change of tables: foreign keys neither cascade nor follow names.
    private func changing(_ load: Load, _ doing: String, _ body: (SQLiteDatabase) throws -> Void) throws {
        let database = try writing()
        try database.run("PRAGMA foreign_keys=off; PRAGMA legacy_alter_table=on", doing: doing)
        defer {
            let checks = settings.boolean("foreign_keys") ? "on" : "off"
            _ = try? database.run("PRAGMA legacy_alter_table=off; PRAGMA foreign_keys=\(checks)", doing: doing)
        }
        try database.transaction(doing: doing) { try body(database) }
    }

    // MARK: Steps

    public func prepare(_ load: Load) throws {
        try checkSchema(load.target.schema)
        let doing = "prepare table \(load.target)"
        try changing(load, doing) { database in
            if try hasMark(Self.preparedMark, load) { return }
            try database.run(
                """
                CREATE TABLE IF NOT EXISTS \(SliceMark.tableName) (
                  run_id TEXT NOT NULL, target TEXT NOT NULL, slice INTEGER NOT NULL, rows_read INTEGER NOT NULL,
                  rows_written INTEGER NOT NULL, rows_rejected INTEGER NOT NULL, marked_at TEXT NOT NULL,
                  PRIMARY KEY (run_id, target, slice)) WITHOUT ROWID
                """, doing: doing)
            try createCheckpointTable(load, database)
            let existing = try realName(load.target.name)
            if let existing, existing.kind == .view {
                throw ApusError(
                    .unsupported, "\(existing.name) is a view; rows can be loaded into tables only", context: path)
            }
            if existing == nil, load.create == .require {
                throw ApusError(
                    .notFound,
                    "there is no table `\(load.target.name)`, and `create: require` does not let Apus make it",
                    hint: Nearest.hint(for: load.target.name, among: try tables(schema: nil).map(\.name.name)),
                    context: path)
            }
            let drops = existing != nil && load.create == .recreate
            if existing != nil, load.mode == .replace || drops { try checkReferences(load) }
            if load.mode == .replace {
                try makeStaging(load, existing: drops ? nil : existing?.name, database)
            } else {
                if drops { try database.run("DROP TABLE \(dialect.quote(load.target.name))", doing: doing) }
                if existing == nil || drops {
                    try database.run(
                        dialect.create(load.shape, as: TableName(load.target.name), foreignKeys: load.withForeignKeys),
                        doing: doing, shows: true)
                } else if load.mode == .truncate {
                    try database.run("DELETE FROM \(dialect.quote(load.target.name))", doing: doing)
                }
                if load.mode == .window { try makeStaging(load, existing: realName(load.target.name)?.name, database) }
            }
            try mark(Self.preparedMark, load)
        }
    }

    /// An empty table like the target: its own declaration, with every constraint, under another name.
    private func makeStaging(_ load: Load, existing: String?, _ database: SQLiteDatabase) throws {
        let doing = "make the staging table of \(load.target)"
        let name = dialect.quote(load.staging.name)
        try database.run("DROP TABLE IF EXISTS \(name)", doing: doing)
        guard let existing else {
            let staging = TableName(load.staging.name)
            try database.run(dialect.create(load.shape, as: staging, foreignKeys: load.withForeignKeys), doing: doing, shows: true)
            return
        }
        let sql = try database.rows(
            "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", [existing], doing: doing)
        guard let sql = sql.first?[0], !sql.uppercased().hasPrefix("CREATE VIRTUAL"),
            let renamed = SQLiteText.renamedTable(sql, to: name)
        else {
            throw ApusError(
                .unsupported, "table \(load.target) is a virtual table, which cannot be swapped",
                hint: "Use mode truncate or append.", context: path)
        }
        try database.run(renamed, doing: doing)
    }

    private func checkReferences(_ load: Load) throws {
        let target = load.target.name.lowercased()
        let rows = try reading().rows(
            """
            SELECT DISTINCT t.name FROM pragma_table_list AS t, pragma_foreign_key_list(t.name) AS k
            WHERE t.schema = 'main' AND t.type = 'table' AND lower(k."table") = ? AND lower(t.name) <> ?
            """, [target, target], doing: "look for references to table \(load.target)")
        let group = Set((load.replacedWith ?? []).map { $0.name.lowercased() })
        let names = rows.compactMap { $0[0] }.filter { !Self.isInternal($0) && !group.contains($0.lowercased()) }
        guard !names.isEmpty else { return }
        throw ApusError(
            .referenced,
            "table \(load.target) cannot be replaced: foreign keys of \(names.joined(separator: ", ")) refer to it",
            hint: "Use mode upsert, append or truncate for this table.", context: path)
    }

    /// Only where the connection asks for keys at all: SQLite does not look at them by itself.
    public func checkForeignKeys(_ load: Load) throws {
        guard settings.boolean("foreign_keys") else { return }
        let rows = try reading().rows(
            "SELECT \"parent\", count(*) FROM pragma_foreign_key_check(?) GROUP BY 1", [load.target.name],
            doing: "look at the foreign keys of table \(load.target)")
        guard let first = rows.first else { return }
        throw ApusError(
            .referenced,
            "\(first[1] ?? "") rows of table \(load.target) refer to rows of \(first[0] ?? "") that are not there: they break its foreign key",
            hint: "Load the missing rows, or remove those that refer to them.", context: path)
    }

    /// Names of ASCII letters do not differ in case only; there is one schema.
    public var sharedNames: [SharedName] { [.index] }

    public func taken(_ names: [String], _ kind: SharedName, beside table: TableName) throws -> [String] {
        guard SQLiteErrors.isFile(path) else { return [] }
        return try reading().rows(
            "SELECT name FROM sqlite_master WHERE tbl_name <> ? COLLATE NOCASE", [table.name], doing: "look for names beside table \(table)"
        ).compactMap { $0[0] }
    }

    public func comparable(_ table: TableName) throws -> TableName { TableName(comparable(column: table.name)) }

    public func comparable(column: String) -> String {
        String(decoding: column.utf8.map { $0 >= 65 && $0 <= 90 ? $0 | 32 : $0 }, as: UTF8.self)
    }

    public func accepts(_ load: Load) throws -> Schema {
        var types = Dictionary(load.shape.columns.map { ($0.name.lowercased(), $0.type) }, uniquingKeysWith: { $1 })
        let declared = try declaredColumns(load)
        let nullable = Dictionary(declared.map { ($0.name.lowercased(), $0.takesNull) }, uniquingKeysWith: { first, _ in first })
        for (name, native, _) in declared {
            if let type = SQLiteTypes.type(declared: native) { types[name.lowercased()] = type }
        }
        return Schema(
            try load.columns.map { column in
                guard declared.isEmpty || nullable[column.lowercased()] != nil,
                    let type = types[column.lowercased()]
                else {
                    throw ApusError(
                        .notFound, "table \(load.target) has no column `\(column)`",
                        hint: Nearest.hint(for: column, among: declared.map(\.name)), context: path)
                }
                // A NULL for the rowid becomes the next number; an upsert could not find a row again whose key holds a NULL.
                let takesNull = nullable[column.lowercased()] ?? true
                return Column(column, type, nullable: takesNull && !(load.mode == .upsert && load.key.contains(column)))
            })
    }

    /// Columns of the table that receives rows and their declared types; empty when it is not made yet.
    func declaredColumns(_ load: Load) throws -> [(name: String, native: String, takesNull: Bool)] {
        do {
            return try reading().rows(
                """
                SELECT name, type, "notnull" OR upper(type) = 'INTEGER' AND pk = 1
                  AND (SELECT max(pk) FROM pragma_table_xinfo(?)) = 1
                  AND NOT EXISTS (SELECT 1 FROM pragma_index_list(?) WHERE origin = 'pk')
                FROM pragma_table_xinfo(?)
                """, [load.destination.name, load.destination.name, load.destination.name],
                doing: "describe table \(load.target)"
            ).map { ($0[0] ?? "", $0[1] ?? "", $0[2] != "1") }
        } catch let error as ApusError where error.code == .notFound {
            return []
        }
    }

    public func writer(_ load: Load) throws -> any Writer { try SQLiteWriter(self, load) }

    public func finish(_ load: Load) throws {
        let doing = "finish table \(load.target)"
        try changing(load, doing) { database in
            if try hasMark(Self.finishedMark, load) { return }
            guard try hasMark(Self.preparedMark, load) else {
                throw ApusError(
                    .interrupted, "table \(load.target) was not prepared by this run, or its marks are gone",
                    hint: "Start a new run.", context: path)
            }
            if load.mode == .replace { try swap(load, database) }
            if load.mode == .window { try exchangeWindow(load, database) }
            if load.withIndexes { try makeIndexes(load, database) }
            try setCounter(load, database)
            try saveCheckpoint(load, database)
            try mark(Self.finishedMark, load)
        }
    }

    /// The staging table becomes the target. Indexes and triggers follow by their own statements; views and foreign
    /// keys go by name.
    private func swap(_ load: Load, _ database: SQLiteDatabase) throws {
        let doing = "swap table \(load.target)"
        guard try realName(load.staging.name) != nil else {
            throw ApusError(
                .interrupted, "the staging table of \(load.target) is gone", hint: "Start a new run.", context: path)
        }
        var statements: [String] = []
        var name = load.target.name
        if let old = try realName(name) {
            name = old.name
            if load.create != .recreate {
                statements = try database.rows(
                    """
                    SELECT sql FROM sqlite_master WHERE tbl_name = ? COLLATE NOCASE AND type IN ('index', 'trigger')
                    AND sql IS NOT NULL ORDER BY type = 'trigger', rowid
                    """, [name], doing: doing
                ).compactMap { $0[0] }
            }
            let counter = try counter(of: name, database)
            try database.run("DROP TABLE \(dialect.quote(name))", doing: doing)
            if let counter {
                _ = try database.rows(
                    "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", [counter, load.staging.name],
                    doing: doing)
                _ = try database.rows(
                    """
                    INSERT INTO sqlite_sequence SELECT ?, CAST(? AS INTEGER)
                    WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?)
                    """, [load.staging.name, counter, load.staging.name], doing: doing)
            }
        }
        try database.run(
            "ALTER TABLE \(dialect.quote(load.staging.name)) RENAME TO \(dialect.quote(name))", doing: doing)
        for sql in statements {
            do {
                try database.run(sql, doing: "make an index or trigger of table \(load.target) anew")
            } catch let error as ApusError where error.code == .rowRejected {
                throw ApusError(
                    .statement,
                    "the new rows of table \(load.target) break one of its unique indexes; the old table stays",
                    hint: "Look for duplicates in the source, or drop the index.", context: path,
                    underlying: error.underlying)
            }
        }
    }

    /// What AUTOINCREMENT has counted to; nil for a table without it.
    private func counter(of table: String, _ database: SQLiteDatabase) throws -> String? {
        guard try realName("sqlite_sequence") != nil else { return nil }
        return try database.rows(
            "SELECT seq FROM sqlite_sequence WHERE name = ?", [table], doing: "read the counter of table \(table)"
        ).first?[0]
    }

    /// Numbers that the source has given already are not given again, also where their rows are gone.
    private func setCounter(_ load: Load, _ database: SQLiteDatabase) throws {
        guard let next = load.counter.flatMap({ Int($0) }), next > 1, try realName("sqlite_sequence") != nil,
            let table = try realName(load.target.name)?.name
        else { return }
        let doing = "set the counter of table \(load.target)"
        let sql = try database.rows("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", [table], doing: doing).first?[0]
        guard SQLiteDeclaration(sql ?? "").counts else { return }
        let last = String(next - 1)
        _ = try database.rows("UPDATE sqlite_sequence SET seq = max(seq, CAST(? AS INTEGER)) WHERE name = ?", [last, table], doing: doing)
        _ = try database.rows(
            """
            INSERT INTO sqlite_sequence SELECT ?, CAST(? AS INTEGER) WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?)
            """, [table, last, table], doing: doing)
    }

    private func makeIndexes(_ load: Load, _ database: SQLiteDatabase) throws {
        let present = Set(
            try database.rows(
                "SELECT lower(name) FROM pragma_index_list(?)", [load.target.name], doing: "list indexes"
            ).compactMap { $0[0] })
        let taken = Set(
            try database.rows("SELECT lower(name) FROM sqlite_master", doing: "list names").compactMap { $0[0] })
        for index in load.shape.indexes where !index.name.lowercased().hasPrefix("sqlite_autoindex_") {
            var single = load.shape
            single.indexes = [index]
            guard var sql = dialect.createIndexes(single, on: TableName(load.target.name)).first else { continue }
            let name = SQLiteText.indexName(sql) ?? index.name
            if present.contains(name.lowercased()) { continue }
            if taken.contains(name.lowercased()) {
                sql = SQLiteText.renamedIndex(sql, to: dialect.quote("\(load.target.name)_\(name)")) ?? sql
            }
            do {
                try database.run(sql, doing: "make index \(name) on table \(load.target)")
            } catch let error as ApusError where error.code == .rowRejected {
                throw ApusError(
                    .statement, "the rows of table \(load.target) break its unique index \(name)",
                    hint: "Look for duplicates in the source, or load without indexes.", context: path,
                    underlying: error.underlying)
            }
        }
    }

    public func forget(_ load: Load) throws {
        guard SQLiteErrors.isFile(path), try hasMarks() else { return }
        try writing().transaction(doing: "forget the marks of table \(load.target)") {
            // Run ids sort by time: what came before this run on this target is over.
            try removeMarks(load, where: load.isShared == true ? "run_id = ?" : "run_id <= ?")
        }
    }

    public func discard(_ load: Load) throws {
        guard SQLiteErrors.isFile(path) else { return }
        try changing(load, "discard what was loaded for table \(load.target)") { database in
            try database.run(
                "DROP TABLE IF EXISTS \(dialect.quote(load.staging.name))", doing: "drop the staging table")
            try removeMarks(load, where: "run_id = ?")
        }
    }
}
