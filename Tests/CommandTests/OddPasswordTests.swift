import ApusTesting
import Foundation
import Testing

/// Odd passwords in every place that can hold one, and every output searched for them.
@Suite(.requires(.mariadb, .postgres)) struct OddPasswordTests {
    static let passwords = [
        #"p@ss:/%w'"$é"#, "a", "orders", "pa ss  wörd", #"back\slash\'"#, "•", "x•••y", "%41%40z", "🔑钥匙/", #"'quoted' "twice""#, "${HOME}",
        "hunter2;&=?#[]",
    ]

    /// Where a password that is an ordinary word would stand, and all forms of the others.
    private func traces(_ password: String) -> [String] {
        let encoded = percent(password)
        var forms = [
            ":\(encoded)@", ":\(password)@", "password=\(encoded)&", "password=\(encoded)\n", "password=\(encoded)\"",
            "password: \(password)\n",
        ]
        forms += [
            "BY '\(password)'", "PASSWORD '\(password)'", "\"password\":\"\(password)\"", "\"password\": \"\(password)\"", "pw=\(password)",
        ]
        guard !["a", "orders", "•"].contains(password) else { return forms }
        forms += [password, encoded, encoded.lowercased(), sql(password, backslashes: true), sql(password, backslashes: false)]
        forms += forms.map { $0.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") }
        return forms
    }

    /// What stands on both sides, for the message of a failure; files of databases hold NULs.
    private func around(_ range: Range<String.Index>?, in text: String) -> String {
        guard let range else { return "" }
        return (text[..<range.lowerBound].suffix(300) + "»" + text[range.lowerBound...].prefix(200)).replacing("\0", with: "␀")
    }

    private func percent(_ text: String) -> String {
        text.utf8.map { byte in
            let isPlain = (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
            return isPlain ? String(Unicode.Scalar(byte)) : String(format: "%%%02X", Int(byte))
        }.joined()
    }

    private func sql(_ text: String, backslashes: Bool) -> String {
        (backslashes ? text.replacing("\\", with: "\\\\") : text).replacing("'", with: "''")
    }

    private func json(_ text: String) -> String { text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") }

    /// In YAML, where `${` begins a variable.
    private func yaml(_ text: String) -> String { "'" + text.replacing("${", with: "$${").replacing("'", with: "''") + "'" }

    @Test(arguments: passwords) func `is found in no output, file, ledger, process list or export`(_ password: String) throws {
        let user = try User(), encoded = percent(password)
        let store = try Store(.mariadb), ledger = try Store(.mariadb), postgres = try Store(.postgres), source = try Store(.sqlite)
        try source.fill()
        let name = "odd_\(store.database)", role = "odd_\(postgres.database)"
        let literal = sql(password, backslashes: true)
        try store.run(
            "CREATE USER \(name) IDENTIFIED BY '\(literal)'; GRANT ALL ON \(store.database).* TO \(name); GRANT ALL ON \(ledger.database).* TO \(name);"
        )
        try postgres.run(
            "CREATE ROLE \(role) LOGIN PASSWORD '\(sql(password, backslashes: false))'; GRANT ALL ON SCHEMA public TO \(role);")
        let place = "127.0.0.1:\(store.port)/\(store.database)"
        let url = "mysql://\(name):\(encoded)@\(place)"
        let file = try store.folder.write(password + "\n", to: "password")
        let connections = try store.folder.write(
            """
            named:
              type: mysql
              host: 127.0.0.1
              port: \(store.port)
              user: \(name)
              password: \(yaml(password))
              database: \(store.database)
            root: \(store.url())
            pg: \(postgres.url())

            """, to: "connections.yaml")
        chmod(connections, 0o600)
        let environment = [
            "SECRET": password, "APUS_CONNECTIONS": connections, "APUS_CONNECTION_FROM_ENV": url,
            "CONTROL": "mysql://\(name):\(encoded)@127.0.0.1:\(ledger.port)/\(ledger.database)",
        ]
        var results: [(String, CommandResult)] = []
        @discardableResult func apus(_ status: Int32?, _ arguments: String...) throws -> CommandResult { try apus(status, arguments) }
        @discardableResult func apus(_ status: Int32?, _ arguments: [String]) throws -> CommandResult {
            let result = try user.run(arguments, with: environment)
            results.append((arguments.joined(separator: " "), result))
            if let status { #expect(result.status == status, "\(arguments) \(result.stdout)\(result.stderr)") }
            return result
        }

        // The connection in every form, of a run that succeeds and one that fails.
        let summary = user.home.file("summary.json")
        let jdbc = "jdbc:mysql://\(place)?user=\(name)&password=\(encoded)"
        for (index, target) in [
            url, "mysql://\(name):${SECRET}@\(place)", "mysql://\(name):${file:\(file)}@\(place)", "named", "from-env", jdbc,
            "postgres://\(role):\(encoded)@127.0.0.1:\(postgres.port)/\(postgres.database)",
        ].enumerated() {
            let log = index % 2 == 0 ? "json" : "text"
            try apus(
                0, "copy", source.url(), target, "--mode", "replace", "-v", "--log", log, "--summary-file", summary, "--ledger",
                index == 0 ? environment["CONTROL"]! : user.home.file("ledger.db"))
            // One that stands for a password is shown as it is, in success and in failure alike.
            if target.contains("${") || target == "named" { continue }
            try apus(nil, "copy", target, "null:", "--table", "missing", "-vv", "--log", log, "--ledger", user.home.file("ledger.db"))
        }
        try apus(64, "copy", url, "null:", "--nope")
        try apus(64, "copy", url, "null:", jdbc)
        try apus(78, "conn", "test", url + "?password=\(encoded)&nope=1")
        try apus(78, "conn", "test", "mysql://\(name):\(encoded)x@\(place)")

        // Statements that set it: right, wrong on the server, and wrong in the middle.
        func flow(_ connection: String, _ statements: [String], _ after: [String] = []) throws -> String {
            let list = { (texts: [String]) in "[" + texts.map(yaml).joined(separator: ", ") + "]" }
            return try store.folder.write(
                "from: \(source.url())\nto: \(connection)\ntables:\n  - orders: { mode: replace }\nbefore: \(list(statements))\nafter: \(list(after))\n",
                to: "flow.yaml")
        }
        let other = "other_\(store.database)"
        for statements in [
            [
                "CREATE USER \(other) IDENTIFIED BY '\(literal)'", "SET PASSWORD FOR \(other) = PASSWORD('\(literal)')",
                "DROP USER \(other)",
            ],
            ["CREATE USER \(name) IDENTIFIED BY '\(literal)'"], ["CREATE USR \(name) IDENTIFIED BY '\(literal)'"],
            ["ALTER USER \(name) IDENTIFED BY '\(literal)' nonsense"],
        ] {
            try apus(nil, "run", try flow("root", statements), "-vv", "--log", "json", "--ledger", user.home.file("ledger.db"))
        }
        let quoted = sql(password, backslashes: false)
        // One that the plan refuses, and one that fails in the run.
        for (status, end) in [(Int32(78), " nonsense"), (1, "")] {
            try apus(
                status, "run",
                try flow("pg", ["ALTER ROLE \(role) PASSWORD '\(quoted)'"], ["CREATE ROLE \(role) PASSWORD '\(quoted)'\(end)"]),
                "-vv")
        }
        try apus(nil, "resume", "-vv")
        let clear = try flow(
            url + "?init_sql=SET%20PASSWORD%20%3D%20PASSWORD('\(percent(literal))')", ["ALTER USER \(name) IDENTIFIED BY '\(literal)'"])
        try apus(nil, "check", clear)
        try apus(nil, "plan", clear, "-o", user.home.file("clear.json"))
        try apus(nil, "plan", clear, "--output", "json")
        try apus(78, "run", "--plan", user.home.file("clear.json"))

        // Exports of a plan that may be exported, and of one that may not.
        try apus(0, "plan", try flow("mysql://\(name):${SECRET}@\(place)", []), "-o", user.home.file("plan.json"))
        for target in ["slurm", "airflow", "dolphinscheduler", "k8s"] {
            let image = target == "k8s" ? ["--image", "apus"] : []
            try apus(nil, ["export", target, user.home.file("plan.json")] + image)
            if target == "k8s" { try apus(78, ["export", target, user.home.file("clear.json")] + image) }
        }

        // DataX jobs: written in, and as a parameter.
        func job(_ password: String, _ table: String) throws -> String {
            try store.folder.write(
                """
                {"job": {"setting": {"speed": {"channel": 1}}, "content": [{
                  "reader": {"name": "sqlitereader", "parameter": {"username": "", "column": ["*"],
                    "connection": [{"table": ["orders"], "jdbcUrl": ["jdbc:sqlite:\(source.folder.file("a.db"))"]}]}},
                  "writer": {"name": "mysqlwriter", "parameter": {"username": "\(name)", "password": "\(json(password))", "column": ["*"],
                    "writeMode": "replace", "connection": [{"table": ["\(table)"], "jdbcUrl": "jdbc:mysql://\(place)"}]}}}]}}
                """, to: "job.json")
        }
        // DataX itself would fill in `${HOME}`.
        if password != "${HOME}" {
            try apus(0, "datax", try job(password, "orders"))
            try apus(1, "datax", try job(password, "missing"), "--loglevel", "debug")
            try apus(0, "import", "datax", try job(password, "orders"))
        }
        try apus(nil, "datax", try job("${pw}", "orders"), "-p", "-Dpw='\(password)'")
        try apus(nil, "datax", try job("${pw}", "missing"), "-p", "-Dpw='\(password)'")

        // The night: the control database's password, and URLs in its rows.
        let control = environment["CONTROL"]!
        try apus(0, "control", "init", control)
        let row = { (text: String) in "'" + self.sql(text, backslashes: true) + "'" }
        try ledger.run(
            """
            INSERT INTO datax_json (id, source_dbname, target_dbname) VALUES (1, \(row(source.url())), \(row(url)));
            INSERT INTO datax_config (type, src_table_name, des_table_name, json_id, relation, dcondition, src_table_column, des_table_column,
              server_type, ordernum, status, etl_type, etl_column) VALUES ('1', 'orders', 'orders', 1, 't', '1=1', '*', '*', 0, 1, 0, 0, '');
            """)
        try apus(0, "extract", "--control", control, "--dry-run")
        try apus(nil, "extract", "--control", control, "--log", "json", "-v")
        try apus(nil, "control", "check", control)
        try ledger.run("UPDATE datax_config SET des_table_name = 'missing'")
        try apus(nil, "extract", "--control", control, "--retry-failed", "-v")
        try apus(nil, "history", "--ledger", control)
        try apus(nil, "show", "--ledger", control, "--output", "json")
        try apus(nil, "show", "--ledger", user.home.file("ledger.db"))

        // The process list.
        let slow = try user.start(
            "copy", "generator:slow?rows=1000000", url, "--rows-per-second", "1000", "--ledger", user.home.file("ledger.db"),
            with: environment)
        try wait("the program to start") { !slow.errorsSoFar.isEmpty || !slow.outputSoFar.isEmpty }
        let list = try String(decoding: Data(contentsOf: URL(fileURLWithPath: "/proc/\(slow.pid)/cmdline")), as: UTF8.self)
        slow.signal(SIGTERM)
        results.append(("process list", slow.wait()))
        #expect(list.contains("--rows-per-second"))
        try apus(nil, "resume", "--discard", "--ledger", user.home.file("ledger.db"))

        var places = results.map { ($0.0, $0.1.stdout + $0.1.stderr) } + [("process list", list)]
        for path in user.files() where !path.hasSuffix(".connections") && !path.hasSuffix(".plan") {
            places.append((path, String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)))
        }
        // What the control tables were given is theirs; what was added is searched.
        places.append(
            (
                "the ledger's tables",
                try ledger.dump().split(separator: "\n").filter { !$0.contains("INTO `datax_json`") }.joined(separator: "\n")
            ))
        places.append(("the target", try store.dump()))
        for (place, text) in places {
            for trace in traces(password) where text.utf8.count >= trace.utf8.count {
                let found = text.firstRange(of: trace)
                #expect(found == nil, "\(place) holds \(trace): \(around(found, in: text))")
            }
        }
        #expect(places.count > 50)
        try store.run("DROP USER \(name)")
    }
}
