import ApusCore
import Tabular

/// A plan for people: what `apus plan` prints before anything moves.
public struct PlanTable: Sendable {
    public static func text(_ plan: Plan) -> String {
        var out = ""
        if let name = plan.name { out += "flow     \(DisplayWidth.plain(name))\n" }
        out += "from     \(plan.from.connector)  \(DisplayWidth.plain(plan.from.reference))\n"
        out += "to       \(plan.to.connector)  \(DisplayWidth.plain(plan.to.reference))\n"
        if let zone = plan.zone, zone.origin != .none { out += "zone     \(zone)\n" }
        out += "limits   \(limits(plan))\n"
        for sql in plan.before { out += "before   \(statement(sql))\n" }
        for sql in plan.after { out += "after    \(statement(sql))\n" }
        for finding in plan.findings ?? [] {
            out += DisplayWidth.pad(finding.severity.rawValue, to: 8) + " " + statement("\(finding.message) [\(finding.code)]") + "\n"
        }
        out += "\n" + overview(plan)
        for table in plan.tables {
            let details = details(table)
            if !details.isEmpty { out += "\n\(DisplayWidth.plain(table.name))\n" + details }
        }
        return out + "\n" + closing(plan)
    }

    private static func limits(_ plan: Plan) -> String {
        let limits = plan.limits
        var parts = [Quantity.text(limits.channels, "channel")]
        parts.append(
            limits.badRows.map { $0 == 0 ? "no bad rows" : "at most \(Quantity.text($0, "bad row"))" }
                ?? "any number of bad rows")
        if let rows = limits.rowsPerSecond { parts.append("\(Quantity.text(count: rows)) rows/s") }
        if let bytes = limits.bytesPerSecond { parts.append("\(Quantity.text(bytes: bytes))/s") }
        if let memory = limits.memory { parts.append("\(Quantity.text(bytes: memory)) of memory") }
        parts.append(Quantity.text(limits.attempts, "attempt") + " a slice")
        if plan.consistentSnapshot { parts.append("one snapshot for all channels") }
        return parts.joined(separator: ", ")
    }

    private static func overview(_ plan: Plan) -> String {
        var table = TextTable([
            ("source", .left), ("target", .left), ("mode", .left), ("table", .left), ("rows", .right),
            ("slices", .right),
            ("key", .left),
        ])
        for entry in plan.tables {
            if entry.pending?.isPlanned == false {
                table.add([entry.name, entry.load.target.description, "", "not planned", "", "", ""])
                continue
            }
            table.add([
                entry.name, entry.load.target.description, entry.load.mode.rawValue, policy(entry.load),
                rows(entry).map { "~" + Quantity.text(count: $0) } ?? "?", Quantity.text(count: entry.slices.count),
                key(entry),
            ])
        }
        return table.text
    }

    /// What becomes of the target table itself.
    static func policy(_ load: Load) -> String {
        switch load.create {
        case .recreate: load.exists ? "recreate" : "create"
        case .create, .require: load.exists ? "exists" : load.create == .require ? "missing" : "create"
        }
    }

    static func rows(_ table: PlannedTable) -> Int? {
        let counts = table.slices.map(\.rows)
        if !counts.isEmpty, counts.allSatisfy({ $0 != nil }) { return counts.reduce(0) { $0 + ($1 ?? 0) } }
        let known = counts.compactMap { $0 }
        return known.isEmpty ? table.load.shape.rows : known.reduce(0, +)
    }

    private static func key(_ table: PlannedTable) -> String {
        var parts: [String] = []
        if !table.load.key.isEmpty { parts.append(table.load.key.joined(separator: ", ")) }
        let cut = table.read.key.map(\.name)
        if !cut.isEmpty, cut != table.load.key { parts.append("cut by " + cut.joined(separator: ", ")) }
        return parts.joined(separator: "; ")
    }

    /// Query, filters, watermark, columns that differ, DDL, statements, findings.
    private static func details(_ table: PlannedTable) -> String {
        var out = ""
        func add(_ label: String, _ text: String) {
            out +=
                "  " + DisplayWidth.pad(label, to: 9) + " "
                + DisplayWidth.plain(text, lines: true).replacing("\n", with: "\n            ") + "\n"
        }
        if case .query(let sql) = table.read.relation { add("query", sql) }
        for filter in table.read.filters { add("where", filter) }
        if let mark = table.watermark, mark.column == PlannedTable.Watermark.partitions {
            let all = PartitionMarks(text: mark.upTo ?? "").marks.count
            add("watermark", "\(table.read.partitions?.count ?? all) of \(all) partitions, written to since the last run")
        } else if let mark = table.watermark {
            let from = mark.after.map { mark.includesAfter == true ? "from \($0) on" : "after \($0)" } ?? "from the first row"
            add("watermark", "\(mark.column) \(from) up to \(mark.upTo ?? "(no rows)")")
        }
        for (source, target, types) in mapping(table) { add("column", "\(source) → \(target)\(types)") }
        for transform in table.transforms {
            let names = table.read.schema.names
            add("transform", "\(names.indices.contains(transform.column) ? names[transform.column] : "?"): \(transform)")
        }
        for sql in table.before { add("before", sql) }
        for sql in table.ddl { add("ddl", sql) }
        for sql in table.after { add("after", sql) }
        for finding in table.findings.sorted(by: { $0.severity > $1.severity }) {
            add(
                finding.severity.rawValue,
                (finding.column.map { "\($0): " } ?? "") + "\(finding.message) [\(finding.code)]"
                    + (finding.hint.map { "\nhint: \($0)" } ?? ""))
        }
        return out
    }

    /// The columns whose name, expression or type is not the same on both sides.
    static func mapping(_ table: PlannedTable) -> [(source: String, target: String, types: String)] {
        zip(table.read.items.indices, table.load.columns).compactMap { index, target in
            let item = table.read.items[index]
            let source = item.expression ?? item.name
            let from = index < table.read.schema.count ? table.read.schema[index].type : nil
            let to = table.load.shape.column(target)
            let isSame = source == target && from == to?.type
            guard !isSame else { return nil }
            let types =
                from.map { from in "  (\(from) → \(to.map { $0.native.isEmpty ? "\($0.type)" : $0.native } ?? "?"))" }
                ?? ""
            return (source, target, types)
        }
    }

    private static func statement(_ sql: String) -> String {
        DisplayWidth.plain(sql, lines: true).replacing("\n", with: "\n         ")
    }

    private static func closing(_ plan: Plan) -> String {
        let findings = (plan.findings ?? []) + plan.tables.flatMap(\.findings)
        let counts = [Finding.Severity.error, .warning, .note].compactMap { severity -> String? in
            let count = findings.count { $0.severity == severity }
            return count == 0 ? nil : Quantity.text(count, severity.rawValue)
        }
        let slices = plan.tables.reduce(0) { $0 + $1.slices.count }
        let known = plan.tables.compactMap(rows)
        let rows = known.count == plan.tables.count ? ", about \(Quantity.text(known.reduce(0, +), "row"))" : ""
        return "\(Quantity.text(plan.tables.count, "table")), \(Quantity.text(slices, "slice"))\(rows); "
            + (counts.isEmpty ? "nothing to report" : counts.joined(separator: ", ")) + "\n"
    }
}
