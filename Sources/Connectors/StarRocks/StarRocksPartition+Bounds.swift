import ApusCore

extension StarRocksSession {
    func partitions(of read: Read) throws -> [Partition] {
        guard case .table(let name) = read.relation, let declared = try declaration(of: name) else {
            throw ApusError(.unsupported, "\(read.title) has no partitions whose versions could be compared", context: endpoint.label)
        }
        let columns = declared.partitionColumns
        let found: [StarRocksPartition] = try partitions(of: name)
        let isExpression = declared.layout.partitionsByExpression
        return found.enumerated().map { index, partition in
            let bounds = columns.isEmpty ? .whole : partition.bounds(columns.count)
            var made = Partition(name: partition.name, mark: partition.mark, columns: columns, bounds: bounds)
            if case .range(let from, let upTo) = bounds {
                // Rows without a value are in the lowest range, whose bound other systems may not take for a date.
                let isLowest = from?.first.map(Self.isLowest) ?? true
                made.holdsNull = index == 0 || isLowest || isExpression
                if isLowest, from?.count == 1 { made.bounds = .range(from: nil, upTo: upTo) }
            }
            return made
        }
    }

    private static func isLowest(_ value: String) -> Bool {
        value.hasPrefix("0000-01-01") || ["-128", "-32768", "-2147483648", "-9223372036854775808"].contains(value)
    }
}

extension StarRocksPartition {
    /// The values that it holds, of so many columns; nil where they are told in an unknown way.
    func bounds(_ columns: Int) -> Partition.Bounds? {
        if range.hasPrefix("[types:") || range.hasPrefix("[types :") {
            // [types: [DATE]; keys: [2019-01-01]; ..types: [DATE]; keys: [2020-01-01]; )
            let sides = range.ranges(of: "keys: [").map { start -> [String] in
                range[start.upperBound...].prefix { $0 != "]" }.split(separator: ",").map { part in
                    String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
                }
            }
            guard sides.count == 2, sides.allSatisfy({ $0.count == columns }) else { return nil }
            let from = sides[0].contains("MINVALUE") ? nil : sides[0]
            // Of several columns, MAXVALUE may follow values.
            if sides[1].contains("MAXVALUE"), sides[1].contains(where: { $0 != "MAXVALUE" }) { return nil }
            return .range(from: from, upTo: sides[1].contains("MAXVALUE") ? nil : sides[1])
        }
        guard range.hasPrefix("("), range.hasSuffix(")") else { return nil }
        return list(columns).map { .list($0) }
    }

    /// (('a', '1'), ('b', '2')), or (('a')).
    private func list(_ columns: Int) -> [[String?]]? {
        var rows: [[String?]] = []
        var row: [String?] = []
        var rest = Substring(range).dropFirst().dropLast()
        while let first = rest.first {
            rest = rest.dropFirst()
            switch first {
            case "(": row = []
            case ")":
                guard row.count == columns else { return nil }
                rows.append(row)
                row = []
            case "'", "\"":
                var value = ""
                while let character = rest.first, character != first {
                    rest = rest.dropFirst()
                    if character == "\\", let next = rest.first {
                        value.append(next)
                        rest = rest.dropFirst()
                    } else {
                        value.append(character)
                    }
                }
                rest = rest.dropFirst()
                row.append(value)
            case "N", "n":
                guard rest.lowercased().hasPrefix("ull") else { return nil }
                rest = rest.dropFirst(3)
                row.append(nil)
            case ",", " ": continue
            default:
                var value = String(first)
                while let character = rest.first, !",) ".contains(character) {
                    value.append(character)
                    rest = rest.dropFirst()
                }
                row.append(value)
            }
        }
        // One column may be listed without parentheses of its own.
        if rows.isEmpty, columns == 1 { rows = row.map { [$0] } }
        return rows.isEmpty ? nil : rows
    }
}
