import ApusCore
import ApusFlow
import FoundationEssentials
import Glibc
import Tabular
import Testing

@Suite struct `Plan files` {
    func plan(_ change: (inout Plan) -> Void = { _ in }) -> Plan {
        let column = ColumnShape("id", .int64, native: "bigint", nullable: false)
        let shape = TableShape(name: TableName(schema: "ods", "orders"), origin: "postgres", columns: [column])
        var plan = Plan(
            name: "nightly", from: Plan.End(connector: "mysql", reference: "mysql://u:${PW}@h/db"),
            to: Plan.End(connector: "sqlite", reference: "sqlite:a.db"),
            tables: [
                PlannedTable(
                    name: "shop.orders",
                    reads: [Read(relation: .table(TableName("orders")), items: [Read.Item("id")], schema: shape.schema)],
                    load: Load(runID: "", table: 0, shape: shape, exists: true, columns: ["id"], mode: .append, slices: 1),
                    slices: [Slice(id: 0, bounds: .range(from: nil, upTo: ["5/é"]))])
            ], limits: Flow.Limits(), before: [], after: [], consistentSnapshot: false)
        change(&plan)
        return plan
    }

    @Test func `a plan comes back as it was, with its hash`() throws {
        let bytes = try PlanFile.encode(plan())
        #expect(try PlanFile.decode(bytes) == plan())
        #expect(try plan().hash() == plan().hash())
        #expect(try plan().hash().count == 7 + 64)
        #expect(try plan { $0.limits.channels = 5 }.hash() != plan().hash())
        #expect(String(decoding: bytes, as: UTF8.self).hasPrefix("{\n  \"hash\" : \"sha256:"))
    }

    @Test(arguments: [
        ("\"channels\" : 4", "\"channels\" : 400", "was changed after it was written"),
        ("\"version\" : 1\n}", "\"version\" : 2\n}", "is a plan of version 2"),
        ("\"hash\"", "\"hush\"", "is no plan of Apus"),
        ("\"append\"", "\"appendd\"", "parts missing or unknown"),
    ])
    func `a changed plan is refused`(old: String, new: String, message: String) throws {
        let text = String(decoding: try PlanFile.encode(plan()), as: UTF8.self)
        #expect(text.contains(old))
        let error = #expect(throws: ApusError.self) { try PlanFile.decode(Array(text.replacing(old, with: new).utf8)) }
        #expect(error?.message.contains(message) == true)
        #expect(error?.exitCode == ExitCode.configuration)
        #expect(throws: ApusError.self) { try PlanFile.decode(Array(text.utf8.prefix(200))) }
    }

    @Test func `a plan's file is for its owner only`() throws {
        let path = "/tmp/apus-plan-\(UUID().uuidString).json"
        defer { unlink(path) }
        try Data("old".utf8).write(to: URL(filePath: path))
        try PlanFile.write(plan(), to: path)
        #expect(try PlanFile.read(path) == plan())
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        #expect(throws: ApusError.self) { try PlanFile.write(plan(), to: "/nowhere/plan.json") }
        #expect(throws: ApusError.self) { try PlanFile.read("/nowhere/plan.json") }
    }
}

@Suite struct `Templates` {
    @Test func `what init prints is a flow, for every pair of connectors`() throws {
        for source in fakes {
            for target in fakes {
                let file = try FlowTemplate.check(from: source, to: target)
                #expect(file.notices == [])
                let text = FlowTemplate.text(from: source, to: target)
                for setting in source.settings + target.settings { #expect(text.contains("#   \(setting.name)=")) }
            }
        }
        // What is commented out is right too.
        let text = FlowTemplate.text(from: fakes[0], to: fakes[1])
        let top = ["exclude", "with", "limits", "before", "after", "zone", "parameters", "snapshot", "strict", "name"]
        let enabled = text.split(separator: "\n").map { line -> String in
            if line.hasPrefix("  # ") { return "  " + line.dropFirst(4) }
            if line.hasPrefix("#   "), !line.contains("=") || line.contains("region") { return "  " + line.dropFirst(4) }
            if top.contains(where: { line.hasPrefix("# \($0):") }) { return String(line.dropFirst(2)) }
            return String(line)
        }.joined(separator: "\n")
        let environment = Variables(["SOURCE_PASSWORD": "x", "TARGET_PASSWORD": "y"])
        let reader = FlowReader(resolver: ConnectionResolver(fakes, variables: environment))
        let flow = try reader.read(enabled).flow
        #expect(flow.limits.memory == 256 << 20)
        #expect(flow.tables.count == 8)
        #expect(flow.defaults?.to == "ods.ods_{table}")
    }
}
