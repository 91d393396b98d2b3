import ApusCore
import Tabular

extension PlanTable {
    /// The same for programs: one object with stable keys. It is for reading; what `run --plan` takes is the plan's own
    /// JSON.
    public static func json(_ plan: Plan) -> String {
        func end(_ end: Plan.End) -> JSON {
            .object(["connector": .string(end.connector), "reference": .string(end.reference)])
        }
        return JSON.object([
            .init("schema_version", .integer(JSONLines.schemaVersion)),
            .init("name", plan.name.map(JSON.string) ?? .null),
            .init("from", end(plan.from)), .init("to", end(plan.to)), .init("zone", plan.zone.map { .string($0.name) } ?? .null),
            .init("channels", .integer(plan.limits.channels)),
            .init("bad_rows", plan.limits.badRows.map(JSON.integer) ?? .null),
            .init("consistent_snapshot", .bool(plan.consistentSnapshot)), .init("before", strings(plan.before)),
            .init("after", strings(plan.after)), .init("findings", .array((plan.findings ?? []).map(value))),
            .init("tables", .array(plan.tables.map(value))),
        ]).pretty
    }

    private static func strings(_ texts: [String]) -> JSON { .array(texts.map(JSON.string)) }

    private static func value(_ table: PlannedTable) -> JSON {
        .object([
            .init("table", .string(table.name)), .init("target", .string(table.load.target.description)),
            .init("mode", .string(table.load.mode.rawValue)), .init("create", .string(policy(table.load))),
            .init("rows_expected", rows(table).map(JSON.integer) ?? .null),
            .init("slices", .integer(table.slices.count)),
            .init("key", strings(table.load.key)), .init("slice_key", strings(table.read.key.map(\.name))),
            .init("filters", strings(table.read.filters)), .init("columns", .array(columns(table))),
            .init(
                "watermark",
                table.watermark.map { mark in
                    .object([
                        .init("column", .string(mark.column)), .init("after", mark.after.map(JSON.string) ?? .null),
                        .init("up_to", mark.upTo.map(JSON.string) ?? .null),
                    ])
                } ?? .null),
            .init("before", strings(table.before)), .init("ddl", strings(table.ddl)),
            .init("after", strings(table.after)),
            .init("findings", .array(table.findings.map(value))),
        ])
    }

    private static func value(_ finding: Finding) -> JSON {
        .object([
            .init("severity", .string(finding.severity.rawValue)), .init("code", .string(finding.code.name)),
            .init("column", finding.column.map(JSON.string) ?? .null), .init("message", .string(finding.message)),
            .init("hint", finding.hint.map(JSON.string) ?? .null),
        ])
    }

    private static func columns(_ table: PlannedTable) -> [JSON] {
        zip(table.read.items.indices, table.load.columns).map { index, target in
            let item = table.read.items[index]
            let type = index < table.read.schema.count ? table.read.schema[index].type.description : nil
            return .object([
                .init("source", .string(item.expression ?? item.name)), .init("target", .string(target)),
                .init("type", type.map(JSON.string) ?? .null),
                .init("native", table.load.shape.column(target).map { .string($0.native) } ?? .null),
            ])
        }
    }
}
