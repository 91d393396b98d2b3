from harness.bench import Tool, bar

QUESTION = "How many rows a second pass through the engine itself, from the generator to the null sink?"


def run(bench):
    rows = 20_000_000 if bench.rows >= 1_000_000 else bench.rows * 4
    entries = bench.compare([
        Tool("apus, 1 channel", "ours", bench.copy(f"generator:?rows={rows}&columns=10", "null:", "--channels", "1")),
    ], rows)
    wall = entries["apus, 1 channel"].get("wall")
    return {"entries": entries, "bars": [bar("rows a second", rows / wall if wall else None, 10_000_000, "rows/s", at_most=False)]}
