import contextlib
import hashlib
import os
import random
import signal
import sqlite3
import subprocess
import time

from harness.bench import bar
from harness.data import MARIADB_CHECKSUM, MARIADB_TABLE, POSTGRES_CHECKSUM, POSTGRES_TABLE

QUESTION = "After kill -9 at a random instant and `apus resume`, is the target what an undisturbed copy makes?"


class Target:
    """A target system: how to empty it, where to copy to, and the checksum of what it holds."""

    def __init__(self, bench, system):
        self.bench, self.system = bench, system
        self.lite = bench.file("kill9.sqlite")

    def url(self):
        return {"PostgreSQL": lambda: self.bench.postgres.url("target"), "MariaDB": lambda: self.bench.mariadb.url("target"),
                "SQLite": lambda: f"sqlite:{self.lite}"}[self.system]()

    def name(self):
        return "public.killed" if self.system == "PostgreSQL" else "killed"

    def reset(self, mode):
        """Nothing there for replace, an empty table without a key for append."""
        if self.system == "PostgreSQL":
            self.bench.postgres.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public;"
                                    + (POSTGRES_TABLE.format(name="killed", key="") if mode == "append" else ""), "target")
        elif self.system == "MariaDB":
            self.bench.mariadb.sql("DROP DATABASE target; CREATE DATABASE target; USE target;"
                                   + (MARIADB_TABLE.format(name="killed", key="") if mode == "append" else ""), "target")
        else:
            for suffix in ("", "-wal", "-shm", "-journal"):
                if os.path.exists(self.lite + suffix):
                    os.remove(self.lite + suffix)
            if mode == "append":
                with sqlite3.connect(self.lite) as lite:
                    lite.execute("CREATE TABLE killed (id INTEGER, n INTEGER, name TEXT, flag INTEGER, amount TEXT, ratio REAL, note TEXT, "
                                 "seen TEXT, stamp TEXT, born TEXT, payload TEXT)")
                lite.close()

    def checksum(self):
        if self.system == "PostgreSQL":
            return self.bench.postgres.sql(POSTGRES_CHECKSUM.format(name="killed"), "target")
        if self.system == "MariaDB":
            return self.bench.mariadb.sql(MARIADB_CHECKSUM.format(name="killed"), "target")
        digest, count = hashlib.md5(), 0
        lite = sqlite3.connect(self.lite)
        for row in lite.execute("SELECT * FROM killed ORDER BY id"):
            digest.update(repr(row).encode())
            count += 1
        lite.close()
        return f"{count}\t{digest.hexdigest()}"

    def leftovers(self):
        """Tables beside the target that a finished run should not leave."""
        if self.system == "PostgreSQL":
            found = self.bench.postgres.sql("SELECT schemaname||'.'||tablename FROM pg_tables WHERE schemaname !~ '^(pg_|information_)'", "target").split()
            return [name for name in found if name != "public.killed" and "apus" not in name.split(".")[0]]
        if self.system == "MariaDB":
            return [name for name in self.bench.mariadb.sql("SHOW TABLES", "target").split() if name != "killed"]
        lite = sqlite3.connect(self.lite)
        found = [row[0] for row in lite.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        lite.close()
        return [name for name in found if name != "killed" and not name.startswith("sqlite_")]


def run(bench):
    wanted = int(os.environ.get("KILLS", 60))
    rows = int(os.environ.get("KILL_ROWS", 300_000))
    seed = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
    if not bench.apus:
        return {"notes": ["apus is not built: nothing to kill."], "bars": [bar("equal to an undisturbed run", None, wanted, "kills", at_most=False)]}
    bench.data.mariadb_source()
    rows = min(rows, bench.rows)
    bench.mariadb.sql("DROP TABLE IF EXISTS killed; " + MARIADB_TABLE.format(name="killed", key="PRIMARY KEY")
                      + f"; INSERT INTO killed SELECT * FROM bench WHERE id <= {rows}; ANALYZE TABLE killed")
    dice = random.Random(seed)
    ledger = bench.file("kill9-ledger.sqlite")
    environment = {**os.environ, **bench.home()}
    extra = os.environ.get("KILL_ARGUMENTS", "").split()

    def copy(target, mode, channels):
        return bench.copy(bench.mariadb.url(), target.url(), "--table", "killed", "--to", target.name(), "--mode", mode,
                          "--channels", str(channels), "--ledger", f"sqlite:{ledger}", *extra)

    def finish(command, kill_after=None):
        """Runs the command, killing it after some seconds; returns (status, seconds, what it said)."""
        start = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   env=environment, cwd=bench.folder)
        try:
            said, _ = process.communicate(timeout=kill_after if kill_after is not None else 600)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            said, _ = process.communicate()
        return process.returncode, time.monotonic() - start, said.decode(errors="replace")

    def forget():
        for suffix in ("", "-wal", "-shm", "-journal"):
            if os.path.exists(ledger + suffix):
                os.remove(ledger + suffix)

    table = [["target", "mode", "kills", "equal", "resume killed too", "nothing on record", "tables left behind"]]
    size = f"{rows:,} rows, 1 to 4 channels, seed {seed}."
    notes = []
    equal = total = 0
    systems = ("PostgreSQL", "MariaDB", "SQLite")
    for index, system in enumerate(systems):
        target = Target(bench, system)
        share = wanted // len(systems) + (index < wanted % len(systems))
        for mode, kills in (("replace", share - share // 2), ("append", share // 2)):
            target.reset(mode)
            forget()
            status, duration, said = finish(copy(target, mode, 2))
            if status != 0:
                notes.append(f"- {system}, {mode}: the undisturbed copy failed: {bench.anonymous(said.strip()[-400:])}")
                table.append([system, mode, kills, 0, 0, 0, ""])
                total += kills
                continue
            reference = target.checksum()
            if system != "SQLite":
                source = bench.mariadb.sql(MARIADB_CHECKSUM.format(name="killed"))
                if source != reference:
                    notes.append(f"- {system}, {mode}: the undisturbed copy itself differs from the source: {reference} instead of {source}")
            good = twice = unrecorded = done = tries = 0
            left = set()
            while done < kills and tries < kills * 5:
                tries += 1
                target.reset(mode)
                forget()
                channels = dice.choice((1, 2, 4))
                instant = dice.uniform(0.005, duration)
                status, _, said = finish(copy(target, mode, channels), instant)
                if status == 0:
                    continue
                done += 1
                total += 1
                if status != -signal.SIGKILL:
                    notes.append(f"- {system}, {mode}, {channels} channels: the copy failed before its kill: {bench.anonymous(said.strip()[-300:])}")
                    continue
                resume = [bench.apus, "resume", "--ledger", f"sqlite:{ledger}", "--progress", "never"]
                if dice.random() < 1 / 3:
                    twice += finish(resume, dice.uniform(0.005, duration))[0] == -signal.SIGKILL
                status, _, said = finish(resume)
                if status != 0:
                    known = states(bench, ledger, environment)
                    if not known:
                        unrecorded += 1
                        status, _, said = finish(copy(target, mode, channels))
                    elif known == ["done"]:
                        # Killed in the instant between its last word to the ledger and its end.
                        status = 0
                try:
                    found = target.checksum()
                except (RuntimeError, sqlite3.Error) as error:
                    found = str(error)
                left |= set(target.leftovers())
                if status == 0 and found == reference:
                    good += 1
                else:
                    notes.append(f"- {system}, {mode}, {channels} channels, killed after {instant:.3f} s of {duration:.3f} s: status {status}, "
                                 f"{found} instead of {reference}; it said: {bench.anonymous(said.strip()[-300:])}")
                bench.say(f"  {system:<10} {mode:<7} {done:2}/{kills}: killed at {instant:.3f} s, {'equal' if found == reference else 'DIFFERENT'}")
            if done < kills:
                notes.append(f"- {system}, {mode}: only {done} of {kills} kills struck before the copy's end")
                total += kills - done
            equal += good
            table.append([system, mode, done, good, twice, unrecorded, ", ".join(sorted(left)) or "none"])
    bench.say(f"{equal} of {total}")
    notes.insert(0, f"**{equal} of {total}** gave the checksum of an undisturbed run.\n")
    return {"size": size, "table": table, "notes": notes, "bars": [bar("equal to an undisturbed run", equal, total, "kills", at_most=False)]}


def states(bench, ledger, environment):
    """The states of the runs that the ledger knows; none when the kill came before the first was recorded."""
    if not os.path.exists(ledger) or os.path.getsize(ledger) == 0:
        return []
    try:
        with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as lite:
            return [row[0] for row in lite.execute("SELECT state FROM apus_run")]
    except sqlite3.OperationalError:
        return []
