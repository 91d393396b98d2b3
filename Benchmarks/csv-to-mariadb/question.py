from harness.bench import Tool, bar, ratio
from harness.data import LOAD_CSV

QUESTION = "How fast does a CSV file load into MariaDB, against LOAD DATA LOCAL?"


def run(bench):
    data, my = bench.data, bench.mariadb
    data.files()
    expect = data.mariadb_source()
    into = {"prepare": data.empty_mariadb_target, "check": data.mariadb_target_checksum, "expect": expect}
    ours = bench.copy(f"csv:{data.csv}", my.url("target"), "--to", "bench", "--mode", "truncate", "--channels", "1")
    tools = [
        Tool("apus, 1 channel", "ours", ours, **into),
        Tool("LOAD DATA LOCAL", "floor", my.client("target", "-e", LOAD_CSV.format(file=data.csv, name="bench")), **into),
    ]
    entries = bench.compare(tools, data.rows)
    return {"entries": entries, "bars": [bar("wall time against LOAD DATA LOCAL", ratio(entries, "apus, 1 channel", "LOAD DATA LOCAL"), 1.2)]}
