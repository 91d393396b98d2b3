import ApusCore
import Tabular

/// Loads of what is new since the last run.
extension TablePlanner {
    mutating func resolveWatermark(
        _ columns: ColumnPlan, _ kept: [Int], _ reads: inout [Read], _ load: inout Load, _ name: TableName
    ) throws -> PlannedTable.Watermark? {
        guard let column = wish.watermark else { return nil }
        if reads.count > 1 || reads[0].isVerbatim {
            note(.error, .unsupported, column, "a watermark is remembered for one table, not for several places together")
            return nil
        }
        if load.mode != .append, load.mode != .upsert {
            note(
                .error, .configurationInvalid, column,
                "a watermark loads only new rows, and mode `\(load.mode.rawValue)` would drop the old ones; use append or upsert")
            return nil
        }
        guard let known = columns.source.column(column) else {
            note(
                .error, .notFound, column,
                "there is no watermark column `\(column)`. \(Nearest.hint(for: column, among: columns.source.columns.map(\.name)) ?? "")")
            return nil
        }
        let source = try planner.source(0)
        guard source.canCompare(known) else {
            note(.error, .unsupported, column, "a column of type \(known.native) has no order that a watermark can follow")
            return nil
        }
        if known.nullable { note(.note, .configurationInvalid, column, "rows whose watermark is NULL are loaded by the first run only") }
        let ledgerKey = watermarkKey(name, column)
        let basis = Checkpoint.Basis(
            filter: reads[0].filters.joined(separator: "\n"), columns: columnList(reads[0], load),
            key: load.mode == .upsert ? load.key.joined(separator: "\n") : "")
        var checkpoint = Checkpoint(
            flow: flowName(column), value: "", basis: basis, column: targetColumn(column, columns, kept, load), before: nil)
        let state = try sink.state(of: load)
        checkpoint.before = state?.saved.first { $0.flow == checkpoint.flow }?.value
        var start = try WatermarkStart(
            checkpoint, of: column, load, state: state, ledger: planner.watermark(ledgerKey), choice: planner.watermarkStart
        ) { try sink.holds($0, $1, $2, in: load) }
        // What the user writes without an offset is a wall clock of the run's zone.
        if case .value(let text) = planner.watermarkStart, known.type.isInstant {
            start.after = WatermarkText.converted(text, from: .timestamp(precision: 6), to: known.type, planner.zone)
        }
        let mark = Column(known.name, known.type, nullable: known.nullable)
        let upTo = try bound(mark, &start, &reads, source, includesAfter: load.mode == .upsert)
        findings += start.findings
        if let upTo, known.type.hasEndless, Self.endless.contains(upTo.lowercased().filter { $0 != "'" }) {
            note(
                .error, .unsupported, column,
                "the largest value is \(upTo), beyond which nothing new can come; leave such rows out with a filter, and load them by themselves"
            )
        }
        if load.mode == .append, case .date = known.type, start.after == nil || upTo != nil {
            note(
                .note, .configurationInvalid, column,
                "mode `append` never looks again at rows of the watermark's last day: those that come after this run are not loaded")
        }
        if let value = upTo ?? start.after {
            checkpoint.value = value
            if state != nil { load.checkpoint = checkpoint }
        }
        var watermark = PlannedTable.Watermark(column: column, after: start.after, upTo: upTo, key: ledgerKey)
        watermark.includesAfter = load.mode == .upsert && start.after != nil ? true : nil
        return watermark
    }

    /// Sets the filters of the increment.
    /// - returns: the largest value that is read; nil = nothing is.
    private mutating func bound(
        _ column: Column, _ start: inout WatermarkStart, _ reads: inout [Read], _ source: any Source, includesAfter: Bool
    ) throws -> String? {
        let all = reads[0]
        if let after = start.after {
            reads[0].filters.append(source.condition(column, includesAfter ? .atLeast : .greater, after))
        }
        var upTo = try source.maximum(of: column, in: reads[0])
        if upTo == nil, let after = start.after {
            var same = all
            same.filters.append(source.condition(column, .atLeast, after))
            let isBehind = try includesAfter || source.maximum(of: column, in: same) == nil
            if isBehind, planner.watermarkStart == nil {
                if let largest = try source.maximum(of: column, in: all) {
                    if start.sourceIsBehind(after, largest: largest) {
                        reads[0] = all
                        upTo = largest
                    }
                } else {
                    note(
                        .warning, .changed, column.name,
                        "the source has no rows, though rows up to the watermark \(after) were loaded from it")
                }
            }
        }
        if let upTo {
            let bound = source.condition(column, .atMost, upTo)
            // The first run takes rows without a watermark too.
            reads[0].filters.append(
                start.after == nil && column.nullable ? "\(bound) OR \(planner.quotedSource(column.name)) IS NULL" : bound)
        }
        return upTo
    }

    /// What the ledger remembers a watermark under. Not the name that the target's catalogue gives, which a table has only
    /// once it is there.
    func watermarkKey(_ name: TableName, _ column: String) -> String {
        "\(planner.flow.from.reference)|\(selection.name)|\(planner.flow.to.reference)|\(name)|\(column)"
    }

    /// What the target remembers it under: the source itself, however the flow names it.
    func flowName(_ column: String) -> String {
        let end = planner.sources[0].endpoint
        let host = end.host.map { "//" + $0 + (end.port.map { ":\($0)" } ?? "") + "/" } ?? ""
        return "\(end.connector):\(host)\(end.path)|\(selection.name)|\(column)"
    }

    func columnList(_ read: Read, _ load: Load) -> String {
        zip(load.columns, read.items).map { target, item in
            let sql = item.expression ?? item.name
            return sql == target ? target : "\(target)=\(sql)"
        }.joined(separator: "\n")
    }

    /// The target's column that holds the watermark as it is.
    private func targetColumn(_ column: String, _ columns: ColumnPlan, _ kept: [Int], _ load: Load) -> String? {
        zip(kept, load.columns).first { position, _ in
            let item = columns.items[position]
            return item.name == column && (item.expression == nil || item.expression == column)
        }?.1
    }

    private static let endless: Set<String> = ["infinity", "inf", "nan", "9e999", "9.0e+999"]
}

extension ColumnType {
    /// Whether a value may be larger than any number or time.
    fileprivate var hasEndless: Bool {
        switch self {
        case .float, .decimal, .date, .timestamp, .instant: true
        default: false
        }
    }
}
