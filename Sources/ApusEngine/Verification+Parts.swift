import ApusCore
import Tabular

/// Tables that hold rows of other runs too: which of their rows are compared.
extension Verification {
    /// What of a target is compared with what the plan reads.
    struct Part: Sendable {
        /// The target's rows, as a condition in its own SQL; nil = all of them.
        var filter: @Sendable (any Source) -> String? = { _ in nil }
        /// Every row that is read must be there, whatever else is.
        var isContained = false
        var note: String?
    }

    func part(of table: PlannedTable) throws -> Part {
        let load = table.load
        switch load.mode {
        case .replace, .truncate: return Part()
        case .window:
            guard let window = load.window else { break }
            return Part(filter: { _ in window }, note: "rows of the target where \(window)")
        case .append, .upsert:
            guard let watermark = table.watermark, let upTo = watermark.upTo,
                let place = table.reads[0].items.firstIndex(where: { $0.name == watermark.column && $0.expression == nil }),
                load.columns.indices.contains(place)
            else { break }
            let column = load.columns[place], zone = try plan.zone?.rules() ?? .utc
            guard let shape = load.shape.column(column) else { break }
            let source = table.reads[0].schema[place].type
            let mark = Column(shape.name, shape.type, nullable: shape.nullable)
            func value(_ text: String) -> String { WatermarkText.converted(text, from: source, to: shape.type, zone) }
            let quoted = to.connector.dialect?.quote(column) ?? column
            return Part(
                filter: { [upTo = value(upTo), after = watermark.after.map(value)] target in
                    let last = target.condition(mark, .atMost, upTo)
                    // The first run takes rows without a watermark too.
                    guard let after else { return "\(last) OR \(quoted) IS NULL" }
                    let first = target.condition(mark, watermark.includesAfter == true ? .atLeast : .greater, after)
                    return "(\(first)) AND (\(last))"
                }, note: "rows of the target with \(column)\(watermark.after.map { " above \($0) and" } ?? "") up to \(upTo)")
        }
        return Part(
            isContained: true,
            note: "every row that is read must be in the target, which holds rows of other runs too; those are not compared")
    }
}
