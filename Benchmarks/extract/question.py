import json
import os
import statistics
import subprocess

from harness.bench import Tool, bar

QUESTION = "How long does a night of many small tables take, and what does one table cost beside its rows?"

COLUMNS = "id int NOT NULL PRIMARY KEY, name varchar(40), amount decimal(12,2), changed datetime, note text"
CHECKSUM = "SELECT count(*), md5(string_agg(id || '|' || name || '|' || amount || '|' || changed || '|' || note, ',' ORDER BY id)) FROM {name}"


def prepare(bench, tables, rows):
    my, pg = bench.mariadb, bench.postgres
    for name in ("night", "nightctl"):
        my.sql(f"DROP DATABASE IF EXISTS {name}; CREATE DATABASE {name}")
    my.sql(f"CREATE TABLE t_0 ({COLUMNS}); INSERT INTO t_0 SELECT seq, CONCAT('name ', seq), seq / 4, '2026-01-01' + INTERVAL seq MINUTE, "
           f"REPEAT('n', seq MOD 50) FROM seq_1_to_{rows};" + "".join(
               f"CREATE TABLE t_{n} LIKE t_0; INSERT INTO t_{n} SELECT * FROM t_0;" for n in range(1, tables))
           + "".join(f"CREATE TABLE e_{n} LIKE t_0;" for n in range(60)), "night")
    pg.sql("DROP SCHEMA IF EXISTS night CASCADE; CREATE SCHEMA night", "target")
    home = bench.home()["XDG_CONFIG_HOME"]
    os.makedirs(os.path.join(home, "apus"), exist_ok=True)
    path = os.path.join(home, "apus", "connections.yaml")
    with open(path, "w") as file:
        file.write(f"night: {my.url('night')}\ndw: {pg.url('target')}\n")
    os.chmod(path, 0o600)
    subprocess.run([bench.apus, "control", "init", my.url("nightctl")], check=True, env={**os.environ, **bench.home()}, capture_output=True)
    values = [f"('1','t_{n}',1,'night.t_{n}','t','1=1','*','*',0,1,0,0,'')" for n in range(tables)]
    values += [f"('empty','e_{n}',1,'night.e_{n}','t','1=1','*','*',0,1,0,0,'')" for n in range(60)]
    my.sql("INSERT INTO datax_json (id, source_dbname, target_dbname) VALUES (1, 'night', 'dw'); "
           "INSERT INTO datax_config (type, src_table_name, json_id, des_table_name, relation, dcondition, src_table_column, des_table_column, "
           "server_type, ordernum, status, etl_type, etl_column) VALUES " + ",".join(values), "nightctl")


def median_of_tables(bench, command):
    """Seconds between the ends of one table and the next, at one table at a time."""
    done = subprocess.run([*command, "--log", "json"], env={**os.environ, **bench.home()}, capture_output=True, text=True, cwd=bench.folder)
    if done.returncode != 0:
        return None
    from datetime import datetime
    ends = []
    for line in done.stderr.splitlines():
        event = json.loads(line)
        if event.get("event") == "table_finished":
            ends.append(datetime.fromisoformat(event["ts"].replace("Z", "+00:00")).timestamp())
    return statistics.median(b - a for a, b in zip(ends, ends[1:])) if len(ends) > 2 else None


def run(bench):
    tables = int(os.environ.get("TABLES", 322))
    rows = int(os.environ.get("TABLE_ROWS", 1000))
    if not bench.apus:
        return {"notes": ["apus is not built."], "bars": [bar(f"{tables} tables", None, 30, "s")]}
    prepare(bench, tables, rows)
    pg = bench.postgres
    night = [bench.apus, "extract", "--control", bench.mariadb.url("nightctl"), "--progress", "never"]

    def check():
        return "\n".join(pg.sql(CHECKSUM.format(name=f"night.t_{n}"), "target") for n in (0, tables // 2, tables - 1)) + pg.sql(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'night' AND tablename LIKE 't%'", "target")

    expect = None

    def tool(parallel):
        return Tool(f"{tables} tables × {rows:,} rows, --parallel {parallel}", "ours", [*night, "--parallel", str(parallel)],
                    prepare=lambda: pg.sql("DROP SCHEMA night CASCADE; CREATE SCHEMA night", "target"), check=check, expect=expect)

    source = bench.mariadb.sql("SELECT count(*) FROM t_0", "night")
    bench.run_once(tool(4))
    expect = check()
    entries = bench.compare([tool(4), tool(8)], tables * rows, runs=min(bench.runs, 3))
    median = median_of_tables(bench, [*night, "--type", "empty", "--parallel", "1"])
    four, eight = (entries[f"{tables} tables × {rows:,} rows, --parallel {n}"] for n in (4, 8))
    return {
        "entries": entries,
        "notes": [f"Every table of the target was compared with the first run's; that one's three sampled tables have {source} rows each."],
        "bars": [
            bar(f"{tables} tables × {rows:,} rows, --parallel 4", four.get("wall"), 30, "s"),
            bar("one empty table: lease, plan, ledger, log, staging, swap", median and median * 1000, 30, "ms"),
            bar("memory at --parallel 8", eight.get("rss"), 200, "MB"),
        ]}
