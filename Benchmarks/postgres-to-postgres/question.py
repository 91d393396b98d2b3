from harness.bench import Tool, bar, ratio

QUESTION = "How fast does a table move from PostgreSQL to PostgreSQL, against psql COPY binary | psql COPY binary?"


def run(bench):
    data, pg = bench.data, bench.postgres
    expect = data.postgres_source()
    into = {"prepare": data.empty_postgres_target, "check": data.postgres_target_checksum, "expect": expect}
    pipe = (f"{' '.join(pg.psql('bench'))} -c 'COPY bench TO STDOUT (FORMAT binary)' | "
            f"{' '.join(pg.psql('target'))} -c 'COPY bench FROM STDIN (FORMAT binary)'")
    ours = bench.copy(pg.url(), pg.url("target"), "--table", "public.bench", "--to", "public.bench", "--mode", "truncate", "--channels", "1")
    tools = [
        Tool("apus, 1 channel", "ours", ours, **into),
        Tool("psql COPY binary \\| psql COPY binary", "floor", pipe, **into),
    ]
    entries = bench.compare(tools, data.rows)
    return {"entries": entries, "bars": [
        bar("wall time against the pipe", ratio(entries, "apus, 1 channel", "psql COPY binary \\| psql COPY binary"), 1.15),
    ]}
