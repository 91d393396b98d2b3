import ApusControl
import ApusCore
import ApusEngine
import ApusFlow
import ApusListen
import Glibc
import Synchronization
import Tabular

/// One DataX job from its text to its exit code: DataX's lines on stdout, Apus's own on stderr.
struct DataXRun {
    let arguments: DataXArguments
    let parameters: JobParameters
    private let lines: DataXLog
    private let log: ListenerChoice.Log

    init(_ arguments: DataXArguments, _ parameters: JobParameters) {
        self.arguments = arguments
        self.parameters = parameters
        let level = DataXLog.Level(word: arguments.logLevel)
        lines = DataXLog(jobID: arguments.jobID, threshold: level)
        var choice = ListenerChoice()
        choice.progress = .never
        choice.verbose = level == .debug ? 2 : 0
        choice.quiet = level > .info
        log = choice.log()
    }

    /// Never throws: what went wrong has been said.
    func run() -> Int32 {
        lines.banner()
        do { return try execute() } catch {
            let error = ApusError(wrapping: error)
            guard StopSignals.signal == nil else {
                lines.fail(ApusError(.cancelled, "Job 收到了 Kill 命令."))
                return ExitCode.terminated
            }
            log.fail(error)
            // Many a caller sees stdout only: what to do next belongs there too.
            var told = error
            if let hint = error.hint { told.message += ". " + hint }
            lines.fail(told)
            return ExitCode.failed
        }
    }

    private func execute() throws -> Int32 {
        let name = arguments.job!
        var job = try reader().read(JobText.read(name, Program.interrupt), name: name)
        if case .text(let writer) = job.writer, !job.dryRun { try writer.prepare() }
        // Both ends of a job may be servers that speak MySQL's protocol and are something else.
        for _ in 0..<2 {
            do { return try execute(job) } catch let error as ApusError where error.code == .otherSystem {
                guard let system = error.system, let label = error.context else { throw error }
                say(.info, error.message)
                job = job.reached(as: system, at: label, Registry.connectors)
            }
        }
        return try execute(job)
    }

    /// With the limits that an installation of DataX sets for all jobs, where DATAX_HOME names one.
    private func reader() throws -> DataXJobReader {
        guard let home = getenv("DATAX_HOME").map({ String(cString: $0) }), !home.isEmpty,
            access(home + "/conf/core.json", R_OK) == 0
        else { return DataXJobReader(parameters: parameters) }
        return try DataXJobReader(parameters: parameters, core: JobText.read(home + "/conf/core.json", Program.interrupt))
    }

    private func execute(_ job: DataXJob) throws -> Int32 {
        var made = try job.flow(Registry.connectors) { try firstThatAnswers($0) }
        try made.flow.useProcessZone(Registry.connectors)
        for notice in made.notices { say(.warning, notice) }
        if arguments.debugs { say(.warning, "-d: there is no JVM to debug; left out") }
        if !made.ignored.isEmpty { say(.debug, "accepted, without a meaning here: \(made.ignored.joined(separator: ", "))") }
        let ends = try Ends(made.flow)
        let (plan, open) = try Planning(flow: made.flow, ends: ends, only: nil).plan(
            ledger: VolatileLedger(), log: log, keepsConnections: !job.dryRun)
        if !plan.canRun || job.dryRun, let fault = Self.fault(plan) {
            open?.close()
            throw fault
        }
        if job.dryRun {
            log.say(.info, "the plan of this dry run:\n" + PlanTable.text(plan))
            lines.print(.info, "JobContainer", "PreCheck通过")
            return ExitCode.done
        }
        try Planning.admit(plan, log)
        return try run(job, plan, ends, open)
    }

    private func run(_ job: DataXJob, _ plan: Plan, _ ends: Ends, _ open: OpenConnections?) throws -> Int32 {
        let summary = try arguments.summaryFile.map { try SummaryFile(path: $0) }
        let statistics = DataXStatistics(
            lines, plan: plan, interval: job.reportInterval ?? 10, maxDirtyRecords: job.dirtyRowsShown ?? 10)
        let emptied = EmptiedTarget(plan, homes: EmptyingStatement.homes(ends.to.endpoint), job: arguments.job!) { say(.error, $0) }
        var replaced: [String] = []
        if case .text(let writer) = job.writer, writer.mode == .truncate { replaced = writer.existing }
        let narration = log.listeners.map { ErrorMapping($0, WithoutResume.plain) as any Listener }
        // DataX's failure line comes last on stdout; what there is to say of it comes before.
        let listeners: [any Listener] = narration + [emptied] + (summary.map { [$0] } ?? []) + [statistics]
        let result = Runner(
            plan, runID: RunID.make(), from: ends.sources, to: ends.to, ledger: VolatileLedger(), listeners: listeners,
            interrupt: Program.interrupt, open: open
        ).run()
        for path in replaced where result.status == .done { unlink(path) }
        if let error = summary?.error { throw error }
        switch result.status {
        case .done: return ExitCode.done
        case .stopped: return ExitCode.terminated
        case .failed:
            // Those of tables were told when they happened.
            if let error = result.error { log.fail(WithoutResume.plain(error)) }
            return ExitCode.failed
        }
    }

    /// Says something on stderr, and in DataX's log where it warns.
    private func say(_ level: Event.Level, _ text: String) {
        log.say(level, text)
        switch level {
        case .debug: lines.print(.debug, "JobContainer", text)
        case .info: break
        case .warning: lines.print(.warning, "JobContainer", text)
        case .error: lines.print(.error, "JobContainer", text)
        }
    }

    /// The faults of a plan, with DataX's own words for columns that do not match.
    private static func fault(_ plan: Plan) -> ApusError? {
        let findings = plan.tables.flatMap(\.findings)
        if let numbers = findings.first(where: { $0.code == .columnCount && $0.severity == .error })?.numbers, numbers.count == 2 {
            return ApusError(
                .columnCount,
                "列配置信息有错误. 因为您配置的任务中，源头读取字段数:\(numbers[0]) 与 目的表要写入的字段数:\(numbers[1]) 不相等. 请检查您的配置并作出修改.")
        }
        var fault = plan.fault(strict: false)
        fault?.hint = nil
        return fault
    }

    private func firstThatAnswers(_ candidates: [Flow.Connection]) throws -> Int {
        var last: ApusError?
        for (number, candidate) in candidates.enumerated() {
            do {
                try Registry.connector(named: candidate.endpoint.connector).open(candidate.endpoint, interrupt: Program.interrupt).close()
                return number
            } catch let error as ApusError {
                try Program.interrupt.check()
                if error.code == .otherSystem { return number }
                log.say(.warning, "\(candidate.endpoint.label) does not answer: \(error.message)")
                last = error
            }
        }
        throw last ?? ApusError(.unreachable, "`jdbcUrl` names no address")
    }
}

/// Says so when a job fails after its `preSql` took rows away: before DataX's own last words, and loudly.
private final class EmptiedTarget: Listener {
    private let targets: [String]
    private let homes: [String]
    private let job: String
    private let say: @Sendable (String) -> Void
    private let found = Mutex<String?>(nil)

    init(_ plan: Plan, homes: [String], job: String, say: @escaping @Sendable (String) -> Void) {
        targets = plan.tables.map(\.load.target.description)
        self.homes = homes
        self.job = job
        self.say = say
    }

    func hear(_ event: Event) {
        switch event.kind {
        case .message(_, let text) where text.hasPrefix("before: "):
            // Behind the statement stands how long it took.
            let statement = text[..<(text.lastIndex(of: "(") ?? text.endIndex)].dropFirst(8)
            let words = statement.split { $0.isWhitespace || $0 == ";" }.map(String.init)
            guard let verb = words.first?.uppercased(), ["TRUNCATE", "DELETE", "DROP"].contains(verb) else { return }
            let isPart = verb == "DELETE" && words.count > 3
            let names = verb == "DELETE" ? words.dropFirst(2).prefix(1) : words.dropFirst()
            guard names.contains(where: { EmptyingStatement.isOne($0.replacing(",", with: ""), of: targets, homes: homes) }) else { return }
            found.withLock { $0 = "preSql (\(verb)) \(isPart ? "took rows out of" : "emptied") the table" }
        case .runFinished(let result) where result.status != .done:
            guard let what = found.withLock({ $0 }) else { return }
            say(
                "\(targets.joined(separator: ", ")): \(what) before the job failed; of the new rows it holds \(result.tally.written). \(Advice.importDataX(job)) makes a flow whose mode `replace` keeps the old rows until all new ones are there."
            )
        default: break
        }
    }
}

/// The advice to resume left out: a DataX job is run again instead.
private enum WithoutResume {
    static func plain(_ error: ApusError) -> ApusError {
        var error = error
        if error.hint?.contains("apus ") == true { error.hint = nil }
        return error
    }
}

extension DataXLog.Level {
    /// `--loglevel`.
    init(word: String) {
        switch word.lowercased() {
        case "debug", "trace", "all": self = .debug
        case "warn", "warning": self = .warning
        case "error", "fatal", "off": self = .error
        default: self = .info
        }
    }
}
