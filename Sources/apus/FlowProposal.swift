import ApusControl
import ApusCore

/// Proposals as a flow file.
enum FlowProposal {
    static func text(_ proposals: [ConfigRows.Proposal], from: String, to: String, wish: GenerateWish) -> String {
        // The resolver expands `${…}` of connections; names and SQL are meant as they are.
        var lines = ["from: \(from.doubleQuoted)", "to: \(to.doubleQuoted)", "tables:"]
        for proposal in proposals {
            lines.append("  # \(proposal.row.note ?? "")".replacing("\n", with: " "))
            lines.append("  \(literal(proposal.row.sourceTable)):")
            lines.append("    to: \(literal(proposal.row.targetTable))")
            let watermark = proposal.row.etlType == ControlRow.Increment.day.rawValue ? proposal.watermark : nil
            switch watermark?.kind {
            case .change?: lines.append("    mode: upsert\n    key: \(list(proposal.shape.primaryKey))")
            case .creation?: lines.append("    mode: append")
            case nil: lines.append("    mode: replace")
            }
            if let column = watermark?.column { lines.append("    watermark: \(literal(column))") }
            if let column = proposal.split.column { lines.append("    slice_by: [\(literal(column))]") }
            let present = Set(proposal.shape.columns.map { $0.name.lowercased() })
            let named = wish.replacements.filter { present.contains($0.column.lowercased()) } + wish.constants
            if !named.isEmpty {
                let items = named.map { "{ \(literal($0.column)): \(literal($0.expression)) }" }
                lines.append("    columns: [\"*\", \(items.joined(separator: ", "))]")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func list(_ names: [String]) -> String { "[\(names.map(literal).joined(separator: ", "))]" }

    /// A text in which nothing is expanded.
    private static func literal(_ text: String) -> String { text.replacing("${", with: "$${").doubleQuoted }
}
