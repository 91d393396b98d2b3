import ApusCore

/// A workflow of DolphinScheduler, as `pydolphinscheduler yaml -f` reads it: shell tasks that share the slices, and one
/// that verifies the whole afterwards.
///
/// Source: "Tutorial" and "Tasks: Shell" of PyDolphinScheduler 4.
public enum DolphinSchedulerWorkflow {
    public static func text(_ work: SharedWork) -> String {
        let program = SharedWork.shell(work.program), plan = SharedWork.shell(work.planPath)
        // There are no task arrays: as many tasks as may run at a time share the slices.
        let tasks = work.parallel
        // The instance's id is the same when a failed instance is recovered.
        let job = "\"${system.workflow.instance.id}\""
        var lines = [
            "# Loads \(work.slices) slices of \(work.planPath) with DolphinScheduler, then verifies both sides.",
            "# Written by \(Advice.name("export", "dolphinscheduler")); submit it with: pydolphinscheduler yaml -f \(work.name).yaml",
            "# Workers need \(work.program), the plan, and an environment that sets \(work.needs).",
            "workflow:",
            "  name: \(work.name.doubleQuoted)",
            "  release_state: online",
            "tasks:",
        ]
        for task in 0..<tasks {
            lines += [
                "  - name: load_\(task)",
                "    task_type: Shell",
                "    fail_retry_times: \(work.attempts - 1)",
                "    fail_retry_interval: 1",
                "    command: |",
                "      set -u",
                "      for slice in $(seq \(task) \(tasks) \(work.slices - 1)); do",
                "        \(program) run --plan \(plan) --slice \"$slice\" --job \(job) \(work.options.joined(separator: " ")) || exit $?",
                "      done",
            ]
        }
        lines += ["  - name: verify", "    task_type: Shell", "    deps: [\((0..<tasks).map { "load_\($0)" }.joined(separator: ", "))]"]
        lines += ["    command: \(program) verify \(plan) --job \(job)", ""]
        return lines.joined(separator: "\n")
    }
}
