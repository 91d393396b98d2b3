import ApusCore
import Tabular

/// A table as rows are loaded into it.
struct LoadTarget {
    enum Model: String { case duplicate = "DUPLICATE KEY", aggregate = "AGGREGATE KEY", unique = "UNIQUE KEY", primary = "PRIMARY KEY" }

    struct Item {
        var name: String
        var type: ColumnType
        /// As the table declares it, e.g. `varchar(20)`.
        var native: String
        var nullable: Bool
        /// The most octets of a text; nil = whatever the server takes.
        var limit: Int?
        /// Of ARRAY, MAP and STRUCT.
        var nested: NestedType?
    }

    var table: TableName
    /// The columns that batches carry, in batch order.
    var items: [Item]
    var model: Model
    var key: [String]
    /// The columns of the table that rows are loaded into are all among `items`.
    var isWhole: Bool
    var partitions: PartitionRanges?

    /// Says of a row whether it is put in (0) or deletes the row of its key (1). No column of any table.
    static let operation = Item(
        name: "__op", type: .integer(bits: 8, unsigned: false), native: "tinyint", nullable: false, limit: nil, nested: nil)

    var deletes: Bool { items.contains { $0.name == Self.operation.name } }

    var schema: Schema { Schema(items.map { Column($0.name, $0.type, nullable: $0.nullable) }) }

    /// A row that is loaded twice is there once.
    var isKeyed: Bool { model == .primary || model == .unique }

    /// Some value of it has a form of its own, which plain CSV does not have.
    func needsJSON(_ profile: StarRocksProfile) -> Bool {
        items.contains { $0.nested != nil && (profile.isDoris || $0.nested!.hasMap) }
    }

    /// The headers that say what the fields are.
    ///
    /// - parameter operation: what the field of ``operation`` is called; StarRocks knows `__op`.
    func columnsHeaders(_ form: LoadForm, operation: String) -> [(name: String, value: String)] {
        var fields: [String] = []
        var mapped: [String] = []
        for (index, item) in items.enumerated() {
            func compute(_ expression: (String) -> String) {
                fields.append("apus_\(index)")
                mapped.append("`\(item.name)`=\(expression("apus_\(index)"))")
            }
            if item.name == Self.operation.name {
                fields.append(operation)
            } else if case .bytes = item.type {
                // Bytes cannot stand in a text: they go as hexadecimal digits.
                compute { "to_binary(\($0),'hex')" }
            } else if item.native == "bitmap" {
                compute { "bitmap_from_string(\($0))" }
            } else if form.choice.hexed.contains(index) {
                compute { "unhex(\($0))" }
            } else if !form.isJSON, !form.isDoris, item.nested?.hasMap == true {
                compute { "CAST(parse_json(\($0)) AS \(item.native))" }
            } else {
                fields.append("`\(item.name)`")
            }
        }
        var headers: [(name: String, value: String)] = []
        if form.isJSON {
            // By place and not by name, whose case and characters servers differ in.
            headers.append(("jsonpaths", "[" + items.indices.map { "\"$.c\($0)\"" }.joined(separator: ",") + "]"))
        } else if items.count == 1 {
            // An empty line would be passed over.
            fields.append("apus_pad")
        }
        return headers + [("columns", (fields + mapped).joined(separator: ","))]
    }
}

extension StarRocksSession {
    /// What `SHOW CREATE TABLE` says of a table.
    /// - throws: `object.not_found`; `unsupported` for a view.
    func declaration(_ table: TableName) throws -> StarRocksCreate {
        let rows = try rows("SHOW CREATE TABLE \(dialect.quote(table))", doing: "read the definition of \(table)")
        guard let statement = rows.first?.last.flatMap({ $0 }), let parsed = StarRocksCreate(statement), !parsed.columns.isEmpty else {
            throw ApusError(.unsupported, "\(table) is no table that rows can be loaded into", context: endpoint.label)
        }
        return parsed
    }

    /// - throws: `object.not_found` for a column that the table has not; `unsupported` for one that cannot be loaded.
    func loadTarget(_ table: TableName, columns: [String], emptyPartitions: Bool = true) throws -> LoadTarget {
        let declared = try declaration(table)
        let items = try columns.map { name in
            if name == LoadTarget.operation.name {
                guard declared.model == (profile.isDoris ? LoadTarget.Model.unique : .primary).rawValue else {
                    throw ApusError(
                        .unsupported, "rows of \(table), a \(declared.model) table, cannot be deleted by a load",
                        hint: "`__op` needs a \(profile.isDoris ? "unique" : "primary") key table.", context: endpoint.label)
                }
                return LoadTarget.operation
            }
            guard let column = declared.columns.first(where: { $0.name.lowercased() == name.lowercased() }) else {
                throw ApusError(
                    .notFound, "\(table) has no column `\(name)`", hint: Nearest.hint(for: name, among: declared.columns.map(\.name)),
                    context: endpoint.label)
            }
            let native = StarRocksTypes.normalized(column.native)
            if ["hll", "percentile", "quantile_state", "agg_state"].contains(where: { native.hasPrefix($0) }) {
                throw ApusError(
                    .unsupported, "column `\(name)` of \(table) is \(native), which has no text form to be loaded from",
                    hint: "Leave it out of `columns`, or load into a table with its source values and compute it there.",
                    context: endpoint.label)
            }
            return LoadTarget.Item(
                name: column.name, type: StarRocksTypes.type(native), native: native, nullable: column.nullable,
                limit: Self.limit(native, profile), nested: NestedType(column.native))
        }
        let given = Set(items.map(\.name))
        let isWhole = declared.columns.allSatisfy { $0.generated != nil || $0.isIdentity || given.contains($0.name) }
        return LoadTarget(
            table: table, items: items, model: LoadTarget.Model(rawValue: declared.model) ?? .duplicate, key: declared.key,
            isWhole: isWhole,
            partitions: try partitionRanges(table, declared, items))
    }

    /// The most octets of a text type; both systems count octets, not characters.
    private static func limit(_ native: String, _ profile: StarRocksProfile) -> Int? {
        let base = native.prefix { $0.isLetter }
        let length = native[base.endIndex...].split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) }
        switch base {
        case "char": return length ?? 1
        case "varchar": return length ?? (profile.isDoris ? 65_533 : 1)
        case "string": return profile.isDoris ? 1_048_576 : 65_533
        case "varbinary", "binary": return length ?? 1_048_576
        default: return nil
        }
    }
}
