import ApusCore

/// A DAG of Airflow that maps one task over the slices of a plan, and verifies the whole afterwards.
///
/// Sources: "Dynamic Task Mapping", "TaskFlow", of Airflow 3 (`airflow.sdk`) and Airflow 2 (`airflow.decorators`).
public enum AirflowDAG {
    public enum Version: Int, Sendable, CaseIterable { case two = 2, three = 3 }

    public static func text(_ work: SharedWork, version: Version) -> String {
        let imports = [
            "import subprocess", "from datetime import datetime, timedelta", "",
            version == .three ? "from airflow.sdk import dag, task" : "from airflow.decorators import dag, task",
            "from airflow.exceptions import AirflowException, AirflowFailException",
        ].joined(separator: "\n")
        return """
            \"\"\"Loads the \(work.slices) slices of \(work.planPath) with Airflow \(version.rawValue), then verifies both sides.

            Written by `apus export airflow`. Workers need \(work.program), the plan, and in their environment
            \(work.needs).
            APUS_LEDGER is a MySQL or PostgreSQL database that all workers reach. A run of this DAG is one run of the plan: tasks
            that are tried again pass over what is loaded.
            \"\"\"

            \(imports)

            APUS = \(work.program.doubleQuoted)
            PLAN = \(work.planPath.doubleQuoted)
            SLICES = \(work.slices)
            TASKS = \(work.tasks)


            def apus(*arguments):
                status = subprocess.run([APUS, *arguments]).returncode
                if status in (64, 78):
                    raise AirflowFailException(f"apus {arguments[0]} ended with {status}: a mistake that another try does not mend")
                if status:
                    raise AirflowException(f"apus {arguments[0]} ended with {status}")


            @dag(
                dag_id=\(work.name.doubleQuoted),
                schedule=None,
                start_date=datetime(2020, 1, 1),
                catchup=False,
                max_active_tasks=\(work.parallel),
                tags=["apus"],
            )
            def load_plan():
                @task(retries=\(work.attempts - 1), retry_delay=timedelta(seconds=30))
                def load(first, run_id=None):
                    for number in range(first, SLICES, TASKS):
                        apus("run", "--plan", PLAN, "--slice", str(number), "--job", run_id, \(work.options.map(\.doubleQuoted).joined(separator: ", ")))

                # Whatever became of the tasks: what is missing is said here.
                @task(trigger_rule="all_done", retries=0)
                def verify(run_id=None):
                    apus("verify", PLAN, "--job", run_id)

                load.expand(first=list(range(TASKS))) >> verify()


            load_plan()

            """
    }
}
