import ApusCore
import Tabular

/// The tables of a control database, in terms that every SQL connector can declare, and how they come to be.
///
/// The six of pydatax keep their names, columns and meanings; those of Apus stand beside them and begin with `apus_`.
public enum ControlTables {
    public static let config = "datax_config"
    public static let repair = "datax_config_repair"
    public static let job = "datax_json"
    public static let log = "datax_log"
    public static let rowError = "datax_row_error"
    public static let etlError = "datax_etl_error"
    static let lease = "apus_lease"
    static let worker = "apus_worker"

    static let shapes: [TableShape] = [
        configuration(config), configuration(repair),
        table(job, ControlJob.fields.map(\.column)),
        table(
            log,
            [
                id, text("table_name", 255), date("dt"), number("datax_id"), time("starttime"), time("endtime"),
                date("etl_begintime"), date("etl_endtime"), text("net_num", 50), number("is_finished", initial: 0),
                decimal("time_num", 12), decimal("speed_num", 18), big("read_num"), big("error_num"), created,
            ]),
        table(
            rowError,
            [id, big("error_num"), big("total_num"), number("datax_id"), text("table_name", 255), text("msg", nil), created]),
        table(etlError, [id, number("datax_id"), text("table_name", 255), text("msg", nil), created]),
        keyed(
            lease, by: ["lease_key"],
            [
                word("lease_key"), word("state"), word("worker_id"), optionalWord("run_id"), text("host_name", 255), big("process_id"),
                text("day_from", 10), text("day_upto", 10), big("beat_us"), big("done_us"),
            ]),
        keyed(
            worker, by: ["worker_id"],
            [word("worker_id"), word("task_key"), text("host_name", 255), big("process_id"), big("since_us"), big("beat_us")]),
    ]

    /// What a config table's rows are like, also under another name.
    static func configuration(_ name: String) -> TableShape {
        var shape = table(name, ControlRow.fields.map(\.column))
        shape.indexes = [IndexShape(name: "\(name)_src_json", columns: ["src_table_name", "json_id"], unique: true)]
        return shape
    }

    private static func table(_ name: String, _ columns: [ColumnShape]) -> TableShape { keyed(name, by: ["id"], columns) }

    private static func keyed(_ name: String, by key: [String], _ columns: [ColumnShape]) -> TableShape {
        var shape = TableShape(name: TableName(name), origin: "apus", columns: columns)
        shape.primaryKey = key
        return shape
    }

    private static func column(_ name: String, _ type: ColumnType) -> ColumnShape { ColumnShape(name, type, native: "\(type)") }

    private static var id: ColumnShape {
        var column = ColumnShape("id", .int32, native: "int", nullable: false)
        column.identity = true
        return column
    }

    private static var created: ColumnShape {
        var column = time("create_time")
        column.initial = .currentTimestamp
        return column
    }

    private static func text(_ name: String, _ length: Int?) -> ColumnShape { column(name, .text(length: length)) }
    private static func date(_ name: String) -> ColumnShape { column(name, .date) }
    private static func time(_ name: String) -> ColumnShape { column(name, .timestamp(precision: 0)) }
    private static func big(_ name: String) -> ColumnShape { column(name, .int64) }
    private static func decimal(_ name: String, _ precision: Int) -> ColumnShape {
        column(name, .decimal(precision: precision, scale: 3))
    }

    private static func number(_ name: String, initial: Int? = nil) -> ColumnShape {
        var column = column(name, .int32)
        column.initial = initial.map { .literal(String($0)) }
        return column
    }

    private static func word(_ name: String) -> ColumnShape { ColumnShape(name, .text(length: 64), native: "varchar(64)", nullable: false) }
    private static func optionalWord(_ name: String) -> ColumnShape { text(name, 64) }

    /// Makes those that are missing and leaves the others as they are. Two processes may do so at once.
    /// - returns: the names of the tables that were made.
    static func make(_ wanted: [TableShape], _ session: any SQLSession, _ connector: any Connector) throws -> [String] {
        guard let dialect = connector.dialect else { throw ControlDatabase.unfit(connector) }
        var made: [String] = []
        let existing = try names(session)
        for table in wanted where !existing.contains(table.name.name) {
            var table = table
            if ControlClock(connector.name)?.hasNumericTypes == true,
                let index = table.columns.firstIndex(where: { $0.name == "type" && table.column("src_table_name") != nil })
            {
                table.columns[index].type = .int32
                table.columns[index].native = "int"
            }
            let shape = dialect.translate(table, named: table.name, origin: connector.name).shape
            do {
                for sql in dialect.create(shape, as: shape.name) + dialect.createIndexes(shape, on: shape.name) {
                    try session.execute(sql)
                }
                made.append(table.name.name)
            } catch {
                // Another process may have made it in between.
                guard try names(session).contains(table.name.name) else { throw error }
            }
        }
        return made
    }

    private static func names(_ session: any SQLSession) throws -> Set<String> {
        do {
            return Set(try session.tables(schema: nil).map { $0.name.name.lowercased() })
        } catch let error as ApusError where error.code == .notFound {
            // Nothing is in a database file that the first write will make.
            return []
        }
    }
}
