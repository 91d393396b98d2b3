import ApusTesting
import Foundation
import Testing

/// `apus export slurm` on a real Slurm: a controller and two nodes of this host, one task at a time on each.
@Suite(.requires(.mariadb, .postgres, .slurm), .serialized) struct `A plan on Slurm` {
    private func submit(_ plan: SharedPlan, _ cluster: SlurmCluster) throws {
        let environment = try plan.environment.merging(cluster.environment) { $1 }.merging(["APUS_JOB": "night", "USER": "root"]) { $1 }
        let result = try plan.desk.shell(
            "apus export slurm plan.json --parallel 2 --lease 5 --name load >load.sh && bash load.sh", with: environment)
        expect(result, 0, "job night: array", "Submitted batch job")
    }

    private func wait(_ what: String, upTo seconds: Double, _ cluster: SlurmCluster, until isSo: () throws -> Bool) throws {
        let deadline = Date(timeIntervalSinceNow: seconds)
        while try !isSo() {
            guard Date() < deadline else {
                throw KitError("waited \(Int(seconds)) s in vain: \(what)\n\(try cluster.jobs())\n\(cluster.log.suffix(3000))")
            }
            usleep(100_000)
        }
    }

    /// The load's processes on a node.
    private func workers(_ cluster: SlurmCluster, _ node: String) -> [pid_t] {
        cluster.processes(on: node).filter { $0.command.contains("run --plan") && !$0.command.contains("slurm_script") }.map(\.pid)
    }

    private func expectWhole(_ plan: SharedPlan, _ cluster: SlurmCluster) throws {
        try wait("the verifying job", upTo: 150, cluster) {
            try cluster.jobs().allSatisfy { ["COMPLETED", "FAILED", "CANCELLED"].contains($0.state) }
        }
        let jobs = try cluster.jobs(), said = try logs(plan)
        #expect(jobs.count == plan.slices + 2 && jobs.allSatisfy { $0.state == "COMPLETED" }, "\(jobs)\n\(said)")
        try plan.expectSameValues()
        try plan.expectToldOnce()
        #expect(try plan.leftovers.isEmpty)
        #expect(said.contains("2 of 2 tables equal by checksum"))
        let doubled = try plan.ledger.lines(
            "SELECT slice_no FROM apus_slice WHERE table_no = 0 AND state = 'done' GROUP BY slice_no HAVING count(*) > 1")
        #expect(doubled.isEmpty)
    }

    private func logs(_ plan: SharedPlan) throws -> String {
        try FileManager.default.contentsOfDirectory(atPath: plan.desk.home.path).filter { $0.hasSuffix(".log") }.sorted()
            .map { "\($0):\n" + (try plan.desk.home.read($0)) }.joined()
    }

    @Test func `a node that dies in mid-load: its slice is requeued, and the target has every value once`() throws {
        let cluster = try SlurmCluster()
        let plan = try SharedPlan(rows: 24_000, slices: 6, perSecond: 2000)
        try submit(plan, cluster)
        try wait("a worker on n2", upTo: 30, cluster) { !workers(cluster, "n2").isEmpty }
        usleep(800_000)
        #expect(!workers(cluster, "n2").isEmpty)
        cluster.kill(node: "n2")
        #expect(cluster.processes(on: "n2").isEmpty)
        try expectWhole(plan, cluster)
        let log = try logs(plan)
        #expect(log.contains("on n2, try 1") && log.contains("on n1, try 2"), "\(log)")
    }

    @Test func `a worker that is killed is requeued by its own script`() throws {
        let cluster = try SlurmCluster()
        let plan = try SharedPlan(rows: 24_000, slices: 6, perSecond: 2000)
        try submit(plan, cluster)
        try wait("a worker on n2", upTo: 30, cluster) { !workers(cluster, "n2").isEmpty }
        usleep(800_000)
        for pid in workers(cluster, "n2") { kill(pid, SIGKILL) }
        try expectWhole(plan, cluster)
        let log = try logs(plan)
        #expect(log.contains("ended with 137") && log.contains("try 2"), "\(log)")
    }
}
