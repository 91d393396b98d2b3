import ApusControl
import ApusCore

/// One config row with the windows of days that are to be loaded, oldest first.
public struct ExtractTask: Sendable {
    public struct Window: Sendable, Hashable {
        /// Days since 1970-01-01: the first, and the one behind the last.
        public var from: Int
        public var upTo: Int
        /// The row of the log that is to be finished; nil = the one of the day, or a new one.
        public var log: Int?
        /// Further unfinished rows of the log that lie within.
        public var covered: [Int] = []

        /// What is left of it when another window was loaded. Days are told apart where rows are loaded by day; else a
        /// window is one load, and another one's says nothing of it.
        func without(_ other: Window, isDaily: Bool) -> [Window] {
            guard isDaily else { return from == other.from && upTo == other.upTo ? [] : [self] }
            guard other.from < upTo, from < other.upTo else { return [self] }
            var parts: [Window] = []
            if from < other.from { parts.append(Window(from: from, upTo: other.from)) }
            if other.upTo < upTo { parts.append(Window(from: other.upTo, upTo: upTo)) }
            // The log's row is that of the last day.
            if !parts.isEmpty { parts[parts.count - 1].covered = covered }
            return parts
        }
    }

    public var row: ControlRow
    public var job: ControlJob
    public var windows: [Window]
    /// The row's tables and columns cannot be understood, which makes it fail.
    public var fault: ApusError?

    public var name: String { row.sourceTable }

    /// What it fills, where that is known; see ``RowFlow/targetKey(of:)``.
    var target: String?
    /// The same for tasks that fill one target.
    var targetKey: String { target ?? "\(job.target)|\(row.targetTable.lowercased())" }
    /// The integer part of ordernum, which a barrier keeps apart.
    var rank: Int { Int(row.order.rounded(.down)) }
}

/// What a run will do, in order: the rows that are meant, joined to their jobs, with their windows.
public struct Agenda: Sendable {
    public var tasks: [ExtractTask] = []
    /// To be told to the user.
    public var warnings: [String] = []
    /// Active rows that this run does not mean, but another machine's may.
    private var others: [ExtractTask] = []
    private let wish: ExtractWish

    /// Pure: nothing is opened.
    ///
    /// - parameter rows: in order.
    /// - parameter today: the day that it is; see ``DayZone``.
    /// - throws: `config.invalid` for a range that runs backwards, `object.not_found` when nothing is meant.
    public init(_ wish: ExtractWish, rows: [ControlRow], jobs: [ControlJob], unfinished: [ControlLogRow], today: Int) throws {
        self.wish = wish
        if let from = wish.from, let to = wish.to, from > to {
            throw ApusError(
                .configurationInvalid, "--from \(Days.iso(from)) is later than --to \(Days.iso(to))",
                hint: "Both are days that are loaded: --from 2026-11-01 --to 2026-11-30.")
        }
        let known = Dictionary(jobs.compactMap { job in job.id.map { ($0, job) } }, uniquingKeysWith: { $1 })
        let open = Dictionary(grouping: unfinished) { $0.configID ?? -1 }
        let meant = rows.filter { Self.isMeant($0, wish) }
        for row in meant {
            let left = (row.id.flatMap { open[$0] } ?? []).filter { $0.table.isEmpty || $0.table == row.sourceTable }
            let windows = Self.windows(row, wish, left, today)
            guard !windows.isEmpty else { continue }
            var task = ExtractTask(row: row, job: row.jobID.flatMap { known[$0] } ?? ControlJob(), windows: windows)
            task.fault = Self.fault(row, known, of: wish.configTable)
            warn(task, wish)
            tasks.append(task)
        }
        others = rows.filter { $0.isActive && (wish.type == nil || $0.type == wish.type) && !Self.isMeant($0, wish) }.map {
            ExtractTask(row: $0, job: $0.jobID.flatMap { known[$0] } ?? ControlJob(), windows: [])
        }
        findDoubles()
        if meant.isEmpty {
            throw ApusError(
                .notFound, "no active row of \(wish.configTable) is meant",
                hint: Self.hint(rows, wish))
        }
    }

    /// Days between the last good run and this one that nothing in the log tells of: the machine was off, perhaps.
    private mutating func warn(_ task: ExtractTask, _ wish: ExtractWish) {
        guard wish.day == nil, wish.from == nil, wish.to == nil, !wish.retriesFailed, task.row.increment == .day,
            let last = task.row.lastDay.flatMap({ Days.day(iso: String($0.prefix(10))) }), last < task.windows[0].from + wish.lookback
        else { return }
        warnings.append(
            "\(task.name): no run for \(Days.iso(last)) to \(Days.iso(task.windows[0].from + wish.lookback - 1)) is known; --from \(Days.iso(last)) loads these days"
        )
    }

    private static func hint(_ rows: [ControlRow], _ wish: ExtractWish) -> String {
        let active = rows.filter(\.isActive)
        guard !active.isEmpty else { return rows.isEmpty ? "It has no rows." : "All its rows have status 1 (disabled)." }
        let types = Set(active.map(\.type)).sorted().joined(separator: ", ")
        let servers = Set(active.map(\.serverType)).sorted().map(String.init).joined(separator: ", ")
        return "Its active rows have type \(types) and server_type \(servers); see --type, --server-type and --table."
    }

    private static func isMeant(_ row: ControlRow, _ wish: ExtractWish) -> Bool {
        guard row.isActive else { return false }
        if let type = wish.type, row.type != type { return false }
        if let server = wish.serverType, row.serverType != server { return false }
        return wish.tables.isEmpty || wish.tables.contains { $0.means(row.sourceTable) || $0.means(row.targetTable) }
    }

    static func fault(_ row: ControlRow, _ jobs: [Int: ControlJob], of table: String) -> ApusError? {
        let place = "\(table)\(row.id.map { " row \($0)" } ?? "") (\(row.sourceTable))"
        func fault(_ message: String, _ hint: String) -> ApusError {
            ApusError(.configurationInvalid, message, hint: hint, context: place)
        }
        guard let increment = row.increment else {
            return fault(
                "etl_type is \(row.etlType)", "Write 0 (all rows), 1 (by day), 2 (by condition) or 3 (full template with a condition).")
        }
        if increment != .full, row.etlColumn.allSatisfy(\.isWhitespace) {
            return increment == .day
                ? fault("etl_type is 1 and etl_column is empty", "Write the column that tells the day in etl_column, or etl_type 0.")
                : fault("etl_type is \(row.etlType) and etl_column is empty", "Write the condition in etl_column, or etl_type 0.")
        }
        if row.sourceTable.allSatisfy(\.isWhitespace) || row.targetTable.allSatisfy(\.isWhitespace) {
            return fault("the source or target table is empty", "Fill src_table_name and des_table_name.")
        }
        guard let id = row.jobID, jobs[id] != nil else {
            return fault(
                row.jobID.map { "json_id \($0) is no row of datax_json" } ?? "json_id is empty",
                "Name a row of datax_json: it has the connections or the template.")
        }
        return nil
    }

    /// Tells tasks apart by what they really fill, so that two names of one table are known as one.
    mutating func place(_ key: (ExtractTask) -> String?) {
        for index in tasks.indices { tasks[index].target = key(tasks[index]) }
        for index in others.indices { others[index].target = key(others[index]) }
        findDoubles()
    }

    /// Two rows that fill one target: where one of them replaces all, or days take the place of days, the other's rows would
    /// be lost.
    private mutating func findDoubles() {
        let all = tasks + others
        let groups = Dictionary(grouping: all.indices) { "\(all[$0].row.type)|\(all[$0].targetKey)" }
        for group in groups.values where group.count > 1 {
            let group = group.sorted()
            for index in group where index < tasks.count {
                guard let other = group.first(where: { $0 != index && takesRows(all[index], all[$0]) != nil }),
                    let how = takesRows(all[index], all[other])
                else {
                    guard index > group[0] else { continue }
                    let text = "\(all[group[0]].name) and \(all[index].name) both fill \(all[index].row.targetTable)"
                    if !warnings.contains(text) { warnings.append(text) }
                    continue
                }
                let pair = [min(index, other), max(index, other)].map { "\(all[$0].name) (row \(all[$0].row.id ?? 0))" }
                tasks[index].fault =
                    tasks[index].fault
                    ?? ApusError(
                        .configurationInvalid, "\(pair[0]) and \(pair[1]) both fill \(all[index].row.targetTable), and \(how)",
                        hint:
                            "Give them different targets, make a group of their sources, or disable one. Rows with a key can be loaded with --increment upsert."
                    )
            }
        }
    }

    /// How one of two rows takes the other's rows away; nil where it does not.
    private func takesRows(_ a: ExtractTask, _ b: ExtractTask) -> String? {
        func replaces(_ task: ExtractTask) -> Bool {
            task.row.increment == .full || task.row.increment == .fullByCondition || wish.increment == .replace
        }
        func replacesDays(_ task: ExtractTask) -> Bool {
            task.row.increment == .day && (wish.increment == nil || wish.increment == .window)
        }
        if replaces(a) || replaces(b) { return "one replaces all of it" }
        return replacesDays(a) || replacesDays(b) ? "days are replaced there whole, the other row's among them" : nil
    }

    // MARK: Windows

    private static func windows(_ row: ControlRow, _ wish: ExtractWish, _ open: [ControlLogRow], _ today: Int) -> [ExtractTask.Window] {
        let windows = each(row, wish, open, today)
        guard wish.increment == .replace, let first = windows.first, windows.count > 1 else { return windows }
        // Each would take the place of the one before.
        var whole = first
        whole.from = windows.map(\.from).min()!
        whole.upTo = windows.map(\.upTo).max()!
        whole.covered = windows.flatMap { $0.covered + ($0.log.map { [$0] } ?? []) }.filter { $0 != whole.log }
        return [whole]
    }

    private static func each(_ row: ControlRow, _ wish: ExtractWish, _ open: [ControlLogRow], _ today: Int) -> [ExtractTask.Window] {
        func day(_ text: String) -> Int? { Days.day(iso: text) }
        if wish.retriesFailed {
            let wanted = open.compactMap { log -> ExtractTask.Window? in
                guard let from = day(log.from), let upTo = day(log.upTo) else { return nil }
                return ExtractTask.Window(from: from, upTo: max(upTo, from + 1), log: log.id)
            }
            return wanted.sorted { $0.from < $1.from }
        }
        let isDaily = row.increment == .day
        if let from = wish.from ?? wish.to {
            let last = wish.to ?? today - 1
            guard isDaily, !wish.isWhole else {
                return last < from ? [] : [ExtractTask.Window(from: isDaily ? from - wish.lookback : from, upTo: last + 1)]
            }
            return last < from ? [] : (from...last).map { ExtractTask.Window(from: $0 - wish.lookback, upTo: $0 + 1) }
        }
        if let day = wish.day {
            return [ExtractTask.Window(from: isDaily ? day - wish.lookback : day, upTo: day + 1)]
        }
        var window = ExtractTask.Window(from: today - 1, upTo: today)
        if isDaily {
            window.from -= wish.lookback
            // Days that failed are caught up, and the first one's row of the log is finished instead of a new one.
            let past = open.filter { log in day(log.from).map { $0 < today } ?? false }
            if let first = past.first, let from = day(first.from) {
                window.from = min(window.from, from)
                window.log = first.id
                window.covered = past.dropFirst().map(\.id)
            }
        } else if let same = open.last {
            window.log = same.id
            window.covered = open.dropLast().map(\.id)
        }
        return [window]
    }
}

extension TablePattern {
    /// Whether it means a table that is written `schema.name` or `name`.
    func means(_ text: String) -> Bool {
        let parts = text.split(separator: ".", maxSplits: 1).map(String.init)
        let table = parts.count == 2 ? TableName(schema: parts[0], parts[1]) : TableName(text)
        return matches(table, ignoringCase: true) || matches(TableName(table.name), ignoringCase: true)
    }
}
