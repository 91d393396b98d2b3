from harness.bench import Tool, bar, ratio

QUESTION = "How fast does a CSV file load into PostgreSQL, against \\copy?"


def run(bench):
    data, pg = bench.data, bench.postgres
    data.files()
    expect = data.postgres_source()
    into = {"prepare": data.empty_postgres_target, "check": data.postgres_target_checksum, "expect": expect}
    ours = bench.copy(f"csv:{data.csv}", pg.url("target"), "--to", "public.bench", "--mode", "truncate", "--channels", "1")
    tools = [
        Tool("apus, 1 channel", "ours", ours, **into),
        Tool("psql \\copy", "floor", pg.psql("target", "-c", f"\\copy bench from '{data.csv}' with (format csv, header)"), **into),
        Tool("DuckDB", "rival", bench.rivals.duckdb(
            "INSERT INTO pg.public.bench SELECT * FROM read_csv('" + data.csv + "', header=true, all_varchar=true)", postgres=pg.port), **into),
    ]
    entries = bench.compare(tools, data.rows)
    return {"entries": entries, "bars": [bar("wall time against \\copy", ratio(entries, "apus, 1 channel", "psql \\copy"), 1.2)]}
