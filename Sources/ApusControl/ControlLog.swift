import ApusCore
import Tabular

/// An unfinished row of `datax_log`: one table on one day.
public struct ControlLogRow: Sendable, Hashable {
    public var id: Int
    public var table: String
    /// `datax_config.id`.
    public var configID: Int?
    /// `2026-11-22`: the day of the run, which is the end of its window.
    public var day: String
    public var from: String
    public var upTo: String

    public init(id: Int, table: String, configID: Int?, day: String, from: String, upTo: String) {
        self.id = id
        self.table = table
        self.configID = configID
        self.day = day
        self.from = from
        self.upTo = upTo
    }
}

/// What became of one table, for the log.
public struct ControlOutcome: Sendable {
    public var tally: Tally
    /// Seconds.
    public var seconds: Double
    public var error: ApusError?
    public var rejected: [RejectedRow]
    /// Rows that were read, also by slices of which nothing was kept.
    public var rowsRead: Int

    public init(tally: Tally, seconds: Double, error: ApusError? = nil, rejected: [RejectedRow] = [], rowsRead: Int = 0) {
        self.tally = tally
        self.seconds = seconds
        self.error = error
        self.rejected = rejected
        self.rowsRead = max(rowsRead, tally.read, rejected.count)
    }
}

extension ControlDatabase {
    /// All rows of the log that are not finished, oldest first.
    public func unfinished() throws -> [ControlLogRow] {
        try link.perform("read the log") { session in
            try session.query(
                """
                SELECT id, table_name, datax_id, dt, etl_begintime, etl_endtime FROM \(ControlTables.log) \
                WHERE COALESCE(is_finished, 0) = 0 ORDER BY etl_begintime, id
                """
            ).compactMap { row in
                guard let id = row[0].flatMap({ Int($0) }), let day = row[3] else { return nil }
                // Where a variant has times in these columns, the day is their beginning.
                return ControlLogRow(
                    id: id, table: row[1] ?? "", configID: row[2].flatMap { Int($0) }, day: String(day.prefix(10)),
                    from: String((row[4] ?? day).prefix(10)), upTo: String((row[5] ?? day).prefix(10)))
            }
        }
    }

    /// Takes the lease of a row and opens its row in the log, in one transaction.
    /// - parameter log: the unfinished row to go on with; nil = the one of that day, or a new one.
    /// - parameter resuming: the row's last run, if it failed and is to be gone on with.
    /// - parameter ended: the run that the worker has ended under the lease, where it still holds it.
    public func begin(
        _ row: ControlRow, of table: String, from: String, upTo: String, run: String, resuming: String? = nil, ended: String? = nil,
        log: Int?, worker: ControlWorker, zoneOffset: Int, leaseSeconds: Int = leaseSeconds, patience: Double? = nil
    ) throws -> (claim: ControlClaim, log: Int?) {
        try link.transaction("take the lease of \(row.sourceTable)", patience: patience) { session in
            let key = Self.leaseKey(table, row)
            let claim = try claim(
                key, worker, from: from, upTo: upTo, run: run, resuming: resuming, ended: ended, leaseSeconds: leaseSeconds, session
            ) { try self.isFinished(row, from: from, upTo: upTo, since: Self.time($0, zoneOffset), session) }
            guard case .taken(let lease) = claim else { return (claim, nil) }
            let own = lease.isTakenOver ? (lease.from, lease.upTo) : (from, upTo)
            return (claim, try open(row, from: own.0, upTo: own.1, log: lease.isTakenOver ? nil : log, zoneOffset, session))
        }
    }

    /// Whether the log knows a window of a row as finished since a time, microseconds since 1970.
    public func isFinished(
        _ row: ControlRow, from: String, upTo: String, since: Int, zoneOffset: Int, patience: Double? = nil
    ) throws -> Bool {
        try link.perform("read the log", patience: patience) {
            try isFinished(row, from: from, upTo: upTo, since: Self.time(since, zoneOffset), $0)
        }
    }

    /// The same within a transaction.
    private func isFinished(_ row: ControlRow, from: String, upTo: String, since: String, _ session: any SQLSession) throws -> Bool {
        try session.query(
            """
            SELECT id FROM \(ControlTables.log) WHERE datax_id = ? AND table_name = ? AND dt = ? AND etl_begintime = ? \
            AND is_finished = 1 AND endtime >= ?
            """, [row.id.map(String.init), row.sourceTable, upTo, from, since]
        ).isEmpty == false
    }

    private func open(
        _ row: ControlRow, from: String, upTo: String, log: Int?, _ zoneOffset: Int, _ session: any SQLSession
    ) throws -> Int? {
        let start = Self.time(try micros(session), zoneOffset)
        var known = log.map(String.init)
        func find() throws -> String? {
            try session.query(
                "SELECT id FROM \(ControlTables.log) WHERE datax_id = ? AND table_name = ? AND dt = ? ORDER BY id DESC",
                [row.id.map(String.init), row.sourceTable, upTo]
            ).first?.first ?? nil
        }
        if known == nil { known = try find() }
        var values: [(String, String?)] = [
            ("starttime", start), ("endtime", nil), ("etl_begintime", from), ("etl_endtime", upTo), ("is_finished", "0"),
        ]
        if known == nil {
            values += [("table_name", row.sourceTable), ("dt", upTo), ("datax_id", row.id.map(String.init)), ("create_time", start)]
            try insert(into: ControlTables.log, values, session)
            known = try find()
        } else {
            try update(ControlTables.log, values, where: "id = ?", [known], session)
        }
        return known.flatMap { Int($0) }
    }

    /// Writes down what became of a table, and ends its lease unless `goesOn`: more days of it follow.
    ///
    /// - parameter covered: other rows of the log that this run has made good.
    /// - returns: false when the lease is another worker's by now, which then has the last word.
    @discardableResult
    public func finish(
        _ row: ControlRow, of table: String, lease: ControlLease, log: Int?, covered: [Int] = [], outcome: ControlOutcome,
        zoneOffset: Int, goesOn: Bool = false, patience: Double
    ) throws -> Bool {
        func write(isPlain: Bool) throws -> Bool {
            try finish(
                row, of: table, lease, log, covered, outcome, zoneOffset, goesOn: goesOn, patience: patience, isPlain: isPlain)
        }
        do { return try write(isPlain: false) } catch let error as ApusError where !error.isTransient {
            // A table of old may have another character set, or a small TEXT: what happened matters more than its words.
            guard outcome.error != nil || !outcome.rejected.isEmpty, let isWritten = try? write(isPlain: true) else { throw error }
            return isWritten
        }
    }

    private func finish(
        _ row: ControlRow, of table: String, _ lease: ControlLease, _ log: Int?, _ covered: [Int], _ outcome: ControlOutcome,
        _ zoneOffset: Int, goesOn: Bool, patience: Double, isPlain: Bool
    ) throws -> Bool {
        try link.transaction("write what became of \(row.sourceTable)", patience: patience) { session in
            guard let now = try holds(lease, session) else { return false }
            let tally = outcome.tally
            let isDone = outcome.error == nil
            try write(outcome, to: log, at: now, session, zoneOffset)
            for other in covered where isDone && other != log {
                try update(ControlTables.log, [("is_finished", "1")], where: "id = ?", [String(other)], session)
            }
            let id = row.id.map(String.init)
            if tally.rejected > 0 || !outcome.rejected.isEmpty {
                try insert(
                    into: ControlTables.rowError,
                    [
                        ("error_num", String(max(tally.rejected, outcome.rejected.count))), ("total_num", String(outcome.rowsRead)),
                        ("datax_id", id), ("table_name", row.sourceTable), ("msg", Self.text(of: outcome.rejected, isPlain: isPlain)),
                        ("create_time", Self.time(now, zoneOffset)),
                    ], session)
            }
            if let error = outcome.error, error.code != .tooManyRejected {
                try insert(
                    into: ControlTables.etlError,
                    [
                        ("datax_id", id), ("table_name", row.sourceTable),
                        ("msg", Self.message(Masking.mask(error.description), isPlain: isPlain)),
                        ("create_time", Self.time(now, zoneOffset)),
                    ],
                    session)
            }
            if isDone, let id {
                let config = try columns(of: table, session)
                // A backfill of older days does not set it back.
                let sets =
                    (config.contains("etl_num") ? ["etl_num = COALESCE(etl_num, 0) + 1"] : [])
                    + (config.contains("last_etl_date")
                        ? ["last_etl_date = CASE WHEN last_etl_date > ? THEN last_etl_date ELSE ? END"] : [])
                if !sets.isEmpty {
                    _ = try session.query(
                        "UPDATE \(quote(table: table)) SET \(sets.joined(separator: ", ")) WHERE id = ?",
                        (config.contains("last_etl_date") ? [lease.upTo, lease.upTo] : []) + [id])
                }
            }
            if !goesOn || !isDone { try end(lease, isDone ? "done" : "failed", at: now, session) }
            return true
        }
    }

    private func write(_ outcome: ControlOutcome, to log: Int?, at now: Int, _ session: any SQLSession, _ zoneOffset: Int) throws {
        guard let log else { return }
        let shape = try shape(of: ControlTables.log, session)
        /// A column of whole numbers takes no fraction.
        func number(_ value: Double, _ name: String) -> String {
            if case .integer = shape.columns.first(where: { $0.name.lowercased() == name })?.type { return String(Int(value.rounded())) }
            return Thousandths.text(value)
        }
        let tally = outcome.tally
        let seconds = max(outcome.seconds, 0.001)
        try update(
            ControlTables.log,
            [
                ("endtime", Self.time(now, zoneOffset)), ("net_num", Self.flow(Double(tally.bytes) / seconds)),
                ("is_finished", outcome.error == nil ? "1" : "0"), ("time_num", number(outcome.seconds, "time_num")),
                ("speed_num", number(Double(outcome.rowsRead) / seconds, "speed_num")), ("read_num", String(outcome.rowsRead)),
                ("error_num", String(max(tally.rejected, outcome.rejected.count))),
            ], where: "id = ?", [String(log)], session)
    }

    // MARK: Statements

    /// The values whose columns are there.
    private func fitted(_ values: [(String, String?)], _ table: String, _ session: any SQLSession) throws -> [(String, String?)] {
        let columns = try shape(of: table, session).columns
        return values.compactMap { name, value in
            columns.first { $0.name.lowercased() == name }.map { (name, Self.fitted(value, $0.type)) }
        }
    }

    private func insert(
        into table: String, _ values: [(String, String?)], _ session: any SQLSession
    ) throws {
        let known = try fitted(values, table, session)
        let marks = Array(repeating: "?", count: known.count).joined(separator: ", ")
        _ = try session.query(
            "INSERT INTO \(table) (\(known.map(\.0).joined(separator: ", "))) VALUES (\(marks))", known.map(\.1))
    }

    private func update(
        _ table: String, _ values: [(String, String?)], where condition: String, _ parameters: [String?], _ session: any SQLSession
    ) throws {
        let known = try fitted(values, table, session)
        let list = known.map { (pair) -> String in "\(pair.0) = ?" }.joined(separator: ", ")
        _ = try session.query("UPDATE \(table) SET \(list) WHERE \(condition)", known.map(\.1) + parameters)
    }

    // MARK: Texts

    /// `2026-11-22 01:02:03`, in a zone so many seconds east of UTC.
    static func time(_ micros: Int, _ offset: Int) -> String {
        let seconds = micros / 1_000_000 + offset
        let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let rest = seconds - day * 86_400
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(Days.iso(day)) \(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60))"
    }

    /// As DataX prints a flow: `378B/s`, `1.23KB/s`.
    static func flow(_ bytesPerSecond: Double) -> String {
        for (unit, size) in [("GB", 1_073_741_824.0), ("MB", 1_048_576), ("KB", 1024)] where bytesPerSecond >= size {
            let hundredths = Int((bytesPerSecond / size * 100).rounded())
            let fraction = hundredths % 100
            return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)\(unit)/s"
        }
        return "\(Int(max(0, bytesPerSecond)))B/s"
    }

    /// The first of the rejected rows, as far as a MEDIUMTEXT of old takes them easily.
    private static func text(of rows: [RejectedRow], isPlain: Bool) -> String {
        var text = ""
        for row in rows.prefix(1000) where text.utf8.count < 1 << 20 {
            text += (row.column.map { "\($0): " } ?? "") + Masking.mask(row.reason) + " " + row.values + "\n"
        }
        return message(text, isPlain: isPlain)
    }

    private static func message(_ text: String, isPlain: Bool) -> String {
        guard isPlain else { return clean(text) }
        return clean(String(text.unicodeScalars.prefix(8000).map { $0.isASCII ? Character($0) : "?" }))
    }

    /// A value as far as its column takes it: columns of old are shorter than what Apus has to say, and counts may be
    /// larger than an int.
    static func fitted(_ value: String?, _ type: ColumnType) -> String? {
        guard let value else { return nil }
        switch type {
        case .text(let length?) where value.unicodeScalars.count > length:
            return String(String.UnicodeScalarView(value.unicodeScalars.prefix(length)))
        case .integer(let bits, let isUnsigned) where bits < 64:
            guard let number = Int(value) else { return value }
            return String(min(number, (1 << (isUnsigned ? bits : bits - 1)) - 1))
        default: return value
        }
    }
}
