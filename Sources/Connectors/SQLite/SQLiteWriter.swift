import ApusCore
import CSQLite
import Tabular

/// Inserts rows by one prepared statement, a transaction a slice.
///
/// SQLite takes back a statement that fails and keeps the transaction, so every bad row is known exactly and at once,
/// careful or not.
final class SQLiteWriter: Writer {
    private let session: SQLiteSession
    private let database: SQLiteDatabase
    private let load: Load
    private let schema: Schema
    private let columns: [SQLiteWriteColumn]
    private let statement: SQLiteStatement
    /// Text of temporal values and numbers while a row is being written: ``Format/longest`` octets a column.
    private let scratch: UnsafeMutablePointer<UInt8>
    /// `ON CONFLICT DO NOTHING` legitimately changes nothing.
    private let mayChangeNothing: Bool
    /// A row of another key that is equal to the row's own is left as it is: the row is rejected.
    private let checksKey: Bool
    private var written = 0

    private var doing: String { "write to table \(load.target)" }

    init(_ session: SQLiteSession, _ load: Load) throws {
        self.session = session
        self.load = load
        database = try session.writing()
        schema = try session.accepts(load)
        let declared = Dictionary(
            try session.declaredColumns(load).map { ($0.name.lowercased(), $0.native) }, uniquingKeysWith: { first, _ in first })
        let isStrict = try session.realName(load.destination.name)?.isStrict ?? false
        columns = schema.columns.map { column in
            let native = declared[column.name.lowercased()] ?? ""
            return SQLiteWriteColumn(column.type, SQLiteAffinity(declared: native, isStrict: isStrict))
        }
        let texts = schema.columns.filter { load.key.contains($0.name) && $0.type.storage == .variable }.map(\.name)
        checksKey = load.mode == .upsert && !texts.isEmpty
        let sql = Self.insert(load, texts, session.dialect)
        mayChangeNothing = sql.hasSuffix("DO NOTHING")
        statement = try database.prepare(sql, doing: "write to table \(load.target)", persistent: true)
        scratch = .allocate(capacity: max(1, schema.count) * Format.longest)
    }

    deinit { scratch.deallocate() }

    /// - parameter texts: columns of the key that a collation (NOCASE, RTRIM) may take for equal when they are not the same.
    private static func insert(_ load: Load, _ texts: [String], _ dialect: SQLiteDialect) -> String {
        let names = load.columns.map(dialect.quote).joined(separator: ", ")
        let places = load.columns.map { _ in "?" }.joined(separator: ", ")
        // The statement's own word, so that the table's conflict rules put no row in another's place.
        var sql = "INSERT OR ABORT INTO \(dialect.quote(load.destination.name)) (\(names)) VALUES (\(places))"
        guard load.mode == .upsert else { return sql }
        sql += " ON CONFLICT (\(load.key.map(dialect.quote).joined(separator: ", "))) DO "
        var changed = load.columns.filter { !load.key.contains($0) }.map(dialect.quote)
        if changed.isEmpty { changed = texts.prefix(1).map(dialect.quote) }
        if changed.isEmpty { return sql + "NOTHING" }
        sql += "UPDATE SET " + changed.map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
        if texts.isEmpty { return sql }
        let table = dialect.quote(load.destination.name)
        return sql + " WHERE "
            + texts.map { "\(table).\(dialect.quote($0)) IS excluded.\(dialect.quote($0)) COLLATE BINARY" }.joined(separator: " AND ")
    }

    @discardableResult func begin(_ slice: Slice, careful: Bool) throws -> SliceMark? {
        written = 0
        if session.settings.boolean("foreign_keys") {
            try database.run(
                "PRAGMA foreign_keys=\(load.defersForeignKeys == true || load.isStaged ? "off" : "on")", doing: "begin to \(doing)")
        }
        try database.run("BEGIN IMMEDIATE", doing: "begin to \(doing)")
        guard let mark = try session.mark(of: slice.id, load) else { return nil }
        database.rollBack()
        return mark
    }

    func write(_ batch: Batch) throws -> [RejectedRow] {
        var rejected: [RejectedRow] = []
        let pointer = statement.pointer
        let count = columns.count
        precondition(batch.columns.count == count)
        let values = UnsafePointer(batch.columns.baseAddress!)
        try columns.withUnsafeBufferPointer { columns in
            for row in 0..<batch.rowCount {
                var bad = -1
                for index in 0..<count {
                    let text = scratch + index &* Format.longest
                    if !columns[index].bind(
                        values + index, row, to: pointer, Int32(truncatingIfNeeded: index &+ 1), text)
                    {
                        bad = index
                        break
                    }
                }
                if bad >= 0 {
                    rejected.append(
                        RejectedRow(
                            row: batch.firstRow + row, column: schema[bad].name, reason: columns[bad].reason,
                            values: batch.json(row: row)))
                    continue
                }
                let status = sqlite3_step(pointer)
                if status == SQLITE_DONE, mayChangeNothing || sqlite3_changes(database.handle) != 0 {
                    sqlite3_reset(pointer)
                    written &+= 1
                    continue
                }
                rejected.append(try refused(status, batch, row))
            }
        }
        sqlite3_clear_bindings(pointer)
        return rejected
    }

    /// Tells a row that the table refuses from everything else, which is thrown.
    private func refused(_ status: Int32, _ batch: Batch, _ row: Int) throws -> RejectedRow {
        let isRow = [SQLITE_DONE, SQLITE_CONSTRAINT, SQLITE_MISMATCH, SQLITE_TOOBIG].contains(status & 0xff)
        let reason =
            status == SQLITE_DONE
            ? checksKey
                ? "the target has a row that it takes for this one, but whose key (\(load.key.joined(separator: ", "))) is not the same: it differs in case or blanks, which the column's collation ignores"
                : "a trigger of the table left the row out"
            : String(cString: sqlite3_errmsg(database.handle))
        let error = isRow ? nil : database.error(status, doing: doing)
        sqlite3_reset(statement.pointer)
        if let error { throw error }
        guard database.isInTransaction else {
            throw ApusError(
                .statement, "a trigger of table \(load.target) rolled the transaction back because of one row",
                hint: "Load in mode replace, or change the trigger.", context: session.path, underlying: reason)
        }
        return RejectedRow(
            row: batch.firstRow + row, column: Self.column(reason, schema), reason: reason, values: batch.json(row: row)
        )
    }

    /// `UNIQUE constraint failed: t.a, t.b` names columns; nil unless it is one of ours.
    private static func column(_ reason: String, _ schema: Schema) -> String? {
        guard let dot = reason.lastIndex(of: ".") else { return nil }
        let name = String(reason[reason.index(after: dot)...])
        return schema.index(of: name) == nil ? nil : name
    }

    func flush() throws -> Int { written }

    func commit(_ mark: SliceMark) throws {
        let doing = "commit a slice of table \(load.target)"
        let numbers = [mark.slice, mark.read, mark.written, mark.rejected].map { String($0) }
        do {
            _ = try database.rows(
                SQLiteSession.insertMark, [load.runID, load.target.description] + numbers, doing: doing)
        } catch let error as ApusError where error.code == .rowRejected {
            throw ApusError(
                .internalFault, "slice \(mark.slice) of table \(load.target) is loaded already", context: session.path)
        }
        try database.run("COMMIT", doing: doing)
    }

    func abort() {
        sqlite3_reset(statement.pointer)
        database.rollBack()
        written = 0
    }

    func close() { abort() }
}
