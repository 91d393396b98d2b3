import ApusCore
import Tabular

/// One table to extract: a row of `datax_config`, or of a table of the same shape beside it.
public struct ControlRow: Sendable, Hashable {
    /// Which rows a run takes (`etl_type`).
    public enum Increment: Int, Sendable, CaseIterable {
        case full = 0
        /// The rows of a day, by ``ControlRow/etlColumn``.
        case day = 1
        /// ``ControlRow/etlColumn`` holds the whole condition.
        case condition = 2
        /// The full template, with ``ControlRow/etlColumn`` as the condition.
        case fullByCondition = 3
    }

    public var id: Int?
    /// The kind of job; the scripts run `1`.
    public var type = "1"
    /// May carry a schema: `dbo.a`.
    public var sourceTable: String
    /// ``ControlJob/id``.
    public var jobID: Int?
    public var targetTable: String
    public var splitKey = ""
    /// An alias or joins, placed behind the table's name.
    public var relation = ""
    /// WHERE text of the source; `1=1` and nothing mean all rows.
    public var condition = "1=1"
    /// Columns and expressions of the source, comma-separated.
    public var sourceColumns = "*"
    /// Columns of the target, comma-separated, usually `*`.
    public var targetColumns = "*"
    /// Which machine runs the row.
    public var serverType = 0
    /// Smallest first.
    public var order = 0.0
    /// 0 active, 1 disabled.
    public var status = 0
    /// ``Increment``'s number, or one that means nothing.
    public var etlType = 0
    /// The watermark column, or a condition.
    public var etlColumn = ""
    /// Runs that ended well.
    public var runs = 0
    /// `2026-11-21`: the day of the last run that ended well.
    public var lastDay: String?
    public var note: String?
    public var createdAt: String?

    public init(_ sourceTable: String, to targetTable: String) {
        self.sourceTable = sourceTable
        self.targetTable = targetTable
    }

    public var isActive: Bool { status == 0 }
    public var increment: Increment? { Increment(rawValue: etlType) }

    public static let fields: [ControlField<ControlRow>] = [
        .id(\.id),
        .text("type", 50, \.type, initial: "1"),
        .text("src_table_name", 60, \.sourceTable),
        .reference("json_id", \.jobID),
        .text("des_table_name", 60, \.targetTable),
        .text("split_pk_field", 60, \.splitKey),
        .text("relation", 1000, \.relation),
        .text("dcondition", 1000, \.condition),
        // pydatax has 8,000 characters, which a table of 1,000 columns exceeds.
        .text("src_table_column", nil, \.sourceColumns),
        .text("des_table_column", 255, \.targetColumns),
        .number("server_type", \.serverType),
        .thousandths("ordernum", \.order),
        .number("status", \.status),
        .number("etl_type", \.etlType),
        .text("etl_column", 2000, \.etlColumn),
        .number("etl_num", \.runs),
        .optional("last_etl_date", .date, \.lastDay),
        .optional("note", .text(length: 255), \.note),
        .optional("create_time", .timestamp(precision: 0), \.createdAt, initial: .currentTimestamp),
    ]
}

/// How rows of `datax_config` are run: a row of `datax_json`, with DataX templates or two named connections.
public struct ControlJob: Sendable, Hashable {
    public var id: Int?
    /// The full template's file; empty = none is needed.
    public var fullTemplate = ""
    /// The incremental template's file.
    public var incrementalTemplate = ""
    /// The source's connection or group, by name or as text with `${…}`.
    public var source = ""
    public var target = ""
    public var createdAt: String?

    public init(source: String = "", target: String = "") {
        self.source = source
        self.target = target
    }

    /// The template of a row, or nil where connections are named instead.
    public func template(for increment: ControlRow.Increment) -> String? {
        let file = increment == .full || increment == .fullByCondition ? fullTemplate : incrementalTemplate
        return file.isEmpty ? nil : file
    }

    public var isTemplated: Bool { !fullTemplate.isEmpty || !incrementalTemplate.isEmpty }

    public static let fields: [ControlField<ControlJob>] = [
        .id(\.id),
        .text("df_json", 255, \.fullTemplate),
        .text("di_json", 255, \.incrementalTemplate),
        .text("source_dbname", 255, \.source),
        .text("target_dbname", 255, \.target),
        .optional("create_time", .timestamp(precision: 0), \.createdAt, initial: .currentTimestamp),
    ]
}
