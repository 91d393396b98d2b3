from harness.bench import Tool, bar, ratio

QUESTION = "How fast does a table move from MariaDB to MariaDB, against LOAD DATA alone and against mydumper + myloader?"


def run(bench):
    data, my = bench.data, bench.mariadb
    data.files()
    expect = data.mariadb_source()
    into = {"prepare": data.empty_mariadb_target, "check": data.mariadb_target_checksum, "expect": expect}

    def ours(channels):
        return bench.copy(my.url(), my.url("target"), "--table", "bench", "--to", "bench", "--mode", "truncate",
                          "--channels", str(channels))

    load = my.client("target", "-e", f"LOAD DATA LOCAL INFILE '{data.text}' INTO TABLE bench CHARACTER SET utf8mb4")
    tools = [
        Tool("apus, 1 channel", "ours", ours(1), **into),
        Tool("apus, 2 channels", "ours", ours(2), **into),
        Tool("LOAD DATA LOCAL from a file alone", "floor", load, **into),
        Tool("mydumper + myloader, 1 thread", "rival", bench.rivals.mydumper(1), **into),
        Tool("mydumper + myloader, 2 threads", "rival", bench.rivals.mydumper(2), **into),
    ]
    entries = bench.compare(tools, data.rows)
    return {"entries": entries, "bars": [
        bar("wall time against LOAD DATA LOCAL", ratio(entries, "apus, 1 channel", "LOAD DATA LOCAL from a file alone"), 1.2),
        bar("wall time against mydumper + myloader, 1 thread", ratio(entries, "apus, 1 channel", "mydumper + myloader, 1 thread"), 1.0),
        bar("wall time against mydumper + myloader, 2 threads", ratio(entries, "apus, 2 channels", "mydumper + myloader, 2 threads"), 1.0),
    ]}
