import ApusCore

/// What `SHOW CREATE TABLE` says of a table.
struct StarRocksCreate {
    struct Column {
        var name: String
        /// As it is written: `decimal(10, 2)`, `array<int(11)>`.
        var native: String
        /// `SUM`, `REPLACE`, … of an aggregate table.
        var aggregate: String?
        var nullable = true
        var initial: ColumnShape.Default?
        var isIdentity = false
        var isKey = false
        /// The expression of a computed column.
        var generated: String?
        var comment: String?
    }

    var columns: [Column] = []
    var model = "DUPLICATE KEY"
    var key: [String] = []
    var comment: String?
    var partitioning: String?
    var partitionColumns: [String] = []
    var distribution: String?
    var order: [String] = []
    var properties: [String: String] = [:]

    var layout: TableLayout {
        TableLayout(
            model: model, key: key, partitioning: partitioning, partitionColumns: partitionColumns, distribution: distribution,
            order: order, properties: properties)
    }

    /// Nil when it is no declaration of a table.
    init?(_ statement: String) {
        var scan = StarRocksScan(statement)
        guard scan.skip(past: "TABLE"), scan.skip(to: "(") else { return nil }
        _ = scan.next()
        while let column = Self.column(&scan) {
            columns.append(column)
            if !scan.take(",") { break }
        }
        guard scan.take(")") else { return nil }
        clauses(&scan)
        if key.isEmpty { key = columns.filter(\.isKey).map(\.name) }
    }

    private static func column(_ scan: inout StarRocksScan) -> Column? {
        while scan.isWord("INDEX") || (scan.isWord("KEY") && scan.isName(1)) { scan.skipItem() }
        guard let name = scan.name(), let native = scan.type() else { return nil }
        var column = Column(name: name, native: native)
        while !scan.is(","), !scan.is(")"), let word = scan.next() {
            switch word.text.uppercased() {
            case "NOT": column.nullable = !scan.take("NULL")
            case "NULL": column.nullable = true
            case "KEY": column.isKey = true
            case "AUTO_INCREMENT":
                column.isIdentity = true
                if scan.is("(") { _ = scan.balanced() }
            case "COMMENT": column.comment = scan.string().flatMap { $0.isEmpty ? nil : $0 }
            case "DEFAULT": column.initial = Self.initial(&scan)
            case "AS", "GENERATED":
                _ = scan.take("ALWAYS")
                _ = scan.take("AS")
                column.generated = scan.expression()
            case "ON":
                // ON UPDATE CURRENT_TIMESTAMP
                _ = scan.next()
                _ = scan.next()
                if scan.is("(") { _ = scan.balanced() }
            case let aggregate where Self.aggregates.contains(aggregate): column.aggregate = aggregate
            default: continue
            }
        }
        return column
    }

    private static let aggregates: Set<String> = [
        "SUM", "MIN", "MAX", "REPLACE", "REPLACE_IF_NOT_NULL", "HLL_UNION", "BITMAP_UNION", "PERCENTILE_UNION", "QUANTILE_UNION",
        "GENERIC",
    ]

    private static func initial(_ scan: inout StarRocksScan) -> ColumnShape.Default? {
        if let text = scan.string() { return .literal(text) }
        if scan.is("(") {
            let inside = scan.balanced()
            return inside.uppercased().hasPrefix("CURRENT_TIMESTAMP") ? .currentTimestamp : .expression(inside)
        }
        guard let word = scan.next() else { return nil }
        let isCall = scan.is("(")
        let arguments = isCall ? scan.balanced() : ""
        switch word.text.uppercased() {
        case "NULL": return nil
        case "CURRENT_TIMESTAMP", "NOW": return .currentTimestamp
        case "CURRENT_DATE": return .currentDate
        default: return isCall ? .expression("\(word.text)(\(arguments))") : .literal(word.text)
        }
    }

    private mutating func clauses(_ scan: inout StarRocksScan) {
        while let word = scan.next() {
            switch word.text.uppercased() {
            case "PRIMARY", "DUPLICATE", "UNIQUE", "AGGREGATE":
                guard scan.take("KEY") else { continue }
                model = word.text.uppercased() + " KEY"
                key = scan.names()
            case "COMMENT": comment = scan.string().flatMap { $0.isEmpty ? nil : $0 }
            case "PARTITION":
                guard scan.take("BY") else { continue }
                (partitioning, partitionColumns) = scan.partitioning()
            case "DISTRIBUTED":
                guard scan.take("BY") else { continue }
                distribution = scan.text(upTo: ["ORDER", "PROPERTIES", "ROLLUP", "COMMENT"])
            case "ORDER":
                guard scan.take("BY") else { continue }
                order = scan.names()
            case "PROPERTIES":
                guard scan.take("(") else { continue }
                while let name = scan.string(), scan.take("="), let value = scan.string() {
                    properties[name] = value
                    if !scan.take(",") { break }
                }
            default: continue
            }
        }
    }
}

extension TableLayout {
    /// The partitions' own clause is left out: those that are there are made one by one as rows come, or by hand.
    var partitionsByExpression: Bool {
        guard let partitioning else { return false }
        let head = partitioning.uppercased()
        return !head.hasPrefix("RANGE") && !head.hasPrefix("LIST")
    }
}
