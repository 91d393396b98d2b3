import os
import random
import signal
import subprocess
import time

from harness.bench import bar
from harness.starrocks import StarRocks

QUESTION = "Are thousands of loads into one database exact when the server forgets labels and the process is killed?"
KEPT = 1000
ROWS = 10
MODELS = ["DUPLICATE KEY(id)", "PRIMARY KEY(id)", "DUPLICATE KEY(id)", "DUPLICATE KEY(id)", "PRIMARY KEY(id)", "AGGREGATE KEY(id)"]
MODES = ["append", "upsert", "replace"] * 2
CHECKSUM = "SELECT count(*), sum(crc32(concat_ws('|', id, n, coalesce(note, '~')))) FROM {}"


def run(bench):
    kills = int(os.environ.get("KILLS", 40))
    tables = int(os.environ.get("LABEL_TABLES", 60))
    slices = int(os.environ.get("LABEL_SLICES", 50))
    seed = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
    if not bench.apus:
        return {"notes": ["apus is not built: nothing to kill."], "bars": []}
    rows, dice = slices * ROWS, random.Random(seed)
    names = [f"t{number:02}" for number in range(tables)]
    bench.mariadb.sql("DROP DATABASE IF EXISTS labels; CREATE DATABASE labels")
    bench.mariadb.sql("".join(
        f"CREATE TABLE labels.{name} (id BIGINT PRIMARY KEY, n BIGINT NOT NULL, note VARCHAR(60)); INSERT INTO labels.{name} "
        f"SELECT seq, seq * {number + 7}, IF(seq % 11 = 0, NULL, concat('row ', seq, ' of {name}')) FROM seq_1_to_{rows}; "
        f"ANALYZE TABLE labels.{name};" for number, name in enumerate(names)))
    ledger = bench.file("sr-labels-ledger.sqlite")
    for suffix in ("", "-wal", "-shm", "-journal"):
        if os.path.exists(ledger + suffix):
            os.remove(ledger + suffix)
    double = StarRocks(bench)
    notes, said, done, begun = [], "", 0, time.monotonic()
    try:
        double.control("POST", "/config", {"label_keep_max_num": KEPT, "compactions_per_second": 1000})
        for number, name in enumerate(names):
            model = MODELS[number % len(MODELS)]
            total = model.startswith("AGGREGATE")
            double.sql(f"CREATE TABLE {name} (id BIGINT NOT NULL, n BIGINT {'SUM NULL' if total else 'NOT NULL'}, note VARCHAR(200) "
                       f"{'REPLACE ' if total else ''}NULL) {model} DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES (\"replication_num\" = \"1\")")
        # The times of tables have whole seconds.
        time.sleep(1.1)
        flow = bench.file("sr-labels.yaml")
        with open(flow, "w") as file:
            listed = "".join(f"  - {name}: {{ mode: {MODES[number % len(MODES)]}, slices: {slices} }}\n" for number, name in enumerate(names))
            file.write(f'from: "{bench.mariadb.url("labels")}"\nto: "{double.url(replication_num=1)}"\nlimits: {{ channels: 4 }}\ntables:\n{listed}')
        base = ["--ledger", f"sqlite:{ledger}", "--progress", "never"]
        command = first = [bench.apus, "run", flow, *base]
        def sent():
            return double.control("GET", "/counters").get("body_bytes", 0)

        def loaded():
            return sum(1 for one in double.control("GET", "/transactions") if one["kind"] != "INSERT" and one["state"] == "VISIBLE")

        total, here, bytes_each = tables * slices, 0, 250
        while True:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=open(bench.file("sr-labels.out"), "w"), stderr=subprocess.STDOUT,
                                       env={**os.environ, **bench.home()}, cwd=bench.folder)
            # The loads that are left are shared out over the kills that are left.
            further = dice.randrange(1, max(2, 2 * (total - here) // (kills - done + 2))) if done < kills else None
            goal = further and sent() + further * bytes_each
            while process.poll() is None:
                time.sleep(0.02)
                if goal is not None and sent() >= goal:
                    time.sleep(dice.uniform(0, 0.1))
                    process.send_signal(signal.SIGKILL)
                    process.wait()
            here = loaded()
            bytes_each = sent() / here if here else bytes_each
            said = open(bench.file("sr-labels.out")).read()
            if process.returncode == -signal.SIGKILL:
                done += 1
                bench.say(f"  {done:2}/{kills}: killed after {here:,} of {total:,} loads")
                command = [bench.apus, "resume", *base]
                continue
            if process.returncode != 0 and "no run" in said and command is not first:
                command = first
                continue
            break
        if process.returncode != 0:
            notes.append(f"- the last process ended with status {process.returncode}: {bench.anonymous(said.strip()[-600:])}")
        equal = 0
        for name in names:
            wanted, found = bench.mariadb.sql(CHECKSUM.format("labels." + name)).split(), double.sql(CHECKSUM.format(name)).split()
            equal += wanted == found
            if wanted != found:
                notes.append(f"- {name}: {found} instead of {wanted}")
        spent = [one for one in double.control("GET", "/transactions") if one["database"] == "target"]
        loads = loaded()
        journal = sum(1 for one in double.control("GET", "/statements")
                      if one["sql"].startswith(("INSERT INTO `apus_marks`", "DELETE FROM `apus_marks`", "INSERT INTO `target`.`apus_", "DELETE FROM `target`.`apus_")))
        left = double.sql("SELECT count(*) FROM apus_marks") if "apus_marks" in double.sql("SHOW TABLES").split() else "no"
        violations = double.control("GET", "/violations")
    finally:
        double.stop()
    notes.insert(0, f"{tables} tables, {loads:,} loads, {done} kills in {time.monotonic() - begun:.0f} s, seed {seed}; {len(spent):,} transactions and "
                    f"{journal:,} statements on the journal, {left} rows left in it.")
    return {"notes": notes, "bars": [
        bar("tables equal to the source", equal, tables, "tables", at_most=False), bar("kills", done, kills, "kills", at_most=False),
        bar("labels beside a load's own", round(journal / max(1, loads), 2), 2, "labels"),
        bar("what a client should not do", len(violations), 0, "violations")]}
