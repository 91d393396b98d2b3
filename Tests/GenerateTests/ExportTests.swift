import ApusTesting
import Foundation
import Testing

@Suite struct `apus export` {
    private func desk(slices: Int = 4) throws -> Desk {
        let desk = try Desk(
            .sqlite,
            "CREATE TABLE a (id INTEGER PRIMARY KEY); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO a SELECT i FROM n; CREATE TABLE b (x int);"
        )
        try desk.home.write("name: Nachtlauf 7\nfrom: ${ERP}\nto: ${DW}\ntables: { a: { slices: \(slices) }, b: }\n", to: "flow.yaml")
        expect(try desk.apus("plan", "flow.yaml", "-o", "plan.json", with: ["ERP": "erp", "DW": "dw"]), 0)
        return desk
    }

    @Test func `every script is whole, knows the slices, and names what it needs`() throws {
        let desk = try desk()
        for scheduler in ["slurm", "airflow", "dolphinscheduler", "k8s"] {
            let extra = scheduler == "k8s" ? ["--image", "apus:1"] : []
            let made = try desk.shell("apus export \"$@\" plan.json --plan-path '/srv/a plan.json' --parallel 3", [scheduler] + extra)
            expect(
                made, 0, "5 slices", "APUS_LEDGER", "DW", "ERP", "verify", scheduler == "airflow" ? "dag_id=\"nachtlauf-7\"" : "nachtlauf-7"
            )
            #expect(!made.stdout.contains("sqlite:"))
        }
        let slurm = try desk.apus("export", "slurm", "plan.json", "--tasks", "2")
        expect(slurm, 0, "--array=0-1%2", "slice < 5; slice += 2", "--requeue", "--dependency=\"afterany:$array\"")
        expect(try desk.shell("apus export slurm plan.json >load.sh && bash -n load.sh"), 0)
        expect(
            try desk.shell(
                "for v in 2 3; do apus export airflow plan.json --airflow $v >dag.py && python3 -m py_compile dag.py || exit 1; done"), 0)
        expect(
            try desk.apus("export", "airflow", "plan.json", "--airflow", "2"), 0, "from airflow.decorators import dag, task",
            "load.expand(first=list(range(TASKS))) >> verify()")
        expect(try desk.apus("export", "airflow", "plan.json"), 0, "from airflow.sdk import dag, task")
        let job = try desk.apus("export", "k8s", "plan.json", "--image", "apus:1")
        expect(
            job, 0, "completionMode: Indexed", "completions: 5", "backoffLimitPerIndex: 4", "action: FailIndex", "values: [64, 78]",
            "kind: Job")
    }

    @Test func `the shell loops of all exporters load every slice once`() throws {
        let desk = try desk(slices: 7)
        // The loop of a task as the pods of Kubernetes and the tasks of DolphinScheduler run it, `apus` being told apart by a file.
        let pods = try desk.shell(
            """
            apus export k8s plan.json --image apus:1 --tasks 3 >job.yaml
            python3 - <<'PYTHON' >loop.sh
            import re
            text = open('job.yaml').read()
            print(re.search(r'(?m)^ +for slice.*?^ +done$', text, re.S)[0])
            PYTHON
            for index in 0 1 2; do JOB_COMPLETION_INDEX=$index APUS_JOB=x bash -c 'apus() { echo "$5" >>asked; }; . ./loop.sh' || exit 1; done
            sort -n asked | tr '\\n' ' '
            """)
        expect(pods, 0)
        #expect(pods.stdout == "0 1 2 3 4 5 6 7 ")
    }
}
