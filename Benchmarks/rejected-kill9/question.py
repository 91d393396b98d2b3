import json
import os
import random
import signal
import sqlite3
import subprocess
import time

from harness.bench import bar

QUESTION = "After kill -9 and `apus resume`, is every row in the target or kept as rejected, once?"


def run(bench):
    wanted = int(os.environ.get("KILLS", 60))
    rows = int(os.environ.get("KILL_ROWS", 400_000))
    seed = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
    if not bench.apus:
        return {"notes": ["apus is not built: nothing to kill."], "bars": [bar("each row once", None, wanted, "kills", at_most=False)]}
    dice = random.Random(seed)
    environment = {**os.environ, **bench.home()}
    ledger, lite = bench.file("rejected-ledger.sqlite"), bench.file("rejected-target.sqlite")
    parts = 8
    for part in range(parts):
        with open(bench.file(f"rejected-{part}.csv"), "w") as file:
            file.write("id,n\n")
            for number in range(part, rows, parts):
                file.write(f"{number},{'bad' if number // parts % 4 == 0 else number}\n")
    source = f"csv:{bench.file('rejected-*.csv')}"
    bad = sum(1 for number in range(rows) if number // parts % 4 == 0)

    def remove(path):
        for suffix in ("", "-wal", "-shm", "-journal"):
            if os.path.exists(path + suffix):
                os.remove(path + suffix)

    def prepare(system):
        remove(ledger)
        if system == "SQLite":
            remove(lite)
            with sqlite3.connect(lite) as file:
                file.execute("CREATE TABLE taken (id INTEGER, n INTEGER)")
            file.close()
        else:
            server(system).sql("DROP TABLE IF EXISTS taken; CREATE TABLE taken (id bigint, n bigint)", "target")

    def server(system):
        return bench.postgres if system == "PostgreSQL" else bench.mariadb

    def url(system):
        return f"sqlite:{lite}" if system == "SQLite" else server(system).url("target")

    def taken(system):
        if system == "SQLite":
            file = sqlite3.connect(lite)
            try:
                return [row[0] for row in file.execute("SELECT id FROM taken")]
            finally:
                file.close()
        return [int(text) for text in server(system).sql("SELECT id FROM taken", "target").split()]

    def kept():
        file = sqlite3.connect(ledger)
        try:
            return [int(json.loads(row[0])["id"]) for row in file.execute("SELECT row_values FROM apus_rejected")]
        finally:
            file.close()

    def finish(command, kill_after=None):
        start = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
        try:
            said, _ = process.communicate(timeout=kill_after if kill_after is not None else 600)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            said, _ = process.communicate()
        return process.returncode, time.monotonic() - start, said.decode(errors="replace")

    def copy(system, channels):
        return bench.copy(source, url(system), "--to", "taken", "--mode", "append", "--bad-rows", str(rows), "--channels", str(channels),
                          "--ledger", f"sqlite:{ledger}")

    resume = [bench.apus, "resume", "--ledger", f"sqlite:{ledger}", "--progress", "never"]
    table = [["target", "kills", "each row once", "resume killed too"]]
    size = f"{rows:,} rows, {bad:,} of them bad, in {parts} slices, 1 to 4 channels, seed {seed}."
    notes = []
    equal = total = 0
    for index, system in enumerate(("PostgreSQL", "MariaDB", "SQLite")):
        kills = wanted // 3 + (index < wanted % 3)
        prepare(system)
        status, duration, said = finish(copy(system, 2))
        if status != 0:
            notes.append(f"- {system}: the undisturbed copy failed: {bench.anonymous(said.strip()[-400:])}")
            total += kills
            continue
        done = good = twice = tries = 0
        while done < kills and tries < kills * 5:
            tries += 1
            prepare(system)
            instant = dice.uniform(0.05, duration)
            status, _, said = finish(copy(system, dice.choice((1, 2, 4))), instant)
            if status != -signal.SIGKILL or not os.path.exists(ledger):
                continue
            if dice.random() < 1 / 3:
                twice += finish(resume, dice.uniform(0.05, duration))[0] == -signal.SIGKILL
            status, _, said = finish(resume)
            if status == 78:
                # Killed before the run was on record, or after its end.
                if not taken(system):
                    continue
                status = 0
            done += 1
            total += 1
            there, rejected = taken(system), kept()
            if status == 0 and len(there) == rows - bad and len(rejected) == bad and sorted(there + rejected) == list(range(rows)):
                good += 1
            else:
                notes.append(f"- {system}, killed after {instant:.3f} s of {duration:.3f} s: status {status}, {len(there):,} in the target "
                             f"({len(set(there)):,} different), {len(rejected):,} kept ({len(set(rejected)):,} different); it said: "
                             f"{bench.anonymous(said.strip()[-300:])}")
            bench.say(f"  {system:<10} {done:2}/{kills}: killed at {instant:.3f} s, {len(there):,} + {len(rejected):,}")
        if done < kills:
            notes.append(f"- {system}: only {done} of {kills} kills struck")
            total += kills - done
        equal += good
        table.append([system, done, good, twice])
    notes.insert(0, f"**{equal} of {total}** left each row in the target or among the kept rejected rows, once.\n")
    return {"size": size, "table": table, "notes": notes, "bars": [bar("each row once", equal, total, "kills", at_most=False)]}
