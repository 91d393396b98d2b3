from harness.bench import Tool, bar

QUESTION = "Does memory stay flat in rows, and how much does each further channel cost?"
CHANNELS = (1, 4, 16)


def run(bench):
    data = bench.data
    small, large = (1_000_000, 20_000_000) if bench.rows >= 1_000_000 else (bench.rows, bench.rows * 4)
    table = [["way", "rows"] + [f"{number} channel{'s' if number > 1 else ''}, MB" for number in CHANNELS]]
    peaks = {}
    notes = []

    def row(way, rows, command, prepare=None):
        cells = []
        for channels in CHANNELS:
            line = command(channels)
            if not line:
                cells.append("not built")
                continue
            measured = [bench.run_once(Tool(way, "ours", line, prepare)) for _ in range(min(bench.runs, 3))]
            failed = [one for one in measured if one["status"]]
            if failed:
                notes.append(f"- {way}, {rows:,} rows, {channels} channels failed: {bench.anonymous(failed[0]['said'].strip()[-300:])}")
                cells.append("failed")
                continue
            peak = sorted(one["rss"] for one in measured)[len(measured) // 2]
            peaks[way, rows, channels] = peak
            cells.append(f"{peak:.0f}")
            bench.say(f"  {way}, {rows:,} rows, {channels} channels: {peak:.0f} MB")
        table.append([way, f"{rows:,}"] + cells)

    for rows in (small, large):
        row("generator → null", rows, lambda channels: bench.copy(
            f"generator:?rows={rows}&columns=10", "null:", "--channels", str(channels)))
    few = 1_000_000 if data.rows >= 5_000_000 else data.rows // 5
    if bench.apus:
        data.mariadb_source()
        # A table of its own: a condition on the large one would leave all its rows to few of the channels.
        bench.mariadb.sql(
            "DROP TABLE IF EXISTS bench_few; CREATE TABLE bench_few LIKE bench; "
            f"INSERT INTO bench_few SELECT * FROM bench WHERE id <= {few}; ANALYZE TABLE bench_few")
    for rows, table_name in ((few, "bench_few"), (data.rows, "bench")):
        row("MariaDB → PostgreSQL", rows, lambda channels: bench.apus and bench.copy(
            bench.mariadb.url(), bench.postgres.url("target"), "--table", table_name, "--to", "public.bench", "--mode", "truncate",
            "--channels", str(channels)), lambda: data.empty_postgres_target())
    bars = []
    for way, few, many in (("generator → null", small, large), ("MariaDB → PostgreSQL", few, data.rows)):
        growth = [peaks[way, many, c] - peaks[way, few, c] for c in CHANNELS if (way, many, c) in peaks and (way, few, c) in peaks]
        bars.append(bar(f"{way}: growth from {few:,} to {many:,} rows, the worst channel count", max(growth) if growth else None, 8, "MB"))
        ends = peaks.get((way, many, 1)), peaks.get((way, many, 16))
        bars.append(bar(f"{way}: each further channel", (ends[1] - ends[0]) / 15 if None not in ends else None, 16, "MB"))
    return {"table": table, "bars": bars, "notes": notes}
