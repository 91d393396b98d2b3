import ApusControl
import ApusCore

/// Proposals as a flow file.
enum FlowProposal {
    static func text(_ proposals: [ConfigRows.Proposal], from: String, to: String, wish: GenerateWish) -> String {
        // The resolver expands `${…}` of connections; names and SQL are meant as they are.
        var lines = ["from: \(quoted(from))", "to: \(quoted(to))", "tables:"]
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
    private static func literal(_ text: String) -> String { quoted(text.replacing("${", with: "$${")) }

    /// A double-quoted scalar ("Double-Quoted Style", YAML 1.2 §7.3.1).
    private static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\t": out += "\\t"
            case let control where control.value < 0x20: out += "\\x" + (control.value < 16 ? "0" : "") + String(control.value, radix: 16)
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}
