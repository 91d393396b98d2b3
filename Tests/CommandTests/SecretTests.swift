import ApusTesting
import Foundation
import Testing

/// A password with every awkward character shows nowhere, whatever way it came in.
@Suite(.requires(.mariadb, .postgres)) struct SecretTests {
    let user: User
    init() throws { user = try User() }

    static let password = #"p@ss:/%w'"$é"#
    static let encoded = "p%40ss%3A%2F%25w%27%22%24%C3%A9"

    /// A database and a user with that password.
    private func guarded(_ kind: Kind) throws -> (store: Store, user: String) {
        let store = try Store(kind)
        let name = "secret_\(store.database)"
        let literal = Self.password.replacing("'", with: "''")
        switch kind {
        case .mariadb: try store.run("CREATE USER \(name) IDENTIFIED BY '\(literal)'; GRANT ALL ON \(store.database).* TO \(name);")
        default: try store.run("CREATE ROLE \(name) LOGIN PASSWORD '\(literal)'; GRANT ALL ON SCHEMA public TO \(name);")
        }
        return (store, name)
    }

    private func expectSilence(_ results: CommandResult..., sourceLocation: SourceLocation = #_sourceLocation) throws {
        var bytes = try user.everything()
        for result in results { bytes += result.output + result.errors }
        let data = Data(bytes)
        // As it is, percent-encoded, and as JSON writes it.
        for form in [Self.password, Self.encoded, Self.password.replacing("\"", with: "\\\""), Self.password.replacing("'", with: "''"), "p@ss:", "p%40ss"] {
            #expect(data.range(of: Data(form.utf8)) == nil, "\(form)", sourceLocation: sourceLocation)
        }
    }

    @Test(arguments: Kind.servers)
    func `a password in a URL, a variable, a file or a name opens the connection and is written nowhere`(_ kind: Kind) throws {
        let (store, name) = try guarded(kind)
        let scheme = kind == .mariadb ? "mysql" : "postgres"
        let place = "127.0.0.1:\(store.port)/\(store.database)"
        // Outside of the home, which is searched below.
        let file = try store.folder.write(Self.password + "\n", to: "password")
        let connections = try store.folder.write(
            "named:\n  type: \(scheme)\n  host: 127.0.0.1\n  port: \(store.port)\n  user: \(name)\n  password: '\(Self.password.replacing("'", with: "''"))'\n  database: \(store.database)\n",
            to: "connections.yaml")
        chmod(connections, 0o600)
        let source = try Store(.sqlite)
        try source.fill()
        let environment = ["SECRET": Self.password, "APUS_CONNECTIONS": connections, "APUS_CONNECTION_OTHER_ONE": "\(scheme)://\(name):\(Self.encoded)@\(place)"]
        let jdbc = "jdbc:\(kind == .mariadb ? "mariadb" : "postgresql")://\(place)?user=\(name)&password=\(Self.encoded)"
        for target in ["\(scheme)://\(name):\(Self.encoded)@\(place)", "\(scheme)://\(name):${SECRET}@\(place)", "\(scheme)://\(name):${file:\(file)}@\(place)", "named", "other-one", jdbc] {
            let summary = user.home.file("summary.json")
            let copied = try user.run(
                ["copy", source.url(), target, "--mode", "replace", "-v", "--log", "json", "--summary-file", summary], with: environment)
            #expect(copied.status == 0, "\(target)\n\(copied.stderr)")
            let failed = try user.run(["copy", source.url(), target, "--mode", "append", "-v"], with: environment)
            #expect(failed.status == 1, "\(target)\n\(failed.stderr)")
            let tested = try user.run(["conn", "test", target], with: environment)
            #expect(tested.status == 0, "\(target)\n\(tested.stderr)")
            let missing = try user.run(["copy", target, "null:", "--table", "nope"], with: environment)
            #expect(missing.status == 78)
            let flow = try store.folder.write("from: \(source.url())\nto: \(target.contains("'") || target.contains("$") ? "\"\(target)\"" : "'\(target)'")\n", to: "flow.yaml")
            let plan = user.home.file("plan.json")
            let planned = try user.run(["plan", flow, "-o", plan], with: environment)
            #expect(planned.status == 0, "\(target)\n\(planned.stderr)")
            #expect(mode(of: plan) == 0o600)
            let shown = try user.run(["show", "--output", "json"], with: environment), listed = try user.run(["history"], with: environment)
            expect(try user.run(["resume", "--discard"], with: environment), 0)
            try expectSilence(copied, failed, tested, missing, planned, shown, listed)
        }
        for path in user.files() where !path.hasSuffix("flow.yaml") { #expect(mode(of: path) == 0o600, "\(path)") }
        #expect(mode(of: user.home.file("state/apus")) == 0o700)
    }

    @Test(arguments: Kind.servers)
    func `a run that is stopped keeps a written-out password in one file of mode 0600, until it is done`(_ kind: Kind) throws {
        let (store, name) = try guarded(kind)
        let source = try Store(.sqlite)
        try source.fill(8000)
        let url = "\(kind == .mariadb ? "mysql" : "postgres")://\(name):\(Self.encoded)@127.0.0.1:\(store.port)/\(store.database)"
        let flow = try store.folder.write("from: \(source.url())\nto: \(url)\nlimits: { rows_per_second: 4000 }\ndefaults: { slices: 8 }\n", to: "flow.yaml")
        for isFlow in [false, true] {
            let running = isFlow ? try user.start("run", flow) : try user.start("copy", source.url(), url, "--rows-per-second", "4000", "--slices", "8")
            try wait("the load to begin") { running.errorsSoFar.contains(": started") }
            usleep(400_000)
            running.signal(SIGINT)
            let stopped = running.wait()
            expect(stopped, 130)
            let kept = user.files().filter { $0.hasSuffix(".connections") }
            #expect(kept.count == 1)
            for path in user.files() { #expect(mode(of: path) == 0o600, "\(path)") }
            let resumed = try user.apus("resume")
            expect(resumed, 0)
            #expect(try store.rows() == Store.filled(8000))
            try expectSilence(stopped, resumed)
        }
    }

    @Test func `a password that was not encoded is not shown by the error either`() throws {
        let wrong = "mysql://root:\(Self.password)@127.0.0.1:1/db"
        let flow = try user.home.write("from: \"\(wrong.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\"\nto: sqlite:x.db\n", to: "flow.yaml")
        let results = [
            try user.apus("copy", wrong, "null:"), try user.apus("conn", "test", wrong, "--log", "json"), try user.apus("check", flow),
            try user.apus("copy", "null:", wrong, "--nope"),
        ]
        for result in results {
            #expect(result.status != 0)
            #expect(!(result.stdout + result.stderr).contains("p@ss") && !(result.stdout + result.stderr).contains("%w'"), "\(result.stderr)")
        }
    }
}
