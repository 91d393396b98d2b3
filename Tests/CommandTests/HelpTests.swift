import ApusTesting
import Foundation
import Testing

/// What someone meets who does not know the program yet.
@Suite struct HelpTests {
    let user: User
    init() throws { user = try User() }

    static let commands = [
        ["copy"], ["run"], ["check"], ["plan"], ["resume"], ["retry-rejected"], ["history"], ["show"], ["init"], ["conn"],
        ["conn", "test"],
        ["conn", "tables"], ["conn", "peek"], ["conn", "list"], ["connectors"], ["generate"], ["drift"], ["verify"], ["export"],
        ["export", "slurm"], ["export", "airflow"], ["export", "dolphinscheduler"], ["export", "k8s"],
        ["extract"], ["sql"], ["control"], ["control", "init"], ["control", "check"], ["control", "import"], ["control", "export"],
        ["import", "datax"],
    ]

    @Test func `every command has help, with an example that the line does not break`() throws {
        for command in [[]] + Self.commands {
            for help in [command + ["--help"], ["help"] + command] {
                let result = try user.run(help)
                #expect(result.status == 0 && result.stderr == "", "\(help)")
                #expect(result.stdout.contains("EXAMPLE") && result.stdout.contains("apus " + command.joined(separator: " ")), "\(help)")
                // An example goes over several lines only with a backslash.
                let examples = result.stdout.split(separator: "\n").filter { $0.hasPrefix("  apus ") }
                #expect(examples.allSatisfy { $0.count <= 80 }, "\(help)")
            }
        }
        // What datax.py is given goes through, its --help too.
        expect(try user.apus("datax", "--help"), 0, "Usage: datax.py", "--params", "Exit codes")
        expect(try user.apus("help", "datax"), 0, "EXAMPLES", "apus datax job.json")
        expect(try user.apus("--version"), 0, "apus ")
    }

    @Test func `a wrong command line exits with 64 and says what was meant`() throws {
        expect(try user.apus("copy", "a:", "b:", "--tabel", "x"), 64, "--tabel", "--table")
        expect(try user.apus("cpy"), 64, "cpy")
        expect(try user.apus("run"), 64, "flow file", "--plan")
        expect(try user.apus("run", "--slice", "1", "flow.yaml"), 64, "--plan")
        expect(try user.apus("copy", "sqlite:a.db"), 64, "<to>")
        expect(try user.apus("copy", "a:", "b:", "--channels", "many"), 64, "--channels")
        expect(try user.apus("copy", "sqlite:a.db", "sqlite:b.db", "--mode", "merge"), 78, "merge", "upsert")
        expect(try user.apus("copy", "sqlite:a.db", "sqlite:b.db", "--channels", "0"), 78, "channels")
        expect(try user.apus("copy", "sqlite:a.db", "sqlite:b.db", "--set", "day"), 78, "--set day")
        expect(try user.apus("copy", "mysq://h/d", "sqlite:b.db"), 78, "mysq", "mysql")
        expect(try user.apus("copy", "sqlite:a.db?moed=x", "sqlite:b.db"), 78, "moed", "mode")
        expect(try user.apus("copy", "shop.db", "sqlite:b.db"), 78, "sqlite:shop.db")
        expect(try user.apus("init", "mysql", "postgre"), 78, "postgre", "postgres")
        expect(try user.apus("show"), 78, "there is no run")
        expect(try user.apus("extract"), 64, "--control")
        expect(try user.apus("extract", "--control", "sqlite:a.db", "--day", "2026-11-21", "--from", "2026-11-01"), 64, "--day")
        expect(try user.apus("extract", "--control", "sqlite:a.db", "--keep", "90"), 78, "--keep 90", "90d")
        expect(try user.apus("history", "--prune", "old"), 78, "--prune old", "90d")
        expect(try user.apus("control", "check"), 64, "<control>")
        expect(try user.apus("resume", "0193"), 78, "there is no run `0193`")
        expect(try user.apus("copy", "null:", "sqlite:b.db"), 78, "cannot be read")
        expect(try user.apus("copy", "sqlite:nowhere.db", "null:"), 78, "nowhere.db")
    }

    @Test func `init writes a flow for every pair that check accepts`() throws {
        let names = ["mysql", "postgres", "sqlite", "csv", "json", "generator", "null"]
        for from in names where from != "null" {
            for to in names where to != "generator" {
                let made = try user.apus("init", from, to)
                #expect(made.status == 0 && made.stderr == "", "\(from) \(to)")
                let path = try user.home.write(made.stdout, to: "flow.yaml")
                let variables = Dictionary(
                    made.stdout.matches(of: /\$\{([A-Z_]+)/).map { (String($0.1), "x") }, uniquingKeysWith: { a, _ in a })
                expect(try user.run(["check", path], with: variables), 0, "ok: ")
            }
        }
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func `completion scripts are made and are scripts`(_ shell: String) throws {
        let script = try user.apus("--generate-completion-script", shell)
        #expect(script.status == 0 && script.stdout.contains("retry-rejected"))
        let path = try user.home.write(script.stdout, to: "completion")
        guard findProgram(shell) != nil else { return }
        let checked = try runCommand(shell, ["-n", path])
        #expect(checked.status == 0, "\(checked.stderr)")
    }

    @Test func `connectors and conn say what is there`() throws {
        for name in ["mysql", "postgres", "sqlite", "csv", "json", "generator", "null"] {
            expect(try user.apus("connectors"), 0, name)
            expect(try user.apus("connectors", name), 0, name)
        }
        expect(try user.apus("connectors", "orcale"), 78, "orcale")
        let store = try Store(.sqlite)
        try store.fill()
        expect(try user.apus("conn", "test", store.url()), 0, "ok: ", "SQLite")
        expect(try user.apus("conn", "tables", store.url()), 0, "orders", "table")
        expect(try user.apus("conn", "peek", store.url(), "orders", "--rows", "2"), 0, "name 1", "name 2", "int64", "key")
        expect(try user.apus("conn", "peek", store.url(), "ordres"), 78, "orders")
        expect(try user.apus("conn", "list"), 0, "connections.yaml")
        try user.home.write("shop: { type: sqlite, path: \(store.folder.file("a.db")) }\n", to: "config/apus/connections.yaml")
        expect(try user.apus("conn", "list"), 0, "shop", "a.db")
        expect(try user.apus("conn", "tables", "shop"), 0, "orders")
        expect(try user.apus("conn", "tables", "shp"), 78, "shp", "`shop`")
    }
}
