extension Plan {
    /// A finding that does not forbid the run, told once for all tables and columns that it is about.
    public struct Remark: Sendable, Hashable {
        public var severity: Finding.Severity
        /// `orders.note`, `orders (note, name)`, `12 tables (a, b, c, …)`.
        public var place: String
        public var message: String

        public var text: String { "\(place): \(message)" }
    }

    /// Warnings and notes, in the order in which they were found.
    public var remarks: [Remark] {
        Self.remarks(tables.flatMap { table in table.findings.filter { $0.severity != .error }.map { (table.name, $0) } })
    }

    public static func remarks(_ findings: [(table: String, finding: Finding)]) -> [Remark] {
        struct Key: Hashable {
            var severity: Finding.Severity
            var message: String
        }
        var order: [Key] = []
        var places: [Key: [(table: String, column: String?)]] = [:]
        for (table, finding) in findings {
            let key = Key(severity: finding.severity, message: finding.message)
            if places[key] == nil { order.append(key) }
            if places[key]?.contains(where: { $0 == (table, finding.column) }) == true { continue }
            places[key, default: []].append((table, finding.column))
        }
        return order.map { Remark(severity: $0.severity, place: place(places[$0]!), message: $0.message) }
    }

    /// Names that are listed before `…`.
    private static let listed = 5

    private static func place(_ places: [(table: String, column: String?)]) -> String {
        func list(_ names: [String]) -> String {
            names.prefix(listed).joined(separator: ", ") + (names.count > listed ? ", … (\(names.count))" : "")
        }
        var tables: [String] = []
        for place in places where tables.last != place.table { tables.append(place.table) }
        let named = places.map { place in place.column.map { "\(place.table).\($0)" } ?? place.table }
        guard tables.count == 1 else {
            return places.contains { $0.column != nil }
                ? list(named)
                : "\(tables.count) tables (\(tables.prefix(listed).joined(separator: ", "))\(tables.count > listed ? ", …" : ""))"
        }
        let columns = places.compactMap(\.column)
        return columns.count < 2 || columns.count < places.count ? list(named) : "\(tables[0]) (\(list(columns)))"
    }
}
