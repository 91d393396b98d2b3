import json
import os
import random
import signal
import subprocess
import time

from harness.bench import bar

QUESTION = "After kill -9 at a random instant of a night, and the same command again, is every table whole and told right?"

COLUMNS = "id int NOT NULL PRIMARY KEY, name varchar(40), amount decimal(12,2), day date NOT NULL, KEY (day)"


class Night:
    def __init__(self, bench, tables, rows):
        self.bench, self.tables, self.rows = bench, tables, rows
        my = bench.mariadb
        for name in ("knight", "knightctl"):
            my.sql(f"DROP DATABASE IF EXISTS {name}; CREATE DATABASE {name}")
        my.sql(f"CREATE TABLE t_0 ({COLUMNS}); INSERT INTO t_0 SELECT seq, CONCAT('name ', seq), seq / 4, '2026-11-21' - INTERVAL (seq MOD 2) DAY "
               f"FROM seq_1_to_{rows};" + "".join(f"CREATE TABLE t_{n} LIKE t_0; INSERT INTO t_{n} SELECT * FROM t_0;" for n in range(1, tables)), "knight")
        home = bench.home()["XDG_CONFIG_HOME"]
        os.makedirs(os.path.join(home, "apus"), exist_ok=True)
        with open(os.path.join(home, "apus", "connections.yaml"), "w") as file:
            file.write(f"knight: {my.url('knight')}\nkdw: {bench.postgres.url('target')}\n")
        self.environment = {**os.environ, **bench.home()}
        subprocess.run([bench.apus, "control", "init", my.url("knightctl")], check=True, env=self.environment, capture_output=True)
        full, day = (self.sum(where) for where in ("", "WHERE day = '2026-11-21'"))
        self.expected = [day if n % 2 else full for n in range(tables)]

    def sum(self, where):
        """Rows, and the sum of 32 bits of each one's MD5, which PostgreSQL can make too."""
        return self.bench.mariadb.sql(
            "SELECT CONCAT(count(*), '|', COALESCE(SUM(CAST(CONV(LEFT(MD5(CONCAT(id, name, amount, day)), 8), 16, 10) AS UNSIGNED)), 0)) FROM t_0 " + where,
            "knight")

    def reset(self):
        rows = ",".join(f"('1','t_{n}',1,'knight.t_{n}','','','*','*',0,{n % 4},0,{n % 2},'{'day' if n % 2 else ''}')" for n in range(self.tables))
        self.bench.mariadb.sql(
            "TRUNCATE datax_json; TRUNCATE datax_config; TRUNCATE datax_log; TRUNCATE datax_etl_error; TRUNCATE apus_lease; TRUNCATE apus_worker; "
            "TRUNCATE apus_run; TRUNCATE apus_plan; TRUNCATE apus_table; TRUNCATE apus_slice; "
            "INSERT INTO datax_json (id, source_dbname, target_dbname) VALUES (1, 'knight', 'kdw'); INSERT INTO datax_config (type, src_table_name, "
            "json_id, des_table_name, relation, dcondition, src_table_column, des_table_column, server_type, ordernum, status, etl_type, etl_column) "
            f"VALUES {rows}", "knightctl")
        self.bench.postgres.sql("DROP SCHEMA IF EXISTS knight CASCADE; CREATE SCHEMA knight", "target")

    def command(self, *more):
        return [self.bench.apus, "extract", "--control", self.bench.mariadb.url("knightctl"), "--day", "2026-11-21", "--parallel", "4",
                "--progress", "never", *more]

    def start(self, *more):
        return subprocess.Popen(self.command(*more), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                env=self.environment, cwd=self.bench.folder)

    def faults(self):
        """What is not as it should be."""
        found = []
        for n in range(self.tables):
            got = self.bench.postgres.sql(
                f"SELECT count(*) || '|' || coalesce(sum(('x' || left(md5(id || name || amount || day), 8))::bit(32)::bigint), 0) FROM knight.t_{n}",
                "target")
            if got != self.expected[n]:
                found.append(f"t_{n}: {got} instead of {self.expected[n]}")
        log = self.bench.mariadb.sql("SELECT count(*), count(DISTINCT datax_id), sum(is_finished), sum(read_num) FROM datax_log", "knightctl").split("\t")
        wanted = [str(self.tables)] * 3 + [str(sum(int(text.split("|")[0]) for text in self.expected))]
        if log != wanted:
            found.append(f"datax_log: {log} instead of {wanted}")
        once = self.bench.mariadb.sql("SELECT count(*) FROM datax_config WHERE etl_num >= 1 AND last_etl_date = '2026-11-22'", "knightctl")
        if once != str(self.tables):
            found.append(f"datax_config: {once} rows with a run")
        leases = self.bench.mariadb.sql("SELECT count(*) FROM apus_lease WHERE state <> 'done'", "knightctl")
        if leases != "0":
            found.append(f"{leases} leases left")
        left = self.bench.postgres.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'knight' AND tablename LIKE 'apus_stg%'", "target")
        if left != "0":
            found.append(f"{left} staging tables left")
        return found


def finish(process, timeout=900):
    said, _ = process.communicate(timeout=timeout)
    return process.returncode, said.decode(errors="replace")


def run(bench):
    kills = int(os.environ.get("NIGHT_KILLS", 30))
    tables = int(os.environ.get("NIGHT_TABLES", 20))
    rows = int(os.environ.get("NIGHT_ROWS", 200_000))
    seed = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
    bars = [("whole after a kill", kills), ("two workers, one killed", 1)]
    if not bench.apus:
        return {"notes": ["apus is not built."], "bars": [bar(text, None, limit, "kills", at_most=False) for text, limit in bars]}
    end = time.monotonic() + float(os.environ.get("NIGHT_SECONDS", "inf"))
    night = Night(bench, tables, rows)
    dice = random.Random(seed)
    # What earlier goes of the same size have found, where the kills do not fit into one.
    state_file = bench.file("extract-kill9.json")
    before = {"size": [tables, rows], "good": 0, "done": 0, "pair": None, "notes": [], "goes": 0}
    if os.path.exists(state_file):
        with open(state_file) as file:
            earlier = json.load(file)
        if earlier["size"] == before["size"] and (earlier["done"] < kills or not earlier["pair"]):
            before = earlier
    before["goes"] += 1
    notes = before["notes"]
    night.reset()
    start = time.monotonic()
    status, said = finish(night.start())
    duration = time.monotonic() - start
    faults = night.faults()
    if status != 0 or faults:
        notes.append(f"- the undisturbed night failed: status {status}, {faults}, {bench.anonymous(said[-500:])}")
    good, done, tries = before["good"], before["done"], 0
    while done < kills and tries < kills * 4 and time.monotonic() < end - 2.5 * duration:
        tries += 1
        night.reset()
        process = night.start()
        instant = dice.uniform(0.02, duration)
        time.sleep(instant)
        if process.poll() is not None:
            finish(process)
            continue
        process.send_signal(signal.SIGKILL)
        finish(process)
        done += 1
        status, said = finish(night.start())
        faults = night.faults()
        if status == 0 and not faults:
            good += 1
        else:
            notes.append(f"- killed after {instant:.3f} s of {duration:.3f} s: status {status}, {faults}, {bench.anonymous(said[-400:])}")
        bench.say(f"  {done:2}/{kills}: killed at {instant:.3f} s, {'whole' if status == 0 and not faults else 'NOT WHOLE'}")
        before.update(good=good, done=done)
        with open(state_file, "w") as file:
            json.dump(before, file)
    pair, pair_note = before["pair"] or (0, "two workers: not yet asked")
    if not before["pair"] and time.monotonic() < end - 3 * duration:
        pair, pair_note = two_workers(bench, night, duration)
        before.update(pair=[pair, pair_note])
        with open(state_file, "w") as file:
            json.dump(before, file)
    goes = f", in {before['goes']} goes" if before["goes"] > 1 else ""
    notes = [f"**{good} of {done}** nights were whole after the second run.\n",
             f"{tables} tables of {rows:,} rows{goes}; an undisturbed night takes {duration:.1f} s.", *notes, pair_note]
    return {"notes": notes, "bars": [bar("whole after a kill", good, kills, "kills", at_most=False),
                                     bar("two workers, one killed: every table exactly once", pair, 1, "", at_most=False)]}


def two_workers(bench, night, duration):
    """Two workers share a night, and one is killed: whether the other left all whole, and a sentence about it."""
    night.reset()
    lease = 5
    first, second = (night.start("--lease", str(lease)) for _ in range(2))
    time.sleep(duration / 4)
    first.send_signal(signal.SIGKILL)
    finish(first)
    killed = time.monotonic()
    status, said = finish(second)
    over = time.monotonic() - killed
    faults = night.faults()
    doubled = bench.mariadb.sql("SELECT count(*) FROM datax_config WHERE etl_num > 1", "knightctl")
    note = (f"Two workers with leases of {lease} s: the survivor ended {over:.1f} s after the kill, status {status}, {faults or 'all whole'}; "
                 f"{doubled} tables were counted twice.")
    bench.say(note)
    return int(status == 0 and not faults and doubled == "0"), note
