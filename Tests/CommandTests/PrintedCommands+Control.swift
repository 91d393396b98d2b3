import ApusTesting
import Foundation
import Testing

extension PrintedCommands {
    // MARK: Before a run

    static let setup: [String: @Sendable () throws -> Void] = [
        "Program.swift help": {
            let typist = try Typist()
            let failed = try typist.apus("conn", "tables", "--log", "json", "--shema", "x")
            #expect(failed.status == 64)
            expect(try typist.type(typist.printed(failed, "conn tables")), 0, "--schema")
        },
        "DataXArguments.swift help": {
            let typist = try Typist()
            let failed = try typist.apus("datax", "job.json", "--jobid", "x")
            #expect(failed.status == 255)
            expect(try typist.type(typist.printed(failed, "datax ")), 0, "--jobid")
        },
        "FlowReader.swift initFlow": {
            let typist = try Typist()
            let flow = typist.odd("fl ow.yaml")
            let failed = try typist.apus("run", flow)
            expect(failed, 78, "cannot be read")
            expect(try typist.type(typist.printed(failed, "init ")), 0)
            expect(
                try typist.apus(
                    "check", flow, with: ["SHOP_PASSWORD": "x", "DW_PASSWORD": "x", "SOURCE_PASSWORD": "x", "TARGET_PASSWORD": "x"]), 0,
                "ok: ")
        },
        "Plan+Faults.swift plan": {
            let typist = try Typist()
            try typist.sqlite("s.db", "CREATE TABLE a (id integer PRIMARY KEY); CREATE TABLE b (id integer PRIMARY KEY)")
            try typist.sqlite("t.db", "CREATE TABLE x (id integer PRIMARY KEY); CREATE VIEW a AS SELECT * FROM x")
            let copy = try typist.apus("copy", typist.url("s.db"), typist.url("t.db"), "--exclude", "c d", "--ledger", typist.ledger)
            #expect(copy.status != 0)
            let dry = try typist.type(typist.printed(copy, "copy ", and: "--dry-run"))
            #expect(dry.stdout.contains("a is a view") && !dry.stderr.contains("--dry-run"), "\(dry.stderr)")
            let flow = try typist.write(
                "from: \"\(typist.url("s.db"))\"\nto: \"\(typist.url("t.db"))\"\nparameters: { p: a }\ndefaults: { where: \"'{{ p }}' > ''\" }\n",
                to: "fl ow.yaml")
            let run = try typist.apus("run", flow, "--set", "p=i s", "--summary-file", typist.odd("sum.json"), "--ledger", typist.ledger)
            #expect(run.status != 0)
            let plan = try typist.type(typist.printed(run, "plan "))
            #expect(plan.stdout.contains("a is a view"), "\(plan.stderr)")
        },
        "ApusError+Advice.swift connTest": {
            let typist = try Typist(), store = try Store(.postgres)
            let url = "postgres://\(store.postgres.options.user):${PW}@127.0.0.1:\(store.port)/\(store.database)"
            let refused = try typist.apus("copy", url, typist.url("t.db"), with: ["PW": "wrong"])
            expect(refused, 78, "user or password is wrong")
            let command = try typist.printed(refused, "conn test ")
            expect(try typist.type(command, with: ["PW": "wrong"]), 78)
            expect(try typist.type(command, with: ["PW": store.postgres.options.password]), 0, "ok: ")
        },
        "ApusError+Advice.swift connTables": {
            let typist = try Typist(), store = try Store(.postgres)
            try store.fill()
            let ends = ["APUS_CONNECTION_DW": store.url()]
            let missing = try typist.apus("copy", "dw", typist.url("t.db"), "--query", "SELECT * FROM ordres", "--to", "t", with: ends)
            expect(missing, 78, "ordres")
            expect(try typist.type(typist.printed(missing, "conn tables "), with: ends), 0, "orders")
        },
        "DataXRun.swift importDataX": {
            let typist = try Typist(), source = try Store(.sqlite), target = try Store(.sqlite)
            try source.run("CREATE TABLE t (id integer PRIMARY KEY, v integer); INSERT INTO t VALUES (1, 1000)")
            try target.run("CREATE TABLE t (id integer PRIMARY KEY, v integer CHECK (v < 100)); INSERT INTO t VALUES (9, 9)")
            let job = try typist.write(
                DataXDesk.job(source.reader("t"), target.writer("t", more: #""preSql": ["delete from t"],"#)), to: "jo b.json")
            let failed = try typist.apus("datax", job)
            #expect(failed.status == 1)
            expect(try typist.type(typist.printed(failed, "import datax ")), 0)
            expect(try typist.type("apus check flow.yaml"), 0, "ok: ")
        },
    ]

    // MARK: Control tables

    /// A control database in the odd folder, whose row `a` is to be loaded from `erp` to `dw`.
    final class Desk: Sendable {
        let typist: Typist
        var control: String { typist.url("con trol.db") }

        init(
            row: [String: String] = [:], template: String? = nil,
            target: String = "CREATE TABLE a (id integer PRIMARY KEY, v integer CHECK (v < 100))"
        ) throws {
            let folder = try Typist()
            typist = folder
            try typist.sqlite("erp.db", "CREATE TABLE a (id integer PRIMARY KEY, v integer); INSERT INTO a VALUES (1, 1), (2, 1000)")
            try typist.sqlite("dw.db", target)
            expect(try typist.apus("control", "init", control), 0)
            var values = [
                "type": "'x'", "src_table_name": "'a'", "des_table_name": "'a'", "json_id": "1", "relation": "'t'", "dcondition": "'1=1'",
                "src_table_column": "'*'", "des_table_column": "'*'", "server_type": "0", "ordernum": "1", "status": "0", "etl_type": "0",
                "etl_column": "''",
            ]
            values.merge(row) { $1 }
            try typist.sqlite(
                "con trol.db",
                """
                INSERT INTO datax_json (id, source_dbname, target_dbname) VALUES (1, 'erp', 'dw');
                INSERT INTO datax_config (\(values.keys.sorted().joined(separator: ", "))) VALUES (\(values.keys.sorted().map { values[$0]! }.joined(separator: ", ")));
                """)
            try FileManager.default.createDirectory(atPath: typist.odd("templates"), withIntermediateDirectories: true)
            guard let template else { return }
            _ = try typist.write(
                DataXDesk.job(
                    """
                    {"name": "sqlitereader", "parameter": {"username": "", "connection": [{"jdbcUrl": ["jdbc:sqlite:\(typist.odd("erp.db"))"],
                    "querySql": ["select ${src_table_columns} from ${src_table_name} ${relation} where ${condition}"]}]}}
                    """,
                    """
                    {"name": "sqlitewriter", "parameter": {"username": "", "column": ["${des_table_columns}"],
                    "connection": [{"jdbcUrl": "jdbc:sqlite:\(typist.odd("dw.db"))", "table": ["${des_table_name}"]}]}}
                    """, setting: "\"speed\": {\"channel\": 1}, \(template)"), to: "templates/t.json")
            try typist.sqlite("con trol.db", "UPDATE datax_json SET df_json = 't.json'")
        }

        var ends: [String: String] { ["APUS_CONNECTION_ERP": typist.url("erp.db"), "APUS_CONNECTION_DW": typist.url("dw.db")] }

        func apus(_ arguments: String...) throws -> CommandResult { try typist.user.run(arguments, with: ends) }
        func type(_ command: String) throws -> CommandResult { try typist.type(command, with: ends) }
        func extract(_ more: String...) throws -> CommandResult {
            try typist.user.run(["extract", "--control", control, "--type", "x", "--json-dir", typist.odd("templates")] + more, with: ends)
        }
    }

    static let control: [String: @Sendable () throws -> Void] = [
        "Extract.swift retryFailed": {
            let desk = try Desk()
            let failed = try desk.extract("--day", "2026-11-21", "--zone", "+08:00", "--ledger", desk.typist.ledger)
            expect(failed, 1)
            let command = try desk.typist.next(failed, "extract ")
            for option in ["--type x", "--json-dir '", "--zone +08:00", "--ledger '", "--retry-failed"] {
                #expect(command.contains(option))
            }
            // What is wrong is not passed by.
            expect(try desk.type(command), 1)
            try desk.typist.sqlite("erp.db", "UPDATE a SET v = 2")
            expect(try desk.type(command), 0, "done")
            #expect(try desk.typist.loaded("dw.db", "a") == 2)
        },
        "TaskRun.swift controlCheck": {
            let desk = try Desk(target: "CREATE TABLE x (id integer PRIMARY KEY, v integer); CREATE VIEW a AS SELECT * FROM x")
            let failed = try desk.extract()
            expect(failed, 1, "is a view")
            expect(try desk.type(desk.typist.printed(failed, "control check ")), 78, "is a view", "1 fault")
        },
        "RowFlow.swift connTables": {
            let desk = try Desk(row: ["src_table_name": "'nope_*'"])
            let failed = try desk.extract()
            expect(failed, 1, "nope_*")
            expect(try desk.type(desk.typist.printed(failed, "conn tables ")), 0, "a ")
        },
        "ControlDatabase.swift controlInit": {
            let desk = try Desk()
            try desk.typist.sqlite("other.db", "CREATE TABLE datax_config (x int)")
            let failed = try desk.apus("extract", "--control", desk.typist.url("other.db"))
            expect(failed, 78, "--config-table")
            try desk.typist.sqlite("other.db", "DROP TABLE datax_config")
            expect(try desk.type(desk.typist.printed(failed, "control init ")), 0, "made ")
        },
        "ControlTarget.swift again": {
            let desk = try Desk()
            func generate() throws -> CommandResult {
                try desk.apus("generate", "--from", "erp", "--json-id", "1", "--like", "n_w", "--into", desk.control, "--type", "x")
            }
            try desk.typist.sqlite("erp.db", "CREATE TABLE new (id integer PRIMARY KEY)")
            expect(try generate(), 0)
            try desk.typist.sqlite("erp.db", "ALTER TABLE new ADD late integer")
            let told = try generate()
            expect(told, 0, "lack new columns")
            expect(try desk.type(desk.typist.printed(told, "generate ")), 0, "1 changed")
            #expect(
                try desk.typist.sqlite("con trol.db", "SELECT src_table_column FROM datax_config WHERE src_table_name = 'new'").contains(
                    "late"))
        },
        "Drift.swift generateUpdate": {
            let desk = try Desk()
            try desk.typist.sqlite("erp.db", "CREATE TABLE new (id integer PRIMARY KEY)")
            expect(try desk.apus("generate", "--from", "erp", "--json-id", "1", "--like", "new", "--into", desk.control, "--type", "x"), 0)
            try desk.typist.sqlite("erp.db", "ALTER TABLE new ADD late integer")
            let told = try desk.apus("drift", "--control", desk.control)
            expect(told, 2, "column.new")
            expect(try desk.type(desk.typist.printed(told, "generate ")), 0, "1 changed")
            #expect(
                try desk.typist.sqlite("con trol.db", "SELECT src_table_column FROM datax_config WHERE src_table_name = 'new'").contains(
                    "late"))
        },
    ]
}
