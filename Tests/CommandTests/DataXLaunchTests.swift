import ApusTesting
import Foundation
import Testing

/// How schedulers and scripts start DataX, and how it ends.
@Suite(.requires(.mariadb, .postgres)) struct DataXLaunchTests {
    let desk: DataXDesk
    let store: Store

    init() throws {
        desk = try DataXDesk()
        store = try Store(.mariadb, "CREATE TABLE t (v varchar(60)); CREATE TABLE u (v varchar(60)); INSERT INTO t VALUES ('x')")
    }

    /// Puts the value of `${v}` into a table.
    private var job: String {
        DataXDesk.job(store.reader(queries: #"select \"${v}\" from t"#), store.writer("u", more: #""preSql": ["delete from u"],"#))
    }

    private func loaded() throws -> String { try store.ask("SELECT v FROM u").map { $0[0] }.joined(separator: "|") }

    private func python(_ line: String, with extra: [String: String] = [:]) throws -> CommandResult {
        var environment = desk.user.environment
        environment["APUS"] = try apusBinary()
        environment["DATAX_LAUNCHER"] = DataXDesk.launcher
        environment["PYTHON_LAUNCHER"] = "/usr/bin/python3"
        return try runCommand(
            "/bin/bash", ["-c", "cd \"$HOME\"; \(line)"], environment: environment.merging(extra) { $1 }, cleanEnvironment: true)
    }

    @Test func `parameters arrive as DataX would see them, from each of the three callers`() throws {
        let path = try desk.home.write(job, to: "job.json")
        let forms: [(String, String)] = [
            // pydatax and DolphinScheduler
            (" -Dv='1=1'  -Dother=''", "1=1"),
            // datax-web: spaces became `" "`, and quotes of the value stay
            ("\"-Dv='15'\" \"-DcurrentTime='16'\"", "'15'"),
            // quotes within the value are lost, as they are to a shell
            ("-Dv='d>=to_date('2023-01-01','yyyy-mm-dd')'", "d>=to_date(2023-01-01,yyyy-mm-dd)"),
            ("-Dv=a\\ b -Da.b=c", "a b"), ("-Dv=\"$(touch /tmp/x);`id`|&\"", "$(touch /tmp/x);`id`|&"), ("-Dv=1 -Dv=2", "2"),
        ]
        for (given, seen) in forms {
            for options in [["-p", given], ["-p" + given], ["--params=\(given)"], ["--par", given]] {
                expect(try desk.user.run(["datax", path] + options), 0)
                #expect(try loaded() == seen, "\(options)")
            }
        }
        expect(try desk.user.run(["datax", path, "-p", forms[2].0]), 0, "quotes within the value of `v`")
    }

    @Test func `DolphinScheduler's command line runs through the launcher`() throws {
        try desk.home.write(job, to: "app-1_job.json")
        let line = "${PYTHON_LAUNCHER} ${DATAX_LAUNCHER} --jvm=\"-Xms1G -Xmx1G\" -p \"-Dv='DT' -DDS='DS'\" app-1_job.json"
        let result = try python(line)
        expect(result, 0)
        #expect(try loaded() == "DT")
        #expect(statistic("读出记录总数", in: result.stdout) == "1")
        // Without parameters there are two spaces and no -p.
        let plain = try python("${PYTHON_LAUNCHER} ${DATAX_LAUNCHER} --jvm=\"-Xms1G -Xmx1G\"  app-1_job.json")
        expect(plain, 1, "`${v}`")
        // A path of its own, options behind the job, and the job id that datax-web gives.
        expect(try python("\"$DATAX_LAUNCHER\" app-1_job.json --jobid 7 -m local -d -pDv -p\"-Dv='web'\" -j-Xmx2G"), 0, "[job-7]")
        #expect(try loaded() == "web")
        expect(try python("\"$DATAX_LAUNCHER\" app-1_job.json -j '-Xms1G -Dv=jvm'"), 0)
        #expect(try loaded() == "jvm")
        let gone = try python("\"$DATAX_LAUNCHER\" app-1_job.json", with: ["APUS": "/no/such/apus"])
        expect(gone, 255, "经DataX智能分析,该任务最可能的错误原因是", "/no/such/apus")
    }

    @Test func `a wrong command line is 255, help and templates are 0`() throws {
        for words in [
            [], ["a.json", "b.json"], ["--no-such"], ["-x", "a.json"], ["a.json", "-p"], ["a.json", "--jobid", "x"],
            ["a.json", "-p", "-Dx='"],
        ] {
            let result = try desk.user.run(["datax"] + words)
            expect(result, 255, "error: ")
            #expect(result.stdout.isEmpty)
        }
        expect(try desk.user.run(["datax", "--help"]), 0, "--jobid", "255")
        for reader in ["mysqlreader", "txtfilereader", "streamreader", "sqlitereader"] {
            for writer in ["postgresqlwriter", "txtfilewriter", "streamwriter", "gpdbwriter"] {
                let result = try desk.user.run(["datax", "-r", reader, "-w", writer])
                expect(result, 0)
                let json = result.stdout.drop { $0 != "\n" }.drop { $0 != "{" || false }
                let start = try #require(result.stdout.range(of: "\n{\n"))
                #expect(throws: Never.self) {
                    try JSONSerialization.jsonObject(with: Data(result.stdout[start.lowerBound...].utf8))
                }
                #expect(!json.isEmpty)
            }
        }
        expect(try desk.user.run(["datax", "-r", "nonereader", "-w", "mysqlwriter"]), 255, "there is no reader plugin")
    }

    @Test func `a job runs with input and outputs closed`() throws {
        let target = desk.home.file("out")
        let job = DataXDesk.job(
            #"{"name": "streamreader", "parameter": {"sliceRecordCount": 2, "column": [{"type": "string", "value": "x"}]}}"#,
            #"{"name": "txtfilewriter", "parameter": {"path": "\#(target)", "fileName": "a", "writeMode": "truncate"}}"#)
        let path = try desk.home.write(job, to: "job.json")
        let program = try apusBinary()
        for line in ["apus datax '\(path)' <&- >&- 2>&-", "APUS='\(program)' '\(DataXDesk.launcher)' '\(path)' >&-"] {
            let result = try desk.user.shell(line)
            #expect(result.status == 0 && result.stdout.isEmpty && result.stderr.isEmpty, "\(result)")
            let files = try FileManager.default.contentsOfDirectory(atPath: target)
            #expect(files.count == 1)
            #expect(try desk.home.read("out/" + files[0]) == "x\nx\n")
        }
    }

    @Test func `dryRun plans and moves nothing`() throws {
        let result = try desk.run(
            DataXDesk.job(store.reader("t"), store.writer("u"), setting: #""speed": {"channel": 1}, "dryRun": true"#))
        expect(result, 0)
        #expect(try loaded() == "")
        expect(
            try desk.run(DataXDesk.job(store.reader("none"), store.writer("u"), setting: #""speed": {"channel": 1}, "dryRun": "true""#)), 1,
            "none")
    }

    @Test func `the summary file counts what was read, written and rejected`() throws {
        try store.run("CREATE TABLE n (v int); INSERT INTO t VALUES ('7'), ('8')")
        let path = desk.home.file("summary.json")
        expect(
            try desk.run(
                DataXDesk.job(store.reader("t"), store.writer("n"), setting: #""speed": {"channel": 1}"#), ["--summary-file", path]), 0)
        let json = try #require(try JSONSerialization.jsonObject(with: Data(try desk.home.read("summary.json").utf8)) as? [String: Any])
        let tables = try #require(json["tables"] as? [[String: Any]])
        let text = "\(tables[0])"
        #expect(text.contains("3") && text.contains("2") && text.contains("1"), "\(json)")
        #expect(try store.ask("SELECT v FROM n ORDER BY v") == [["7"], ["8"]])
    }

    // MARK: - The end

    /// A job that takes long: limited to a few rows a second.
    private func slow() throws -> String {
        try store.run("CREATE TABLE IF NOT EXISTS big (id int PRIMARY KEY)")
        for first in stride(from: 0, to: 20_000, by: 5000) {
            try store.run("INSERT IGNORE INTO big VALUES " + (first..<first + 5000).map { "(\($0))" }.joined(separator: ","))
        }
        try store.run("CREATE TABLE IF NOT EXISTS sink (id int)")
        let job =
            "{\"core\": {\"transport\": {\"channel\": {\"speed\": {\"record\": 300}}}}, \"job\": {\"setting\": {\"speed\": {\"channel\": 1, \"record\": 300}}, \"content\": [{\"reader\": \(store.reader("big")), \"writer\": \(store.writer("sink"))}]}}"
        return try desk.home.write(job, to: "slow.json")
    }

    @Test func `SIGTERM, SIGINT and SIGQUIT end a job with 143 within five seconds`() throws {
        let path = try slow()
        for signal in [SIGTERM, SIGINT, SIGQUIT] {
            let running = try desk.user.start("datax", path)
            try wait("the job to begin") { running.outputSoFar.contains("starts job") }
            usleep(300_000)
            let start = Date()
            running.signal(signal)
            let result = running.wait()
            #expect(Date().timeIntervalSince(start) < 5)
            expect(result, 143, "Job 收到了 Kill 命令")
            #expect(!result.stderr.contains("apus resume"))
        }
    }

    @Test func `a job ends with the process that started it, unless that is what nohup is for`() throws {
        let path = try slow(), program = try apusBinary()
        func start(_ line: String) throws -> RunningCommand {
            try RunningCommand("/bin/bash", ["-c", line], environment: desk.user.environment, cleanEnvironment: true)
        }
        let shell = try start("\"\(program)\" datax '\(path)' > '\(desk.home.file("out"))' 2>&1; true")
        func pid(_ shell: RunningCommand) throws -> pid_t {
            let found = try runCommand("/usr/bin/pgrep", ["-P", String(shell.pid)]).stdout.split(separator: "\n").first
            return try #require(found.flatMap { pid_t($0) })
        }
        try wait("the job to begin") { ((try? desk.home.read("out")) ?? "").contains("starts job") }
        let child = try pid(shell)
        shell.signal(SIGKILL)
        _ = shell.wait()
        try wait("the job to end with its shell", upTo: 5) { kill(child, 0) != 0 }
        let patient = try start("nohup \"\(program)\" datax '\(path)' > '\(desk.home.file("out2"))' 2>&1; true")
        try wait("the job to begin") { ((try? desk.home.read("out2")) ?? "").contains("starts job") }
        let other = try pid(patient)
        patient.signal(SIGKILL)
        _ = patient.wait()
        usleep(2_500_000)
        #expect(kill(other, 0) == 0)
        kill(other, SIGTERM)
        try wait("the job to end", upTo: 6) { kill(other, 0) != 0 }
    }

    // MARK: - Addresses

    @Test(.requires(.program("python3", package: "python3"))) func `a job is fetched from an http address, within limits`() throws {
        let port = try freePort()
        try desk.home.write(job.replacing("${v}", with: "fetched"), to: "job.json")
        try desk.home.write(String(repeating: " ", count: 17 << 20), to: "large.json")
        let server = try RunningCommand(
            "/usr/bin/python3", ["-m", "http.server", String(port), "--bind", "127.0.0.1", "--directory", desk.home.path])
        defer {
            server.signal(SIGKILL)
            _ = server.wait()
        }
        try wait("the server") { (try? runCommand("/bin/bash", ["-c", "exec 3<>/dev/tcp/127.0.0.1/\(port)"]).status) == 0 }
        let address = "http://127.0.0.1:\(port)"
        expect(try desk.user.apus("datax", "\(address)/job.json"), 0)
        #expect(try loaded() == "fetched")
        expect(try desk.user.apus("datax", "\(address)/none.json?token=secret"), 1, "HTTP status 404")
        expect(try desk.user.apus("datax", "\(address)/large.json"), 1, "more than 16 MiB")
        let silent = try desk.user.apus("datax", "http://user:secret@127.0.0.1:\(try freePort())/job.json?token=secret")
        expect(silent, 1, "cannot be fetched")
        #expect(!silent.stdout.contains("secret") && !silent.stderr.contains("secret"))
    }
}
