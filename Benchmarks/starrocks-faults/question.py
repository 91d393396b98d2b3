import contextlib
import json
import os
import random
import sqlite3
import subprocess
import threading

from harness.bench import bar
from harness.data import MARIADB_TABLE
from harness.starrocks import TABLE, StarRocks, checksum

QUESTION = "After random mixtures of faults of a StarRocks cluster, are the stored rows those of the source?"
FAULTS = [
    ("location_dead", {}), ("location_hang", {}), ("location_foreign", {}), ("follower_to_dead_leader", {}), ("leader_change", {}),
    ("late_307", {}), ("http_401", {"hop": "fe"}), ("http_401", {"hop": "be"}), ("http_500", {"hop": "fe"}), ("http_500", {"hop": "be"}),
    ("early_fail", {}), ("early_fail_in_body", {}), ("reset_mid_body", {}), ("hang_mid_body", {"seconds": 1}), ("reset_before_commit", {}),
    ("reset_after_commit", {}), ("commit_in_background", {}), ("abort_in_background", {}), ("publish_timeout", {}), ("commit_unknown", {}),
    ("label_running", {}), ("label_finished", {}), ("label_as_fail", {}), ("label_evicted", {}), ("label_state_unknown", {}),
    ("txn_in_processing", {"op": "load"}), ("txn_in_processing", {"op": "prepare"}), ("txn_in_processing", {"op": "commit"}),
    ("txn_in_processing", {"op": "rollback"}), ("be_restart", {}), ("txn_timeout", {}), ("idle_timeout", {}), ("too_many_versions", {}),
    ("running_txn_limit", {}), ("memory_limit", {}), ("shutting_down", {}), ("too_many_requests", {}), ("filtered_rows", {}),
    ("error_url_dead", {}), ("error_url_gone", {}), ("kill_mid_result", {}),
    ("sql_error", {"message": "Backend node not found. Check if any backend node is down.", "code": 1064}),
]
UNPLACED = ("follower_to_dead_leader", "leader_change", "sql_error", "kill_mid_result")


def run(bench):
    wanted = int(os.environ.get("MIXTURES", 200))
    seed = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
    rows = 3_000
    bench.data.mariadb_source()
    bench.mariadb.sql("DROP TABLE IF EXISTS faulted; " + MARIADB_TABLE.format(name="faulted", key="PRIMARY KEY")
                      + f"; INSERT INTO faulted SELECT * FROM bench WHERE id <= {rows}; ANALYZE TABLE faulted")
    expected = bench.mariadb.sql(checksum("faulted")).split()
    double = StarRocks(bench)
    lock, notes, failed, resumed = threading.Lock(), [], [], []
    left = list(range(wanted))

    def work():
        while True:
            with lock:
                if not left:
                    return
                number = left.pop(0)
            problem, resumes = mixture(bench, double, seed + number, f"m{number}", expected)
            with lock:
                resumed.append(resumes)
                if problem:
                    failed.append(number)
                    notes.append(f"- mixture {number}: {bench.anonymous(problem)}")
                bench.say(f"  mixture {number:3}: {'equal' if not problem else problem}" + (f" after {resumes} resumes" if resumes else ""))

    try:
        workers = [threading.Thread(target=work) for _ in range(int(os.environ.get("WORKERS", 4)))]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        violations = double.control("GET", "/violations")
        taken = double.control("GET", "/faults").get("history", [])
    finally:
        double.stop()
    kinds = sorted({one["name"] for one in taken})
    notes.insert(0, f"{rows:,} rows in three slices, seed {seed}; {len(taken)} faults of {len(kinds)} kinds struck, {sum(1 for n in resumed if n)} "
                    f"copies ended with an error that said why, and were resumed.")
    notes += [f"- violation: {json.dumps(one)}" for one in violations[:5]]
    return {"notes": notes, "bars": [
        bar("mixtures after which the rows are the source's", wanted - len(failed), wanted, "mixtures", at_most=False),
        bar("what a client should not do", len(violations), 0, "violations"),
    ]}


def mixture(bench, double, seed, database, expected):
    """Copies with faults and resumes until it is done; returns (what is wrong or None, resumes)."""
    dice = random.Random(seed)
    double.sql(f"CREATE DATABASE IF NOT EXISTS {database}")
    mode = dice.choice(("append", "replace"))
    if mode == "append":
        double.sql(TABLE.format(name="faulted").replace("TABLE ", "TABLE IF NOT EXISTS ", 1), database)
    for _ in range(dice.randint(1, 5)):
        name, parameters = dice.choice(FAULTS)
        fault = {"name": name, "skip": dice.randint(0, 4), "times": dice.randint(1, 2), **parameters}
        if name not in UNPLACED:
            fault["database"] = database
        double.control("POST", "/faults", fault)
    ledger = f"sqlite:{bench.file(database + '-ledger.sqlite')}"
    if os.path.exists(bench.file(database + "-ledger.sqlite")):
        os.remove(bench.file(database + "-ledger.sqlite"))
    url = double.url(database, connect_timeout="1s", interface=dice.choice(("auto", "transaction", "stream_load")), replication_num=1)
    command = bench.copy(bench.mariadb.url(), url, "--table", "faulted", "--mode", mode, "--channels", str(dice.choice((1, 2))),
                         "--slices", "3", "--ledger", ledger)
    environment = {**os.environ, **bench.home()}
    resumes = 0
    while True:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
                              cwd=bench.folder, text=True, timeout=900)
        if done.returncode == 0:
            break
        if "error" not in done.stdout.lower() and "could not" not in done.stdout.lower() or "internal" in done.stdout:
            return f"failed without saying why: {done.stdout.strip()[-300:]}", resumes
        resumes += 1
        if resumes > 8:
            return f"not done after {resumes} resumes: {done.stdout.strip()[-300:]}", resumes
        if not states(bench.file(database + "-ledger.sqlite")):
            continue
        command = [bench.apus, "resume", "--ledger", ledger, "--progress", "never"]
    found = double.sql(checksum("faulted"), database).split()
    double.sql(f"DROP DATABASE {database}")
    return (None if found == expected else f"{found} instead of {expected} ({mode})"), resumes


def states(ledger):
    """The states of the runs on record."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as lite:
            return [row[0] for row in lite.execute("SELECT state FROM apus_run")]
    except sqlite3.OperationalError:
        return []
