import ApusCore
import ApusTesting
import Tabular
import Testing

@testable import StarRocksConnector

/// Every fault of the double, one by one and mixed: no row is lost, none doubled, and what fails says why.
@Suite("Faults of a cluster lose and double nothing", .requires(.starrocks), .serialized)
struct LoadFaultTests {
    /// Name and parameters of a fault, as the control API takes them.
    struct Fault: CustomTestStringConvertible {
        var name: String
        var parameters: [String: ControlValue] = [:]
        var testDescription: String { name + (parameters["hop"].map { " \($0)" } ?? "") + (parameters["op"].map { " \($0)" } ?? "") }
    }

    static let faults: [Fault] = [
        Fault(name: "location_dead"), Fault(name: "location_hang"), Fault(name: "location_foreign"), Fault(name: "follower_to_dead_leader"),
        Fault(name: "leader_change"), Fault(name: "late_307"), Fault(name: "http_401", parameters: ["hop": "fe"]),
        Fault(name: "http_401", parameters: ["hop": "be"]), Fault(name: "http_500", parameters: ["hop": "fe"]),
        Fault(name: "http_500", parameters: ["hop": "be"]), Fault(name: "early_fail"), Fault(name: "early_fail_in_body"),
        Fault(name: "reset_mid_body"), Fault(name: "hang_mid_body", parameters: ["seconds": 2]), Fault(name: "reset_before_commit"),
        Fault(name: "reset_after_commit"), Fault(name: "commit_in_background"), Fault(name: "abort_in_background"),
        Fault(name: "publish_timeout"), Fault(name: "commit_unknown"), Fault(name: "label_running"), Fault(name: "label_finished"),
        Fault(name: "label_evicted"), Fault(name: "txn_in_processing", parameters: ["op": "load"]),
        Fault(name: "txn_in_processing", parameters: ["op": "prepare"]), Fault(name: "txn_in_processing", parameters: ["op": "commit"]),
        Fault(name: "txn_in_processing", parameters: ["op": "rollback"]), Fault(name: "be_restart"),
        Fault(name: "be_restart", parameters: ["skip": 1]),
        Fault(name: "be_restart", parameters: ["skip": 2]), Fault(name: "txn_timeout"), Fault(name: "txn_timeout", parameters: ["skip": 2]),
        Fault(name: "idle_timeout"), Fault(name: "too_many_versions"), Fault(name: "running_txn_limit"), Fault(name: "memory_limit"),
        Fault(name: "shutting_down"), Fault(name: "too_many_requests"), Fault(name: "filtered_rows"), Fault(name: "sql_refused"),
        Fault(name: "sql_error", parameters: ["message": "Backend node not found. Check if any backend node is down.", "code": 1064]),
        Fault(name: "kill_mid_result"),
    ]

    /// Faults that only show where an outcome has to be asked for, with what makes it so.
    static let pairs: [(String, String)] = [
        ("label_as_fail", "reset_after_commit"), ("label_state_unknown", "reset_after_commit"), ("label_state_unknown", "reset_mid_body"),
        ("label_state_unknown", "commit_in_background"), ("label_evicted", "label_state_unknown"), ("error_url_dead", "filtered_rows"),
        ("error_url_gone", "filtered_rows"),
    ]

    /// One double for the suite, whose nodes and leader may change.
    static let double = Result { try StarRocksDouble(StarRocksDouble.Options(.v3_3)) }

    /// Those that strike steps which only a transaction has, and those that strike only what it has not.
    private static let ofTransactions = ["txn_in_processing", "be_restart", "txn_timeout", "idle_timeout"]
    private static let ofRequests = [
        "commit_in_background", "abort_in_background", "commit_unknown", "label_running", "label_finished", "memory_limit", "shutting_down",
        "too_many_requests", "filtered_rows",
    ]

    @Test(arguments: faults)
    func `one fault`(_ fault: Fault) throws {
        if !Self.ofTransactions.contains(fault.name) { try survive([fault], "auto") }
        if !Self.ofRequests.contains(fault.name) { try survive([fault], "transaction") }
    }

    @Test(arguments: pairs)
    func `two faults that meet`(_ first: String, _ second: String) throws {
        for interface in ["auto", "transaction"] { try survive([Fault(name: first), Fault(name: second)], interface) }
    }

    @Test(arguments: 0..<10)
    func `a random mixture`(_ seed: Int) throws {
        var dice = SeededGenerator(seed: UInt64(seed))
        let count = Int.random(in: 2...5, using: &dice)
        let mixture = (0..<count).map { _ in
            var fault = Self.faults.randomElement(using: &dice)!
            if fault.parameters["skip"] == nil { fault.parameters["skip"] = .integer(Int.random(in: 0...3, using: &dice)) }
            return fault
        }
        try survive(mixture, Bool.random(using: &dice) ? "transaction" : "auto")
    }

    @Test func `what was committed before the run broke is waited for until it can be seen`() throws {
        let desk = try LoadDesk(Self.double.get(), settings: ["interface=stream_load"])
        try desk.makeTable()
        let session = try desk.open(frontends: ["fe1"])
        defer { session.close() }
        let load = try desk.load(session)
        try session.prepare(load)
        try desk.double.fault("publish_timeout", ["database": .text(desk.database), "seconds": 3])
        // The question whether the rows can be seen is what fails.
        try desk.double.fault("http_401", ["database": .text(desk.database), "hop": "fe", "skip": 1])
        defer { try? desk.double.clearFaults() }
        var runner = SliceRunner(session, load)
        #expect(apusError { try runner.run(0) { UsualRow.batches(0..<10, $0) } }?.code == .refused)
        let resumed = try desk.open(frontends: ["fe1"])
        defer { resumed.close() }
        #expect(try resumed.marks(load).map(\.written) == [10])
        #expect(try desk.rows() == UsualRow.expected(0..<10))
    }

    /// Loads three slices with faults, then, as a resume does, what is missing without.
    func survive(_ faults: [Fault], _ interface: String) throws {
        let desk = try LoadDesk(Self.double.get(), settings: ["interface=\(interface)"])
        try desk.double.makeLeader("fe1")
        try desk.double.forget()
        try desk.makeTable()
        let ids = [0..<700, 700..<900, 900..<901]
        let session = try desk.open(frontends: ["fe2", "fe1"])
        defer { session.close() }
        let load = try desk.load(session, slices: ids.count)
        try session.lock(load)
        try session.prepare(load)
        for fault in faults {
            var parameters = fault.parameters
            // Faults without a table of their own strike where they can.
            let isPlaced = !["follower_to_dead_leader", "leader_change", "sql_refused", "sql_error", "kill_mid_result"].contains(fault.name)
            if isPlaced { parameters["database"] = .text(desk.database) }
            if fault.name.hasPrefix("sql_") || fault.name == "kill_mid_result" { parameters["times"] = 2 }
            try desk.double.fault(fault.name, parameters)
        }
        defer { try? desk.double.clearFaults() }
        for (slice, range) in ids.enumerated() {
            var runner = SliceRunner(session, load)
            let error = apusError { try runner.run(slice) { UsualRow.batches(range, $0) } }
            if let error {
                #expect(!error.message.isEmpty && error.code != .internalFault, "\(error)")
                #expect(!error.description.contains("pw@") && !error.description.contains(":pw"))
            }
        }
        try desk.double.clearFaults()
        let resumed = try desk.open(frontends: ["fe1"])
        defer { resumed.close() }
        var runner = SliceRunner(resumed, load)
        for (slice, range) in ids.enumerated() { try runner.run(slice) { UsualRow.batches(range, $0) } }
        #expect(try resumed.marks(load).map(\.written) == [700, 200, 1])
        let stored = try desk.rows(), expected = UsualRow.expected(0..<901)
        #expect(orderedChecksum(stored) == orderedChecksum(expected))
        #expect(try desk.double.violations().isEmpty)
        #expect(
            try desk.double.transactions().filter { $0.database == desk.database && ["PREPARE", "PREPARED"].contains($0.state) }.isEmpty)
        try resumed.forget(load)
    }
}
