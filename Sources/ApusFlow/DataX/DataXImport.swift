import ApusCore

/// DataX jobs as a flow file, and what of them a flow file says otherwise or cannot say.
///
/// Passwords become `${SOURCE_PASSWORD}` and `${TARGET_PASSWORD}`; `${name}` of a job becomes `{{ name }}`, a parameter
/// to be given with `--set`; `day` and `now`, which mean dates in a flow file, become `job_day` and `job_now`.
public struct DataXImport: Sendable {
    /// The flow file.
    public private(set) var yaml = ""
    /// For the user to read: what did not map.
    public private(set) var notes: [String] = []

    private struct Entry {
        var key: String
        var lines: [String]
    }

    /// - parameter jobs: name and octets of each.
    /// - throws: `config.*` for a job that cannot be read, and for jobs whose ends differ.
    public init(_ jobs: [(name: String, bytes: [UInt8])], connectors: [any Connector]) throws {
        var ends: (from: String, to: String)?
        var limits: [String] = []
        var entries: [Entry] = []
        var parameters: [String] = []
        for (name, bytes) in jobs {
            let reader = DataXJobReader(parameters: .placeholders(in: bytes))
            parameters += reader.parameters.values.values.map { String($0.dropFirst(3).dropLast(3)) }
            let job = try reader.read(bytes, name: name)
            let flow = try job.flow(connectors).flow
            notes += job.notices.map { "\(name): \($0)" }
            if flow.sources.count > 1 {
                notes.append(
                    "\(name): a flow file has one source; only \(flow.from.endpoint.label) is taken. Make a flow for each of \(flow.others.map(\.endpoint.label).joined(separator: ", "))"
                )
            }
            let own = (from: Self.url(flow.from, "SOURCE_PASSWORD"), to: Self.url(flow.to, "TARGET_PASSWORD"))
            if let first = ends, first != own {
                throw ApusError(
                    .configurationInvalid, "\(name) has another source or target than \(jobs[0].name), and a flow file has one of each",
                    hint: "Import jobs together that share both: \(flow.from.endpoint.label) to \(flow.to.endpoint.label) is another flow.")
            }
            if ends == nil {
                ends = own
                limits = Self.limits(job)
                if let percent = job.badPercent {
                    notes.append("\(name): errorLimit.percentage (\(percent) %) has no key in a flow file; bad_rows is unlimited")
                }
            } else if Self.limits(job) != limits {
                notes.append("\(name): its speed and errorLimit differ from those of \(jobs[0].name), which are taken for all")
            }
            if !job.transforms.isEmpty {
                notes.append(
                    "\(name): transformers (\(job.transforms.map(\.name).joined(separator: ", "))) do not map; write SQL expressions in `columns`"
                )
            }
            for wish in flow.tables { entries += table(wish, job, name, flow.to) }
        }
        guard let ends else { throw ApusError(.usage, "no job is named") }
        var lines = jobs.count == 1 ? ["# From the DataX job \(jobs[0].name)."] : ["# From \(jobs.count) DataX jobs."]
        lines += ["from: \(Self.quoted(ends.from))", "to: \(Self.quoted(ends.to))"]
        if !parameters.isEmpty {
            lines.append("parameters:")
            lines += Set(parameters).sorted().map { "  \($0):" }
        }
        lines.append("limits:")
        lines += limits.map { "  \($0)" }
        lines.append("tables:")
        for entry in entries {
            lines.append("  - \(entry.key)")
            lines += entry.lines.map { "    \($0)" }
        }
        yaml = lines.joined(separator: "\n") + "\n"
    }

    // MARK: - Parts

    private static func limits(_ job: DataXJob) -> [String] {
        var lines = ["channels: \(job.channels)", "bad_rows: \(job.badRows.map(String.init) ?? "unlimited")"]
        if let rows = job.rowsPerSecond { lines.append("rows_per_second: \(rows)") }
        if let bytes = job.bytesPerSecond { lines.append("bytes_per_second: \(bytes)") }
        if let attempts = job.attempts { lines.append("attempts: \(attempts)") }
        return lines
    }

    /// The connection as a URL, with a variable in the password's place.
    private static func url(_ connection: Flow.Connection, _ variable: String) -> String {
        let endpoint = connection.endpoint
        guard var url = try? ConnectionURL(parsing: endpoint.label) else { return endpoint.label }
        url.parameters = endpoint.settings.given.sorted { $0.key < $1.key }.filter { $0.key != "table" }.map {
            ConnectionURL.Parameter(name: $0.key, value: ConnectionURL.encode($0.value))
        }
        // A variable's braces are not to be encoded.
        return url.text(password: endpoint.password == nil ? nil : "${\(variable)}")
    }

    /// One entry for every place that the first source has.
    private mutating func table(_ wish: TableWish, _ job: DataXJob, _ name: String, _ to: Flow.Connection) -> [Entry] {
        wish.members.filter { $0.source == 0 }.map { member in
            var lines: [String] = []
            let key: String
            let target = Self.plain(wish.to ?? "rows")
            switch member.subject {
            case .pattern(let text):
                key = "\(Self.quoted(job.isText ? "*" : Self.plain(text))):"
                lines.append("  to: \(Self.quoted(target))")
            case .query(let sql, _):
                key = "query: \(Self.quoted(sql))"
                lines.append("to: \(Self.quoted(target))")
            }
            let indent = key.hasPrefix("query") ? "" : "  "
            func add(_ line: String) { lines.append(indent + line) }
            if let filter = member.filter { add("where: \(Self.quoted(filter))") }
            columns(wish, member, name, add)
            if case .relational(let writer) = job.writer {
                let emptying = wish.emptying(to)
                switch writer.mode {
                case .replace, .update: add("mode: upsert")
                case .insert where !emptying.isEmpty:
                    add("mode: replace")
                    note("\(name): the preSql that empties \(target) became mode `replace`: the old rows stay until all new ones are there")
                case .ignore:
                    add("mode: append")
                    note("\(name): `insert ignore` does not map: a row whose key is there already is a rejected row; see `mode: upsert`")
                case .insert: add("mode: append")
                }
                add("create: require")
                let kept = writer.mode == .insert ? wish.before.filter { !emptying.contains($0) } : wish.before
                if !kept.isEmpty { add("before: [\(kept.map(Self.quoted).joined(separator: ", "))]") }
                if !wish.after.isEmpty { add("after: [\(wish.after.map(Self.quoted).joined(separator: ", "))]") }
                if writer.emptyIsNull, job.isText {
                    note("\(name): emptyAsNull does not map; write nullif(column, '') where texts become numbers")
                }
            }
            if let slices = wish.slices, slices > 1 { add("slices: \(slices)") }
            if let key = wish.sliceBy { add("slice_by: [\(key.map(Self.quoted).joined(separator: ", "))]") }
            return Entry(key: key, lines: lines)
        }
    }

    private mutating func columns(_ wish: TableWish, _ member: TableWish.Member, _ name: String, _ add: (String) -> Void) {
        guard let columns = member.columns else {
            note(
                wish.targets.map {
                    "\(name): a flow file maps columns by name; the query or table must name them \($0.joined(separator: ", "))"
                } ?? "\(name): a flow file maps columns by name, not by position")
            return
        }
        if let targets = wish.targets, targets.count != columns.count {
            note("\(name): \(columns.count) columns are read and \(targets.count) written")
        }
        if wish.targets == nil { note("\(name): a flow file maps columns by name, not by position") }
        let list = columns.enumerated().map { index, column in
            let target = wish.targets.flatMap { index < $0.count ? $0[index] : nil } ?? column.name
            let source = column.expression ?? column.name
            return target == source ? Self.quoted(target) : "{ \(Self.quoted(target)): \(Self.quoted(source)) }"
        }
        add("columns: [\(list.joined(separator: ", "))]")
    }

    private mutating func note(_ text: String) { if !notes.contains(text) { notes.append(text) } }

    /// A name of ``TableText/pattern``, its quotes only where they are needed.
    private static func plain(_ pattern: String) -> String {
        let parts = pattern.split(separator: "\"", omittingEmptySubsequences: true).filter { $0 != "." }
        let isPlain = parts.allSatisfy { $0.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" } }
        return isPlain ? parts.joined(separator: ".") : pattern
    }

    /// A YAML scalar: bare where that is the text, else in double quotes.
    private static func quoted(_ text: String) -> String {
        let isBare =
            text.first?.isLetter == true && text.last != " "
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_./@-".contains($0)) }
            && !["true", "false", "null", "yes", "no", "on", "off"].contains(text.lowercased())
        return isBare ? text : YAMLText.quoted(text)
    }
}

extension DataXJob {
    var isText: Bool { if case .text = reader { true } else { false } }
}
