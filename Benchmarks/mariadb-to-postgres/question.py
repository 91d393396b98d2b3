from harness.bench import Tool, bar, ratio

QUESTION = "How fast does a table move from MariaDB to PostgreSQL, against the floor and against other tools?"


def run(bench):
    data, my, pg = bench.data, bench.mariadb, bench.postgres
    expect = data.mariadb_source()
    binary = data.postgres_binary()
    into = {"prepare": data.empty_postgres_target, "check": data.postgres_target_checksum, "expect": expect}

    def ours(channels):
        return bench.copy(my.url(), pg.url("target"), "--table", "bench", "--to", "public.bench", "--mode", "truncate",
                          "--channels", str(channels))

    pipe = (f"{' '.join(my.client('--quick', '-B', '-N', 'bench'))} -e 'SELECT * FROM bench' | "
            f"{' '.join(pg.psql('target'))} -c \"\\copy bench from stdin with (null 'NULL')\"")
    tools = [
        Tool("apus, 1 channel", "ours", ours(1), **into),
        Tool("apus, 2 channels", "ours", ours(2), **into),
        Tool("read alone (C, binary protocol)", "floor", [bench.program("read-mariadb"), str(my.port), "bench", "bench"]),
        Tool("COPY BINARY from a file alone", "floor", pg.psql("target", "-c", f"COPY bench FROM '{binary}' (FORMAT binary)"), **into),
        Tool("mariadb --quick -B \\| psql \\copy", "rival", pipe, **into),
        Tool("DuckDB", "rival", bench.rivals.duckdb(
            "INSERT INTO pg.public.bench SELECT * FROM my.bench.bench", mysql=my.port, postgres=pg.port), **into),
        Tool("sling", "rival", bench.rivals.sling(
            "--src-conn", "MY", "--src-stream", "bench.bench", "--tgt-conn", "PG", "--tgt-object", "public.bench", "--mode", "truncate"),
            environment=bench.rivals.sling_environment(), **into),
        Tool("pgloader", "rival", bench.rivals.pgloader(), **into),
    ]
    entries = bench.compare(tools, data.rows)
    me = entries["apus, 1 channel"]
    halves = [entries[name].get("wall") for name in ("read alone (C, binary protocol)", "COPY BINARY from a file alone")]
    floor = max(halves) if None not in halves else None
    wall = me.get("wall")
    rivals = [entries[name]["wall"] for name in ("DuckDB", "sling", "pgloader") if "wall" in entries[name] and entries[name]["values"] == "equal"]
    return {"entries": entries, "bars": [
        bar("wall time against the floor", wall / floor if wall and floor else None, 1.3),
        bar("client CPU seconds per million rows", me["cpu"] / data.rows * 1e6 if wall else None, 0.5, "s"),
        bar("peak memory", me["rss"] if wall else None, 64, "MB"),
        bar("speed against the fastest other tool", min(rivals) / wall if wall and rivals else None, 2.5, at_most=False),
        bar("speed against the shell pipe", ratio(entries, "mariadb --quick -B \\| psql \\copy", "apus, 1 channel"), 1.4, at_most=False),
    ]}
