import ApusCore

/// The table of slice marks in the target's database, see ``SliceMark/tableName``.
extension MySQLSession {
    /// Slice numbers that are no slices.
    enum Mark {
        static let prepared = -1
        /// Written with the lock, so that the refusal of a second run can name the first.
        static let owner = -2
        /// A window was exchanged.
        static let finished = -3
    }

    func marksTable(_ load: Load) -> String {
        dialect.quote(TableName(schema: load.target.schema, SliceMark.tableName))
    }

    private func targetLiteral(_ load: Load) -> String { dialect.literal(load.target.name) }

    func createMarks(_ load: Load) throws {
        try run(
            """
            CREATE TABLE IF NOT EXISTS \(marksTable(load)) (run_id varchar(64) NOT NULL, target varchar(255) NOT NULL, \
            slice int NOT NULL, rows_read bigint NOT NULL, rows_written bigint NOT NULL, rows_rejected bigint NOT NULL, \
            marked_at datetime(6) NOT NULL, PRIMARY KEY (run_id, target, slice)) \
            ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='slices that Apus has loaded'
            """, doing: "make the table of slice marks beside \(load.target)",
            hint: "Apus keeps a small table `apus_marks` in the target's database while it loads: grant CREATE, INSERT and DELETE there.")
    }

    /// A load that is never resumed does without marks where its user may not make their table.
    func keepsMarks(_ load: Load) throws -> Bool {
        try load.isShared != true || tableFacts(TableName(schema: load.target.schema, SliceMark.tableName)) != nil
    }

    /// Runs what needs rights on the table of marks; a load that is never resumed goes on without them.
    func asPermitted(_ load: Load, _ body: () throws -> Void) throws {
        do { try body() } catch let error as ApusError where error.code == .permission && load.isShared == true {}
    }

    func markInsert(_ mark: SliceMark, _ load: Load) -> String {
        """
        INSERT INTO \(marksTable(load)) VALUES (\(dialect.literal(load.runID)), \(targetLiteral(load)), \(mark.slice), \
        \(mark.read), \(mark.written), \(mark.rejected), NOW(6))
        """
    }

    func setMark(_ slice: Int, _ load: Load) throws {
        let sql = markInsert(SliceMark(slice: slice, read: 0, written: 0, rejected: 0), load).replacing(
            "INSERT INTO", with: "REPLACE INTO", maxReplacements: 1)
        try run(sql, doing: "mark \(load.target) in apus_marks")
    }

    func hasMark(_ slice: Int, _ load: Load) throws -> Bool {
        guard try tableFacts(TableName(schema: load.target.schema, SliceMark.tableName)) != nil else { return false }
        return try !rows(
            "SELECT 1 FROM \(marksTable(load)) WHERE run_id = \(dialect.literal(load.runID)) AND target = \(targetLiteral(load)) AND slice = \(slice)",
            doing: "read the marks of \(load.target)"
        ).isEmpty
    }

    /// The marks of all slices, or of one. Waits for a mark whose commit is under way: its client may be gone, and the
    /// server commits all the same.
    func readMarks(_ load: Load, slice: Int? = nil) throws -> [SliceMark] {
        guard try tableFacts(TableName(schema: load.target.schema, SliceMark.tableName)) != nil else { return [] }
        return try rows(
            """
            SELECT slice, rows_read, rows_written, rows_rejected FROM \(marksTable(load))
            WHERE run_id = \(dialect.literal(load.runID)) AND target = \(targetLiteral(load)) AND slice \(slice.map { "= \($0)" } ?? ">= 0") ORDER BY slice
            LOCK IN SHARE MODE
            """, doing: "read the marks of \(load.target)"
        ).map { row in
            let numbers = row.map { Int($0 ?? "") ?? 0 }
            return SliceMark(slice: numbers[0], read: numbers[1], written: numbers[2], rejected: numbers[3])
        }
    }

    /// The run that holds the lock on a target.
    func lockOwner(_ load: Load) throws -> String? {
        guard try tableFacts(TableName(schema: load.target.schema, SliceMark.tableName)) != nil else { return nil }
        return try rows(
            "SELECT run_id FROM \(marksTable(load)) WHERE target = \(targetLiteral(load)) AND slice = \(Mark.owner) ORDER BY marked_at DESC LIMIT 1",
            doing: "find out who loads \(load.target)"
        ).first?[0]
    }

    /// Deletes marks of the target that fulfil a condition, and the whole table once it is empty.
    func deleteMarks(_ load: Load, where condition: String) throws {
        try guardingMarks(load) {
            guard try tableFacts(TableName(schema: load.target.schema, SliceMark.tableName)) != nil else { return }
            try run(
                "DELETE FROM \(marksTable(load)) WHERE target = \(targetLiteral(load)) AND (\(condition))",
                doing: "clear the marks of \(load.target)")
            if load.keepsMarks != true, try rows("SELECT 1 FROM \(marksTable(load)) LIMIT 1", doing: "look for marks").isEmpty {
                try run("DROP TABLE IF EXISTS \(marksTable(load))", doing: "drop the empty table of marks")
            }
        }
    }

    /// Keeps making and dropping the table of marks apart from other runs.
    func guardingMarks(_ load: Load, _ body: () throws -> Void) throws {
        let name = dialect.literal(try lockName("marks:", load.target.schema, SliceMark.tableName))
        _ = try rows("SELECT GET_LOCK(\(name), 30)", doing: "wait for another run's marks")
        defer { _ = try? attempt("DO RELEASE_LOCK(\(name))") }
        try body()
    }

    /// At most 64 characters, the same for every run: a hash (FNV-1a) of database and table.
    func lockName(_ kind: String, _ schema: String?, _ table: String) throws -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in "\(try requiredDatabase(schema))\0\(table)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return "apus:\(kind)\(String(hash, radix: 16))"
    }
}
