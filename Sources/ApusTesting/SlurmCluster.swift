import Foundation

/// A throw-away Slurm cluster on loopback: a controller, `munged`, and nodes that are daemons of this one host
/// (`slurmd -N`), each with one CPU. Debian's Slurm is built with `--enable-multiple-slurmd`.
///
/// It needs neither cgroups nor a database: `proctrack/linuxproc`, `task/none`, `accounting_storage/none`. Everything runs
/// as the user that the test runs as.
public final class SlurmCluster: Sendable {
    public static var isInstalled: Bool {
        ["slurmctld", "slurmd", "sbatch", "munged"].allSatisfy { findProgram($0) != nil }
    }

    private let folder: TemporaryFolder
    private let munge: ServerProcess
    private let controller: ServerProcess
    private let daemons: [String: ServerProcess]
    public let nodes: [String]

    public init(nodes count: Int = 2) throws {
        folder = try TemporaryFolder(prefix: "apus-slurm")
        nodes = (1...count).map { "n\($0)" }
        func program(_ name: String) throws -> String {
            guard let path = findProgram(name) else { throw KitError("\(name) is not installed (slurmctld slurmd slurm-client munge)") }
            return path
        }
        let mungeFolder = try TemporaryFolder(prefix: "apus-munge")
        chmod(mungeFolder.path, 0o755)
        let key = mungeFolder.file("key")
        try Data((0..<1024).map { _ in UInt8.random(in: 0...255) }).write(to: URL(fileURLWithPath: key))
        chmod(key, 0o600)
        munge = try ServerProcess(
            folder: mungeFolder, program: try program("munged"),
            arguments: ["--foreground"]
                + ["socket=s", "key-file=key", "pid-file=pid", "log-file=log", "seed-file=seed"].map {
                    let parts = $0.split(separator: "=")
                    return "--\(parts[0])=\(mungeFolder.file(String(parts[1])))"
                }, killSignal: SIGKILL)
        try munge.start()
        try munge.waitUntilReady("munged") { FileManager.default.fileExists(atPath: mungeFolder.file("s")) }

        let ports = try (0...count).map { _ in try freePort() }
        let user = String(cString: getpwuid(geteuid()).pointee.pw_name)
        try folder.write(
            """
            ClusterName=apus
            SlurmctldHost=localhost(127.0.0.1)
            SlurmUser=\(user)
            SlurmdUser=\(user)
            AuthType=auth/munge
            # cred_expire is also what a requeued job waits; 120 s unless said otherwise.
            AuthInfo=socket=\(mungeFolder.file("s")),cred_expire=6
            CredType=cred/munge
            ProctrackType=proctrack/linuxproc
            TaskPlugin=task/none
            JobAcctGatherType=jobacct_gather/none
            AccountingStorageType=accounting_storage/none
            MpiDefault=none
            SelectType=select/cons_tres
            SelectTypeParameters=CR_Core
            SlurmdParameters=config_overrides
            SlurmctldPort=\(ports[0])
            StateSaveLocation=\(folder.file("state"))
            SlurmdSpoolDir=\(folder.path)/spool-%n
            SlurmctldPidFile=\(folder.file("slurmctld.pid"))
            SlurmdPidFile=\(folder.path)/slurmd-%n.pid
            SlurmdTimeout=5
            SlurmctldTimeout=5
            KillWait=2
            MinJobAge=600
            ReturnToService=2
            \(zip(nodes, ports.dropFirst()).map { "NodeName=\($0) NodeHostname=localhost NodeAddr=127.0.0.1 Port=\($1) CPUs=1" }.joined(separator: "\n"))
            PartitionName=all Nodes=\(nodes.joined(separator: ",")) Default=YES MaxTime=INFINITE State=UP

            """, to: "slurm.conf")
        let configuration = folder.file("slurm.conf")
        let home = try TemporaryFolder(prefix: "apus-slurmctld")
        controller = try ServerProcess(
            folder: home, program: try program("slurmctld"), arguments: ["-D", "-f", configuration, "-L", home.file("log")],
            killSignal: SIGKILL)
        var daemons: [String: ServerProcess] = [:]
        for node in nodes {
            let home = try TemporaryFolder(prefix: "apus-slurmd")
            daemons[node] = try ServerProcess(
                folder: home, program: try program("slurmd"),
                arguments: ["-D", "-N", node, "-f", configuration, "-L", home.file("log")], killSignal: SIGKILL)
        }
        self.daemons = daemons
        try controller.start()
        try controller.waitUntilReady("slurmctld") { (try? self.run("scontrol", ["ping"]))?.stdout.contains("is UP") == true }
        for node in nodes { try daemons[node]!.start() }
        try controller.waitUntilReady("slurmd") {
            (try? self.run("sinfo", ["-h", "-N", "-o", "%T"]))?.stdout.split(separator: "\n").map(String.init)
                == Array(repeating: "idle", count: nodes.count)
        }
    }

    /// What Slurm's commands need to find this cluster.
    public var environment: [String: String] { ["SLURM_CONF": folder.file("slurm.conf")] }

    /// Runs one of Slurm's commands.
    @discardableResult
    public func run(_ program: String, _ arguments: [String]) throws -> CommandResult {
        try runCommand(program, arguments, environment: environment)
    }

    /// The jobs that are still known, one a line: `id state`.
    public func jobs() throws -> [(id: String, state: String)] {
        try run("squeue", ["-h", "-r", "-t", "all", "-o", "%i %T"]).stdout.split(separator: "\n").map { line in
            let parts = line.split(separator: " ")
            return (String(parts[0]), String(parts[1]))
        }
    }

    /// The processes of a node's jobs by id, with their command lines: scripts and what they started, not Slurm's own.
    public func processes(on node: String) -> [(pid: pid_t, command: String)] {
        let all = Self.allProcesses()
        let spool = "\(folder.path)/spool-\(node)/"
        var found = all.filter { $0.command.contains(spool) }
        var isNew = true
        while isNew {
            let known = Set(found.map(\.pid))
            let children = all.filter { known.contains($0.parent) && !known.contains($0.pid) }
            found += children
            isNew = !children.isEmpty
        }
        return found.map { ($0.pid, $0.command) }
    }

    /// The node goes away as in a power cut: its daemon, its step daemons and everything that its jobs run get SIGKILL,
    /// each by its id.
    public func kill(node: String) {
        let jobs = Set(processes(on: node).map(\.pid))
        let steps = Self.allProcesses().filter { process in
            process.command.hasPrefix("slurmstepd") && Self.allProcesses().contains { jobs.contains($0.pid) && $0.parent == process.pid }
        }.map(\.pid)
        daemons[node]?.end(signal: SIGKILL)
        for pid in steps + jobs { Foundation.kill(pid, SIGKILL) }
        // What was forked in that instant, and what is still dying.
        for _ in 0..<100 {
            let left = processes(on: node)
            if left.isEmpty { return }
            for process in left { Foundation.kill(process.pid, SIGKILL) }
            usleep(100_000)
        }
    }

    /// The node comes back.
    public func start(node: String) throws { try daemons[node]?.start() }

    /// What the controller and the daemons have logged.
    public var log: String {
        ([controller] + daemons.values).map { (try? $0.folder.read("log")) ?? "" }.joined(separator: "\n")
    }

    deinit {
        // Jobs that outlive a failed test.
        for node in nodes { kill(node: node) }
    }

    private static func allProcesses() -> [(pid: pid_t, parent: pid_t, command: String)] {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return entries.compactMap { pid_t($0) }.compactMap { pid in
            guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8), let name = stat.lastIndex(of: ")"),
                let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline")
            else { return nil }
            // Fields behind the name: state, parent (proc(5), /proc/[pid]/stat).
            let fields = stat[stat.index(after: name)...].split(separator: " ")
            guard fields.count > 1, let parent = pid_t(fields[1]) else { return nil }
            return (pid, parent, String(decoding: line.map { $0 == 0 ? 32 : $0 }, as: UTF8.self))
        }
    }
}
