#!/usr/bin/env python3
"""Runs the benches: `run.py` for all questions, `run.py mariadb-to-postgres …` for some,
`run.py --page` to write docs/benchmarks.md again from the last results.

Environment: APUS (our program), ROWS (5000000), RUNS (5), RIVAL_RUNS (RUNS), KILLS (60), BENCH_DIR, BENCH_KEEP=0 to remove the folder after.
"""

import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from harness import questions, report  # noqa: E402
from harness.bench import Bench  # noqa: E402


def main(names):
    if names == ["--page"]:
        with open(report.PAGE, "w") as file:
            file.write(report.page(report.load()))
        return 0
    unknown = [name for name in names if name not in questions.ORDER]
    if unknown:
        print(f"no question {', '.join(unknown)}; there are: {', '.join(questions.ORDER)}", file=sys.stderr)
        return 64
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    bench = Bench()
    failed = False
    try:
        for name in names or questions.ORDER:
            module = questions.load(name)
            bench.say(f"\n{name}: {module.QUESTION}")
            result = module.run(bench)
            result["question"] = module.QUESTION
            result.setdefault("bars", [])
            result["bars"] += values_bar(result.get("entries", {}))
            report.save(name, result, bench)
            for row in result["bars"]:
                failed = failed or row["holds"] is False
                bench.say(f"  {report.verdict(row):9} {row['bar']}: {report.amount(row['value'], row['unit'])}"
                          f" ({report.sign(row)} {report.amount(row['limit'], row['unit'])})")
    finally:
        bench.close()
    return 1 if failed else 0


def values_bar(entries):
    """Speed counts for nothing when what arrived is not what was sent."""
    verdicts = [entry["values"] for entry in entries.values() if entry["kind"] == "ours" and entry["values"] != "not compared"]
    if not verdicts:
        return []
    equal = all(verdict == "equal" for verdict in verdicts)
    return [{"bar": "values that arrived", "value": "equal" if equal else "different", "limit": "equal", "unit": "", "at_most": None, "holds": equal}]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
