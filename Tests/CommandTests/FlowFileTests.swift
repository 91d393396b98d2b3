import ApusTesting
import Foundation
import Testing

/// Mistakes in a flow file, and what its parameters do.
@Suite struct FlowFileTests {
    let user: User
    init() throws { user = try User() }

    @Test func `all mistakes are told at once, with line, column, caret and the nearest key`() throws {
        let target = try Store(.sqlite)
        try target.fill()
        let before = try target.dump()
        let path = try user.home.write(
            "from: ${NO_SUCH_VARIABLE}\nto: \(target.url())\ntabels:\n  orders:\ndefaults:\n  mdoe: append\nlimits:\n  channels: many\n", to: "flow.yaml")
        for command in ["check", "plan", "run"] {
            let result = try user.apus(command, path)
            expect(
                result, 78, "flow.yaml:1:7: the environment variable `NO_SUCH_VARIABLE` is not set", "flow.yaml:3:1: unknown key `tabels`",
                "Did you mean `tables`?", "  tabels:\n  ^", "flow.yaml:6:3: unknown key `mdoe`", "Did you mean `mode`?", "    mdoe: append\n    ^",
                "flow.yaml:8:13:")
        }
        #expect(try target.changes(since: before) == [])
        expect(try user.apus("check", try user.home.write("from: [\n", to: "broken.yaml")), 78, "broken.yaml:")
        expect(try user.apus("check", user.home.file("none.yaml")), 78, "none.yaml", "cannot be read")
        expect(try user.apus("check", try user.home.write("", to: "empty.yaml")), 78, "empty.yaml")
    }

    @Test func `parameters, only, and plans do what they say`() throws {
        let source = try Store(.sqlite), target = try Store(.sqlite)
        try source.run("CREATE TABLE a (id integer primary key, day text); INSERT INTO a VALUES (1, '2026-01-01'), (2, '2026-01-02'); CREATE TABLE b AS SELECT * FROM a")
        let path = try user.home.write(
            "from: ${SHOP}\nto: \(target.url())\nparameters: { region: eu }\ntables:\n  a: { where: \"day = '{{ day }}'\", to: 'a_{{ region }}' }\n  b:\n", to: "flow.yaml")
        let shop = ["SHOP": source.url()]
        expect(try user.run(["run", path, "--only", "a", "--set", "day=2026-01-02", "--set", "region=us"], with: shop), 0)
        #expect(try target.ask("SELECT name FROM sqlite_master WHERE type = 'table'") == [["a_us"]])
        #expect(try target.ask("SELECT id FROM a_us") == [["2"]])
        expect(try user.run(["run", path, "--only", "nope"], with: shop), 78, "--only", "a, b")
        expect(try user.run(["run", path, "--set", "regoin=x"], with: shop), 78, "regoin", "region")
        expect(try user.run(["run", path, "--set", "day=soon"], with: shop), 78, "day")
        let plan = user.home.file("plan.json")
        expect(try user.run(["plan", path, "-o", plan, "--set", "day=2026-01-01"], with: shop), 0, "a_eu", "CREATE TABLE")
        #expect(try user.home.read("plan.json").contains("${SHOP}"))
        expect(try user.run(["run", "--plan", plan]), 78, "SHOP")
        expect(try user.run(["run", "--plan", plan], with: shop), 0)
        #expect(try target.ask("SELECT count(*) FROM a_eu UNION ALL SELECT count(*) FROM b") == [["1"], ["2"]])
        let changed = try user.home.read("plan.json").replacing("a_eu", with: "a_xx")
        expect(try user.run(["run", "--plan", try user.home.write(changed, to: "changed.json")], with: shop), 78, "changed.json", "hint: ")
        expect(try user.run(["run", "--plan", path], with: shop), 78, "flow.yaml")
        let json = try user.run(["plan", path, "--output", "json"], with: shop)
        #expect(try JSONSerialization.jsonObject(with: Data(json.stdout.utf8)) is [String: Any])
    }

    @Test func `connections of the flow file itself hold for plans and resume`() throws {
        let source = try Store(.sqlite), target = try Store(.sqlite)
        try source.fill(6000)
        let path = try user.home.write(
            "from: shop\nto: dw\nconnections:\n  shop: { type: sqlite, path: \(source.folder.file("a.db")) }\n  dw: \(target.url())\nlimits: { rows_per_second: 3000 }\ndefaults: { slices: 6 }\n",
            to: "flow.yaml")
        let running = try user.start("run", path)
        try wait("the load to begin") { running.errorsSoFar.contains(": started") }
        usleep(300_000)
        running.signal(SIGTERM)
        expect(running.wait(), 143)
        expect(try user.apus("resume"), 0)
        #expect(try target.rows() == Store.filled(6000))
        let plan = user.home.file("plan.json")
        expect(try user.apus("plan", path, "-o", plan), 0)
        expect(try user.apus("run", "--plan", plan), 0)
    }
}
