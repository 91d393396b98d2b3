import ApusCore
import Tabular

/// What a table of the same system may have that this version of it does not: found in the plan, not by a CREATE that fails.
extension StarRocksDialect {
    /// A column's own declaration, or what takes its place where this version has no such type.
    func own(_ column: ColumnShape) -> Declaration {
        guard let reason = missing(column) else { return Declaration(column.native, column.type) }
        // An aggregate table's column says how its values are put together.
        let function = column.native.split(separator: " ").last.map(String.init).flatMap { $0 == $0.uppercased() ? $0 : nil }
        let suffix = function.map { " " + $0 } ?? ""
        switch column.type {
        case .decimal(_?, let scale) where ["SUM", "MIN", "MAX"].contains(function ?? ""):
            let kept = min(scale ?? 0, profile.decimalDigits)
            return Declaration(
                "decimal(\(profile.decimalDigits),\(kept))\(suffix)", .decimal(precision: profile.decimalDigits, scale: kept),
                loss: "\(reason); it becomes decimal(\(profile.decimalDigits),\(kept)), and rows with more digits are rejected"
            )
        case .decimal(let precision?, let scale):
            let length = precision + 3
            return Declaration(
                "varchar(\(length))\(suffix)", .text(length: length),
                loss:
                    "\(reason) and is kept as text; where its values have fewer digits, `types: { \(column.name): \"decimal(\(profile.decimalDigits),\(min(scale ?? 0, profile.decimalDigits)))\" }` keeps it a number"
            )
        default:
            var declared = declaration(of: column.type)
            if declared.loss == nil || !suffix.isEmpty { declared.native += suffix }
            declared.loss = "\(reason) and is kept as text"
            return declared
        }
    }

    /// Why this version cannot have such a column; nil = it can.
    private func missing(_ column: ColumnShape) -> String? {
        let native = column.native.lowercased()
        let name = native.prefix { $0 != " " }
        if profile.isDoris {
            // DECIMAL beyond 38 digits is a matter of a session's variable there.
            if ["variant", "ipv4", "ipv6"].contains(where: name.hasPrefix), !profile.since(2, 1) { return "\(name) begins with Doris 2.1" }
            return nil
        }
        if native.hasPrefix("varbinary") || native.hasPrefix("binary"), !profile.hasVarbinary {
            return "\(name) begins with StarRocks 3.0"
        }
        if native.contains("map<") || native.contains("struct<"), !profile.hasMapsAndStructs {
            return "\(native.prefix { $0.isLetter }) begins with StarRocks 3.1"
        }
        let digits = native.matches(of: /decimal[a-z0-9]*\(([0-9]+)/).compactMap { Int($0.output.1) }.max() ?? 0
        if digits > profile.decimalDigits {
            return "\(name) has more than the \(profile.decimalDigits) digits of decimals before StarRocks 4.0"
        }
        return nil
    }

    /// Partitions, buckets and counters of a layout that this version has not.
    func fit(_ layout: inout TableLayout, _ columns: inout [ColumnShape], _ losses: inout [String]) {
        if profile.isDoris || profile.since(3, 1) { return }
        if let partitioning = layout.partitioning, !partitioning.uppercased().hasPrefix("RANGE") {
            layout.partitioning = nil
            layout.partitionColumns = []
            losses.append("partitions by list or expression begin with StarRocks 3.1: the table is not partitioned")
        }
        if let distribution = layout.distribution, distribution.uppercased().hasPrefix("RANDOM"), let first = layout.key.first {
            let rest = distribution.dropFirst("RANDOM".count)
            layout.distribution = "HASH(\(quote(first)))" + (rest.uppercased().contains("BUCKETS") ? rest : " BUCKETS 10")
            losses.append("random buckets begin with StarRocks 3.1: rows are distributed by \(first)")
        }
        if profile.since(3) { return }
        for index in columns.indices where columns[index].identity {
            columns[index].identity = false
            losses.append("\(columns[index].name): it does not count by itself here; AUTO_INCREMENT begins with StarRocks 3.0")
        }
    }
}
