import os
import random
import signal
import subprocess
import time

from harness.bench import bar
from harness.data import MARIADB_TABLE
from harness.starrocks import TABLE, StarRocks, checksum

QUESTION = "After kill -9 at a random instant of a load into StarRocks and `apus resume`, are the stored rows those of the source?"


def run(bench):
    wanted = int(os.environ.get("KILLS", 40))
    rows = int(os.environ.get("KILL_ROWS", 20_000))
    seed = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
    if not bench.apus:
        return {"notes": ["apus is not built: nothing to kill."], "bars": []}
    bench.data.mariadb_source()
    bench.mariadb.sql("DROP TABLE IF EXISTS killed; " + MARIADB_TABLE.format(name="killed", key="PRIMARY KEY")
                      + f"; INSERT INTO killed SELECT * FROM bench WHERE id <= {rows}; ANALYZE TABLE killed")
    expected = bench.mariadb.sql(checksum("killed")).split()
    environment = {**os.environ, **bench.home()}
    dice = random.Random(seed)
    ledger = bench.file("sr-kill9-ledger.sqlite")

    def finish(command, kill_after=None):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   env=environment, cwd=bench.folder)
        try:
            said, _ = process.communicate(timeout=kill_after if kill_after is not None else 600)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            said, _ = process.communicate()
        return process.returncode, said.decode(errors="replace")

    double = StarRocks(bench)
    try:
        def reset(mode):
            double.sql("DROP DATABASE IF EXISTS target", "")
            double.sql("CREATE DATABASE target", "")
            if mode == "append":
                double.sql(TABLE.format(name="killed"))
            for suffix in ("", "-wal", "-shm", "-journal"):
                if os.path.exists(ledger + suffix):
                    os.remove(ledger + suffix)

        def copy(mode, channels, interface):
            return bench.copy(bench.mariadb.url(), double.url(interface=interface, replication_num=1), "--table", "killed", "--mode", mode,
                              "--channels", str(channels), "--slices", "6", "--ledger", f"sqlite:{ledger}")

        table, notes, equal = [["mode", "kills", "equal", "resume killed too", "nothing on record"]], [], 0
        for mode, kills in (("replace", wanted - wanted // 2), ("append", wanted // 2)):
            reset(mode)
            start = time.monotonic()
            status, said = finish(copy(mode, 2, "transaction"))
            duration = time.monotonic() - start
            if status != 0:
                notes.append(f"- {mode}: the undisturbed copy failed: {bench.anonymous(said.strip()[-400:])}")
                continue
            done = good = twice = unrecorded = tries = 0
            while done < kills and tries < kills * 4:
                tries += 1
                reset(mode)
                channels, interface = dice.choice((1, 2, 4)), dice.choice(("auto", "transaction", "stream_load"))
                command = copy(mode, channels, interface)
                instant = dice.uniform(0.005, duration)
                status, said = finish(command, instant)
                if status == 0:
                    continue
                done += 1
                if status != -signal.SIGKILL:
                    notes.append(f"- {mode}: the copy failed before its kill: {bench.anonymous(said.strip()[-300:])}")
                    continue
                resume = [bench.apus, "resume", "--ledger", f"sqlite:{ledger}", "--progress", "never"]
                if dice.random() < 1 / 3:
                    twice += finish(resume, dice.uniform(0.005, duration))[0] == -signal.SIGKILL
                status, said = finish(resume)
                if status != 0 and ("no run" in said or "nothing to resume" in said):
                    unrecorded += 1
                    found = double.sql("SHOW TABLES").split()
                    # Killed behind its last word to the ledger, or before its first.
                    if "killed" not in found or double.sql(checksum("killed")).split() != expected:
                        status, said = finish(command)
                    else:
                        status = 0
                found = double.sql(checksum("killed")).split() if "killed" in double.sql("SHOW TABLES").split() else ["no table"]
                if status == 0 and found == expected:
                    good += 1
                else:
                    notes.append(f"- {mode}, {interface}, {channels} channels, killed after {instant:.3f} s of {duration:.3f} s: status {status}, "
                                 f"{found} instead of {expected}; it said: {bench.anonymous(said.strip()[-300:])}")
                bench.say(f"  {mode:<7} {done:2}/{kills}: killed at {instant:.3f} s, {'equal' if found == expected else 'DIFFERENT'}")
            equal += good
            table.append([mode, done, good, twice, unrecorded])
        violations = double.control("GET", "/violations")
    finally:
        double.stop()
    notes.insert(0, f"{rows:,} rows in six slices, 1 to 4 channels, seed {seed}.")
    return {"table": table, "notes": notes, "bars": [
        bar("equal to the source", equal, wanted, "kills", at_most=False), bar("what a client should not do", len(violations), 0, "violations")]}
