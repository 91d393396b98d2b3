import ApusCore
import ApusEngine
import ApusFlow
import ArgumentParser

struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes what a scheduler needs to load a plan on many machines.",
        discussion: """
            The plan's slices are shared out over tasks. A task that is tried again passes over what is loaded; workers that have
            died are taken over. The last step is `apus verify`.

            EXAMPLES:
              apus plan flow.yaml -o plan.json
              apus export slurm plan.json > load.sh && bash load.sh
              apus export airflow plan.json --plan-path /srv/plan.json > load.py
            """,
        subcommands: [Slurm.self, Airflow.self, DolphinScheduler.self, Kubernetes.self])
}

/// What every scheduler is told.
struct WorkOptions: ParsableArguments {
    @Argument(help: "The plan of `apus plan -o`.") var plan: String
    @Option(help: ArgumentHelp("The plan's path as the workers see it; the given one without it.", valueName: "path")) var planPath: String?
    @Option(
        help: ArgumentHelp("Tasks that share the slices; one a slice without it, at most \(SharedWork.mostTasks).", valueName: "number"))
    var tasks: Int?
    @Option(help: ArgumentHelp("Tasks at a time; the plan's channels without it.", valueName: "number")) var parallel: Int?
    @Option(help: ArgumentHelp("The name that the scheduler shows; the plan's without it.", valueName: "name")) var name: String?
    @Option(help: ArgumentHelp("The program as the workers call it.", valueName: "path")) var program = "apus"
    @Option(help: ArgumentHelp("Tries of a task, the first included.", valueName: "number")) var attempts = 5
    @Option(help: ArgumentHelp("Seconds of silence after which a worker's slice is taken over; 30 without it.", valueName: "seconds"))
    var lease: Int?

    func validate() throws {
        guard (tasks ?? 1) >= 1, (parallel ?? 1) >= 1, attempts >= 1 else {
            throw ValidationError("--tasks, --parallel and --attempts are at least 1.")
        }
    }

    /// - throws: `config.invalid`, also for a plan that only this machine can run.
    func work() throws -> SharedWork {
        let made = try PlanFile.read(plan)
        try made.checkStatements()
        for end in made.sources + [made.to] where end.reference.contains("•••") {
            throw ApusError(
                .configurationInvalid, "the plan's connection \(end.reference) had its password written out, and a worker cannot know it",
                hint: "Write ${VARIABLE} for the password in the flow, or name the connection, and plan again.")
        }
        var work = SharedWork(
            made, path: planPath ?? plan, slices: Runner.Share.count(of: made), tasks: tasks, parallel: parallel, name: name)
        work.program = program
        work.attempts = attempts
        work.lease = lease
        return work
    }
}

extension Export {
    struct Slurm: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "A shell script that submits an array job and a verifying job.",
            discussion: "EXAMPLE: apus export slurm plan.json --parallel 16 > load.sh")
        @OptionGroup var options: WorkOptions
        @OptionGroup var output: Output

        func run() throws {
            _ = output.open()
            Output.product(SlurmScript.text(try options.work()))
        }
    }

    struct Airflow: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "A DAG with dynamic task mapping.",
            discussion: "EXAMPLE: apus export airflow plan.json --airflow 2 > load.py")
        @OptionGroup var options: WorkOptions
        @Option(help: ArgumentHelp("Airflow's major version: 2 or 3.", valueName: "version")) var airflow = AirflowDAG.Version.three
        @OptionGroup var output: Output

        func run() throws {
            _ = output.open()
            Output.product(AirflowDAG.text(try options.work(), version: airflow))
        }
    }

    struct DolphinScheduler: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "dolphinscheduler", abstract: "A workflow for `pydolphinscheduler yaml`.",
            discussion: "EXAMPLE: apus export dolphinscheduler plan.json > load.yaml")
        @OptionGroup var options: WorkOptions
        @OptionGroup var output: Output

        func run() throws {
            _ = output.open()
            Output.product(DolphinSchedulerWorkflow.text(try options.work()))
        }
    }

    struct Kubernetes: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "k8s", abstract: "An indexed job with a failure policy, and a verifying job.",
            discussion: "EXAMPLE: apus export k8s plan.json --image apus:0.1 > load.yaml")
        @OptionGroup var options: WorkOptions
        @Option(help: ArgumentHelp("The container image that holds apus.", valueName: "image")) var image: String
        @OptionGroup var output: Output

        func run() throws {
            _ = output.open()
            Output.product(KubernetesJob.text(try options.work(), image: image))
        }
    }
}

extension AirflowDAG.Version: ExpressibleByArgument {}
