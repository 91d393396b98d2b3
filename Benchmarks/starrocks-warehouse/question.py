import json
import os
import subprocess
import sys
import time

from harness.bench import HERE, bar
from harness.starrocks import StarRocks

sys.path.insert(0, os.path.join(HERE, "starrocks-warehouse"))
from tables import warehouse  # noqa: E402

QUESTION = "Does one command move a whole StarRocks warehouse to a newer cluster, every value of every table equal?"
MOVES = [("2.5", (2, 5), "3.3"), ("3.3-shared", (3, 3), "3.5")]


def rows(double, table):
    return sorted(double.ask(table.compared(), "target").splitlines())


def build(source, tables):
    for at in range(0, len(tables), 20):
        some = tables[at:at + 20]
        source.sql("; ".join(table.create for table in some))
        source.sql("; ".join(filter(None, (table.insert() for table in some))))
    for table in tables:
        if table.physical and table.rows:
            source.control("POST", "/physical", {"database": "target", "table": table.name, "count": 3})
            source.sql(table.insert(1000))
        if table.counts:
            source.control("POST", "/counts", {"database": "target", "table": table.name, "factor": table.counts})
    first = tables[0].name
    source.sql(f"CREATE VIEW v_notes AS SELECT id, c_varchar FROM {first}; CREATE VIEW `视图` AS SELECT id FROM {first}; "
               f"CREATE MATERIALIZED VIEW m_days DISTRIBUTED BY HASH(id) REFRESH ASYNC AS SELECT id, c_date FROM {first}")


def move(bench, source_profile, release, target_profile, count):
    tables = warehouse(release, count)
    source, target = StarRocks(bench, profile=source_profile), StarRocks(bench, profile=target_profile)
    ledger, summary = bench.file("sr-warehouse.sqlite"), bench.file("sr-warehouse.json")
    for path in [ledger + suffix for suffix in ("", "-wal", "-shm", "-journal")] + [summary]:
        if os.path.exists(path):
            os.remove(path)
    notes = []
    try:
        build(source, tables)
        command = [bench.apus, "copy", source.url(), target.url(replication_num=1), "--table", "*", "--ledger", f"sqlite:{ledger}", "--progress", "never"]

        def called(*more):
            return subprocess.run([*command, *more], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  env={**os.environ, **bench.home()}, cwd=bench.folder)

        plan = called("--dry-run").stdout
        open(bench.file(f"sr-warehouse-{source_profile}.plan"), "w").write(plan)
        begun = time.monotonic()
        done = called("--summary-file", summary)
        seconds = time.monotonic() - begun
        open(bench.file(f"sr-warehouse-{source_profile}.out"), "w").write(done.stdout)
        there = set(target.ask("SHOW TABLES", "target").splitlines())
        refused = {section.split("\n", 1)[0] for section in plan.split("\n\n") if "\n  error  " in section}
        equal, named, surprising = 0, 0, []
        for table in tables:
            wanted = rows(source, table) if table.named is None else []
            found = None if table.name not in there else rows(target, table)
            if table.named is None and found == wanted:
                equal += 1
            elif not found and table.name in refused and table.named is not None:
                named += 1
            else:
                surprising.append(table.name)
                bench.say(f"  {table.name} ({table.model}): {'not there' if found is None else f'{len(found)} rows instead of {len(wanted)}'}")
                for one, other in [pair for pair in zip(wanted, found or []) if pair[0] != pair[1]][:2]:
                    bench.say(f"    {other[:200]}\n    instead of {one[:200]}")
        named_first = sum(1 for table in tables if table.named is not None)
        notes.append(f"{source_profile} → {target_profile}: {len(tables)} tables in {seconds:.1f} s; {equal} equal, {named} named by the plan as impossible, "
                     f"{len(surprising)} otherwise{': ' + ', '.join(surprising[:12]) if surprising else ''}; exit status {done.returncode}.")
        violations = target.control("GET", "/violations") + source.control("GET", "/violations")
        for one in violations[:5]:
            bench.say(f"  violation: {json.dumps(one, ensure_ascii=False)[:300]}")
        return notes, [bar(f"{source_profile} → {target_profile}: tables equal", equal, len(tables) - named_first, "tables", at_most=False),
                       bar(f"{source_profile} → {target_profile}: tables that the plan did not name", len(surprising), 0, "tables"),
                       bar(f"{source_profile} → {target_profile}: what a client should not do", len(violations), 0, "violations")]
    finally:
        source.stop()
        target.stop()


def run(bench):
    count = int(os.environ.get("WAREHOUSE_TABLES", 322))
    if not bench.apus:
        return {"notes": ["apus is not built: nothing to move."], "bars": []}
    notes, bars = [], []
    for source, release, target in MOVES:
        told, held = move(bench, source, release, target, count)
        notes += told
        bars += held
        bench.say("  " + told[0])
    return {"notes": notes, "bars": bars}
