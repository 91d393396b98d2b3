import os
import subprocess
import time

from harness import slurm
from harness.bench import bar
from harness.data import MARIADB_CHECKSUM, MARIADB_TABLE, POSTGRES_CHECKSUM

QUESTION = "Two workers on Slurm, one node killed in mid-load: is the target what the source holds, by checksum?"
SLICES = 8


def run(bench):
    kills = int(os.environ.get("SLURM_KILLS", 3))
    if not bench.apus or not slurm.installed():
        return {"notes": ["apus or Slurm is not here: nothing to kill."],
                "bars": [bar("equal to the source", None, kills, "kills", at_most=False)]}
    bench.data.mariadb_source()
    rows = min(bench.rows, 400_000)
    bench.mariadb.sql("DROP TABLE IF EXISTS shared; " + MARIADB_TABLE.format(name="shared", key="PRIMARY KEY")
                      + f"; INSERT INTO shared SELECT * FROM bench WHERE id <= {rows}; ANALYZE TABLE shared")
    source = bench.mariadb.sql(MARIADB_CHECKSUM.format(name="shared"))
    folder = bench.file("slurm")
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/flow.yaml", "w") as flow:
        # So slow that a kill strikes in the middle.
        flow.write("from: ${ERP}\nto: ${DW}\ntables: { shared: { to: public.shared, slices: %d } }\nlimits: { rows_per_second: %d }\n"
                   % (SLICES, max(1000, rows // SLICES // 3)))
    environment = {**os.environ, **bench.home(), "ERP": bench.mariadb.url(), "DW": bench.postgres.url("target"),
                   "APUS_LEDGER": bench.postgres.url("target"), "PATH": os.path.dirname(bench.apus) + ":" + os.environ["PATH"]}

    def shell(text, **extra):
        done = subprocess.run(["bash", "-c", text], cwd=folder, env={**environment, **extra}, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError((done.stdout + done.stderr)[-500:])
        return done.stdout

    shell("apus plan flow.yaml -o plan.json && apus export slurm plan.json --parallel 2 --lease 5 --name load >load.sh")
    table = [["node killed", "tasks requeued", "s", "equal"]]
    equal = 0
    for number in range(-1, kills):
        bench.postgres.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public", "target")
        for name in os.listdir(folder):
            if name.endswith(".log"):
                os.remove(f"{folder}/{name}")
        cluster = slurm.Cluster()
        try:
            start = time.monotonic()
            shell("bash load.sh", APUS_JOB=f"kill {number}", SLURM_CONF=cluster.environment["SLURM_CONF"])
            if number >= 0:
                node = "n1" if number % 2 else "n2"
                cluster.wait(lambda: any("run --plan" in line and "slurm_script" not in line for line in cluster.work(node).values()))
                time.sleep(0.5 + number % 3)
                cluster.kill(node)
            cluster.wait(lambda: set(cluster.states()) <= {"COMPLETED", "FAILED", "CANCELLED"}, 300)
            seconds = time.monotonic() - start
            isWhole = set(cluster.states()) == {"COMPLETED"}
        finally:
            cluster.close()
        found = bench.postgres.sql(POSTGRES_CHECKSUM.format(name="shared"), "target")
        logs = "".join(open(f"{folder}/{name}").read() for name in os.listdir(folder) if name.endswith(".log"))
        good = isWhole and found == source
        table.append(["none" if number < 0 else node, logs.count(", try 2"), f"{seconds:.1f}", "yes" if good else f"NO: {found}"])
        bench.say("  " + "  ".join(str(cell) for cell in table[-1]))
        equal += good and number >= 0
    return {"table": table, "notes": [f"{rows:,} rows in {SLICES} slices, read at a limited rate; cred_expire=6, SlurmdTimeout=5, a lease of 5 s."],
            "bars": [bar("equal to the source", equal, kills, "kills", at_most=False)]}
